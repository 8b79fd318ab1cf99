//! Blocks and reorganisations against Bitcoin Core's chain engine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cairn_primitives::{Block, Decode, hex};
use oracle_chain::{Report, Size, replay, run};

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
    assert_complete(&report);
    for kind in
        ["pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v0_scripthash", "witness_v1_taproot"]
    {
        assert!(report.coins.contains_key(kind), "no {kind} was spent");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Codes of rules that no block on regtest can break, with the reason.
const UNREACHABLE: &[(&str, &str)] = &[
    ("bad-fork-prior-to-checkpoint", "regtest has no checkpoints"),
    ("time-timewarp-attack", "the rule is not regtest's"),
    ("header-tree-full", "a limit of Cairn's own"),
    ("bad-txns-oversize", "a block that holds such a transaction is refused for its own size"),
    ("bad-txns-inputvalues-outofrange", "there are no coins of such value"),
    ("bad-txns-accumulated-fee-outofrange", "there are no coins of such value"),
    ("bad-version-bip8-must-signal", "regtest has no such deployment"),
    ("bad-blk-txcount", "a limit of custom chains"),
    ("bad-signet-blksig", "blocks of regtest are not signed"),
    ("bad-txns-BIP30", "coinbases name their height from the first block on"),
    ("coin-view-failed", "no answer about the block"),
    ("wrong-block", "no answer about the block"),
];

/// The codes in the table of rules.
fn documented() -> BTreeSet<String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/rules.md");
    let text = std::fs::read_to_string(page).expect("the book is beside the workspace");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let codes = rows.filter_map(|row| row.split('|').nth(4)?.trim().strip_prefix('`')?.strip_suffix('`'));
    codes.map(str::to_owned).collect()
}

/// Every rule of the table is broken in a run, or cannot be.
fn assert_complete(report: &Report) {
    let met: BTreeSet<String> = report.refused.keys().map(|(code, _)| code.clone()).collect();
    let unreachable: BTreeSet<String> = UNREACHABLE.iter().map(|(code, _)| (*code).to_owned()).collect();
    let documented = documented();
    assert!(documented.len() > 40, "the table cannot be read");
    assert_eq!(met.intersection(&unreachable).count(), 0, "it can be reached");
    let missing: Vec<_> = documented.difference(&met).filter(|code| !unreachable.contains(*code)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}

/// The same seed gives the same blocks, but for those that look at the clock.
#[test]
fn chains_follow_from_the_seed() {
    let dir = directory("seed");
    let size = Size { blocks: 220, reorgs: 5, faults: 0 };
    let tip = |name: &str, seed| run(seed, size, &dir.join(name)).unwrap().tip.unwrap();
    let (first, again, other) = (tip("first", 1), tip("again", 1), tip("other", 2));
    assert_eq!(first, again);
    assert_ne!(first, other);
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
