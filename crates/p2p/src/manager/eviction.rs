//! Which inbound connection makes room for another.

use std::collections::BTreeMap;
use std::time::Duration;

use super::group::NetGroup;
use crate::event::PeerId;

/// Connections kept for the network they come from.
const KEEP_GROUPS: usize = 4;
/// Connections kept for their quick answers.
const KEEP_QUICK: usize = 8;
/// Connections kept for the transactions they brought.
const KEEP_TX: usize = 4;
/// Connections kept for the blocks they brought.
const KEEP_BLOCK: usize = 4;

/// What an inbound connection is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) id: PeerId,
    pub(super) group: NetGroup,
    /// A keyed rank of the group, which an attacker cannot foresee.
    pub(super) group_rank: u64,
    pub(super) opened: Duration,
    pub(super) least_ping: Option<Duration>,
    pub(super) last_tx: Option<Duration>,
    pub(super) last_block: Option<Duration>,
}

/// The connection to give up, if one may be: after those that would be hard to fake are set apart (their networks,
/// their latency, what they brought, and half of the rest by age), the youngest of the network with most connections
/// (Core's `SelectNodeToEvict`).
pub(super) fn choose(mut candidates: Vec<Candidate>) -> Option<PeerId> {
    keep(&mut candidates, KEEP_GROUPS, |candidate| candidate.group_rank);
    keep(&mut candidates, KEEP_QUICK, |candidate| candidate.least_ping.unwrap_or(Duration::MAX));
    keep(&mut candidates, KEEP_TX, |candidate| std::cmp::Reverse(candidate.last_tx));
    keep(&mut candidates, KEEP_BLOCK, |candidate| std::cmp::Reverse(candidate.last_block));
    let half = candidates.len() / 2;
    keep(&mut candidates, half, |candidate| candidate.opened);

    let mut groups: BTreeMap<NetGroup, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        groups.entry(candidate.group).or_default().push(candidate);
    }
    let youngest = |members: &[Candidate]| members.iter().map(|member| member.opened).max();
    let crowded = groups.into_values().max_by_key(|members| (members.len(), youngest(members)))?;
    crowded.into_iter().max_by_key(|member| (member.opened, member.id)).map(|member| member.id)
}

/// Sets the first `count` in the order of `key` apart.
fn keep<K: Ord>(candidates: &mut Vec<Candidate>, count: usize, key: impl Fn(&Candidate) -> K) {
    candidates.sort_by_key(|candidate| (key(candidate), candidate.id));
    candidates.drain(..count.min(candidates.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u64, network: u8) -> Candidate {
        Candidate {
            id: PeerId::new(number),
            group: NetGroup::of(std::net::Ipv4Addr::new(network, 1, 1, 1).into()),
            group_rank: u64::from(network),
            opened: Duration::from_secs(number),
            least_ping: None,
            last_tx: None,
            last_block: None,
        }
    }

    #[test]
    fn few_are_all_protected() {
        let protected = KEEP_GROUPS + KEEP_QUICK + KEEP_TX + KEEP_BLOCK;
        let few: Vec<_> = (0..protected as u64).map(|number| candidate(number, 1)).collect();
        assert_eq!(choose(few.clone()), None);
        let one_more = few.into_iter().chain([candidate(99, 1)]).collect();
        assert_eq!(choose(one_more), Some(PeerId::new(99)));
    }

    #[test]
    fn the_youngest_of_the_crowd_goes_and_useful_ones_stay() {
        let mut peers: Vec<_> = (0..30).map(|number| candidate(number, 10 + number as u8)).collect();
        let mut crowd: Vec<_> = (100..160).map(|number| candidate(number, 200)).collect();
        crowd[59].last_block = Some(Duration::from_secs(1));
        crowd[58].last_tx = Some(Duration::from_secs(1));
        crowd[57].least_ping = Some(Duration::from_millis(1));
        peers.extend(crowd);
        assert_eq!(choose(peers), Some(PeerId::new(156)));
    }
}
