//! Indexes: tables derived from the best chain, each optional, each kept in step with the event log.
//!
//! An index reads durable events only and writes, behind the rows of the events, how far it has read (its
//! cursor). So a crash never leaves it ahead of the chain, and where it is behind its cursor says so. An
//! index switched on late starts at event 1; one switched off and on again goes on where it stopped. Rows are
//! absolute (set or deleted), so events that were only partly written are simply applied again. That allows the
//! rows of many events to be written in key order, which is how a tree takes them best.
//! A cursor that names an event the log does not have, or another one, means that the log was rebuilt: the
//! index is then emptied and read anew.
//!
//! An event whose block is not here (one below a snapshot, or a damaged one) is waited for: the indexes go on when it is.
//!
//! Who writes: a thread of its own ([`worker`]), and nobody else, or the chain's writer after each commit
//! ([`Indexing`](crate::Indexing)). What a question gets while an index is behind stands in [`fresh`].

mod address;
mod build;
mod coin_stats;
mod filter;
mod fresh;
mod manage;
mod tx;
mod verify;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use cairn_consensus::Undo;
use cairn_failpoint as failpoint;
use cairn_primitives::{Block, BlockHash, Height, Txid};
use cairn_store::{Batch, Store, StoreError, Table};

pub use address::{AddressBalance, AddressCoin, AddressHistory, HistoryEntry, script_hash};
pub use coin_stats::{SupplyStats, Unspendable};
pub use fresh::{FRESH_EVENTS, FRESH_WAIT};
pub use manage::{drop_index, indexes};
pub use tx::TxInfo;
pub(crate) use verify::{Verified, Verifier};
pub(crate) use worker::Indexer;

use crate::config::Indexing;
use crate::error::ChainStateError;
use crate::events::{EventId, EventKind};
use crate::layout::{
    ADDRESS_COINS, AddressCoinKey, AddressCoinRow, COIN_SET, COIN_STATS, CURSORS, CoinSetRow, CoinStatsRow,
    Cursor, HISTORY, HistoryKey, HistoryRow, ONLY, TXS, TxRow,
};
use crate::live::Shared;
use coin_stats::Running;
use filter::{FILTERS, FilterRow};
use fresh::Signals;

/// An index that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// From txid to block and place.
    Tx,
    /// From script to history and coins.
    Address,
    /// The sums and the hash of the coins after each block.
    CoinStats,
    /// The compact filters of the blocks, with their headers (BIP157, BIP158).
    Filter,
}

impl IndexKind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Tx, Self::Address, Self::CoinStats, Self::Filter];

    /// Their short names, in the same order: what [`FromStr`] reads.
    pub const NAMES: [&'static str; Self::ALL.len()] = ["tx", "addr", "coinstats", "filter"];

    /// Its short name.
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.id()) - 1]
    }

    /// Its key in the cursor table.
    const fn id(self) -> u8 {
        match self {
            IndexKind::Tx => 1,
            IndexKind::Address => 2,
            IndexKind::CoinStats => 3,
            IndexKind::Filter => 4,
        }
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IndexKind::Tx => "transaction",
            IndexKind::Address => "address",
            IndexKind::CoinStats => "coin statistics",
            IndexKind::Filter => "block filter",
        })
    }
}

/// The text names no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such index; there are {}", IndexKind::NAMES.join(", "))]
pub struct UnknownIndex;

impl FromStr for IndexKind {
    type Err = UnknownIndex;

    fn from_str(name: &str) -> Result<Self, UnknownIndex> {
        Self::ALL.into_iter().find(|index| index.name() == name).ok_or(UnknownIndex)
    }
}

/// How far an index has come. What it answers is the state after `last_event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexStatus {
    /// The last event it has read.
    pub last_event: EventId,
    /// Height of the tip after that event.
    pub height: Height,
    /// The tip after that event.
    pub hash: BlockHash,
    /// The last durable event, which it is to read up to.
    pub target: EventId,
}

impl IndexStatus {
    /// Events it has yet to read.
    pub fn behind(&self) -> u64 {
        self.target.to_u64().saturating_sub(self.last_event.to_u64())
    }
}

/// Where a row of the index tables stands; sorts as the tables do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tx(Txid),
    History(HistoryKey),
    Coin(AddressCoinKey),
    Stats(u32),
    Filter(u32),
}

/// What shall stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Nothing,
    Tx(TxRow),
    History(HistoryRow),
    Coin(AddressCoinRow),
    Stats(CoinStatsRow),
    Filter(Box<FilterRow>),
}

/// Changes by their place: of several to one place the last counts.
type Changes = BTreeMap<Place, Row>;

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
    indexing: Indexing,
    signals: Signals,
    enabled: Vec<IndexKind>,
    cursors: Table<u8, Cursor>,
    txs: Table<[u8; 32], TxRow>,
    history: Table<HistoryKey, HistoryRow>,
    coins: Table<AddressCoinKey, AddressCoinRow>,
    stats: Table<u32, CoinStatsRow>,
    coin_set: Table<u8, CoinSetRow>,
    filters: Table<u32, FilterRow>,
}

impl IndexDb {
    pub(crate) fn open(
        store: Store,
        enabled: Vec<IndexKind>,
        indexing: Indexing,
    ) -> Result<Self, StoreError> {
        Ok(IndexDb {
            gate: RwLock::new(()),
            indexing,
            signals: Signals::default(),
            enabled,
            cursors: store.table(CURSORS)?,
            txs: store.table(TXS)?,
            history: store.table(HISTORY)?,
            coins: store.table(ADDRESS_COINS)?,
            stats: store.table(COIN_STATS)?,
            coin_set: store.table(COIN_SET)?,
            filters: store.table(FILTERS)?,
            store,
        })
    }

    /// How far the index has come; one that is yet to be begun stands at genesis.
    pub(crate) fn status(&self, shared: &Shared, index: IndexKind) -> Result<IndexStatus, ChainStateError> {
        let target = shared.read().last_event;
        let _still = self.hold();
        let Cursor { last_event, height, hash } = match self.cursor(index)? {
            Some(cursor) => cursor,
            None => genesis_cursor(shared),
        };
        Ok(IndexStatus { last_event, height, hash, target: target.max(last_event) })
    }

    /// The indexes that have something on disk, and how far each has come.
    pub(crate) fn on_disk(&self, shared: &Shared) -> Result<Vec<(IndexKind, IndexStatus)>, ChainStateError> {
        let mut found = Vec::new();
        for &index in &self.enabled {
            if self.cursor(index)?.is_some() {
                found.push((index, self.status(shared, index)?));
            }
        }
        Ok(found)
    }

    /// The last event that every index that is on has read; `None` if none is on.
    pub(crate) fn all_have_read(&self, shared: &Shared) -> Result<Option<EventId>, ChainStateError> {
        let mut read = None;
        for &index in &self.enabled {
            let status = self.status(shared, index)?.last_event;
            read = Some(read.unwrap_or(status).min(status));
        }
        Ok(read)
    }

    /// Makes durable what the indexes have read so far.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        failpoint::around("index.sync", || self.store.sync())
    }

    /// The indexes that are on.
    pub(crate) fn enabled(&self) -> &[IndexKind] {
        &self.enabled
    }

    /// How far the index has read the log; `None` before it is begun.
    fn cursor(&self, index: IndexKind) -> Result<Option<Cursor>, ChainStateError> {
        if !self.enabled.contains(&index) {
            return Err(ChainStateError::IndexOff { index });
        }
        Ok(self.cursors.get(&index.id())?)
    }

    /// Keeps the tables as they are, between two events, until dropped.
    fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks each index that is on against the event log, and takes the cursor of those that do not fit it: they
    /// are begun anew by the next [`catch_up`](Self::catch_up).
    pub(crate) fn check(&self, shared: &Shared) -> Result<(), ChainStateError> {
        for &index in &self.enabled {
            if !self.fits(shared, index)? {
                self.forget(index)?;
            }
        }
        Ok(failpoint::around("index.check-sync", || self.store.sync())?)
    }

    /// Takes the cursor of an index, without which its rows are nothing.
    fn forget(&self, index: IndexKind) -> Result<(), StoreError> {
        if self.cursors.get(&index.id())?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.delete(&self.cursors, &index.id())?;
        failpoint::around("index.reset", || self.store.commit(batch))
    }

    /// Whether the index is at a place of the event log, with all it needs to go on from there.
    pub(crate) fn fits(&self, shared: &Shared, index: IndexKind) -> Result<bool, ChainStateError> {
        let Some(cursor) = self.cursors.get(&index.id())? else { return Ok(false) };
        let in_log = Some(cursor) == cursor_after(shared, cursor.last_event)?;
        Ok(in_log && (index != IndexKind::CoinStats || self.running(&cursor)?.is_some()))
    }

    /// The saved sums of the coins, if they are those of `cursor`.
    fn running(&self, cursor: &Cursor) -> Result<Option<Running>, ChainStateError> {
        Ok(self.coin_set.get(&ONLY)?.and_then(|row| Running::saved(row, cursor)))
    }
}

/// The cursor of an index that has read up to `event`: that event and the tip after it. `None` if the log has
/// no such event.
fn cursor_after(shared: &Shared, event: EventId) -> Result<Option<Cursor>, ChainStateError> {
    if event > shared.read().last_event {
        return Ok(None);
    }
    if event == EventId::NONE {
        return Ok(Some(genesis_cursor(shared)));
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

/// The cursor of an index that has read nothing: genesis has no event.
fn genesis_cursor(shared: &Shared) -> Cursor {
    let hash = shared.spec.genesis_hash();
    Cursor { last_event: EventId::NONE, height: Height::GENESIS, hash }
}
