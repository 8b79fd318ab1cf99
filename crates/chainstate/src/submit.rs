//! Taking in headers and blocks.

use std::sync::Arc;

use cairn_consensus::{BlockError, CheckedBlock, HeaderError, NodeId, Verdict};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, BlockTime, Header, Height};

use crate::activate::Refused;
use crate::error::{ChainStateError, SubmitError};
use crate::flatfile::Record;
use crate::flight::{Declined, Flight, Prepared};
use crate::layout::BlockRow;
use crate::state::{ChainState, Tip};

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// Its data was here before; nothing changed.
    AlreadyKnown,
    /// It was stored and the tip stays: it lies on a side chain, or a block below it is missing, or it is a block of the
    /// best chain whose data was not here or was damaged ([wanted](crate::ChainReader::wanted)).
    Stored,
    /// The chain grew, by this block or by blocks that had waited for it.
    Connected {
        /// The new tip.
        tip: Tip,
        /// Blocks connected.
        blocks: u32,
    },
    /// The chain moved to another branch.
    Reorged {
        /// The new tip.
        tip: Tip,
        /// Height of the last block that both branches share.
        fork: Height,
        /// Blocks taken off.
        disconnected: u32,
        /// Blocks put on.
        connected: u32,
    },
}

/// Checks a block alone and makes its record.
fn prepare(block: Block, spec: &ChainSpec) -> Result<Prepared, BlockError> {
    let block = Arc::new(cairn_consensus::check_block(block, spec)?);
    let record = Record::of(block.block(), spec.network.magic);
    Ok(Prepared { block, record })
}

impl ChainState {
    /// Checks a header and adds it to the tree; `true` if it is new. `now` is the local time. Saved with the
    /// next commit or [`flush`](Self::flush).
    ///
    /// # Errors
    /// The rule it breaks; [`HeaderError::UnknownParent`] (`prev-blk-not-found`) if its parent is not known.
    pub fn submit_header(&mut self, header: Header, now: BlockTime) -> Result<bool, HeaderError> {
        self.shared.write().tree.insert(header, now).map(|inserted| inserted.new)
    }

    /// Checks a block, stores it, and moves to the best chain. `now` is the local time.
    ///
    /// A block whose parent's header is not known is refused; one whose parent's data is missing is stored and
    /// connected once that arrives. A block on a side chain is connected only when its branch wins, so
    /// [`Submitted::Stored`] says nothing about its coins and scripts.
    ///
    /// # Errors
    /// [`SubmitError::Header`] and [`SubmitError::Block`] for the rule broken (its verdict decides whether the
    /// header was marked), [`SubmitError::Ancestor`] if a block below turned out invalid, [`SubmitError::State`]
    /// if the disk failed.
    pub fn submit_block(&mut self, block: Block, now: BlockTime) -> Result<Submitted, SubmitError> {
        let spec = self.shared.spec.clone();
        self.submit_prepared(block.header, now, || prepare(block, &spec))
    }

    /// Submits blocks in this order, as [`submit_block`](Self::submit_block) would one after the other, and tells `outcome` of
    /// each, by its place in the list and in its order, with the tip as it is then. It takes less time: blocks are checked
    /// alone on several threads, and the scripts of several run at a time. `now` is the local time.
    ///
    /// A header above a block that turns out invalid may have come in before that is known; such a block is refused as one
    /// whose header is known to be invalid.
    pub fn submit_blocks(
        &mut self,
        blocks: Vec<Block>,
        now: BlockTime,
        mut outcome: impl FnMut(usize, Result<Submitted, SubmitError>, Tip),
    ) {
        let (spec, mut flight, mut told) = (self.shared.spec.clone(), Flight::default(), 0);
        let prepare = |block: Block| (block.header, prepare(block, &spec));
        for (header, prepared) in self.scripts.map(blocks, prepare) {
            let grounded = match prepared.map(|prepared| self.take_off(&mut flight, prepared, now)) {
                Ok(Ok(())) => None,
                Ok(Err(Declined(prepared))) => Some(Ok(prepared)),
                Err(error) => Some(Err(error)),
            };
            while flight.is_full() || flight.is_ready() || (grounded.is_some() && !flight.is_empty()) {
                self.land_or_drop(&mut flight, now, &mut told, &mut outcome);
            }
            if let Some(prepared) = grounded {
                let result = self.submit_prepared(header, now, || prepared);
                outcome(told, result, self.tip());
                told += 1;
            }
        }
        while !flight.is_empty() {
            self.land_or_drop(&mut flight, now, &mut told, &mut outcome);
        }
    }

    /// Lands the lowest block in flight. If that fails, those above it are submitted as they would have been after it.
    fn land_or_drop(
        &mut self,
        flight: &mut Flight,
        now: BlockTime,
        told: &mut usize,
        outcome: &mut impl FnMut(usize, Result<Submitted, SubmitError>, Tip),
    ) {
        let landed = self.land(flight);
        let above = if landed.is_err() { flight.drop_all() } else { Vec::new() };
        let tip = self.tip();
        outcome(*told, landed.map(|()| Submitted::Connected { tip, blocks: 1 }), tip);
        *told += 1;
        for prepared in above {
            let header = prepared.block.block().header;
            let result = self.submit_prepared(header, now, || Ok(prepared));
            outcome(*told, result, self.tip());
            *told += 1;
        }
    }

    /// [`submit_block`](Self::submit_block) of a block that `prepare` checks alone, if it is needed.
    pub(crate) fn submit_prepared(
        &mut self,
        header: Header,
        now: BlockTime,
        prepare: impl FnOnce() -> Result<Prepared, BlockError>,
    ) -> Result<Submitted, SubmitError> {
        self.check_running()?;
        let id = self.shared.write().tree.insert(header, now)?.id;
        if self.with_live(|live| live.row(id).is_some() || live.was_pruned(id)) {
            let damaged = self.shared.damaged().contains(&id);
            // Bytes that break a rule are not those that were stored.
            let whole = if damaged { prepare().ok() } else { None };
            let repaired = whole.map_or(Ok(false), |whole| self.repair_record(id, whole.block.block()))?;
            return Ok(if repaired { Submitted::Stored } else { Submitted::AlreadyKnown });
        }
        let in_place = |prepared: Prepared| {
            cairn_consensus::check_context(&self.shared.read().tree, id, &prepared.block)?;
            Ok(prepared)
        };
        let Prepared { block: checked, record } = match prepare().and_then(in_place) {
            Ok(prepared) if self.with_live(|live| live.is_active(id)) => {
                return self.put_back(id, &prepared.record);
            }
            Ok(prepared) => prepared,
            Err(error) => {
                self.refuse_new(id, &error)?;
                return Err(error.into());
            }
        };
        self.store_record(id, &record)?;
        let before = self.tip();
        let refused = self.activate(Some((id, checked)))?;
        self.settle()?;
        self.fate(id, refused)?;
        Ok(self.outcome(before))
    }

    /// Stores a block of the best chain whose data was not here. It is connected already: nothing else changes.
    fn put_back(&mut self, id: NodeId, record: &Record) -> Result<Submitted, SubmitError> {
        self.store_record(id, record)?;
        self.settle()?;
        Ok(Submitted::Stored)
    }

    /// Marks a block invalid, and with it all above it, and moves to the best chain without it. The mark is
    /// kept across restarts until [`reconsider`](Self::reconsider).
    ///
    /// # Errors
    /// [`ChainStateError::UnknownBlock`], [`ChainStateError::Genesis`], [`ChainStateError::SnapshotUnvalidated`] for a block
    /// at or below a snapshot that is not validated, or what the disk reports.
    pub fn invalidate(&mut self, hash: &BlockHash) -> Result<(), ChainStateError> {
        self.check_running()?;
        let id = self.find(hash)?;
        if let Some(base) = self.with_live(|live| live.assumed.filter(|_| live.is_assumed(id))) {
            let base = self.with_live(|live| live.tree.hash(base.base));
            return Err(ChainStateError::SnapshotUnvalidated { base });
        }
        if !self.shared.write().tree.mark_invalid(id) {
            return Err(ChainStateError::Genesis);
        }
        self.pending.marks.insert(id);
        self.after_marks()
    }

    /// Takes the marks back from a block, those below it and those above it, and moves to the best chain:
    /// blocks that break a rule are found invalid again.
    ///
    /// # Errors
    /// [`ChainStateError::UnknownBlock`], or what the disk reports.
    pub fn reconsider(&mut self, hash: &BlockHash) -> Result<(), ChainStateError> {
        self.check_running()?;
        let id = self.find(hash)?;
        {
            let mut live = self.shared.write();
            let tree = &mut live.tree;
            let marked: Vec<NodeId> = tree.ids().filter(|id| tree.is_marked(*id)).collect();
            tree.reconsider(id);
            self.pending.marks.extend(marked.into_iter().filter(|id| !tree.is_marked(*id)));
        }
        self.after_marks()
    }

    fn after_marks(&mut self) -> Result<(), ChainStateError> {
        self.candidates.reconsider_all(&self.shared.read().tree);
        self.activate(None)?;
        self.commit()?;
        self.keep_pace()
    }

    fn find(&self, hash: &BlockHash) -> Result<NodeId, ChainStateError> {
        let id = self.with_live(|live| live.tree.get(hash));
        id.ok_or(ChainStateError::UnknownBlock { hash: *hash })
    }

    /// The rules that need no coins.
    pub(crate) fn check_alone(&self, id: NodeId, block: Block) -> Result<CheckedBlock, BlockError> {
        let checked = cairn_consensus::check_block(block, &self.shared.spec)?;
        cairn_consensus::check_context(&self.shared.read().tree, id, &checked)?;
        Ok(checked)
    }

    /// A block refused before it was stored: only what is wrong with every copy of it marks its header.
    fn refuse_new(&mut self, id: NodeId, error: &BlockError) -> Result<(), ChainStateError> {
        match error.verdict() {
            Verdict::Invalid => {
                self.mark_failed(id, error);
                self.settle()
            }
            Verdict::Mutated | Verdict::Premature | Verdict::Unavailable | Verdict::Internal => Ok(()),
        }
    }

    /// Writes a block's record and takes the block into account.
    pub(crate) fn store_record(&mut self, id: NodeId, record: &Record) -> Result<(), ChainStateError> {
        let written = self.files.append_record(record);
        let pos = self.or_halt(written)?;
        self.add_row(id, BlockRow { block: pos, undo: None });
        self.pending.bytes += u64::from(pos.len);
        self.candidates.add_block(&self.shared.read().tree, id);
        Ok(())
    }

    /// What the blocks refused on the way mean for block `id`.
    fn fate(&self, id: NodeId, refused: Vec<Refused>) -> Result<(), SubmitError> {
        let live = self.shared.read();
        for Refused { id: failed, error } in refused {
            if failed == id {
                return Err(error.into());
            }
            if live.tree.ancestor(id, live.tree.height(failed)) == Some(failed) {
                return Err(SubmitError::Ancestor { hash: live.tree.hash(failed), source: Box::new(error) });
            }
        }
        Ok(())
    }

    fn outcome(&self, before: Tip) -> Submitted {
        let live = self.shared.read();
        let tip = Tip::of(&live.tree, live.tip());
        let from = live.tree.get(&before.hash).expect("it was the tip");
        let plan = live.tree.plan(from, live.tip());
        let (connected, disconnected) = (plan.connect.len() as u32, plan.disconnect.len() as u32);
        match (disconnected, connected) {
            (0, 0) => Submitted::Stored,
            (0, blocks) => Submitted::Connected { tip, blocks },
            _ => Submitted::Reorged { tip, fork: live.tree.height(plan.fork), disconnected, connected },
        }
    }
}
