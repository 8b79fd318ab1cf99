//! Rules of a block's own form: merkle tree, coinbase, empty transactions.

use cairn_primitives::{
    Amount, LockTime, MerkleRoot, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Witness,
};

use super::{Rule, Trial, Want, rule};
use crate::build::{mine, with_inputs, with_root};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::lock::{Lock, Wrap};
use crate::sign::{Spend, pay};

pub(super) fn rules() -> Vec<Rule> {
    [trees(), coinbases(), transactions()].into_iter().flatten().collect()
}

fn trees() -> Vec<Rule> {
    vec![
        rule("another merkle root", |maker, parent| {
            let mut block = maker.full_plan(parent, 3).block();
            block.header.merkle_root = MerkleRoot::from_bytes(maker.rng.hash());
            Some(Trial { block: mine(block), want: Want::Refuse("bad-txnmrklroot"), twin: None })
        }),
        rule("a transaction left out", |maker, parent| {
            damaged(maker, parent, "bad-txnmrklroot", |txs| {
                txs.pop();
            })
        }),
        rule("two transactions in the wrong order", |maker, parent| {
            damaged(maker, parent, "bad-txnmrklroot", |txs| txs.swap(1, 2))
        }),
        rule("last transaction repeated", |maker, parent| {
            damaged(maker, parent, "bad-txns-duplicate", |txs| txs.extend(txs.last().cloned()))
        }),
        rule("last two transactions repeated", |maker, parent| {
            let block = chained(maker, parent, 5)?;
            let mut copy = block.clone();
            let tail = copy.transactions[4..].to_vec();
            copy.transactions.extend(tail);
            Some(Trial { block: copy, want: Want::Refuse("bad-txns-duplicate"), twin: Some(block) })
        }),
    ]
}

fn coinbases() -> Vec<Rule> {
    vec![
        rule("no transactions", |maker, parent| {
            let mut block = maker.plan(parent).block();
            block.transactions.clear();
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-blk-length"), twin: None })
        }),
        rule("no coinbase", |maker, parent| {
            let mut block = chained(maker, parent, 2)?;
            block.transactions.remove(0);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-cb-missing"), twin: None })
        }),
        rule("coinbase not first", |maker, parent| {
            let mut block = chained(maker, parent, 2)?;
            block.transactions.swap(0, 1);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-cb-missing"), twin: None })
        }),
        rule("two coinbases", |maker, parent| {
            let mut block = maker.full_plan(parent, 1).block();
            let other = maker.plan(parent).block().transactions.remove(0);
            block.transactions.push(other);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-cb-multiple"), twin: None })
        }),
    ]
}

fn transactions() -> Vec<Rule> {
    vec![
        rule("a transaction of 64 bytes and no coinbase", |maker, parent| {
            let mut block = sixty_four(maker, parent)?;
            block.transactions.remove(0);
            let block = mine(with_root(block));
            Some(Trial { block, want: Want::Refuse("bad-cb-missing"), twin: None })
        }),
        rule("ok: a transaction of 64 bytes", |maker, parent| {
            let block = sixty_four(maker, parent)?;
            Some(Trial { block, want: Want::Accept, twin: None })
        }),
        rule("a transaction of nothing", |maker, parent| {
            let mut plan = maker.plan(parent);
            plan.txs.push(Transaction::new(2, Vec::new(), Vec::new(), LockTime::ZERO));
            Some(Trial::bad(&plan, "bad-txns-vin-empty"))
        }),
        rule("a transaction without outputs", |maker, parent| {
            let mut plan = maker.plan(parent);
            let coin = maker.ledger.find(&mut maker.rng, parent, |_, _| true)?;
            plan.txs.push(Spend::new(vec![coin], Vec::new()).sign(&mut maker.rng));
            Some(Trial::bad(&plan, "bad-txns-vout-empty"))
        }),
        rule("an input that names no coin", |maker, parent| {
            let mut plan = maker.plan(parent);
            let coin = maker.ledger.find(&mut maker.rng, parent, |_, _| true)?;
            let output = pay(coin.1.value, &maker.lock(parent));
            let tx = Spend::new(vec![coin], vec![output]).sign(&mut maker.rng);
            plan.txs.push(with_inputs(&tx, |inputs| {
                inputs.push(TxIn {
                    previous: OutPoint::NULL,
                    script_sig: Script::new(),
                    sequence: Sequence::FINAL,
                    witness: Witness::default(),
                });
            }));
            Some(Trial::bad(&plan, "bad-txns-prevout-null"))
        }),
    ]
}

/// A block of three transactions of which a damaged copy comes first: its header stays good.
fn damaged(
    maker: &mut Maker,
    parent: Id,
    code: &'static str,
    change: impl FnOnce(&mut Vec<Transaction>),
) -> Option<Trial> {
    let block = chained(maker, parent, 2)?;
    let mut copy = block.clone();
    change(&mut copy.transactions);
    Some(Trial { block: copy, want: Want::Refuse(code), twin: Some(block) })
}

/// A block with a coinbase and `count` transactions, each of which spends the one before.
fn chained(maker: &mut Maker, parent: Id, count: usize) -> Option<cairn_primitives::Block> {
    let mut plan = maker.plan(parent);
    let mut coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 1_000)?;
    for _ in 0..count {
        let number = maker.rng.below(24);
        let lock = maker.know(Lock::p2wpkh(number));
        let output = pay(coin.1.value - 10, &lock);
        let spend = Spend::new(vec![coin.clone()], vec![output]);
        let tx = spend.sign(&mut maker.rng);
        let height = maker.ledger.height(parent) + 1;
        coin = maker.ledger.coins_of(tx.txid(), tx.outputs(), height, false).remove(0);
        plan.add(tx, spend.value());
    }
    Some(plan.block())
}

/// A block whose third transaction has 64 bytes, as long as two nodes of the merkle tree.
fn sixty_four(maker: &mut Maker, parent: Id) -> Option<cairn_primitives::Block> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, _| true)?;
    let anyone = maker.know(Lock::new(Wrap::Bare, vec![0x51], Vec::new()));
    let value = coin.1.value;
    let spend = Spend::new(vec![coin], vec![pay(value, &anyone)]);
    let tx = spend.sign(&mut maker.rng);
    let height = maker.ledger.height(parent) + 1;
    let coins = maker.ledger.coins_of(tx.txid(), tx.outputs(), height, false);
    plan.add(tx, value);
    let script_pubkey = Script::from_bytes(vec![0x51, 0x61, 0x61, 0x61]);
    let output = TxOut { value: Amount::from_sat(value), script_pubkey };
    let tx = Spend::new(coins, vec![output]).sign(&mut maker.rng);
    debug_assert_eq!(tx.base_size(), 64);
    plan.add(tx, value);
    Some(plan.block())
}
