//! What peers need not announce to us because it pays too little (BIP133).

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_primitives::Amount;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::timing::exponential;
use crate::event::PeerId;

/// Mean time between two fee filters (Core's `AVG_FEEFILTER_BROADCAST_INTERVAL`).
pub(crate) const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Longest time until a peer hears that the rate has changed by a third (Core's `MAX_FEEFILTER_CHANGE_DELAY`).
pub(crate) const CHANGE_DELAY: Duration = Duration::from_secs(5 * 60);
/// From one step of the rates that are told to the next (Core's `FEE_FILTER_SPACING`).
const SPACING: f64 = 1.1;

#[derive(Clone, Copy, Debug)]
struct Told {
    rate: Option<Amount>,
    next: Duration,
}

/// What each peer was told, and when it is to be told next.
#[derive(Clone, Debug, Default)]
pub(super) struct FeeFilters {
    peers: BTreeMap<PeerId, Told>,
}

impl FeeFilters {
    /// A peer is there: it is told at once.
    pub(super) fn add_peer(&mut self, now: Duration, peer: PeerId) {
        self.peers.insert(peer, Told { rate: None, next: now });
    }

    /// A peer is gone.
    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// Tells whoever is to be told now what the pool wants at the least.
    pub(super) fn due(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        min_rate: Amount,
        mut send: impl FnMut(PeerId, Amount),
    ) {
        for (peer, told) in &mut self.peers {
            if told.next <= now {
                let rate = rounded(min_rate, rng);
                if told.rate != Some(rate) {
                    told.rate = Some(rate);
                    send(*peer, rate);
                }
                told.next = now + exponential(rng, INTERVAL);
            } else if told.next > now + CHANGE_DELAY && told.rate.is_some_and(|rate| differs(rate, min_rate))
            {
                told.next = now + CHANGE_DELAY.mul_f64(rng.random());
            }
        }
    }

    /// When someone is to be told.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.peers.values().map(|told| told.next).min()
    }
}

/// Whether the rate has left the range from three quarters to four thirds of what was told.
fn differs(told: Amount, rate: Amount) -> bool {
    let (told, rate) = (u128::from(told.to_sat()), u128::from(rate.to_sat()));
    rate * 4 < told * 3 || rate * 3 > told * 4
}

/// One of the two steps at or below the rate, the nearer one twice as often, so that the pool's very rate does not
/// tell this node from others. Core may go up a step as well; but then peers would keep back what is wanted.
fn rounded(rate: Amount, rng: &mut ChaCha12Rng) -> Amount {
    let exact = rate.to_sat() as f64;
    if exact < 1.0 {
        return rate;
    }
    let mut step = 1.0;
    while step * SPACING <= exact {
        step *= SPACING;
    }
    if rng.random_range(0..3) == 0 {
        step /= SPACING;
    }
    Amount::from_sat(step as u64).min(rate)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn rng() -> ChaCha12Rng {
        ChaCha12Rng::from_seed([3; 32])
    }

    #[test]
    fn a_rate_is_rounded_down_by_two_steps_at_most() {
        let mut rng = rng();
        for sat in [1, 2, 100, 999, 1_000, 12_345, 10_000_000, u64::MAX] {
            for _ in 0..20 {
                let told = rounded(Amount::from_sat(sat), &mut rng).to_sat();
                assert!(told <= sat, "{told} of {sat}");
                assert!(told as f64 >= (sat as f64 / SPACING.powi(2) - 1.0).floor(), "{told} of {sat}");
            }
        }
        assert_eq!(rounded(Amount::ZERO, &mut rng), Amount::ZERO);
    }

    #[test]
    fn a_third_is_a_change_and_less_is_none() {
        let told = Amount::from_sat(1_200);
        assert!(!differs(told, Amount::from_sat(900)) && !differs(told, Amount::from_sat(1_600)));
        assert!(differs(told, Amount::from_sat(899)) && differs(told, Amount::from_sat(1_601)));
    }

    #[test]
    fn a_peer_is_told_at_once_and_soon_after_a_change() {
        let (mut rng, mut filters, peer) = (rng(), FeeFilters::default(), PeerId::new(1));
        let start = Duration::from_secs(1_000_000);
        let rate = Amount::from_sat(1_000);
        let mut sent = Vec::new();
        filters.add_peer(start, peer);
        assert_eq!(filters.deadline(), Some(start));
        filters.due(start, &mut rng, rate, |to, rate| sent.push((to, rate)));
        assert_eq!(sent.len(), 1);
        assert!(filters.deadline() > Some(start));

        // Far enough away for a change to move it.
        filters.peers.get_mut(&peer).expect("added").next = start + CHANGE_DELAY * 3;
        filters.due(start, &mut rng, Amount::from_sat(1_100), |_, _| panic!("no change of a third"));
        assert_eq!(filters.deadline(), Some(start + CHANGE_DELAY * 3));
        filters.due(start, &mut rng, Amount::from_sat(9_000), |_, _| panic!("not at once"));
        let soon = filters.deadline().expect("one peer");
        assert!(soon <= start + CHANGE_DELAY);
        filters.due(soon, &mut rng, Amount::from_sat(9_000), |to, rate| sent.push((to, rate)));
        assert!(sent[1].1 > Amount::from_sat(7_000), "{sent:?}");
    }
}
