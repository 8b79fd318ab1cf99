//! Transactions of about the same fee rate, and how long they waited.

use super::MAX_TARGET;
use crate::rate::SatPerKvb;

/// Lowest bound between two buckets, in smallest units for 1,000 virtual bytes.
const LOWEST_BOUND: u64 = 100;
/// Above this bound all rates are one bucket.
const HIGHEST_BOUND: u64 = 10_000_000;

/// How often transactions waited how many blocks: at each place those that waited that many, at the last those that waited
/// longer than the longest target. The numbers decay, and so are not whole.
pub(super) type Waits = [f64; MAX_TARGET as usize + 2];

/// Rates from one bound up to below the next, where each bound is a tenth above the one before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bucket {
    /// Sum of the rates of the transactions in `confirmed`, in smallest units for 1,000 virtual bytes.
    pub(super) rates: f64,
    /// Those that a block confirmed.
    pub(super) confirmed: Waits,
    /// Those that left unconfirmed.
    pub(super) failed: Waits,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { rates: 0.0, confirmed: [0.0; MAX_TARGET as usize + 2], failed: [0.0; MAX_TARGET as usize + 2] }
    }
}

impl Bucket {
    pub(super) fn decay(&mut self, factor: f64) {
        self.rates *= factor;
        self.confirmed.iter_mut().chain(&mut self.failed).for_each(|number| *number *= factor);
    }

    /// All that were confirmed.
    pub(super) fn all_confirmed(&self) -> f64 {
        self.confirmed.iter().sum()
    }

    /// Those that were confirmed within `target` blocks.
    pub(super) fn confirmed_within(&self, target: u32) -> f64 {
        self.confirmed.iter().take(target as usize + 1).sum()
    }

    /// Those that left after waiting `target` blocks or more.
    pub(super) fn failed_after(&self, target: u32) -> f64 {
        self.failed.iter().skip(target as usize).sum()
    }
}

/// The bounds between buckets, lowest first. Whole numbers, so that they are the same on every machine.
pub(super) fn bounds() -> Vec<u64> {
    let next = |bound: &u64| Some(bound + bound / 10).filter(|bound| *bound <= HIGHEST_BOUND);
    std::iter::successors(Some(LOWEST_BOUND), next).collect()
}

/// Number of the bucket of a rate.
pub(super) fn place(bounds: &[u64], rate: SatPerKvb) -> usize {
    bounds.partition_point(|bound| *bound <= rate.to_sat())
}

/// The place of a wait in [`Waits`].
pub(super) fn slot(waited: u32) -> usize {
    waited.min(MAX_TARGET + 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_a_tenth_wide() {
        let bounds = bounds();
        assert_eq!(bounds[..4], [100, 110, 121, 133]);
        assert!(bounds.len() < 200 && bounds.is_sorted());
        assert!(
            *bounds.last().unwrap() <= HIGHEST_BOUND && *bounds.last().unwrap() > HIGHEST_BOUND / 11 * 10
        );
        let place = |rate| place(&bounds, SatPerKvb::new(rate));
        assert_eq!((place(0), place(99), place(100), place(109), place(110)), (0, 0, 1, 1, 2));
        assert_eq!(place(u64::MAX), bounds.len());
    }

    #[test]
    fn waits_are_told_apart_up_to_the_longest_target() {
        let mut bucket = Bucket::default();
        for waited in [1, 2, MAX_TARGET, MAX_TARGET + 1, u32::MAX] {
            bucket.confirmed[slot(waited)] += 1.0;
            bucket.failed[slot(waited)] += 1.0;
        }
        let within = [1, 2, MAX_TARGET - 1, MAX_TARGET].map(|target| bucket.confirmed_within(target));
        assert_eq!((bucket.all_confirmed(), within), (5.0, [1.0, 2.0, 2.0, 3.0]));
        assert_eq!(bucket.failed_after(MAX_TARGET), 3.0);
        assert_eq!((bucket.failed_after(1), bucket.failed_after(2), bucket.failed_after(3)), (5.0, 4.0, 3.0));
    }
}
