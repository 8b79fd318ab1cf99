//! Blocks and reorganisations against Bitcoin Core's chain engine.

use std::path::PathBuf;

use cairn_primitives::{Block, Decode, hex};
use oracle_chain::{Size, replay, run};

/// Valid blocks of a bounded run.
const BOUNDED: u64 = 300;

/// Seed where the environment names none.
const DEFAULT_SEED: u64 = 2009;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A new directory for Core's data.
fn directory(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("oracle-chain-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

#[test]
fn chains() {
    let seed = setting("ORACLE_SEED").unwrap_or(DEFAULT_SEED);
    let size = Size::of(setting("ORACLE_BLOCKS").unwrap_or(BOUNDED));
    let dir = directory("run");
    let report = run(seed, size, &dir).unwrap_or_else(|failure| panic!("chains: {failure}"));
    println!("chains: seed {seed}: {report}");
    std::fs::remove_dir_all(&dir).unwrap();
}

/// `ORACLE_REPLAY` names a file of blocks as a failure leaves it.
#[test]
fn replays() {
    let Ok(path) = std::env::var("ORACLE_REPLAY") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<Block> =
        text.lines().map(|line| Block::from_bytes(&hex::decode(line).unwrap()).unwrap()).collect();
    let dir = directory("replay");
    let taken = replay(&blocks, &dir).unwrap_or_else(|failure| panic!("replay: {failure}"));
    println!("replay: {taken} of {} blocks taken by both", blocks.len());
    std::fs::remove_dir_all(&dir).unwrap();
}
