//! The two locks a transaction can put on itself: absolute (lock time) and relative (sequence, BIP68).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BlockTime, Height};

/// An input's sequence number, as it stands in the transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u32);

impl Sequence {
    /// The number that opts out of lock time, relative locks and replacement (Core's `SEQUENCE_FINAL`).
    pub const FINAL: Self = Self(0xffff_ffff);

    /// Set when the number is not a relative lock (BIP68).
    const DISABLE_FLAG: u32 = 1 << 31;
    /// Set when the relative lock counts time, clear when it counts blocks (BIP68).
    const TYPE_FLAG: u32 = 1 << 22;

    /// The sequence number with these bits.
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits as they stand in the transaction.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// Whether it is [`FINAL`](Self::FINAL). A transaction whose inputs all are ignores its lock time.
    pub const fn is_final(self) -> bool {
        self.0 == Self::FINAL.0
    }

    /// Whether it signals that the transaction may be replaced: below `fffffffe` (BIP125).
    pub const fn is_rbf(self) -> bool {
        self.0 < 0xffff_fffe
    }

    /// The relative lock in the number (BIP68), which counts only in transactions of version 2 and above; that is
    /// for the caller to know.
    pub const fn relative_lock(self) -> RelativeLock {
        let value = (self.0 & 0xffff) as u16;
        if self.0 & Self::DISABLE_FLAG != 0 {
            RelativeLock::Disabled
        } else if self.0 & Self::TYPE_FLAG != 0 {
            RelativeLock::Units512s(value)
        } else {
            RelativeLock::Blocks(value)
        }
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequence({:#010x})", self.0)
    }
}

/// How long after the coin it spends an input may be mined (BIP68).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelativeLock {
    /// The sequence number is no relative lock.
    Disabled,
    /// This many blocks after the block of the coin.
    Blocks(u16),
    /// This many times 512 seconds after the median time past before the coin's block.
    Units512s(u16),
}

/// A transaction's lock time, as it stands in the transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LockTime(u32);

impl LockTime {
    /// No lock.
    pub const ZERO: Self = Self(0);

    /// The least number that means a time; any below it is a height (Core's `LOCKTIME_THRESHOLD`).
    pub const THRESHOLD: u32 = 500_000_000;

    /// The lock time with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number as it stands in the transaction.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// What the number means. The transaction may be in blocks above that height, or after that time.
    pub const fn kind(self) -> LockTimeKind {
        if self.0 < Self::THRESHOLD {
            LockTimeKind::Height(Height::new(self.0))
        } else {
            LockTimeKind::Time(BlockTime::new(self.0))
        }
    }
}

impl fmt::Display for LockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The meaning of a [`LockTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockTimeKind {
    /// The last height that may not contain the transaction.
    Height(Height),
    /// The last moment at which it may not be mined.
    Time(BlockTime),
}
