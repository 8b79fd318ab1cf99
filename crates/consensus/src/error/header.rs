//! Rules of headers.

use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Height};

use super::Verdict;

/// A rule that a header broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is known and was found invalid before.
    #[error("header {hash} was found invalid before")]
    KnownInvalid {
        /// The header's hash.
        hash: BlockHash,
    },
    /// `bits` is negative, zero, does not fit 256 bits or is easier than the chain's limit.
    #[error("bits {got} are not a target this chain allows (limit {limit})")]
    TargetOutOfRange {
        /// The bits in the header.
        got: CompactTarget,
        /// The easiest bits the chain allows.
        limit: CompactTarget,
    },
    /// The hash, read as a number, is above the target that `bits` states.
    #[error("hash {got} is above the target of bits {bits}")]
    HighHash {
        /// The header's hash.
        got: BlockHash,
        /// The bits in the header.
        bits: CompactTarget,
    },
    /// The parent is not known.
    #[error("parent {prev} is not known")]
    UnknownParent {
        /// The parent the header names.
        prev: BlockHash,
    },
    /// The parent, or a block below it, is invalid.
    #[error("parent {prev} is invalid")]
    InvalidParent {
        /// The parent the header names.
        prev: BlockHash,
    },
    /// `bits` differs from what the retarget rule asks for at this place in the chain.
    #[error("bits are {got}, the chain asks for {expected} at height {height}")]
    WrongBits {
        /// Height of the header.
        height: Height,
        /// The bits in the header.
        got: CompactTarget,
        /// The bits the rule gives.
        expected: CompactTarget,
    },
    /// A checkpoint names another block at this height.
    #[error("height {height} is checkpointed at {expected}, got {got}")]
    Checkpoint {
        /// Height of the header.
        height: Height,
        /// The header's hash.
        got: BlockHash,
        /// The checkpointed hash.
        expected: BlockHash,
    },
    /// A checkpoint higher up is known, so no other branch is taken this low.
    #[error("height {height} lies below {limit}, the highest checkpoint known")]
    BelowCheckpoint {
        /// Height of the header.
        height: Height,
        /// Height of the checkpoint.
        limit: Height,
    },
    /// The time is not after the median of the last eleven blocks.
    #[error("time {got} is not after the median time past {limit}")]
    TimeTooOld {
        /// The time in the header.
        got: BlockTime,
        /// The median time past of the parent; the time must be greater.
        limit: BlockTime,
    },
    /// The first block of a retarget period is too far before its parent (BIP94).
    #[error("time {got} opens a retarget period earlier than {limit}")]
    Timewarp {
        /// The time in the header.
        got: BlockTime,
        /// The earliest time allowed.
        limit: BlockTime,
    },
    /// The time is too far ahead of the local clock.
    #[error("time {got} is later than {limit}, the furthest the clock allows now")]
    TimeTooNew {
        /// The time in the header.
        got: BlockTime,
        /// The latest time allowed at this moment.
        limit: BlockTime,
    },
    /// The version is below the floor that active soft forks set.
    #[error("version {got:#010x} is below {limit}, the floor at height {height}")]
    BadVersion {
        /// Height of the header.
        height: Height,
        /// The version in the header.
        got: i32,
        /// The lowest version allowed.
        limit: i32,
    },
    /// Too many blocks of a period in which they must signal do not (BIP8).
    #[error("{got} blocks up to height {height} do not set bit {bit}, {limit} may")]
    SignalMissing {
        /// Height of the header.
        height: Height,
        /// The bit.
        bit: u8,
        /// Blocks of the period without it, this one included.
        got: u32,
        /// Most blocks of a period that may be without it.
        limit: u32,
    },
    /// The tree holds as many headers as it may.
    #[error("the header tree is full at {limit} headers")]
    TreeFull {
        /// The largest count.
        limit: usize,
    },
}

impl HeaderError {
    /// Bitcoin Core's reject reason for the same rule, without its variable part.
    pub fn code(&self) -> &'static str {
        match self {
            Self::KnownInvalid { .. } => "duplicate-invalid",
            Self::TargetOutOfRange { .. } | Self::HighHash { .. } => "high-hash",
            Self::UnknownParent { .. } => "prev-blk-not-found",
            Self::InvalidParent { .. } => "bad-prevblk",
            Self::WrongBits { .. } => "bad-diffbits",
            Self::Checkpoint { .. } | Self::BelowCheckpoint { .. } => "bad-fork-prior-to-checkpoint",
            Self::TimeTooOld { .. } => "time-too-old",
            Self::Timewarp { .. } => "time-timewarp-attack",
            Self::TimeTooNew { .. } => "time-too-new",
            Self::BadVersion { .. } => "bad-version",
            Self::SignalMissing { .. } => "bad-version-bip8-must-signal",
            Self::TreeFull { .. } => "header-tree-full",
        }
    }

    /// What may be concluded about the header.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::KnownInvalid { .. }
            | Self::TargetOutOfRange { .. }
            | Self::HighHash { .. }
            | Self::InvalidParent { .. }
            | Self::WrongBits { .. }
            | Self::Checkpoint { .. }
            | Self::BelowCheckpoint { .. }
            | Self::TimeTooOld { .. }
            | Self::Timewarp { .. }
            | Self::BadVersion { .. }
            | Self::SignalMissing { .. } => Verdict::Invalid,
            Self::UnknownParent { .. } | Self::TimeTooNew { .. } => Verdict::Premature,
            Self::TreeFull { .. } => Verdict::Internal,
        }
    }
}
