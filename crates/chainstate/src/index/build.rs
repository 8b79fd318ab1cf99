//! Bringing indexes up along the event log.

use std::sync::PoisonError;

use cairn_consensus::Undo;
use cairn_failpoint as failpoint;
use cairn_store::{Batch, Key, StoreError, Table, Value};

use super::coin_stats::Running;
use super::filter::{self, FilterRow};
use super::{Changes, IndexDb, IndexKind, Place, Row, Step, address, cursor_after, genesis_cursor, tx};
use crate::chain_db::{Commits, Writer};
use crate::check::{Progress, Task};
use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventId};
use crate::layout::{Cursor, ONLY};
use crate::live::Shared;
use crate::open::Watch;

use super::FRESH_EVENTS;

/// Changes that are collected before they are written.
const GROUP: usize = 65_536;

/// Events whose changes are collected before they are written: what a crash while catching up makes read again.
const GROUP_EVENTS: usize = 2_000;

/// Bytes of filters that are collected before they are written.
const GROUP_FILTER_BYTES: usize = 16 << 20;

const BEGIN: Commits = Commits { full: "index.begin", last: "index.begin" };
/// Rows of whole events; and at last the cursors.
const ROWS: Commits = Commits { full: "index.rows", last: "index.cursor" };

/// A part of the log, and the indexes that go along it together: each block is read once for all of them.
#[derive(Debug, PartialEq, Eq)]
struct Leg {
    indexes: Vec<IndexKind>,
    /// The last event they have read.
    from: EventId,
    /// Where they meet the next index, or the end of the log.
    upto: EventId,
    /// An index at the end of the log waits meanwhile, so the leg ends when the log grows.
    yields: bool,
}

/// A walk along a leg.
struct Walk {
    changes: Changes,
    /// Events whose changes are not written yet.
    events: usize,
    /// Bytes of the filters among them.
    filter_bytes: usize,
    /// The sums of the coins where the walk is; `None` if nobody on it keeps them.
    running: Option<Running>,
}

impl IndexDb {
    /// Reads all durable events that are still ahead of an index, durably, or as far as it gets before it is asked to
    /// stop; then what it has read is durable all the same.
    pub(crate) fn catch_up(&self, shared: &Shared, watch: Watch<'_>) -> Result<(), ChainStateError> {
        for &index in &self.enabled {
            if self.cursor(index)?.is_none() {
                self.begin(shared, index)?;
            }
        }
        while !self.signals.is_stopped() && self.step(shared, watch)? {}
        Ok(())
    }

    /// One step of some indexes, of bounded length; `false` once all stand at the end of the log, or at an event whose
    /// block is not here.
    fn step(&self, shared: &Shared, watch: Watch<'_>) -> Result<bool, ChainStateError> {
        let newest = shared.read().last_event;
        let mut cursors = Vec::new();
        for &index in &self.enabled {
            let Some(cursor) = self.cursor(index)? else { return Ok(false) };
            cursors.push((index, cursor.last_event));
        }
        let Some(leg) = next_leg(&cursors, newest) else { return Ok(false) };
        let running = match leg.indexes.contains(&IndexKind::CoinStats) {
            true => self.saved_sums()?,
            false => None,
        };
        let mut walk = Walk { changes: Changes::new(), events: 0, filter_bytes: 0, running };
        let mut reached = leg.from;
        for row in shared.chain.events(leg.from, leg.upto) {
            let (id, row) = row?;
            let event = row.numbered(id);
            if !shared.has_data(&event.hash) {
                break;
            }
            walk.follow(shared, &event, &leg.indexes)?;
            reached = event.id;
            let (done, total) = (id - leg.from.to_u64(), newest.to_u64() - leg.from.to_u64());
            watch(Progress { task: Task::Indexes, done, total });
            let full = walk.changes.len() >= GROUP
                || walk.events >= GROUP_EVENTS
                || walk.filter_bytes >= GROUP_FILTER_BYTES;
            let wanted = leg.yields && shared.read().last_event > newest;
            if full || wanted || self.signals.is_stopped() {
                break;
            }
        }
        if reached == leg.from && self.waits_for_block(shared, reached)? {
            return Ok(false);
        }
        if reached == leg.from {
            return Err(ChainStateError::SavedState { table: "events" });
        }
        self.write(shared, walk, &leg.indexes, reached)?;
        failpoint::around("index.sync", || self.store.sync())?;
        self.signals.moved();
        Ok(true)
    }

    /// Whether the block of the next event is not here: it comes later.
    pub(super) fn waits_for_block(&self, shared: &Shared, last: EventId) -> Result<bool, ChainStateError> {
        let next = shared.chain.event(last.next())?;
        Ok(next.is_some_and(|row| !shared.has_data(&row.hash)))
    }

    fn saved_sums(&self) -> Result<Option<Running>, ChainStateError> {
        match self.cursors.get(&IndexKind::CoinStats.id())? {
            Some(cursor) => self.running(&cursor),
            None => Ok(None),
        }
    }

    /// Writes the changes of whole events, and behind them that `indexes` have read up to `reached`. The sums of the
    /// coins are no row that can be written twice: they go with the cursor.
    fn write(
        &self,
        shared: &Shared,
        walk: Walk,
        indexes: &[IndexKind],
        reached: EventId,
    ) -> Result<(), ChainStateError> {
        let cursor = cursor_after(shared, reached)?.ok_or(ChainStateError::SavedState { table: "events" })?;
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut writer = Writer::new(&self.store, &ROWS);
        for (place, row) in walk.changes {
            match (place, row) {
                (Place::Tx(txid), Row::Tx(row)) => writer.put(&self.txs, txid.as_bytes(), &row),
                (Place::History(key), Row::History(row)) => writer.put(&self.history, &key, &row),
                (Place::Coin(key), Row::Coin(row)) => writer.put(&self.coins, &key, &row),
                (Place::Stats(height), Row::Stats(row)) => writer.put(&self.stats, &height, &row),
                (Place::Filter(height), Row::Filter(row)) => writer.put(&self.filters, &height, &row),
                (Place::Tx(txid), _) => writer.delete(&self.txs, txid.as_bytes()),
                (Place::History(key), _) => writer.delete(&self.history, &key),
                (Place::Coin(key), _) => writer.delete(&self.coins, &key),
                (Place::Stats(height), _) => writer.delete(&self.stats, &height),
                (Place::Filter(height), _) => writer.delete(&self.filters, &height),
            }?;
        }
        writer.together(indexes.len() + 1)?;
        if let Some(running) = &walk.running {
            writer.put(&self.coin_set, &ONLY, &running.to_row())?;
        }
        for index in indexes {
            writer.put(&self.cursors, &index.id(), &cursor)?;
        }
        Ok(writer.finish()?)
    }

    /// Empties the index and sets it to the start of the event log. Asked to stop it leaves the index without a
    /// cursor, so that the next one to begin it goes on.
    fn begin(&self, shared: &Shared, index: IndexKind) -> Result<(), ChainStateError> {
        self.empty(index, &mut |_| {})?;
        if self.signals.is_stopped() {
            return Ok(());
        }
        let mut writer = Writer::new(&self.store, &BEGIN);
        if index == IndexKind::CoinStats {
            let genesis = Running::genesis(shared);
            writer.put(&self.stats, &0, &genesis.stats_row())?;
            writer.put(&self.coin_set, &ONLY, &genesis.to_row())?;
        }
        if index == IndexKind::Filter {
            writer.put(&self.filters, &0, &FilterRow::genesis(&shared.spec))?;
        }
        let start: Cursor = genesis_cursor(shared);
        writer.put(&self.cursors, &index.id(), &start)?;
        Ok(writer.finish()?)
    }

    /// Deletes the cursor of the index, then its rows in batches; `removed` is told how many rows are gone so far.
    pub(super) fn empty(&self, index: IndexKind, removed: &mut dyn FnMut(u64)) -> Result<u64, StoreError> {
        self.forget(index)?;
        let mut rows = 0;
        match index {
            IndexKind::Tx => self.delete_all(&self.txs, &mut rows, removed)?,
            IndexKind::Address => {
                self.delete_all(&self.history, &mut rows, removed)?;
                self.delete_all(&self.coins, &mut rows, removed)?;
            }
            IndexKind::CoinStats => {
                self.delete_all(&self.stats, &mut rows, removed)?;
                self.delete_all(&self.coin_set, &mut rows, removed)?;
            }
            IndexKind::Filter => self.delete_all(&self.filters, &mut rows, removed)?,
        }
        Ok(rows)
    }

    fn delete_all<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        rows: &mut u64,
        removed: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        while !self.signals.is_stopped() {
            let mut batch = Batch::new();
            for entry in table.iter().take(Batch::MAX_OPS) {
                batch.delete(table, &entry?.0)?;
            }
            if batch.is_empty() {
                break;
            }
            *rows += batch.len() as u64;
            failpoint::around("index.empty", || self.store.commit(batch))?;
            removed(*rows);
        }
        Ok(())
    }
}

/// Who goes next, and how far. One that is nearly at the end goes first, so that its answers are fresh; else the one
/// that is furthest behind, until it meets the next, from where they go together.
fn next_leg(cursors: &[(IndexKind, EventId)], newest: EventId) -> Option<Leg> {
    let behind = cursors.iter().map(|(_, last)| *last).filter(|last| *last < newest);
    let near = |last: &EventId| newest.to_u64() - last.to_u64() <= FRESH_EVENTS;
    let from = behind.clone().filter(near).min().or(behind.min())?;
    let upto = cursors.iter().map(|(_, last)| *last).filter(|last| *last > from && *last <= newest).min();
    let indexes = cursors.iter().filter(|(_, last)| *last == from).map(|(index, _)| *index).collect();
    let yields = cursors.iter().any(|(_, last)| *last >= newest) && !near(&from);
    Some(Leg { indexes, from, upto: upto.unwrap_or(newest), yields })
}

impl Walk {
    /// Adds what brings `indexes` past `event`.
    fn follow(
        &mut self,
        shared: &Shared,
        event: &ChainEvent,
        indexes: &[IndexKind],
    ) -> Result<(), ChainStateError> {
        let id = shared.read().tree.get(&event.hash);
        let id = id.ok_or(ChainStateError::UnknownBlock { hash: event.hash })?;
        let on = |kind| indexes.contains(&kind);
        let block = &shared.load_block(id)?;
        let needs_undo = indexes.iter().any(|index| *index != IndexKind::Tx);
        let undo = if needs_undo { shared.load_undo(id)? } else { Undo::default() };
        let step = Step { kind: event.kind, height: event.height, block, undo };
        if on(IndexKind::Tx) {
            tx::add_changes(&step, &mut self.changes);
        }
        if on(IndexKind::Address) {
            address::add_changes(&step, &mut self.changes);
        }
        if let Some(running) = &mut self.running {
            running.follow(shared, &step, &mut self.changes)?;
        }
        if on(IndexKind::Filter) {
            self.filter_bytes += filter::add_changes(&shared.index, &step, &mut self.changes)?;
        }
        self.events += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(cursors: &[(IndexKind, u64)], newest: u64) -> Option<(Vec<IndexKind>, u64, u64, bool)> {
        let cursors: Vec<_> = cursors.iter().map(|(index, last)| (*index, EventId::new(*last))).collect();
        let leg = next_leg(&cursors, EventId::new(newest))?;
        Some((leg.indexes, leg.from.to_u64(), leg.upto.to_u64(), leg.yields))
    }

    #[test]
    fn who_is_nearly_there_goes_first() {
        use IndexKind::{Address, CoinStats, Tx};
        assert_eq!(leg(&[(Tx, 9), (Address, 9)], 9), None);
        assert_eq!(leg(&[(Tx, 8), (Address, 8)], 9), Some((vec![Tx, Address], 8, 9, false)));
        let far = 10_000;
        // At the limit an index is near the end, one past it is not.
        let edge = far - FRESH_EVENTS;
        assert_eq!(leg(&[(Tx, edge), (Address, 7)], far), Some((vec![Tx], edge, far, false)));
        assert_eq!(leg(&[(Tx, edge - 1), (Address, 7)], far), Some((vec![Address], 7, edge - 1, false)));
        // Who builds while another stands at the end makes room when the log grows.
        assert_eq!(leg(&[(Tx, far), (Address, 7)], far), Some((vec![Address], 7, far, true)));
        let three = [(Tx, 7), (Address, 7), (CoinStats, 90)];
        assert_eq!(leg(&three, far), Some((vec![Tx, Address], 7, 90, false)));
    }
}
