//! Money.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Decode, DecodeError, Encode, Reader, Sink};

/// A number of a chain's smallest units.
///
/// Arithmetic is checked or saturating by name; there are no operators that could wrap. Any `u64` can be held,
/// since any can stand in a transaction: that an amount lies between zero and the chain's `max_money` is a rule of
/// consensus. Bitcoin's wire form is a signed number, so an amount of 2⁶³ or more is what Core calls negative.
///
/// The encoding is eight bytes, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `units` smallest units (satoshi, on Bitcoin).
    pub const fn from_sat(units: u64) -> Self {
        Self(units)
    }

    /// The number of smallest units.
    pub const fn to_sat(self) -> u64 {
        self.0
    }

    /// The sum, or `None` above 2⁶⁴ − 1.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The difference, or `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The amount `factor` times, or `None` above 2⁶⁴ − 1.
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The sum, held at 2⁶⁴ − 1.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum of all `amounts` (zero for none), or `None` above 2⁶⁴ − 1.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// The amount in whole coins of 10^`decimals` smallest units, for reading: `1.23000000` with eight decimals,
    /// a bare integer with none. Exact for every amount and any number of decimals.
    pub const fn display(self, decimals: u8) -> DisplayAmount {
        DisplayAmount { amount: self, decimals }
    }
}

/// The number of smallest units.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Encode for Amount {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.0.to_le_bytes());
    }

    fn encoded_len(&self) -> usize {
        8
    }
}

impl Decode for Amount {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u64_le().map(Self)
    }
}

/// The form [`Amount::display`] writes.
#[derive(Clone, Copy, Debug)]
pub struct DisplayAmount {
    amount: Amount,
    decimals: u8,
}

impl fmt::Display for DisplayAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::from(self.decimals);
        if decimals == 0 {
            return f.pad(&self.amount.0.to_string());
        }
        // One digit more than the decimals, so that there is always a whole part.
        let digits = format!("{:0width$}", self.amount.0, width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        f.pad(&format!("{whole}.{fraction}"))
    }
}
