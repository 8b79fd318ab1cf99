//! Rules of blocks.

use cairn_primitives::{Amount, BlockHash, Height, MerkleRoot, OutPoint, Sha256d, Txid};
use cairn_script::ScriptError;

use super::{CoinViewError, HeaderError, SignetError, TxError, Verdict, script};

/// A rule that a block broke, or the reason it could not be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The block's header broke a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The transactions do not hash to the header's merkle root.
    #[error("the transactions hash to {got}, the header says {expected}")]
    MerkleRoot {
        /// Root of the transactions present.
        got: MerkleRoot,
        /// Root in the header.
        expected: MerkleRoot,
    },
    /// The transaction list repeats its tail so that the merkle root stays the same (CVE-2012-2459).
    #[error("the transaction list repeats its own tail")]
    DuplicateTail,
    /// No transactions, or more of them or more bytes than a block may have.
    #[error("the block has {txs} transactions and {base_size} bytes without witness, weight limit {limit}")]
    Length {
        /// Number of transactions.
        txs: usize,
        /// Size without witness data, bytes.
        base_size: usize,
        /// The weight limit; a transaction counts 4 and a byte counts 4.
        limit: u64,
    },
    /// More transactions than the chain allows in a block.
    #[error("the block has {got} transactions, at most {limit} are allowed")]
    TxCount {
        /// Number of transactions.
        got: usize,
        /// The chain's limit.
        limit: u32,
    },
    /// The first transaction is no coinbase.
    #[error("the first transaction is no coinbase")]
    CoinbaseMissing,
    /// The first transaction is no coinbase and one is as long as two nodes of the merkle tree: a level of
    /// the tree may stand in place of the transactions.
    #[error(
        "the first transaction is no coinbase, and transaction {index} may be two nodes of the merkle tree"
    )]
    MerkleNodes {
        /// Index of the first transaction of 64 bytes.
        index: usize,
    },
    /// A transaction after the first is a coinbase.
    #[error("transaction {index} is a second coinbase")]
    CoinbaseMultiple {
        /// Index of the transaction.
        index: usize,
    },
    /// A transaction broke a rule.
    #[error("transaction {txid}: {error}")]
    Tx {
        /// The transaction.
        txid: Txid,
        /// The rule.
        error: TxError,
    },
    /// More signature operations than a block may have.
    #[error("signature operations cost {got}, the limit is {limit}")]
    Sigops {
        /// Cost counted when the limit was passed.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The block does not satisfy the chain's challenge (BIP325).
    #[error("the block is not signed as its chain asks: {error}")]
    Signet {
        /// What is wrong with its solution.
        error: SignetError,
    },
    /// The coinbase does not begin with the block's height (BIP34).
    #[error("the coinbase does not begin with height {expected}")]
    CoinbaseHeight {
        /// The height it must begin with.
        expected: Height,
    },
    /// The coinbase has no witness of exactly one 32-byte item beside its commitment (BIP141).
    #[error("the coinbase witness is not one item of 32 bytes")]
    WitnessNonceSize,
    /// The coinbase's commitment does not match the witnesses (BIP141).
    #[error("the witness commitment is {got}, the witnesses give {expected}")]
    WitnessCommitment {
        /// The commitment in the coinbase.
        got: Sha256d,
        /// What the witnesses hash to.
        expected: Sha256d,
    },
    /// A transaction carries a witness though the block commits to none (BIP141).
    #[error("transaction {index} carries a witness the block does not commit to")]
    UnexpectedWitness {
        /// Index of the transaction.
        index: usize,
    },
    /// The block weighs more than allowed.
    #[error("the block weighs {got}, the limit is {limit}")]
    Weight {
        /// Its weight.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The block would overwrite a coin that is still unspent (BIP30).
    #[error("coin {outpoint} exists and is unspent")]
    CoinExists {
        /// The coin.
        outpoint: OutPoint,
    },
    /// The fees together are above the money limit.
    #[error("the fees together exceed the money limit {limit}", limit = limit.to_sat())]
    FeesOutOfRange {
        /// The chain's money limit.
        limit: Amount,
    },
    /// The coinbase pays out more than subsidy and fees.
    #[error("the coinbase pays {got}, subsidy and fees give {limit}", got = got.to_sat(), limit = limit.to_sat())]
    CoinbaseValue {
        /// What it pays.
        got: Amount,
        /// What it may pay at most.
        limit: Amount,
    },
    /// A script failed.
    #[error("input {input} of transaction {txid}: {error}")]
    Script {
        /// The transaction.
        txid: Txid,
        /// Index of the input.
        input: usize,
        /// Why the script failed.
        error: ScriptError,
    },
    /// A coin could not be looked up.
    #[error("coin {outpoint}: {error}")]
    CoinView {
        /// The coin asked for.
        outpoint: OutPoint,
        /// Why there was no answer.
        error: CoinViewError,
    },
    /// The caller paired the block with a header of another block.
    #[error("block {got} was presented as {expected}")]
    WrongBlock {
        /// Hash of the block given.
        got: BlockHash,
        /// Hash of the header it was paired with.
        expected: BlockHash,
    },
}

impl BlockError {
    /// Bitcoin Core's reject reason for the same rule, without its variable part.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(e) => e.code(),
            Self::MerkleRoot { .. } => "bad-txnmrklroot",
            Self::DuplicateTail => "bad-txns-duplicate",
            Self::Length { .. } => "bad-blk-length",
            Self::TxCount { .. } => "bad-blk-txcount",
            Self::CoinbaseMissing | Self::MerkleNodes { .. } => "bad-cb-missing",
            Self::CoinbaseMultiple { .. } => "bad-cb-multiple",
            Self::Tx { error, .. } => error.code(),
            Self::Sigops { .. } => "bad-blk-sigops",
            Self::Signet { .. } => "bad-signet-blksig",
            Self::CoinbaseHeight { .. } => "bad-cb-height",
            Self::WitnessNonceSize => "bad-witness-nonce-size",
            Self::WitnessCommitment { .. } => "bad-witness-merkle-match",
            Self::UnexpectedWitness { .. } => "unexpected-witness",
            Self::Weight { .. } => "bad-blk-weight",
            Self::CoinExists { .. } => "bad-txns-BIP30",
            Self::FeesOutOfRange { .. } => "bad-txns-accumulated-fee-outofrange",
            Self::CoinbaseValue { .. } => "bad-cb-amount",
            Self::Script { .. } => "mandatory-script-verify-flag-failed",
            Self::CoinView { .. } => "coin-view-failed",
            Self::WrongBlock { .. } => "wrong-block",
        }
    }

    /// What may be concluded about the block.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Header(e) => e.verdict(),
            Self::MerkleRoot { .. }
            | Self::DuplicateTail
            | Self::MerkleNodes { .. }
            | Self::WitnessNonceSize
            | Self::WitnessCommitment { .. }
            | Self::UnexpectedWitness { .. } => Verdict::Mutated,
            Self::Length { .. }
            | Self::TxCount { .. }
            | Self::CoinbaseMissing
            | Self::CoinbaseMultiple { .. }
            | Self::Tx { .. }
            | Self::Sigops { .. }
            | Self::CoinbaseHeight { .. }
            | Self::Weight { .. }
            | Self::CoinExists { .. }
            | Self::FeesOutOfRange { .. }
            | Self::CoinbaseValue { .. } => Verdict::Invalid,
            Self::Script { error, .. } => script::verdict(error),
            Self::Signet { error } => error.verdict(),
            Self::CoinView { error, .. } => error.verdict(),
            Self::WrongBlock { .. } => Verdict::Internal,
        }
    }
}
