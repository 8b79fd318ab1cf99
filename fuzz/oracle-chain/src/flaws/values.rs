//! Rules of amounts.

use cairn_primitives::{Amount, TxOut};

use super::{Rule, Trial, rule};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::sign::{Spend, pay};

/// 21 million coins.
const MAX_MONEY: u64 = 2_100_000_000_000_000;

pub(super) fn rules() -> Vec<Rule> {
    let cases: [(&str, &str, &[u64]); 7] = [
        ("a negative value", "bad-txns-vout-negative", &[1 << 63]),
        ("a value of minus one", "bad-txns-vout-negative", &[u64::MAX]),
        ("a value above the money limit", "bad-txns-vout-toolarge", &[MAX_MONEY + 1]),
        ("the largest value there is", "bad-txns-vout-toolarge", &[(1 << 63) - 1]),
        ("values together above the limit", "bad-txns-txouttotal-toolarge", &[MAX_MONEY, 1]),
        ("a value at the money limit that is not there", "bad-txns-in-belowout", &[MAX_MONEY]),
        ("values together at the limit that are not there", "bad-txns-in-belowout", &[MAX_MONEY - 1, 1]),
    ];
    let mut rules: Vec<Rule> = cases
        .into_iter()
        .map(|(name, code, values)| {
            rule(name, move |maker, parent| spend(maker, parent, Some(code), |_| values.to_vec()))
        })
        .collect();
    rules.push(rule("more out than in by 1", |maker, parent| {
        spend(maker, parent, Some("bad-txns-in-belowout"), |value| vec![value / 2, value - value / 2 + 1])
    }));
    rules.push(rule("ok: as much out as in", |maker, parent| {
        spend(maker, parent, None, |value| vec![value / 2, value - value / 2])
    }));
    rules.push(rule("ok: all to the fee", |maker, parent| spend(maker, parent, None, |_| vec![0])));
    rules.push(rule("a coinbase output above the money limit", |maker, parent| {
        let mut plan = maker.plan(parent);
        let lock = maker.lock(parent);
        plan.extra
            .push(TxOut { value: Amount::from_sat(MAX_MONEY + 1), script_pubkey: lock.script_pubkey() });
        Some(Trial::bad(&plan, "bad-txns-vout-toolarge"))
    }));
    rules.push(rule("a fee taken twice", |maker, parent| {
        let mut plan = maker.plan(parent);
        let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 10)?;
        let value = coin.1.value;
        let output = pay(value - 7, &maker.lock(parent));
        plan.add(Spend::new(vec![coin], vec![output]).sign(&mut maker.rng), value);
        plan.claim += 7;
        Some(Trial::bad(&plan, "bad-cb-amount"))
    }));
    rules
}

/// A block with one spend, whose outputs have the values that `values` gives for its coin's.
fn spend(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    values: impl FnOnce(u64) -> Vec<u64>,
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 10)?;
    let value = coin.1.value;
    let outputs: Vec<TxOut> =
        values(value).into_iter().map(|value| pay(value, &maker.lock(parent))).collect();
    let tx = Spend::new(vec![coin], outputs).sign(&mut maker.rng);
    match code {
        Some(_) => plan.txs.push(tx),
        None => plan.add(tx, value),
    }
    Some(Trial::maybe(&plan, code))
}
