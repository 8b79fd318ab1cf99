//! What peers are given.

use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::{BlockHash, Header, Work};

use super::fake::{FakeChain, Rig, mine, spec};
use crate::event::PeerId;
use crate::limits::MAX_INV;
use crate::message::{BlockRequest, Inventory, Message};

fn request(locator: Vec<BlockHash>, stop: BlockHash) -> BlockRequest {
    BlockRequest { protocol: 70_016, locator, stop }
}

fn node(count: usize) -> (Rig, PeerId, Vec<Header>) {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, count, 1, 1);
    let mut rig = Rig::with_blocks(&blocks);
    let peer = rig.inbound();
    rig.take_sent();
    (rig, peer, blocks)
}

fn headers_for(rig: &mut Rig, peer: PeerId, request: BlockRequest) -> Option<Vec<Header>> {
    rig.run(|sync, cx| sync.on_get_headers(cx, peer, request));
    match rig.take_sent().pop() {
        Some((_, Message::Headers(headers))) => Some(headers),
        _ => None,
    }
}

fn hashes_for(rig: &mut Rig, peer: PeerId, request: BlockRequest) -> Vec<BlockHash> {
    rig.run(|sync, cx| sync.on_get_blocks(cx, peer, request));
    match rig.take_sent().pop() {
        Some((_, Message::Inv(items))) => {
            items.iter().map(|item| BlockHash::from_bytes(item.hash())).collect()
        }
        _ => Vec::new(),
    }
}

fn want(rig: &mut Rig, peer: PeerId, wanted: &[(BlockHash, bool)]) {
    rig.run(|sync, cx| sync.on_get_block_data(cx, peer, wanted));
}

#[test]
fn at_most_two_thousand_headers_follow_a_locator() {
    let (mut rig, peer, blocks) = node(2_003);
    let genesis = rig.chain.genesis().hash();
    let all = headers_for(&mut rig, peer, request(vec![genesis], BlockHash::ZERO)).expect("an answer");
    assert_eq!(all, blocks[..2_000]);
    let rest = headers_for(&mut rig, peer, request(vec![blocks[1_999].hash()], BlockHash::ZERO));
    assert_eq!(rest.as_deref(), Some(&blocks[2_000..]));
    let none = headers_for(&mut rig, peer, request(vec![blocks[2_002].hash()], BlockHash::ZERO));
    assert_eq!(none, Some(Vec::new()), "an empty answer is one too");
    let one = headers_for(&mut rig, peer, request(Vec::new(), blocks[7].hash()));
    assert_eq!(one, Some(vec![blocks[7]]));
    assert_eq!(headers_for(&mut rig, peer, request(Vec::new(), BlockHash::from_bytes([1; 32]))), None);
}

#[test]
fn a_chain_below_the_least_work_is_not_shown() {
    for (least, shown) in [(8, 3), (9, 0)] {
        let mut spec = (*spec()).clone();
        // Genesis and three blocks have work 8.
        spec.assume.min_chain_work = Work::from_u128(least);
        let spec = Arc::new(spec);
        let mut rig = Rig::with_spec(spec.clone(), Duration::from_secs(2_000_000_000));
        let genesis = rig.chain.genesis();
        rig.chain = FakeChain::with_blocks(&spec, &mine(&spec, &genesis, 3, 1, 1));
        let peer = rig.inbound();
        rig.take_sent();
        let headers = headers_for(&mut rig, peer, request(vec![genesis.hash()], BlockHash::ZERO));
        assert_eq!(headers.map(|headers| headers.len()), Some(shown));
    }
}

#[test]
fn five_hundred_hashes_follow_a_locator_and_the_tip_follows_them() {
    let (mut rig, peer, blocks) = node(600);
    let genesis = rig.chain.genesis().hash();
    let hashes = hashes_for(&mut rig, peer, request(vec![genesis], BlockHash::ZERO));
    assert_eq!(hashes, blocks[..500].iter().map(Header::hash).collect::<Vec<_>>());
    let stop = hashes_for(&mut rig, peer, request(vec![genesis], blocks[10].hash()));
    assert_eq!(stop.len(), 10, "the one to stop at is not among them");
    want(&mut rig, peer, &[(blocks[498].hash(), true)]);
    assert!(rig.take_sent().is_empty());
    want(&mut rig, peer, &[(blocks[499].hash(), true)]);
    assert_eq!(rig.take_sent(), [(peer, Message::Inv(vec![Inventory::Block(blocks[599].hash())]))]);
}

#[test]
fn two_blocks_are_on_their_way_at_once() {
    let (mut rig, peer, blocks) = node(5);
    let wanted: Vec<_> = blocks.iter().map(|header| (header.hash(), header.time.to_u32() % 2 == 0)).collect();
    want(&mut rig, peer, &wanted);
    assert_eq!(rig.blocks_sent.len(), 2);
    for sent in 3..=5 {
        rig.run(|sync, cx| sync.on_block_sent(cx, peer));
        assert_eq!(rig.blocks_sent.len(), sent);
    }
    rig.run(|sync, cx| sync.on_block_sent(cx, peer));
    let expected: Vec<_> = wanted.iter().map(|&(hash, witness)| (peer, hash, witness)).collect();
    assert_eq!(rig.blocks_sent, expected);
}

#[test]
fn blocks_that_are_not_here_are_said_to_be_missing() {
    let (mut rig, peer, blocks) = node(3);
    let ahead = mine(&spec(), &blocks[2], 1, 1, 1)[0];
    rig.chain.submit_headers(&[ahead]);
    let nowhere = BlockHash::from_bytes([3; 32]);
    want(&mut rig, peer, &[(ahead.hash(), true), (blocks[0].hash(), true), (nowhere, false)]);
    let missing = vec![Inventory::WitnessBlock(ahead.hash()), Inventory::Block(nowhere)];
    assert_eq!(rig.take_sent(), [(peer, Message::NotFound(missing))]);
    assert_eq!(rig.blocks_sent, [(peer, blocks[0].hash(), true)]);
}

#[test]
fn blocks_beside_the_chain_are_given_while_they_are_young_or_near() {
    // 144 blocks deep and old: yes. One deeper: no, unless it is less than thirty days old.
    for (above, step, given) in [(144, 86_400, true), (145, 86_400, false), (145, 1, true)] {
        let genesis = FakeChain::new(&spec()).genesis();
        let blocks = mine(&spec(), &genesis, above + 1, step, 1);
        let mut rig = Rig::with_blocks(&blocks);
        let side = mine(&spec(), &genesis, 1, step, 2)[0];
        rig.chain.submit(side);
        let peer = rig.inbound();
        want(&mut rig, peer, &[(side.hash(), true)]);
        assert_eq!(!rig.blocks_sent.is_empty(), given, "{above} blocks of {step} seconds");
    }
}

#[test]
fn the_queue_of_wanted_blocks_is_bounded() {
    let (mut rig, peer, blocks) = node(1);
    let wanted = vec![(blocks[0].hash(), true); MAX_INV];
    want(&mut rig, peer, &wanted);
    want(&mut rig, peer, &wanted);
    assert_eq!(rig.sync.peers[&peer].serve.queue.len(), MAX_INV);
    assert_eq!(rig.blocks_sent.len(), 2);
}
