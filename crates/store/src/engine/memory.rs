//! An ordered map in memory, with the difference between written and synced kept for simulation.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Engine, Op, RawBytes, RawEntries, RawEntry};
use crate::error::StoreError;
use crate::simulate::Fuse;

type Map = BTreeMap<Arc<[u8]>, Arc<[u8]>>;

/// The contents of a memory store; shared by the stores opened on it one after another.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    current: Map,
    /// For a simulated disk: what the last sync made durable, and the commits since then.
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct Journal {
    synced: Map,
    since: Vec<Vec<Op>>,
}

impl Contents {
    pub(crate) fn journaled() -> Self {
        Contents { current: Map::new(), journal: Some(Journal::default()) }
    }

    /// Goes back to the last sync and the first `keep` commits after it.
    pub(crate) fn lose_unsynced(&mut self, keep: usize) {
        if let Some(journal) = &mut self.journal {
            self.current = journal.synced.clone();
            journal.since.truncate(keep);
            for ops in &journal.since {
                apply(&mut self.current, ops);
            }
        }
    }

    /// Makes all commits so far durable.
    pub(crate) fn sync(&mut self) {
        if let Some(journal) = &mut self.journal {
            for ops in std::mem::take(&mut journal.since) {
                apply(&mut journal.synced, &ops);
            }
        }
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.since.len())
    }
}

fn apply(map: &mut Map, ops: &[Op]) {
    for op in ops {
        match &op.value {
            Some(value) => {
                map.insert(op.key.as_slice().into(), value.as_slice().into());
            }
            None => {
                map.remove(op.key.as_slice());
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct MemoryEngine {
    contents: Arc<Mutex<Contents>>,
    fuse: Fuse,
}

impl MemoryEngine {
    pub(crate) fn new(contents: Arc<Mutex<Contents>>, fuse: Fuse) -> Self {
        MemoryEngine { contents, fuse }
    }

    /// A panic while the lock is held leaves the map whole: every change under it is one `BTreeMap` call.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(pair: (&Arc<[u8]>, &Arc<[u8]>)) -> RawEntry {
        (RawBytes::Shared(pair.0.clone()), RawBytes::Shared(pair.1.clone()))
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<RawBytes>, StoreError> {
        Ok(self.lock().current.get(key).cloned().map(RawBytes::Shared))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>) -> RawEntries {
        Box::new(Walk { engine: self.clone(), low: Bound::Included(low.into()), high: high.into() })
    }

    fn commit(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.fuse.write().map_err(|_| StoreError::Stopped)?;
        let mut contents = self.lock();
        apply(&mut contents.current, &ops);
        if let Some(journal) = &mut contents.journal {
            journal.since.push(ops);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.fuse.write().map_err(|_| StoreError::Stopped)?;
        self.lock().sync();
        Ok(())
    }
}

/// Walks the map one entry at a time, so that no lock is held between two steps.
struct Walk {
    engine: MemoryEngine,
    low: Bound<Arc<[u8]>>,
    high: Arc<[u8]>,
}

impl Walk {
    fn step(&self, from_back: bool) -> Option<RawEntry> {
        let (Bound::Included(low) | Bound::Excluded(low)) = &self.low else { return None };
        // BTreeMap::range panics on bounds that cross.
        if *low >= self.high {
            return None;
        }
        let contents = self.engine.lock();
        let mut range = contents
            .current
            .range::<[u8], _>((self.low.as_ref().map(|low| &**low), Bound::Excluded(&*self.high)));
        let pair = if from_back { range.next_back() } else { range.next() };
        pair.map(MemoryEngine::entry)
    }
}

impl Iterator for Walk {
    type Item = Result<RawEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.step(false)?;
        self.low = Bound::Excluded(Arc::from(&*entry.0));
        Some(Ok(entry))
    }
}

impl DoubleEndedIterator for Walk {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.step(true)?;
        self.high = Arc::from(&*entry.0);
        Some(Ok(entry))
    }
}
