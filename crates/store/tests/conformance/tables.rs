//! What a table is: order, ranges, limits, types.

use cairn_store::{Batch, MAX_KEY_BYTES, MAX_VALUE_BYTES, StoreError, Table, TableDef, ValueError};

use crate::{COUNTS, LAST, Place, WORDS, entries, keys, put_counts};

pub(crate) fn ordering_and_ranges<P: Place>() {
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

pub(crate) fn prefixes<P: Place>() {
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

pub(crate) fn deletes<P: Place>() {
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

pub(crate) fn batch_limit<P: Place>() {
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

pub(crate) fn size_limits<P: Place>() {
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

pub(crate) fn reopen<P: Place>() {
    let place = P::new();
    for round in 0..3_u64 {
        let store = place.open();
        let table = store.table(COUNTS).unwrap();
        assert_eq!(keys(table.iter()), (0..round).collect::<Vec<_>>());
        put_counts(&store, &table, &[round]);
        store.sync().unwrap();
    }
}

pub(crate) fn foreign_tables<P: Place>() {
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

pub(crate) fn typed<P: Place>() {
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

/// Without a crash nothing is lost, synced or not.
pub(crate) fn closing_loses_nothing<P: Place>() {
    let place = P::new();
    for round in 0..3_u64 {
        let store = place.open();
        let table = store.table(COUNTS).unwrap();
        assert_eq!(keys(table.iter()), (0..round).collect::<Vec<_>>());
        put_counts(&store, &table, &[round]);
    }
}

pub(crate) fn an_empty_batch_changes_nothing<P: Place>() {
    let place = P::new();
    let store = place.open();
    let table = store.table(COUNTS).unwrap();
    store.commit(Batch::new()).unwrap();
    store.sync().unwrap();
    assert_eq!(keys(table.iter()), []);
}

/// Enough for engines to write out, merge and throw away: a third is deleted and a third written again, while the
/// rest grows past all memory an engine was given.
pub(crate) fn more_than_fits_in_memory<P: Place>() {
    const ROUNDS: u64 = 48;
    let place = P::new();
    let store = place.open();
    let words = store.table(WORDS).unwrap();
    // Keys in no order, as those of coins are.
    let key = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
    let value = |n: u64, round: u64| {
        let mut bytes = (n ^ (round << 32)).to_le_bytes().to_vec();
        bytes.resize(1000, n as u8);
        bytes
    };
    for round in 0..ROUNDS {
        let mut batch = Batch::new();
        for n in (round * 600)..(round * 600 + 600) {
            batch.put(&words, &key(n), &value(n, round)).unwrap();
        }
        for n in (round * 600).saturating_sub(900)..(round * 600).saturating_sub(500) {
            match n % 2 {
                0 => batch.delete(&words, &key(n)).unwrap(),
                _ => batch.put(&words, &key(n), &value(n, round)).unwrap(),
            }
        }
        store.commit(batch).unwrap();
    }
    store.sync().unwrap();
    let check = |words: &Table<Vec<u8>, Vec<u8>>| {
        // The last round that touched a number, and whether it left it there.
        let mut model = std::collections::BTreeMap::new();
        for round in 0..ROUNDS {
            model.extend((round * 600..round * 600 + 600).map(|n| (key(n), value(n, round))));
            for n in (round * 600).saturating_sub(900)..(round * 600).saturating_sub(500) {
                match n % 2 {
                    0 => model.remove(&key(n)),
                    _ => model.insert(key(n), value(n, round)),
                };
            }
        }
        assert!(entries(words.iter()) == model.clone().into_iter().collect::<Vec<_>>());
        assert!(entries(words.iter().rev()) == model.clone().into_iter().rev().collect::<Vec<_>>());
        for n in (0..ROUNDS * 600).step_by(7) {
            assert!(words.get(&key(n)).unwrap().as_ref() == model.get(&key(n)), "{n}");
        }
    };
    check(&words);
    drop((words, store));
    check(&place.open().table(WORDS).unwrap());
}
