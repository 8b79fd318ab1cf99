//! Why a transaction is not accepted.

use cairn_consensus::{CoinViewError, TxError, Verdict};
use cairn_primitives::{Amount, OutPoint, Txid};
use cairn_script::ScriptError;

/// What a rejection says about the transaction, and so about who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It can never be in a block: hold it against the sender.
    Invalid,
    /// This witness is missing or bad; the same transaction with another witness may be fine, so nothing may be
    /// remembered under its txid.
    Mutated,
    /// It may be valid, but this policy does not take it, now or later.
    Nonstandard,
    /// It may become acceptable when the chain has grown.
    Premature,
    /// A coin it spends is not known: it was spent, or a parent has not come yet.
    Missing,
    /// It is here or in the chain already.
    Known,
    /// It is refused because of what the pool holds now: conflicts, packages, fees.
    Pool,
    /// The coins could not be looked up; says nothing about the transaction.
    Unavailable,
}

/// The rule for which a transaction was not accepted: one variant a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A rule of consensus.
    #[error(transparent)]
    Consensus(#[from] TxError),
    /// The coin view failed.
    #[error(transparent)]
    CoinView(#[from] CoinViewError),
    /// A coinbase outside a block.
    #[error("a coinbase is valid in a block only")]
    Coinbase,
    /// A version without a meaning.
    #[error("version {got} is not standard, {limit} is the highest")]
    Version {
        /// The version, read without sign.
        got: u32,
        /// The highest.
        limit: u32,
    },
    /// Too heavy.
    #[error("the transaction weighs {got}, at most {limit} is standard")]
    Weight {
        /// Its weight units.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// Too small without its witness.
    #[error("the transaction has {got} bytes without witness, at least {limit} are standard")]
    TooSmall {
        /// Its bytes without witness.
        got: usize,
        /// The least.
        limit: usize,
    },
    /// An input script is too long.
    #[error("the script of input {index} has {got} bytes, at most {limit} are standard")]
    ScriptSigSize {
        /// Index of the input.
        index: usize,
        /// Its length in bytes.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// An input script does more than push.
    #[error("the script of input {index} does more than push")]
    ScriptSigNotPushOnly {
        /// Index of the input.
        index: usize,
    },
    /// An output script has no standard form.
    #[error("the script of output {index} is not standard")]
    ScriptPubkey {
        /// Index of the output.
        index: usize,
    },
    /// An output is worth less than it costs to spend.
    #[error("output {index} is worth {got}, less than the dust limit {limit}", got = got.to_sat(), limit = limit.to_sat())]
    Dust {
        /// Index of the output.
        index: usize,
        /// Its value.
        got: Amount,
        /// The least for its form.
        limit: Amount,
    },
    /// More than one data output.
    #[error("{got} outputs carry data, one is standard")]
    MultiOpReturn {
        /// Data outputs.
        got: usize,
    },
    /// A witness where the next block may carry none.
    #[error("the chain has no witnesses yet")]
    NoWitnessYet,
    /// The lock time has not passed for the next block.
    #[error("the lock time has not passed")]
    NonFinal,
    /// A relative lock has not passed for the next block (BIP68).
    #[error("the relative lock of input {index} has not passed")]
    NonBip68Final {
        /// Index of the first such input.
        index: usize,
    },
    /// The same transaction, witness included, is in the pool.
    #[error("the transaction is in the pool")]
    AlreadyInMempool,
    /// The same transaction with another witness is in the pool.
    #[error("the transaction is in the pool with another witness")]
    SameNonWitnessData,
    /// It is confirmed: an output of it is among the coins.
    #[error("the transaction is in the chain")]
    AlreadyKnown,
    /// It spends a coin that a transaction spends which may not be replaced.
    #[error("{outpoint} is spent by {by}, which may not be replaced")]
    Conflict {
        /// The coin.
        outpoint: OutPoint,
        /// The transaction that spends it.
        by: Txid,
    },
    /// It spends a form of output that is not standard, or a P2SH script with too many signature operations.
    #[error("input {index} spends an output that is not standard to spend")]
    NonstandardInput {
        /// Index of the input.
        index: usize,
    },
    /// A witness is larger than is standard, or of a form that is not.
    #[error("the witness of input {index} is not standard")]
    NonstandardWitness {
        /// Index of the input.
        index: usize,
    },
    /// Too many signature operations.
    #[error("signature operations cost {got}, at most {limit} are standard")]
    Sigops {
        /// Their cost.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The fee is below the minimum relay rate.
    #[error("the fee is {got}, at least {limit} is relayed", got = got.to_sat(), limit = limit.to_sat())]
    MinRelayFee {
        /// Its fee.
        got: Amount,
        /// The least for its size.
        limit: Amount,
    },
    /// The fee is below the floor that evictions raised.
    #[error("the fee is {got}, the pool takes {limit} now", got = got.to_sat(), limit = limit.to_sat())]
    MempoolMinFee {
        /// Its fee.
        got: Amount,
        /// The least for its size.
        limit: Amount,
    },
    /// Too many unconfirmed ancestors.
    #[error("the transaction would have {got} ancestors, itself included, at most {limit} are allowed")]
    AncestorCount {
        /// How many.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// Its unconfirmed ancestors are too large.
    #[error("the transaction and its ancestors would have {got} virtual bytes, at most {limit} are allowed")]
    AncestorSize {
        /// Virtual bytes.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// An ancestor would have too many descendants.
    #[error("{ancestor} would have {got} descendants, itself included, at most {limit} are allowed")]
    DescendantCount {
        /// The ancestor.
        ancestor: Txid,
        /// How many.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The descendants of an ancestor would be too large.
    #[error("{ancestor} and its descendants would have {got} virtual bytes, at most {limit} are allowed")]
    DescendantSize {
        /// The ancestor.
        ancestor: Txid,
        /// Virtual bytes.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// It spends an output of a transaction that it would replace.
    #[error("the transaction spends from {conflict}, which it would replace")]
    SpendsConflicting {
        /// The transaction to be replaced.
        conflict: Txid,
    },
    /// A replacement would remove too many transactions (BIP125 rule 5).
    #[error("the replacement would remove {got} transactions, at most {limit} are allowed")]
    TooManyReplacements {
        /// How many.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// A replacement spends an unconfirmed output that none of the replaced does (BIP125 rule 2).
    #[error("the replacement adds the unconfirmed input {index}")]
    ReplacementAddsUnconfirmed {
        /// Index of the input.
        index: usize,
    },
    /// A replacement does not pay a higher rate than each transaction it conflicts with.
    #[error("the replacement's fee rate is not above that of {than}")]
    ReplacementFeeRate {
        /// The transaction that pays as much or more.
        than: Txid,
    },
    /// A replacement pays less than all it would remove together (BIP125 rule 3).
    #[error("the replacement pays {got}, what it would remove pays {replaced}", got = got.to_sat(), replaced = replaced.to_sat())]
    ReplacementFee {
        /// Its fee.
        got: Amount,
        /// The fees of all that it would remove.
        replaced: Amount,
    },
    /// A replacement does not pay for its own relay on top (BIP125 rule 4).
    #[error("the replacement adds {got} in fees, its relay costs {limit}", got = got.to_sat(), limit = limit.to_sat())]
    ReplacementRelayFee {
        /// What it adds.
        got: Amount,
        /// What it must add.
        limit: Amount,
    },
    /// A script failed.
    #[error("input {index}: {error}")]
    Script {
        /// Index of the input.
        index: usize,
        /// The rule it broke.
        error: ScriptError,
        /// Whether the rule holds in blocks too, not only in this policy.
        mandatory: bool,
        /// Whether the transaction came without any witness though a coin asks for one.
        witness_stripped: bool,
    },
    /// The pool is full, and the transaction pays least.
    #[error("the pool is full of transactions that pay more")]
    Full,
}

impl Rejection {
    /// Bitcoin Core's reject reason for the same rule. For scripts Core adds the rule in brackets;
    /// [`ScriptError::code`] has it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Consensus(error) => error.code(),
            Self::CoinView(_) => "coin-view-error",
            Self::Coinbase => "coinbase",
            Self::Version { .. } => "version",
            Self::Weight { .. } => "tx-size",
            Self::TooSmall { .. } => "tx-size-small",
            Self::ScriptSigSize { .. } => "scriptsig-size",
            Self::ScriptSigNotPushOnly { .. } => "scriptsig-not-pushonly",
            Self::ScriptPubkey { .. } => "scriptpubkey",
            Self::Dust { .. } => "dust",
            Self::MultiOpReturn { .. } => "multi-op-return",
            Self::NoWitnessYet => "no-witness-yet",
            Self::NonFinal => "non-final",
            Self::NonBip68Final { .. } => "non-BIP68-final",
            Self::AlreadyInMempool => "txn-already-in-mempool",
            Self::SameNonWitnessData => "txn-same-nonwitness-data-in-mempool",
            Self::AlreadyKnown => "txn-already-known",
            Self::Conflict { .. } => "txn-mempool-conflict",
            Self::NonstandardInput { .. } => "bad-txns-nonstandard-inputs",
            Self::NonstandardWitness { .. } => "bad-witness-nonstandard",
            Self::Sigops { .. } => "bad-txns-too-many-sigops",
            Self::MinRelayFee { .. } => "min relay fee not met",
            Self::MempoolMinFee { .. } => "mempool min fee not met",
            Self::AncestorCount { .. }
            | Self::AncestorSize { .. }
            | Self::DescendantCount { .. }
            | Self::DescendantSize { .. } => "too-long-mempool-chain",
            Self::SpendsConflicting { .. } => "bad-txns-spends-conflicting-tx",
            Self::TooManyReplacements { .. } => "too many potential replacements",
            Self::ReplacementAddsUnconfirmed { .. } => "replacement-adds-unconfirmed",
            Self::ReplacementFeeRate { .. }
            | Self::ReplacementFee { .. }
            | Self::ReplacementRelayFee { .. } => "insufficient fee",
            Self::Script { mandatory: true, .. } => "mandatory-script-verify-flag-failed",
            Self::Script { mandatory: false, .. } => "non-mandatory-script-verify-flag",
            Self::Full => "mempool full",
        }
    }

    /// What may be concluded about the transaction.
    pub fn class(&self) -> Class {
        match self {
            Self::Consensus(error) => of_verdict(error.verdict()),
            Self::CoinView(_) => Class::Unavailable,
            Self::Coinbase | Self::SpendsConflicting { .. } => Class::Invalid,
            Self::Version { .. }
            | Self::Weight { .. }
            | Self::TooSmall { .. }
            | Self::ScriptSigSize { .. }
            | Self::ScriptSigNotPushOnly { .. }
            | Self::ScriptPubkey { .. }
            | Self::Dust { .. }
            | Self::MultiOpReturn { .. }
            | Self::NonstandardInput { .. }
            | Self::Sigops { .. } => Class::Nonstandard,
            Self::NoWitnessYet | Self::NonFinal | Self::NonBip68Final { .. } => Class::Premature,
            Self::AlreadyInMempool | Self::SameNonWitnessData | Self::AlreadyKnown => Class::Known,
            Self::NonstandardWitness { .. } | Self::Script { witness_stripped: true, .. } => Class::Mutated,
            Self::Script { mandatory: true, .. } => Class::Invalid,
            Self::Script { mandatory: false, .. } => Class::Nonstandard,
            Self::MinRelayFee { .. }
            | Self::MempoolMinFee { .. }
            | Self::Conflict { .. }
            | Self::AncestorCount { .. }
            | Self::AncestorSize { .. }
            | Self::DescendantCount { .. }
            | Self::DescendantSize { .. }
            | Self::TooManyReplacements { .. }
            | Self::ReplacementAddsUnconfirmed { .. }
            | Self::ReplacementFeeRate { .. }
            | Self::ReplacementFee { .. }
            | Self::ReplacementRelayFee { .. }
            | Self::Full => Class::Pool,
        }
    }
}

/// A missing coin is the only rule of a single transaction that consensus calls unavailable.
fn of_verdict(verdict: Verdict) -> Class {
    match verdict {
        Verdict::Invalid => Class::Invalid,
        Verdict::Mutated => Class::Mutated,
        Verdict::Premature => Class::Premature,
        Verdict::Unavailable => Class::Missing,
        Verdict::Internal => Class::Unavailable,
    }
}
