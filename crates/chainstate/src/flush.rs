//! Making changes durable, and redoing what a crash cut short.
//!
//! A commit is: sync block and undo files, then headers, positions, marks and events in batches, the last of
//! them with tip and event number, then sync. Positions in the store therefore point at whole records.
//!
//! A flush of the coins follows a commit: the marker `{at, flushing to}` is written and synced, the changes go
//! out in batches, then `{to}` takes the marker's place, synced. The marker lies in the coin store itself, whose
//! commits survive in order. After a crash in the middle the coin store holds the coins at `at` with some of
//! the changes to `to`. Each change is absolute, so doing all changes from `at` to `to` again, computed from
//! blocks and undo data alone, leads to exactly the coins at `to`.

use cairn_consensus::{NodeId, ReorgPlan};
use cairn_primitives::{Block, BlockHash, Coin, Height, OutPoint};

use crate::check::{Progress, Task};
use crate::coin_cache::{CoinCache, InStore, Kept};
use crate::config::Indexing;
use crate::error::ChainStateError;
use crate::layout::{CoinsState, EventRow, HeaderRow, StateRow};
use crate::open::Watch;
use crate::state::{ChainState, Pending, SinceFlush};

impl ChainState {
    /// Makes headers, blocks, tip and events durable, tells the indexes of them, and hands the events out. Near the best
    /// header each call that changes the chain ends with it. Coins stay in memory: after a crash they are made again from
    /// the blocks. [`flush`](Self::flush) writes them too.
    ///
    /// # Errors
    /// [`ChainStateError::Io`] and [`ChainStateError::Store`] when the disk refuses; the chain is then halted, and
    /// [`ChainStateError::Halted`] once it is.
    pub fn commit(&mut self) -> Result<(), ChainStateError> {
        self.check_running()?;
        let Pending { events, rows, marks, .. } = &self.pending;
        let nothing = events.is_empty() && rows.is_empty() && marks.is_empty();
        if nothing && self.saved_headers == self.with_live(|live| live.tree.len()) {
            return Ok(());
        }
        let result = self.write_commit();
        self.or_halt(result)?;
        let events = std::mem::take(&mut self.pending).events;
        self.note_dips(&events);
        if self.indexing == Indexing::WithCommits {
            let caught_up = self.shared.index.catch_up(&self.shared, &mut |_| {});
            self.or_halt(caught_up)?;
        } else if let Some(indexer) = &self.indexer {
            indexer.wake();
        }
        self.shared.hub.publish(&events);
        Ok(())
    }

    fn write_commit(&mut self) -> Result<(), ChainStateError> {
        self.files.sync()?;
        let shared = self.shared.clone();
        let chain = &shared.chain;
        let mut writer = chain.writer();
        let headers = {
            let live = shared.read();
            for id in live.tree.ids().skip(self.saved_headers) {
                writer.put(&chain.headers, &(id.index() as u32), &HeaderRow(*live.tree.header(id)))?;
            }
            // In file order: if only some of these batches survive a crash, the saved rows cover the files up
            // to one place, and the blocks behind it are found by reading on from there.
            let rows = self.pending.rows.iter().filter_map(|id| Some((live.row(*id)?, *id)));
            let mut rows: Vec<_> = rows.collect();
            rows.sort_unstable_by_key(|(row, _)| row.block);
            for (row, id) in rows {
                writer.put(&chain.blocks, &(id.index() as u32), &row)?;
            }
            for id in &self.pending.marks {
                let index = id.index() as u32;
                match live.tree.is_marked(*id) {
                    true => writer.put(&chain.invalid, &index, &())?,
                    false => writer.delete(&chain.invalid, &index)?,
                }
            }
            live.tree.len()
        };
        for event in &self.pending.events {
            chain.put_event(&mut writer, event.id, &EventRow::of(event))?;
        }
        let state = StateRow { tip: self.tip().hash, last_event: self.last_event };
        chain.finish(writer, &state)?;
        self.saved_headers = headers;
        shared.write().last_event = self.last_event;
        Ok(())
    }

    /// Brings the coin store to the tip. Everything up to the tip must be committed.
    pub(crate) fn flush_coins(&mut self) -> Result<(), ChainStateError> {
        let tip = self.with_live(|live| live.tip());
        if tip == self.coins_at {
            return Ok(());
        }
        let result = self.write_coins(tip);
        self.or_halt(result)
    }

    fn write_coins(&mut self, to: NodeId) -> Result<(), ChainStateError> {
        let shared = self.shared.clone();
        {
            // Readers go on meanwhile: what they find does not change by moving it.
            let live = shared.read();
            let (at, to) = (live.tree.hash(self.coins_at), live.tree.hash(to));
            shared.coins.flush(at, to, &live.cache)?;
        }
        let mut live = shared.write();
        if live.cache.flushed(self.cache_budget) == Kept::Nothing {
            shared.coins.must_be_asked();
        }
        drop(live);
        self.coins_at = to;
        self.since_flush = SinceFlush::default();
        Ok(())
    }

    /// Brings the coins from where the store has them to the tip, without checking anything again: every block
    /// on the way was connected before.
    pub(crate) fn redo(&mut self, state: CoinsState, watch: Watch<'_>) -> Result<(), ChainStateError> {
        let known = |hash: BlockHash| {
            let id = self.with_live(|live| live.tree.get(&hash));
            id.ok_or(ChainStateError::CoinsDetached { at: hash })
        };
        let at = known(state.at)?;
        let target = state.flushing_to.map(known).transpose()?;
        let tip = self.with_live(|live| live.tip());
        self.coins_at = at;
        if let Some(target) = target {
            tracing::info!(from = %state.at, to = %state.flushing_to.unwrap_or(state.at), "finishing a flush that was cut short");
            // The store has changes of all blocks up to `target`: it is nowhere in between.
            self.redo_leg(at, target, usize::MAX, watch)?;
            if target != at {
                self.write_redone(target)?;
            }
        }
        self.redo_leg(target.unwrap_or(at), tip, self.cache_budget, watch)
    }

    fn redo_leg(
        &mut self,
        from: NodeId,
        to: NodeId,
        budget: usize,
        watch: Watch<'_>,
    ) -> Result<(), ChainStateError> {
        let ReorgPlan { disconnect, connect, .. } = self.with_live(|live| live.tree.plan(from, to));
        if !connect.is_empty() || !disconnect.is_empty() {
            tracing::info!(connect = connect.len(), disconnect = disconnect.len(), "redoing coin changes");
        }
        for id in disconnect {
            let block = self.shared.load_block(id)?;
            let undo = self.shared.load_undo(id)?;
            let hash = block.hash();
            let delta = cairn_consensus::disconnect(&block, undo)
                .map_err(|source| ChainStateError::Undo { hash, source })?;
            let mut live = self.shared.write();
            delta.spent.iter().for_each(|outpoint| live.cache.spend(outpoint));
            for (outpoint, coin) in delta.created {
                live.cache.make(outpoint, coin, InStore::Maybe);
            }
        }
        let total = connect.len() as u64;
        for (done, id) in (1..).zip(connect) {
            let block = self.shared.load_block(id)?;
            self.repair_undo(id, &block)?;
            let full = {
                let mut live = self.shared.write();
                let height = live.tree.height(id);
                put_on(&mut live.cache, &block, height);
                live.cache.is_full(budget)
            };
            self.since_flush.blocks += 1;
            self.since_flush.bytes += block.total_size() as u64;
            if full {
                self.write_redone(id)?;
            }
            watch(Progress { task: Task::Coins, done, total });
        }
        Ok(())
    }

    fn write_redone(&mut self, to: NodeId) -> Result<(), ChainStateError> {
        if !self.pending.rows.is_empty() {
            // Undo data made anew: once the coins are past its block it could not be made again.
            let result = self.write_commit();
            self.or_halt(result)?;
            self.pending = Pending::default();
        }
        let result = self.write_coins(to);
        self.or_halt(result)
    }
}

/// What a valid block does to the coins, told from its bytes alone: its inputs are gone, its outputs are there.
pub(crate) fn put_on(cache: &mut CoinCache, block: &Block, height: Height) {
    for tx in &block.transactions {
        let coinbase = tx.is_coinbase();
        if !coinbase {
            tx.inputs().iter().for_each(|input| cache.spend(&input.previous));
        }
        for (vout, output) in tx.outputs().iter().enumerate() {
            if !output.script_pubkey.is_unspendable() {
                let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
                cache.make(outpoint, Coin { output: output.clone(), height, coinbase }, InStore::Maybe);
            }
        }
    }
}
