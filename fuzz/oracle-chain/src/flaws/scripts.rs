//! Scripts that fail, in the output, behind its hash or in the witness, and unusual ones that do not.

use cairn_primitives::op::*;
use cairn_primitives::{Instruction, Script, ScriptBuilder, TxIn, Witness, hash};

use super::{Rule, Trial, Want, rule};
use crate::fill::Maker;
use crate::keys::key;
use crate::ledger::Id;
use crate::lock::{Item, Lock, Wrap, public};
use crate::sign::{Spend, pay, pushes};

/// A change to the items of an input.
pub(super) type Edit = fn(&mut Vec<Vec<u8>>);

/// A lock, made anew.
type MakeLock = fn() -> Lock;

/// Name, script, items and the error, if there is one.
type Program = (&'static str, Vec<u8>, Vec<Vec<u8>>, Option<&'static str>);

pub(super) fn rules() -> Vec<Rule> {
    [keys(), multisig(), hashed(), witness(), locks(), limits(), opcodes()].into_iter().flatten().collect()
}

/// A block that makes a coin with this lock and spends it.
pub(super) fn tried(
    maker: &mut Maker,
    parent: Id,
    lock: Lock,
    before: impl FnOnce(&mut Spend),
    after: impl FnOnce(&mut TxIn),
    error: Option<&'static str>,
) -> Option<Trial> {
    let mut plan = maker.plan(parent);
    let coin = maker.ledger.find(&mut maker.rng, parent, |_, coin| coin.value > 10)?;
    let value = coin.1.value;
    let lock = maker.know(lock);
    let first = Spend::new(vec![coin], vec![pay(value, &lock)]).sign(&mut maker.rng);
    let height = maker.ledger.height(parent) + 1;
    let coins = maker.ledger.coins_of(first.txid(), first.outputs(), height, false);
    let output = pay(value, &maker.lock(parent));
    let mut spend = Spend::new(coins, vec![output]);
    before(&mut spend);
    let second = spend.sign(&mut maker.rng);
    plan.add(first, value);
    plan.add(crate::build::with_inputs(&second, |inputs| after(&mut inputs[0])), value);
    let want = error.map_or(Want::Accept, Want::Script);
    Some(Trial { block: plan.block(), want, twin: None })
}

/// A rule of a lock whose items are changed after they were signed.
pub(super) fn edited(
    name: &str,
    lock: impl Fn() -> Lock + 'static,
    edit: Edit,
    error: impl Into<Option<&'static str>>,
) -> Rule {
    let error = error.into();
    let name = if error.is_none() { format!("ok: {name}") } else { name.to_owned() };
    rule(&name, move |maker, parent| {
        tried(maker, parent, lock(), |_| (), |input| edit_items(input, edit), error)
    })
}

fn edit_items(input: &mut TxIn, edit: Edit) {
    if input.witness.is_empty() {
        let mut items: Vec<Vec<u8>> = input.script_sig.instructions().map(pushed).collect();
        edit(&mut items);
        input.script_sig = pushes(&items);
    } else {
        let mut items: Vec<Vec<u8>> = input.witness.iter().map(<[u8]>::to_vec).collect();
        edit(&mut items);
        input.witness = Witness::new(items);
    }
}

fn pushed(instruction: Result<Instruction<'_>, cairn_primitives::ScriptDecodeError>) -> Vec<u8> {
    match instruction.expect("the script was made here") {
        Instruction::Push { data, .. } => data.to_vec(),
        Instruction::Op(OP_1NEGATE) => vec![0x81],
        Instruction::Op(opcode) => vec![opcode - OP_1 + 1],
    }
}

/// A script in the output that runs without signatures, on these items.
fn plain(script: Vec<u8>, items: Vec<Vec<u8>>) -> Lock {
    Lock::new(Wrap::Bare, script, items.into_iter().map(Item::Bytes).collect())
}

fn p2pk() -> Lock {
    let script = ScriptBuilder::new().push_slice(&public(4, false)).push_opcode(OP_CHECKSIG);
    Lock::new(Wrap::Bare, script.into_script().as_bytes().to_vec(), vec![Item::Sig(4)])
}

fn hybrid() -> Lock {
    let mut bytes = key(4).uncompressed;
    bytes[0] = 6 + (bytes[64] & 1);
    let script = ScriptBuilder::new().push_slice(&bytes).push_opcode(OP_CHECKSIG).into_script();
    Lock::new(Wrap::Bare, script.as_bytes().to_vec(), vec![Item::Sig(4)])
}

fn keys() -> Vec<Rule> {
    vec![
        edited("P2PK: another r", p2pk, |items| items[0][8] ^= 1, "EVAL_FALSE"),
        edited("P2PK: no signature", p2pk, |items| items[0].clear(), "EVAL_FALSE"),
        edited("P2PK: another hash type", p2pk, |items| flip_last(items, 0), "EVAL_FALSE"),
        edited("P2PK: a signature with a byte too many", p2pk, |items| items[0].push(1), "SIG_DER"),
        edited("P2PK: a negative r", p2pk, |items| items[0][4] |= 0x80, "SIG_DER"),
        edited("P2PK: a padded r", p2pk, |items| padded(&mut items[0]), "SIG_DER"),
        edited("P2PK: no hash type", p2pk, |items| items[0].truncate(1), "SIG_DER"),
        edited("P2PK: an item below", p2pk, |items| items.insert(0, vec![9]), None),
        edited("P2PK: a hybrid key", hybrid, |_| (), None),
        edited("P2PKH: another key", || Lock::p2pkh(4), |items| items[1] = public(5, false), "EQUALVERIFY"),
        edited("P2PKH: another s", || Lock::p2pkh(4), |items| flip_last(items, 1), "EVAL_FALSE"),
        edited("P2PKH: no key", || Lock::p2pkh(4), |items| drop(items.pop()), "EQUALVERIFY"),
    ]
}

/// Changes the hash type of the first item, or the byte that many places before it.
fn flip_last(items: &mut [Vec<u8>], before: usize) {
    let at = items[0].len() - 1 - before;
    items[0][at] ^= 2;
}

/// A zero byte in front of r.
fn padded(signature: &mut Vec<u8>) {
    signature[1] += 1;
    signature[3] += 1;
    signature.insert(4, 0);
}

fn two_of_three(wrap: Wrap) -> Lock {
    let keys = [public(1, false), public(2, false), public(3, false)];
    let script = Script::multisig(2, &keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let items = vec![Item::Bytes(Vec::new()), Item::Sig(1), Item::Sig(3)];
    Lock::new(wrap, script.as_bytes().to_vec(), items)
}

fn multisig() -> Vec<Rule> {
    let wraps: [(&str, MakeLock); 4] = [
        ("bare", || two_of_three(Wrap::Bare)),
        ("P2SH", || two_of_three(Wrap::P2sh)),
        ("P2WSH", || two_of_three(Wrap::P2wsh(false))),
        ("P2SH-P2WSH", || two_of_three(Wrap::P2wsh(true))),
    ];
    let edits: [(&str, Edit, Option<&'static str>); 4] = [
        ("in order", |_| (), None),
        ("signatures in the wrong order", |items| items.swap(1, 2), Some("EVAL_FALSE")),
        ("one signature twice", |items| items[2] = items[1].clone(), Some("EVAL_FALSE")),
        ("a dummy that is not empty", |items| items[0] = vec![1], Some("SIG_NULLDUMMY")),
    ];
    let mut rules = Vec::new();
    for (wrap, lock) in wraps {
        for (edit_name, edit, error) in edits {
            rules.push(edited(&format!("{wrap} multisig: {edit_name}"), lock, edit, error));
        }
    }
    rules
}

fn hashed() -> Vec<Rule> {
    let p2sh = || Lock::new(Wrap::P2sh, p2pk().script, vec![Item::Sig(4)]);
    let script_sig = |name: &str, change: fn(&mut Vec<u8>), error| {
        rule(name, move |maker, parent| {
            let change = |input: &mut TxIn| {
                let mut bytes = input.script_sig.as_bytes().to_vec();
                change(&mut bytes);
                input.script_sig = Script::from_bytes(bytes);
            };
            tried(maker, parent, p2sh(), |_| (), change, Some(error))
        })
    };
    vec![
        edited("P2SH: in order", p2sh, |_| (), None),
        edited("P2SH: another script", p2sh, |items| items[1][3] ^= 1, "EVAL_FALSE"),
        edited("P2SH: another signature", p2sh, |items| items[0][8] ^= 1, "EVAL_FALSE"),
        edited("P2SH: no script", p2sh, |items| drop(items.pop()), "EVAL_FALSE"),
        script_sig(
            "P2SH: an input script that does not only push",
            |bytes| bytes.insert(0, OP_NOP),
            "SIG_PUSHONLY",
        ),
        script_sig("P2SH: no input script", Vec::clear, "INVALID_STACK_OPERATION"),
    ]
}

fn witness() -> Vec<Rule> {
    let p2wpkh = || Lock::p2wpkh(4);
    let nested = || Lock::new(Wrap::P2wpkh(4, true), Vec::new(), Vec::new());
    let p2wsh = || Lock::new(Wrap::P2wsh(false), p2pk().script, vec![Item::Sig(4)]);
    let input = |name: &str, lock: fn() -> Lock, change: fn(&mut TxIn), error| {
        rule(name, move |maker, parent| tried(maker, parent, lock(), |_| (), change, Some(error)))
    };
    let odd = |size: usize| move || Lock::new(Wrap::Program(0, vec![1; size]), Vec::new(), Vec::new());
    vec![
        edited("P2WPKH: another signature", p2wpkh, |items| items[0][8] ^= 1, "EVAL_FALSE"),
        edited("P2WPKH: another key", p2wpkh, |items| items[1] = public(5, false), "EQUALVERIFY"),
        edited("P2WPKH: one item", p2wpkh, |items| drop(items.pop()), "WITNESS_PROGRAM_MISMATCH"),
        edited("P2WPKH: three items", p2wpkh, |items| items.insert(0, vec![]), "WITNESS_PROGRAM_MISMATCH"),
        edited("P2WSH: another script", p2wsh, |items| items[1][3] ^= 1, "WITNESS_PROGRAM_MISMATCH"),
        edited("P2WSH: an item too many", p2wsh, |items| items.insert(0, vec![1]), "CLEANSTACK"),
        edited("P2WSH: an item of 521 bytes", p2wsh, |items| items.insert(0, vec![1; 521]), "PUSH_SIZE"),
        edited("P2WSH: a bad signature", p2wsh, |items| items[0][8] ^= 1, "EVAL_FALSE"),
        edited("a program of version 0 and 25 bytes", odd(25), |_| (), "WITNESS_PROGRAM_WRONG_LENGTH"),
        edited("a program of version 0 and 2 bytes", odd(2), |_| (), "WITNESS_PROGRAM_WRONG_LENGTH"),
        input("P2WPKH: no witness", || Lock::p2wpkh(4), no_witness, "WITNESS_PROGRAM_MISMATCH"),
        input(
            "P2WSH: no witness",
            || Lock::new(Wrap::P2wsh(false), vec![OP_1], Vec::new()),
            no_witness,
            "WITNESS_PROGRAM_WITNESS_EMPTY",
        ),
        input("P2WPKH: an input script", || Lock::p2wpkh(4), one_in_front, "WITNESS_MALLEATED"),
        rule("P2SH-P2WPKH: more in the input script", move |maker, parent| {
            tried(maker, parent, nested(), |_| (), one_in_front, Some("WITNESS_MALLEATED_P2SH"))
        }),
        input(
            "P2PKH: a witness",
            || Lock::p2pkh(4),
            |input| input.witness = Witness::new(vec![vec![1]]),
            "WITNESS_UNEXPECTED",
        ),
    ]
}

fn no_witness(input: &mut TxIn) {
    input.witness = Witness::default();
}

fn one_in_front(input: &mut TxIn) {
    let bytes = [&[OP_1], input.script_sig.as_bytes()].concat();
    input.script_sig = Script::from_bytes(bytes);
}

/// `<time> CLTV` or `<age> CSV`, and the item itself as the result.
fn timed(opcode: u8, number: i64) -> Lock {
    let script = ScriptBuilder::new().push_int(number).push_opcode(opcode).push_opcode(OP_DROP);
    let script = script.push_int(1).into_script();
    plain(script.as_bytes().to_vec(), Vec::new())
}

fn locks() -> Vec<Rule> {
    let case = |name: &str,
                opcode,
                add: i64,
                number: Option<i64>,
                sequence: u32,
                version: i32,
                error: Option<&'static str>| {
        rule(name, move |maker: &mut Maker, parent| {
            let height = maker.ledger.height(parent) + 1;
            let base = if opcode == OP_CHECKLOCKTIMEVERIFY { i64::from(height - 1) } else { 0 };
            let lock = timed(opcode, number.unwrap_or(base + add));
            let before = |spend: &mut Spend| {
                spend.lock_time = height - 1;
                spend.sequences = vec![sequence];
                spend.version = version;
            };
            tried(maker, parent, lock, before, |_| (), error)
        })
    };
    let (after, aged) = (OP_CHECKLOCKTIMEVERIFY, OP_CHECKSEQUENCEVERIFY);
    let unmet = Some("UNSATISFIED_LOCKTIME");
    vec![
        case("ok: CLTV at the lock time", after, 0, None, 0xffff_fffe, 2, None),
        case("CLTV one past the lock time", after, 1, None, 0xffff_fffe, 2, unmet),
        case("CLTV of a time where the lock is a height", after, 0, Some(500_000_000), 0xffff_fffe, 2, unmet),
        case("CLTV of a final input", after, 0, None, u32::MAX, 2, unmet),
        case("CLTV of a negative number", after, 0, Some(-1), 0xffff_fffe, 2, Some("NEGATIVE_LOCKTIME")),
        case("CLTV of six bytes", after, 0, Some(1 << 40), 0xffff_fffe, 2, Some("UNKNOWN_ERROR")),
        case("ok: CSV at the age", aged, 0, Some(0), 0, 2, None),
        case("CSV one past the age", aged, 1, None, 0, 2, unmet),
        case("CSV in version 1", aged, 0, Some(0), 0, 1, unmet),
        case("CSV of seconds where the age is in blocks", aged, 0, Some(1 << 22), 0, 2, unmet),
        case("CSV of an input without an age", aged, 0, Some(0), 1 << 31, 2, unmet),
        case("CSV of a negative number", aged, 0, Some(-1), 0, 2, Some("NEGATIVE_LOCKTIME")),
        case("ok: CSV switched off", aged, 0, Some(1 << 31), u32::MAX, 1, None),
    ]
}

fn limits() -> Vec<Rule> {
    let nops = |count: usize| [vec![OP_NOP; count], vec![OP_1]].concat();
    let pushes = |size: usize| {
        let script = ScriptBuilder::new().push_bytes(&vec![1; size]).into_script();
        script.as_bytes().to_vec()
    };
    let numbers = |count: usize| vec![OP_1; count];
    let keys = |count: usize| {
        let keys = vec![public(1, false); count];
        let script = keys
            .iter()
            .fold(ScriptBuilder::new().push_int(0).push_int(0), |script, key| script.push_slice(key));
        let script = script.push_int(count as i64).push_opcode(OP_CHECKMULTISIG).into_script();
        script.as_bytes().to_vec()
    };
    let both = |name: &str, at: Vec<u8>, past: Vec<u8>, error: &'static str| {
        let lock = move |script: &Vec<u8>| plain(script.clone(), Vec::new());
        [
            edited(&format!("{name} at the limit"), move || lock(&at), |_| (), None),
            edited(&format!("{name} past the limit"), move || lock(&past), |_| (), error),
        ]
    };
    let mut rules: Vec<Rule> = [
        both("operations", nops(201), nops(202), "OP_COUNT"),
        both("a push", pushes(520), pushes(521), "PUSH_SIZE"),
        both("the stack", numbers(1_000), numbers(1_001), "STACK_SIZE"),
        both("keys of a multisignature", keys(20), keys(21), "PUBKEY_COUNT"),
    ]
    .into_iter()
    .flatten()
    .collect();
    // In an output a longer one makes no coin; behind a hash it does.
    let wrapped = |size: usize| move || Lock::new(Wrap::P2wsh(false), sized(size), Vec::new());
    rules.push(edited("a witness script at the limit", wrapped(10_000), |_| (), None));
    rules.push(edited("a witness script past the limit", wrapped(10_001), |_| (), "SCRIPT_SIZE"));
    rules
}

/// A script of exactly this size, about 10,000 bytes, that leaves one item.
fn sized(size: usize) -> Vec<u8> {
    let dropped = |size: usize| {
        let script = ScriptBuilder::new().push_bytes(&vec![1; size]).push_opcode(OP_DROP).into_script();
        script.as_bytes().to_vec()
    };
    let mut script = dropped(500).repeat(19);
    // A push of over 255 bytes takes three more, the drop and the last item one each.
    script.extend(dropped(size - script.len() - 5));
    script.push(OP_1);
    script
}

fn opcodes() -> Vec<Rule> {
    let nothing = Vec::new;
    let cases: [Program; 16] = [
        ("nothing on the stack", vec![OP_NOP], nothing(), Some("EVAL_FALSE")),
        ("minus zero on the stack", vec![OP_NOP], vec![vec![0, 0x80]], Some("EVAL_FALSE")),
        ("VERIFY of false", vec![OP_0, OP_VERIFY, OP_1], nothing(), Some("VERIFY")),
        ("RETURN in a branch", vec![OP_1, OP_IF, OP_RETURN, OP_ENDIF, OP_1], nothing(), Some("OP_RETURN")),
        ("RETURN in a branch not taken", vec![OP_0, OP_IF, OP_RETURN, OP_ENDIF, OP_1], nothing(), None),
        (
            "CAT in a branch not taken",
            vec![OP_0, OP_IF, OP_CAT, OP_ENDIF, OP_1],
            nothing(),
            Some("DISABLED_OPCODE"),
        ),
        (
            "VERIF in a branch not taken",
            vec![OP_0, OP_IF, OP_VERIF, OP_ENDIF, OP_1],
            nothing(),
            Some("BAD_OPCODE"),
        ),
        ("an unassigned opcode", vec![OP_1, 0xba], nothing(), Some("BAD_OPCODE")),
        (
            "an unassigned opcode in a branch not taken",
            vec![OP_0, OP_IF, 0xba, OP_ENDIF, OP_1],
            nothing(),
            None,
        ),
        ("IF without ENDIF", vec![OP_1, OP_IF, OP_1], nothing(), Some("UNBALANCED_CONDITIONAL")),
        ("ADD of one number", vec![OP_1, OP_ADD], nothing(), Some("INVALID_STACK_OPERATION")),
        ("FROMALTSTACK of nothing", vec![OP_FROMALTSTACK], nothing(), Some("INVALID_ALTSTACK_OPERATION")),
        ("ADD of five bytes", vec![OP_1, OP_ADD], vec![vec![1; 5]], Some("UNKNOWN_ERROR")),
        ("a push cut off", vec![OP_1, 0x4b, 1, 2], nothing(), Some("BAD_OPCODE")),
        (
            "NUMEQUALVERIFY of two numbers",
            vec![OP_1, OP_2, OP_NUMEQUALVERIFY, OP_1],
            nothing(),
            Some("NUMEQUALVERIFY"),
        ),
        ("upgradable NOPs", vec![OP_NOP1, OP_NOP10, OP_NOP4, OP_1], nothing(), None),
    ];
    let mut rules: Vec<Rule> = cases
        .into_iter()
        .map(|(name, script, items, error)| {
            edited(name, move || plain(script.clone(), items.clone()), |_| (), error)
        })
        .collect();
    rules.push(edited("a hash of a preimage", || preimage(true), |_| (), None));
    rules.push(edited("a hash of another preimage", || preimage(false), |_| (), "EQUALVERIFY"));
    rules
}

fn preimage(right: bool) -> Lock {
    let script = ScriptBuilder::new().push_opcode(OP_HASH256).push_slice(&hash::sha256d(b"secret"));
    let script = script.push_opcode(OP_EQUALVERIFY).push_int(1).into_script();
    let item: &[u8] = if right { b"secret" } else { b"guess" };
    plain(script.as_bytes().to_vec(), vec![item.to_vec()])
}
