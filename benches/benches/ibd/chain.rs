//! The chain that all cases import.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use cairn_primitives::{BlockHash, Encode, Header};
use cairn_testkit::chaingen::{ChainGen, ChainGenConfig, write_blk};

use crate::Failure;
use crate::args::ChainArgs;
use crate::records::Records;

/// A block file, and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// The genesis block and [`blocks`](Self::blocks) more.
    pub(crate) file: PathBuf,
    /// All headers but genesis's, then [`HEADERS_ABOVE`] more, 80 bytes each.
    pub(crate) headers: PathBuf,
    pub(crate) blocks: u32,
    /// Transactions, coinbases included, without the genesis block's.
    pub(crate) transactions: u64,
    /// The same for each block, from height 1 on.
    pub(crate) block_transactions: Vec<u32>,
    pub(crate) bytes: u64,
    pub(crate) tip: BlockHash,
}

/// Two weeks are 2,016 blocks: scripts are left out only in blocks that lie deeper below the best header.
const HEADERS_ABOVE: u32 = 2_100;

/// Where chains and the data of the cases lie.
pub(crate) fn work_dir(args: &ChainArgs) -> Result<PathBuf, Failure> {
    let target = || std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target =
        || target().unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")));
    let dir = args.work.clone().unwrap_or_else(|| target().join("ibd"));
    fs::create_dir_all(&dir)?;
    Ok(fs::canonicalize(dir)?)
}

/// The chain asked for, made if it is not there yet.
pub(crate) fn prepare(args: &ChainArgs, work: &Path) -> Result<Chain, Failure> {
    let file = match &args.file {
        Some(file) => cut(file, args.blocks, work)?,
        None => generate(args, work)?,
    };
    survey(file, work)
}

fn generate(args: &ChainArgs, work: &Path) -> Result<PathBuf, Failure> {
    let ChainArgs { blocks, payments, seed, .. } = *args;
    let file = work.join(format!("chain-{blocks}x{payments}-{seed}.dat"));
    if file.exists() {
        return Ok(file);
    }
    eprintln!("making {}", file.display());
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut chain = ChainGen::new(ChainGenConfig { threads, ..ChainGenConfig::new(blocks, payments, seed) });
    let spec = chain.spec().clone();
    replace(&file, |out| write_blk(out, &spec, chain.by_ref()).map(|_| ()))?;
    Ok(file)
}

/// The first blocks of a file; the file itself if it has no more.
fn cut(file: &Path, blocks: u32, work: &Path) -> Result<PathBuf, Failure> {
    let wanted = blocks as usize + 1;
    let (mut found, mut bytes) = (0, 0);
    for record in Records::open(file)?.take(wanted) {
        found += 1;
        bytes += record?.framed().len() as u64;
    }
    if found < wanted {
        return Err(format!("{} has {found} records and not {wanted}", file.display()).into());
    }
    if fs::metadata(file)?.len() == bytes {
        return Ok(fs::canonicalize(file)?);
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let part = work.join(format!("{stem}-first-{blocks}.dat"));
    // Another chain's first blocks have another length.
    if !fs::metadata(&part).is_ok_and(|there| there.len() == bytes) {
        let records = Records::open(file)?.take(wanted);
        replace(&part, |out| records.into_iter().try_for_each(|record| out.write_all(record?.framed())))?;
    }
    Ok(part)
}

/// Writes a file that is there whole or not at all.
fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let part = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    fs::rename(part, path)?;
    Ok(())
}

/// Reads the whole file, which also leaves it in the system's cache.
fn survey(file: PathBuf, work: &Path) -> Result<Chain, Failure> {
    let bytes = fs::metadata(&file)?.len();
    let mut headers = Vec::new();
    let mut block_transactions = Vec::new();
    for record in Records::open(&file)?.skip(1) {
        let record = record?;
        headers.push(record.header());
        block_transactions.push(record.transactions());
    }
    let tip = headers.last().ok_or("the chain has no block")?;
    let (tip, blocks) = (*tip, u32::try_from(headers.len())?);
    let above = std::iter::successors(Some(tip), |below| Some(child_of(below)));
    headers.extend(above.skip(1).take(HEADERS_ABOVE as usize));
    let list = beside(work, &file, "headers");
    replace(&list, |out| headers.iter().try_for_each(|header| out.write_all(&header.to_bytes())))?;
    let transactions = block_transactions.iter().copied().map(u64::from).sum();
    Ok(Chain { file, headers: list, blocks, transactions, block_transactions, bytes, tip: tip.hash() })
}

/// A file of this kind that belongs to a chain's file.
pub(crate) fn beside(work: &Path, file: &Path, kind: &str) -> PathBuf {
    work.join(file.file_name().unwrap_or_default()).with_extension(kind)
}

/// A header that keeps every rule of regtest; there is no block to it.
fn child_of(below: &Header) -> Header {
    let target = below.bits.to_target().expect("the chain's headers are valid");
    let mut header = Header { prev: below.hash(), time: below.time.saturating_add(600), nonce: 0, ..*below };
    while !target.is_met_by(header.hash()) {
        header.nonce += 1;
    }
    header
}
