//! What every engine must do, run on every engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::Path;

use cairn_store::simulate::{Fuse, MemoryDisk};
use cairn_store::{
    Batch, MAX_KEY_BYTES, MAX_VALUE_BYTES, Store, StoreError, StoreOptions, Table, TableDef, ValueError,
};
use proptest::prelude::*;

const WORDS: TableDef<Vec<u8>, Vec<u8>> = TableDef::new(1, "words");
const COUNTS: TableDef<u64, u32> = TableDef::new(2, "counts");
const LAST: TableDef<u8, ()> = TableDef::new(254, "last");

/// Where a store lives while it is closed.
trait Place {
    fn new() -> Self;
    fn open(&self) -> Store;
}

struct OnSled(tempfile::TempDir);

impl Place for OnSled {
    fn new() -> Self {
        OnSled(tempfile::tempdir().unwrap())
    }
    fn open(&self) -> Store {
        open_dir(self.0.path()).unwrap()
    }
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

fn open_dir(path: &Path) -> Result<Store, StoreError> {
    Store::open(path, StoreOptions { cache_bytes: 1 << 20, ..StoreOptions::default() })
}

fn entries<K: cairn_store::Key, V: cairn_store::Value>(
    entries: impl Iterator<Item = Result<(K, V), StoreError>>,
) -> Vec<(K, V)> {
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

fn ordering_and_ranges<P: Place>() {
    let place = P::new();
    let store = place.open();
    let table = store.table(COUNTS).unwrap();
    // Neighbouring tables must not leak into a walk.
    let words = store.table(WORDS).unwrap();
    let last = store.table(LAST).unwrap();
    let mut batch = Batch::new();
    batch.put(&words, &vec![0xff; 9], &vec![1]).unwrap();
    batch.put(&last, &0, &()).unwrap();
    store.commit(batch).unwrap();
    put_counts(&store, &table, &[300, 2, 256, 1, u64::MAX, 255]);

    assert_eq!(keys(table.iter()), [1, 2, 255, 256, 300, u64::MAX]);
    assert_eq!(keys(table.iter().rev()), [u64::MAX, 300, 256, 255, 2, 1]);
    assert_eq!(keys(table.range(2..256)), [2, 255]);
    assert_eq!(keys(table.range(2..=256)), [2, 255, 256]);
    assert_eq!(keys(table.range(..2)), [1]);
    assert_eq!(keys(table.range(300..)), [300, u64::MAX]);
    assert_eq!(keys(table.range(3..3)), []);
    #[expect(clippy::reversed_empty_ranges, reason = "crossed bounds are the case under test")]
    let crossed = table.range(300..2);
    assert_eq!(keys(crossed), []);
    use std::ops::Bound::{Excluded, Unbounded};
    assert_eq!(keys(table.range((Excluded(2), Excluded(300)))), [255, 256]);
    assert_eq!(keys(table.range((Excluded(300), Unbounded))), [u64::MAX]);
    assert_eq!(table.first().unwrap(), Some((1, 1)));
    assert_eq!(table.last().unwrap(), Some((u64::MAX, u32::MAX)));
    let mut both = table.iter();
    assert_eq!(both.next().unwrap().unwrap().0, 1);
    assert_eq!(both.next_back().unwrap().unwrap().0, u64::MAX);
    assert_eq!(keys(both), [2, 255, 256, 300]);
    assert_eq!(entries(last.iter()), [(0, ())]);
}

fn prefixes<P: Place>() {
    let place = P::new();
    let store = place.open();
    let words = store.table(WORDS).unwrap();
    let all: [&[u8]; 7] = [b"", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"\xff"];
    let mut batch = Batch::new();
    for word in all {
        batch.put(&words, &word.to_vec(), &vec![]).unwrap();
    }
    store.commit(batch).unwrap();
    let under = |prefix: &[u8]| -> Vec<Vec<u8>> {
        entries(words.prefix(&prefix.to_vec())).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(under(b"a"), [&b"a"[..], b"a\0", b"a\xff", b"a\xff\xff"]);
    assert_eq!(under(b"a\xff"), [&b"a\xff"[..], b"a\xff\xff"]);
    assert_eq!(under(b"\xff"), [b"\xff"]);
    assert_eq!(under(b"c"), Vec::<Vec<u8>>::new());
    assert_eq!(under(b"").len(), all.len());
}

fn deletes<P: Place>() {
    let place = P::new();
    let store = place.open();
    let table = store.table(COUNTS).unwrap();
    put_counts(&store, &table, &[1, 2, 3]);
    let mut batch = Batch::new();
    batch.delete(&table, &2).unwrap();
    batch.delete(&table, &99).unwrap();
    // Within a batch the last operation on a key wins.
    batch.put(&table, &4, &4).unwrap();
    batch.delete(&table, &4).unwrap();
    batch.delete(&table, &1).unwrap();
    batch.put(&table, &1, &11).unwrap();
    store.commit(batch).unwrap();
    assert_eq!(entries(table.iter()), [(1, 11), (3, 3)]);
    assert!(!table.contains(&2).unwrap());
    assert!(table.contains(&3).unwrap());
    assert_eq!(table.get(&4).unwrap(), None);
}

fn batch_limit<P: Place>() {
    let place = P::new();
    let store = place.open();
    let table = store.table(COUNTS).unwrap();
    let mut batch = Batch::new();
    for key in 0..Batch::MAX_OPS as u64 {
        batch.put(&table, &key, &0).unwrap();
    }
    assert_eq!(batch.room(), 0);
    assert!(matches!(batch.put(&table, &1, &0), Err(StoreError::BatchFull { limit: 1000 })));
    assert!(matches!(batch.delete(&table, &1), Err(StoreError::BatchFull { limit: 1000 })));
    store.commit(batch).unwrap();
    assert_eq!(table.iter().count(), Batch::MAX_OPS);
}

fn size_limits<P: Place>() {
    let place = P::new();
    let store = place.open();
    let words = store.table(WORDS).unwrap();
    let key = vec![7; MAX_KEY_BYTES];
    let value = vec![8; MAX_VALUE_BYTES];
    let mut batch = Batch::new();
    batch.put(&words, &key, &value).unwrap();
    store.commit(batch).unwrap();
    store.sync().unwrap();
    drop(words);
    drop(store);
    let store = place.open();
    let words = store.table(WORDS).unwrap();
    assert!(words.get(&key).unwrap() == Some(value));
    let mut batch = Batch::new();
    let long = batch.put(&words, &vec![7; MAX_KEY_BYTES + 1], &vec![]);
    assert!(matches!(long, Err(StoreError::KeyTooLong { table: "words", got: 1025, limit: 1024 })));
    let long = batch.put(&words, &vec![], &vec![8; MAX_VALUE_BYTES + 1]);
    assert!(matches!(long, Err(StoreError::ValueTooLong { table: "words", got: 1_048_577, .. })));
    assert!(batch.is_empty());
}

fn reopen<P: Place>() {
    let place = P::new();
    for round in 0..3_u64 {
        let store = place.open();
        let table = store.table(COUNTS).unwrap();
        assert_eq!(keys(table.iter()), (0..round).collect::<Vec<_>>());
        put_counts(&store, &table, &[round]);
        store.sync().unwrap();
    }
}

fn foreign_tables<P: Place>() {
    let (place, other) = (P::new(), P::new());
    let (store, stranger) = (place.open(), other.open());
    let table = store.table(COUNTS).unwrap();
    let foreign = stranger.table(COUNTS).unwrap();
    let mut batch = Batch::new();
    batch.put(&table, &1, &1).unwrap();
    let refused = batch.put(&foreign, &2, &2);
    assert!(matches!(refused, Err(StoreError::ForeignTable { table: "counts" })));
    assert!(matches!(stranger.commit(batch), Err(StoreError::ForeignBatch)));
    let snapshot = stranger.snapshot();
    assert!(matches!(snapshot.get(&table, &1), Err(StoreError::ForeignTable { .. })));
    assert!(matches!(snapshot.range(&table, ..), Err(StoreError::ForeignTable { .. })));
}

fn typed<P: Place>() {
    let place = P::new();
    let store = place.open();
    let words = store.table(WORDS).unwrap();
    let renamed = store.table(TableDef::<u64, u32>::new(1, "counts"));
    assert!(matches!(renamed, Err(StoreError::TableMismatch { id: 1, expected: "counts", .. })));
    let mut batch = Batch::new();
    batch.put(&words, &vec![1, 2], &vec![3]).unwrap();
    store.commit(batch).unwrap();
    let retyped = store.table(TableDef::<u16, u32>::new(1, "words")).unwrap();
    let read = retyped.get(&0x0102);
    let wrong = ValueError::Length { got: 1, expected: 4 };
    assert!(matches!(read, Err(StoreError::Decode { table: "words", source }) if source == wrong));
    assert!(retyped.iter().next().unwrap().is_err());
}

/// Readers in other threads see both tables of a batch change together, and never half a batch.
fn batches_are_atomic_for_readers<P: Place>() {
    let place = P::new();
    let store = place.open();
    let counts = store.table(COUNTS).unwrap();
    let words = store.table(WORDS).unwrap();
    let write = |round: u32| {
        let mut batch = Batch::new();
        for key in 0..40 {
            batch.put(&counts, &key, &round).unwrap();
        }
        batch.put(&words, &vec![0], &round.to_be_bytes().to_vec()).unwrap();
        store.commit(batch).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let reader = || {
            let mut seen = 0;
            while seen < 199 {
                let snapshot = store.snapshot();
                let values: Vec<u32> =
                    snapshot.range(&counts, ..).unwrap().map(|entry| entry.unwrap().1).collect();
                assert_eq!(values.len(), 40);
                assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                let word = snapshot.get(&words, &vec![0]).unwrap().unwrap();
                assert_eq!(word, values[0].to_be_bytes());
                assert!(values[0] >= seen);
                seen = values[0];
                drop(snapshot);
                std::thread::yield_now();
            }
        };
        scope.spawn(reader);
        scope.spawn(reader);
        (1..200).for_each(write);
    });
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(bool, Vec<u8>, Option<Vec<u8>>)>),
    Reopen,
    Range(Vec<u8>, Vec<u8>),
    Prefix(Vec<u8>),
}

/// Short keys over few letters, so that they meet; values of any bytes, now and then long.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x61), Just(0xfe), Just(0xff)], 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..40), 1 => prop::collection::vec(any::<u8>(), 9000..9010)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let op = (any::<bool>(), key(), prop::option::weighted(0.7, value()));
    let step = prop_oneof![
        6 => prop::collection::vec(op, 0..30).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
        2 => (key(), key()).prop_map(|(low, high)| Step::Range(low, high)),
        2 => key().prop_map(Step::Prefix),
    ];
    prop::collection::vec(step, 1..16)
}

const OTHER: TableDef<Vec<u8>, Vec<u8>> = TableDef::new(3, "other");

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn pairs<'a>(found: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    found.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn follows_the_model<P: Place>(steps: Vec<Step>) {
    let place = P::new();
    let mut store = place.open();
    let mut tables = [store.table(WORDS).unwrap(), store.table(OTHER).unwrap()];
    let mut models = [Model::new(), Model::new()];
    for step in steps {
        match step {
            Step::Commit(ops) => {
                let mut batch = Batch::new();
                for (second, key, value) in ops {
                    let at = usize::from(second);
                    match value {
                        Some(value) => {
                            batch.put(&tables[at], &key, &value).unwrap();
                            models[at].insert(key, value);
                        }
                        None => {
                            batch.delete(&tables[at], &key).unwrap();
                            models[at].remove(&key);
                        }
                    }
                }
                store.commit(batch).unwrap();
            }
            Step::Reopen => {
                store.sync().unwrap();
                drop(tables);
                drop(store);
                store = place.open();
                tables = [store.table(WORDS).unwrap(), store.table(OTHER).unwrap()];
            }
            Step::Range(low, high) => {
                for at in [0, 1] {
                    let expected =
                        if low < high { pairs(models[at].range(low.clone()..high.clone())) } else { vec![] };
                    assert_eq!(entries(tables[at].range(low.clone()..high.clone())), expected);
                }
            }
            Step::Prefix(prefix) => {
                for at in [0, 1] {
                    let expected = pairs(models[at].iter().filter(|(key, _)| key.starts_with(&prefix)));
                    assert_eq!(entries(tables[at].prefix(&prefix)), expected);
                }
            }
        }
    }
    for at in [0, 1] {
        assert_eq!(entries(tables[at].iter()), pairs(models[at].iter()));
        let backwards: Vec<_> = pairs(models[at].iter().rev());
        assert_eq!(entries(tables[at].iter().rev()), backwards);
    }
}

macro_rules! conformance {
    ($engine:ident, $place:ty, $cases:expr, [$($test:ident),* $(,)?]) => {
        mod $engine {
            use super::*;

            $(#[test]
            fn $test() {
                super::$test::<$place>();
            })*

            proptest! {
                #![proptest_config(ProptestConfig::with_cases($cases))]

                #[test]
                fn follows_the_model(steps in steps()) {
                    super::follows_the_model::<$place>(steps);
                }
            }
        }
    };
    ($engine:ident, $place:ty, $cases:expr) => {
        conformance!($engine, $place, $cases, [
            ordering_and_ranges,
            prefixes,
            deletes,
            batch_limit,
            size_limits,
            reopen,
            foreign_tables,
            typed,
            batches_are_atomic_for_readers,
        ]);
    };
}

conformance!(sled, OnSled, 24);
conformance!(memory, InMemory, 256);

#[test]
fn a_second_store_on_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_dir(dir.path()).unwrap();
    let second = open_dir(dir.path());
    assert!(matches!(second, Err(StoreError::Locked { path }) if path == dir.path()));
    drop(first);
    open_dir(dir.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    let refused = open_dir(&file.join("store"));
    assert!(matches!(refused, Err(StoreError::Io { path, .. }) if path == file.join("store")));
}

#[test]
fn a_simulated_power_cut_keeps_a_beginning_of_the_commits() {
    for keep in 0..=3 {
        let disk = MemoryDisk::new(Fuse::default());
        let store = disk.open();
        let table = store.table(COUNTS).unwrap();
        put_counts(&store, &table, &[0]);
        store.sync().unwrap();
        (1..4).for_each(|key| put_counts(&store, &table, &[key]));
        assert_eq!(disk.unsynced(), 3);
        drop((table, store));
        disk.lose_unsynced(keep);
        let store = disk.open();
        let found = keys(store.table(COUNTS).unwrap().iter());
        assert_eq!(found, (0..=keep as u64).collect::<Vec<_>>());
    }
}

#[test]
fn a_blown_fuse_refuses_every_write_after_it() {
    let fuse = Fuse::default();
    let disk = MemoryDisk::new(fuse.clone());
    let store = disk.open();
    let table = store.table(COUNTS).unwrap();
    fuse.allow(2);
    put_counts(&store, &table, &[1]);
    store.sync().unwrap();
    let mut batch = Batch::new();
    batch.put(&table, &2, &2).unwrap();
    assert!(matches!(store.commit(batch), Err(StoreError::Stopped)));
    assert!(matches!(store.sync(), Err(StoreError::Stopped)));
    assert_eq!(keys(table.iter()), [1]);
    fuse.allow(1);
    put_counts(&store, &table, &[2]);
    assert_eq!(keys(table.iter()), [1, 2]);
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What the files hold while the store is open is what a killed process leaves behind: every synced commit,
/// then a beginning of the later ones, each whole.
#[test]
fn sled_left_without_closing_keeps_whole_commits_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_dir(&dir.path().join("live")).unwrap();
    let table = store.table(COUNTS).unwrap();
    for round in 0..12_u64 {
        let size = 150;
        let mut batch = Batch::new();
        for key in 0..size {
            batch.put(&table, &(round * size + key), &0).unwrap();
        }
        store.commit(batch).unwrap();
        if round % 3 == 1 {
            store.sync().unwrap();
        }
        let copy = dir.path().join(format!("copy{round}"));
        copy_dir(&dir.path().join("live"), &copy);
        let left = open_dir(&copy).unwrap();
        let found = keys(left.table(COUNTS).unwrap().iter());
        assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>());
        assert_eq!(found.len() as u64 % size, 0, "half a batch");
        let synced = if round == 0 { 0 } else { (round - 1) / 3 * 3 + 2 };
        assert!(
            found.len() as u64 / size >= synced,
            "round {round}: {} of {synced}",
            found.len() as u64 / size
        );
    }
}
