//! Generated chains of mainnet's shape are chains to Core too.

use std::num::NonZeroUsize;

use cairn_primitives::Block;
use cairn_testkit::chaingen::{ChainGen, ChainGenConfig};
use oracle_chain::replay;

#[test]
fn chaingen_is_accepted_by_core() {
    let threads = NonZeroUsize::MIN;
    let config = ChainGenConfig { threads, ..ChainGenConfig::new(160, 25, 7) };
    let mut chain = ChainGen::new(config);
    let blocks: Vec<Block> = chain.by_ref().collect();
    let dir = std::env::temp_dir().join(format!("oracle-chain-{}-chaingen", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let taken = replay(&blocks, &dir).unwrap_or_else(|failure| panic!("chaingen: {failure}"));
    std::fs::remove_dir_all(&dir).unwrap();
    let totals = chain.totals();
    println!("chaingen: {taken} blocks with {} inputs taken by both", totals.inputs);
    assert_eq!(taken, 160);
    assert!(totals.inputs > 500, "hardly anything is spent: {}", totals.inputs);
}
