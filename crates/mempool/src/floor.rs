//! The fee floor that evictions raise and time lowers.

use cairn_primitives::BlockTime;

use crate::policy::Policy;
use crate::rate::SatPerKvb;

/// Seconds in which the floor halves; twice as fast below half of the pool's limit, four times below a quarter (Core's
/// `ROLLING_FEE_HALFLIFE`).
const HALF_LIFE: f64 = 12.0 * 60.0 * 60.0;
/// Seconds between two computations.
const UPDATE_INTERVAL: i64 = 10;

/// Core's rolling minimum fee: rises to what was evicted last, falls by half-lives once a block has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    sat_per_kvb: f64,
    block_since_rise: bool,
    updated: BlockTime,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self { sat_per_kvb: 0.0, block_since_rise: false, updated: BlockTime::new(0) }
    }

    /// What evicted paid, plus a step: the least a newcomer must pay.
    pub(crate) fn raise(&mut self, rate: SatPerKvb) {
        let rate = rate.to_sat() as f64;
        if rate > self.sat_per_kvb {
            self.sat_per_kvb = rate;
            self.block_since_rise = false;
        }
    }

    /// A block came at `now`: from here on the floor falls.
    pub(crate) fn block(&mut self, now: BlockTime) {
        self.block_since_rise = true;
        self.updated = now;
    }

    /// The floor at `now` for a pool that uses `usage` bytes. Zero, or at least the incremental rate.
    pub(crate) fn rate(&mut self, now: BlockTime, usage: u64, policy: &Policy) -> SatPerKvb {
        if self.sat_per_kvb == 0.0 {
            return SatPerKvb::ZERO;
        }
        let elapsed = now.seconds_since(self.updated);
        if self.block_since_rise && elapsed > UPDATE_INTERVAL {
            let speed = match usage {
                usage if usage < policy.max_usage / 4 => 4.0,
                usage if usage < policy.max_usage / 2 => 2.0,
                _ => 1.0,
            };
            self.sat_per_kvb /= (elapsed as f64 * speed / HALF_LIFE).exp2();
            self.updated = now;
            if self.sat_per_kvb < policy.incremental_rate.to_sat() as f64 / 2.0 {
                self.sat_per_kvb = 0.0;
                return SatPerKvb::ZERO;
            }
        }
        SatPerKvb::new(self.sat_per_kvb.round() as u64).max(policy.incremental_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u64 = 300_000_000;
    const HALF_LIFE_SECONDS: u32 = 43_200;

    fn raised() -> Floor {
        let mut floor = Floor::new();
        floor.raise(SatPerKvb::new(8_000));
        floor
    }

    fn rate(floor: &mut Floor, seconds: u32, usage: u64) -> u64 {
        floor.rate(BlockTime::new(seconds), usage, &Policy::default()).to_sat()
    }

    #[test]
    fn it_stands_until_a_block_comes_and_then_halves() {
        let mut floor = raised();
        assert_eq!(rate(&mut floor, 1_000_000, FULL), 8_000);
        floor.block(BlockTime::new(1_000_000));
        assert_eq!(rate(&mut floor, 1_000_010, FULL), 8_000, "not within the first ten seconds");
        assert_eq!(rate(&mut floor, 1_000_000 + HALF_LIFE_SECONDS, FULL), 4_000);
    }

    #[test]
    fn an_emptier_pool_lowers_it_faster() {
        for (usage, expected) in [(FULL / 2, 4_000), (FULL / 2 - 1, 2_000), (FULL / 4, 2_000)] {
            let mut floor = raised();
            floor.block(BlockTime::new(0));
            assert_eq!(rate(&mut floor, HALF_LIFE_SECONDS, usage), expected);
        }
        let mut floor = raised();
        floor.block(BlockTime::new(0));
        assert_eq!(rate(&mut floor, HALF_LIFE_SECONDS / 4, FULL / 4 - 1), 4_000);
    }

    #[test]
    fn it_ends_below_half_the_step_and_is_never_between() {
        let mut floor = raised();
        floor.block(BlockTime::new(0));
        assert_eq!(rate(&mut floor, HALF_LIFE_SECONDS * 4, FULL), 1_000, "500 is shown as the step");
        assert_eq!(rate(&mut floor, HALF_LIFE_SECONDS * 5, FULL), 0);
    }

    #[test]
    fn a_lower_eviction_does_not_lower_it() {
        let mut floor = raised();
        floor.raise(SatPerKvb::new(7_999));
        assert_eq!(rate(&mut floor, 0, FULL), 8_000);
    }
}
