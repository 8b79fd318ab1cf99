//! New blocks are announced to whoever does not have them.

use super::fake::{FakeChain, Rig, mine, spec};
use crate::event::PeerId;
use crate::message::{BlockRequest, Inventory, Message};
use cairn_primitives::{BlockHash, Header};

fn node(count: usize) -> (Rig, Vec<Header>) {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, count, 1, 1);
    (Rig::with_blocks(&blocks), blocks)
}

/// A peer that has our tip and wants announcements by `headers`.
fn in_step(rig: &mut Rig, tip: &Header) -> PeerId {
    let peer = rig.inbound();
    rig.headers(peer, std::slice::from_ref(tip));
    rig.run(|sync, _| sync.on_send_headers(peer));
    rig.take_sent();
    peer
}

#[test]
fn we_ask_for_announcements_by_headers_once() {
    let (mut rig, blocks) = node(2);
    let peer = rig.inbound();
    rig.headers(peer, &blocks[1..]);
    let told = rig.take_sent().into_iter().filter(|sent| *sent == (peer, Message::SendHeaders)).count();
    assert_eq!(told, 1);
}

#[test]
fn a_new_block_goes_out_by_headers_or_inv_as_the_peer_wishes() {
    let (mut rig, blocks) = node(2);
    let next = mine(&spec(), &blocks[1], 3, 1, 1);
    let by_headers = in_step(&mut rig, &blocks[1]);
    let by_inv = rig.inbound();
    rig.headers(by_inv, &blocks[1..]);
    let has_it = in_step(&mut rig, &blocks[1]);
    rig.headers(has_it, &next[..1]);
    rig.take_sent();
    rig.mined(next[0]);
    let expected = [
        (by_headers, Message::Headers(vec![next[0]])),
        (by_inv, Message::Inv(vec![Inventory::Block(next[0].hash())])),
    ];
    assert_eq!(rig.take_sent(), expected);
    // The same tip again is no news; the next one follows what was sent.
    rig.run(|sync, cx| sync.on_tip_changed(cx));
    assert!(rig.take_sent().is_empty());
    rig.mined(next[1]);
    let sent = rig.take_sent();
    assert_eq!(sent[0], (by_headers, Message::Headers(vec![next[1]])));
    assert_eq!(sent.len(), 3);
}

#[test]
fn a_peer_that_lags_gets_up_to_eight_headers_at_once() {
    for (blocks_ahead, by_headers) in [(8, true), (9, false)] {
        let (mut rig, blocks) = node(2);
        let peer = in_step(&mut rig, &blocks[1]);
        let next = mine(&spec(), &blocks[1], blocks_ahead, 1, 1);
        for header in &next {
            rig.chain.submit(*header);
        }
        rig.run(|sync, cx| sync.on_tip_changed(cx));
        let tip = Inventory::Block(next[blocks_ahead - 1].hash());
        let expected = if by_headers { Message::Headers(next) } else { Message::Inv(vec![tip]) };
        assert_eq!(rig.take_sent(), [(peer, expected)]);
    }
}

#[test]
fn after_a_reorganization_the_new_branch_is_announced() {
    let (mut rig, blocks) = node(4);
    let peer = in_step(&mut rig, &blocks[3]);
    let branch = mine(&spec(), &blocks[1], 3, 1, 2);
    for header in &branch {
        rig.chain.submit(*header);
    }
    rig.run(|sync, cx| sync.on_tip_changed(cx));
    assert_eq!(rig.take_sent(), [(peer, Message::Headers(branch))]);
}

#[test]
fn a_peer_is_known_to_have_what_it_was_given() {
    let (mut rig, blocks) = node(4);
    let peer = rig.inbound();
    rig.run(|sync, _| sync.on_send_headers(peer));
    let request = BlockRequest { protocol: 0, locator: vec![blocks[0].hash()], stop: BlockHash::ZERO };
    rig.run(|sync, cx| sync.on_get_headers(cx, peer, request));
    rig.take_sent();
    let next = mine(&spec(), &blocks[3], 1, 1, 1);
    rig.mined(next[0]);
    assert_eq!(rig.take_sent(), [(peer, Message::Headers(next))]);
}

#[test]
fn a_peer_nothing_is_known_of_is_told_by_inv() {
    let (mut rig, blocks) = node(4);
    let peer = rig.inbound();
    rig.run(|sync, _| sync.on_send_headers(peer));
    rig.take_sent();
    let next = mine(&spec(), &blocks[3], 1, 1, 1);
    rig.mined(next[0]);
    assert_eq!(rig.take_sent(), [(peer, Message::Inv(vec![Inventory::Block(next[0].hash())]))]);
}

#[test]
fn blocks_on_the_way_to_a_known_tip_are_not_announced() {
    let mut rig = Rig::new();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 3, 1, 1);
    rig.chain.submit_headers(&chain);
    let peer = rig.inbound();
    rig.take_sent();
    for header in &chain {
        rig.mined(*header);
    }
    // An old chain, but nothing better is known: its tip is told.
    let tip = Inventory::Block(chain[2].hash());
    assert_eq!(rig.take_sent(), [(peer, Message::Inv(vec![tip]))]);
}
