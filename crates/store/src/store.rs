//! Opening a store, changing it, and holding it still.

use std::fs::{File, TryLockError};
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use cairn_failpoint as failpoint;

use crate::batch::Batch;
use crate::codec::{Key, Value};
#[cfg(feature = "fjall")]
use crate::engine::fjall::FjallEngine;
use crate::engine::memory::{Contents, MemoryEngine};
use crate::engine::sled::SledEngine;
use crate::engine::{Engine as EngineTrait, Op};
use crate::error::StoreError;
use crate::kind::Engine;
use crate::simulate::Fuse;
use crate::table::{Entries, Table, TableDef};

/// How a store on disk is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// The engine.
    pub engine: Engine,
    /// Bytes the engine may use for pages in memory; engines take it as a guide, not as a bound.
    pub cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { engine: Engine::default(), cache_bytes: 64 << 20 }
    }
}

/// Tells the tables of one open store from those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreId(u64);

impl StoreId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        StoreId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the handles of one store have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: StoreId,
    pub(crate) engine: Box<dyn EngineTrait>,
    /// Commits hold it alone, snapshots together.
    gate: RwLock<()>,
    /// Held for as long as the store is open; the lock falls with the file handle.
    _lock: Option<File>,
}

/// A set of typed tables in one directory, or in memory. Clones are handles of the same store; it closes with
/// the last of them and the last of its tables.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

const CATALOGUE: TableDef<u8, Vec<u8>> = TableDef::catalogue();

impl Store {
    /// Opens the store in `path`, and makes it if nothing is there.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process or handle has it open, [`StoreError::Io`] when the
    /// directory cannot be used, [`StoreError::OtherEngine`] when another engine made what is there,
    /// [`StoreError::NotBuiltIn`] when this program was built without the engine, [`StoreError::Corrupt`] or
    /// [`StoreError::Engine`] when the engine refuses.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let expected = options.engine;
        if !expected.is_built_in() {
            return Err(StoreError::NotBuiltIn { engine: expected });
        }
        let lock = lock(path)?;
        if let Some(got) = Engine::of(path).filter(|got| *got != expected) {
            return Err(StoreError::OtherEngine { path: path.to_owned(), got, expected });
        }
        failpoint::around("store.open-sync", || sync_found(path))
            .map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let engine: Box<dyn EngineTrait> = match options.engine {
            Engine::Sled => Box::new(SledEngine::open(path, options.cache_bytes)?),
            #[cfg(feature = "fjall")]
            Engine::Fjall => Box::new(FjallEngine::open(path, options.cache_bytes)?),
            #[cfg(not(feature = "fjall"))]
            Engine::Fjall => return Err(StoreError::NotBuiltIn { engine: Engine::Fjall }),
        };
        Ok(Self::with(engine, Some(lock)))
    }

    /// An empty store in memory; it is gone with its last handle.
    pub fn memory() -> Self {
        let contents = Arc::new(Mutex::new(Contents::default()));
        Self::from_engine(Box::new(MemoryEngine::new(contents, Fuse::default())))
    }

    pub(crate) fn from_engine(engine: Box<dyn EngineTrait>) -> Self {
        Self::with(engine, None)
    }

    fn with(engine: Box<dyn EngineTrait>, lock: Option<File>) -> Self {
        let shared = Shared { id: StoreId::next(), engine, gate: RwLock::new(()), _lock: lock };
        Store { shared: Arc::new(shared) }
    }

    /// A table of this store. The first call with a number writes its name to the store's catalogue.
    ///
    /// # Errors
    /// [`StoreError::TableMismatch`] when the number already carries another name, and what the engine reports.
    pub fn table<K: Key, V: Value>(&self, def: TableDef<K, V>) -> Result<Table<K, V>, StoreError> {
        let catalogue = Table::new(CATALOGUE, self.shared.clone());
        match catalogue.get(&def.id())? {
            Some(name) if name == def.name().as_bytes() => {}
            Some(got) => {
                return Err(StoreError::TableMismatch { id: def.id(), got, expected: def.name() });
            }
            None => {
                let mut batch = Batch::new();
                batch.put(&catalogue, &def.id(), &def.name().as_bytes().to_vec())?;
                failpoint::around("store.catalogue", || self.commit(batch))?;
            }
        }
        Ok(Table::new(def, self.shared.clone()))
    }

    /// Applies all of `batch`, or nothing of it, and the same after a crash. Waits for every living
    /// [`Snapshot`]. What is committed is not yet durable: see [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreError::ForeignBatch`] when the batch belongs to another store, and what the engine reports.
    pub fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        match batch.store {
            None => return Ok(()),
            Some(store) if store == self.shared.id => {}
            Some(_) => return Err(StoreError::ForeignBatch),
        }
        self.apply(batch.ops)
    }

    pub(crate) fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let _alone = self.shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.shared.engine.commit(ops)
    }

    /// Returns once every commit made so far survives a power cut. Commits become durable in the order they
    /// were made: whatever is lost in a crash is an end of that order.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.shared.engine.sync()
    }

    /// Holds the store still and reads it.
    ///
    /// All reads through one snapshot come from one moment: no commit takes effect between them. The engines
    /// at hand keep no old versions, so this is done by making commits wait until the snapshot is dropped.
    /// Therefore keep it short, and never commit from the thread that holds one: it would wait for itself.
    pub fn snapshot(&self) -> Snapshot<'_> {
        let gate = self.shared.gate.read().unwrap_or_else(PoisonError::into_inner);
        Snapshot { store: self, _gate: gate }
    }
}

/// Reads of one moment; see [`Store::snapshot`].
#[derive(Debug)]
pub struct Snapshot<'a> {
    store: &'a Store,
    _gate: RwLockReadGuard<'a, ()>,
}

impl Snapshot<'_> {
    fn own<K: Key, V: Value>(&self, table: &Table<K, V>) -> Result<(), StoreError> {
        if table.store_id() == self.store.shared.id {
            Ok(())
        } else {
            Err(StoreError::ForeignTable { table: table.name() })
        }
    }

    /// The value of `key` in `table`, or `None`.
    ///
    /// # Errors
    /// [`StoreError::ForeignTable`] for a table of another store; else as [`Table::get`].
    pub fn get<K: Key, V: Value>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, StoreError> {
        self.own(table)?;
        table.get(key)
    }

    /// The entries of `table` in `bounds`, in key order.
    ///
    /// # Errors
    /// [`StoreError::ForeignTable`] for a table of another store.
    pub fn range<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        bounds: impl RangeBounds<K>,
    ) -> Result<SnapshotEntries<'_, K, V>, StoreError> {
        self.own(table)?;
        Ok(SnapshotEntries { entries: table.range(bounds), snapshot: PhantomData })
    }
}

/// Entries of one moment in key order, from either end; they cannot outlive their [`Snapshot`].
#[derive(Debug)]
pub struct SnapshotEntries<'s, K, V> {
    entries: Entries<K, V>,
    snapshot: PhantomData<&'s Snapshot<'s>>,
}

impl<K: Key, V: Value> Iterator for SnapshotEntries<'_, K, V> {
    type Item = Result<(K, V), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for SnapshotEntries<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back()
    }
}

/// Makes durable what another process left in the directory. One that was killed may have left commits that it did not
/// sync: whoever opens the store sees them and builds on them, so they must not be lost in a power cut later.
fn sync_found(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_found(&entry.path())?,
            // Elsewhere only who may write can sync.
            false if cfg!(unix) => {
                failpoint::around("store.found-sync", || File::open(entry.path())?.sync_all())?
            }
            false => {}
        }
    }
    // A directory can be synced where it can be opened as a file, which is where it is needed.
    File::open(dir).map_or(Ok(()), |dir| failpoint::around("store.found-sync", || dir.sync_all()))
}

/// Name of the lock file in a store's directory.
const LOCK_FILE: &str = "LOCK";

/// Takes the directory's lock: engines disagree on how they say that another process holds theirs.
fn lock(path: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    failpoint::around("store.dir-create", || std::fs::create_dir_all(path)).map_err(io)?;
    let file =
        File::options().create(true).truncate(false).write(true).open(path.join(LOCK_FILE)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}
