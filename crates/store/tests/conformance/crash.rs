//! What a killed process leaves behind.

use std::path::Path;

use cairn_store::Batch;

use crate::{COUNTS, OnDisk, keys};

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
pub(crate) fn left_without_closing_it_keeps_whole_commits_in_order<P: OnDisk>() {
    let dir = tempfile::tempdir().unwrap();
    let store = P::open_dir(&dir.path().join("live")).unwrap();
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
        let left = P::open_dir(&copy).unwrap();
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
