//! What every engine must do, run on every engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod crash;
mod disk;
mod model;
mod readers;
mod simulated;
mod tables;

use std::path::Path;

use cairn_store::simulate::{Fuse, MemoryDisk};
use cairn_store::{Batch, Engine, Key, Store, StoreError, StoreOptions, Table, TableDef, Value};
use proptest::prelude::*;

const WORDS: TableDef<Vec<u8>, Vec<u8>> = TableDef::new(1, "words");
const COUNTS: TableDef<u64, u32> = TableDef::new(2, "counts");
const LAST: TableDef<u8, ()> = TableDef::new(254, "last");

/// Where a store lives while it is closed.
trait Place {
    fn new() -> Self;
    fn open(&self) -> Store;
}

/// A place in the file system.
trait OnDisk: Place {
    const ENGINE: Engine;

    fn open_dir(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, StoreOptions { engine: Self::ENGINE, cache_bytes: 1 << 20 })
    }
}

struct OnSled(tempfile::TempDir);

impl Place for OnSled {
    fn new() -> Self {
        OnSled(tempfile::tempdir().unwrap())
    }
    fn open(&self) -> Store {
        Self::open_dir(self.0.path()).unwrap()
    }
}

impl OnDisk for OnSled {
    const ENGINE: Engine = Engine::Sled;
}

#[cfg(feature = "fjall")]
struct OnFjall(tempfile::TempDir);

#[cfg(feature = "fjall")]
impl Place for OnFjall {
    fn new() -> Self {
        OnFjall(tempfile::tempdir().unwrap())
    }
    fn open(&self) -> Store {
        Self::open_dir(self.0.path()).unwrap()
    }
}

#[cfg(feature = "fjall")]
impl OnDisk for OnFjall {
    const ENGINE: Engine = Engine::Fjall;
}

struct InMemory(MemoryDisk);

impl Place for InMemory {
    fn new() -> Self {
        InMemory(MemoryDisk::new(Fuse::default()))
    }
    fn open(&self) -> Store {
        self.0.open()
    }
}

fn entries<K: Key, V: Value>(entries: impl Iterator<Item = Result<(K, V), StoreError>>) -> Vec<(K, V)> {
    entries.collect::<Result<_, _>>().unwrap()
}

fn put_counts(store: &Store, table: &Table<u64, u32>, keys: &[u64]) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(table, key, &(*key as u32)).unwrap();
    }
    store.commit(batch).unwrap();
}

fn keys(found: impl Iterator<Item = Result<(u64, u32), StoreError>>) -> Vec<u64> {
    entries(found).into_iter().map(|(key, _)| key).collect()
}

macro_rules! on {
    ($place:ty, [$($part:ident :: $test:ident),* $(,)?]) => {
        $(#[test]
        fn $test() {
            crate::$part::$test::<$place>();
        })*
    };
}

macro_rules! every_engine {
    ($engine:ident, $place:ty, $cases:expr) => {
        mod $engine {
            use super::*;

            on!(
                $place,
                [
                    tables::ordering_and_ranges,
                    tables::prefixes,
                    tables::deletes,
                    tables::batch_limit,
                    tables::size_limits,
                    tables::reopen,
                    tables::closing_loses_nothing,
                    tables::an_empty_batch_changes_nothing,
                    tables::more_than_fits_in_memory,
                    tables::foreign_tables,
                    tables::typed,
                    readers::batches_are_atomic_for_readers,
                    readers::a_snapshot_holds_the_store_still,
                    readers::a_walk_beside_a_writer_misses_nothing_that_stays,
                ]
            );

            proptest! {
                #![proptest_config(ProptestConfig::with_cases($cases))]

                #[test]
                fn follows_the_model(steps in model::steps()) {
                    model::follows_the_model::<$place>(steps);
                }
            }
        }
    };
}

macro_rules! every_engine_on_disk {
    ($engine:ident, $place:ty) => {
        mod $engine {
            use super::*;

            on!(
                $place,
                [
                    disk::a_second_store_on_the_directory_is_refused,
                    disk::a_table_keeps_the_store_open,
                    disk::a_directory_that_cannot_be_made_is_named,
                    disk::other_files_in_the_directory_do_no_harm,
                    disk::what_another_engine_made_is_refused,
                    crash::left_without_closing_it_keeps_whole_commits_in_order,
                ]
            );
        }
    };
}

every_engine!(sled, OnSled, 24);
#[cfg(feature = "fjall")]
every_engine!(fjall, OnFjall, 24);
every_engine!(memory, InMemory, 256);

every_engine_on_disk!(sled_on_disk, OnSled);
#[cfg(feature = "fjall")]
every_engine_on_disk!(fjall_on_disk, OnFjall);
