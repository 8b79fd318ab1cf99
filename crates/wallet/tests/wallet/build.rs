//! Building transactions.

use cairn_mempool::{Policy, SatPerKvb};
use cairn_primitives::{Address, LockTime, Script, Sequence, TxOut};
use cairn_wallet::{
    BuildError, ChainSource, CoinStatus, FeeRate, InsufficientFunds, Method, Purpose, Speed, TxBuilder,
    dust_limit,
};

use crate::support::{COIN, FakeChain, Owner, paid_rate, rate, sat, stranger};

fn pay(amount: u64) -> TxBuilder {
    TxBuilder::new(rate(1)).pay(stranger(1), sat(amount))
}

fn refused(owner: &Owner, builder: &TxBuilder) -> BuildError {
    owner.wallet.build(builder).unwrap_err()
}

#[test]
fn a_payment_has_the_form_that_is_promised() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000]);
    let request = owner.wallet.build(&pay(40_000)).unwrap();
    let tx = owner.sign(&request);
    assert_eq!(chain.offer(&tx).unwrap(), tx.vsize());
    assert_eq!((tx.version(), tx.lock_time()), (2, LockTime::new(chain.height())));
    assert!(tx.inputs().iter().all(|input| input.sequence == Sequence::new(0xffff_fffd)));
    assert_eq!(request.fee(), Some(sat(request.vsize().unwrap())));
    assert_eq!(tx.outputs().len(), 2);
    assert_eq!(request.change().unwrap().to_sat(), 60_000 - request.fee().unwrap().to_sat());

    let request = owner.wallet.build(&pay(40_000).replaceable(false)).unwrap();
    assert!(request.tx.inputs().iter().all(|input| input.sequence == Sequence::new(0xffff_fffe)));
    assert_eq!(request.tx.lock_time(), LockTime::new(chain.height()));
}

#[test]
fn inputs_and_outputs_are_in_order() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[10_000, 20_000, 30_000, 40_000, 50_000]);
    let builder = pay(90_000).pay(stranger(2), sat(30_000)).pay(stranger(3), sat(5_000));
    let request = owner.wallet.build(&builder).unwrap();
    let ids: Vec<String> = request.tx.inputs().iter().map(|input| input.previous.txid.to_string()).collect();
    assert!(ids.len() > 2 && ids.is_sorted(), "{ids:?}");
    assert!(request.tx.outputs().iter().map(|output| output.value).is_sorted());
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn every_kind_of_account_spends_and_meets_its_rate() {
    for purpose in Purpose::ALL {
        let chain = FakeChain::new();
        let mut owner = Owner::new(3, &[purpose]);
        for _ in 0..3 {
            chain.give(&owner.wallet.new_address().unwrap(), 50_000);
        }
        owner.wallet.sync(&chain).unwrap();
        let request = owner.wallet.build(&TxBuilder::new(rate(7)).pay(stranger(1), sat(120_000))).unwrap();
        let tx = owner.sign(&request);
        chain.offer(&tx).unwrap();
        let most = request.vsize().unwrap();
        // A signature may turn out a byte shorter than was counted, in each of three inputs.
        assert!(tx.vsize() <= most && tx.vsize() + 3 >= most, "{purpose:?}: {} of {most}", tx.vsize());
        assert!(paid_rate(&request, &tx) >= rate(7), "{purpose:?}");
        if purpose == Purpose::Bip86 {
            assert_eq!(tx.vsize(), most, "Schnorr signatures have one length");
        }
    }
}

#[test]
fn the_rate_may_come_from_the_source() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000]);
    let estimates = chain.fee_estimates().unwrap();
    assert_eq!(estimates.rate(Speed::Slow), FeeRate::RELAY, "never below what nodes relay");
    let builder = TxBuilder::new(estimates.rate(Speed::Fast)).pay(stranger(1), sat(10_000));
    let request = owner.wallet.build(&builder).unwrap();
    assert_eq!(request.fee(), Some(sat(20 * request.vsize().unwrap())));
}

#[test]
fn a_rate_below_relay_is_refused() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000]);
    let at = |units| TxBuilder::new(FeeRate::from_sat_per_kvb(units)).pay(stranger(1), sat(10_000));
    assert!(owner.wallet.build(&at(1_000)).is_ok());
    let (got, limit) = (FeeRate::from_sat_per_kvb(999), FeeRate::RELAY);
    assert_eq!(refused(&owner, &at(999)), BuildError::RateTooLow { got, limit });
    assert_eq!(Policy::default().min_relay_rate.to_sat(), FeeRate::RELAY.to_sat_per_kvb());
    assert_eq!(Policy::default().incremental_rate.to_sat(), FeeRate::RELAY.to_sat_per_kvb());
}

#[test]
fn dust_is_not_sent() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000]);
    let (got, limit) = (sat(545), sat(546));
    assert_eq!(
        refused(&owner, &pay(10_000).pay(stranger(2), got)),
        BuildError::Dust { index: 1, got, limit }
    );
    chain.offer(&owner.sign(&owner.wallet.build(&pay(546)).unwrap())).unwrap();
}

#[test]
fn the_dust_limit_is_the_pools() {
    let key = cairn_primitives::Hash160::from_bytes([3; 20]);
    let forms = [
        Script::p2pkh(key),
        Script::p2sh(key),
        Script::p2wpkh(key),
        Script::p2wsh([4; 32]),
        Script::p2tr([5; 32]),
        Script::op_return(&[1, 2, 3]),
    ];
    for script_pubkey in forms {
        let output = TxOut { value: sat(0), script_pubkey: script_pubkey.clone() };
        assert_eq!(dust_limit(&script_pubkey), cairn_mempool::dust_limit(&output, SatPerKvb::new(3_000)));
    }
}

#[test]
fn nobody_and_too_much_are_refused() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000]);
    assert_eq!(refused(&owner, &TxBuilder::new(rate(1))), BuildError::NoRecipient);
    let most = 21_000_000 * COIN;
    assert!(matches!(refused(&owner, &pay(most)), BuildError::InsufficientFunds(_)));
    assert_eq!(refused(&owner, &pay(most + 1)), BuildError::TooMuch { limit: sat(most) });
    let overflow = pay(u64::MAX).pay(stranger(2), sat(u64::MAX));
    assert_eq!(refused(&owner, &overflow), BuildError::TooMuch { limit: sat(most) });
}

#[test]
fn what_is_missing_is_said_to_the_unit() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[60_000, 40_000]);
    chain.mine(&owner.wallet.next_address());
    let mut other = Owner::rich(&chain, 2, &[30_000]);
    other.send(&chain, &TxBuilder::new(rate(1)).pay(owner.wallet.next_address(), sat(7_000)));
    owner.wallet.sync(&chain).unwrap();
    // Two inputs and a P2PKH output.
    let fee = 181;
    let exactly = 100_000 - fee;
    assert!(owner.wallet.build(&pay(exactly)).is_ok());
    let expected = InsufficientFunds {
        needed: sat(100_001),
        available: sat(100_000),
        missing: sat(1),
        immature: sat(50 * COIN),
        unconfirmed: sat(7_000),
    };
    assert_eq!(refused(&owner, &pay(exactly + 1)), BuildError::InsufficientFunds(expected));
    let request = owner.wallet.build(&pay(exactly + 1).spend_unconfirmed(true)).unwrap();
    chain.offer(&owner.sign(&request)).unwrap();
}

#[test]
fn own_change_is_spent_before_it_is_confirmed() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    owner.send(&chain, &pay(10_000));
    let coins = owner.wallet.coins();
    assert_eq!((coins.len(), coins[0].status), (1, CoinStatus::OwnUnconfirmed));
    let second = owner.send(&chain, &pay(20_000));
    assert_eq!(second.inputs()[0].previous.txid, coins[0].outpoint.txid);
    let changes: Vec<Address> = owner
        .wallet
        .coins()
        .iter()
        .filter_map(|coin| Address::from_script(&coin.output.script_pubkey))
        .collect();
    assert_ne!(changes[0].script_pubkey(), coins[0].output.script_pubkey, "change gets a fresh address");
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.wallet.coins()[0].status, CoinStatus::OwnUnconfirmed);
}

#[test]
fn change_of_foreign_money_is_not_trusted() {
    let chain = FakeChain::new();
    let mut owner = Owner::segwit(1);
    let mut other = Owner::rich(&chain, 2, &[50_000]);
    other.send(&chain, &TxBuilder::new(rate(1)).pay(owner.wallet.next_address(), sat(40_000)));
    owner.wallet.sync(&chain).unwrap();
    owner.send(&chain, &pay(5_000).spend_unconfirmed(true));
    assert_eq!(owner.wallet.coins()[0].status, CoinStatus::ForeignUnconfirmed);
    assert!(matches!(refused(&owner, &pay(5_000)), BuildError::InsufficientFunds(_)));
}

#[test]
fn everything_is_sent_without_change() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[10_000, 20_000, 30_000]);
    let request = owner.wallet.build(&TxBuilder::new(rate(3)).send_rest(stranger(1))).unwrap();
    assert_eq!((request.tx.outputs().len(), request.method), (1, Some(Method::All)));
    let tx = owner.sign(&request);
    chain.offer(&tx).unwrap();
    assert!(paid_rate(&request, &tx) >= rate(3));
    owner.wallet.record_sent(&tx).unwrap();
    assert_eq!(owner.wallet.balance().total(), sat(0));

    let owner = Owner::rich(&chain, 2, &[10_000]);
    let both = pay(6_000).send_rest(stranger(2));
    let request = owner.wallet.build(&both).unwrap();
    let values: Vec<u64> = request.tx.outputs().iter().map(|output| output.value.to_sat()).collect();
    assert_eq!(values, [4_000 - request.fee().unwrap().to_sat(), 6_000]);
    let rest_is_dust = refused(&owner, &pay(10_000 - 200 - 300).send_rest(stranger(2)));
    assert!(matches!(rest_is_dust, BuildError::InsufficientFunds(_)), "{rest_is_dust}");
}

#[test]
fn the_fee_is_guarded() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[COIN]);
    // One input, a P2PKH output and change: 144 virtual bytes.
    let request = owner.wallet.build(&pay(10_000)).unwrap();
    let fee = request.fee().unwrap();
    assert!(owner.wallet.build(&pay(10_000).max_fee(fee)).is_ok());
    let limit = sat(fee.to_sat() - 1);
    assert_eq!(refused(&owner, &pay(10_000).max_fee(limit)), BuildError::FeeTooHigh { got: fee, limit });
    let per_byte = COIN / 10 / fee.to_sat();
    let dear = |units| TxBuilder::new(rate(units)).pay(stranger(1), sat(10_000));
    assert!(owner.wallet.build(&dear(per_byte)).is_ok());
    let above = refused(&owner, &dear(per_byte + 1));
    assert!(matches!(above, BuildError::FeeTooHigh { limit, .. } if limit == sat(COIN / 10)), "{above}");
}

#[test]
fn what_nodes_would_not_relay_is_not_built() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[COIN]);
    // 2,800 outputs of 34 bytes: 380,800 weight units and the rest of the transaction.
    let of = |count: usize| {
        (0..count).fold(TxBuilder::new(rate(1)), |builder, _| builder.pay(stranger(1), sat(600)))
    };
    let fits = (400_000 - 600) / (34 * 4);
    let request = owner.wallet.build(&of(fits)).unwrap();
    chain.offer(&owner.sign(&request)).unwrap();
    let error = refused(&owner, &of(fits + 5));
    assert!(matches!(error, BuildError::TooLarge { got: 400_001.., limit: 400_000 }), "{error}");
}
