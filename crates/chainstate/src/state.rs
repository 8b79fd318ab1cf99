//! The single writer: what it holds, and how its pace is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_primitives::{BlockHash, Height, Work};
use cairn_script::Caches;
use crossbeam_channel::Receiver;

use crate::background::{Background, SecondCoins};
use crate::candidates::Candidates;
use crate::config::Indexing;
use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventId};
use crate::flatfile::Appender;
use crate::index::Indexer;
use crate::layout::BlockRow;
use crate::live::{Live, Shared};
use crate::lock::DirLock;
use crate::prune::Prune;
use crate::reader::ChainReader;
use crate::scripts::ScriptPool;

/// The last block of the best chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Work of the chain that ends in it.
    pub work: Work,
}

impl Tip {
    pub(crate) fn of(tree: &HeaderTree, id: NodeId) -> Self {
        Tip { hash: tree.hash(id), height: tree.height(id), work: tree.work(id) }
    }
}

/// Changes in memory that the store `chain` does not have yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) events: Vec<ChainEvent>,
    /// Headers whose block row is new or has changed.
    pub(crate) rows: BTreeSet<NodeId>,
    /// Headers whose mark was set or taken back.
    pub(crate) marks: BTreeSet<NodeId>,
    /// Bytes of blocks stored.
    pub(crate) bytes: u64,
}

/// What was connected since the coin store was last flushed: the work of a redo after a crash.
#[derive(Debug, Default)]
pub(crate) struct SinceFlush {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// The chain of one directory, and the only one who changes it.
///
/// One thread owns it; all others hold a [`ChainReader`] or a subscription. Dropping it without
/// [`close`](Self::close) is like a crash: safe, and the next start redoes what was not flushed.
///
/// # When changes become durable
/// A block is written to its file at once. Near the best header each call that changes the chain returns after
/// a *commit*: block files synced, headers, positions, tip and events in the store and synced. While catching
/// up (and in an import) commits are made every [`COMMIT_BLOCKS`] blocks. Events are handed out after the
/// commit that made them durable, so no event is ever taken back, whatever happens to the machine. Coins are
/// *flushed* when their cache is full or a redo would take long; a crash before that costs time and nothing
/// else, because the blocks are there.
#[derive(Debug)]
pub struct ChainState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) files: Appender,
    pub(crate) candidates: Candidates,
    pub(crate) pending: Pending,
    /// Headers the store has.
    pub(crate) saved_headers: usize,
    pub(crate) last_event: EventId,
    /// The block the coin store stands at.
    pub(crate) coins_at: NodeId,
    pub(crate) since_flush: SinceFlush,
    pub(crate) scripts: ScriptPool,
    /// The validation of a snapshot, while it lasts.
    pub(crate) background: Option<Background>,
    pub(crate) second: SecondCoins,
    /// Bytes for the coin cache.
    pub(crate) cache_budget: usize,
    /// Commits are spaced out whatever the distance to the best header.
    pub(crate) bulk: bool,
    /// A write failed: memory and disk may differ.
    pub(crate) halted: bool,
    /// Undo data that cannot be read is made again while coins are redone.
    pub(crate) repairs_undo: bool,
    /// The store of headers and positions is made anew: what cannot be read in a block file is passed over.
    pub(crate) salvages: bool,
    /// How much undo data was made again.
    pub(crate) undo_repaired: u64,
    pub(crate) indexing: Indexing,
    /// The indexes' thread. Before the lock: it ends before another may open the directory.
    pub(crate) indexer: Option<Indexer>,
    pub(crate) prune: Option<Prune>,
    /// Blocks taken off that an index may not have read yet: the event, and the block's height.
    pub(crate) dips: Vec<(EventId, Height)>,
    pub(crate) _lock: Option<DirLock>,
}

/// Blocks stored or connected between two commits while catching up.
pub const COMMIT_BLOCKS: usize = 500;

/// Bytes of blocks between two commits while catching up.
pub const COMMIT_BYTES: u64 = 32 << 20;

/// Blocks connected between two flushes of the coins, at most, except while catching up: they are what a redo
/// after a crash has to read.
pub const FLUSH_BLOCKS: u64 = 2_000;

/// Bytes of blocks connected between two flushes of the coins, at most.
pub const FLUSH_BYTES: u64 = 256 << 20;

/// A tip this far below the best header counts as catching up.
const CATCH_UP_DISTANCE: u32 = 144;

impl ChainState {
    /// Has scripts that `caches` know to pass not run when a block is connected from now on: those of a pool with the same
    /// caches. Which blocks are valid does not change, and nothing is added to them.
    pub fn use_caches(&mut self, caches: Arc<Caches>) {
        self.scripts.caches = Some(caches);
    }

    /// The last block of the best chain.
    pub fn tip(&self) -> Tip {
        let live = self.shared.read();
        Tip::of(&live.tree, live.tip())
    }

    /// A handle for reading, for any thread.
    pub fn reader(&self) -> ChainReader {
        ChainReader::new(self.shared.clone())
    }

    /// The events from now on, each as soon as it is durable.
    ///
    /// To miss none: subscribe, then read [`ChainReader::events`] from the last one seen, then skip those of
    /// the subscription that came with it. A subscription that falls
    /// [`SUBSCRIPTION_BUFFER`](crate::SUBSCRIPTION_BUFFER) events behind ends.
    pub fn subscribe(&self) -> Receiver<ChainEvent> {
        self.shared.hub.subscribe()
    }

    /// Makes everything durable, coins included.
    ///
    /// # Errors
    /// [`ChainStateError::Io`] and [`ChainStateError::Store`] when the disk refuses; the chain is then halted.
    pub fn flush(&mut self) -> Result<(), ChainStateError> {
        self.check_running()?;
        self.commit()?;
        self.flush_coins()
    }

    /// Makes everything durable and lets go of the directory.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn close(mut self) -> Result<(), ChainStateError> {
        self.flush()
    }

    /// Spaces commits out as while catching up, until switched off: for callers with many blocks at hand.
    pub(crate) fn set_bulk(&mut self, bulk: bool) {
        self.bulk = bulk;
    }

    pub(crate) fn check_running(&self) -> Result<(), ChainStateError> {
        if self.halted { Err(ChainStateError::Halted) } else { Ok(()) }
    }

    /// Passes a result on, and stops all further changes if it is a failed write.
    pub(crate) fn or_halt<T>(&mut self, result: Result<T, ChainStateError>) -> Result<T, ChainStateError> {
        self.halted |= result.is_err();
        result
    }

    /// Commits and flushes as far as they are due in the middle of a long run of blocks.
    pub(crate) fn keep_pace(&mut self) -> Result<(), ChainStateError> {
        let Pending { events, rows, bytes, .. } = &self.pending;
        if events.len() >= COMMIT_BLOCKS || rows.len() >= COMMIT_BLOCKS || *bytes >= COMMIT_BYTES {
            self.commit()?;
        }
        let full = self.shared.read().cache.is_full(self.cache_budget);
        let SinceFlush { blocks, bytes } = self.since_flush;
        let many = blocks >= FLUSH_BLOCKS && !self.is_catching_up();
        if full || many || bytes >= FLUSH_BYTES {
            self.flush()?;
        }
        self.prune()
    }

    /// Commits and flushes as far as they are due at the end of a call.
    pub(crate) fn settle(&mut self) -> Result<(), ChainStateError> {
        if !self.is_catching_up() {
            self.commit()?;
        }
        self.keep_pace()
    }

    /// Whether more blocks are known to come, so that durability of each at once is worth little.
    fn is_catching_up(&self) -> bool {
        if self.bulk {
            return true;
        }
        let live = self.shared.read();
        let best = live.tree.height(live.tree.best_header());
        let behind = best.blocks_above(live.tree.height(live.tip()));
        behind.is_some_and(|blocks| blocks > CATCH_UP_DISTANCE)
    }

    pub(crate) fn add_row(&mut self, id: NodeId, row: BlockRow) {
        self.shared.write().set_row(id, row);
        self.pending.rows.insert(id);
    }

    pub(crate) fn with_live<T>(&self, question: impl FnOnce(&Live) -> T) -> T {
        question(&self.shared.read())
    }
}
