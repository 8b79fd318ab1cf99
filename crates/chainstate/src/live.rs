//! What the writer and the readers share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cairn_consensus::{HeaderTree, NodeId, Undo};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, Coin, Height, OutPoint, Sha256d};

use crate::background::Validation;
use crate::chain_db::ChainDb;
use crate::coin_cache::CoinCache;
use crate::coins::{CoinDb, lookup};
use crate::error::ChainStateError;
use crate::events::{EventId, Hub};
use crate::flatfile::Files;
use crate::index::IndexDb;
use crate::layout::{BlockRow, PrunedRow};

/// The state of one moment. The writer changes it under the lock, one whole block (or one whole reorg) at a
/// time, so whoever reads under the lock sees a tip with exactly its coins.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) tree: HeaderTree,
    /// The best chain by height; genesis first, the tip last.
    pub(crate) active: Vec<NodeId>,
    /// Where the data of each header's block lies, if it is here; by [`NodeId::index`].
    rows: Vec<Option<BlockRow>>,
    /// How far old blocks were removed.
    pub(crate) pruned: Option<PrunedRow>,
    pub(crate) cache: CoinCache,
    /// Heights of the best chain whose blocks are not here: below a snapshot, or lost to damage.
    pub(crate) missing: BTreeSet<Height>,
    /// The snapshot the chain began with, until it is validated.
    pub(crate) assumed: Option<Assumed>,
    /// How far its validation is.
    pub(crate) validation: Option<Validation>,
    /// The last event that is durable.
    pub(crate) last_event: EventId,
}

impl Live {
    pub(crate) fn new(tree: HeaderTree) -> Self {
        let active = vec![tree.genesis()];
        Live {
            tree,
            active,
            rows: Vec::new(),
            pruned: None,
            cache: CoinCache::default(),
            missing: BTreeSet::new(),
            assumed: None,
            validation: None,
            last_event: EventId::NONE,
        }
    }

    pub(crate) fn tip(&self) -> NodeId {
        *self.active.last().expect("genesis is never taken off")
    }

    pub(crate) fn at_height(&self, height: Height) -> Option<NodeId> {
        self.active.get(height.to_u32() as usize).copied()
    }

    pub(crate) fn is_active(&self, id: NodeId) -> bool {
        self.at_height(self.tree.height(id)) == Some(id)
    }

    pub(crate) fn row(&self, id: NodeId) -> Option<BlockRow> {
        self.rows.get(id.index()).copied().flatten()
    }

    pub(crate) fn set_row(&mut self, id: NodeId, row: BlockRow) {
        if self.rows.len() <= id.index() {
            self.rows.resize(id.index() + 1, None);
        }
        self.rows[id.index()] = Some(row);
        if !self.missing.is_empty() && self.is_active(id) {
            self.missing.remove(&self.tree.height(id));
        }
    }

    pub(crate) fn drop_row(&mut self, id: NodeId) {
        if let Some(row) = self.rows.get_mut(id.index()) {
            *row = None;
        }
    }

    /// Whether a block of the best chain was here, connected, and removed when it was old.
    pub(crate) fn was_pruned(&self, id: NodeId) -> bool {
        let old = |pruned: PrunedRow| self.tree.height(id) <= pruned.height;
        self.row(id).is_none() && self.is_active(id) && self.pruned.is_some_and(old)
    }

    /// Finds out which blocks of the best chain are not here.
    pub(crate) fn note_missing(&mut self) {
        // Genesis is known to everyone, and written at the first start.
        let missing =
            self.active.iter().skip(1).filter(|id| self.row(**id).is_none() && !self.was_pruned(**id));
        self.missing = missing.map(|id| self.tree.height(*id)).collect();
    }

    /// Whether a block lies at or below a snapshot that is not validated.
    pub(crate) fn is_assumed(&self, id: NodeId) -> bool {
        let below = |assumed: Assumed| self.tree.height(id) <= self.tree.height(assumed.base);
        self.is_active(id) && self.assumed.is_some_and(below)
    }
}

/// A snapshot that is taken for true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assumed {
    pub(crate) base: NodeId,
    pub(crate) coins_hash: Sha256d,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spec: Arc<ChainSpec>,
    live: RwLock<Live>,
    /// Blocks whose record could not be read.
    damaged: Mutex<BTreeSet<NodeId>>,
    pub(crate) chain: ChainDb,
    pub(crate) coins: CoinDb,
    pub(crate) index: IndexDb,
    pub(crate) files: Files,
    pub(crate) hub: Hub,
}

impl Shared {
    pub(crate) fn new(
        spec: Arc<ChainSpec>,
        live: Live,
        chain: ChainDb,
        coins: CoinDb,
        index: IndexDb,
        files: Files,
    ) -> Self {
        let (live, damaged) = (RwLock::new(live), Mutex::default());
        Shared { spec, live, damaged, chain, coins, index, files, hub: Hub::default() }
    }

    /// A panic under the write lock cannot leave a half-made change that a reader would then trust: what is
    /// done under it does not panic, and the writer is gone with its thread.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn damaged(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what came of reading a block, and remembers a record that is of no use.
    pub(crate) fn noting<T>(
        &self,
        hash: &BlockHash,
        read: Result<T, ChainStateError>,
    ) -> Result<T, ChainStateError> {
        if let Err(
            error @ (ChainStateError::RecordDamaged { .. } | ChainStateError::RecordUndecodable { .. }),
        ) = &read
        {
            tracing::error!(%error, "a block must be fetched again");
            if let Some(id) = self.read().tree.get(hash) {
                self.damaged().insert(id);
            }
        }
        read
    }

    pub(crate) fn coin(&self, live: &Live, outpoint: &OutPoint) -> Result<Option<Coin>, ChainStateError> {
        Ok(lookup(&live.cache, &self.coins, outpoint)?)
    }

    /// What `read` finds at the place of a header's block; `None` if its data is not here. Files of old blocks may be
    /// removed meanwhile: what cannot be read for that reason is not here either.
    pub(crate) fn read_row<T>(
        &self,
        id: NodeId,
        read: impl FnOnce(BlockRow) -> Result<T, ChainStateError>,
    ) -> Result<Option<T>, ChainStateError> {
        let row = self.read().row(id);
        let Some(row) = row else { return Ok(None) };
        match read(row) {
            Err(_) if self.read().row(id).is_none() => Ok(None),
            result => result.map(Some),
        }
    }

    /// Whether block and undo data of an event are here: below a snapshot they come later.
    pub(crate) fn has_data(&self, hash: &BlockHash) -> bool {
        let live = self.read();
        let row = live.tree.get(hash).and_then(|id| live.row(id));
        row.is_some_and(|row| row.undo.is_some())
    }

    /// The block of a header, from its file.
    pub(crate) fn load_block(&self, id: NodeId) -> Result<Block, ChainStateError> {
        let (row, hash) = {
            let live = self.read();
            (live.row(id), live.tree.hash(id))
        };
        let row = row.ok_or(ChainStateError::NoData { hash })?;
        self.noting(&hash, self.files.read_block(row.block, hash))
    }

    /// The undo data of a header's block, from its file.
    pub(crate) fn load_undo(&self, id: NodeId) -> Result<Undo, ChainStateError> {
        let (row, hash) = {
            let live = self.read();
            (live.row(id), live.tree.hash(id))
        };
        let row = row.ok_or(ChainStateError::NoData { hash })?;
        self.files.read_undo(row.block.file, row.undo.ok_or(ChainStateError::NoData { hash })?, hash)
    }
}
