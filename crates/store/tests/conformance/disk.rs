//! Directories: their lock, their engine, and what else lies in them.

use std::path::Path;

use cairn_store::{Engine, Store, StoreError, StoreOptions};

use crate::{COUNTS, OnDisk, keys, put_counts};

pub(crate) fn a_second_store_on_the_directory_is_refused<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    let first = P::open_dir(dir.path()).unwrap();
    let second = P::open_dir(dir.path());
    assert!(matches!(second, Err(StoreError::Locked { path }) if path == dir.path()));
    drop(first);
    P::open_dir(dir.path()).unwrap();
}

/// A store closes with the last of its handles, and tables are handles.
pub(crate) fn a_table_keeps_the_store_open<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    let store = P::open_dir(dir.path()).unwrap();
    let table = store.table(COUNTS).unwrap();
    put_counts(&store, &table, &[1]);
    drop(store);
    assert_eq!(keys(table.iter()), [1]);
    assert!(matches!(P::open_dir(dir.path()), Err(StoreError::Locked { .. })));
    drop(table);
    let store = P::open_dir(dir.path()).unwrap();
    assert_eq!(keys(store.table(COUNTS).unwrap().iter()), [1]);
}

pub(crate) fn a_directory_that_cannot_be_made_is_named<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    let refused = P::open_dir(&file.join("store"));
    assert!(matches!(refused, Err(StoreError::Io { path, .. }) if path == file.join("store")));
}

pub(crate) fn other_files_in_the_directory_do_no_harm<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), b"mine").unwrap();
    std::fs::create_dir(dir.path().join("blocks")).unwrap();
    for round in 0..2 {
        let store = P::open_dir(dir.path()).unwrap();
        let table = store.table(COUNTS).unwrap();
        assert_eq!(keys(table.iter()), (0..round).collect::<Vec<_>>());
        put_counts(&store, &table, &[round]);
    }
    assert_eq!(std::fs::read(dir.path().join("notes.txt")).unwrap(), b"mine");
    assert!(dir.path().join("blocks").is_dir());
}

fn open_as(engine: Engine, path: &Path) -> Result<Store, StoreError> {
    Store::open(path, StoreOptions { engine, cache_bytes: 1 << 20 })
}

/// Refused with both names, and nothing of it is touched.
pub(crate) fn what_another_engine_made_is_refused<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Engine::of(dir.path()), None);
    let store = P::open_dir(dir.path()).unwrap();
    assert_eq!(Engine::of(dir.path()), Some(P::ENGINE));
    let table = store.table(COUNTS).unwrap();
    put_counts(&store, &table, &[1]);
    drop((table, store));
    assert_eq!(Engine::of(dir.path()), Some(P::ENGINE));
    for other in Engine::ALL.into_iter().filter(|other| *other != P::ENGINE) {
        match open_as(other, dir.path()) {
            Err(StoreError::OtherEngine { path, got, expected }) => {
                assert_eq!((path.as_path(), got, expected), (dir.path(), P::ENGINE, other));
            }
            Err(StoreError::NotBuiltIn { engine }) => {
                assert!(engine == other && !other.is_built_in());
            }
            opened => panic!("{opened:?}"),
        }
    }
    let store = P::open_dir(dir.path()).unwrap();
    assert_eq!(keys(store.table(COUNTS).unwrap().iter()), [1]);
}
