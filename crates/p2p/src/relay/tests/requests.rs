//! The request tracker against random orders of events.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::relay::requests::{Hash, MAX_IN_FLIGHT, Requests, hash_of};

#[derive(Clone, Debug)]
enum Step {
    Join { peer: u64, preferred: bool, by_wtxid: bool },
    Leave(u64),
    Announce { peer: u64, id: u8, by_wtxid: bool },
    Flood { peer: u64, from: u8 },
    Received { peer: u64, id: u8 },
    NotFound { peer: u64, id: u8 },
    Postpone { peer: u64, id: u8 },
    Hold(u8),
    Release(u8),
    Forget(u8),
    Wait { seconds: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let peer = || 0..6_u64;
    let id = || 0..12_u8;
    prop_oneof![
        2 => (peer(), any::<bool>(), any::<bool>())
            .prop_map(|(peer, preferred, by_wtxid)| Step::Join { peer, preferred, by_wtxid }),
        1 => peer().prop_map(Step::Leave),
        12 => (peer(), id(), any::<bool>())
            .prop_map(|(peer, id, by_wtxid)| Step::Announce { peer, id, by_wtxid }),
        1 => (peer(), id()).prop_map(|(peer, from)| Step::Flood { peer, from }),
        3 => (peer(), id()).prop_map(|(peer, id)| Step::Received { peer, id }),
        2 => (peer(), id()).prop_map(|(peer, id)| Step::NotFound { peer, id }),
        1 => (peer(), id()).prop_map(|(peer, id)| Step::Postpone { peer, id }),
        1 => id().prop_map(Step::Hold),
        2 => id().prop_map(Step::Release),
        1 => id().prop_map(Step::Forget),
        6 => (0..90_u8).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

fn id_of(number: u64, by_wtxid: bool) -> TxRef {
    let hash = hash_of(&made_up(number));
    if by_wtxid { TxRef::Wtxid(Wtxid::from_bytes(hash)) } else { TxRef::Txid(Txid::from_bytes(hash)) }
}

fn hash(number: u8) -> Hash {
    hash_of(&made_up(u64::from(number)))
}

fn apply(requests: &mut Requests, now: &mut Duration, holds: &mut BTreeMap<u8, usize>, step: Step) {
    let id = PeerId::new;
    match step {
        Step::Join { peer, preferred, by_wtxid } => {
            requests.remove_peer(id(peer));
            requests.add_peer(id(peer), preferred, by_wtxid);
        }
        Step::Leave(peer) => requests.remove_peer(id(peer)),
        Step::Announce { peer, id: number, by_wtxid } => {
            let _ = requests.announce(*now, id(peer), &id_of(u64::from(number), by_wtxid));
        }
        // More than a peer may have in flight, and shared with other floods.
        Step::Flood { peer, from } => {
            for number in 0..150 {
                let _ = requests.announce(*now, id(peer), &id_of(100 + u64::from(from) * 50 + number, true));
            }
        }
        Step::Received { peer, id: number } => {
            requests.received(id(peer), hash(number));
        }
        Step::NotFound { peer, id: number } => requests.not_found(id(peer), hash(number)),
        Step::Postpone { peer, id: number } => requests.postpone(*now, id(peer), hash(number)),
        Step::Hold(number) => {
            *holds.entry(number).or_default() += 1;
            requests.hold(hash(number));
        }
        Step::Release(number) => {
            if let Some(count) = holds.get_mut(&number).filter(|count| **count > 0) {
                *count -= 1;
                requests.release(hash(number));
            }
        }
        Step::Forget(number) => requests.forget(&hash(number)),
        Step::Wait { seconds } => *now += Duration::from_secs(u64::from(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens, nobody is asked for what another is being asked for, what is held is not asked for, and the
    /// books are in order.
    #[test]
    fn nothing_is_asked_of_two_at_once(steps in vec(step(), 1..120)) {
        let (mut requests, mut now) = (Requests::default(), START);
        let mut rng = ChaCha12Rng::from_seed([2; 32]);
        let mut holds = BTreeMap::new();
        for step in steps {
            apply(&mut requests, &mut now, &mut holds, step);
            let before = requests.in_flight();
            // Some turn out to be known when they are to be asked for.
            let asked = requests.select(now, &mut rng, &mut |id| hash_of(id)[0] % 7 == 3);
            for (_, id) in &asked {
                prop_assert!(!before.iter().any(|(_, hash, end)| *hash == hash_of(id) && *end > now));
                prop_assert!(holds.iter().all(|(number, count)| *count == 0 || hash(*number) != hash_of(id)));
            }
            requests.check_books();
            prop_assert!(requests.deadline().is_none_or(|due| due > now), "something due was left");
        }
    }

    /// Silent peers keep nothing back: in the end whoever has a transaction and answers has been asked for it, even one
    /// that called us, has a lot to answer, and announced last.
    #[test]
    fn every_honest_announcement_is_answered(
        silent in vec((any::<bool>(), vec(0..400_u64, 0..300)), 1..5),
        honest in vec((any::<bool>(), vec(0..400_u64, 1..300)), 1..4),
    ) {
        let (mut requests, mut now) = (Requests::default(), START);
        let mut rng = ChaCha12Rng::from_seed([2; 32]);
        let mut wanted: BTreeSet<TxRef> = BTreeSet::new();
        for (index, (preferred, numbers)) in silent.iter().chain(&honest).enumerate() {
            let peer = PeerId::new(index as u64);
            requests.add_peer(peer, *preferred, true);
            for number in numbers {
                requests.announce(now, peer, &made_up(*number)).expect("few");
            }
            if index >= silent.len() {
                wanted.extend(numbers.iter().map(|number| made_up(*number)));
            }
        }
        for _ in 0..100_000 {
            let Some(due) = requests.deadline() else { break };
            now = now.max(due);
            for (peer, id) in requests.select(now, &mut rng, &mut |_| false) {
                if peer.to_u64() >= silent.len() as u64 {
                    prop_assert!(requests.received(peer, hash_of(&id)));
                    requests.forget(&hash_of(&id));
                    wanted.remove(&id);
                }
            }
        }
        prop_assert!(wanted.is_empty(), "{} were never asked for", wanted.len());
        // A silent peer is asked for a hundred in a minute, so it holds up nothing for long.
        let minutes = silent.iter().map(|(_, numbers)| numbers.len().div_ceil(MAX_IN_FLIGHT)).sum::<usize>();
        prop_assert!(now <= START + Duration::from_secs(60 * minutes as u64 + 10));
    }
}

#[test]
fn room_that_one_transaction_does_not_need_goes_to_the_next() {
    let (mut requests, peer) = (Requests::default(), PeerId::new(1));
    let mut rng = ChaCha12Rng::from_seed([2; 32]);
    requests.add_peer(peer, true, true);
    let ids: Vec<TxRef> = (0..MAX_IN_FLIGHT as u64 + 2).map(made_up).collect();
    for id in &ids {
        requests.announce(START, peer, id).expect("few");
    }
    assert_eq!(requests.select(START, &mut rng, &mut |_| false).len(), MAX_IN_FLIGHT);
    requests.not_found(peer, hash_of(&ids[0]));
    let (known, last) = (ids[MAX_IN_FLIGHT], ids[MAX_IN_FLIGHT + 1]);
    assert_eq!(requests.select(START, &mut rng, &mut |id| *id == known), [(peer, last)]);
}
