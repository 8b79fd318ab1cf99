//! Paying more for a transaction that waits.

use cairn_primitives::Txid;
use cairn_wallet::{Branch, BuildError, BumpError, FeeRate, TxBuilder};

use crate::support::{FakeChain, Owner, paid_rate, rate, sat, stranger};

fn pay(amount: u64) -> TxBuilder {
    TxBuilder::new(rate(2)).pay(stranger(1), sat(amount))
}

#[test]
fn the_difference_comes_out_of_the_change() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &pay(40_000));
    let request = owner.wallet.bump_fee(&old.txid(), rate(10)).unwrap();
    let new = owner.sign(&request);
    assert_eq!(new.inputs()[0].previous, old.inputs()[0].previous);
    assert!(new.outputs().iter().any(|output| output.value == sat(40_000)));
    assert_eq!(new.outputs().len(), 2);
    assert!(paid_rate(&request, &new) >= rate(10));
    chain.offer(&new).unwrap();
    assert!(!chain.pool_has(&old.txid()) && chain.pool_has(&new.txid()));

    assert!(owner.wallet.record_sent(&new).unwrap());
    assert!(owner.wallet.transaction(&old.txid()).is_none(), "what was replaced is forgotten");
    assert_eq!(owner.wallet.balance().unconfirmed, request.change().unwrap());
    let report = owner.wallet.sync(&chain).unwrap();
    assert_eq!((report.new, report.moved, report.vanished), (vec![], vec![], vec![]));
    // And once more.
    let request = owner.wallet.bump_fee(&new.txid(), rate(20)).unwrap();
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn the_least_rate_that_replaces_is_accepted_and_one_less_is_refused() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &pay(40_000));
    let Err(BumpError::RateTooLow { limit, .. }) = owner.wallet.bump_fee(&old.txid(), FeeRate::ZERO) else {
        panic!("no fee replaces nothing");
    };
    let below = FeeRate::from_sat_per_kvb(limit.to_sat_per_kvb() - 1);
    let error = owner.wallet.bump_fee(&old.txid(), below).unwrap_err();
    assert_eq!(error, BumpError::RateTooLow { got: below, limit });
    let request = owner.wallet.bump_fee(&old.txid(), limit).unwrap();
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn change_that_would_be_dust_is_dropped() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &pay(98_000));
    assert_eq!(old.outputs().len(), 2);
    // 2,000 are left in all: 113 virtual bytes without change, 144 with it.
    let request = owner.wallet.bump_fee(&old.txid(), rate(15)).unwrap();
    assert_eq!((request.tx.outputs().len(), request.fee()), (1, Some(sat(2_000))));
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn coins_are_added_where_the_change_is_not_enough() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &pay(98_000));
    let error = owner.wallet.bump_fee(&old.txid(), rate(50)).unwrap_err();
    let BumpError::Build(BuildError::InsufficientFunds(short)) = error else { panic!("{error}") };
    assert_eq!((short.available, short.needed), (sat(100_000), sat(98_000 + 50 * 113)));
    // An unconfirmed coin is not added (BIP125 rule 2), a confirmed one is.
    let mut other = Owner::rich(&chain, 2, &[50_000]);
    other.send(&chain, &TxBuilder::new(rate(1)).pay(owner.wallet.next_address(), sat(40_000)));
    owner.wallet.sync(&chain).unwrap();
    assert!(owner.wallet.bump_fee(&old.txid(), rate(50)).is_err());
    chain.give(&owner.wallet.next_address(), 30_000);
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.bump_fee(&old.txid(), rate(50)).unwrap();
    assert_eq!(request.tx.inputs().len(), 2);
    let new = owner.sign(&request);
    chain.offer(&new).unwrap();
    assert!(!chain.pool_has(&old.txid()));
}

#[test]
fn a_payment_without_change_takes_a_coin_for_its_fee() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &TxBuilder::new(rate(2)).send_rest(stranger(1)));
    chain.give(&owner.wallet.next_address(), 30_000);
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.bump_fee(&old.txid(), rate(4)).unwrap();
    assert_eq!(request.tx.inputs().len(), 2);
    assert!(request.tx.outputs().contains(&old.outputs()[0]), "the recipient gets the same");
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn only_an_own_waiting_replaceable_transaction_is_replaced() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000, 50_000]);
    let txid = Txid::from_bytes([1; 32]);
    assert_eq!(owner.wallet.bump_fee(&txid, rate(9)), Err(BumpError::Unknown { txid }));
    let txid = owner.wallet.history()[0].txid;
    assert_eq!(owner.wallet.bump_fee(&txid, rate(9)), Err(BumpError::Confirmed { txid }));

    let txid = owner.send(&chain, &pay(90_000).replaceable(false)).txid();
    assert_eq!(owner.wallet.bump_fee(&txid, rate(9)), Err(BumpError::NotReplaceable { txid }));

    let mut other = Owner::rich(&chain, 2, &[70_000]);
    let txid = other.send(&chain, &pay(10_000).pay(owner.wallet.next_address(), sat(9_000))).txid();
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.wallet.bump_fee(&txid, rate(9)), Err(BumpError::NotOwn { txid, index: 0 }));

    let child = other.send(&chain, &pay(20_000)).txid();
    assert_eq!(other.wallet.bump_fee(&txid, rate(9)), Err(BumpError::Spent { txid, child }));
}

#[test]
fn the_fee_of_a_replacement_is_guarded() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let old = owner.send(&chain, &pay(40_000));
    let fee = owner.wallet.bump_fee(&old.txid(), rate(10)).unwrap().fee().unwrap();
    assert!(owner.wallet.bump_fee_within(&old.txid(), rate(10), fee).is_ok());
    let limit = sat(fee.to_sat() - 1);
    let error = owner.wallet.bump_fee_within(&old.txid(), rate(10), limit).unwrap_err();
    assert_eq!(error, BumpError::Build(BuildError::FeeTooHigh { got: fee, limit }));
}

#[test]
fn a_smaller_replacement_pays_the_old_fee_and_its_own_relay() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    let own = owner.secrets[0].to_public().unwrap().address(Branch::Change, 5).unwrap();
    let old = owner.send(&chain, &TxBuilder::new(rate(2)).pay(own, sat(40_000)));
    // Both outputs are change; one takes their place: 141 virtual bytes become 110.
    let request = owner.wallet.bump_fee(&old.txid(), FeeRate::from_sat_per_kvb(3_100)).unwrap();
    assert_eq!((request.tx.outputs().len(), request.fee()), (1, Some(sat(2 * 141 + 110))));
    chain.offer(&owner.sign(&request)).unwrap();
}
