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
mod tx;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use cairn_consensus::Undo;
use cairn_primitives::{Block, BlockHash, Height, Txid};
use cairn_store::{Batch, Key, Store, StoreError, Table, Value};

pub use address::{AddressBalance, AddressCoin, AddressHistory, HistoryEntry, script_hash};
pub use tx::TxInfo;

use crate::chain_db::Writer;
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

/// Where a row of the index tables stands; sorts as the tables do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tx(Txid),
    History(HistoryKey),
    Coin(AddressCoinKey),
}

/// What shall stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Nothing,
    Tx(TxRow),
    History(HistoryRow),
    Coin(AddressCoinRow),
}

/// Changes by their place: of several to one place the last counts.
type Changes = BTreeMap<Place, Row>;

/// Changes that are collected before they are written.
const GROUP: usize = 65_536;

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
                let mut writer = Writer::new(&self.store);
                writer.put(&self.cursors, &index.id(), &start)?;
                writer.finish()?;
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
        let mut changes = Changes::new();
        let mut reached = EventId::NONE;
        for row in shared.chain.events(oldest, newest) {
            let (id, row) = row?;
            let event = row.numbered(id);
            let behind = cursors.iter().filter(|(_, last)| *last < event.id).map(|(index, _)| *index);
            add_changes(shared, &event, &behind.collect::<Vec<_>>(), &mut changes)?;
            reached = event.id;
            if changes.len() >= GROUP {
                self.write(shared, std::mem::take(&mut changes), &cursors, reached)?;
            }
        }
        self.write(shared, changes, &cursors, reached)?;
        Ok(self.store.sync()?)
    }

    /// Writes the changes of whole events, and behind them that the indexes that were behind `reached` have read
    /// up to there.
    fn write(
        &self,
        shared: &Shared,
        changes: Changes,
        started: &[(IndexKind, EventId)],
        reached: EventId,
    ) -> Result<(), ChainStateError> {
        let cursor = cursor_after(shared, reached)?.ok_or(ChainStateError::SavedState { table: "events" })?;
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut writer = Writer::new(&self.store);
        for (place, row) in changes {
            match (place, row) {
                (Place::Tx(txid), Row::Tx(row)) => writer.put(&self.txs, txid.as_bytes(), &row),
                (Place::History(key), Row::History(row)) => writer.put(&self.history, &key, &row),
                (Place::Coin(key), Row::Coin(row)) => writer.put(&self.coins, &key, &row),
                (Place::Tx(txid), _) => writer.delete(&self.txs, txid.as_bytes()),
                (Place::History(key), _) => writer.delete(&self.history, &key),
                (Place::Coin(key), _) => writer.delete(&self.coins, &key),
            }?;
        }
        for (index, _) in started.iter().filter(|(_, last)| *last < reached) {
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

/// Adds what brings `indexes` past `event`.
fn add_changes(
    shared: &Shared,
    event: &ChainEvent,
    indexes: &[IndexKind],
    changes: &mut Changes,
) -> Result<(), ChainStateError> {
    let id = shared.read().tree.get(&event.hash);
    let id = id.ok_or(ChainStateError::UnknownBlock { hash: event.hash })?;
    let block = &shared.load_block(id)?;
    let undo = match indexes.contains(&IndexKind::Address) {
        true => shared.load_undo(id)?,
        false => Undo::default(),
    };
    let step = Step { kind: event.kind, height: event.height, block, undo };
    for index in indexes {
        match index {
            IndexKind::Tx => tx::add_changes(&step, changes),
            IndexKind::Address => address::add_changes(&step, changes),
        }
    }
    Ok(())
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
