//! What a killed process leaves behind.

use std::path::Path;

use cairn_store::Batch;

#[cfg(feature = "fjall")]
use crate::put_counts;
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

/// The newest journal of a fjall store.
#[cfg(feature = "fjall")]
fn journal(store: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(store.join("fjall")).unwrap().map(|entry| entry.unwrap().path());
    let journals = files.filter(|path| path.extension().is_some_and(|kind| kind == "jnl"));
    let number =
        |path: &std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    journals.max_by_key(number).unwrap()
}

/// How far a journal is written: what comes after is zeros.
#[cfg(feature = "fjall")]
fn written(journal: &Path) -> usize {
    std::fs::read(journal).unwrap().iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// A power cut leaves any beginning of the journal behind the last sync, then nothing or zeros.
#[cfg(feature = "fjall")]
#[test]
fn the_torn_end_of_a_fjall_journal_is_cut_off() {
    use crate::OnFjall;
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let store = OnFjall::open_dir(&live).unwrap();
    let table = store.table(COUNTS).unwrap();
    put_counts(&store, &table, &[0, 1]);
    store.sync().unwrap();
    let synced = written(&journal(&live));
    put_counts(&store, &table, &[2, 3]);
    let first = written(&journal(&live));
    put_counts(&store, &table, &[4, 5]);
    let second = written(&journal(&live));
    assert!(synced < first && first < second);
    for (zeros, kept) in (synced..=second).flat_map(|kept| [(false, kept), (true, kept)]) {
        let copy = dir.path().join("copy");
        copy_dir(&live, &copy);
        let file = std::fs::OpenOptions::new().write(true).open(journal(&copy)).unwrap();
        file.set_len(kept as u64).unwrap();
        if zeros {
            file.set_len(kept as u64 + 100_000).unwrap();
        }
        drop(file);
        let found = {
            let left = OnFjall::open_dir(&copy).unwrap();
            keys(left.table(COUNTS).unwrap().iter())
        };
        let whole = 2 + 2 * u64::from(kept >= first) + 2 * u64::from(kept >= second);
        assert_eq!(found, (0..whole).collect::<Vec<_>>(), "{kept} bytes kept, zeros: {zeros}");
        std::fs::remove_dir_all(&copy).unwrap();
    }
}
