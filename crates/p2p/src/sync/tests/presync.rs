//! Chains of little work: nothing of them is kept until they have shown enough.

use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::Work;

use super::fake::{FakeChain, Rig, mine, spec};
use crate::message::Message;
use crate::misbehaviour::Misbehaviour;
use crate::ports::ChainView;
use crate::sync::presync::{LOOK_AHEAD, MAX_COMMITMENTS, PERIOD};

/// Work of one block of the chain used here.
const BLOCK: u128 = 2;
/// What the presync module states: the bits, and the headers held back plus a batch.
const MEMORY: usize = (MAX_COMMITMENTS as usize / 8) + (LOOK_AHEAD + 2_000) * 80;

/// A node on a chain known to have the work of `blocks` blocks.
fn rig_with_least(blocks: u128) -> Rig {
    let mut spec = (*spec()).clone();
    spec.assume.min_chain_work = Work::from_u128(blocks * BLOCK);
    let now = Duration::from_secs(u64::from(spec.genesis.time.to_u32()) + 86_400_000);
    Rig::with_spec(Arc::new(spec), now)
}

fn presync_memory(rig: &Rig, peer: crate::PeerId) -> Option<usize> {
    rig.sync.peers[&peer].headers.presync.as_ref().map(|presync| presync.memory())
}

#[test]
fn a_flood_of_low_work_headers_is_never_kept() {
    let mut rig = rig_with_least(10_000_000);
    let peer = rig.outbound();
    rig.checks = false;
    let mut below = rig.chain.genesis();
    for _ in 0..50 {
        let batch = mine(&rig.spec, &below, 2_000, 1, 1);
        below = batch[1_999];
        rig.take_sent();
        rig.headers(peer, &batch);
        assert_eq!(rig.asked_headers(), [peer]);
        let memory = presync_memory(&rig, peer).expect("it is under way");
        assert!(memory <= 100_000 / PERIOD as usize / 8 * 4 + 64, "{memory} bytes");
        assert!(memory <= MEMORY);
    }
    assert!(rig.to_check.is_empty() && rig.faults.is_empty());
    let batch = mine(&rig.spec, &below, 1_999, 1, 1);
    rig.headers(peer, &batch);
    assert!(rig.to_check.is_empty() && rig.faults.is_empty(), "the end is silent");
    assert_eq!(presync_memory(&rig, peer), None);
}

#[test]
fn a_chain_with_enough_work_comes_in_on_the_second_pass() {
    let mut rig = rig_with_least(9_000);
    let peer = rig.outbound();
    let remote = FakeChain::with_blocks(&spec(), &mine(&rig.spec, &rig.chain.genesis(), 12_345, 1, 1));
    rig.converse(&[(peer, &remote)]);
    assert_eq!(rig.chain.best_header(), remote.tip());
    assert_eq!(rig.chain.tip(), remote.tip());
    assert!(rig.faults.is_empty() && rig.drops.is_empty());
    assert_eq!(presync_memory(&rig, peer), None);
}

#[test]
fn the_second_pass_holds_headers_back_and_stays_small() {
    let mut rig = rig_with_least(20_000);
    let peer = rig.outbound();
    let headers = mine(&rig.spec, &rig.chain.genesis(), 20_000, 1, 1);
    rig.checks = false;
    for batch in headers.chunks(2_000) {
        rig.headers(peer, batch);
    }
    assert!(rig.to_check.is_empty());
    let mut handed = 0;
    for (passed, batch) in headers.chunks(2_000).enumerate() {
        rig.headers(peer, batch);
        assert!(presync_memory(&rig, peer).is_some_and(|memory| memory <= MEMORY));
        while let Some((_, batch)) = rig.to_check.pop() {
            handed += batch.len();
            let outcome = rig.chain.submit_headers(&batch);
            rig.run(|sync, cx| sync.on_headers_checked(cx, peer, outcome));
        }
        let last = passed == 9;
        assert_eq!(handed, if last { 20_000 } else { (passed * 2_000 + 2_000).saturating_sub(LOOK_AHEAD) });
    }
    assert_eq!(rig.sync.peer_height(peer).map(|height| height.to_u32()), Some(20_000));
    assert!(rig.faults.is_empty());
}

#[test]
fn other_headers_on_the_second_pass_cost_everything() {
    let mut rig = rig_with_least(9_000);
    let peer = rig.outbound();
    let genesis = rig.chain.genesis();
    for batch in mine(&rig.spec, &genesis, 10_000, 1, 1).chunks(2_000) {
        rig.headers(peer, batch);
    }
    for batch in mine(&rig.spec, &genesis, 10_000, 1, 2).chunks(2_000) {
        rig.headers(peer, batch);
        if !rig.faults.is_empty() {
            break;
        }
    }
    assert_eq!(rig.faults, [(peer, Misbehaviour::ChangedHeaders)]);
    assert_eq!(rig.chain.best_header().height.to_u32(), 0, "nothing of either was kept");
}

#[test]
fn a_chain_that_ends_early_the_second_time_is_dropped() {
    let mut rig = rig_with_least(9_000);
    let peer = rig.outbound();
    let headers = mine(&rig.spec, &rig.chain.genesis(), 10_000, 1, 1);
    for batch in headers.chunks(2_000) {
        rig.headers(peer, batch);
    }
    rig.headers(peer, &headers[..1_500]);
    assert_eq!(presync_memory(&rig, peer), None);
    assert!(rig.faults.is_empty());
    assert_eq!(rig.chain.best_header().height.to_u32(), 0);
}

#[test]
fn a_chain_with_more_headers_than_the_clock_allows_is_given_up() {
    let mut rig = rig_with_least(10_000_000);
    rig.now = Duration::from_secs(u64::from(rig.chain.genesis().time.to_u32()) + 100);
    let peer = rig.outbound();
    // Six for each of the 100 seconds and of the two hours headers may be ahead, in whole periods.
    let limit = (100 + 7_200) * 6 / PERIOD * PERIOD;
    let mut below = rig.chain.genesis();
    let mut taken = 0;
    loop {
        let batch = mine(&rig.spec, &below, 2_000, 0, 1);
        below = batch[1_999];
        rig.headers(peer, &batch);
        if presync_memory(&rig, peer).is_none() {
            break;
        }
        taken += 2_000;
        assert!(taken <= limit + PERIOD);
    }
    assert!(taken + 2_000 > limit - PERIOD);
    assert!(rig.faults.is_empty() && rig.to_check.is_empty());
}

#[test]
fn the_least_work_is_our_own_less_a_day_of_blocks() {
    let genesis = FakeChain::new(&spec()).genesis();
    let ours = mine(&spec(), &genesis, 200, 1, 1);
    let fork = mine(&spec(), &genesis, 56, 1, 2);
    let mut rig = Rig::with_blocks(&ours);
    let peer = rig.outbound();
    rig.checks = false;
    rig.headers(peer, &fork[..55]);
    assert!(rig.to_check.is_empty(), "55 blocks are less than 200 - 144");
    rig.headers(peer, &fork);
    assert_eq!(rig.to_check.len(), 1);
    assert!(rig.faults.is_empty());
}

#[test]
fn an_announcement_does_not_disturb_the_presync() {
    let mut rig = rig_with_least(9_000);
    let peer = rig.outbound();
    let headers = mine(&rig.spec, &rig.chain.genesis(), 12_001, 1, 1);
    // The work is there after five batches.
    for (index, batch) in headers[..10_000].chunks(2_000).chain(headers[..12_000].chunks(2_000)).enumerate() {
        rig.headers(peer, batch);
        if index % 3 == 0 {
            rig.headers(peer, &headers[12_000..]);
        }
    }
    rig.headers(peer, &headers[12_000..]);
    assert_eq!(rig.chain.best_header().height.to_u32(), 12_001);
    assert!(rig.faults.is_empty());
    assert!(rig.take_sent().iter().any(|(_, message)| matches!(message, Message::GetHeaders(_))));
}
