//! Outbound peers whose chain stays behind make room.

use std::time::Duration;

use super::fake::{FakeChain, Rig, mine, spec};
use crate::event::DisconnectReason;
use crate::handshake::Direction;
use crate::message::Services;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_peer_behind_for_twenty_minutes_is_asked_and_then_dropped() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 10, 1, 1);
    let mut rig = Rig::with_blocks(&blocks);
    let behind = rig.outbound();
    let manual = rig.connect(Direction::Outbound, true);
    let inbound = rig.inbound();
    let level = rig.outbound();
    for peer in [behind, manual, inbound] {
        rig.headers(peer, &blocks[..9]);
    }
    rig.headers(level, &blocks);
    rig.take_sent();
    rig.pass(20 * MINUTE - Duration::from_millis(1));
    assert_eq!(rig.asked_headers(), []);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.asked_headers(), [behind]);
    rig.headers(behind, &[]);
    rig.pass(2 * MINUTE - Duration::from_millis(1));
    assert!(rig.drops.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.drops, [(behind, DisconnectReason::Behind)]);
    rig.pass(60 * MINUTE);
    assert_eq!(rig.drops.len(), 1);
}

#[test]
fn a_peer_that_catches_up_gets_another_twenty_minutes() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 12, 1, 1);
    let mut rig = Rig::with_blocks(&blocks[..10]);
    let peer = rig.outbound();
    rig.headers(peer, &blocks[..9]);
    rig.pass(15 * MINUTE);
    rig.mined(blocks[10]);
    rig.mined(blocks[11]);
    // Not as far as we are, but where we were.
    rig.headers(peer, &blocks[..10]);
    rig.pass(20 * MINUTE);
    assert!(rig.drops.is_empty());
    rig.pass(2 * MINUTE);
    assert_eq!(rig.drops, [(peer, DisconnectReason::Behind)]);
}

#[test]
fn four_peers_that_brought_new_headers_are_kept() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 20, 1, 1);
    let mut rig = Rig::with_blocks(&blocks[..1]);
    let peers: Vec<_> =
        (0..6).map(|_| rig.connect_with(Direction::Outbound, false, Services::NONE)).collect();
    for (index, peer) in peers.iter().enumerate() {
        rig.headers(*peer, &blocks[..index + 2]);
    }
    for header in &blocks[1..] {
        rig.chain.submit(*header);
    }
    rig.run(|sync, cx| sync.on_tip_changed(cx));
    for _ in 0..30 {
        rig.pass(MINUTE);
        for peer in &peers {
            rig.headers(*peer, &[]);
        }
    }
    let dropped: Vec<_> = rig.drops.iter().map(|(peer, _)| *peer).collect();
    assert_eq!(dropped, peers[4..]);
}

#[test]
fn with_nothing_but_genesis_nobody_is_behind() {
    let mut rig = Rig::new();
    let peer = rig.outbound();
    rig.headers(peer, &[]);
    rig.pass(100 * MINUTE);
    assert!(rig.drops.is_empty());
}
