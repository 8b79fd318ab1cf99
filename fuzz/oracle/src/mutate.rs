//! One change to a case that was valid.

use cairn_primitives::op::*;
use cairn_primitives::{Instruction, Instructions};
use cairn_script::ScriptFlags;

use crate::case::{Case, Input, SUPPORTED};
use crate::rng::Rng;

/// Changes one thing: rules, an input script, a witness, a signature's hash type, an annex, a control block, an amount, a
/// lock, an output, another input, a script.
pub fn mutate(case: &mut Case, rng: &mut Rng) {
    let index = case.input;
    let count = case.draft.inputs.len();
    let input = &mut case.draft.inputs[index];
    match rng.below(28) {
        0 | 1 => *case = case.clone().with_flags(some_flags(rng)),
        2 | 3 => script(&mut input.script_sig, rng),
        4 | 5 => script(&mut input.script_pubkey, rng),
        6..=8 => sighash_type(input, rng),
        9 | 10 => annex(&mut input.witness, rng),
        11 | 12 => control(&mut input.witness, rng),
        13 => input.amount = input.amount.wrapping_add(rng.pick(&[1, 256, u64::MAX])) & (u64::MAX >> 1),
        14 | 15 => input.sequence = locks(input.sequence, rng),
        16 | 17 => case.draft.lock_time = locks(case.draft.lock_time, rng),
        18 => case.draft.version = rng.pick(&[0, 1, 2, 3, -1, i32::MIN, i32::MAX]),
        19..=21 => witness(&mut input.witness, rng),
        22 => outputs(&mut case.draft.outputs, rng),
        23 if count > 1 => other(&mut case.draft.inputs[(index + 1) % count], rng),
        23 | 24 => input.previous.vout ^= 1,
        25 => swap_parts(input, rng),
        _ => witness_script(input, rng),
    }
}

/// A random subset of the rules; some rule at least is missing.
pub(crate) fn some_flags(rng: &mut Rng) -> ScriptFlags {
    let chance = rng.pick(&[20, 50, 90]);
    SUPPORTED.into_iter().filter(|_| rng.chance(chance)).fold(ScriptFlags::NONE, ScriptFlags::union)
}

/// Changes one thing in a script: an opcode, a byte, a push's form, or an instruction more or less.
pub(crate) fn script(script: &mut Vec<u8>, rng: &mut Rng) {
    let starts = starts(script);
    if starts.is_empty() {
        script.push(opcode(rng));
        return;
    }
    let at = rng.below(starts.len());
    let start = starts[at];
    let end = starts.get(at + 1).copied().unwrap_or(script.len());
    match rng.below(10) {
        0..=2 => opcode_swap(script, start, rng),
        3 => {
            let position = rng.below(script.len());
            script[position] ^= 1 << rng.below(8);
        }
        4 | 5 => script.insert(start, opcode(rng)),
        6 => drop(script.drain(start..end)),
        7 => {
            let copy = script[start..end].to_vec();
            drop(script.splice(start..start, copy));
        }
        8 => push_form(script, start, end, rng),
        _ => script.truncate(rng.below(script.len())),
    }
}

fn starts(script: &[u8]) -> Vec<usize> {
    let mut instructions = Instructions::new(script);
    let mut starts = Vec::new();
    loop {
        let position = instructions.position();
        match instructions.next() {
            Some(Ok(_)) => starts.push(position),
            Some(Err(_)) | None => return starts,
        }
    }
}

/// Any opcode, the ones that matter more often.
fn opcode(rng: &mut Rng) -> u8 {
    const USUAL: [u8; 24] = [
        OP_0,
        OP_1,
        OP_2,
        OP_1NEGATE,
        OP_DUP,
        OP_DROP,
        OP_SWAP,
        OP_VERIFY,
        OP_IF,
        OP_ELSE,
        OP_ENDIF,
        OP_NOT,
        OP_CODESEPARATOR,
        OP_CHECKSIG,
        OP_CHECKSIGVERIFY,
        OP_CHECKMULTISIG,
        OP_CHECKMULTISIGVERIFY,
        OP_CHECKSIGADD,
        OP_CHECKLOCKTIMEVERIFY,
        OP_CHECKSEQUENCEVERIFY,
        OP_RETURN,
        OP_DEPTH,
        OP_SIZE,
        OP_NOP,
    ];
    // Where the ranges of opcodes that succeed in tapscript, or fail everywhere, begin and end.
    const BORDERS: [u8; 14] =
        [0x50, 0x62, 0x65, 0x7e, 0x81, 0x83, 0x86, 0x89, 0x8d, 0x95, 0x99, OP_CHECKSIGADD, 0xbb, 0xfe];
    match rng.below(10) {
        0..=5 => rng.pick(&USUAL),
        6 | 7 => rng.pick(&BORDERS),
        _ => rng.u8(),
    }
}

fn opcode_swap(script: &mut [u8], start: usize, rng: &mut Rng) {
    script[start] = match script[start] {
        OP_CHECKSIG => rng.pick(&[OP_CHECKSIGVERIFY, OP_CHECKMULTISIG, OP_CHECKSIGADD]),
        OP_CHECKMULTISIG => rng.pick(&[OP_CHECKMULTISIGVERIFY, OP_CHECKSIG]),
        OP_EQUALVERIFY => OP_EQUAL,
        OP_IF => OP_NOTIF,
        OP_CHECKLOCKTIMEVERIFY => OP_CHECKSEQUENCEVERIFY,
        OP_CHECKSEQUENCEVERIFY => OP_CHECKLOCKTIMEVERIFY,
        1..=75 => script[start].wrapping_add(rng.pick(&[1, 255])),
        _ => opcode(rng),
    };
}

/// The same push with a longer length, now and then one that promises too much.
fn push_form(script: &mut Vec<u8>, start: usize, end: usize, rng: &mut Rng) {
    let Some(Ok(Instruction::Push { data, .. })) = Instructions::new(&script[start..end]).next() else {
        return;
    };
    let mut len = data.len() as u32;
    if rng.chance(10) {
        len += 1;
    }
    let bytes = len.to_le_bytes();
    let mut push = match rng.below(3) {
        0 => vec![OP_PUSHDATA1, bytes[0]],
        1 => vec![OP_PUSHDATA2, bytes[0], bytes[1]],
        _ => vec![OP_PUSHDATA4, bytes[0], bytes[1], bytes[2], bytes[3]],
    };
    push.extend_from_slice(data);
    drop(script.splice(start..end, push));
}

/// Changes the last byte, or the size, of something that looks like a signature.
fn sighash_type(input: &mut Input, rng: &mut Rng) {
    let change = |signature: &mut Vec<u8>, rng: &mut Rng| match rng.below(6) {
        0 => signature.push(rng.pick(&[0, 1, 3, 0x81, 0x04])),
        1 => drop(signature.pop()),
        2 => {
            let position = rng.below(signature.len());
            signature[position] ^= 1 << rng.below(8);
        }
        _ => {
            *signature.last_mut().expect("it is 60 bytes or more") =
                rng.pick(&[0, 1, 2, 3, 4, 0x80, 0x81, 0x82, 0x83, 0x84])
        }
    };
    let signature = |item: &&mut Vec<u8>| (60..=80).contains(&item.len());
    if let Some(item) = input.witness.iter_mut().find(signature) {
        return change(item, rng);
    }
    let mut instructions = Instructions::new(&input.script_sig);
    let mut start = 0;
    while let Some(Ok(instruction)) = instructions.next() {
        if let Instruction::Push { opcode: len @ 60..=74, data } = instruction {
            let (mut data, end) = (data.to_vec(), instructions.position());
            change(&mut data, rng);
            let mut push = vec![len];
            push[0] = data.len() as u8;
            push.extend(data);
            drop(input.script_sig.splice(start..end, push));
            return;
        }
        start = instructions.position();
    }
}

fn annex(witness: &mut Vec<Vec<u8>>, rng: &mut Rng) {
    match witness.last_mut() {
        Some(last) if last.first() == Some(&0x50) => match rng.below(3) {
            0 => drop(witness.pop()),
            1 => last.push(0),
            _ => last[0] = 0x51,
        },
        _ => {
            let size = rng.below(4);
            let mut annex = vec![0x50];
            annex.extend(rng.bytes(size));
            witness.push(annex);
        }
    }
}

/// Changes what may be a control block: the last item, or the one below an annex.
fn control(witness: &mut [Vec<u8>], rng: &mut Rng) {
    let is_control = |item: &&mut Vec<u8>| item.len() >= 33 && item.len() % 32 == 1 && item[0] >= 0x50;
    let Some(control) = witness.iter_mut().rev().take(2).find(is_control) else { return };
    match rng.below(8) {
        0 => control[0] ^= 1,
        1 => control[0] ^= rng.pick(&[2, 4, 0x80]),
        2 => control.truncate(control.len() - 1),
        3 => control.truncate(control.len().saturating_sub(32).max(1)),
        4 => control.extend(rng.bytes(32)),
        5 => control.resize(33 + 32 * rng.within(127, 129), 7),
        6 => control[1..33].fill(0xff),
        _ => {
            let position = rng.below(control.len());
            control[position] ^= 1 << rng.below(8);
        }
    }
}

fn locks(number: u32, rng: &mut Rng) -> u32 {
    match rng.below(6) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number ^ (1 << rng.pick(&[16, 22, 31, 30])),
        3 => rng.pick(&[0, 1, 499_999_999, 500_000_000, u32::MAX, u32::MAX - 1, 1 << 31, 1 << 22]),
        4 => u32::MAX,
        _ => rng.u32(),
    }
}

fn witness(witness: &mut Vec<Vec<u8>>, rng: &mut Rng) {
    if witness.is_empty() {
        let size = rng.below(3);
        witness.push(rng.bytes(size));
        return;
    }
    let at = rng.below(witness.len());
    match rng.below(9) {
        0 => drop(witness.remove(at)),
        1 => witness.insert(at, vec![]),
        2 => {
            let other = rng.below(witness.len());
            witness.swap(at, other);
        }
        3 => witness.insert(at, witness[at].clone()),
        4 => witness[at].clear(),
        5 => witness[at].resize(rng.within(518, 522), 0),
        6 => witness.clear(),
        7 => witness[at].push(rng.u8()),
        _ if witness[at].is_empty() => witness[at].push(rng.pick(&[0, 1, 0x80])),
        _ => {
            let position = rng.below(witness[at].len());
            witness[at][position] ^= 1 << rng.below(8);
        }
    }
}

fn outputs(outputs: &mut Vec<(u64, Vec<u8>)>, rng: &mut Rng) {
    match outputs.last_mut() {
        Some(last) => match rng.below(3) {
            0 => drop(outputs.pop()),
            1 => last.0 ^= 1,
            _ => last.1.push(OP_NOP),
        },
        None => outputs.push((1, vec![])),
    }
}

/// Something about another input, which some signatures commit to and some do not.
fn other(input: &mut Input, rng: &mut Rng) {
    match rng.below(6) {
        0 => input.previous.vout ^= 2,
        1 => input.sequence ^= 1,
        2 => input.amount ^= 1,
        3 => input.script_pubkey.push(OP_NOP),
        4 => input.script_sig.push(OP_1),
        _ => input.witness.push(vec![1]),
    }
}

/// Puts input script and witness in each other's place, or adds one to the other.
fn swap_parts(input: &mut Input, rng: &mut Rng) {
    match rng.below(3) {
        0 => input.script_sig = input.witness.first().cloned().unwrap_or_default(),
        1 => input.witness.push(input.script_sig.clone()),
        _ => input.script_sig.insert(0, OP_NOP),
    }
}

/// Changes a witness script; where it is hashed by the output alone, the output follows so that it still runs.
fn witness_script(input: &mut Input, rng: &mut Rng) {
    let Some(last) = input.witness.last_mut() else { return script(&mut input.script_sig, rng) };
    script(last, rng);
    if let [0, 32, hash @ ..] = &mut input.script_pubkey[..]
        && hash.len() == 32
    {
        hash.copy_from_slice(&cairn_primitives::hash::sha256(last));
    }
}
