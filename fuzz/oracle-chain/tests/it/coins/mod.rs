//! The coins of a generated chain are those in Core's own database, at every hundredth block.

mod database;
mod muhash;

use std::fs::File;
use std::io::{BufReader, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cairn_chainstate::{ChainState, ChainStateConfig, CoinStats};
use cairn_params::presets;
use cairn_primitives::{Block, BlockTime, Decode};
use cairn_testkit::chaingen::{ChainGen, ChainGenConfig};
use oracle_chain::{Kept, Kernel, clock};

use database::CoreCoins;

/// Blocks and payments in each of a bounded run.
const BOUNDED: (u32, u32) = (300, 20);

/// Blocks between two looks at the coins.
const EVERY: u32 = 100;

fn setting(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// The blocks from height 1 on: of the file that `ORACLE_COINS_FILE` names, or generated.
fn blocks() -> Box<dyn Iterator<Item = Block>> {
    let (blocks, payments) = BOUNDED;
    let blocks = setting("ORACLE_COINS_BLOCKS").unwrap_or(blocks);
    let payments = setting("ORACLE_COINS_PAYMENTS").unwrap_or(payments);
    match std::env::var_os("ORACLE_COINS_FILE") {
        Some(path) => {
            let file = BufReader::new(File::open(path).expect("the file named is there"));
            Box::new(Records(file).skip(1).take(blocks as usize))
        }
        None => {
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            Box::new(ChainGen::new(ChainGenConfig { threads, ..ChainGenConfig::new(blocks, payments, 100) }))
        }
    }
}

/// The blocks of a file in Core's framing.
struct Records(BufReader<File>);

impl Iterator for Records {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut frame = [0; 8];
        self.0.read_exact(&mut frame).ok()?;
        let [_, _, _, _, a, b, c, d] = frame;
        let mut bytes = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
        self.0.read_exact(&mut bytes).expect("a record is whole");
        Some(Block::from_bytes(&bytes).expect("a record is a block"))
    }
}

/// The same figures from Core's database and from Cairn.
fn compare(height: u32, core: &CoreCoins, ours: &CoinStats) {
    assert_eq!(ours.height.to_u32(), height);
    assert_eq!(core.tip, ours.hash.to_bytes(), "height {height}: another block");
    assert_eq!(core.coins.len() as u64, ours.coins, "height {height}: number of coins");
    let value: u64 = core.coins.iter().map(|coin| coin.value).sum();
    assert_eq!(value, ours.total_amount.to_sat(), "height {height}: their value");
    let bogosize: u64 = core.coins.iter().map(|coin| 50 + coin.script.len() as u64).sum();
    assert_eq!(bogosize, ours.bogosize, "height {height}: their size");
    let elements: Vec<_> = core.coins.iter().map(muhash::element).collect();
    let digest = muhash::digest(elements.iter().map(Vec::as_slice));
    assert_eq!(digest, *ours.muhash.as_bytes(), "height {height}: their hash");
}

#[test]
fn coins_are_those_of_core() {
    let dir = std::env::temp_dir().join(format!("oracle-chain-{}-coins", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let (looks, coins) = follow(&dir);
    println!("coins: equal to Core's at {looks} heights, {coins} at the last");
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(looks >= 3, "the chain is too short to be looked at");
    assert!(coins > 1_000, "hardly any coin: {coins}");
}

/// Gives the chain to both; the number of looks, and of coins at the last one.
fn follow(dir: &Path) -> (usize, u64) {
    let mut core = Kernel::open(&dir.join("core"));
    let config = ChainStateConfig { coinstatsindex: true, ..ChainStateConfig::new(dir.join("cairn")) };
    let mut ours = ChainState::open(Arc::new(presets::regtest()), &config).expect("the directory is new");
    let mut looks = Vec::new();
    for (height, block) in (1..).zip(blocks()) {
        let answer = core.submit(&block).expect("Core decodes the block");
        assert_eq!((answer.kept, answer.tip.height), (Kept::New, height), "Core refused block {height}");
        ours.submit_block(block, BlockTime::new(clock())).expect("Core took the block");
        if height % EVERY == 0 {
            let found = core.while_closed(|data| CoreCoins::read(&data.join("chainstate")));
            let stats = ours.reader().coin_stats().expect("the store can be read");
            compare(height, &found, &stats);
            looks.push(stats);
        }
    }
    // The index, kept block by block, says the same as the coins did.
    ours.flush().expect("the disk has room");
    for stats in &looks {
        let indexed = ours.reader().supply_stats(stats.height).expect("the index is on");
        assert_eq!(indexed.map(|indexed| indexed.coins), Some(*stats));
    }
    (looks.len(), looks.last().map_or(0, |stats| stats.coins))
}
