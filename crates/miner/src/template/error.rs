//! Why there can be no template.

use cairn_primitives::{Amount, BlockTime, CompactError};
use thiserror::Error;

/// Why no block can be built on the tip: a block of the coinbase alone would break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The bits of the place are not a target.
    #[error("the next block's bits are not a target: {0}")]
    Bits(#[from] CompactError),
    /// The chain wants its blocks signed (BIP325), which this library cannot do.
    #[error("blocks of this chain must be signed, which is not supported")]
    SignedBlocks,
    /// The subsidy is above what an output may hold.
    #[error("the subsidy of {got} is above the money limit of {limit}", got = got.to_sat(), limit = limit.to_sat())]
    Subsidy {
        /// The subsidy.
        got: Amount,
        /// The chain's limit on a value.
        limit: Amount,
    },
    /// The coinbase alone is above the block weight.
    #[error("a block of the coinbase alone weighs {got}, the limit is {limit}")]
    Weight {
        /// Weight units of the block.
        got: u64,
        /// The chain's limit.
        limit: u64,
    },
    /// The payout script alone has more signature operations than a block may.
    #[error("the coinbase alone costs {got} in signature operations, the limit is {limit}")]
    Sigops {
        /// Cost of the coinbase.
        got: u64,
        /// The chain's limit.
        limit: u64,
    },
    /// The chain allows no transaction in a block, not even the coinbase.
    #[error("the chain allows {limit} transactions in a block")]
    TxCount {
        /// The chain's limit.
        limit: u32,
    },
    /// The latest time the header may carry is before the earliest.
    #[error("the header's time would have to be from {min} to {max}")]
    Times {
        /// The earliest.
        min: BlockTime,
        /// The latest.
        max: BlockTime,
    },
}
