//! What blocks and reorganisations do.

use cairn_mempool::{Policy, RemovalReason};
use cairn_primitives::{Block, Coin, Height, Transaction, Txid};

use crate::support::{
    Draft, NOW, TestChain, anyone, check, offer, out, pool, pool_with, refuse, root, spend, take,
};

fn ids(removed: &[cairn_mempool::Removed]) -> Vec<(Txid, RemovalReason)> {
    removed.iter().map(|gone| (gone.tx.txid(), gone.reason)).collect()
}

#[test]
fn a_block_takes_out_what_it_confirms_and_leaves_its_children() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    let child = take(&mut pool, &chain, &spend(&[out(&parent, 0)], 99_980_000));
    assert_eq!(pool.get(&child.txid()).unwrap().ancestors().count, 2);

    let block = chain.connect(vec![parent.clone()]);
    assert_eq!(ids(&pool.block_connected(&block, NOW)), [(parent.txid(), RemovalReason::Block)]);
    check(&pool, &chain);
    assert_eq!(pool.get(&child.txid()).unwrap().ancestors().count, 1);
    let again = refuse(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    assert_eq!(again.code(), "txn-already-known");
}

#[test]
fn a_block_takes_out_what_it_contradicts_with_all_that_rests_on_it() {
    let (mut pool, mut chain) = (pool(), TestChain::new(2));
    let loser = take(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    let child = take(&mut pool, &chain, &spend(&[out(&loser, 0), root(1)], 199_970_000));
    let block = chain.connect(vec![spend(&[root(0)], 99_000_000).build()]);
    let removed = ids(&pool.block_connected(&block, NOW));
    assert_eq!(removed, [(loser.txid(), RemovalReason::Conflict), (child.txid(), RemovalReason::Conflict)]);
    check(&pool, &chain);
    assert!(pool.is_empty());
}

#[test]
fn a_reorganisation_brings_transactions_back_below_their_children() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    let child = take(&mut pool, &chain, &spend(&[out(&parent, 0)], 99_980_000));
    let block = chain.connect(vec![parent.clone()]);
    pool.block_connected(&block, NOW);

    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    check(&pool, &chain);
    assert_eq!((outcome.entered.as_slice(), outcome.removed.len()), ([parent.txid()].as_slice(), 0));
    assert_eq!(pool.get(&child.txid()).unwrap().ancestors().count, 2);
}

/// Connects `mined`, then moves to a branch of two blocks that confirm `rival`.
fn reorg(pool: &mut cairn_mempool::Mempool, chain: &mut TestChain, rival: Vec<Transaction>) -> [Block; 2] {
    let off = chain.disconnect().unwrap();
    let on = [chain.connect(rival), chain.connect(Vec::new())];
    pool.reorganized(&[off], &on, NOW, chain);
    on
}

#[test]
fn what_the_other_branch_spent_does_not_come_back() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let mined = take(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    let block = chain.connect(vec![mined.clone()]);
    pool.block_connected(&block, NOW);
    take(&mut pool, &chain, &spend(&[out(&mined, 0)], 99_980_000));
    reorg(&mut pool, &mut chain, vec![spend(&[root(0)], 99_000_000).build()]);
    check(&pool, &chain);
    assert!(pool.is_empty());
}

#[test]
fn what_the_other_branch_confirms_too_is_not_in_the_pool() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let mined = take(&mut pool, &chain, &spend(&[root(0)], 99_990_000));
    let block = chain.connect(vec![mined.clone()]);
    pool.block_connected(&block, NOW);
    reorg(&mut pool, &mut chain, vec![mined]);
    assert!(pool.is_empty());
}

#[test]
fn a_lock_that_a_reorganisation_closes_again_takes_its_transaction_out() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    chain.connect(Vec::new());
    let locked = Draft { lock_time: 201, ..spend(&[root(0)], 99_990_000).sequence(0xffff_fffe) };
    let tx = take(&mut pool, &chain, &locked);
    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    assert_eq!(ids(&outcome.removed), [(tx.txid(), RemovalReason::Reorg)]);
    check(&pool, &chain);
}

#[test]
fn a_transaction_below_the_fee_floor_comes_back_from_a_block() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let free = spend(&[root(0)], 100_000_000);
    assert_eq!(refuse(&mut pool, &chain, &free).code(), "min relay fee not met");
    chain.connect(vec![free.build()]);
    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    assert_eq!(outcome.entered, [free.build().txid()]);
    check(&pool, &chain);
}

#[test]
fn a_transaction_that_is_not_standard_does_not_come_back() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    chain.connect(vec![spend(&[root(0)], 99_990_000).output(anyone(1)).build()]);
    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    assert_eq!((outcome.entered.len(), pool.len()), (0, 0));
}

#[test]
fn a_coinbase_coin_that_is_no_longer_ripe_takes_its_spend_out() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    chain.connect(Vec::new());
    // 100 blocks old in the next block, 202; one less once block 201 is gone.
    chain.coins.insert(root(0), Coin { output: anyone(100_000), height: Height::new(102), coinbase: true });
    let tx = take(&mut pool, &chain, &spend(&[root(0)], 90_000));
    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    assert_eq!(ids(&outcome.removed), [(tx.txid(), RemovalReason::Reorg)]);
}

#[test]
fn a_reorganisation_keeps_the_pool_within_its_size() {
    let (mut probe, mut chain) = (pool(), TestChain::new(2));
    let kept = take(&mut probe, &chain, &spend(&[root(0)], 99_990_000));
    let mut pool = pool_with(Policy { max_usage: probe.usage(), ..Policy::default() });
    offer(&mut pool, &chain, &kept).result.unwrap();
    chain.connect(vec![spend(&[root(1)], 99_999_000).build()]);
    let off = chain.disconnect().unwrap();
    let outcome = pool.reorganized(&[off], &[], NOW, &chain);
    check(&pool, &chain);
    assert_eq!((outcome.entered.len(), outcome.removed.len()), (0, 0), "what came back paid least");
    assert!(pool.get(&kept.txid()).is_some());
}
