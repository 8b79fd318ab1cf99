//! Readers beside the writer.

use cairn_store::Batch;

use crate::{COUNTS, Place, WORDS, keys, put_counts};

/// Readers in other threads see both tables of a batch change together, and never half a batch.
pub(crate) fn batches_are_atomic_for_readers<P: Place>() {
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

/// A commit made while a snapshot lives takes effect when it is dropped, and not before.
pub(crate) fn a_snapshot_holds_the_store_still<P: Place>() {
    let place = P::new();
    let store = place.open();
    let counts = store.table(COUNTS).unwrap();
    put_counts(&store, &counts, &[1]);
    let (about_to_commit, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let snapshot = store.snapshot();
        let writer = scope.spawn(|| {
            let mut batch = Batch::new();
            batch.put(&counts, &2, &2).unwrap();
            about_to_commit.send(()).unwrap();
            store.commit(batch).unwrap();
        });
        told.recv().unwrap();
        for _ in 0..100 {
            assert_eq!(snapshot.get(&counts, &2).unwrap(), None);
            assert_eq!(keys(snapshot.range(&counts, ..).unwrap()), [1]);
            std::thread::yield_now();
        }
        assert!(!writer.is_finished());
        drop(snapshot);
        writer.join().unwrap();
    });
    assert_eq!(keys(counts.iter()), [1, 2]);
}

/// Walks beside a writer that adds and deletes among the entries: what was there all the time is met once and in
/// order, and nothing is met that was never written.
pub(crate) fn a_walk_beside_a_writer_misses_nothing_that_stays<P: Place>() {
    const STAY: u64 = 500;
    let place = P::new();
    let store = place.open();
    let counts = store.table(COUNTS).unwrap();
    put_counts(&store, &counts, &(0..STAY).map(|n| n * 4).collect::<Vec<_>>());
    let done = std::sync::atomic::AtomicBool::new(false);
    let load = || done.load(std::sync::atomic::Ordering::SeqCst);
    let judge = |walk: &[u64]| {
        let staying: Vec<_> = walk.iter().filter(|key| *key % 4 == 0).copied().collect();
        assert_eq!(staying, (0..STAY).map(|n| n * 4).collect::<Vec<_>>());
        assert!(walk.is_sorted() && walk.iter().all(|key| key % 4 < 2));
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|backwards| {
                let (counts, judge) = (&counts, &judge);
                scope.spawn(move || {
                    let mut walks = 0;
                    while walks < 3 || !load() {
                        let mut walk =
                            if backwards == 1 { keys(counts.iter().rev()) } else { keys(counts.iter()) };
                        if backwards == 1 {
                            walk.reverse();
                        }
                        judge(&walk);
                        walks += 1;
                    }
                })
            })
            .collect();
        for round in 0..60_u64 {
            let mut batch = Batch::new();
            for n in 0..STAY {
                match (n + round) % 2 {
                    0 => batch.put(&counts, &(n * 4 + 1), &(round as u32)).unwrap(),
                    _ => batch.delete(&counts, &(n * 4 + 1)).unwrap(),
                }
            }
            store.commit(batch).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}
