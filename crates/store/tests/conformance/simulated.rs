//! What the simulated disk adds: power cuts and a fuse.

use cairn_store::simulate::{Fuse, MemoryDisk};
use cairn_store::{Batch, StoreError};

use crate::{COUNTS, keys, put_counts};

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

/// A killed process leaves commits that it did not sync; whoever opens the store builds on them.
#[test]
fn what_is_found_at_a_start_is_durable() {
    let disk = MemoryDisk::new(Fuse::default());
    let store = disk.open();
    let table = store.table(COUNTS).unwrap();
    put_counts(&store, &table, &[1]);
    drop((table, store));
    assert!(disk.unsynced() > 0);
    let store = disk.open();
    assert_eq!(disk.unsynced(), 0);
    assert_eq!(keys(store.table(COUNTS).unwrap().iter()), [1]);
    drop(store);
    disk.lose_unsynced(0);
    assert_eq!(keys(disk.open().table(COUNTS).unwrap().iter()), [1]);
}
