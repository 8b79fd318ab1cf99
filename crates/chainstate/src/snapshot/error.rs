//! What can be wrong with a snapshot.

use std::path::{Path, PathBuf};

use cairn_primitives::{BlockHash, Height, OutPoint, Sha256d, Txid};

use super::file::MAGIC;
use crate::error::ChainStateError;

/// Why a snapshot was not written or not taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system refused a read, a write or a sync.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A dump does not write over a file.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no snapshot of this chain, or a damaged one.
    #[error("{} cannot be used, at offset {offset}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong there.
        source: SnapshotFault,
    },
    /// The header of the block that the coins belong to is not there yet.
    #[error(
        "the snapshot is of block {hash}, whose header is not known here; run the node until it has the headers, \
         or import them with `cairn-node import --headers`, and load again"
    )]
    UnknownBase {
        /// The block.
        hash: BlockHash,
    },
    /// The block that the coins belong to, or one below it, is marked invalid.
    #[error("the snapshot is of block {hash}, which is invalid")]
    InvalidBase {
        /// The block.
        hash: BlockHash,
    },
    /// Nothing says what the coins of that block must be.
    #[error(
        "the chain spec names no snapshot of block {hash}; if you know the hash of its coins from a source you trust, \
         give it with --coins-hash"
    )]
    NotListed {
        /// The block.
        hash: BlockHash,
    },
    /// The coins are not those that were asked for.
    #[error("the coins of the snapshot have the hash {got}, expected {expected}")]
    CoinsHash {
        /// Hash of the coins in the file.
        got: Sha256d,
        /// The hash that the spec or the operator names.
        expected: Sha256d,
    },
    /// The tip is not below the snapshot's block.
    #[error(
        "the chain is at height {height} already, on another branch or past the snapshot's block at {base}; \
         a snapshot is of use only to a chain that is on its way there"
    )]
    NotBelow {
        /// Height of the tip.
        height: Height,
        /// Height of the snapshot's block.
        base: Height,
    },
    /// The chain began with a snapshot that is not validated yet.
    #[error("the chain began with a snapshot, which is not validated yet")]
    Begun,
    /// The chain's own data.
    #[error(transparent)]
    State(#[from] ChainStateError),
}

/// What is wrong at some place of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// It does not begin as snapshots do.
    #[error("it begins with {got:02x?}, a snapshot with {MAGIC:02x?}")]
    Magic {
        /// The first bytes.
        got: [u8; 5],
    },
    /// It has another version of the form.
    #[error("it has version {got}, this program reads {expected}")]
    Version {
        /// The version found.
        got: u16,
        /// The version read here.
        expected: u16,
    },
    /// It belongs to another network.
    #[error("it belongs to the network with magic {got:02x?}, this one has {expected:02x?}")]
    Network {
        /// The magic found.
        got: [u8; 4],
        /// This chain's magic.
        expected: [u8; 4],
    },
    /// It ends too early.
    #[error("the file ends here, too early")]
    Truncated,
    /// There is more behind the last coin.
    #[error("there are bytes behind the last coin")]
    Trailing,
    /// Bytes that are no such field.
    #[error("these bytes are no {field}")]
    Malformed {
        /// What they should be.
        field: &'static str,
    },
    /// Transactions come in ascending order of their ids' bytes, each once.
    #[error("transaction {txid} is not above the one before it")]
    Order {
        /// The transaction.
        txid: Txid,
    },
    /// A coin is there twice.
    #[error("coin {outpoint} is there twice")]
    Repeated {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A transaction has no coins, or more than the file says there are in all.
    #[error("a transaction with {got} coins, where {left} are left")]
    Count {
        /// Coins of the transaction.
        got: u64,
        /// Coins that have not come yet.
        left: u64,
    },
    /// No transaction has so many outputs.
    #[error("output {got}; no transaction has more than {limit}")]
    Output {
        /// The output index.
        got: u64,
        /// The first index that cannot be.
        limit: u64,
    },
    /// A coin that is newer than the block.
    #[error("a coin of height {got}, above the snapshot's {limit}")]
    Height {
        /// The coin's height.
        got: u128,
        /// Height of the snapshot's block.
        limit: Height,
    },
    /// A coin worth more than there can be.
    #[error("a coin worth {got}, more than {limit}")]
    Value {
        /// The coin's value in the smallest unit.
        got: u64,
        /// The chain's highest value.
        limit: u64,
    },
    /// A script that no spendable coin has.
    #[error("a script of {got} bytes, more than {limit}")]
    ScriptLength {
        /// Its length in bytes.
        got: u128,
        /// The longest there can be.
        limit: usize,
    },
}

impl SnapshotError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        SnapshotError::Io { path: path.to_owned(), source }
    }
}

impl From<cairn_store::StoreError> for SnapshotError {
    fn from(error: cairn_store::StoreError) -> Self {
        SnapshotError::State(error.into())
    }
}
