//! Old blocks that are not here: fetched behind everything new, from whoever has them.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_primitives::{BlockHash, Header};

use super::fake::{FakeChain, Rig, mine, spec};
use crate::handshake::Direction;
use crate::message::{Message, Services};
use crate::ports::ChainView;

/// A node with a chain of `count` blocks, without the data of those in `lost`, and a peer's view of the whole.
fn rig_without(count: usize, lost: std::ops::Range<usize>) -> (Rig, Vec<Header>, FakeChain) {
    let spec = spec();
    let blocks = mine(&spec, &FakeChain::new(&spec).genesis(), count, 1, 1);
    let whole = FakeChain::with_blocks(&spec, &blocks);
    let mut rig = Rig::with_blocks(&blocks);
    for header in &blocks[lost] {
        rig.chain.lose(&header.hash());
    }
    (rig, blocks, whole)
}

fn hashes(blocks: &[Header]) -> Vec<BlockHash> {
    blocks.iter().map(Header::hash).collect()
}

#[test]
fn a_chain_without_its_old_blocks_gets_whole_again() {
    // Below a snapshot, and a single damaged record.
    for lost in [0..100, 41..42] {
        let (mut rig, _, whole) = rig_without(120, lost.clone());
        assert_eq!(rig.chain.wanted(1_000).len(), lost.len());
        let peer = rig.outbound();
        rig.converse(&[(peer, &whole)]);
        assert!(rig.chain.wanted(1_000).is_empty());
        assert_eq!(rig.chain.tip(), whole.tip());
        assert!(rig.faults.is_empty() && rig.drops.is_empty());
    }
}

#[test]
fn the_lowest_come_first_and_some_of_each_peer() {
    let (mut rig, blocks, _) = rig_without(100, 0..60);
    let peers: Vec<_> = (0..3).map(|_| rig.outbound()).collect();
    for peer in &peers {
        rig.headers(*peer, &blocks[99..]);
    }
    let expected: BTreeMap<_, _> = peers.iter().copied().zip(blocks[..60].chunks(8).map(hashes)).collect();
    assert_eq!(rig.asked_blocks(), expected);
    rig.block(peers[1], blocks[8]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(peers[1], hashes(&blocks[24..25]))]));
}

#[test]
fn new_blocks_go_before_old_ones() {
    let (mut rig, blocks, _) = rig_without(50, 0..20);
    let above = mine(&rig.spec, &blocks[49], 3, 1, 1);
    rig.chain.submit_headers(&above);
    let peer = rig.outbound();
    rig.headers(peer, &above[2..]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(peer, hashes(&above))]));
    rig.block(peer, above[0]);
    rig.block(peer, above[1]);
    assert!(rig.asked_blocks().is_empty(), "one of the new ones is still to come");
    rig.block(peer, above[2]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(peer, hashes(&blocks[..8]))]));
}

#[test]
fn only_those_who_have_them_are_asked() {
    let (mut rig, blocks, _) = rig_without(30, 10..12);
    let branch = mine(&rig.spec, &blocks[5], 30, 1, 2);
    rig.chain.submit_headers(&branch);
    let limited = Services::NETWORK_LIMITED.union(Services::WITNESS);
    let pruned = rig.connect_with(Direction::Outbound, false, limited);
    rig.headers(pruned, &blocks[29..]);
    assert!(rig.asked_blocks().is_empty(), "a pruned peer has none of them");
    let behind = rig.outbound();
    rig.headers(behind, &blocks[10..11]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(behind, hashes(&blocks[10..11]))]), "it has the first");
    let whole = rig.outbound();
    rig.headers(whole, &blocks[29..]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(whole, hashes(&blocks[11..12]))]));
    // Whoever has not got it after all is not asked again at once; somebody else is.
    let missing = crate::message::Inventory::WitnessBlock(blocks[10].hash());
    rig.receive(behind, Message::NotFound(vec![missing]));
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(whole, hashes(&blocks[10..11]))]));
}

#[test]
fn a_silent_peer_loses_them_to_another() {
    let (mut rig, blocks, whole) = rig_without(30, 3..5);
    let silent = rig.outbound();
    rig.headers(silent, &blocks[29..]);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(silent, hashes(&blocks[3..5]))]));
    rig.pass(Duration::from_secs(61));
    let peer = rig.outbound();
    rig.converse(&[(peer, &whole)]);
    assert!(rig.chain.wanted(1_000).is_empty());
}
