//! The number a block's hash must not exceed.

use super::u256::{U256, U320};
use super::{CompactTarget, Work};
use crate::BlockHash;

/// A 256-bit number that a block hash, read as a number, must not exceed. The smaller, the harder.
///
/// The text form is 64 hex digits, most significant first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(U256);

impl Target {
    /// The easiest target: any hash meets it.
    pub const MAX: Self = Self(U256::MAX);

    pub(super) const fn from_u256(value: U256) -> Self {
        Self(value)
    }

    /// The target with these bytes, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_big_endian(&bytes))
    }

    /// The bytes, most significant first.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_big_endian()
    }

    /// The bits a header would carry for this target: its three leading bytes, the rest cut off, so that the
    /// result is never easier (Core's `arith_uint256::GetCompact`).
    pub fn to_compact(self) -> CompactTarget {
        CompactTarget::from_u256(self.0)
    }

    /// The expected number of hashes to meet the target: 2²⁵⁶ / (target + 1), rounded down (Core's
    /// `GetBlockProof`). A target of zero, which no compact form gives, counts as no work.
    pub fn to_work(self) -> Work {
        if self.0.is_zero() {
            return Work::ZERO;
        }
        // 2^256 does not fit: 2^256 / (t + 1) = (2^256 - (t + 1)) / (t + 1) + 1 = !t / (t + 1) + 1.
        let work = match self.0.checked_add(U256::one()) {
            Some(divisor) => !self.0 / divisor + U256::one(),
            None => U256::one(),
        };
        Work::from_u256(work)
    }

    /// Whether `hash`, its bytes read as a number with the least significant first, is at most the target.
    pub fn is_met_by(self, hash: BlockHash) -> bool {
        U256::from_little_endian(hash.as_bytes()) <= self.0
    }

    /// How many times harder than `limit` this target is: `limit / self`. With the limit `1d00ffff` it is the
    /// figure Core calls difficulty. Infinite for a target of zero.
    pub fn difficulty(self, limit: Self) -> f64 {
        limit.0.to_f64_nearest() / self.0.to_f64_nearest()
    }

    /// `self * factor / divisor`, rounded down, with the product in 320 bits; held at [`MAX`](Self::MAX), also
    /// for a divisor of zero. The epoch retarget: factor is the time taken, divisor the time planned.
    #[must_use]
    pub fn saturating_mul_div(self, factor: u64, divisor: u64) -> Self {
        let product = U320::widen(self.0) * U320::from(factor);
        product
            .checked_div(U320::from(divisor))
            .map_or(Self::MAX, |quotient| Self(quotient.narrow_saturating()))
    }

    /// `self * factor * 2^exponent`, rounded down, with the product in 320 bits; held at [`MAX`](Self::MAX). The
    /// exponential retarget: factor is the fixed-point fraction, exponent the whole part less its point.
    #[must_use]
    pub fn saturating_mul_pow2(self, factor: u64, exponent: i32) -> Self {
        let product = U320::widen(self.0) * U320::from(factor);
        let distance = exponent.unsigned_abs();
        if exponent < 0 {
            return Self((product >> distance).narrow_saturating());
        }
        if product.is_zero() {
            return Self(U256::zero());
        }
        if product.bits() as u64 + u64::from(distance) > 256 {
            return Self::MAX;
        }
        Self((product << distance).narrow_saturating())
    }
}
