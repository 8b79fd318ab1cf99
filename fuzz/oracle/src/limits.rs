//! Programs at the limits, just below and just above.

use cairn_primitives::op::*;

use crate::keys::key;
use crate::program::{Item, Program};
use crate::rng::Rng;

/// Writes a program that comes close to one limit.
pub(crate) fn write(program: &mut Program, rng: &mut Rng) {
    match rng.below(8) {
        0 => operations(program, rng),
        1 => items(program, rng),
        2 => element(program, rng),
        3 => size(program, rng),
        4 => key_count(program, rng),
        5 => {
            // What is reached only by an item of the witness.
            let size = rng.within(518, 522);
            program.want(vec![Item::Bytes(rng.bytes(size))]);
            program.op(OP_DROP).int(1);
        }
        6 => nesting(program, rng),
        _ => numbers(program, rng),
    }
}

/// 201 operations are the most.
fn operations(program: &mut Program, rng: &mut Rng) {
    program.int(1);
    let multisig = rng.chance(40);
    let keys = rng.below(21);
    if multisig {
        program.int(0).int(0);
        (0..keys).for_each(|_| {
            program.int(1);
        });
        program.int(keys as i64).op(OP_CHECKMULTISIGVERIFY);
    }
    let used = if multisig { keys + 1 } else { 0 };
    for _ in used..rng.within(198, 204) {
        program.op(rng.pick(&[OP_NOP, OP_NOP, OP_NOP1]));
    }
}

/// 1,000 items on both stacks are the most.
fn items(program: &mut Program, rng: &mut Rng) {
    let count = rng.within(996, 1003);
    let alt = rng.below(100);
    for _ in 0..alt {
        program.int(1).op(OP_TOALTSTACK);
    }
    for _ in alt..count {
        program.int(1);
    }
}

/// 520 bytes are the longest item.
fn element(program: &mut Program, rng: &mut Rng) {
    let runs = rng.chance(70);
    program.int(i64::from(runs)).op(OP_IF);
    let size = rng.within(518, 522);
    program.push(&rng.bytes(size)).op(OP_DROP).op(OP_ENDIF).int(1);
}

/// 10,000 bytes are the longest script.
fn size(program: &mut Program, rng: &mut Rng) {
    let wanted = rng.within(9_996, 10_004);
    while program.script.len() + 530 < wanted {
        program.push(&rng.bytes(500)).op(OP_DROP);
    }
    let left = wanted - program.script.len();
    // Length form of three bytes, the drop and the last push.
    program.push(&rng.bytes(left.saturating_sub(5).min(520))).op(OP_DROP).int(1);
}

/// 20 keys are the most, and no more signatures than keys.
fn key_count(program: &mut Program, rng: &mut Rng) {
    let keys = rng.pick(&[0, 1, 2, 19, 20, 21]);
    let signatures = rng.within(0, 3);
    let mut items = vec![Item::Bytes(vec![])];
    items.extend((0..signatures.min(keys)).map(|i| program.signature(i)));
    program.want(items);
    program.int(signatures as i64);
    for i in 0..keys {
        program.push(&key(i).compressed);
    }
    program.int(if rng.chance(5) { -1 } else { keys as i64 }).op(OP_CHECKMULTISIG);
}

/// Branches in branches.
fn nesting(program: &mut Program, rng: &mut Rng) {
    let depth = rng.within(1, 99);
    for _ in 0..depth {
        program.int(i64::from(rng.chance(97))).op(rng.pick(&[OP_IF, OP_IF, OP_IF, OP_NOTIF]));
    }
    program.op(rng.pick(&[OP_NOP, OP_RETURN, OP_VERIF, OP_VER, OP_CAT, OP_RESERVED, OP_NOP10, 0xff, 0xba]));
    for _ in 0..depth + usize::from(rng.chance(5)) - usize::from(rng.chance(5)) {
        program.op(OP_ENDIF);
    }
    program.int(1);
}

/// Four bytes are the longest number, five what a sum may have; zero has many forms.
fn numbers(program: &mut Program, rng: &mut Rng) {
    const LONG: [&[u8]; 6] = [
        &[0xff, 0xff, 0xff, 0x7f],
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0x80],
        &[0, 0, 0, 0, 0],
        &[1, 0, 0, 0],
        &[0x80],
    ];
    program.push(rng.pick(&LONG)).push(rng.pick(&LONG)).op(rng.pick(&[OP_ADD, OP_SUB, OP_MAX, OP_MIN]));
    match rng.below(4) {
        0 => program.op(OP_1ADD),
        1 => program.op(OP_SIZE).op(OP_NIP),
        2 => program.op(OP_NOT).op(OP_NOT),
        _ => program.int(0).int(3).op(OP_WITHIN).op(OP_NOT),
    };
}
