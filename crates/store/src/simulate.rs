//! A disk in memory that can lose power: for simulations and crash tests.
//!
//! A [`MemoryDisk`] outlives the stores opened on it, knows which commits were synced, and can forget the
//! others. A [`Fuse`] shared by several disks counts their writes and refuses all writes past a chosen one.
//!
//! ```
//! use cairn_store::{Batch, StoreError, TableDef};
//! use cairn_store::simulate::{Fuse, MemoryDisk};
//!
//! const T: TableDef<u32, u32> = TableDef::new(1, "t");
//! # fn main() -> Result<(), StoreError> {
//! let disk = MemoryDisk::new(Fuse::default());
//! let store = disk.open();
//! let table = store.table(T)?;
//! let mut batch = Batch::new();
//! batch.put(&table, &1, &1)?;
//! store.commit(batch)?;
//! drop((table, store));
//!
//! disk.lose_unsynced(0);
//! assert_eq!(disk.open().table(T)?.get(&1)?, None);
//! # Ok(())
//! # }
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::memory::{Contents, MemoryEngine};
use crate::store::Store;

/// The fuse has blown: the simulated machine is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated machine is off")]
pub struct Blown;

/// Counts writes and refuses all of them past a chosen number. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Fuse {
    state: Arc<FuseState>,
}

#[derive(Debug)]
struct FuseState {
    written: AtomicU64,
    limit: AtomicU64,
}

impl Default for FuseState {
    fn default() -> Self {
        FuseState { written: AtomicU64::new(0), limit: AtomicU64::new(u64::MAX) }
    }
}

impl Fuse {
    /// Lets the next `writes` writes pass and refuses all later ones, until called again.
    pub fn allow(&self, writes: u64) {
        let written = self.state.written.load(Ordering::SeqCst);
        self.state.limit.store(written.saturating_add(writes), Ordering::SeqCst);
    }

    /// How many writes have passed since the fuse was made.
    pub fn written(&self) -> u64 {
        self.state.written.load(Ordering::SeqCst)
    }

    /// Asks leave for one write (a commit, an append or a sync).
    ///
    /// # Errors
    /// [`Blown`] past the number given to [`Fuse::allow`].
    pub fn write(&self) -> Result<(), Blown> {
        let limit = self.state.limit.load(Ordering::SeqCst);
        let more = |written: u64| (written < limit).then_some(written + 1);
        match self.state.written.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(Blown),
        }
    }
}

/// The contents of a memory store, apart from the store: opened again, it holds what was written before.
#[derive(Debug, Clone)]
pub struct MemoryDisk {
    contents: Arc<Mutex<Contents>>,
    fuse: Fuse,
}

impl MemoryDisk {
    /// An empty disk whose writes go through `fuse`.
    pub fn new(fuse: Fuse) -> Self {
        MemoryDisk { contents: Arc::new(Mutex::new(Contents::journaled())), fuse }
    }

    /// Opens a store on what the disk holds now, which is durable from then on as in a directory. Two stores opened on one disk share its contents but not
    /// their snapshots: open one at a time, as one would a directory.
    pub fn open(&self) -> Store {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).sync();
        Store::from_engine(Box::new(MemoryEngine::new(self.contents.clone(), self.fuse.clone())))
    }

    /// Cuts the power: of the commits made since the last sync the first `keep` stay, the others are gone.
    pub fn lose_unsynced(&self, keep: usize) {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).lose_unsynced(keep);
    }

    /// How many commits were made since the last sync.
    pub fn unsynced(&self) -> usize {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).unsynced()
    }
}
