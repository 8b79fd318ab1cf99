//! Indexes: tables derived from the best chain, each optional, each kept in step with the event log.
//!
//! An index reads durable events only and writes, in the batch with the rows of an event, how far it has read
//! (its cursor). So a crash never leaves it ahead of the chain, and where it is behind its cursor says so. An
//! index switched on late starts at event 1; one switched off and on again goes on where it stopped. Rows are
//! absolute (set or deleted), so an event of more than one batch may be applied again from its beginning.
//! A cursor that names an event the log does not have, or another one, means that the log was rebuilt: the
//! index is then emptied and read anew.

mod address;
mod tx;

use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use cairn_consensus::Undo;
use cairn_primitives::{Block, BlockHash, Height, Txid};
use cairn_store::{Batch, Key, Store, StoreError, Table, Value};

pub use address::{AddressBalance, AddressCoin, AddressHistory, HistoryEntry, script_hash};
pub use tx::TxInfo;

use crate::error::ChainStateError;
use crate::events::{ChainEvent, EventId, EventKind};
use crate::layout::{
    ADDRESS_COINS, AddressCoinKey, AddressCoinRow, CURSORS, Cursor, HISTORY, HistoryKey, HistoryRow, TXS,
    TxRow,
};
use crate::live::Shared;

/// An index that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// From txid to block and place.
    Tx,
    /// From script to history and coins.
    Address,
}

impl IndexKind {
    /// Its key in the cursor table.
    const fn id(self) -> u8 {
        match self {
            IndexKind::Tx => 1,
            IndexKind::Address => 2,
        }
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IndexKind::Tx => "transaction",
            IndexKind::Address => "address",
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

/// One change of an index table: `Some` sets the row, `None` deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Tx(Txid, Option<TxRow>),
    History(HistoryKey, Option<HistoryRow>),
    Coin(AddressCoinKey, Option<AddressCoinRow>),
    Cursor(IndexKind, Cursor),
}

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
            let fits = match self.cursors.get(&index.id())? {
                Some(cursor) => Some(cursor) == cursor_after(shared, cursor.last_event)?,
                None => false,
            };
            if !fits {
                self.empty(index)?;
                let start = cursor_after(shared, EventId::NONE)?.expect("genesis comes before every event");
                self.write(&[Row::Cursor(index, start)])?;
            }
        }
        Ok(self.store.sync()?)
    }

    /// Reads all durable events that are still ahead of an index, and syncs.
    pub(crate) fn catch_up(&self, shared: &Shared) -> Result<(), ChainStateError> {
        let mut cursors = Vec::new();
        for &index in &self.enabled {
            cursors.push((index, self.cursor(index)?.last_event));
        }
        let Some(oldest) = cursors.iter().map(|(_, last)| *last).min() else { return Ok(()) };
        let newest = shared.read().last_event;
        if oldest == newest {
            return Ok(());
        }
        let mut pending: Vec<Row> = Vec::new();
        for row in shared.chain.events(oldest, newest) {
            let (id, row) = row?;
            let event = row.numbered(id);
            let behind = cursors.iter().filter(|(_, last)| *last < event.id).map(|(index, _)| *index);
            let rows = self.rows_of(shared, &event, &behind.collect::<Vec<_>>())?;
            if pending.len() + rows.len() > Batch::MAX_OPS {
                self.write(&std::mem::take(&mut pending))?;
            }
            pending.extend(rows);
        }
        self.write(&pending)?;
        Ok(self.store.sync()?)
    }

    /// The rows that bring `indexes` past `event`, their cursors last.
    fn rows_of(
        &self,
        shared: &Shared,
        event: &ChainEvent,
        indexes: &[IndexKind],
    ) -> Result<Vec<Row>, ChainStateError> {
        let id = shared.read().tree.get(&event.hash);
        let id = id.ok_or(ChainStateError::UnknownBlock { hash: event.hash })?;
        let block = &shared.load_block(id)?;
        let undo = match indexes.contains(&IndexKind::Address) {
            true => shared.load_undo(id)?,
            false => Undo::default(),
        };
        let step = Step { kind: event.kind, height: event.height, block, undo };
        let mut rows = Vec::new();
        for index in indexes {
            match index {
                IndexKind::Tx => rows.extend(tx::rows(&step)),
                IndexKind::Address => rows.extend(address::rows(&step)),
            }
        }
        let cursor =
            cursor_after(shared, event.id)?.ok_or(ChainStateError::SavedState { table: "events" })?;
        rows.extend(indexes.iter().map(|index| Row::Cursor(*index, cursor)));
        Ok(rows)
    }

    /// Writes rows of whole events; more than fit one batch are those of a single event.
    fn write(&self, rows: &[Row]) -> Result<(), StoreError> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        for part in rows.chunks(Batch::MAX_OPS) {
            let mut batch = Batch::new();
            for row in part {
                match row {
                    Row::Tx(txid, row) => change(&mut batch, &self.txs, txid.as_bytes(), row.as_ref()),
                    Row::History(key, row) => change(&mut batch, &self.history, key, row.as_ref()),
                    Row::Coin(key, row) => change(&mut batch, &self.coins, key, row.as_ref()),
                    Row::Cursor(index, cursor) => batch.put(&self.cursors, &index.id(), cursor),
                }?;
            }
            self.store.commit(batch)?;
        }
        Ok(())
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

fn change<K: Key, V: Value>(
    batch: &mut Batch,
    table: &Table<K, V>,
    key: &K,
    row: Option<&V>,
) -> Result<(), StoreError> {
    match row {
        Some(row) => batch.put(table, key, row),
        None => batch.delete(table, key),
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
