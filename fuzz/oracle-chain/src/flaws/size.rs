//! Limits of a block's size, weight and signature operations, to the unit.

use cairn_consensus::sigop_cost;
use cairn_primitives::op::{OP_CHECKMULTISIG, OP_CHECKSIG, OP_RETURN};
use cairn_primitives::{Amount, Coin as SpentCoin, Height, Script, Transaction, TxOut, Witness};
use cairn_script::ScriptFlags;

use super::{Rule, Trial, rule};
use crate::build::{Commit, Plan, with_inputs};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::lock::{Lock, Wrap};
use crate::sign::{Spend, pay};

const MAX_WEIGHT: usize = 4_000_000;
const MAX_BASE: usize = MAX_WEIGHT / 4;
const MAX_SIGOP_COST: u64 = 80_000;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("ok: weight at the limit", |maker, parent| weighed(maker, parent, MAX_WEIGHT, None)),
        rule("weight 1 over the limit", |maker, parent| {
            weighed(maker, parent, MAX_WEIGHT + 1, Some("bad-blk-weight"))
        }),
        rule("ok: size at the limit, no witness", |maker, parent| sized(maker, parent, MAX_BASE, None)),
        rule("size 1 over the limit, no witness", |maker, parent| {
            sized(maker, parent, MAX_BASE + 1, Some("bad-blk-length"))
        }),
        rule("ok: 20,000 signature operations in sight", |maker, parent| {
            visible(maker, parent, &[OP_CHECKSIG; 20_000], None)
        }),
        rule("20,001 signature operations in sight", |maker, parent| {
            visible(maker, parent, &[OP_CHECKSIG; 20_001], Some("bad-blk-sigops"))
        }),
        rule("ok: 1,000 multisignatures in sight", |maker, parent| {
            visible(maker, parent, &[OP_CHECKMULTISIG; 1_000], None)
        }),
        rule("1,000 multisignatures and one signature in sight", |maker, parent| {
            let script = [vec![OP_CHECKMULTISIG; 1_000], vec![OP_CHECKSIG]].concat();
            visible(maker, parent, &script, Some("bad-blk-sigops"))
        }),
        rule("ok: signature operations at the limit, some in witnesses", |maker, parent| {
            hidden(maker, parent, false, MAX_SIGOP_COST, None)
        }),
        rule("signature operations 1 over the limit, in a witness", |maker, parent| {
            hidden(maker, parent, false, MAX_SIGOP_COST + 1, Some("bad-blk-sigops"))
        }),
        rule("ok: signature operations at the limit, some behind P2SH", |maker, parent| {
            hidden(maker, parent, true, MAX_SIGOP_COST, None)
        }),
        rule("signature operations 4 over the limit, behind P2SH", |maker, parent| {
            hidden(maker, parent, true, MAX_SIGOP_COST + 4, Some("bad-blk-sigops"))
        }),
    ]
}

/// An output of `size` bytes of script that nobody can spend.
fn filler(size: usize) -> TxOut {
    let mut script = vec![0; size];
    script[0] = OP_RETURN;
    TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) }
}

/// A block of exactly this weight: outputs for the bulk, an odd witness for the last units.
fn weighed(maker: &mut Maker, parent: Id, weight: usize, code: Option<&'static str>) -> Option<Trial> {
    const BULK: usize = 900_000;
    const ODD: usize = 300;
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, _| true)?;
    let value = coin.1.value;
    let open = maker.know(Lock::new(Wrap::Program(2, vec![7; 32]), Vec::new(), Vec::new()));
    let first = Spend::new(vec![coin], vec![pay(value, &open)]).sign(&mut maker.rng);
    let height = maker.ledger.height(parent) + 1;
    let coins = maker.ledger.coins_of(first.txid(), first.outputs(), height, false);
    let second = Spend::new(coins, vec![pay(value, &open)]).sign(&mut maker.rng);
    plan.add(first, value);
    let claim = plan.claim;
    let with = |plan: &mut Plan, bulk: usize, odd: usize| {
        plan.claim = claim;
        plan.extra = vec![filler(bulk)];
        plan.txs.truncate(1);
        plan.txs.push(with_inputs(&second, |inputs| inputs[0].witness = Witness::new(vec![vec![1; odd]])));
        plan.block_without_work().weight().to_u64() as usize
    };
    let short = weight - with(&mut plan, BULK, ODD);
    let reached = with(&mut plan, BULK + short / 4, ODD + short % 4);
    (reached == weight).then(|| Trial::maybe(&plan, code))
}

/// A block of exactly this size without any witness.
fn sized(maker: &mut Maker, parent: Id, size: usize, code: Option<&'static str>) -> Option<Trial> {
    const BULK: usize = 900_000;
    let mut plan = maker.plan(parent);
    plan.commit = Commit::Never;
    plan.extra = vec![filler(BULK)];
    let short = size - plan.block_without_work().total_size();
    plan.extra = vec![filler(BULK + short)];
    Some(Trial::maybe(&plan, code))
}

/// A block whose coinbase pays to witnesses only and has an output with these opcodes.
fn visible(maker: &mut Maker, parent: Id, opcodes: &[u8], code: Option<&'static str>) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    plan.payouts = vec![maker.know(Lock::p2wpkh(1))];
    plan.extra = vec![operations(opcodes)];
    Some(Trial::maybe(&plan, code))
}

fn operations(opcodes: &[u8]) -> TxOut {
    let script = [&[OP_RETURN], opcodes].concat();
    TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) }
}

/// A block whose signature operations cost exactly `cost`, those of a spend counted in, which are seen only once its
/// coin is.
fn hidden(
    maker: &mut Maker,
    parent: Id,
    legacy: bool,
    cost: u64,
    code: Option<&'static str>,
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    plan.payouts = vec![maker.know(Lock::p2wpkh(1))];
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 1_000)?;
    let height = maker.ledger.height(parent) + 1;
    let lock = match legacy {
        true => Lock::new(Wrap::P2sh, operations_and_true(15), Vec::new()),
        false => Lock::p2wpkh(2),
    };
    let lock = maker.know(lock);
    // Four coins of one cost each, or of 60: enough to meet every remainder.
    let share = coin.1.value / 4;
    let spend = Spend::new(vec![coin], vec![pay(share, &lock); 4]);
    let first = spend.sign(&mut maker.rng);
    let mut total = price(&first, &spend);
    plan.add(first.clone(), spend.value());
    let keep = maker.know(Lock::p2wpkh(3));
    let mut coins = maker.ledger.coins_of(first.txid(), first.outputs(), height, false);
    loop {
        let second = Spend::new(coins.clone(), vec![pay(share, &keep)]);
        let tx = second.sign(&mut maker.rng);
        let all = total + price(&tx, &second);
        if (cost - all).is_multiple_of(4) {
            total = all;
            plan.add(tx, second.value());
            break;
        }
        coins.pop();
        if coins.is_empty() {
            return None;
        }
    }
    plan.extra = vec![operations(&vec![OP_CHECKSIG; ((cost - total) / 4) as usize])];
    Some(Trial::maybe(&plan, code))
}

/// `0 IF <CHECKSIG…> ENDIF 1`
fn operations_and_true(count: usize) -> Vec<u8> {
    [vec![0, 0x63], vec![OP_CHECKSIG; count], vec![0x68, 0x51]].concat()
}

fn price(tx: &Transaction, spend: &Spend) -> u64 {
    let coins: Vec<SpentCoin> = spend
        .spent()
        .into_iter()
        .map(|output| SpentCoin { output, height: Height::new(1), coinbase: false })
        .collect();
    sigop_cost(tx, &coins, ScriptFlags::P2SH | ScriptFlags::WITNESS)
}
