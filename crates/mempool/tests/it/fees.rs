//! What fee is enough.

use cairn_mempool::{
    Estimate, EstimateSource, FAST_TARGET, FeeEstimator, FileError, MAX_TARGET, Mempool, Policy,
    RemovalReason, Removed, SLOW_TARGET, STANDARD_TARGET, SatPerKvb,
};
use cairn_params::presets;
use cairn_primitives::{BlockTime, Height, Transaction, Txid, hex};
use proptest::prelude::*;

use crate::support::{NOW, TestChain, out, pool, root, spend, take};

const ALL: u64 = 100_000_000;
/// Virtual bytes of every transaction here.
const VSIZE: u64 = 85;

fn estimate(rate: u64, source: EstimateSource) -> Estimate {
    Estimate { rate: SatPerKvb::new(rate), source }
}

/// An estimator that has seen the block at `height`.
fn at(height: u32) -> FeeEstimator {
    let mut estimator = FeeEstimator::new();
    estimator.on_block(Height::new(height), []);
    estimator
}

/// A pool with one transaction for each fee rate, in sat for a virtual byte, and their ids.
fn with_rates(rates: &[u64]) -> (Mempool, Vec<Txid>) {
    let (mut pool, chain) = (pool(), TestChain::new(u8::try_from(rates.len()).unwrap()));
    let pay = |(index, rate)| spend(&[root(index)], ALL - rate * VSIZE).build();
    let txs: Vec<Transaction> = (0..).zip(rates).map(pay).collect();
    for tx in &txs {
        pool.accept(tx.clone().into(), NOW, &chain).result.unwrap();
    }
    (pool, txs.iter().map(Transaction::txid).collect())
}

/// Follows all of a pool, as accepted under the tip at `height`.
fn follow(estimator: &mut FeeEstimator, pool: &Mempool, ids: &[Txid], height: u32) {
    ids.iter().for_each(|txid| estimator.on_accepted(pool.get(txid).unwrap(), Height::new(height)));
}

fn removed(pool: &Mempool, txid: &Txid, reason: RemovalReason) -> Removed {
    Removed { tx: pool.get(txid).unwrap().tx().clone(), reason }
}

#[test]
fn without_anything_known_the_floor_is_enough() {
    let (estimator, pool) = (FeeEstimator::new(), pool());
    let floor = estimate(1_000, EstimateSource::Floor);
    for target in [0, 1, 2, 48, 49, u32::MAX] {
        assert_eq!(estimator.estimate(target, &pool, NOW), floor);
    }
    assert_eq!((estimator.slow(&pool, NOW), estimator.fast(&pool, NOW)), (floor, floor));
    assert_eq!((FAST_TARGET, STANDARD_TARGET, SLOW_TARGET, MAX_TARGET), (2, 6, 25, 48));
}

/// A pool on a chain whose blocks hold `per_block` of the transactions here, by weight or by number.
fn queue(per_block: u64, by_weight: bool, rates: &[u64]) -> Mempool {
    let mut spec = presets::regtest();
    if by_weight {
        spec.limits.block_weight = 4_000 + per_block * VSIZE * 4;
    } else {
        spec.limits.block_txs = Some(u32::try_from(per_block).unwrap() + 1);
    }
    let mut pool = Mempool::new(spec.into(), Policy::default());
    let chain = TestChain::new(u8::try_from(rates.len()).unwrap());
    for (index, rate) in (0..).zip(rates) {
        let tx = spend(&[root(index)], ALL - rate * VSIZE).build();
        assert_eq!(tx.vsize(), VSIZE);
        pool.accept(tx.into(), NOW, &chain).result.unwrap();
    }
    pool
}

#[test]
fn a_queue_is_answered_by_what_would_be_mined_in_time() {
    // Ten a block, paying 101 to 200 a virtual byte: the first block's lowest pays 191, the second's 181.
    let rates: Vec<u64> = (101..=200).collect();
    for by_weight in [true, false] {
        let pool = queue(10, by_weight, &rates);
        let estimator = FeeEstimator::new();
        let asked = |target| estimator.estimate(target, &pool, NOW);
        assert_eq!(asked(1), estimate(191_001, EstimateSource::Mempool));
        assert_eq!(asked(2), estimate(181_001, EstimateSource::Mempool));
        assert_eq!(asked(9), estimate(111_001, EstimateSource::Mempool));
        assert_eq!(asked(10), estimate(1_000, EstimateSource::Floor), "all would be mined");
        let three = estimator.estimates(&pool, NOW);
        assert_eq!(three.fast, estimate(181_001, EstimateSource::Mempool));
        assert_eq!(three.standard, estimate(141_001, EstimateSource::Mempool));
        assert_eq!(three.slow, estimate(1_000, EstimateSource::Floor));
    }
}

#[test]
fn what_fits_no_block_is_left_out_of_the_queue() {
    let pool = queue(0, true, &[100, 200]);
    assert_eq!(FeeEstimator::new().fast(&pool, NOW), estimate(1_000, EstimateSource::Floor));
}

#[test]
fn a_child_counts_for_its_parent_in_the_queue() {
    let mut spec = presets::regtest();
    spec.limits.block_weight = 4_000 + 2 * VSIZE * 4;
    let mut pool = Mempool::new(spec.into(), Policy::default());
    let chain = TestChain::new(2);
    let parent = take(&mut pool, &chain, &spend(&[root(0)], ALL - VSIZE));
    take(&mut pool, &chain, &spend(&[out(&parent, 0)], ALL - 100 * VSIZE));
    take(&mut pool, &chain, &spend(&[root(1)], ALL - 10 * VSIZE));
    // Parent and child pay 50 a virtual byte together, and fill the first block.
    assert_eq!(FeeEstimator::new().estimate(1, &pool, NOW), estimate(50_001, EstimateSource::Mempool));
}

#[test]
fn history_needs_21_transactions() {
    for (count, expected) in
        [(20, estimate(1_000, EstimateSource::Floor)), (21, estimate(50_000, EstimateSource::History))]
    {
        let (pool, ids) = with_rates(&vec![50; count]);
        let mut estimator = at(100);
        follow(&mut estimator, &pool, &ids, 100);
        assert_eq!(estimator.followed(), count);
        estimator.on_block(Height::new(101), ids);
        assert_eq!(estimator.followed(), 0);
        assert_eq!(estimator.fast(&pool, NOW), expected);
    }
}

/// 34 transactions that were mined after the longest time told apart, and `others` for which `fate` was called then.
fn with_others(others: usize, fate: impl Fn(&mut FeeEstimator, &Mempool, &Txid)) -> Estimate {
    let (pool, ids) = with_rates(&vec![50; 34 + others]);
    let mut estimator = at(100);
    follow(&mut estimator, &pool, &ids, 100);
    (1..MAX_TARGET).for_each(|blocks| estimator.on_block(Height::new(100 + blocks), []));
    estimator.on_block(Height::new(100 + MAX_TARGET), ids[..34].iter().copied());
    ids[34..].iter().for_each(|txid| fate(&mut estimator, &pool, txid));
    estimator.estimate(MAX_TARGET, &pool, NOW)
}

#[test]
fn fifteen_in_a_hundred_may_fail() {
    let good = estimate(50_000, EstimateSource::History);
    let none = estimate(1_000, EstimateSource::Floor);
    let leave = |reason| {
        move |estimator: &mut FeeEstimator, pool: &Mempool, txid: &Txid| {
            estimator.on_removed(&removed(pool, txid, reason));
        }
    };
    for reason in [RemovalReason::Expiry, RemovalReason::SizeLimit] {
        assert_eq!((with_others(6, leave(reason)), with_others(7, leave(reason))), (good, none));
    }
    // So may they wait still.
    assert_eq!((with_others(6, |_, _, _| {}), with_others(7, |_, _, _| {})), (good, none));
    // What left for reasons of its own says nothing.
    for reason in [RemovalReason::Replaced, RemovalReason::Conflict, RemovalReason::Reorg] {
        assert_eq!(with_others(50, leave(reason)), good);
    }
}

#[test]
fn a_confirmed_transaction_counts_though_it_was_reported_as_removed_before() {
    let (pool, ids) = with_rates(&[50; 21]);
    let mut estimator = at(100);
    follow(&mut estimator, &pool, &ids, 100);
    ids.iter().for_each(|txid| estimator.on_removed(&removed(&pool, txid, RemovalReason::Block)));
    estimator.on_block(Height::new(101), ids);
    assert_eq!(estimator.fast(&pool, NOW).source, EstimateSource::History);
}

#[test]
fn those_who_paid_more_were_mined_sooner() {
    // In each of 50 blocks two transactions come that pay 200, mined in the next, and two that pay 20, mined ten later.
    let rates: Vec<u64> = [200, 200, 20, 20].repeat(50);
    let (pool, ids) = with_rates(&rates);
    let mut estimator = at(100);
    let ids: Vec<&[Txid]> = ids.chunks(4).collect();
    for block in 0..50 {
        let height = 100 + u32::try_from(block).unwrap();
        follow(&mut estimator, &pool, ids[block], height);
        let late = block.checked_sub(9).map_or(&[][..], |then| &ids[then][2..]);
        estimator.on_block(Height::new(height + 1), [&ids[block][..2], late].concat());
    }
    let asked = |target| estimator.estimate(target, &pool, NOW);
    let (rich, poor) =
        (estimate(200_000, EstimateSource::History), estimate(20_000, EstimateSource::History));
    assert_eq!((asked(1), asked(9), asked(10), asked(48)), (rich, rich, poor, poor));
    let three = estimator.estimates(&pool, NOW);
    assert_eq!((three.fast, three.standard, three.slow), (rich, rich, poor));
    assert_eq!((estimator.fast(&pool, NOW), estimator.standard(&pool, NOW)), (rich, rich));
}

#[test]
fn no_estimate_is_below_the_floor() {
    let (_, chain) = (pool(), TestChain::new(2));
    let (history, ids) = with_rates(&[5; 21]);
    let mut estimator = at(100);
    follow(&mut estimator, &history, &ids, 100);
    estimator.on_block(Height::new(101), ids);
    assert_eq!(estimator.fast(&history, NOW), estimate(5_000, EstimateSource::History));
    // A pool of one transaction evicts one that paid 10 a virtual byte.
    let small = Policy { max_usage: history.entries().next().unwrap().usage(), ..Policy::default() };
    let mut full = crate::support::pool_with(small);
    take(&mut full, &chain, &spend(&[root(0)], ALL - 10 * VSIZE));
    take(&mut full, &chain, &spend(&[root(1)], ALL - 90 * VSIZE));
    assert_eq!(estimator.fast(&full, NOW), estimate(11_000, EstimateSource::Floor));
}

#[test]
fn nothing_is_learned_while_the_chain_is_behind_or_turns() {
    let (pool, ids) = with_rates(&[50; 21]);
    // Before any block, and at another height than the last block's.
    let mut fresh = FeeEstimator::new();
    follow(&mut fresh, &pool, &ids, 0);
    assert_eq!(fresh.followed(), 0);
    let mut estimator = at(100);
    follow(&mut estimator, &pool, &ids, 99);
    follow(&mut estimator, &pool, &ids, 101);
    assert_eq!(estimator.followed(), 0);
    // Another block at the height of the last confirms them.
    follow(&mut estimator, &pool, &ids, 100);
    estimator.on_block(Height::new(100), ids.iter().copied());
    assert_eq!((estimator.followed(), estimator.fast(&pool, NOW).source), (0, EstimateSource::Floor));
}

#[test]
fn families_are_not_followed() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let poor = take(&mut pool, &chain, &spend(&[root(0)], ALL - 2 * VSIZE));
    let rich = take(&mut pool, &chain, &spend(&[root(1)], ALL - 90 * VSIZE));
    let of_poor = take(&mut pool, &chain, &spend(&[out(&poor, 0)], ALL - 50 * VSIZE));
    let of_rich = take(&mut pool, &chain, &spend(&[out(&rich, 0)], ALL - 91 * VSIZE));
    let mut estimator = at(100);
    follow(&mut estimator, &pool, &[poor.txid(), rich.txid()], 100);
    assert_eq!(estimator.followed(), 2);
    follow(&mut estimator, &pool, &[of_poor.txid(), of_rich.txid()], 100);
    assert_eq!(estimator.followed(), 1, "the poor parent is mined for its child");
}

/// One transaction at 10,000 that waited one block. Frame, bincode and checksum were put together by a program of their own.
const GOLDEN: &str = concat!(
    "63666565", // "cfee"
    "01000000", // version
    "8c38112b", // CRC-32C of what is above and below but the name
    "010a",     // the last block is 10
    "01",       // one bucket: rates from 9,394 up to 10,333
    "31",
    "000000000088c340",                   // the sum of its rates, 10,000.0
    "020000000000000000000000000000f03f", // confirmed: none after 0 blocks, 1.0 after 1
    "00",                                 // failed: none
);

#[test]
fn the_bytes_are_pinned() {
    let (pool, ids) = with_rates(&[10]);
    let mut estimator = at(9);
    follow(&mut estimator, &pool, &ids, 9);
    estimator.on_block(Height::new(10), ids);
    assert_eq!(hex::encode(&estimator.to_bytes()), GOLDEN);
    assert_eq!(
        hex::encode(&FeeEstimator::from_bytes(&hex::decode(GOLDEN).unwrap()).unwrap().to_bytes()),
        GOLDEN
    );
}

#[test]
fn damage_is_told_wherever_it_is() {
    let good = hex::decode(GOLDEN).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        let error = FeeEstimator::from_bytes(&bad).unwrap_err();
        assert!(matches!(error, FileError::Magic { .. } | FileError::Checksum { .. }), "{error}");
        assert!(FeeEstimator::from_bytes(&good[..place]).is_err());
    }
}

/// A file with one bucket, of three figures, under a right checksum.
fn file(index: u8, rates: f64, confirmed: &[f64]) -> Vec<u8> {
    let numbers = |list: &[f64]| list.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let count = u8::try_from(confirmed.len()).unwrap();
    let body =
        [&[1, 10, 1, index], numbers(&[rates]).as_slice(), &[count], &numbers(confirmed), &[0]].concat();
    let version = 1_u32.to_le_bytes();
    let sum = crc32c::crc32c(&[&version, body.as_slice()].concat()).to_le_bytes();
    [b"cfee".as_slice(), &version, &sum, &body].concat()
}

#[test]
fn figures_that_cannot_be_are_refused() {
    let read = |index, rates, confirmed: &[f64]| {
        FeeEstimator::from_bytes(&file(index, rates, confirmed)).map(|_| ())
    };
    assert!(read(122, 1e30, &[1e30; 50]).is_ok());
    for (index, rates, confirmed) in [
        (123, 1.0, vec![1.0]),
        (0, f64::NAN, vec![1.0]),
        (0, 2e30, vec![1.0]),
        (0, 1.0, vec![-1.0]),
        (0, 1.0, vec![f64::INFINITY]),
        (0, 1.0, vec![1.0; 51]),
    ] {
        let error = read(index, rates, &confirmed).unwrap_err();
        assert!(matches!(error, FileError::Bucket { index: got } if got == u64::from(index)), "{error}");
    }
}

/// What a block does to the transactions that wait: confirms some, evicts some.
#[derive(Debug, Clone)]
struct Step {
    comers: Vec<u64>,
    confirm: Vec<prop::sample::Index>,
    evict: Option<prop::sample::Index>,
}

fn step() -> impl Strategy<Value = Step> {
    let picks = prop::collection::vec(any::<prop::sample::Index>(), 0..8);
    let evict = prop::option::of(any::<prop::sample::Index>());
    (prop::collection::vec(1_u64..300, 0..6), picks, evict).prop_map(|(comers, confirm, evict)| Step {
        comers,
        confirm,
        evict,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_waits_longer_never_pays_more(steps in prop::collection::vec(step(), 1..40), per_block in 1_u64..20) {
        let rates: Vec<u64> = steps.iter().flat_map(|step| step.comers.clone()).collect();
        let (all, ids) = with_rates(&rates);
        let pool = queue(per_block, true, &rates);
        let mut estimator = at(0);
        let mut coming = ids.iter().copied();
        let mut waiting: Vec<Txid> = Vec::new();
        for (height, step) in (0..).zip(&steps) {
            let comers: Vec<Txid> = coming.by_ref().take(step.comers.len()).collect();
            follow(&mut estimator, &all, &comers, height);
            waiting.extend(comers);
            if let Some(pick) = step.evict.filter(|_| !waiting.is_empty()) {
                let txid = waiting.swap_remove(pick.index(waiting.len()));
                estimator.on_removed(&removed(&all, &txid, RemovalReason::SizeLimit));
            }
            let mut mined = Vec::new();
            for pick in &step.confirm {
                if !waiting.is_empty() {
                    mined.push(waiting.swap_remove(pick.index(waiting.len())));
                }
            }
            estimator.on_block(Height::new(height + 1), mined);
            prop_assert_eq!(estimator.followed(), waiting.len());
            check(&estimator, &pool, NOW)?;
        }
        let again = FeeEstimator::from_bytes(&estimator.to_bytes()).unwrap();
        prop_assert_eq!(again.to_bytes(), estimator.to_bytes());
        check(&again, &pool, NOW)?;
    }
}

fn check(estimator: &FeeEstimator, pool: &Mempool, now: BlockTime) -> Result<(), TestCaseError> {
    let answers = [1, 2, 3, 6, 12, 25, 47, 48].map(|target| estimator.estimate(target, pool, now));
    prop_assert!(answers.is_sorted_by(|sooner, later| sooner.rate >= later.rate), "{answers:?}");
    prop_assert!(answers.iter().all(|answer| answer.rate >= pool.min_fee_rate(now)));
    let three = estimator.estimates(pool, now);
    prop_assert_eq!((three.fast, three.standard, three.slow), (answers[1], answers[3], answers[5]));
    Ok(())
}
