//! Taproot spends that fail, and unusual ones that do not (BIP340 to 342).

use cairn_primitives::ScriptBuilder;
use cairn_primitives::op::*;

use super::Rule;
use super::scripts::edited;
use crate::lock::{Item, Leaf, Lock, TAPSCRIPT, Wrap, public};

pub(super) fn rules() -> Vec<Rule> {
    [by_key(), by_script(), control(), tapscripts(), budget()].into_iter().flatten().collect()
}

fn by_key() -> Vec<Rule> {
    let lock = || Lock::new(Wrap::TapKey(4, None), Vec::new(), Vec::new());
    let rooted = || Lock::new(Wrap::TapKey(4, Some([3; 32])), Vec::new(), Vec::new());
    vec![
        edited("taproot key: in order", rooted, |_| (), None),
        edited("taproot key: another r", lock, |items| items[0][3] ^= 1, "SCHNORR_SIG"),
        edited("taproot key: another s", rooted, |items| items[0][40] ^= 1, "SCHNORR_SIG"),
        edited("taproot key: 63 bytes", lock, |items| items[0].truncate(63), "SCHNORR_SIG_SIZE"),
        edited("taproot key: 66 bytes", lock, |items| items[0].resize(66, 1), "SCHNORR_SIG_SIZE"),
        edited("taproot key: hash type 0 written", lock, |items| typed(items, 0), "SCHNORR_SIG_HASHTYPE"),
        edited("taproot key: hash type 4", lock, |items| typed(items, 4), "SCHNORR_SIG_HASHTYPE"),
        edited("taproot key: hash type 0x80", lock, |items| typed(items, 0x80), "SCHNORR_SIG_HASHTYPE"),
        edited("taproot key: nothing", lock, |items| items[0].clear(), "SCHNORR_SIG_SIZE"),
        edited("taproot key: an annex not signed", lock, |items| items.push(vec![0x50]), "SCHNORR_SIG"),
        edited("taproot key: no witness", lock, Vec::clear, "WITNESS_PROGRAM_WITNESS_EMPTY"),
    ]
}

fn typed(items: &mut [Vec<u8>], hash_type: u8) {
    items[0].truncate(64);
    items[0].push(hash_type);
}

fn leaf(version: u8, script: Vec<u8>, items: Vec<Item>) -> Lock {
    let leaf = Leaf { internal: 6, path: vec![[1; 32], [2; 32]], version };
    Lock::new(Wrap::Tap(leaf), script, items)
}

fn check(opcodes: &[u8]) -> Vec<u8> {
    let script = ScriptBuilder::new().push_slice(&public(4, true)).into_script();
    [script.as_bytes(), opcodes].concat()
}

fn signed() -> Lock {
    leaf(TAPSCRIPT, check(&[OP_CHECKSIG]), vec![Item::Sig(4)])
}

fn by_script() -> Vec<Rule> {
    vec![
        edited("tapscript: in order", signed, |_| (), None),
        edited("tapscript: another signature", signed, |items| items[0][3] ^= 1, "SCHNORR_SIG"),
        edited("tapscript: no signature", signed, |items| items[0].clear(), "EVAL_FALSE"),
        edited(
            "tapscript: a signature of 10 bytes",
            signed,
            |items| items[0].truncate(10),
            "SCHNORR_SIG_SIZE",
        ),
        edited("tapscript: another script", signed, |items| items[1][5] ^= 1, "WITNESS_PROGRAM_MISMATCH"),
        edited("tapscript: an item too many", signed, |items| items.insert(0, vec![1]), "CLEANSTACK"),
        edited("tapscript: an item of 521 bytes", signed, |items| items.insert(0, vec![1; 521]), "PUSH_SIZE"),
        edited(
            "tapscript: CHECKSIGVERIFY of nothing",
            || leaf(TAPSCRIPT, check(&[OP_CHECKSIGVERIFY, OP_1]), vec![Item::Bytes(Vec::new())]),
            |_| (),
            "CHECKSIGVERIFY",
        ),
    ]
}

fn control() -> Vec<Rule> {
    vec![
        edited("control block: another node", signed, |items| items[2][40] ^= 1, "WITNESS_PROGRAM_MISMATCH"),
        edited("control block: another parity", signed, |items| items[2][0] ^= 1, "WITNESS_PROGRAM_MISMATCH"),
        edited(
            "control block: another leaf version",
            signed,
            |items| items[2][0] ^= 2,
            "WITNESS_PROGRAM_MISMATCH",
        ),
        edited(
            "control block: another internal key",
            signed,
            |items| other_key(items),
            "WITNESS_PROGRAM_MISMATCH",
        ),
        edited(
            "control block: a byte less",
            signed,
            |items| items[2].truncate(96),
            "TAPROOT_WRONG_CONTROL_SIZE",
        ),
        edited("control block: a byte more", signed, |items| items[2].push(1), "TAPROOT_WRONG_CONTROL_SIZE"),
        edited(
            "control block: 32 bytes",
            signed,
            |items| items[2].truncate(32),
            "TAPROOT_WRONG_CONTROL_SIZE",
        ),
        edited("control block: a path of 129", signed, |items| deep(items), "TAPROOT_WRONG_CONTROL_SIZE"),
    ]
}

fn other_key(items: &mut [Vec<u8>]) {
    items[2][1..33].copy_from_slice(&public(7, true));
}

fn deep(items: &mut [Vec<u8>]) {
    items[2].resize(33 + 129 * 32, 1);
}

fn tapscripts() -> Vec<Rule> {
    let run = |name: &str, version: u8, script: Vec<u8>, items: Vec<Vec<u8>>, error: Option<&'static str>| {
        let name = format!("tapscript: {name}");
        let lock = move || leaf(version, script.clone(), items.iter().cloned().map(Item::Bytes).collect());
        edited(&name, lock, |_| (), error)
    };
    let key_of = |size: usize| {
        let script = ScriptBuilder::new().push_bytes(&vec![5; size]).push_opcode(OP_CHECKSIG).into_script();
        script.as_bytes().to_vec()
    };
    let one = vec![vec![1]];
    let branch = vec![OP_IF, OP_1, OP_ELSE, OP_1, OP_ENDIF];
    vec![
        run("OP_SUCCESS", TAPSCRIPT, vec![0x50], Vec::new(), None),
        run("OP_SUCCESS and nonsense", TAPSCRIPT, vec![OP_RETURN, 0xfe, 0x4b], Vec::new(), None),
        run("an unknown leaf version", 0xc2, vec![OP_RETURN], one.clone(), None),
        run("a key of an unknown size", TAPSCRIPT, key_of(33), one.clone(), None),
        run("an empty key", TAPSCRIPT, vec![OP_0, OP_CHECKSIG], one.clone(), Some("TAPSCRIPT_EMPTY_PUBKEY")),
        run("CHECKMULTISIG", TAPSCRIPT, vec![OP_CHECKMULTISIG], Vec::new(), Some("TAPSCRIPT_CHECKMULTISIG")),
        run("a minimal IF", TAPSCRIPT, branch.clone(), one, None),
        run("IF of 2", TAPSCRIPT, branch.clone(), vec![vec![2]], Some("TAPSCRIPT_MINIMALIF")),
        run("IF of 01 00", TAPSCRIPT, branch, vec![vec![1, 0]], Some("TAPSCRIPT_MINIMALIF")),
        run("nothing left", TAPSCRIPT, vec![OP_NOP], Vec::new(), Some("CLEANSTACK")),
        run("false left", TAPSCRIPT, vec![OP_0], Vec::new(), Some("EVAL_FALSE")),
        run("RETURN", TAPSCRIPT, vec![OP_1, OP_RETURN], Vec::new(), Some("OP_RETURN")),
        run("1,000 operations", TAPSCRIPT, [vec![OP_NOP; 1_000], vec![OP_1]].concat(), Vec::new(), None),
        run("1,001 items", TAPSCRIPT, vec![OP_1; 1_001], Vec::new(), Some("STACK_SIZE")),
    ]
}

/// A signature check costs 50 of a budget of 50 and the size of the input's witness (BIP342).
fn budget() -> Vec<Rule> {
    // The same signature by an unknown key, so that each check passes and is paid for.
    let checks = |count: usize| {
        let key = ScriptBuilder::new().push_bytes(&[5; 33]).into_script();
        let check = [&[OP_DUP], key.as_bytes(), &[OP_CHECKSIGVERIFY]].concat();
        [check.repeat(count), vec![OP_DROP, OP_1]].concat()
    };
    let lock = move |count: usize, size: usize| {
        move || leaf(TAPSCRIPT, checks(count), vec![Item::Bytes(vec![1; size])])
    };
    // The witness: its count 1, the item 1 + its size, the script 1 or 3 + its size, the control block 1 + 97.
    let spare = |count: usize| {
        let script = 36 * count + 2;
        let prefix = if script < 253 { 1 } else { 3 };
        50 * count as i64 - (50 + 1 + prefix + script as i64 + 98)
    };
    // An item of s bytes takes s + 1.
    let needed = |count: usize| (spare(count) - 1) as usize;
    vec![
        edited("a signature budget at the limit", lock(20, needed(20)), |_| (), None),
        edited(
            "a signature budget past the limit",
            lock(20, needed(20) - 1),
            |_| (),
            "TAPSCRIPT_VALIDATION_WEIGHT",
        ),
    ]
}
