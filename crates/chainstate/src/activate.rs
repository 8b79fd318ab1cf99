//! Moving the tip to the best chain there is.
//!
//! A reorg is staged: blocks are taken off and put on in an overlay over the coins, and nothing of it shows
//! before the new branch has more work than the old tip. A branch that turns out invalid before that leaves
//! no trace but its mark. Past that point, as on a plain extension, each block shows as soon as it is valid.

use std::sync::Arc;

use cairn_consensus::{BlockError, CheckedBlock, CoinDelta, Connection, NodeId, Undo, Verdict};
use cairn_params::Fork;
use cairn_primitives::hash::HashSet;
use cairn_primitives::{Block, OutPoint};

use crate::coin_cache::InStore;
use crate::coins::{Coins, Layer, StagedCoins};
use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventKind};
use crate::flight::Flight;
use crate::layout::BlockRow;
use crate::live::Live;
use crate::state::ChainState;

/// A block that was found invalid on the way.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) id: NodeId,
    pub(crate) error: BlockError,
}

/// Steps that are taken together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    disconnect: Vec<NodeId>,
    connect: Vec<(NodeId, Arc<Undo>)>,
    /// Bytes of the blocks to connect.
    bytes: u64,
    coins: StagedCoins,
}

impl Stage {
    /// Whether nothing is staged: the next block goes on the tip.
    fn is_empty(&self) -> bool {
        self.disconnect.is_empty() && self.connect.is_empty()
    }

    /// One block on the tip.
    pub(crate) fn of_block(id: NodeId, delta: CoinDelta, undo: Arc<Undo>, bytes: u64) -> Self {
        let mut coins = StagedCoins::default();
        coins.push(delta);
        Stage { disconnect: Vec::new(), connect: vec![(id, undo)], bytes, coins }
    }
}

/// Why a block was not connected.
pub(crate) enum Failure {
    Rule(BlockError),
    State(ChainStateError),
}

impl From<ChainStateError> for Failure {
    fn from(error: ChainStateError) -> Self {
        Failure::State(error)
    }
}

impl ChainState {
    /// Moves to the best chain whose blocks are all here, and returns the blocks found invalid on the way.
    ///
    /// `fresh` is a block at hand, so that it need not be read back from its file.
    pub(crate) fn activate(
        &mut self,
        fresh: Option<(NodeId, Arc<CheckedBlock>)>,
    ) -> Result<Vec<Refused>, ChainStateError> {
        let mut refused = Vec::new();
        while let Some(target) = self.better_block() {
            if let Some(failed) = self.move_to(target, fresh.as_ref())? {
                self.mark_failed(failed.id, &failed.error);
                refused.push(failed);
            }
        }
        self.settle_candidates();
        Ok(refused)
    }

    /// Forgets the blocks that cannot displace the tip.
    pub(crate) fn settle_candidates(&mut self) {
        let live = self.shared.read();
        self.candidates.settle(&live.tree, live.tip());
    }

    fn better_block(&mut self) -> Option<NodeId> {
        let live = self.shared.read();
        self.candidates.better_than(&live.tree, live.tip())
    }

    /// Follows the verdict: what is invalid for ever is marked on disk too, what may be decided differently
    /// later is set aside until the next start.
    pub(crate) fn mark_failed(&mut self, id: NodeId, error: &BlockError) {
        let hash = self.with_live(|live| live.tree.hash(id));
        match error.verdict() {
            Verdict::Invalid => {
                tracing::warn!(%hash, %error, "block is invalid");
                self.pending.marks.insert(id);
            }
            Verdict::Mutated | Verdict::Premature | Verdict::Unavailable | Verdict::Internal => {
                tracing::warn!(%hash, %error, "block cannot be connected now");
            }
        }
        self.shared.write().tree.mark_invalid(id);
    }

    fn move_to(
        &mut self,
        target: NodeId,
        fresh: Option<&(NodeId, Arc<CheckedBlock>)>,
    ) -> Result<Option<Refused>, ChainStateError> {
        let (plan, start_work) = self.with_live(|live| {
            let tip = live.tip();
            (live.tree.plan(tip, target), live.tree.work(tip))
        });
        let fork_is_pruned = |live: &Live| plan.disconnect.iter().any(|id| live.was_pruned(*id));
        if let Some(pruned) = self.with_live(|live| live.pruned.filter(|_| fork_is_pruned(live))) {
            let fork = self.with_live(|live| live.tree.height(plan.fork));
            return Err(ChainStateError::ForkPruned { fork, height: pruned.height });
        }
        let mut stage = Stage::default();
        for id in plan.disconnect {
            self.stage_disconnect(&mut stage, id)?;
        }
        if plan.connect.is_empty() {
            self.apply(stage)?;
            return Ok(None);
        }
        let mut flight = Flight::default();
        for id in plan.connect {
            let block = match fresh {
                Some((at_hand, block)) if *at_hand == id => block.clone(),
                _ => self.load_checked(id)?,
            };
            if stage.is_empty() {
                match self.fly(&mut flight, id, &block)? {
                    None => continue,
                    refused => return Ok(refused),
                }
            }
            match self.stage_connect(&mut stage, id, block) {
                Ok(()) => {}
                Err(Failure::Rule(error)) => return Ok(Some(Refused { id, error })),
                Err(Failure::State(error)) => return Err(error),
            }
            if id == target || self.with_live(|live| live.tree.work(id)) > start_work {
                self.apply(std::mem::take(&mut stage))?;
                self.keep_pace()?;
            }
        }
        self.land_all(&mut flight)
    }

    /// Puts a block on those in flight, or on the tip. Returns the lowest that is found invalid.
    fn fly(
        &mut self,
        flight: &mut Flight,
        id: NodeId,
        block: &Arc<CheckedBlock>,
    ) -> Result<Option<Refused>, ChainStateError> {
        match self.take_off_stored(flight, id, block) {
            Ok(()) => {
                while flight.is_full() || flight.is_ready() {
                    if let Some(refused) = self.land_stored(flight)? {
                        return Ok(Some(refused));
                    }
                }
                Ok(None)
            }
            // Those below it come first: it may have been connected on one that is invalid itself.
            Err(Failure::Rule(error)) => Ok(self.land_all(flight)?.or(Some(Refused { id, error }))),
            Err(Failure::State(error)) => match self.land_all(flight)? {
                Some(refused) => Ok(Some(refused)),
                None => Err(error),
            },
        }
    }

    fn land_all(&mut self, flight: &mut Flight) -> Result<Option<Refused>, ChainStateError> {
        while !flight.is_empty() {
            if let Some(refused) = self.land_stored(flight)? {
                flight.drop_all();
                return Ok(Some(refused));
            }
        }
        Ok(None)
    }

    fn stage_disconnect(&mut self, stage: &mut Stage, id: NodeId) -> Result<(), ChainStateError> {
        let block = self.shared.load_block(id)?;
        let undo = self.shared.load_undo(id)?;
        let hash = self.with_live(|live| live.tree.hash(id));
        let delta = cairn_consensus::disconnect(&block, undo)
            .map_err(|source| ChainStateError::Undo { hash, source })?;
        stage.coins.push(delta);
        stage.disconnect.push(id);
        Ok(())
    }

    fn stage_connect(
        &mut self,
        stage: &mut Stage,
        id: NodeId,
        block: Arc<CheckedBlock>,
    ) -> Result<(), Failure> {
        stage.coins.seal();
        self.prefetch(&stage.coins, block.block())?;
        let bytes = block.block().total_size() as u64;
        let connection = self.connect(&stage.coins, id, block)?;
        self.scripts.run(connection.scripts()).map_err(Failure::Rule)?;
        let (delta, undo) = connection.into_parts();
        stage.coins.push(delta);
        stage.connect.push((id, undo));
        stage.bytes += bytes;
        Ok(())
    }

    /// Connects a block on the coins as `layer` over the cache has them.
    pub(crate) fn connect<L: Layer>(
        &self,
        layer: &L,
        id: NodeId,
        block: Arc<CheckedBlock>,
    ) -> Result<Connection, Failure> {
        let live = self.shared.read();
        let coins = Coins::new(layer, &live.cache, &self.shared.coins);
        match cairn_consensus::connect(&live.tree, id, block, &coins) {
            Ok(connection) => Ok(connection),
            Err(error) => Err(match coins.into_failure() {
                Some(failure) => Failure::State(failure.into()),
                None => Failure::Rule(error),
            }),
        }
    }

    /// Reads the coins the block spends into the cache, as far as they are not there.
    pub(crate) fn prefetch<L: Layer>(&self, layer: &L, block: &Block) -> Result<(), ChainStateError> {
        if !self.shared.coins.is_to_be_asked() {
            return Ok(());
        }
        let missing = {
            let live = self.shared.read();
            let coins = Coins::new(layer, &live.cache, &self.shared.coins);
            let own: HashSet<_> = block.transactions.iter().map(|tx| tx.txid()).collect();
            let inputs = block.transactions.iter().skip(1).flat_map(|tx| tx.inputs());
            let outpoints = inputs.map(|input| input.previous);
            let unknown = |outpoint: &OutPoint| !own.contains(&outpoint.txid) && !coins.is_at_hand(outpoint);
            outpoints.filter(unknown).collect::<Vec<_>>()
        };
        let mut found = Vec::with_capacity(missing.len());
        for outpoint in missing {
            if let Some(coin) = self.shared.coins.get(&outpoint)? {
                found.push((outpoint, coin));
            }
        }
        let mut live = self.shared.write();
        for (outpoint, coin) in found {
            live.cache.remember(outpoint, coin);
        }
        Ok(())
    }

    pub(crate) fn load_checked(&self, id: NodeId) -> Result<Arc<CheckedBlock>, ChainStateError> {
        let block = self.shared.load_block(id)?;
        let hash = block.hash();
        let checked = cairn_consensus::check_block(block, &self.shared.spec);
        checked
            .map(Arc::new)
            .map_err(|source| ChainStateError::StoredBlock { hash, source: Box::new(source) })
    }

    /// Takes the staged steps: from here on everyone sees them.
    pub(crate) fn apply(&mut self, stage: Stage) -> Result<(), ChainStateError> {
        let rows = self.write_undo(&stage.connect)?;
        let new_coins = self.new_coins(&stage);
        let disconnected = stage.disconnect.iter().map(|id| (EventKind::Disconnected, *id));
        let connected = stage.connect.iter().map(|(id, _)| (EventKind::Connected, *id));
        let shared = self.shared.clone();
        let mut live = shared.write();
        for (kind, id) in disconnected.chain(connected) {
            match kind {
                EventKind::Disconnected => {
                    let gone = live.active.pop();
                    debug_assert_eq!(gone, Some(id), "blocks are taken off from the tip down");
                }
                EventKind::Connected => live.active.push(id),
            }
            self.last_event = self.last_event.next();
            let (height, hash) = (live.tree.height(id), live.tree.hash(id));
            self.pending.events.push(ChainEvent { id: self.last_event, kind, height, hash });
        }
        for (id, row) in rows {
            live.set_row(id, row);
            self.pending.rows.insert(id);
        }
        stage.coins.apply(&mut live.cache, new_coins);
        self.since_flush.blocks += stage.connect.len() as u64;
        self.since_flush.bytes += stage.bytes;
        Ok(())
    }

    /// Writes the undo data of blocks that are connected for the first time. It is the same each time: what a
    /// block spends is fixed by the blocks below it.
    fn write_undo(
        &mut self,
        connect: &[(NodeId, Arc<Undo>)],
    ) -> Result<Vec<(NodeId, BlockRow)>, ChainStateError> {
        let mut rows = Vec::new();
        for (id, undo) in connect {
            let (row, hash) = self.with_live(|live| (live.row(*id), live.tree.hash(*id)));
            let row = row.ok_or(ChainStateError::NoData { hash })?;
            if row.undo.is_none() {
                let written = self.files.append_undo(row.block.file, hash, undo);
                let undo = self.or_halt(written)?;
                rows.push((*id, BlockRow { undo: Some(undo), ..row }));
            }
        }
        Ok(rows)
    }

    /// Whether the coin store may have a coin under the outpoint of a new one. Where BIP30 holds it cannot: the
    /// block was refused otherwise, or the rule's search was left out because nothing can be found.
    fn new_coins(&self, stage: &Stage) -> InStore {
        match stage.connect.as_slice() {
            [(id, _)] if stage.disconnect.is_empty() => {
                match self.with_live(|live| live.tree.holds_in(*id, Fork::Bip30)) {
                    true => InStore::No,
                    false => InStore::Maybe,
                }
            }
            _ => InStore::Maybe,
        }
    }
}
