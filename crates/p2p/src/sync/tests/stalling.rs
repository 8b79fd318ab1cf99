//! Peers that keep blocks back.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_primitives::{BlockHash, Header};

use super::fake::{Rig, mine};
use crate::event::{DisconnectReason, PeerId};
use crate::handshake::Direction;
use crate::ports::ChainView;

const SECOND: Duration = Duration::from_secs(1);

/// What a rig's peers have: every block by its hash.
struct Blocks {
    list: Vec<Header>,
    by_hash: BTreeMap<BlockHash, Header>,
}

fn rig_with_headers(count: usize) -> (Rig, Blocks) {
    let mut rig = Rig::new();
    let list = mine(&rig.spec, &rig.chain.genesis(), count, 1, 1);
    for batch in list.chunks(2_000) {
        rig.chain.submit_headers(batch);
    }
    let by_hash = list.iter().map(|header| (header.hash(), *header)).collect();
    (rig, Blocks { list, by_hash })
}

fn peer(rig: &mut Rig, manual: bool, blocks: &Blocks) -> PeerId {
    let peer = rig.connect(Direction::Outbound, manual);
    rig.headers(peer, &blocks.list[blocks.list.len() - 1..]);
    peer
}

/// Has peers send what they are asked for until it is nothing more; what others are asked for stays undone.
fn serve_from(rig: &mut Rig, peers: &[PeerId], blocks: &Blocks) {
    loop {
        let mut asked = rig.asked_blocks();
        asked.retain(|peer, _| peers.contains(peer));
        if asked.is_empty() {
            return;
        }
        for (peer, hash) in
            asked.into_iter().flat_map(|(peer, hashes)| hashes.into_iter().map(move |hash| (peer, hash)))
        {
            rig.block(peer, blocks.by_hash[&hash]);
        }
    }
}

fn serve(rig: &mut Rig, peer: PeerId, blocks: &Blocks) {
    serve_from(rig, &[peer], blocks);
}

#[test]
fn a_peer_that_holds_the_window_up_has_two_seconds() {
    let (mut rig, blocks) = rig_with_headers(1_100);
    let staller = peer(&mut rig, false, &blocks);
    let helper = peer(&mut rig, false, &blocks);
    serve(&mut rig, helper, &blocks);
    rig.pass(2 * SECOND - Duration::from_millis(1));
    assert!(rig.drops.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.drops, [(staller, DisconnectReason::Stalling)]);
    serve(&mut rig, helper, &blocks);
    assert_eq!(rig.chain.tip().height.to_u32(), 1_100);
}

#[test]
fn the_next_peer_that_holds_the_window_up_has_twice_the_time_until_blocks_connect() {
    let (mut rig, blocks) = rig_with_headers(1_100);
    let first = peer(&mut rig, false, &blocks);
    let second = peer(&mut rig, false, &blocks);
    let third = peer(&mut rig, false, &blocks);
    serve_from(&mut rig, &[second, third], &blocks);
    rig.pass(2 * SECOND);
    assert_eq!(rig.drops, [(first, DisconnectReason::Stalling)]);
    // Now the second has been asked for the lowest blocks, and sends nothing either.
    rig.pass(4 * SECOND - Duration::from_millis(1));
    assert_eq!(rig.drops.len(), 1);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.drops[1..], [(second, DisconnectReason::Stalling)]);
    assert_eq!(rig.sync.download.stalling_limit, 8 * SECOND);
    serve(&mut rig, third, &blocks);
    assert_eq!(rig.chain.tip().height.to_u32(), 1_100);
    assert_eq!(rig.sync.download.stalling_limit, 2 * SECOND);
}

#[test]
fn a_block_in_time_ends_the_hurry() {
    let (mut rig, blocks) = rig_with_headers(1_100);
    let staller = peer(&mut rig, false, &blocks);
    let helper = peer(&mut rig, false, &blocks);
    serve(&mut rig, helper, &blocks);
    for header in &blocks.list[..15] {
        rig.pass(SECOND);
        rig.block(staller, *header);
        serve(&mut rig, helper, &blocks);
    }
    assert!(rig.drops.is_empty());
    rig.pass(2 * SECOND);
    assert_eq!(rig.drops, [(staller, DisconnectReason::Stalling)]);
}

#[test]
fn a_manual_peer_that_holds_the_window_up_loses_its_blocks_only() {
    let (mut rig, blocks) = rig_with_headers(1_100);
    let staller = peer(&mut rig, true, &blocks);
    let helper = peer(&mut rig, false, &blocks);
    serve(&mut rig, helper, &blocks);
    rig.pass(2 * SECOND);
    assert!(rig.drops.is_empty());
    serve(&mut rig, helper, &blocks);
    assert_eq!(rig.chain.tip().height.to_u32(), 1_100);
    // What it sends late costs nothing, once.
    rig.block(staller, blocks.list[0]);
    assert!(rig.faults.is_empty());
    rig.block(staller, blocks.list[0]);
    assert_eq!(rig.faults.len(), 1);
}

#[test]
fn a_peer_that_sends_no_block_for_a_minute_is_dropped() {
    let (mut rig, blocks) = rig_with_headers(40);
    let alone = peer(&mut rig, false, &blocks);
    rig.pass(59 * SECOND);
    rig.block(alone, blocks.list[0]);
    rig.pass(60 * SECOND - Duration::from_millis(1));
    assert!(rig.drops.is_empty(), "each block renews the time");
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.drops, [(alone, DisconnectReason::BlockTimeout)]);
    assert_eq!(rig.sync.blocks_in_flight(), 0);
}

#[test]
fn with_others_loading_too_a_peer_has_longer() {
    let (mut rig, blocks) = rig_with_headers(40);
    let peers =
        [peer(&mut rig, false, &blocks), peer(&mut rig, false, &blocks), peer(&mut rig, false, &blocks)];
    rig.pass(119 * SECOND);
    assert_eq!(rig.drops, []);
    rig.pass(SECOND);
    let dropped: Vec<_> = rig.drops.iter().map(|(peer, _)| *peer).collect();
    assert_eq!(dropped, peers);
}

#[test]
fn a_slow_peers_blocks_are_taken_over_by_one_with_nothing_else_to_do() {
    let (mut rig, blocks) = rig_with_headers(20);
    let slow = peer(&mut rig, false, &blocks);
    let helper = peer(&mut rig, false, &blocks);
    serve(&mut rig, helper, &blocks);
    rig.pass(10 * SECOND - Duration::from_millis(1));
    assert!(rig.asked_blocks().is_empty());
    rig.pass(Duration::from_millis(1));
    serve(&mut rig, helper, &blocks);
    assert_eq!(rig.chain.tip().height.to_u32(), 20);
    rig.block(slow, blocks.list[3]);
    assert!(rig.faults.is_empty() && rig.drops.is_empty());
}
