//! The pool's size, its floor, and time.

use cairn_mempool::{Class, Policy, Rejection, RemovalReason};
use cairn_primitives::BlockTime;

use crate::support::{NOW, TestChain, check, offer, out, pool, pool_with, refuse, root, spend, take};

const ALL: u64 = 100_000_000;

/// What one transaction with one input and one output is taken to use.
fn usage_of_one() -> u64 {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    pool.usage()
}

fn small_pool(transactions: u64) -> Policy {
    Policy { max_usage: transactions * usage_of_one(), ..Policy::default() }
}

#[test]
fn a_full_pool_evicts_what_pays_least_and_raises_its_floor() {
    let (mut pool, chain) = (pool_with(small_pool(2)), TestChain::new(4));
    let poor = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    take(&mut pool, &chain, &spend(&[root(1)], ALL - 3_000));
    assert_eq!(pool.min_fee_rate(NOW).to_sat(), 1_000);

    let outcome = offer(&mut pool, &chain, &spend(&[root(2)], ALL - 2_000).build());
    check(&pool, &chain);
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.removed.len(), 1);
    assert_eq!(
        (outcome.removed[0].tx.txid(), outcome.removed[0].reason),
        (poor.txid(), RemovalReason::SizeLimit)
    );

    // What was evicted paid 1,000 for its size; the floor is one step above that.
    let floor = 1_000 * 1_000 / poor.vsize() + 1_000;
    assert_eq!(pool.min_fee_rate(NOW).to_sat(), floor);
    let least = (floor * poor.vsize()).div_ceil(1_000);
    let error = refuse(&mut pool, &chain, &spend(&[root(3)], ALL - least + 1));
    assert_eq!((error.code(), error.class()), ("mempool min fee not met", Class::Pool));
    assert!(offer(&mut pool, &chain, &spend(&[root(3)], ALL - least).build()).result != Err(error));
}

#[test]
fn the_newcomer_itself_is_refused_if_it_pays_least() {
    let (mut pool, chain) = (pool_with(small_pool(2)), TestChain::new(3));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 3_000));
    take(&mut pool, &chain, &spend(&[root(1)], ALL - 3_000));
    let error = refuse(&mut pool, &chain, &spend(&[root(2)], ALL - 2_000));
    assert_eq!((error, error.code()), (Rejection::Full, "mempool full"));
}

#[test]
fn a_child_that_pays_keeps_its_parent() {
    let (mut pool, chain) = (pool_with(small_pool(3)), TestChain::new(3));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], ALL - 500));
    let child = take(&mut pool, &chain, &spend(&[out(&parent, 0)], ALL - 20_000));
    let middle = take(&mut pool, &chain, &spend(&[root(1)], ALL - 3_000));
    take(&mut pool, &chain, &spend(&[root(2)], ALL - 30_000));
    assert!(pool.get(&parent.txid()).is_some() && pool.get(&child.txid()).is_some());
    assert!(pool.get(&middle.txid()).is_none());
}

#[test]
fn the_floor_falls_once_a_block_has_come() {
    let (mut pool, mut chain) = (pool_with(small_pool(1)), TestChain::new(3));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 10_000));
    take(&mut pool, &chain, &spend(&[root(1)], ALL - 20_000));
    let raised = pool.min_fee_rate(NOW);
    let day = 24 * 60 * 60;
    assert_eq!(pool.min_fee_rate(NOW.saturating_add(day)), raised, "no block has come");
    let block = chain.connect(Vec::new());
    pool.block_connected(&block, NOW);
    assert!(pool.min_fee_rate(NOW.saturating_add(day)) < raised);
    assert_eq!(pool.min_fee_rate(NOW.saturating_add(30 * day)).to_sat(), 1_000);
}

#[test]
fn a_transaction_leaves_after_336_hours_with_all_that_rests_on_it() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    let late = NOW.saturating_add(100);
    let child = spend(&[out(&parent, 0)], ALL - 2_000).build();
    pool.accept(child.clone().into(), late, &chain).result.unwrap();
    pool.accept(spend(&[root(1)], ALL - 2_000).build().into(), late, &chain).result.unwrap();

    let limit = NOW.saturating_add(336 * 60 * 60);
    assert!(pool.expire(limit).is_empty());
    let removed = pool.expire(BlockTime::new(limit.to_u32() + 1));
    let gone: Vec<_> = removed.iter().map(|gone| (gone.tx.txid(), gone.reason)).collect();
    assert_eq!(gone, [(parent.txid(), RemovalReason::Expiry), (child.txid(), RemovalReason::Expiry)]);
    check(&pool, &chain);
    assert_eq!(pool.len(), 1);
}

#[test]
fn the_size_of_the_pool_is_300_megabytes_by_default() {
    let policy = Policy::default();
    assert_eq!((policy.max_usage, policy.expiry_seconds), (300_000_000, 1_209_600));
    assert_eq!((policy.max_ancestors, policy.max_descendants), (25, 25));
    assert_eq!((policy.max_ancestor_vsize, policy.max_descendant_vsize), (101_000, 101_000));
}
