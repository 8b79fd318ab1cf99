//! Double spends, and when they replace.

use cairn_mempool::{Class, MAX_REPLACED, Policy, Rejection, RemovalReason};
use cairn_primitives::Amount;

use crate::support::{TestChain, anyone, check, offer, out, pool, pool_with, refuse, root, spend, take};

const ALL: u64 = 100_000_000;

#[test]
fn a_double_spend_is_refused_unless_the_first_signals() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).sequence(0xffff_fffe));
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], ALL - 50_000));
    assert_eq!(error, Rejection::Conflict { outpoint: root(0), by: first.txid() });
    assert_eq!((error.code(), error.class()), ("txn-mempool-conflict", Class::Pool));
}

#[test]
fn a_sequence_number_below_the_last_two_signals() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).sequence(0xffff_fffd));
    assert!(pool.get(&first.txid()).unwrap().signals_replacement());
    let second = take(&mut pool, &chain, &spend(&[root(0)], ALL - 50_000));
    assert!(!pool.get(&second.txid()).unwrap().signals_replacement());
}

#[test]
fn full_replacement_needs_no_signal() {
    let policy = Policy { full_rbf: true, ..Policy::default() };
    let (mut pool, chain) = (pool_with(policy), TestChain::new(1));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 50_000));
    assert_eq!(pool.len(), 1);
}

#[test]
fn a_replacement_takes_the_place_of_all_that_rested_on_the_first() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).replaceable());
    let child = take(&mut pool, &chain, &spend(&[out(&first, 0)], ALL - 2_000));
    let outcome = offer(&mut pool, &chain, &spend(&[root(0)], ALL - 5_000).build());
    check(&pool, &chain);
    let gone: Vec<_> = outcome.removed.iter().map(|gone| (gone.tx.txid(), gone.reason)).collect();
    assert_eq!(gone, [(first.txid(), RemovalReason::Replaced), (child.txid(), RemovalReason::Replaced)]);
    assert_eq!((outcome.result.is_ok(), pool.len()), (true, 1));
}

#[test]
fn a_replacement_pays_all_that_it_removes_and_its_relay() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).replaceable());
    take(&mut pool, &chain, &spend(&[out(&first, 0)], ALL - 3_000));
    let vsize = first.vsize();
    // Rule 3: 3,000 are in the pool. Rule 4: one more for each virtual byte.
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], ALL - 2_999));
    let (got, replaced) = (Amount::from_sat(2_999), Amount::from_sat(3_000));
    assert_eq!((error, error.code()), (Rejection::ReplacementFee { got, replaced }, "insufficient fee"));
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], ALL - 3_000 - (vsize - 1)));
    let (got, limit) = (Amount::from_sat(vsize - 1), Amount::from_sat(vsize));
    assert_eq!((error, error.code()), (Rejection::ReplacementRelayFee { got, limit }, "insufficient fee"));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 3_000 - vsize));
}

#[test]
fn a_replacement_pays_a_higher_rate() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let small = spend(&[root(0)], 1).build().vsize();
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 100 * small).replaceable());
    // Larger, and so pays more for the same rate; then a single unit above it.
    let fee = 100 * spend(&[root(0), root(1)], 1).build().vsize();
    let error = refuse(&mut pool, &chain, &spend(&[root(0), root(1)], 2 * ALL - fee));
    assert_eq!(
        (error, error.code()),
        (Rejection::ReplacementFeeRate { than: first.txid() }, "insufficient fee")
    );
    take(&mut pool, &chain, &spend(&[root(0), root(1)], 2 * ALL - fee - 1));
}

#[test]
fn a_replacement_adds_no_unconfirmed_input() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let parent = take(&mut pool, &chain, &spend(&[root(1)], ALL - 10_000));
    take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).replaceable());
    let error = refuse(&mut pool, &chain, &spend(&[root(0), out(&parent, 0)], ALL));
    assert_eq!(error, Rejection::ReplacementAddsUnconfirmed { index: 1 });
    assert_eq!(error.code(), "replacement-adds-unconfirmed");
}

#[test]
fn an_unconfirmed_parent_that_the_first_had_too_is_not_added() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let mut draft = spend(&[root(0)], ALL / 2 - 10_000);
    draft.outputs.push(draft.outputs[0].clone());
    let parent = take(&mut pool, &chain, &draft);
    take(&mut pool, &chain, &spend(&[out(&parent, 0)], ALL / 2 - 20_000).replaceable());
    take(&mut pool, &chain, &spend(&[out(&parent, 0), out(&parent, 1)], ALL / 2));
    assert_eq!(pool.len(), 2);
}

#[test]
fn a_replacement_does_not_spend_what_it_replaces() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let first = take(&mut pool, &chain, &spend(&[root(0)], ALL - 1_000).replaceable());
    let error = refuse(&mut pool, &chain, &spend(&[root(0), out(&first, 0)], ALL));
    assert_eq!(error, Rejection::SpendsConflicting { conflict: first.txid() });
    assert_eq!((error.code(), error.class()), ("bad-txns-spends-conflicting-tx", Class::Invalid));
}

#[test]
fn a_replacement_removes_at_most_100_transactions() {
    // Five coins with 20 transactions each in the pool, and one with one: 100 and 101.
    let (mut pool, chain) = (pool(), TestChain::new(6));
    for index in 0..5 {
        let mut parent = spend(&[root(index)], 1);
        parent.outputs = vec![anyone(4_999_000); 20];
        let parent = take(&mut pool, &chain, &parent.replaceable());
        for vout in 0..19 {
            take(&mut pool, &chain, &spend(&[out(&parent, vout)], 4_990_000));
        }
    }
    take(&mut pool, &chain, &spend(&[root(5)], ALL - 1_000).replaceable());
    let coins: Vec<_> = (0..6).map(root).collect();
    let error = refuse(&mut pool, &chain, &spend(&coins, ALL));
    assert_eq!(error, Rejection::TooManyReplacements { got: 101, limit: MAX_REPLACED });
    assert_eq!(error.code(), "too many potential replacements");
    take(&mut pool, &chain, &spend(&coins[..5], ALL));
    assert_eq!(pool.len(), 2);
}
