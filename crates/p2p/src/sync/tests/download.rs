//! Blocks: the window, who is asked, what happens when nothing comes.

use super::fake::{FakeChain, Rig, mine, spec};
use crate::ports::ChainView;

#[test]
fn a_fresh_node_takes_the_chain_of_its_peer() {
    let spec = spec();
    let mut rig = Rig::new();
    let genesis = rig.chain.genesis();
    let remote = FakeChain::with_blocks(&spec, &mine(&spec, &genesis, 2_500, 1, 1));
    let peer = rig.outbound();
    rig.converse(&[(peer, &remote)]);
    assert_eq!(rig.chain.tip(), remote.tip());
    assert!(rig.faults.is_empty() && rig.drops.is_empty());
}
