//! The store `chain`: headers, block positions, tip, events, marks.

use std::ops::Bound;

use cairn_failpoint as failpoint;
use cairn_store::{Batch, Entries, Key, Store, StoreError, Table, Value};

use crate::events::EventId;
use crate::layout::{
    BLOCKS, BlockRow, EVENTS, EventRow, HEADERS, HeaderRow, IDENTITY, INVALID, Identity, ONLY, PRUNED,
    PrunedRow, STATE, StateRow,
};
use crate::snapshot::{SNAPSHOT, SnapshotRow};

#[derive(Debug, Clone)]
pub(crate) struct ChainDb {
    store: Store,
    identity: Table<u8, Identity>,
    state: Table<u8, StateRow>,
    pub(crate) headers: Table<u32, HeaderRow>,
    pub(crate) blocks: Table<u32, BlockRow>,
    events: Table<u64, EventRow>,
    pub(crate) invalid: Table<u32, ()>,
    pub(crate) pruned: Table<u8, PrunedRow>,
    snapshot: Table<u8, SnapshotRow>,
}

impl ChainDb {
    pub(crate) fn open(store: Store) -> Result<Self, StoreError> {
        Ok(ChainDb {
            identity: store.table(IDENTITY)?,
            state: store.table(STATE)?,
            headers: store.table(HEADERS)?,
            blocks: store.table(BLOCKS)?,
            events: store.table(EVENTS)?,
            invalid: store.table(INVALID)?,
            pruned: store.table(PRUNED)?,
            snapshot: store.table(SNAPSHOT)?,
            store,
        })
    }

    pub(crate) fn identity(&self) -> Result<Option<Identity>, StoreError> {
        self.identity.get(&ONLY)
    }

    /// How far old blocks were removed.
    pub(crate) fn pruned(&self) -> Result<Option<PrunedRow>, StoreError> {
        self.pruned.get(&ONLY)
    }

    pub(crate) fn state(&self) -> Result<Option<StateRow>, StoreError> {
        self.state.get(&ONLY)
    }

    /// The snapshot the chain began with, if it did.
    pub(crate) fn snapshot(&self) -> Result<Option<SnapshotRow>, StoreError> {
        self.snapshot.get(&ONLY)
    }

    /// Writes how the snapshot stands, durably.
    pub(crate) fn put_snapshot(&self, row: &SnapshotRow) -> Result<(), StoreError> {
        let mut writer = self.writer();
        writer.put(&self.snapshot, &ONLY, row)?;
        writer.finish()?;
        failpoint::around("chain.snapshot-sync", || self.store.sync())
    }

    /// Writes that the chain begins with a snapshot, together with where it stands, in the writer's last batch.
    pub(crate) fn begin_with(
        &self,
        mut writer: Writer<'_>,
        row: &SnapshotRow,
        state: &StateRow,
    ) -> Result<(), StoreError> {
        writer.together(2)?;
        writer.put(&self.snapshot, &ONLY, row)?;
        self.finish(writer, state)
    }

    /// The first rows of a new chain, in one batch and durable.
    pub(crate) fn create(&self, identity: &Identity, state: &StateRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(&self.identity, &ONLY, identity)?;
        batch.put(&self.state, &ONLY, state)?;
        failpoint::around("chain.begin", || self.store.commit(batch))?;
        failpoint::around("chain.begin-sync", || self.store.sync())
    }

    /// The events after `since` up to `last`, in order.
    pub(crate) fn events(&self, since: EventId, last: EventId) -> Entries<u64, EventRow> {
        self.events.range((Bound::Excluded(since.to_u64()), Bound::Included(last.to_u64())))
    }

    pub(crate) fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreError> {
        self.events.get(&id.to_u64())
    }

    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer::new(&self.store, &CHAIN)
    }

    pub(crate) fn put_event(
        &self,
        writer: &mut Writer<'_>,
        id: EventId,
        row: &EventRow,
    ) -> Result<(), StoreError> {
        writer.put(&self.events, &id.to_u64(), row)
    }

    /// Writes where the chain stands, in the writer's last batch: rows of earlier batches count only with it.
    pub(crate) fn finish(&self, mut writer: Writer<'_>, state: &StateRow) -> Result<(), StoreError> {
        writer.put(&self.state, &ONLY, state)?;
        writer.finish()?;
        failpoint::around("chain.sync", || self.store.sync())
    }
}

/// Names of the places at which a [`Writer`] commits: batches that are full, and the last one.
#[derive(Debug)]
pub(crate) struct Commits {
    pub(crate) full: &'static str,
    pub(crate) last: &'static str,
}

/// Headers, positions, marks and events; and at last the state.
const CHAIN: Commits = Commits { full: "chain.rows", last: "chain.state" };

/// Collects changes of one store and commits them in batches as large as allowed.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    store: &'a Store,
    commits: &'static Commits,
    batch: Batch,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(store: &'a Store, commits: &'static Commits) -> Self {
        Writer { store, commits, batch: Batch::new() }
    }

    pub(crate) fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StoreError> {
        self.make_room()?;
        self.batch.put(table, key, value)
    }

    pub(crate) fn delete<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<(), StoreError> {
        self.make_room()?;
        self.batch.delete(table, key)
    }

    /// Makes sure that the next `ops` changes are committed together.
    pub(crate) fn together(&mut self, ops: usize) -> Result<(), StoreError> {
        if self.batch.room() >= ops {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        failpoint::around(self.commits.full, || self.store.commit(batch))
    }

    /// Commits what is left. Not durable before the store is synced.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        failpoint::around(self.commits.last, || self.store.commit(self.batch))
    }

    fn make_room(&mut self) -> Result<(), StoreError> {
        self.together(1)
    }
}
