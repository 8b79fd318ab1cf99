//! The pool on disk.

use cairn_mempool::{FileError, MAX_FILE_BYTES, MAX_SAVED, Mempool, Policy, Rejection, Saved};
use cairn_primitives::{BlockTime, hex};

use crate::support::{NOW, TestChain, check, out, pool, pool_with, root, spend, take};

const ALL: u64 = 100_000_000;

/// One transaction of 85 bytes that entered at 1,700,000,000: a spend of output 0 of the transaction `0101...` by the
/// script `OP_TRUE`. Frame, bincode and checksum were put together by a program of their own.
const GOLDEN: &str = concat!(
    "636d656d", // "cmem"
    "01000000", // version
    "e482547e", // CRC-32C of what is above and below but the name
    "01",       // one transaction
    "fc00f15365",
    "55",
    "02000000",
    "01",
    "0101010101010101010101010101010101010101010101010101010101010101",
    "00000000",
    "020151",
    "ffffffff",
    "01",
    "c09ee60500000000",
    "17a914da1745e9b549bd0bfa1a569971c77eba30cd5a4b87",
    "00000000",
);

#[test]
fn the_bytes_are_pinned() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let tx = take(&mut pool, &chain, &spend(&[root(0)], 99_000_000));
    assert_eq!(hex::encode(&pool.save()), GOLDEN);
    let saved = pool.load(&hex::decode(GOLDEN).unwrap(), NOW).unwrap();
    assert_eq!(saved, [Saved { tx: tx.into(), time: NOW }]);
}

#[test]
fn an_empty_pool_is_saved_too() {
    assert_eq!(pool().load(&pool().save(), NOW).unwrap(), []);
}

/// Offers all of a file to an empty pool.
fn reload(bytes: &[u8], now: BlockTime, chain: &TestChain) -> Mempool {
    let mut pool = pool();
    for saved in pool.load(bytes, now).unwrap() {
        let outcome = pool.accept_at(saved.tx, saved.time, now, chain);
        assert!(outcome.result.is_ok() && outcome.removed.is_empty());
    }
    check(&pool, chain);
    pool
}

#[test]
fn a_pool_comes_back_with_its_times_and_its_order() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    let later = NOW.saturating_add(500);
    let child = spend(&[out(&parent, 0), root(1)], 2 * ALL - 3_000).build();
    pool.accept(child.clone().into(), later, &chain).result.unwrap();

    let again = reload(&pool.save(), NOW.saturating_add(1_000), &chain);
    assert_eq!(again.get(&parent.txid()).unwrap().time(), NOW);
    assert_eq!(again.get(&child.txid()).unwrap().time(), later);
    assert_eq!(again.save(), pool.save());
}

#[test]
fn what_has_expired_meanwhile_does_not_come_back() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let old = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    let later = NOW.saturating_add(1);
    let young = spend(&[root(1)], ALL - 1_000).build();
    pool.accept(young.clone().into(), later, &chain).result.unwrap();
    let bytes = pool.save();

    let limit = NOW.saturating_add(336 * 60 * 60);
    assert_eq!(reload(&bytes, limit, &chain).len(), 2);
    let pool = reload(&bytes, limit.saturating_add(1), &chain);
    assert!(pool.get(&old.txid()).is_none());
    assert!(pool.get(&young.txid()).is_some());
}

#[test]
fn a_time_is_neither_in_the_future_nor_expired() {
    let policy = Policy { expiry_seconds: 100, ..Policy::default() };
    let chain = TestChain::new(1);
    let time = |seconds: u32| {
        let mut pool = pool_with(policy.clone());
        let tx = spend(&[root(0)], ALL - 1_000).build();
        pool.accept_at(tx.clone().into(), BlockTime::new(seconds), NOW, &chain).result.unwrap();
        assert!(pool.expire(NOW).is_empty());
        pool.get(&tx.txid()).unwrap().time().to_u32()
    };
    let now = NOW.to_u32();
    assert_eq!([now + 1, now, now - 100, now - 101].map(time), [now, now, now - 100, now - 100]);
}

#[test]
fn a_saved_transaction_that_was_mined_meanwhile_is_known() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let tx = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    let saved = pool.load(&pool.save(), NOW).unwrap();
    let block = chain.connect(vec![tx]);
    pool.block_connected(&block, NOW);
    let outcome = pool.accept_at(saved[0].tx.clone(), saved[0].time, NOW, &chain);
    assert_eq!(outcome.result, Err(Rejection::AlreadyKnown));
}

#[test]
fn damage_is_told_wherever_it_is() {
    let good = hex::decode(GOLDEN).unwrap();
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[place] ^= 1 << bit;
            let error = pool().load(&bad, NOW).unwrap_err();
            assert!(matches!(error, FileError::Magic { .. } | FileError::Checksum { .. }), "{error}");
        }
        assert!(pool().load(&good[..place], NOW).is_err());
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(pool().load(&longer, NOW), Err(FileError::Checksum { .. })));
    assert!(pool().load(&vec![0; MAX_FILE_BYTES + 1], NOW).is_err());
}

/// A file with this body, of this version, under a right checksum.
fn file(version: u32, body: &[u8]) -> Vec<u8> {
    let version = version.to_le_bytes();
    let sum = crc32c::crc32c(&[&version, body].concat()).to_le_bytes();
    [b"cmem".as_slice(), &version, &sum, body].concat()
}

#[test]
fn a_whole_file_with_a_wrong_body_is_refused() {
    let error = |body: &[u8]| pool().load(&file(1, body), NOW).unwrap_err();
    assert!(matches!(error(&[]), FileError::Body(_)));
    // One transaction is announced, or 2^64 - 1 are, or one of 2^40 bytes.
    assert!(matches!(error(&[1]), FileError::Body(_)));
    assert!(matches!(error(&[0xfd, 255, 255, 255, 255, 255, 255, 255, 255]), FileError::Body(_)));
    assert!(matches!(error(&[1, 0, 0xfd, 0, 0, 0, 0, 0, 1, 0, 0]), FileError::Body(_)));
    assert!(matches!(error(&[0, 0]), FileError::TrailingBytes { count: 1 }));
    assert!(matches!(error(&[1, 0, 1, 7]), FileError::Transaction { index: 0, .. }));
    assert!(matches!(pool().load(&file(2, &[0]), NOW), Err(FileError::Version { got: 2, expected: 1 })));
    assert!(pool().load(&file(1, &[0]), NOW).unwrap().is_empty());
}

#[test]
fn a_file_holds_at_most_500_000_transactions() {
    // Empty ones, which are no transactions: the number is looked at first.
    let of = |count: usize| {
        let announced = [&[0xfc], u32::try_from(count).unwrap().to_le_bytes().as_slice()].concat();
        pool().load(&file(1, &[announced, vec![0; 2 * count]].concat()), NOW).unwrap_err()
    };
    assert!(matches!(of(MAX_SAVED), FileError::Transaction { index: 0, .. }));
    assert!(matches!(of(MAX_SAVED + 1), FileError::TooManyTransactions { got: 500_001, limit: 500_000 }));
}

#[test]
fn bytes_of_nothing_never_panic() {
    let mut state = 1_u32;
    for length in 0..300 {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        assert!(pool().load(&noise, NOW).is_err());
        assert!(pool().load(&file(1, &[noise.as_slice(), &[9]].concat()), NOW).is_err());
    }
}
