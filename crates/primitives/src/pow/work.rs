//! The sum of expected hashes that decides between chains.

use super::u256::U256;

/// An expected number of hashes, of one block or of a whole chain.
///
/// The text form is 64 hex digits, most significant first (Core's `chainwork`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work(U256);

impl Work {
    /// No work.
    pub const ZERO: Self = Self(U256::zero());

    pub(super) const fn from_u256(value: U256) -> Self {
        Self(value)
    }

    /// This many hashes.
    pub fn from_u128(hashes: u128) -> Self {
        Self(U256::from(hashes))
    }

    /// The work with these bytes, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_big_endian(&bytes))
    }

    /// The bytes, most significant first.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_big_endian()
    }

    /// The sum, or `None` above 2²⁵⁶ − 1.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The work `factor` times, or `None` above 2²⁵⁶ − 1.
    pub fn checked_mul(self, factor: u64) -> Option<Self> {
        self.0.checked_mul(U256::from(factor)).map(Self)
    }

    /// The nearest floating-point number, for rates and for display.
    pub fn to_f64(self) -> f64 {
        self.0.to_f64_nearest()
    }

    /// The decimal digits, without leading zeros.
    pub fn to_decimal(self) -> String {
        self.0.to_string()
    }
}
