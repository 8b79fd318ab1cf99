//! Fee rates: as a limit, and as a ratio to sort by.

use std::cmp::Ordering;
use std::fmt;

use cairn_primitives::Amount;

/// A fee rate in smallest units for 1,000 virtual bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SatPerKvb(u64);

impl SatPerKvb {
    /// No fee.
    pub const ZERO: Self = Self(0);

    /// A rate of `sat` smallest units for 1,000 virtual bytes.
    pub const fn new(sat: u64) -> Self {
        Self(sat)
    }

    /// Smallest units for 1,000 virtual bytes.
    pub const fn to_sat(self) -> u64 {
        self.0
    }

    /// The fee of `vsize` virtual bytes at this rate, rounded up; `u64::MAX` where it does not fit.
    pub fn fee(self, vsize: u64) -> Amount {
        let exact = (u128::from(self.0) * u128::from(vsize)).div_ceil(1000);
        Amount::from_sat(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for SatPerKvb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sat/kvB", self.0)
    }
}

/// A fee and the size it pays for, compared exactly by their ratio: 1/2 equals 2/4.
#[derive(Debug, Clone, Copy)]
pub struct FeeRate {
    fee: u64,
    vsize: u64,
}

impl FeeRate {
    /// What `fee` is to `vsize` virtual bytes. A size of 0 counts as 1.
    pub fn new(fee: Amount, vsize: u64) -> Self {
        Self { fee: fee.to_sat(), vsize: vsize.max(1) }
    }

    /// The rate for 1,000 virtual bytes, rounded down; `u64::MAX` where it does not fit.
    pub fn to_sat_per_kvb(self) -> SatPerKvb {
        let exact = u128::from(self.fee) * 1000 / u128::from(self.vsize);
        SatPerKvb(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl Ord for FeeRate {
    fn cmp(&self, other: &Self) -> Ordering {
        let here = u128::from(self.fee) * u128::from(other.vsize);
        here.cmp(&(u128::from(other.fee) * u128::from(self.vsize)))
    }
}

impl PartialOrd for FeeRate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FeeRate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for FeeRate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_up_and_never_overflows() {
        assert_eq!(SatPerKvb::new(1000).fee(141), Amount::from_sat(141));
        assert_eq!(SatPerKvb::new(1001).fee(141), Amount::from_sat(142));
        assert_eq!(SatPerKvb::new(1).fee(1), Amount::from_sat(1));
        assert_eq!(SatPerKvb::ZERO.fee(100_000), Amount::ZERO);
        assert_eq!(SatPerKvb::new(u64::MAX).fee(u64::MAX), Amount::from_sat(u64::MAX));
    }

    #[test]
    fn rates_compare_as_ratios() {
        let rate = |fee, vsize| FeeRate::new(Amount::from_sat(fee), vsize);
        assert_eq!(rate(1, 2), rate(2, 4));
        assert!(rate(u64::MAX, 3) > rate(u64::MAX, 4));
        assert!(rate(999, 1000) < rate(1, 1));
        assert_eq!(rate(1, 3).to_sat_per_kvb().to_sat(), 333);
        assert_eq!(rate(u64::MAX, 1).to_sat_per_kvb().to_sat(), u64::MAX);
    }
}
