//! Headers: who is asked, when, and what answers are taken.

use std::time::Duration;

use cairn_consensus::Verdict;
use cairn_primitives::{BlockHash, CompactTarget};

use super::fake::{FakeChain, Rig, mine, spec};
use crate::event::{DisconnectReason, HeadersOutcome};
use crate::handshake::Direction;
use crate::message::{Inventory, Message, Services};
use crate::misbehaviour::Misbehaviour;
use crate::ports::ChainView;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn while_the_chain_is_old_one_peer_is_asked_at_a_time_and_none_twice() {
    let mut rig = Rig::new();
    let inbound = rig.inbound();
    assert_eq!(rig.asked_headers(), [inbound], "nobody else is there");
    let (a, b) = (rig.outbound(), rig.outbound());
    let late = rig.inbound();
    assert_eq!(rig.asked_headers(), []);
    rig.headers(inbound, &[]);
    assert_eq!(rig.asked_headers(), [a]);
    rig.headers(a, &[]);
    assert_eq!(rig.asked_headers(), [b], "those of our own choice come first");
    rig.close(b);
    assert_eq!(rig.asked_headers(), [late]);
    rig.headers(late, &[]);
    rig.pass(50 * SECOND);
    assert_eq!(rig.asked_headers(), []);
}

#[test]
fn once_the_chain_is_recent_every_new_peer_is_asked_once() {
    let genesis = FakeChain::new(&spec()).genesis();
    let mut rig = Rig::with_blocks(&mine(&spec(), &genesis, 3, 1, 1));
    let peers = [rig.outbound(), rig.inbound(), rig.outbound()];
    assert_eq!(rig.asked_headers(), peers);
    // A day after the last header it still counts as recent, a second later no more.
    let mut rig = Rig::with_blocks(&mine(&spec(), &genesis, 3, 1, 1));
    rig.now += Duration::from_secs(86_400);
    let peers = [rig.outbound(), rig.outbound()];
    assert_eq!(rig.asked_headers(), peers);
    let mut rig = Rig::with_blocks(&mine(&spec(), &genesis, 3, 1, 1));
    rig.now += Duration::from_secs(86_401);
    let first = rig.outbound();
    rig.outbound();
    assert_eq!(rig.asked_headers(), [first]);
}

#[test]
fn the_locator_begins_at_the_parent_of_the_best_header() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 3, 1, 1);
    let mut rig = Rig::with_blocks(&blocks);
    rig.outbound();
    let sent = rig.take_sent();
    let request = sent.iter().find_map(|(_, message)| match message {
        Message::GetHeaders(request) => Some(request),
        _ => None,
    });
    let request = request.expect("headers are asked for");
    assert_eq!(request.locator, [blocks[1].hash(), blocks[0].hash(), genesis.hash()]);
    assert_eq!(request.stop, BlockHash::ZERO);
}

#[test]
fn a_peer_that_does_not_answer_makes_room_for_the_next() {
    let mut rig = Rig::new();
    let (silent, next) = (rig.outbound(), rig.outbound());
    assert_eq!(rig.asked_headers(), [silent]);
    rig.pass(60 * SECOND - Duration::from_millis(1));
    assert!(rig.drops.is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.drops, [(silent, DisconnectReason::HeadersTimeout)]);
    assert_eq!(rig.asked_headers(), [next]);
}

#[test]
fn a_manual_or_the_only_peer_that_does_not_answer_is_asked_again() {
    let mut rig = Rig::new();
    let manual = rig.connect(Direction::Outbound, true);
    assert_eq!(rig.asked_headers(), [manual]);
    // After the minute for the answer, a pause of one minute, then of two.
    rig.pass(119 * SECOND);
    assert_eq!(rig.asked_headers(), []);
    rig.pass(SECOND);
    assert_eq!(rig.asked_headers(), [manual]);
    rig.pass(179 * SECOND);
    assert_eq!(rig.asked_headers(), []);
    rig.pass(SECOND);
    assert_eq!(rig.asked_headers(), [manual]);
    rig.pass(60 * SECOND);
    let other = rig.outbound();
    assert_eq!(rig.asked_headers(), [other], "whoever has not failed is asked meanwhile");
    assert!(rig.drops.is_empty());
}

#[test]
fn a_peer_that_takes_too_long_for_all_headers_is_dropped() {
    let mut rig = Rig::new();
    rig.now = Duration::from_secs(u64::from(rig.spec.genesis.time.to_u32()) + 2 * 86_400);
    // Without blocks to ask for, there is no other reason to drop it.
    let slow = rig.connect_with(Direction::Outbound, false, Services::NONE);
    let next = rig.outbound();
    // Two days of blocks of a second are to be expected.
    let limit = Duration::from_secs(15 * 60) + Duration::from_millis(2 * 86_400);
    let chain = mine(&rig.spec, &rig.chain.genesis(), 2_000, 1, 1);
    let start = rig.now;
    // The same full answer again and again, each just in time.
    while rig.now + 59 * SECOND < start + limit {
        rig.headers(slow, &chain);
        rig.pass(59 * SECOND);
        assert!(rig.drops.is_empty());
    }
    rig.headers(slow, &chain);
    rig.take_sent();
    rig.pass(59 * SECOND);
    assert_eq!(rig.drops, [(slow, DisconnectReason::HeadersTimeout)]);
    assert_eq!(rig.asked_headers(), [next]);
}

#[test]
fn a_full_answer_is_followed_up_from_its_last_header() {
    let mut rig = Rig::new();
    let peer = rig.outbound();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 2_001, 1, 1);
    rig.take_sent();
    rig.headers(peer, &chain[..1_999]);
    assert!(rig.asked_headers().is_empty(), "one less than full is the end");
    rig.headers(peer, &chain[1..2_001]);
    let sent = rig.take_sent();
    let locators: Vec<_> = sent
        .iter()
        .filter_map(|(_, message)| match message {
            Message::GetHeaders(request) => Some(request.locator[0]),
            _ => None,
        })
        .collect();
    assert_eq!(locators, [chain[2_000].hash()]);
    assert_eq!(rig.sync.peer_height(peer).map(|height| height.to_u32()), Some(2_001));
}

#[test]
fn one_batch_is_checked_at_a_time_and_what_comes_meanwhile_waits() {
    let mut rig = Rig::new();
    rig.checks = false;
    let peer = rig.outbound();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 5, 1, 1);
    for header in &chain {
        rig.headers(peer, std::slice::from_ref(header));
    }
    assert_eq!(rig.to_check.len(), 1);
    // Two wait; the others were too many and are asked for again.
    assert_eq!(rig.sync.peers[&peer].headers.waiting.len(), 2);
    rig.take_sent();
    rig.checks = true;
    rig.check_all();
    assert_eq!(rig.sync.peer_height(peer).map(|height| height.to_u32()), Some(3));
    assert_eq!(rig.asked_headers(), [peer]);
    assert!(rig.faults.is_empty());
}

#[test]
fn what_waits_is_gone_through_even_if_some_of_it_does_not_connect() {
    let mut rig = Rig::new();
    rig.checks = false;
    let peer = rig.outbound();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 5, 1, 1);
    rig.headers(peer, &chain[..1]);
    rig.headers(peer, &chain[3..4]);
    rig.headers(peer, &chain[1..3]);
    rig.take_sent();
    rig.checks = true;
    rig.check_all();
    assert_eq!(rig.chain.best_header().hash, chain[2].hash());
    assert_eq!(rig.asked_headers(), [peer], "what lies below the one that did not connect is asked for");
}

#[test]
fn headers_from_nowhere_are_asked_about_and_cost_points_the_tenth_time() {
    let genesis = FakeChain::new(&spec()).genesis();
    let mut rig = Rig::with_blocks(&mine(&spec(), &genesis, 3, 1, 1));
    let peer = rig.outbound();
    rig.headers(peer, &[]);
    rig.take_sent();
    let elsewhere = mine(&spec(), &genesis, 40, 1, 9);
    for _ in 0..9 {
        rig.headers(peer, &elsewhere[20..30]);
        assert_eq!(rig.asked_headers(), [peer]);
    }
    assert!(rig.faults.is_empty());
    rig.headers(peer, &elsewhere[20..30]);
    assert_eq!(rig.faults, [(peer, Misbehaviour::UnconnectedHeaders)]);
    // An answer that connects ends the row.
    rig.headers(peer, &elsewhere);
    let another = mine(&spec(), &genesis, 40, 1, 8);
    for _ in 0..9 {
        rig.headers(peer, &another[20..30]);
    }
    assert_eq!(rig.faults.len(), 1);
}

#[test]
fn announcements_out_of_the_blue_while_another_peer_is_asked_cost_nothing() {
    let mut rig = Rig::new();
    let (asked, other) = (rig.outbound(), rig.outbound());
    let chain = mine(&rig.spec, &rig.chain.genesis(), 100, 1, 1);
    for header in &chain[40..80] {
        rig.headers(asked, std::slice::from_ref(header));
        rig.headers(other, std::slice::from_ref(header));
    }
    assert!(rig.faults.is_empty());
    rig.headers(asked, &chain);
    assert_eq!(rig.sync.peer_height(other).map(|height| height.to_u32()), Some(80), "known by now");
}

#[test]
fn headers_without_work_or_order_cost_everything() {
    let mut rig = Rig::new();
    let peer = rig.outbound();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 3, 1, 1);
    let mut idle = chain[0];
    while cairn_consensus::check_pow(&idle, idle.hash(), &rig.spec).is_ok() {
        idle.nonce += 1;
    }
    rig.headers(peer, &[idle]);
    assert_eq!(rig.faults.pop(), Some((peer, Misbehaviour::NoProofOfWork)));
    let mut easy = chain[0];
    easy.bits = CompactTarget::from_bits(0x2100_ffff);
    rig.headers(peer, &[easy]);
    assert_eq!(rig.faults.pop(), Some((peer, Misbehaviour::NoProofOfWork)));
    rig.headers(peer, &[chain[0], chain[2]]);
    assert_eq!(rig.faults.pop(), Some((peer, Misbehaviour::BrokenHeaders)));
    rig.headers(peer, &chain);
    assert!(rig.faults.is_empty());
}

#[test]
fn an_unknown_block_is_asked_for_by_its_header_once() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 3, 1, 1);
    let mut rig = Rig::with_blocks(&blocks);
    let peer = rig.outbound();
    rig.headers(peer, &[]);
    rig.take_sent();
    let next = mine(&spec(), &blocks[2], 2, 1, 1);
    for header in &next {
        rig.receive(peer, Message::Inv(vec![Inventory::Block(header.hash())]));
    }
    let sent = rig.take_sent();
    assert_eq!(sent.len(), 1);
    assert!(matches!(&sent[0], (id, Message::GetHeaders(_)) if *id == peer));
    // The second announcement came while the answer was out: it is asked about once more.
    rig.headers(peer, &next[..1]);
    assert_eq!(rig.asked_headers(), [peer]);
    rig.headers(peer, &next[1..]);
    assert_eq!(rig.asked_headers(), []);
    rig.receive(peer, Message::Inv(vec![Inventory::Block(blocks[0].hash())]));
    assert_eq!(rig.asked_headers(), [], "known blocks are no news");
}

#[test]
fn an_announcement_nobody_follows_up_is_asked_about_again() {
    let genesis = FakeChain::new(&spec()).genesis();
    let mut rig = Rig::with_blocks(&mine(&spec(), &genesis, 3, 1, 1));
    let peer = rig.outbound();
    rig.headers(peer, &[]);
    rig.take_sent();
    rig.receive(peer, Message::Inv(vec![Inventory::Block(BlockHash::from_bytes([1; 32]))]));
    assert_eq!(rig.asked_headers(), [peer]);
    rig.pass(120 * SECOND);
    assert_eq!(rig.asked_headers(), [peer]);
    assert!(rig.drops.is_empty(), "only while the chain catches up is there a hurry");
}

#[test]
fn refused_headers_are_judged_by_their_verdict() {
    let verdicts = [
        (Verdict::Invalid, 1),
        (Verdict::Mutated, 0),
        (Verdict::Premature, 0),
        (Verdict::Unavailable, 0),
        (Verdict::Internal, 0),
    ];
    for (verdict, faults) in verdicts {
        let mut rig = Rig::new();
        rig.checks = false;
        let peer = rig.connect(Direction::Outbound, true);
        let chain = mine(&rig.spec, &rig.chain.genesis(), 3, 1, 1);
        rig.headers(peer, &chain);
        rig.take_sent();
        // The first two are good and known from now on.
        rig.chain.submit_headers(&chain[..2]);
        let outcome = HeadersOutcome::Refused { index: 2, verdict, code: "time-too-new" };
        rig.run(|sync, cx| sync.on_headers_checked(cx, peer, outcome));
        let expected = Misbehaviour::InvalidHeader { code: "time-too-new" };
        assert_eq!(rig.faults, vec![(peer, expected); faults]);
        assert_eq!(rig.sync.peer_height(peer).map(|height| height.to_u32()), Some(2));
        assert_eq!(rig.asked_headers(), []);
        rig.pass(60 * SECOND);
        assert_eq!(rig.asked_headers(), [peer], "it is asked again later");
    }
}

#[test]
fn headers_of_invalid_blocks_are_held_against_those_we_called_and_headers_above_them_against_all() {
    for direction in [Direction::Outbound, Direction::Inbound] {
        let genesis = FakeChain::new(&spec()).genesis();
        let chain = mine(&spec(), &genesis, 4, 1, 1);
        let mut rig = Rig::with_blocks(&chain[..1]);
        rig.chain.bad.insert(chain[1].hash());
        rig.chain.submit(chain[1]);
        let peer = rig.connect(direction, false);
        rig.headers(peer, &chain[1..2]);
        let cached = Misbehaviour::InvalidHeader { code: "duplicate-invalid" };
        match direction {
            Direction::Outbound => assert_eq!(rig.faults, [(peer, cached)]),
            Direction::Inbound => assert_eq!(rig.faults, []),
        }
        rig.faults.clear();
        rig.headers(peer, &chain[2..]);
        assert_eq!(rig.faults, [(peer, Misbehaviour::InvalidHeader { code: "bad-prevblk" })]);
        assert_eq!(rig.sync.peer_height(peer), None);
    }
}

#[test]
fn the_initial_download_ends_for_good_with_a_recent_tip() {
    let genesis = FakeChain::new(&spec()).genesis();
    let chain = mine(&spec(), &genesis, 2, 90_000, 1);
    let mut rig = Rig::with_blocks(&chain[..1]);
    rig.now += 86_401 * SECOND;
    rig.pass(Duration::ZERO);
    assert!(rig.sync.is_initial_download());
    rig.now = Duration::from_secs(u64::from(chain[1].time.to_u32()) + 86_400);
    rig.mined(chain[1]);
    assert!(!rig.sync.is_initial_download());
    rig.pass(1_000_000 * SECOND);
    assert!(!rig.sync.is_initial_download());
}

#[test]
fn the_operator_can_have_everybody_asked() {
    let mut rig = Rig::new();
    let peers = [rig.outbound(), rig.outbound()];
    rig.headers(peers[0], &[]);
    rig.headers(peers[1], &[]);
    rig.take_sent();
    rig.run(|sync, cx| sync.resync(cx));
    assert_eq!(rig.asked_headers(), [peers[0]]);
    rig.headers(peers[0], &[]);
    assert_eq!(rig.asked_headers(), [peers[1]]);
}

#[test]
fn calls_for_peers_that_are_gone_change_nothing() {
    let mut rig = Rig::new();
    let peer = rig.outbound();
    let chain = mine(&rig.spec, &rig.chain.genesis(), 3, 1, 1);
    rig.checks = false;
    rig.headers(peer, &chain);
    rig.close(peer);
    rig.take_sent();
    rig.checks = true;
    rig.check_all();
    rig.headers(peer, &chain);
    rig.block(peer, chain[0]);
    rig.run(|sync, cx| sync.on_block_sent(cx, peer));
    rig.close(peer);
    assert!(rig.take_sent().is_empty() && rig.faults.is_empty());
    assert_eq!(rig.chain.best_header().height.to_u32(), 3, "the headers themselves are not lost");
}
