//! Indexes: tables derived from the best chain, each optional, each kept in step with the event log.
//!
//! An index reads durable events only and writes, behind the rows of the events, how far it has read (its
//! cursor). So a crash never leaves it ahead of the chain, and where it is behind its cursor says so. An
//! index switched on late starts at event 1; one switched off and on again goes on where it stopped. Rows are
//! absolute (set or deleted), so events that were only partly written are simply applied again. That allows the
//! rows of many events to be written in key order, which is how a tree takes them best.
//! A cursor that names an event the log does not have, or another one, means that the log was rebuilt: the
//! index is then emptied and read anew.

mod address;
mod coin_stats;
mod tx;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use cairn_consensus::Undo;
use cairn_primitives::{Block, BlockHash, Height, Txid};
use cairn_store::{Batch, Key, Store, StoreError, Table, Value};

pub use address::{AddressBalance, AddressCoin, AddressHistory, HistoryEntry, script_hash};
pub use coin_stats::{SupplyStats, Unspendable};
pub use tx::TxInfo;
pub(crate) use verify::{Verified, Verifier};

use crate::chain_db::Writer;
use crate::check::{Progress, Task};
use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventId, EventKind};
use crate::layout::{
    ADDRESS_COINS, AddressCoinKey, AddressCoinRow, COIN_SET, COIN_STATS, CURSORS, CoinSetRow, CoinStatsRow,
    Cursor, HISTORY, HistoryKey, HistoryRow, ONLY, TXS, TxRow,
};
use crate::live::Shared;
use crate::open::Watch;
use coin_stats::Running;

/// An index that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// From txid to block and place.
    Tx,
    /// From script to history and coins.
    Address,
    /// The sums and the hash of the coins after each block.
    CoinStats,
}

impl IndexKind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Tx, Self::Address, Self::CoinStats];

    /// Its key in the cursor table.
    const fn id(self) -> u8 {
        match self {
            IndexKind::Tx => 1,
            IndexKind::Address => 2,
            IndexKind::CoinStats => 3,
        }
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IndexKind::Tx => "transaction",
            IndexKind::Address => "address",
            IndexKind::CoinStats => "coin statistics",
        })
    }
}

/// How far an index has come. What it answers is the state after this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexStatus {
    /// The last event it has read.
    pub last_event: EventId,
    /// Height of the tip after that event.
    pub height: Height,
    /// The tip after that event.
    pub hash: BlockHash,
}

/// Where a row of the index tables stands; sorts as the tables do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tx(Txid),
    History(HistoryKey),
    Coin(AddressCoinKey),
    Stats(u32),
}

/// What shall stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Nothing,
    Tx(TxRow),
    History(HistoryRow),
    Coin(AddressCoinRow),
    Stats(CoinStatsRow),
}

/// Changes by their place: of several to one place the last counts.
type Changes = BTreeMap<Place, Row>;

/// Changes that are collected before they are written.
const GROUP: usize = 65_536;

/// Events whose changes are collected before they are written: what a crash while catching up makes read again.
const GROUP_EVENTS: usize = 2_000;

/// A block that was connected or disconnected, with what the indexes need to know about it.
struct Step<'a> {
    kind: EventKind,
    height: Height,
    block: &'a Block,
    /// Empty when no index that is on needs it.
    undo: Undo,
}

#[derive(Debug)]
pub(crate) struct IndexDb {
    store: Store,
    /// Held alone while the rows of whole events are written, together by queries.
    gate: RwLock<()>,
    enabled: Vec<IndexKind>,
    cursors: Table<u8, Cursor>,
    txs: Table<[u8; 32], TxRow>,
    history: Table<HistoryKey, HistoryRow>,
    coins: Table<AddressCoinKey, AddressCoinRow>,
    stats: Table<u32, CoinStatsRow>,
    coin_set: Table<u8, CoinSetRow>,
}

/// A walk along the events that are ahead of some index.
struct CatchUp {
    /// The indexes that are on and how far each had come.
    started: Vec<(IndexKind, EventId)>,
    changes: Changes,
    /// Events whose changes are not written yet.
    events: usize,
    /// The sums of the coins where the walk is; `None` if nobody keeps them.
    running: Option<Running>,
}

impl IndexDb {
    pub(crate) fn open(store: Store, enabled: Vec<IndexKind>) -> Result<Self, StoreError> {
        Ok(IndexDb {
            gate: RwLock::new(()),
            enabled,
            cursors: store.table(CURSORS)?,
            txs: store.table(TXS)?,
            history: store.table(HISTORY)?,
            coins: store.table(ADDRESS_COINS)?,
            stats: store.table(COIN_STATS)?,
            coin_set: store.table(COIN_SET)?,
            store,
        })
    }

    /// How far the index has come.
    pub(crate) fn status(&self, index: IndexKind) -> Result<IndexStatus, ChainStateError> {
        let _still = self.hold();
        self.cursor(index)
    }

    fn cursor(&self, index: IndexKind) -> Result<IndexStatus, ChainStateError> {
        if !self.enabled.contains(&index) {
            return Err(ChainStateError::IndexOff { index });
        }
        let Some(Cursor { last_event, height, hash }) = self.cursors.get(&index.id())? else {
            return Err(ChainStateError::IndexOff { index });
        };
        Ok(IndexStatus { last_event, height, hash })
    }

    /// Keeps the tables as they are, between two events, until dropped.
    fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks each index that is on against the event log, and empties those that do not fit it.
    pub(crate) fn check(&self, shared: &Shared) -> Result<(), ChainStateError> {
        for &index in &self.enabled {
            if !self.fits(shared, index)? {
                self.begin(shared, index)?;
            }
        }
        Ok(self.store.sync()?)
    }

    /// Whether the index is at a place of the event log, with all it needs to go on from there.
    pub(crate) fn fits(&self, shared: &Shared, index: IndexKind) -> Result<bool, ChainStateError> {
        let Some(cursor) = self.cursors.get(&index.id())? else { return Ok(false) };
        let in_log = Some(cursor) == cursor_after(shared, cursor.last_event)?;
        Ok(in_log && (index != IndexKind::CoinStats || self.running(&cursor)?.is_some()))
    }

    /// Empties the index and sets it to the start of the event log.
    fn begin(&self, shared: &Shared, index: IndexKind) -> Result<(), ChainStateError> {
        self.empty(index)?;
        let start = cursor_after(shared, EventId::NONE)?.expect("genesis comes before every event");
        let mut writer = Writer::new(&self.store);
        if index == IndexKind::CoinStats {
            let genesis = Running::genesis(shared);
            writer.put(&self.stats, &0, &genesis.stats_row())?;
            writer.put(&self.coin_set, &ONLY, &genesis.to_row())?;
        }
        writer.put(&self.cursors, &index.id(), &start)?;
        Ok(writer.finish()?)
    }

    /// The saved sums of the coins, if they are those of `cursor`.
    fn running(&self, cursor: &Cursor) -> Result<Option<Running>, ChainStateError> {
        Ok(self.coin_set.get(&ONLY)?.and_then(|row| Running::saved(row, cursor)))
    }

    /// Reads all durable events that are still ahead of an index, and syncs.
    pub(crate) fn catch_up(&self, shared: &Shared, watch: Watch<'_>) -> Result<(), ChainStateError> {
        let mut started = Vec::new();
        for &index in &self.enabled {
            started.push((index, self.cursor(index)?.last_event));
        }
        let Some(oldest) = started.iter().map(|(_, last)| *last).min() else { return Ok(()) };
        let newest = shared.read().last_event;
        if oldest == newest {
            return Ok(());
        }
        let running = match self.cursors.get(&IndexKind::CoinStats.id())? {
            Some(cursor) if self.enabled.contains(&IndexKind::CoinStats) => self.running(&cursor)?,
            _ => None,
        };
        let mut walk = CatchUp { started, changes: Changes::new(), events: 0, running };
        let mut reached = EventId::NONE;
        for row in shared.chain.events(oldest, newest) {
            let (id, row) = row?;
            let event = row.numbered(id);
            walk.follow(shared, &event)?;
            reached = event.id;
            let (done, total) = (id - oldest.to_u64(), newest.to_u64() - oldest.to_u64());
            watch(Progress { task: Task::Indexes, done, total });
            if walk.changes.len() >= GROUP || walk.events >= GROUP_EVENTS {
                self.write(shared, &mut walk, reached)?;
            }
        }
        self.write(shared, &mut walk, reached)?;
        Ok(self.store.sync()?)
    }

    /// Writes the changes of whole events, and behind them that the indexes that were behind `reached` have read
    /// up to there. The sums of the coins are no row that can be written twice: they go with the cursor.
    fn write(&self, shared: &Shared, walk: &mut CatchUp, reached: EventId) -> Result<(), ChainStateError> {
        let cursor = cursor_after(shared, reached)?.ok_or(ChainStateError::SavedState { table: "events" })?;
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut writer = Writer::new(&self.store);
        walk.events = 0;
        for (place, row) in std::mem::take(&mut walk.changes) {
            match (place, row) {
                (Place::Tx(txid), Row::Tx(row)) => writer.put(&self.txs, txid.as_bytes(), &row),
                (Place::History(key), Row::History(row)) => writer.put(&self.history, &key, &row),
                (Place::Coin(key), Row::Coin(row)) => writer.put(&self.coins, &key, &row),
                (Place::Stats(height), Row::Stats(row)) => writer.put(&self.stats, &height, &row),
                (Place::Tx(txid), _) => writer.delete(&self.txs, txid.as_bytes()),
                (Place::History(key), _) => writer.delete(&self.history, &key),
                (Place::Coin(key), _) => writer.delete(&self.coins, &key),
                (Place::Stats(height), _) => writer.delete(&self.stats, &height),
            }?;
        }
        writer.together(walk.started.len() + 1)?;
        if let Some(running) = &walk.running {
            writer.put(&self.coin_set, &ONLY, &running.to_row())?;
        }
        for (index, _) in walk.started.iter().filter(|(_, last)| *last < reached) {
            writer.put(&self.cursors, &index.id(), &cursor)?;
        }
        Ok(writer.finish()?)
    }

    fn empty(&self, index: IndexKind) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.delete(&self.cursors, &index.id())?;
        self.store.commit(batch)?;
        match index {
            IndexKind::Tx => self.delete_all(&self.txs),
            IndexKind::Address => {
                self.delete_all(&self.history)?;
                self.delete_all(&self.coins)
            }
            IndexKind::CoinStats => {
                self.delete_all(&self.stats)?;
                self.delete_all(&self.coin_set)
            }
        }
    }

    fn delete_all<K: Key, V: Value>(&self, table: &Table<K, V>) -> Result<(), StoreError> {
        loop {
            let mut batch = Batch::new();
            for entry in table.iter().take(Batch::MAX_OPS) {
                batch.delete(table, &entry?.0)?;
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.store.commit(batch)?;
        }
    }
}

impl CatchUp {
    /// Adds what brings the indexes that are behind `event` past it.
    fn follow(&mut self, shared: &Shared, event: &ChainEvent) -> Result<(), ChainStateError> {
        let id = shared.read().tree.get(&event.hash);
        let id = id.ok_or(ChainStateError::UnknownBlock { hash: event.hash })?;
        let behind = |kind| self.started.iter().any(|(index, last)| *index == kind && *last < event.id);
        let (txs, addresses) = (behind(IndexKind::Tx), behind(IndexKind::Address));
        let sums = behind(IndexKind::CoinStats);
        let block = &shared.load_block(id)?;
        let undo = if addresses || sums { shared.load_undo(id)? } else { Undo::default() };
        let step = Step { kind: event.kind, height: event.height, block, undo };
        if txs {
            tx::add_changes(&step, &mut self.changes);
        }
        if addresses {
            address::add_changes(&step, &mut self.changes);
        }
        if let Some(running) = self.running.as_mut().filter(|_| sums) {
            running.follow(shared, &step, &mut self.changes)?;
        }
        self.events += 1;
        Ok(())
    }
}

/// The cursor of an index that has read up to `event`: that event and the tip after it. `None` if the log has
/// no such event.
fn cursor_after(shared: &Shared, event: EventId) -> Result<Option<Cursor>, ChainStateError> {
    if event > shared.read().last_event {
        return Ok(None);
    }
    if event == EventId::NONE {
        let hash = shared.spec.genesis_hash();
        return Ok(Some(Cursor { last_event: event, height: Height::GENESIS, hash }));
    }
    let Some(row) = shared.chain.event(event)? else { return Ok(None) };
    let live = shared.read();
    let Some(id) = live.tree.get(&row.hash) else { return Ok(None) };
    let tip = match row.kind {
        EventKind::Connected => Some(id),
        EventKind::Disconnected => live.tree.parent(id),
    };
    Ok(tip.map(|tip| Cursor { last_event: event, height: live.tree.height(tip), hash: live.tree.hash(tip) }))
}
