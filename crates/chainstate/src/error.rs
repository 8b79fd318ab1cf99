//! What can go wrong with the durable chain, apart from rules a block breaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_consensus::{BlockError, DisconnectError, HeaderError, Verdict};
use cairn_primitives::{BlockHash, DecodeError, Height, OutPoint, Sha256d};
use cairn_store::{Engine, StoreError};

use crate::coin_stats::CoinStats;
use crate::events::EventId;
use crate::index::IndexKind;

/// Why the chain's data could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChainStateError {
    /// Another process has the data directory open.
    #[error("the data directory {} is in use by another process", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory holds another chain.
    #[error(transparent)]
    OtherChain(Box<OtherChain>),
    /// The stores of the directory have another engine than the one asked for.
    #[error(
        "the data directory {} has the store {got}, not {expected}: ask for {got} or none, or convert it with `db convert --to {expected}`",
        dir.display()
    )]
    OtherEngine {
        /// The directory.
        dir: PathBuf,
        /// The engine of its stores.
        got: Engine,
        /// The engine asked for.
        expected: Engine,
    },
    /// A rebuild was cut short, so that coins and indexes are not all there.
    #[error("a rebuild of {} was cut short; finish it with `db rebuild` first", dir.display())]
    Rebuilding {
        /// The directory.
        dir: PathBuf,
    },
    /// A converted store, read back, does not hold the rows of the old one. The old one is as it was.
    #[error("the copy of the store `{store}` differs from it; nothing was changed")]
    CopyDiffers {
        /// The store, by the name of its directory.
        store: &'static str,
    },
    /// The directory was written by a version with another disk form.
    #[error("the data directory {} has disk form {got}, this version reads {expected}", dir.display())]
    DiskForm {
        /// The directory.
        dir: PathBuf,
        /// The form found.
        got: u32,
        /// The form this version reads.
        expected: u32,
    },
    /// The operating system refused a read, a write or a sync.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block or undo file does not hold the record that stands in the store.
    #[error("{} is damaged at offset {offset}: the record of block {hash} cannot be read", path.display())]
    RecordDamaged {
        /// The file.
        path: PathBuf,
        /// Where the record begins, bytes from the start of the file.
        offset: u64,
        /// The block it belongs to.
        hash: BlockHash,
    },
    /// A record is whole but its bytes are no block or no undo data.
    #[error("{} holds no valid record of block {hash} at offset {offset}", path.display())]
    RecordUndecodable {
        /// The file.
        path: PathBuf,
        /// Where the record begins, bytes from the start of the file.
        offset: u64,
        /// The block it belongs to.
        hash: BlockHash,
        /// What was wrong.
        source: DecodeError,
    },
    /// A stored block no longer passes the checks it passed before it was stored.
    #[error("the stored block {hash} breaks a rule it kept before")]
    StoredBlock {
        /// The block.
        hash: BlockHash,
        /// The rule.
        source: Box<BlockError>,
    },
    /// Undo data does not fit its block.
    #[error("the undo data of block {hash} does not fit it")]
    Undo {
        /// The block.
        hash: BlockHash,
        /// Where they differ.
        source: DisconnectError,
    },
    /// The block's transactions, or its undo data, are not on this disk.
    #[error("the data of block {hash} is not on disk")]
    NoData {
        /// The block.
        hash: BlockHash,
    },
    /// The saved headers do not link up.
    #[error("saved header {index} does not fit the tree")]
    SavedHeader {
        /// Its place in order of arrival; genesis is 0.
        index: u32,
        /// What the tree said.
        source: HeaderError,
    },
    /// The saved state names a block or a place that the saved headers do not have.
    #[error("the table {table} names something the saved headers do not have")]
    SavedState {
        /// The table with the dangling reference.
        table: &'static str,
    },
    /// The coin store belongs to a block that is not known here. Deleting the directory `coins` makes the
    /// next start rebuild it from the block files.
    #[error(
        "the coin store stands at block {at}, which is not known; delete the directory `coins` to rebuild it"
    )]
    CoinsDetached {
        /// The block the coins belong to.
        at: BlockHash,
    },
    /// The stored coins are not those that the blocks make. Rebuilding makes them so.
    #[error(
        "the coin store is damaged: at block {} it holds {} coins with muhash {}, the blocks make {} with {}",
        got.hash, got.coins, got.muhash, expected.coins, expected.muhash
    )]
    CoinsDiffer {
        /// The coins of the store.
        got: Box<CoinStats>,
        /// The coins of the blocks.
        expected: Box<CoinStats>,
    },
    /// An index does not hold what the blocks say. Rebuilding makes it so.
    #[error("the {index} index is damaged: it differs from the blocks at height {height}")]
    IndexDiffers {
        /// The index.
        index: IndexKind,
        /// The first height at which that was seen.
        height: Height,
    },
    /// An index is at no place of the event log, or lacks what it needs to go on: the next start with it switched on
    /// makes it anew.
    #[error("the {index} index does not fit the event log")]
    IndexDetached {
        /// The index.
        index: IndexKind,
    },
    /// The directory holds no chain.
    #[error("the directory {} holds no chain", dir.display())]
    NothingThere {
        /// The directory.
        dir: PathBuf,
    },
    /// A block on disk spends a coin that no block below it makes.
    #[error("the stored block {hash} spends coin {outpoint}, which is not there")]
    CoinMissing {
        /// The block.
        hash: BlockHash,
        /// The coin.
        outpoint: OutPoint,
    },
    /// No such block.
    #[error("block {hash} is not known")]
    UnknownBlock {
        /// The hash asked for.
        hash: BlockHash,
    },
    /// Genesis is valid by definition.
    #[error("the genesis block cannot be invalidated")]
    Genesis,
    /// The question needs an index that is switched off.
    #[error("the {index} index is off")]
    IndexOff {
        /// The index.
        index: IndexKind,
    },
    /// The index is being built and has not come as far as the question needs.
    #[error("the {index} index is being built: it has come to height {height}, event {event} of {target}")]
    IndexBehind {
        /// The index.
        index: IndexKind,
        /// The height it has come to.
        height: Height,
        /// The last event it has read.
        event: EventId,
        /// The last event there is.
        target: EventId,
    },
    /// The index cannot be brought up. It is tried again with the next commit.
    #[error("the {index} index has stopped: {source}")]
    IndexStopped {
        /// The index.
        index: IndexKind,
        /// Why.
        source: Arc<ChainStateError>,
    },
    /// The index would have to read blocks that were pruned.
    #[error(
        "the {index} index cannot be built: blocks up to height {height} were pruned; switch it off, or sync the chain again in \
         an empty directory with the index on"
    )]
    IndexNeedsPruned {
        /// The index.
        index: IndexKind,
        /// The highest pruned block.
        height: Height,
    },
    /// Coins and indexes are made again from the blocks, and blocks were pruned.
    #[error(
        "this chain is pruned up to height {height}, so it cannot be rebuilt from its blocks; sync it again in an empty directory"
    )]
    RebuildPruned {
        /// The highest pruned block.
        height: Height,
    },
    /// The best chain forks off below blocks that were pruned, which would have to be taken off.
    #[error(
        "the best chain forks off at height {fork}, and blocks up to height {height} were pruned: sync the chain again in an empty \
         directory"
    )]
    ForkPruned {
        /// The last block both branches share.
        fork: Height,
        /// The highest pruned block.
        height: Height,
    },
    /// The snapshot that the chain began with is false. The chain does not open again; its blocks are good.
    #[error(
        "the snapshot of block {base} that this chain began with is false: {why}; delete the directories `chain`, `coins`, \
         `coins-background` and `index` of the chain, keep `blocks`, and start again: its blocks are then checked from \
         genesis, and only those that are missing are fetched"
    )]
    SnapshotRefuted {
        /// The snapshot's block.
        base: BlockHash,
        /// How that was found.
        why: Refutation,
    },
    /// The chain began with a snapshot that is not validated yet, so the blocks below it cannot serve.
    #[error(
        "the blocks below the snapshot of block {base} are not all here and checked yet: this must wait until they are"
    )]
    SnapshotUnvalidated {
        /// The snapshot's block.
        base: BlockHash,
    },
    /// A write failed earlier, so that memory may be ahead of the disk: open the chain again.
    #[error("an earlier write failed; the chain must be opened again")]
    Halted,
    /// The threads for script checks could not be started.
    #[error("cannot start {threads} threads for script checks")]
    Threads {
        /// How many were asked for.
        threads: usize,
    },
}

impl ChainStateError {
    /// File and offset of a damaged record, where the error names one.
    pub fn place(&self) -> Option<(&Path, u64)> {
        match self {
            Self::RecordDamaged { path, offset, .. } | Self::RecordUndecodable { path, offset, .. } => {
                Some((path, *offset))
            }
            _ => None,
        }
    }
}

/// How a snapshot was found to be false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refutation {
    /// The blocks make other coins.
    #[error("the blocks make coins with the hash {got}, the snapshot has {expected}")]
    CoinsDiffer {
        /// Hash of the coins that the blocks make.
        got: Sha256d,
        /// Hash of the snapshot's coins.
        expected: Sha256d,
    },
    /// A block below it breaks a rule.
    #[error("block {hash} below it is invalid")]
    BlockInvalid {
        /// The block.
        hash: BlockHash,
    },
}

/// A data directory holds another chain than the one asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the data directory {} holds the chain {found} (genesis {found_genesis}), not {expected} (genesis {expected_genesis})",
    dir.display()
)]
pub struct OtherChain {
    /// The directory.
    pub dir: PathBuf,
    /// Name of the chain it holds.
    pub found: String,
    /// Genesis of the chain it holds.
    pub found_genesis: BlockHash,
    /// Name of the chain asked for.
    pub expected: String,
    /// Genesis of the chain asked for.
    pub expected_genesis: BlockHash,
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Its header broke a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The block broke a rule.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// It was stored, but a block below it turned out to break a rule.
    #[error("block {hash} below it is invalid: {source}")]
    Ancestor {
        /// The block below.
        hash: BlockHash,
        /// The rule that one broke.
        source: Box<BlockError>,
    },
    /// The disk failed; says nothing about the block.
    #[error(transparent)]
    State(#[from] ChainStateError),
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        SubmitError::State(error.into())
    }
}

impl SubmitError {
    /// Bitcoin Core's reject reason, `bad-prevblk` for a bad block below, `storage-failed` for our own failures.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(error) => error.code(),
            Self::Block(error) => error.code(),
            Self::Ancestor { .. } => "bad-prevblk",
            Self::State(_) => "storage-failed",
        }
    }

    /// What may be concluded about the block.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Header(error) => error.verdict(),
            Self::Block(error) => error.verdict(),
            Self::Ancestor { source, .. } => source.verdict(),
            Self::State(_) => Verdict::Internal,
        }
    }
}
