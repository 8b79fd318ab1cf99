//! Writing a snapshot.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_primitives::{Coin, OutPoint, Sha256d, Txid};

use super::error::SnapshotError;
use super::file::{Group, SnapshotHeader, put_group};
use crate::coin_stats::{CoinStats, CoinSums};
use crate::coins_hash::CoinsHasher;
use crate::config::ChainStateConfig;
use crate::error::ChainStateError;
use crate::state::ChainState;

/// What a dump wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dumped {
    /// The coins: their block, their sums, and their MuHash.
    pub stats: CoinStats,
    /// Their hash in order: what the spec names a snapshot by, and whoever loads it must know.
    pub coins_hash: Sha256d,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Coins between two calls of a progress callback.
const TELL_EVERY: u64 = 4_096;

/// Bytes written to the file at a time.
const BUFFER: usize = 1 << 20;

/// Writes the coins after the tip of the chain in `config.dir`, which no other process may have open, to `path`. What a
/// crash left in the chain is set right first. `progress` is told how many coins are written.
///
/// The file grows under the name `<path>.incomplete` and is whole, and synced, when it has its own name.
///
/// # Errors
/// [`SnapshotError::Exists`] if there is a file at `path`, [`SnapshotError::Io`] if it cannot be written, and
/// [`SnapshotError::State`] as [`ChainState::open`], also where there is no chain yet.
pub fn dump(
    spec: Arc<ChainSpec>,
    config: &ChainStateConfig,
    path: &Path,
    progress: impl FnMut(u64),
) -> Result<Dumped, SnapshotError> {
    must_be_free(path)?;
    config.must_exist()?;
    let mut chain = ChainState::open(spec, config)?;
    let dumped = chain.dump_snapshot(path, progress)?;
    chain.close()?;
    Ok(dumped)
}

impl ChainState {
    /// Flushes the chain and writes the coins after its tip to `path`: as [`dump`].
    ///
    /// # Errors
    /// As [`dump`].
    pub fn dump_snapshot(&mut self, path: &Path, progress: impl FnMut(u64)) -> Result<Dumped, SnapshotError> {
        must_be_free(path)?;
        self.flush()?;
        let tip = self.tip();
        let header = SnapshotHeader { network: self.shared.spec.network.magic, base: tip.hash, coins: 0 };
        let mut writing = Writing::begin(path, header, progress)?;
        for entry in self.shared.coins.iter() {
            let (outpoint, coin) = entry.map_err(ChainStateError::Store)?;
            writing.coin(outpoint, coin)?;
        }
        let (sums, coins_hash, bytes) = writing.finish(path)?;
        Ok(Dumped { stats: sums.at(tip.height, tip.hash), coins_hash, bytes })
    }
}

fn must_be_free(path: &Path) -> Result<(), SnapshotError> {
    if path.exists() { Err(SnapshotError::Exists { path: path.to_owned() }) } else { Ok(()) }
}

/// A snapshot under way.
struct Writing<F> {
    path: PathBuf,
    file: BufWriter<File>,
    header: SnapshotHeader,
    /// The transaction whose coins are being collected.
    txid: Txid,
    group: Group,
    sums: CoinSums,
    hasher: CoinsHasher,
    bytes: u64,
    progress: F,
}

impl<F: FnMut(u64)> Writing<F> {
    fn begin(path: &Path, header: SnapshotHeader, progress: F) -> Result<Self, SnapshotError> {
        let mut name = OsString::from(path);
        name.push(".incomplete");
        let path = PathBuf::from(name);
        let file = File::create(&path).map_err(|error| SnapshotError::io(&path, error))?;
        let mut this = Writing {
            path,
            file: BufWriter::with_capacity(BUFFER, file),
            header,
            txid: Txid::ZERO,
            group: Group::new(),
            sums: CoinSums::default(),
            hasher: CoinsHasher::new(),
            bytes: 0,
            progress,
        };
        this.put(&header.to_bytes())?;
        Ok(this)
    }

    /// The next coin in order of outpoints.
    fn coin(&mut self, outpoint: OutPoint, coin: Coin) -> Result<(), SnapshotError> {
        if outpoint.txid != self.txid {
            self.end_group()?;
            self.txid = outpoint.txid;
        }
        self.sums.insert(&outpoint, &coin);
        self.hasher.push(&outpoint, &coin);
        self.group.insert(outpoint.vout, coin);
        if self.sums.coins.is_multiple_of(TELL_EVERY) {
            (self.progress)(self.sums.coins);
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), SnapshotError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        put_group(&mut bytes, &self.txid, &std::mem::take(&mut self.group));
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.bytes += bytes.len() as u64;
        failpoint::around("snapshot.write", || self.file.write_all(bytes))
            .map_err(|error| SnapshotError::io(&self.path, error))
    }

    /// Puts the number of coins into the header, syncs, and gives the file its name.
    fn finish(mut self, path: &Path) -> Result<(CoinSums, Sha256d, u64), SnapshotError> {
        self.end_group()?;
        self.header.coins = self.sums.coins;
        (self.progress)(self.sums.coins);
        let header = self.header.to_bytes();
        let mut place = || {
            self.file.seek(SeekFrom::Start(0))?;
            failpoint::around("snapshot.write", || self.file.write_all(&header))?;
            self.file.flush()?;
            failpoint::around("snapshot.sync", || self.file.get_ref().sync_all())?;
            failpoint::around("snapshot.rename", || std::fs::rename(&self.path, path))?;
            // A directory can be synced where it can be opened as a file, which is where it is needed.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let sync = |dir: File| failpoint::around("snapshot.dir-sync", || dir.sync_all());
            File::open(parent.unwrap_or(Path::new("."))).map_or(Ok(()), sync)
        };
        place().map_err(|error| SnapshotError::io(&self.path, error))?;
        Ok((self.sums, self.hasher.finish(), self.bytes))
    }
}
