//! Removing old blocks.
//!
//! Whole pairs of block and undo files go, the oldest first, while all files together are larger than the target. A pair
//! goes when none of its blocks, on whatever branch, is needed: each lies at least [`Prune::keep_blocks`] below the tip, so
//! that a reorganisation can take the tip back; not above the place of the stored coins, so that a crash can be made good;
//! and as far below what every index that is on has read. Headers stay, and so do coins, indexes and events. A chain that
//! began with a snapshot is not pruned before the snapshot is validated.
//!
//! First the store says which files are gone, then the positions of their blocks go, both durably; then the files. What a
//! crash leaves between is removed at the next start.

use cairn_consensus::NodeId;
use cairn_primitives::Height;

use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventId, EventKind};
use crate::layout::{ONLY, PrunedRow, StateRow};
use crate::live::Live;
use crate::state::ChainState;
use crate::storage::FileId;

/// How many old blocks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prune {
    /// Bytes of block and undo files above which the oldest are removed. They may stay above it: see
    /// [`keep_blocks`](Self::keep_blocks).
    pub target_bytes: u64,
    /// Blocks below the tip that are kept whatever their size; no reorganisation can take off more.
    pub keep_blocks: u32,
}

/// Blocks below the tip that are always kept: Core's `MIN_BLOCKS_TO_KEEP`, and what a node with the service
/// `NODE_NETWORK_LIMITED` serves (BIP159).
pub const KEEP_BLOCKS: u32 = 288;

impl Prune {
    /// Down to `target_bytes`, [`KEEP_BLOCKS`] blocks kept.
    pub const fn to(target_bytes: u64) -> Self {
        Prune { target_bytes, keep_blocks: KEEP_BLOCKS }
    }
}

/// Files that may go.
struct Due {
    /// Number of the first file that stays.
    keep_from: u32,
    /// The highest block in those that go.
    top: Height,
}

impl ChainState {
    /// Removes old files as far as they are due.
    pub(crate) fn prune(&mut self) -> Result<(), ChainStateError> {
        let Some(prune) = self.prune else { return Ok(()) };
        // Below a snapshot that is not validated blocks come late, may lie in any file, and are still to be checked.
        if self.with_live(|live| live.assumed.is_some()) {
            return Ok(());
        }
        let Some(over) = self.files.bytes().checked_sub(prune.target_bytes).filter(|over| *over > 0) else {
            return Ok(());
        };
        let Some(mut limit) = self.with_live(|live| below(live.tree.height(live.tip()), prune.keep_blocks))
        else {
            return Ok(());
        };
        if let Some(height) = self.needed_by_indexes()? {
            let Some(unneeded) = below(height, prune.keep_blocks) else { return Ok(()) };
            limit = limit.min(unneeded);
        }
        let Some(due) = self.with_live(|live| self.due(live, over, limit)) else { return Ok(()) };
        // Nothing pending may name a file that goes, and a redo must not need it.
        self.commit()?;
        let flushed = |live: &Live| live.tree.height(live.tree.fork_point(self.coins_at, live.tip()));
        if self.with_live(flushed) < due.top {
            self.flush_coins()?;
        }
        let removed = self.remove_files(&due);
        self.or_halt(removed)
    }

    /// The oldest files that together are `over` bytes, as far as no block in them is above `limit`.
    fn due(&self, live: &Live, over: u64, limit: Height) -> Option<Due> {
        let first = live.pruned.map_or(0, |pruned| pruned.files);
        let mut tops = vec![None; self.files.current().saturating_sub(first) as usize];
        for (id, row) in live.tree.ids().filter_map(|id| Some((id, live.row(id)?))) {
            if let Some(top) = tops.get_mut(row.block.file.wrapping_sub(first) as usize) {
                *top = (*top).max(Some(live.tree.height(id)));
            }
        }
        let (mut found, mut freed) = (None, 0);
        for (number, top) in (first..).zip(tops) {
            if freed >= over || top.is_some_and(|top| top > limit) {
                break;
            }
            freed += self.files.end(FileId::blocks(number)) + self.files.end(FileId::undo(number));
            let top = found.as_ref().map(|due: &Due| due.top).max(top).unwrap_or(Height::GENESIS);
            found = Some(Due { keep_from: number + 1, top });
        }
        found
    }

    fn remove_files(&mut self, due: &Due) -> Result<(), ChainStateError> {
        let shared = self.shared.clone();
        let (gone, row, state) = {
            let live = shared.read();
            let in_files = |id: &NodeId| live.row(*id).is_some_and(|row| row.block.file < due.keep_from);
            let gone: Vec<NodeId> = live.tree.ids().filter(in_files).collect();
            let height = live.pruned.map_or(due.top, |pruned| pruned.height.max(due.top));
            let row = PrunedRow { files: due.keep_from, height };
            (gone, row, StateRow { tip: live.tree.hash(live.tip()), last_event: self.last_event })
        };
        let mut writer = shared.chain.writer();
        writer.put(&shared.chain.pruned, &ONLY, &row)?;
        for id in &gone {
            writer.delete(&shared.chain.blocks, &(id.index() as u32))?;
        }
        shared.chain.finish(writer, &state)?;
        {
            let mut live = shared.write();
            gone.iter().for_each(|id| live.drop_row(*id));
            live.missing.retain(|height| *height > row.height);
            live.pruned = Some(row);
        }
        tracing::info!(files = row.files, height = %row.height, blocks = gone.len(), "pruned old blocks");
        self.files.remove_below(due.keep_from)
    }

    /// Ends a pruning that a crash cut short.
    pub(crate) fn finish_pruning(&mut self) -> Result<(), ChainStateError> {
        let Some(PrunedRow { files, .. }) = self.with_live(|live| live.pruned) else { return Ok(()) };
        let shared = self.shared.clone();
        let mut writer = shared.chain.writer();
        for entry in shared.chain.blocks.iter() {
            let (index, row) = entry?;
            if row.block.file < files {
                writer.delete(&shared.chain.blocks, &index)?;
            }
        }
        writer.finish()?;
        self.files.remove_below(files)
    }

    /// Refuses an index that would have to read blocks that are gone.
    pub(crate) fn indexes_can_be_built(&self) -> Result<(), ChainStateError> {
        let Some(pruned) = self.with_live(|live| live.pruned) else { return Ok(()) };
        for &index in self.shared.index.enabled() {
            let last = self.shared.index.status(&self.shared, index)?.last_event;
            for event in self.shared.chain.events(last, self.last_event) {
                let hash = event?.1.hash;
                let here = |live: &Live| live.tree.get(&hash).is_some_and(|id| live.row(id).is_some());
                if !self.with_live(here) {
                    return Err(ChainStateError::IndexNeedsPruned { index, height: pruned.height });
                }
            }
        }
        Ok(())
    }

    /// Takes note of blocks that were taken off, which an index that is behind will read again.
    pub(crate) fn note_dips(&mut self, events: &[ChainEvent]) {
        if self.prune.is_some() && !self.shared.index.enabled().is_empty() {
            let off = events.iter().filter(|event| event.kind == EventKind::Disconnected);
            self.dips.extend(off.map(|event| (event.id, event.height)));
        }
    }

    /// [`note_dips`](Self::note_dips) for all events that an index has not read yet.
    pub(crate) fn note_old_dips(&mut self) -> Result<(), ChainStateError> {
        let Some(read) = self.shared.index.all_have_read(&self.shared)? else { return Ok(()) };
        let events: Result<Vec<_>, _> = self.shared.chain.events(read, self.last_event).collect();
        let events: Vec<_> = events?.into_iter().map(|(id, row)| row.numbered(id)).collect();
        self.note_dips(&events);
        Ok(())
    }

    /// The lowest block that some index has yet to read, durably; one above the tip if there is none.
    fn needed_by_indexes(&mut self) -> Result<Option<Height>, ChainStateError> {
        let Some(read) = self.shared.index.all_have_read(&self.shared)? else { return Ok(None) };
        // What was read must not have to be read again.
        self.shared.index.sync()?;
        self.dips.retain(|(id, _)| *id > read);
        let next = self.shared.chain.events(read, EventId::new(u64::MAX)).next().transpose()?;
        let next = match next {
            Some((_, row)) => row.height,
            None => self.with_live(|live| live.tree.height(live.tip())).next(),
        };
        Ok(self.dips.iter().map(|(_, height)| *height).chain([next]).min())
    }
}

/// The height `blocks` below `height`, if there is one.
fn below(height: Height, blocks: u32) -> Option<Height> {
    height.to_u32().checked_sub(blocks).map(Height::new)
}
