//! Rules of transactions.

use cairn_primitives::{Amount, Height, LockTime, OutPoint};

use super::Verdict;

/// A rule that a transaction broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// No inputs.
    #[error("the transaction has no inputs")]
    NoInputs,
    /// No outputs.
    #[error("the transaction has no outputs")]
    NoOutputs,
    /// Without its witness the transaction alone outweighs a block.
    #[error("the transaction weighs {got} without witness, a block at most {limit}")]
    Oversize {
        /// Four times the size without witness, in weight units.
        got: u64,
        /// The block weight limit.
        limit: u64,
    },
    /// An output value has the sign bit set.
    #[error("output {index} has a negative value")]
    NegativeValue {
        /// Index of the output.
        index: usize,
    },
    /// An output value is above the chain's money limit.
    #[error("output {index} is worth {got}, above the limit {limit}", got = got.to_sat(), limit = limit.to_sat())]
    ValueTooLarge {
        /// Index of the output.
        index: usize,
        /// The value.
        got: Amount,
        /// The chain's money limit.
        limit: Amount,
    },
    /// The outputs together are above the chain's money limit.
    #[error("the outputs together exceed the money limit {limit}", limit = limit.to_sat())]
    TotalTooLarge {
        /// The chain's money limit.
        limit: Amount,
    },
    /// Two inputs spend the same coin.
    #[error("input {index} spends {outpoint} a second time")]
    DuplicateInput {
        /// Index of the second spender.
        index: usize,
        /// The coin.
        outpoint: OutPoint,
    },
    /// The coinbase script is shorter than 2 or longer than 100 bytes.
    #[error("the coinbase script is {got} bytes, allowed are {min} to {max}")]
    CoinbaseScriptLength {
        /// Its length in bytes.
        got: usize,
        /// The shortest allowed.
        min: usize,
        /// The longest allowed.
        max: usize,
    },
    /// A transaction that is no coinbase has an input without a coin.
    #[error("input {index} names no coin")]
    NullPrevout {
        /// Index of the input.
        index: usize,
    },
    /// An input spends a coin that does not exist or was spent before.
    #[error("input {index} spends {outpoint}, which is missing or spent")]
    MissingOrSpent {
        /// Index of the input.
        index: usize,
        /// The coin.
        outpoint: OutPoint,
    },
    /// An input spends a coinbase output too early.
    #[error("input {index} spends a coinbase output {got} blocks old, {limit} are needed")]
    PrematureCoinbaseSpend {
        /// Index of the input.
        index: usize,
        /// Blocks between the coinbase and the spending block.
        got: u32,
        /// Blocks needed.
        limit: u32,
    },
    /// The coins spent are, one or together, above the chain's money limit.
    #[error("the coins spent exceed the money limit {limit}", limit = limit.to_sat())]
    InputValuesOutOfRange {
        /// The chain's money limit.
        limit: Amount,
    },
    /// More value leaves the transaction than enters it.
    #[error("outputs of {outputs} exceed inputs of {inputs}", outputs = outputs.to_sat(), inputs = inputs.to_sat())]
    InBelowOut {
        /// Value of the coins spent.
        inputs: Amount,
        /// Value of the outputs.
        outputs: Amount,
    },
    /// The lock time has not passed.
    #[error("the lock time {lock_time} has not passed at height {height}", lock_time = lock_time.to_u32())]
    NonFinal {
        /// The transaction's lock time.
        lock_time: LockTime,
        /// Height of the block it is checked for.
        height: Height,
    },
    /// A relative lock of an input has not passed (BIP68).
    #[error("a relative lock time has not passed at height {height}")]
    SequenceLocked {
        /// Height of the block it is checked for.
        height: Height,
    },
}

impl TxError {
    /// Bitcoin Core's reject reason for the same rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoInputs => "bad-txns-vin-empty",
            Self::NoOutputs => "bad-txns-vout-empty",
            Self::Oversize { .. } => "bad-txns-oversize",
            Self::NegativeValue { .. } => "bad-txns-vout-negative",
            Self::ValueTooLarge { .. } => "bad-txns-vout-toolarge",
            Self::TotalTooLarge { .. } => "bad-txns-txouttotal-toolarge",
            Self::DuplicateInput { .. } => "bad-txns-inputs-duplicate",
            Self::CoinbaseScriptLength { .. } => "bad-cb-length",
            Self::NullPrevout { .. } => "bad-txns-prevout-null",
            Self::MissingOrSpent { .. } => "bad-txns-inputs-missingorspent",
            Self::PrematureCoinbaseSpend { .. } => "bad-txns-premature-spend-of-coinbase",
            Self::InputValuesOutOfRange { .. } => "bad-txns-inputvalues-outofrange",
            Self::InBelowOut { .. } => "bad-txns-in-belowout",
            Self::NonFinal { .. } | Self::SequenceLocked { .. } => "bad-txns-nonfinal",
        }
    }

    /// What may be concluded about the transaction, taken by itself.
    ///
    /// Inside a block every one of these makes the block [`Verdict::Invalid`].
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NoInputs
            | Self::NoOutputs
            | Self::Oversize { .. }
            | Self::NegativeValue { .. }
            | Self::ValueTooLarge { .. }
            | Self::TotalTooLarge { .. }
            | Self::DuplicateInput { .. }
            | Self::CoinbaseScriptLength { .. }
            | Self::NullPrevout { .. }
            | Self::InputValuesOutOfRange { .. }
            | Self::InBelowOut { .. } => Verdict::Invalid,
            Self::MissingOrSpent { .. } => Verdict::Unavailable,
            Self::PrematureCoinbaseSpend { .. } | Self::NonFinal { .. } | Self::SequenceLocked { .. } => {
                Verdict::Premature
            }
        }
    }
}
