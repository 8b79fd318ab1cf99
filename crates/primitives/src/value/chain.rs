//! Where in the chain, when, and how large.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many blocks lie below a block: the genesis block has height 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Height(u32);

impl Height {
    /// The genesis block's height.
    pub const GENESIS: Self = Self(0);

    /// The height `blocks` above genesis.
    pub const fn new(blocks: u32) -> Self {
        Self(blocks)
    }

    /// Blocks above genesis.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The height of a child, held at 2³² − 1 (some 80,000 years of ten-minute blocks).
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The height of the parent; `None` for genesis.
    pub const fn prev(self) -> Option<Self> {
        self.checked_sub(1)
    }

    /// The height `blocks` higher, or `None` above 2³² − 1.
    pub const fn checked_add(self, blocks: u32) -> Option<Self> {
        match self.0.checked_add(blocks) {
            Some(height) => Some(Self(height)),
            None => None,
        }
    }

    /// The height `blocks` lower, or `None` below genesis.
    pub const fn checked_sub(self, blocks: u32) -> Option<Self> {
        match self.0.checked_sub(blocks) {
            Some(height) => Some(Self(height)),
            None => None,
        }
    }

    /// How many blocks this height is above `lower`, or `None` if it is below it.
    pub const fn blocks_above(self, lower: Self) -> Option<u32> {
        self.0.checked_sub(lower.0)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment as a header states it: whole seconds since 1970-01-01 UTC, up to the year 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockTime(u32);

impl BlockTime {
    /// The moment `seconds` after the start of 1970 (UTC).
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Seconds since the start of 1970 (UTC).
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The moment `seconds` later, or `None` past the last that a header can state.
    pub const fn checked_add(self, seconds: u32) -> Option<Self> {
        match self.0.checked_add(seconds) {
            Some(time) => Some(Self(time)),
            None => None,
        }
    }

    /// The moment `seconds` later, held at the last that a header can state.
    #[must_use]
    pub const fn saturating_add(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The moment `seconds` earlier, held at the start of 1970.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is the later one, as header times may be.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        i64::from(self.0) - i64::from(earlier.0)
    }
}

impl fmt::Display for BlockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// BIP141 weight units: a byte of the base form counts four, a byte of witness one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(u64);

impl Weight {
    /// Weight units in a byte of the base form (Core's `WITNESS_SCALE_FACTOR`).
    pub const SCALE: u64 = 4;

    /// No weight.
    pub const ZERO: Self = Self(0);

    /// This many weight units.
    pub const fn new(units: u64) -> Self {
        Self(units)
    }

    /// The weight of something that takes `base` bytes without its witnesses and `total` with them:
    /// `3 * base + total` (BIP141).
    pub const fn from_sizes(base: usize, total: usize) -> Self {
        Self((base as u64).saturating_mul(Self::SCALE - 1).saturating_add(total as u64))
    }

    /// The number of weight units.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The weight in virtual bytes: a quarter, rounded up.
    pub const fn to_vsize(self) -> u64 {
        self.0.div_ceil(Self::SCALE)
    }

    /// The sum, or `None` above 2⁶⁴ − 1.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
