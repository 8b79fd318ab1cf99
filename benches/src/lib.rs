//! What the benches measure on: real blocks and headers where they are at hand, forged ones always.
//!
//! Run `cargo bench -p cairn-benches`, or with `--features peer` to see the `bitcoin` crate beside Cairn in
//! the same groups. Real data is read from `$CAIRN_DATA` or from `../shared/data` beside the workspace;
//! where it is missing, the benches that need it say so and are left out.
//!
//! What it does not do: test anything. A bench that is wrong about a result panics, and that is all.

pub mod spends;
pub mod worst;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use cairn_consensus::HeaderTree;
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Amount, Block, BlockHash, Coin, Decode, Header, OutPoint, Transaction};
use cairn_testkit::{Forge, Spend, TestKey};

/// The file `name` of the real data, or `None` after saying what is left out.
pub fn data(bench: &str, name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let path = root.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: {bench} needs {}", path.display());
    }
    bytes
}

/// Processor time that this thread has used, in seconds: what a measurement takes on a machine that is busy with other
/// work as well. Where the system does not say, the time on the wall since the first call.
pub fn cpu_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = used.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| START.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

/// The headers of a file of 80-byte headers.
///
/// # Panics
/// If the file holds anything else.
pub fn headers(file: &[u8]) -> Vec<Header> {
    file.chunks(Header::SIZE).map(|bytes| Header::from_bytes(bytes).expect("80 bytes are a header")).collect()
}

/// The blocks of a file in Bitcoin Core's framing: four magic bytes, a little-endian length, the block.
///
/// # Panics
/// If the file is damaged.
pub fn blocks(file: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = file;
    while let [_, _, _, _, a, b, c, d, tail @ ..] = rest {
        let (block, after) = tail.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        blocks.push(Block::from_bytes(block).expect("the data is real"));
        rest = after;
    }
    blocks
}

/// Makes a forged chain whose last block is full of payments to key hashes.
pub struct Payments {
    /// The chain up to the block below the payments.
    pub forge: Forge,
    /// The block below.
    pub tip: BlockHash,
    /// The payments: one input, two outputs, one signature each.
    pub transactions: Vec<Transaction>,
    /// A block of the payments on `tip`.
    pub block: Block,
    /// A tree that knows the header of the block as well.
    pub tree: HeaderTree,
}

/// What each payment leaves to the miner.
pub const FEE: Amount = Amount::from_sat(1_000);

impl Payments {
    /// A block of `count` payments.
    ///
    /// # Panics
    /// If the forge refuses what it built itself.
    pub fn new(count: usize) -> Self {
        let spec: Arc<ChainSpec> = Arc::new(presets::dev());
        let (rich, payer, payee) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
        let mut forge = Forge::new(spec);
        let ripe = forge.spec().limits.coinbase_maturity as usize;
        let tip = forge.extend(forge.genesis(), ripe, &rich.p2pk());

        // One coin is split into as many as there are payments.
        let (outpoint, coin) = forge.spendable(tip, &rich.p2pk()).remove(0);
        let share = Amount::from_sat(coin.output.value.to_sat() / count as u64);
        let split =
            (0..count).fold(Spend::new().from(outpoint, coin), |split, _| split.to(share, payer.p2pkh()));
        let split = split.sign(&rich);
        let block = forge.draft(tip).add(split.clone(), Amount::ZERO).seal();
        let tip = forge.accept(block).expect("the split is valid");

        let height = forge.height(tip);
        let transactions: Vec<_> = (0..)
            .zip(split.outputs())
            .map(|(vout, output)| {
                let coin = Coin { output: output.clone(), height, coinbase: false };
                let half = Amount::from_sat(share.to_sat() / 2);
                let rest =
                    share.checked_sub(half).and_then(|rest| rest.checked_sub(FEE)).expect("shares are large");
                let spend = Spend::new().from(OutPoint { txid: split.txid(), vout }, coin);
                spend.to(half, payee.p2pkh()).to(rest, payer.p2pkh()).sign(&payer)
            })
            .collect();
        let block = transactions.iter().fold(forge.draft(tip), |draft, tx| draft.add(tx.clone(), FEE)).seal();
        let mut tree = forge.tree().clone();
        tree.insert(block.header, block.header.time).expect("its header is valid");
        Self { forge, tip, transactions, block, tree }
    }
}
