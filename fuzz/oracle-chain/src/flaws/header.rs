//! Rules of headers.

use cairn_primitives::{BlockHash, CompactTarget};

use super::{Rule, Trial, Want, rule};
use crate::build::{Plan, grind};
use crate::fill::Maker;
use crate::ledger::Id;

/// How far a header may be ahead of the clock.
const MAX_FUTURE: u32 = 7_200;

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        rule("hash above the target", |maker, parent| {
            let plan = maker.full_plan(parent, 1);
            let block = grind(plan.block_without_work(), false);
            Some(Trial { block, want: Want::Refuse("high-hash"), twin: None })
        }),
        rule("harder bits than asked for", |maker, parent| {
            header(maker, parent, Some("bad-diffbits"), |plan, _| plan.bits = 0x207f_fffe)
        }),
        rule("much harder bits than asked for", |maker, parent| {
            header(maker, parent, Some("bad-diffbits"), |plan, _| plan.bits = 0x2000_ffff)
        }),
        rule("unknown parent", |maker, parent| {
            let prev = BlockHash::from_bytes(maker.rng.hash());
            header(maker, parent, Some("prev-blk-not-found"), |plan, _| plan.prev = prev)
        }),
        rule("time at the median", |maker, parent| {
            header(maker, parent, Some("time-too-old"), |plan, median| plan.time = median)
        }),
        rule("time long before the median", |maker, parent| {
            header(maker, parent, Some("time-too-old"), |plan, median| plan.time = median - 100_000)
        }),
        rule("ok: time one after the median", |maker, parent| {
            header(maker, parent, None, |plan, median| plan.time = median + 1)
        }),
    ];
    for (name, ahead, code) in [
        ("time over two hours ahead", MAX_FUTURE + 1, Some("time-too-new")),
        ("time a year ahead", 365 * 86_400, Some("time-too-new")),
        ("ok: time two hours ahead", MAX_FUTURE, None),
    ] {
        let timed = rule(name, move |maker, parent| {
            let time = maker.now + ahead;
            header(maker, parent, code, |plan, _| plan.time = time)
        });
        rules.push(Rule { clock: true, ..timed });
    }
    for bits in [0, 0x2080_0000, 0x2100_ffff, 0xff12_3456, 0x0480_0001, 0x0123_4567] {
        rules.push(rule("bits that are no target here", move |maker, parent| {
            let mut block = maker.plan(parent).block();
            block.header.bits = CompactTarget::from_bits(bits);
            Some(Trial { block, want: Want::Refuse("high-hash"), twin: None })
        }));
    }
    for version in [i32::MIN, -1, 0, 1, 2, 3] {
        rules.push(rule(&format!("version {version}"), move |maker, parent| {
            header(maker, parent, Some("bad-version"), |plan, _| plan.version = version)
        }));
    }
    for version in [4, i32::MAX] {
        rules.push(rule(&format!("ok: version {version}"), move |maker, parent| {
            header(maker, parent, None, |plan, _| plan.version = version)
        }));
    }
    rules
}

/// A block with another header; `change` is given the median time below it.
fn header(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    change: impl FnOnce(&mut Plan, u32),
) -> Option<Trial> {
    let median = maker.ledger.median(parent);
    let mut plan = maker.full_plan(parent, 2);
    change(&mut plan, median);
    Some(Trial::maybe(&plan, code))
}
