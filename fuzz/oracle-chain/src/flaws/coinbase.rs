//! Rules of the coinbase: its script, its value, its commitment to the witnesses.

use cairn_primitives::{Amount, Block, Script, TxOut, Witness};

use super::{Rule, Trial, Want, rule};
use crate::build::{Commit, Plan, height_push, mine, with_inputs, with_root};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::lock::Lock;
use crate::sign::{Spend, pay};

/// Name of the rule that is tried wherever the subsidy halves.
pub(crate) const GREEDY: &str = "coinbase takes 1 more than it may";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        rule("coinbase script of 1 byte", |maker, parent| {
            scripted(maker, parent, Some("bad-cb-length"), |plan| plan.script.truncate(1))
        }),
        rule("ok: shortest coinbase script", |maker, parent| {
            scripted(maker, parent, None, |plan| {
                plan.script = height_push(plan.height).as_bytes().to_vec();
                plan.script.resize(plan.script.len().max(2), 0);
            })
        }),
        rule("ok: coinbase script of 100 bytes", |maker, parent| {
            scripted(maker, parent, None, |plan| plan.script.resize(100, 0x51))
        }),
        rule("coinbase script of 101 bytes", |maker, parent| {
            scripted(maker, parent, Some("bad-cb-length"), |plan| plan.script.resize(101, 0x51))
        }),
        rule("coinbase names the height below", |maker, parent| {
            scripted(maker, parent, Some("bad-cb-height"), |plan| height(plan, plan.height - 1))
        }),
        rule("coinbase names the height above", |maker, parent| {
            scripted(maker, parent, Some("bad-cb-height"), |plan| height(plan, plan.height + 1))
        }),
        rule("coinbase names the height in too many bytes", |maker, parent| {
            scripted(maker, parent, Some("bad-cb-height"), |plan| {
                let bytes = plan.height.to_le_bytes();
                plan.script = [&[4], bytes.as_slice()].concat();
            })
        }),
        rule(GREEDY, |maker, parent| scripted(maker, parent, Some("bad-cb-amount"), |plan| plan.claim += 1)),
        rule("ok: coinbase takes all it may", |maker, parent| scripted(maker, parent, None, |_| ())),
        rule("ok: coinbase takes nothing", |maker, parent| {
            scripted(maker, parent, None, |plan| plan.claim = 0)
        }),
    ];
    rules.extend(commitments());
    rules
}

fn commitments() -> Vec<Rule> {
    let mut rules = vec![
        rule("a witness changed after the commitment", |maker, parent| {
            let block = witnessed(maker, parent)?.block();
            let copy = tampered(&block, |block| {
                block.transactions[2] = with_inputs(&block.transactions[2], |inputs| {
                    let mut items: Vec<Vec<u8>> = inputs[0].witness.iter().map(<[u8]>::to_vec).collect();
                    items[0][10] ^= 1;
                    inputs[0].witness = Witness::new(items);
                });
            });
            Some(Trial { block: copy, want: Want::Refuse("bad-witness-merkle-match"), twin: Some(block) })
        }),
        rule("another nonce than committed to", |maker, parent| {
            let block = witnessed(maker, parent)?.block();
            let copy = tampered(&block, |block| nonce(block, vec![vec![1; 32]]));
            Some(Trial { block: copy, want: Want::Refuse("bad-witness-merkle-match"), twin: Some(block) })
        }),
        rule("the last of two commitments is wrong", |maker, parent| {
            let mut block = witnessed(maker, parent)?.block();
            let wrong = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed], maker.rng.hash().as_slice()].concat();
            output(&mut block, wrong);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-witness-merkle-match"), twin: None })
        }),
        rule("ok: the first of two commitments is wrong", |maker, parent| {
            let mut plan = witnessed(maker, parent)?;
            let wrong = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed], maker.rng.hash().as_slice()].concat();
            plan.extra.push(TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(wrong) });
            Some(Trial::good(&plan))
        }),
        rule("ok: a commitment with bytes behind it", |maker, parent| {
            let mut block = witnessed(maker, parent)?.block();
            lengthen(&mut block, true);
            Some(Trial { block: mine(with_root(block)), want: Want::Accept, twin: None })
        }),
        rule("a commitment cut short is none", |maker, parent| {
            let mut block = witnessed(maker, parent)?.block();
            lengthen(&mut block, false);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("unexpected-witness"), twin: None })
        }),
        rule("witnesses without a commitment", |maker, parent| {
            let mut plan = witnessed(maker, parent)?;
            plan.commit = Commit::Never;
            Some(Trial::bad(&plan, "unexpected-witness"))
        }),
        rule("a coinbase witness without a commitment", |maker, parent| {
            let block = maker.plan(parent).block();
            let copy = tampered(&block, |block| nonce(block, vec![vec![0; 32]]));
            Some(Trial { block: copy, want: Want::Refuse("unexpected-witness"), twin: Some(block) })
        }),
        rule("ok: a commitment to no witness", |maker, parent| {
            scripted(maker, parent, None, |plan| plan.commit = Commit::Always)
        }),
    ];
    let sizes: [&[usize]; 6] = [&[], &[0], &[31], &[33], &[32, 32], &[32, 0]];
    for items in sizes {
        rules.push(rule(&format!("coinbase witness of {items:?} bytes"), move |maker, parent| {
            let block = witnessed(maker, parent)?.block();
            let items = items.iter().map(|size| vec![0; *size]).collect();
            let copy = tampered(&block, |block| nonce(block, items));
            Some(Trial { block: copy, want: Want::Refuse("bad-witness-nonce-size"), twin: Some(block) })
        }));
    }
    rules
}

fn scripted(
    maker: &mut Maker,
    parent: Id,
    code: Option<&'static str>,
    change: impl FnOnce(&mut Plan),
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 1_000);
    if let Some(coin) = coin {
        let value = coin.1.value;
        let output = pay(value - maker.rng.below(900) as u64, &maker.lock(parent));
        plan.add(Spend::new(vec![coin], vec![output]).sign(&mut maker.rng), value);
    }
    change(&mut plan);
    Some(Trial::maybe(&plan, code))
}

fn height(plan: &mut Plan, height: u32) {
    plan.script = height_push(height).as_bytes().to_vec();
    plan.script.extend([0x51; 8]);
}

/// A block with a commitment whose second transaction has a witness.
fn witnessed(maker: &mut Maker, parent: Id) -> Option<Plan> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 1_000)?;
    let value = coin.1.value;
    let lock = maker.know(Lock::p2wpkh(3));
    let spend = Spend::new(vec![coin], vec![pay(value, &lock)]);
    let first = spend.sign(&mut maker.rng);
    let height = maker.ledger.height(parent) + 1;
    let coins = maker.ledger.coins_of(first.txid(), first.outputs(), height, false);
    let output = pay(value, &maker.lock(parent));
    let second = Spend::new(coins, vec![output]).sign(&mut maker.rng);
    plan.add(first, value);
    plan.add(second, value);
    plan.commit = Commit::Always;
    Some(plan)
}

/// A copy changed in what the header does not cover: the proof of work stays.
fn tampered(block: &Block, change: impl FnOnce(&mut Block)) -> Block {
    let mut copy = block.clone();
    change(&mut copy);
    debug_assert_eq!(copy.merkle_root(), copy.header.merkle_root);
    copy
}

fn nonce(block: &mut Block, items: Vec<Vec<u8>>) {
    block.transactions[0] =
        with_inputs(&block.transactions[0], |inputs| inputs[0].witness = Witness::new(items));
}

fn output(block: &mut Block, script: Vec<u8>) {
    let (version, inputs, mut outputs, lock_time) = block.transactions[0].clone().into_parts();
    outputs.push(TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) });
    block.transactions[0] = cairn_primitives::Transaction::new(version, inputs, outputs, lock_time);
}

/// Makes the commitment, which is the last output, one byte longer or shorter.
fn lengthen(block: &mut Block, longer: bool) {
    let (version, inputs, mut outputs, lock_time) = block.transactions[0].clone().into_parts();
    let mut commitment = outputs.pop().expect("it commits").script_pubkey.as_bytes().to_vec();
    if longer {
        commitment.push(0x51)
    } else {
        commitment.truncate(37)
    }
    outputs.push(TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(commitment) });
    block.transactions[0] = cairn_primitives::Transaction::new(version, inputs, outputs, lock_time);
}
