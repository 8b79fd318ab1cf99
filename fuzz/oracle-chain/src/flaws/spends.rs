//! Rules of which coins may be spent.

use cairn_primitives::{OutPoint, Script, Sequence, Transaction, TxIn, Txid, Witness};

use super::{Rule, Trial, rule};
use crate::build::{Plan, with_inputs};
use crate::fill::{Maker, note};
use crate::ledger::{Id, MATURITY};
use crate::lock::Lock;
use crate::sign::{Coin, Spend, pay};

const MISSING: &str = "bad-txns-inputs-missingorspent";

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("the same coin twice in one transaction", |maker, parent| {
            let (mut plan, tx, _) = one(maker, parent)?;
            plan.txs.push(with_inputs(&tx, |inputs| inputs.push(inputs[0].clone())));
            Some(Trial::bad(&plan, "bad-txns-inputs-duplicate"))
        }),
        rule("the same coin twice in one block", |maker, parent| {
            let (mut plan, tx, coin) = one(maker, parent)?;
            plan.txs.push(tx);
            let output = pay(coin.1.value, &maker.lock(parent));
            plan.txs.push(Spend::new(vec![coin], vec![output]).sign(&mut maker.rng));
            Some(Trial::bad(&plan, MISSING))
        }),
        rule("a transaction repeated apart from itself", |maker, parent| {
            let (mut plan, tx, coin) = one(maker, parent)?;
            let outpoint = coin.0;
            let other = maker.ledger.find(&mut maker.rng, parent, |name, _| *name != outpoint)?;
            let output = pay(other.1.value, &maker.lock(parent));
            let between = Spend::new(vec![other], vec![output]).sign(&mut maker.rng);
            plan.txs.extend([tx.clone(), between, tx]);
            Some(Trial::bad(&plan, MISSING))
        }),
        rule("a coin spent in a block below", |maker, parent| {
            let (spent, _) = maker.ledger.spent_below(parent, 30)?;
            named(maker, parent, spent)
        }),
        rule("a coin of a block taken off", |maker, parent| {
            let outpoint = maker.coin_taken_off(parent, false)?;
            named(maker, parent, outpoint)
        }),
        rule("a coinbase's coin of a block taken off", |maker, parent| {
            let outpoint = maker.coin_taken_off(parent, true)?;
            named(maker, parent, outpoint)
        }),
        rule("a coin that never was", |maker, parent| {
            let outpoint = OutPoint { txid: Txid::from_bytes(maker.rng.hash()), vout: 0 };
            named(maker, parent, outpoint)
        }),
        rule("an output that its transaction has not", |maker, parent| {
            let (outpoint, _) = maker.ledger.find(&mut maker.rng, parent, |_, _| true)?;
            named(maker, parent, OutPoint { vout: 1_000, ..outpoint })
        }),
        rule("an output nobody can spend", |maker, parent| {
            let (mut plan, tx, _) = one(maker, parent)?;
            let (version, inputs, _, lock_time) = tx.into_parts();
            let tx = Transaction::new(version, inputs, vec![note(&mut maker.rng)], lock_time);
            // The signature no longer holds, but coins are looked for in all transactions before scripts run.
            plan.txs.push(missing(OutPoint { txid: tx.txid(), vout: 0 }));
            plan.txs.insert(0, tx);
            Some(Trial::bad(&plan, MISSING))
        }),
        rule("an output of a later transaction", |maker, parent| {
            let (mut plan, tx, _) = one(maker, parent)?;
            let height = maker.ledger.height(parent) + 1;
            let coins = maker.ledger.coins_of(tx.txid(), tx.outputs(), height, false);
            let output = pay(coins[0].1.value, &maker.lock(parent));
            plan.txs.push(Spend::new(coins, vec![output]).sign(&mut maker.rng));
            plan.txs.push(tx);
            Some(Trial::bad(&plan, MISSING))
        }),
        rule("a coinbase output at 99 blocks", |maker, parent| {
            aged(maker, parent, MATURITY - 1, Some("bad-txns-premature-spend-of-coinbase"))
        }),
        rule("a coinbase output at once", |maker, parent| {
            aged(maker, parent, 1, Some("bad-txns-premature-spend-of-coinbase"))
        }),
        rule("ok: a coinbase output at 100 blocks", |maker, parent| aged(maker, parent, MATURITY, None)),
    ]
}

/// A block on `parent`, and beside it a transaction that it may have, with its coin.
fn one(maker: &mut Maker, parent: Id) -> Option<(Plan, Transaction, (OutPoint, Coin))> {
    let plan = maker.plan(parent);
    let coin = maker
        .ledger
        .find(&mut maker.rng, parent, |_, coin| coin.value > 1_000 && coin.lock.sequence.is_none())?;
    // Its output can be spent at once.
    let output = pay(coin.1.value, &maker.know(Lock::p2wpkh(7)));
    let tx = Spend::new(vec![coin.clone()], vec![output]).sign(&mut maker.rng);
    Some((plan, tx, coin))
}

fn missing(previous: OutPoint) -> Transaction {
    let input =
        TxIn { previous, script_sig: Script::new(), sequence: Sequence::FINAL, witness: Witness::default() };
    let output = cairn_primitives::TxOut {
        value: cairn_primitives::Amount::ZERO,
        script_pubkey: Script::from_bytes(vec![0x51]),
    };
    Transaction::new(2, vec![input], vec![output], cairn_primitives::LockTime::ZERO)
}

/// A block with a spend of a coin that is not there.
fn named(maker: &mut Maker, parent: Id, outpoint: OutPoint) -> Option<Trial> {
    let mut plan = maker.full_plan(parent, 1);
    plan.txs.push(missing(outpoint));
    Some(Trial::bad(&plan, MISSING))
}

/// A block that spends a coinbase output `age` blocks old.
fn aged(maker: &mut Maker, parent: Id, age: u32, code: Option<&'static str>) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let (height, median) = (maker.ledger.height(parent) + 1, maker.ledger.median(parent));
    let born = height.checked_sub(age)?;
    let coins = maker.ledger.coins(parent);
    let fits = |coin: &Coin| {
        coin.coinbase && coin.height == born && coin.lock.lock_time.is_none() && coin.lock.sequence.is_none()
    };
    let (outpoint, coin) = coins.iter().find(|(_, coin)| fits(coin))?;
    let (outpoint, coin) = (*outpoint, coin.clone());
    debug_assert!(median > 0);
    let value = coin.value;
    let output = pay(value, &maker.lock(parent));
    plan.add(Spend::new(vec![(outpoint, coin)], vec![output]).sign(&mut maker.rng), value);
    Some(Trial::maybe(&plan, code))
}
