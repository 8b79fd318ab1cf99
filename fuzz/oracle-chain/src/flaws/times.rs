//! Rules of lock times: absolute (BIP113) and relative (BIP68).

use cairn_primitives::OutPoint;

use super::{Rule, Trial, rule};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::lock::UNITS_512S;
use crate::sign::{Coin, Spend, pay};

/// Coins looked at until one is of the right age.
const TRIES: usize = 100;

const NONFINAL: Option<&str> = Some("bad-txns-nonfinal");

/// The bit that switches a relative lock off.
const OFF: u32 = 1 << 31;

/// The largest sequence number that leaves lock times on.
const NOT_FINAL: u32 = u32::MAX - 1;

pub(super) fn rules() -> Vec<Rule> {
    let absolute = |name, code, lock: fn(u32, u32) -> u32, sequence| {
        rule(name, move |maker: &mut Maker, parent| {
            let (height, median) = (maker.ledger.height(parent) + 1, maker.ledger.median(parent));
            locked(maker, parent, code, |spend, _| {
                spend.lock_time = lock(height, median);
                spend.sequences = vec![sequence];
            })
        })
    };
    let relative = |name, code, version, add, flag| {
        rule(name, move |maker: &mut Maker, parent| blocks(maker, parent, code, version, add, flag))
    };
    let timed = |name, code, version, add, flag| {
        rule(name, move |maker: &mut Maker, parent| seconds(maker, parent, code, version, add, flag))
    };
    vec![
        absolute("lock time at the height", NONFINAL, |height, _| height, NOT_FINAL),
        absolute("ok: lock time below the height", None, |height, _| height - 1, NOT_FINAL),
        absolute("ok: lock time at the height, all final", None, |height, _| height, u32::MAX),
        absolute("lock time at the median", NONFINAL, |_, median| median, NOT_FINAL),
        absolute("ok: lock time below the median", None, |_, median| median - 1, 0x8000_0000),
        absolute("the highest height", NONFINAL, |_, _| 499_999_999, OFF),
        absolute("ok: the lowest time", None, |_, _| 500_000_000, NOT_FINAL),
        absolute("the latest time", NONFINAL, |_, _| u32::MAX, NOT_FINAL),
        relative("one block too young", NONFINAL, 2, 1, 0),
        relative("ok: just old enough in blocks", None, 2, 0, 0),
        relative("ok: too young in blocks, version 1", None, 1, 1, 0),
        relative("ok: too young in blocks, version 0", None, 0, 1, 0),
        relative("too young in blocks, version -1", NONFINAL, -1, 1, 0),
        relative("too young in blocks, version 3", NONFINAL, 3, 1, 0),
        relative("ok: too young in blocks, switched off", None, 2, 1, OFF),
        relative("ok: unused bits of a relative lock", None, 2, 0, 0x7fbf_0000),
        relative("65,535 blocks", NONFINAL, 2, 65_535, 0),
        timed("512 seconds too young", NONFINAL, 2, 1, 0),
        timed("ok: just old enough in seconds", None, 2, 0, 0),
        timed("ok: too young in seconds, version 1", None, 1, 1, 0),
        timed("ok: too young in seconds, switched off", None, 2, 1, OFF),
        rule("the age of a coin of the same block", |maker, parent| young(maker, parent, 1, NONFINAL)),
        rule("ok: no age, a coin of the same block", |maker, parent| young(maker, parent, 0, None)),
        rule("512 seconds, a coin of the same block", |maker, parent| {
            young(maker, parent, UNITS_512S | 0xffff, NONFINAL)
        }),
    ]
}

/// A coin whose script says nothing about time.
fn plain(coin: &Coin) -> bool {
    coin.lock.sequence.is_none() && coin.lock.lock_time.is_none()
}

/// A block with one spend, changed before it is signed.
fn locked(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    change: impl FnOnce(&mut Spend, &Coin),
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| plain(coin) && coin.value > 10)?;
    let output = pay(coin.1.value, &maker.lock(parent));
    let mut spend = Spend::new(vec![coin.clone()], vec![output]);
    change(&mut spend, &coin.1);
    plan.add(spend.sign(&mut maker.rng), coin.1.value);
    Some(Trial::maybe(&plan, code))
}

fn blocks(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    version: i32,
    add: u32,
    flag: u32,
) -> Option<Trial> {
    let height = maker.ledger.height(parent) + 1;
    locked(maker, parent, code, |spend, coin| {
        spend.version = version;
        spend.sequences = vec![(height - coin.height + add).min(0xffff) | flag];
    })
}

/// A coin and its age in units of 512 seconds, which would be another if it counted from the block above or below.
fn borderline(maker: &mut Maker, parent: Id) -> Option<((OutPoint, Coin), u32)> {
    let median = maker.ledger.median(parent);
    let wanted = |_: &OutPoint, coin: &Coin| plain(coin) && coin.value > 10 && coin.height > 1;
    let coin = maker.ledger.find(&mut maker.rng, parent, wanted)?;
    let born = coin.1.height;
    let age = |height| median.saturating_sub(maker.ledger.median_at(parent, height)) >> 9;
    let units = age(born - 1);
    (units != age(born) && units != age(born - 2)).then_some((coin, units))
}

fn seconds(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    version: i32,
    add: u32,
    flag: u32,
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let (coin, units) = (0..TRIES).find_map(|_| borderline(maker, parent))?;
    let output = pay(coin.1.value, &maker.lock(parent));
    let mut spend = Spend::new(vec![coin.clone()], vec![output]);
    spend.version = version;
    spend.sequences = vec![(units + add) | UNITS_512S | flag];
    plan.add(spend.sign(&mut maker.rng), coin.1.value);
    (units + add <= 0xffff).then(|| Trial::maybe(&plan, code))
}

/// A block in which a coin is made and spent by an input with this sequence number.
fn young(maker: &mut Maker, parent: Id, sequence: u32, code: Option<&'static str>) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 10)?;
    let value = coin.1.value;
    let lock = maker.know(crate::lock::Lock::p2pkh(5));
    let first = Spend::new(vec![coin], vec![pay(value, &lock)]).sign(&mut maker.rng);
    let height = maker.ledger.height(parent) + 1;
    let coins = maker.ledger.coins_of(first.txid(), first.outputs(), height, false);
    let output = pay(value, &maker.lock(parent));
    let mut second = Spend::new(coins, vec![output]);
    second.sequences = vec![sequence];
    plan.add(first, value);
    plan.add(second.sign(&mut maker.rng), value);
    Some(Trial::maybe(&plan, code))
}
