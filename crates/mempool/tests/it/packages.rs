//! Chains of unconfirmed transactions: their limits, and their order for a block.

use cairn_mempool::{Class, Mempool, Policy, Rejection};
use cairn_primitives::{Transaction, Txid};

use crate::support::{Draft, TestChain, anyone, out, pool, pool_with, refuse, root, spend, take};

const FEE: u64 = 20_000;

/// `count` transactions, each spending the one before.
fn line(pool: &mut Mempool, chain: &TestChain, count: u64) -> Vec<Transaction> {
    let mut txs: Vec<Transaction> = Vec::new();
    for depth in 1..=count {
        let coin = txs.last().map_or(root(0), |last| out(last, 0));
        txs.push(take(pool, chain, &spend(&[coin], 100_000_000 - depth * FEE)));
    }
    txs
}

#[test]
fn a_line_has_at_most_25_transactions() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let txs = line(&mut pool, &chain, 25);
    assert_eq!(pool.get(&txs[24].txid()).unwrap().ancestors().count, 25);
    let error = refuse(&mut pool, &chain, &spend(&[out(&txs[24], 0)], 90_000_000));
    assert_eq!(error, Rejection::AncestorCount { got: 26, limit: 25 });
    assert_eq!((error.code(), error.class()), ("too-long-mempool-chain", Class::Pool));
}

/// A transaction with `count` outputs to spend.
fn fan(pool: &mut Mempool, chain: &TestChain, count: usize) -> Transaction {
    let mut draft = spend(&[root(0)], 1_000_000);
    draft.outputs = vec![anyone(1_000_000); count];
    take(pool, chain, &draft)
}

/// A pool with a transaction that has 25 descendants, itself included, and outputs to spare from the 24th on.
fn full_fan() -> (Mempool, TestChain, Transaction) {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let parent = fan(&mut pool, &chain, 28);
    for vout in 0..24 {
        take(&mut pool, &chain, &spend(&[out(&parent, vout)], 900_000));
    }
    assert_eq!(pool.get(&parent.txid()).unwrap().descendants().count, 25);
    (pool, chain, parent)
}

#[test]
fn a_transaction_has_at_most_25_descendants_itself_included() {
    let (mut pool, chain, parent) = full_fan();
    let other = take(&mut pool, &chain, &spend(&[root(1)], 99_000_000));
    let refused = Rejection::DescendantCount { ancestor: parent.txid(), got: 26, limit: 25 };
    // One more would rest on two transactions, on a child, or be too large.
    let two = spend(&[out(&parent, 24), out(&other, 0)], 900_000);
    assert_eq!(refuse(&mut pool, &chain, &two), refused);
    let child = pool.spender(&out(&parent, 0)).unwrap();
    let below = spend(&[cairn_primitives::OutPoint { txid: child, vout: 0 }], 800_000);
    assert_eq!(refuse(&mut pool, &chain, &below), refused);
    let large = spend(&[out(&parent, 24)], 600_000).sized(10_001);
    assert_eq!(refuse(&mut pool, &chain, &large), refused);
}

#[test]
fn one_small_child_more_is_let_in() {
    let (mut pool, chain, parent) = full_fan();
    let extra = take(&mut pool, &chain, &spend(&[out(&parent, 24)], 600_000).sized(10_000).replaceable());
    assert_eq!((extra.vsize(), pool.get(&parent.txid()).unwrap().descendants().count), (10_000, 26));
    let error = refuse(&mut pool, &chain, &spend(&[out(&parent, 25)], 900_000));
    assert_eq!(error, Rejection::DescendantCount { ancestor: parent.txid(), got: 27, limit: 25 });
    // It can be replaced where it stands.
    take(&mut pool, &chain, &spend(&[out(&parent, 24)], 500_000));
    assert_eq!(pool.get(&parent.txid()).unwrap().descendants().count, 26);
}

#[test]
fn one_small_child_more_may_pass_the_size_of_descendants() {
    let small = spend(&[root(0)], 1).build().vsize();
    let mut parent = spend(&[root(0)], 1_000_000);
    parent.outputs = vec![anyone(40_000_000); 2];
    let policy = Policy { max_descendant_vsize: parent.build().vsize() + small, ..Policy::default() };
    let limit = policy.max_descendant_vsize;
    let (mut pool, chain) = (pool_with(policy), TestChain::new(1));
    let parent = take(&mut pool, &chain, &parent);
    take(&mut pool, &chain, &spend(&[out(&parent, 0)], 39_000_000));
    let child = |size: usize| spend(&[out(&parent, 1)], 10_000_000).sized(size);
    let error = refuse(&mut pool, &chain, &child(10_001));
    assert_eq!(error, Rejection::DescendantSize { ancestor: parent.txid(), got: limit + 10_001, limit });
    take(&mut pool, &chain, &child(10_000));
}

#[test]
fn ancestors_and_descendants_have_at_most_their_virtual_bytes() {
    let got = 4 * spend(&[root(0)], 1).build().vsize();
    let by_ancestors = |limit| Policy { max_ancestor_vsize: limit, ..Policy::default() };
    let by_descendants = |limit| Policy { max_descendant_vsize: limit, ..Policy::default() };
    for policy in [by_ancestors(got), by_descendants(got)] {
        let (mut pool, chain) = (pool_with(policy), TestChain::new(1));
        line(&mut pool, &chain, 4);
    }
    let limit = got - 1;
    let refused = |policy| {
        let (mut pool, chain) = (pool_with(policy), TestChain::new(1));
        let txs = line(&mut pool, &chain, 3);
        (txs[0].txid(), refuse(&mut pool, &chain, &spend(&[out(&txs[2], 0)], 90_000_000)))
    };
    let (_, error) = refused(by_ancestors(limit));
    assert_eq!((error, error.code()), (Rejection::AncestorSize { got, limit }, "too-long-mempool-chain"));
    let (ancestor, error) = refused(by_descendants(limit));
    assert_eq!(error, Rejection::DescendantSize { ancestor, got, limit });
    assert_eq!(error.code(), "too-long-mempool-chain");
}

#[test]
fn the_default_package_size_is_101_kvb() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], 80_000_000).padded(99_900));
    let size = usize::try_from(101_000 - parent.vsize()).unwrap();
    let child = |size: usize| spend(&[out(&parent, 0)], 79_000_000).padded(size);
    assert_eq!(refuse(&mut pool, &chain, &child(size + 1)).code(), "too-long-mempool-chain");
    take(&mut pool, &chain, &child(size - 31));
}

#[test]
fn a_replacement_counts_what_it_frees() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let parent = fan(&mut pool, &chain, 24);
    for vout in 0..24 {
        take(&mut pool, &chain, &spend(&[out(&parent, vout)], 900_000).replaceable());
    }
    take(&mut pool, &chain, &spend(&[out(&parent, 0)], 800_000));
    assert_eq!(pool.get(&parent.txid()).unwrap().descendants().count, 25);
}

fn order(pool: &Mempool) -> Vec<Txid> {
    pool.candidates().map(|entry| entry.txid()).collect()
}

/// A spend of `coin`, worth `value`, at a fee.
fn paying(coin: cairn_primitives::OutPoint, value: u64, fee: u64) -> Draft {
    spend(&[coin], value - fee)
}

#[test]
fn candidates_come_by_the_rate_of_their_packages() {
    let (mut pool, chain) = (pool(), TestChain::new(3));
    let all = 100_000_000;
    // A poor parent with a rich child pays (100 + 9,900) / 2 a piece, more than the middle one, less than the best.
    let middle = take(&mut pool, &chain, &paying(root(1), all, 4_000));
    let poor = take(&mut pool, &chain, &paying(root(0), all, 100));
    let rich = take(&mut pool, &chain, &paying(out(&poor, 0), all - 100, 9_900));
    let best = take(&mut pool, &chain, &paying(root(2), all, 6_000));
    let expected = [&best, &poor, &rich, &middle].map(Transaction::txid);
    assert_eq!(order(&pool), expected);
}

#[test]
fn a_child_is_ranked_anew_once_its_parent_is_in() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let mut draft = spend(&[root(0)], 1_000_000);
    draft.outputs = vec![anyone(49_999_900); 2];
    let parent = take(&mut pool, &chain, &draft);
    let second = take(&mut pool, &chain, &paying(out(&parent, 1), 49_999_900, 6_000));
    let first = take(&mut pool, &chain, &paying(out(&parent, 0), 49_999_900, 20_000));
    let other = take(&mut pool, &chain, &paying(root(1), 100_000_000, 4_000));
    // With the parent the second child pays less than the other; the first child brings the parent in.
    assert_eq!(order(&pool), [&parent, &first, &second, &other].map(Transaction::txid));
}

#[test]
fn a_child_does_not_gain_from_a_parent_that_pays_more() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let all = 100_000_000;
    let parent = take(&mut pool, &chain, &paying(root(0), all, 9_000));
    let child = take(&mut pool, &chain, &paying(out(&parent, 0), all - 9_000, 1_000));
    let other = take(&mut pool, &chain, &paying(root(1), all, 3_000));
    // Together parent and child pay 5,000 a piece; alone the child pays 1,000, less than the other.
    assert_eq!(order(&pool), [&parent, &other, &child].map(Transaction::txid));
}
