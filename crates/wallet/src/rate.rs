//! What a transaction pays for its size.

use std::fmt;

use cairn_primitives::Amount;
use serde::{Deserialize, Serialize};

/// A fee rate in smallest units for 1,000 virtual bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeeRate(u64);

impl FeeRate {
    /// No fee.
    pub const ZERO: Self = Self(0);

    /// The least rate that nodes relay by default (Core's `DEFAULT_MIN_RELAY_TX_FEE`), and the least by which a
    /// replacement must pay for its own relay (`DEFAULT_INCREMENTAL_RELAY_FEE`): 1,000.
    pub const RELAY: Self = Self(1_000);

    /// A rate of `units` smallest units for 1,000 virtual bytes.
    pub const fn from_sat_per_kvb(units: u64) -> Self {
        Self(units)
    }

    /// A rate of `units` smallest units for each virtual byte, held at 2⁶⁴ − 1 for 1,000.
    pub const fn from_sat_per_vb(units: u64) -> Self {
        Self(units.saturating_mul(1_000))
    }

    /// The rate of a transaction of `vsize` virtual bytes (0 counts as 1) that pays `fee`, rounded down; held at
    /// 2⁶⁴ − 1.
    pub fn of(fee: Amount, vsize: u64) -> Self {
        let exact = u128::from(fee.to_sat()) * 1_000 / u128::from(vsize.max(1));
        Self(u64::try_from(exact).unwrap_or(u64::MAX))
    }

    /// Smallest units for 1,000 virtual bytes.
    pub const fn to_sat_per_kvb(self) -> u64 {
        self.0
    }

    /// The fee of `vsize` virtual bytes, rounded up; held at 2⁶⁴ − 1.
    pub fn fee(self, vsize: u64) -> Amount {
        self.per(vsize, 1_000)
    }

    /// The fee of `weight` weight units, not rounded to virtual bytes first; rounded up, held at 2⁶⁴ − 1.
    pub(crate) fn fee_of_weight(self, weight: u64) -> Amount {
        self.per(weight, 4_000)
    }

    fn per(self, size: u64, unit: u128) -> Amount {
        let exact = (u128::from(self.0) * u128::from(size)).div_ceil(unit);
        Amount::from_sat(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for FeeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sat/kvB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_up_and_never_overflows() {
        let rate = FeeRate::from_sat_per_kvb(1_001);
        assert_eq!(rate.fee(1_000), Amount::from_sat(1_001));
        assert_eq!(rate.fee(141), Amount::from_sat(142));
        assert_eq!(rate.fee_of_weight(4), Amount::from_sat(2));
        assert_eq!(FeeRate::from_sat_per_vb(1).fee_of_weight(4), Amount::from_sat(1));
        assert_eq!(FeeRate::from_sat_per_vb(u64::MAX).fee(u64::MAX), Amount::from_sat(u64::MAX));
    }

    #[test]
    fn a_rate_of_a_fee_is_rounded_down() {
        assert_eq!(FeeRate::of(Amount::from_sat(1), 3).to_sat_per_kvb(), 333);
        assert_eq!(FeeRate::of(Amount::from_sat(7), 0).to_sat_per_kvb(), 7_000);
        assert_eq!(FeeRate::of(Amount::from_sat(u64::MAX), 1).to_sat_per_kvb(), u64::MAX);
    }
}
