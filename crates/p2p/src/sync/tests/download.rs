//! Blocks: who is asked for which, and what is made of those that come.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_consensus::Verdict;
use cairn_primitives::{BlockHash, Header};

use super::fake::{FakeChain, Rig, mine, spec};
use crate::event::{BlockOutcome, PeerId};
use crate::handshake::Direction;
use crate::message::{Message, Services};
use crate::misbehaviour::Misbehaviour;
use crate::ports::ChainView;

const SECOND: Duration = Duration::from_secs(1);

/// A fresh node whose peers have `count` blocks, of which it knows the headers. Nobody has been asked for a block.
fn rig_with_headers(count: usize) -> (Rig, Vec<Header>) {
    let mut rig = Rig::new();
    let blocks = mine(&rig.spec, &rig.chain.genesis(), count, 1, 1);
    for batch in blocks.chunks(2_000) {
        rig.chain.submit_headers(batch);
    }
    (rig, blocks)
}

/// Has a peer show that it has the last of these blocks.
fn shows(rig: &mut Rig, peer: PeerId, blocks: &[Header]) {
    rig.headers(peer, &blocks[blocks.len() - 1..]);
}

fn hashes(blocks: &[Header]) -> Vec<BlockHash> {
    blocks.iter().map(Header::hash).collect()
}

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
    assert!(rig.sync.last_useful_block(peer).is_some());
}

#[test]
fn each_peer_has_sixteen_blocks_in_flight_and_no_block_is_asked_for_twice() {
    let (mut rig, blocks) = rig_with_headers(50);
    let peers: Vec<_> = (0..4).map(|_| rig.outbound()).collect();
    for peer in &peers {
        shows(&mut rig, *peer, &blocks);
    }
    let asked = rig.asked_blocks();
    let expected: BTreeMap<_, _> = peers.iter().copied().zip(blocks.chunks(16).map(hashes)).collect();
    assert_eq!(asked, expected);
    assert_eq!(rig.sync.blocks_in_flight(), 50);
    rig.block(peers[3], blocks[49]);
    rig.block(peers[0], blocks[0]);
    assert!(rig.asked_blocks().is_empty(), "everything is asked for");
}

#[test]
fn ten_peers_have_no_more_in_flight_than_is_allowed_in_all() {
    let (mut rig, blocks) = rig_with_headers(200);
    for _ in 0..10 {
        let peer = rig.outbound();
        shows(&mut rig, peer, &blocks);
    }
    assert_eq!(rig.sync.blocks_in_flight(), 128);
}

#[test]
fn the_window_reaches_so_far_above_the_last_block_that_is_here() {
    let (mut rig, blocks) = rig_with_headers(1_100);
    let holder = rig.connect(Direction::Outbound, true);
    shows(&mut rig, holder, &blocks);
    let helper = rig.outbound();
    shows(&mut rig, helper, &blocks);
    // The helper sends all it is asked for; the holder sends nothing.
    let mut highest = 0;
    loop {
        let asked = rig.asked_blocks().remove(&helper).unwrap_or_default();
        if asked.is_empty() {
            break;
        }
        for hash in asked {
            let at = blocks.iter().position(|header| header.hash() == hash).expect("it is one of ours");
            highest = highest.max(at + 1);
            rig.block(helper, blocks[at]);
        }
    }
    assert_eq!(highest, 1_024);
}

#[test]
fn peers_are_asked_for_what_they_serve() {
    let (mut rig, blocks) = rig_with_headers(400);
    let bare = rig.connect_with(Direction::Outbound, false, Services::NETWORK);
    shows(&mut rig, bare, &blocks);
    let idle = rig.connect_with(Direction::Outbound, false, Services::WITNESS);
    shows(&mut rig, idle, &blocks);
    assert!(rig.asked_blocks().is_empty());
    let limited = Services::WITNESS.union(Services::NETWORK_LIMITED);
    let limited = rig.connect_with(Direction::Outbound, false, limited);
    shows(&mut rig, limited, &blocks);
    let asked = rig.asked_blocks();
    // 288 less two of slack: blocks 115 to 400.
    assert_eq!(asked[&limited], hashes(&blocks[114..130]));
}

#[test]
fn while_catching_up_those_that_came_to_us_are_asked_only_if_alone() {
    let (mut rig, blocks) = rig_with_headers(40);
    let inbound = rig.inbound();
    shows(&mut rig, inbound, &blocks);
    assert_eq!(rig.asked_blocks().len(), 1);
    let (mut rig, blocks) = rig_with_headers(40);
    let outbound = rig.outbound();
    shows(&mut rig, outbound, &blocks);
    let inbound = rig.inbound();
    shows(&mut rig, inbound, &blocks);
    assert_eq!(rig.asked_blocks().into_keys().collect::<Vec<_>>(), [outbound]);
    rig.close(outbound);
    let asked = rig.asked_blocks();
    assert_eq!(asked[&inbound], hashes(&blocks[..16]), "what was in flight is asked for elsewhere");
}

#[test]
fn a_peer_of_our_own_choice_with_nothing_to_give_keeps_nobody_from_being_asked() {
    let genesis = FakeChain::new(&spec()).genesis();
    let ours = mine(&spec(), &genesis, 5, 1, 1);
    let side = mine(&spec(), &genesis, 5, 1, 2);
    let mut rig = Rig::with_blocks(&ours);
    rig.now += Duration::from_secs(1_000_000);
    for header in &side {
        rig.chain.submit(*header);
    }
    // As much work as ours, and all of it is here.
    let outbound = rig.outbound();
    shows(&mut rig, outbound, &side);
    let inbound = rig.inbound();
    let better = mine(&spec(), &ours[4], 1, 1, 1);
    rig.headers(inbound, &better);
    assert!(rig.sync.is_initial_download());
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(inbound, hashes(&better))]));
}

#[test]
fn a_branch_below_our_tip_is_not_fetched() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 10, 1, 1);
    let fork = mine(&spec(), &blocks[4], 6, 1, 2);
    let mut rig = Rig::with_blocks(&blocks);
    let peer = rig.outbound();
    rig.headers(peer, &fork[..4]);
    assert!(rig.asked_blocks().is_empty(), "one block less than ours");
    rig.headers(peer, &fork[4..5]);
    assert_eq!(rig.asked_blocks()[&peer], hashes(&fork[..5]), "as much work as ours");
    for header in &fork[..5] {
        rig.block(peer, *header);
    }
    assert_eq!(rig.chain.tip().hash, blocks[9].hash());
    rig.headers(peer, &fork[5..]);
    rig.block(peer, fork[5]);
    assert_eq!(rig.chain.tip().hash, fork[5].hash());
}

#[test]
fn a_long_branch_comes_in_though_our_tip_does_not_move() {
    let genesis = FakeChain::new(&spec()).genesis();
    let ours = mine(&spec(), &genesis, 1_400, 1, 1);
    let theirs = mine(&spec(), &genesis, 1_500, 1, 2);
    let mut rig = Rig::with_blocks(&ours);
    let remote = FakeChain::with_blocks(&spec(), &theirs);
    let peer = rig.outbound();
    rig.converse(&[(peer, &remote)]);
    assert_eq!(rig.chain.tip(), remote.tip());
}

#[test]
fn a_missing_block_is_asked_for_elsewhere_and_here_again_later() {
    let (mut rig, blocks) = rig_with_headers(2);
    let first = rig.outbound();
    shows(&mut rig, first, &blocks);
    rig.take_sent();
    let missing = hashes(&blocks);
    rig.run(|sync, cx| sync.on_block_not_found(cx, first, &missing));
    assert!(rig.asked_blocks().is_empty());
    let second = rig.outbound();
    shows(&mut rig, second, &blocks);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(second, missing.clone())]));
    rig.close(second);
    assert!(rig.asked_blocks().is_empty());
    rig.pass(30 * SECOND);
    assert_eq!(rig.asked_blocks(), BTreeMap::from([(first, missing)]));
    assert!(rig.faults.is_empty() && rig.drops.is_empty());
}

#[test]
fn a_block_nobody_asked_for_costs_points_unless_it_is_of_use() {
    let genesis = FakeChain::new(&spec()).genesis();
    let blocks = mine(&spec(), &genesis, 5, 1, 1);
    let mut rig = Rig::with_blocks(&blocks[..4]);
    let peer = rig.outbound();
    let points = (peer, Misbehaviour::UnrequestedBlock);
    rig.block(peer, blocks[4]);
    assert_eq!(rig.faults, [points], "its header is not known");
    rig.block(peer, blocks[2]);
    assert_eq!(rig.faults, [points, points], "it is not new");
    let fork = mine(&spec(), &blocks[1], 2, 1, 2);
    rig.chain.submit_headers(&fork);
    rig.block(peer, fork[0]);
    assert_eq!(rig.faults.len(), 3, "less work than our tip");
    rig.block(peer, fork[1]);
    assert_eq!(rig.faults.len(), 3, "as much work");
    rig.chain.submit_headers(&blocks);
    rig.block(peer, blocks[4]);
    assert_eq!(rig.faults.len(), 3);
    assert_eq!(rig.chain.tip().hash, blocks[4].hash());
}

#[test]
fn refused_blocks_are_judged_by_their_verdict() {
    let code = "bad-something";
    let verdicts = [
        (Verdict::Invalid, Some(Misbehaviour::InvalidBlock { code })),
        (Verdict::Mutated, Some(Misbehaviour::MutatedBlock { code })),
        (Verdict::Premature, None),
        (Verdict::Unavailable, None),
        (Verdict::Internal, None),
    ];
    for (verdict, fault) in verdicts {
        let (mut rig, blocks) = rig_with_headers(1);
        rig.checks = false;
        let peer = rig.outbound();
        shows(&mut rig, peer, &blocks);
        let hash = blocks[0].hash();
        rig.block(peer, blocks[0]);
        assert_eq!(rig.blocks_to_check.len(), 1);
        rig.take_sent();
        let other = rig.outbound();
        shows(&mut rig, other, &blocks);
        assert!(rig.asked_blocks().is_empty(), "it is being checked");
        let outcome = BlockOutcome::Refused { verdict, code };
        rig.run(|sync, cx| sync.on_block_checked(cx, peer, hash, outcome));
        assert_eq!(rig.faults, fault.map(|what| (peer, what)).into_iter().collect::<Vec<_>>());
        let asked = rig.asked_blocks();
        match verdict {
            Verdict::Invalid | Verdict::Mutated => assert_eq!(asked, BTreeMap::from([(other, vec![hash])])),
            Verdict::Premature | Verdict::Unavailable | Verdict::Internal => {
                assert!(asked.is_empty());
                rig.pass(60 * SECOND);
                assert_eq!(rig.asked_blocks().len(), 1, "it is asked for again later");
            }
        }
    }
}

#[test]
fn nothing_is_asked_for_while_much_waits_to_be_checked() {
    let (mut rig, blocks) = rig_with_headers(200);
    rig.checks = false;
    let peer = rig.outbound();
    shows(&mut rig, peer, &blocks);
    let mut next = 0;
    while next < blocks.len() && rig.sync.blocks_in_flight() > 0 {
        rig.block(peer, blocks[next]);
        next += 1;
    }
    // 64 being checked stop the asking; the 15 in flight by then still come.
    assert_eq!(rig.blocks_to_check.len(), 64 + 15);
    rig.take_sent();
    for _ in 0..16 {
        let (from, block) = rig.blocks_to_check.remove(0);
        rig.check_block(from, block.header);
    }
    assert_eq!(rig.asked_blocks()[&peer].len(), 16);
}

#[test]
fn whoever_sent_a_block_that_fails_when_it_is_connected_is_blamed() {
    let (mut rig, blocks) = rig_with_headers(4);
    let (early, other) = (rig.outbound(), rig.outbound());
    rig.headers(early, &blocks);
    rig.headers(other, &blocks);
    rig.block(early, blocks[2]);
    rig.block(early, blocks[3]);
    // As the chain does when it connects what had waited: marks it, and goes on from the block before.
    let id = rig.chain.tree.get(&blocks[2].hash()).expect("it is known");
    rig.chain.tree.mark_invalid(id);
    rig.run(|sync, cx| sync.on_tip_changed(cx));
    assert_eq!(rig.faults, [(early, Misbehaviour::InvalidBlock { code: "invalid" })]);
    assert_eq!(rig.sync.peer_height(other), None, "what lies above it is of no use");
}

#[test]
fn an_invalid_block_is_not_asked_for_again() {
    let (mut rig, blocks) = rig_with_headers(3);
    let (bad, other) = (rig.outbound(), rig.outbound());
    shows(&mut rig, bad, &blocks);
    shows(&mut rig, other, &blocks);
    rig.chain.bad.insert(blocks[0].hash());
    rig.take_sent();
    rig.block(bad, blocks[0]);
    assert_eq!(rig.faults, [(bad, Misbehaviour::InvalidBlock { code: "bad-cb-amount" })]);
    rig.pass(60 * SECOND);
    assert!(rig.asked_blocks().is_empty());
}

#[test]
fn blocks_below_the_least_work_are_not_fetched() {
    for (least, fetched) in [(8, true), (9, false)] {
        let mut spec = (*spec()).clone();
        spec.assume.min_chain_work = cairn_primitives::Work::from_u128(least);
        let mut rig = Rig::with_spec(std::sync::Arc::new(spec), Duration::from_secs(2_000_000_000));
        let blocks = mine(&rig.spec, &rig.chain.genesis(), 3, 1, 1);
        rig.chain.submit_headers(&blocks);
        let peer = rig.outbound();
        shows(&mut rig, peer, &blocks);
        let asked = rig.take_sent().iter().any(|(_, message)| matches!(message, Message::GetData(_)));
        assert_eq!(asked, fetched);
    }
}
