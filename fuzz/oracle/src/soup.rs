//! Programs of random opcodes that mostly find what they need on the stack.

use cairn_primitives::op::*;

use crate::program::{Item, Program};
use crate::rng::Rng;

/// What is known of an item on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A number of at most four bytes.
    Number,
    /// Anything.
    Bytes,
}

/// Writes up to 60 operations that run, with a wild one now and then, and an end that is mostly true.
pub(crate) fn write(program: &mut Program, rng: &mut Rng) {
    let mut stack = Vec::new();
    for _ in 0..rng.below(4) {
        let number = rng.chance(60);
        let item = if number { number_bytes(rng) } else { some_bytes(rng) };
        program.want(vec![Item::Bytes(item)]);
        stack.insert(0, if number { Known::Number } else { Known::Bytes });
    }
    let mut alt = 0;
    let mut open = Vec::new();
    for _ in 0..rng.within(1, 60) {
        if rng.chance(1) {
            program.op(rng.u8());
        }
        step(program, rng, &mut stack, &mut alt, &mut open);
    }
    for _ in 0..open.len() {
        program.op(OP_ENDIF);
    }
    if rng.chance(90) {
        for _ in 0..stack.len() {
            program.op(OP_DROP);
        }
        program.int(1);
    }
}

/// Adds one operation for which the stack is deep enough.
fn step(
    program: &mut Program,
    rng: &mut Rng,
    stack: &mut Vec<Known>,
    alt: &mut usize,
    open: &mut Vec<usize>,
) {
    let depth = stack.len();
    let numbers = stack.iter().rev().take_while(|known| **known == Known::Number).count();
    match rng.below(16) {
        0..=2 => push_number(program, rng, stack),
        3 => push_bytes(program, rng, stack),
        4..=6 if numbers >= 1 => arithmetic(program, rng, stack, numbers),
        7..=9 if depth >= 1 => rearrange(program, rng, stack),
        10 if depth >= 1 => {
            program.op(rng.pick(&[OP_RIPEMD160, OP_SHA1, OP_SHA256, OP_HASH160, OP_HASH256]));
            stack[depth - 1] = Known::Bytes;
        }
        11 if depth >= 1 => {
            program.op(OP_TOALTSTACK);
            stack.pop();
            *alt += 1;
        }
        11 | 12 if *alt > 0 => {
            program.op(OP_FROMALTSTACK);
            stack.push(Known::Bytes);
            *alt -= 1;
        }
        13 if depth >= 2 => {
            program.op(OP_EQUAL);
            stack.truncate(depth - 2);
            stack.push(Known::Number);
        }
        13 if depth >= 1 => {
            program.op(OP_SIZE);
            stack.push(Known::Number);
        }
        14 => pick(program, rng, stack),
        15 if open.len() < 5 => {
            // Both sides leave the stack as it is.
            program.int(rng.below(2) as i64).op(rng.pick(&[OP_IF, OP_NOTIF]));
            if rng.chance(40) {
                program.int(rng.below(20) as i64).op(OP_DROP).op(OP_ELSE);
            }
            program.op(rng.pick(&[OP_NOP, OP_NOP1, OP_NOP10, OP_CODESEPARATOR]));
            if rng.chance(95) {
                program.op(OP_ENDIF);
            } else {
                open.push(depth);
            }
        }
        _ => {
            program.op(OP_DEPTH);
            stack.push(Known::Number);
        }
    }
}

fn push_number(program: &mut Program, rng: &mut Rng, stack: &mut Vec<Known>) {
    let bytes = number_bytes(rng);
    program.push(&bytes);
    stack.push(Known::Number);
}

fn push_bytes(program: &mut Program, rng: &mut Rng, stack: &mut Vec<Known>) {
    let bytes = some_bytes(rng);
    program.push(&bytes);
    stack.push(Known::Bytes);
}

/// A script number, now and then not in its shortest form or a byte too long.
fn number_bytes(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0..=5 => small(rng),
        6..=8 => {
            let size = rng.within(1, 4);
            rng.bytes(size)
        }
        9 => rng
            .pick(&[[0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80], [0, 0, 0, 0]])
            .to_vec(),
        10 => vec![0x80],
        _ if rng.chance(20) => rng.bytes(5),
        _ => vec![rng.u8(), 0],
    }
}

fn small(rng: &mut Rng) -> Vec<u8> {
    match rng.below(19) {
        0 => vec![],
        1 => vec![0x81],
        number => vec![number as u8 - 1],
    }
}

fn some_bytes(rng: &mut Rng) -> Vec<u8> {
    let size = rng.pick(&[0, 1, 2, 5, 20, 32, 33, 65, 75, 76, 80]);
    if rng.chance(10) { vec![rng.pick(&[0, 0x80]); size] } else { rng.bytes(size) }
}

fn arithmetic(program: &mut Program, rng: &mut Rng, stack: &mut Vec<Known>, numbers: usize) {
    const ONE: [u8; 6] = [OP_1ADD, OP_1SUB, OP_NEGATE, OP_ABS, OP_NOT, OP_0NOTEQUAL];
    const TWO: [u8; 12] = [
        OP_ADD,
        OP_SUB,
        OP_BOOLAND,
        OP_BOOLOR,
        OP_NUMEQUAL,
        OP_NUMNOTEQUAL,
        OP_LESSTHAN,
        OP_GREATERTHAN,
        OP_LESSTHANOREQUAL,
        OP_GREATERTHANOREQUAL,
        OP_MIN,
        OP_MAX,
    ];
    let takes = rng.within(1, numbers.min(3));
    program.op(match takes {
        1 => rng.pick(&ONE),
        2 => rng.pick(&TWO),
        _ => OP_WITHIN,
    });
    stack.truncate(stack.len() - takes);
    stack.push(Known::Number);
}

fn rearrange(program: &mut Program, rng: &mut Rng, stack: &mut Vec<Known>) {
    // Opcode, items needed, how many more are there afterwards.
    const ALL: [(u8, usize, isize); 15] = [
        (OP_DUP, 1, 1),
        (OP_DROP, 1, -1),
        (OP_NIP, 2, -1),
        (OP_OVER, 2, 1),
        (OP_ROT, 3, 0),
        (OP_SWAP, 2, 0),
        (OP_TUCK, 2, 1),
        (OP_2DROP, 2, -2),
        (OP_2DUP, 2, 2),
        (OP_3DUP, 3, 3),
        (OP_2OVER, 4, 2),
        (OP_2ROT, 6, 0),
        (OP_2SWAP, 4, 0),
        (OP_DUP, 1, 1),
        (OP_IFDUP, 1, 0),
    ];
    let (opcode, needs, more) = rng.pick(&ALL);
    if needs > stack.len() || opcode == OP_IFDUP && rng.chance(80) {
        return;
    }
    program.op(opcode);
    let len = stack.len();
    let kept = len.saturating_add_signed(more);
    // Where items went is followed for the plain copy only.
    let top = if opcode == OP_DUP { stack[len - 1] } else { Known::Bytes };
    let from = len - needs;
    stack.resize(kept, top);
    if opcode != OP_DUP {
        let end = stack.len();
        stack[from.min(end)..].fill(Known::Bytes);
    }
}

/// `OP_PICK` or `OP_ROLL` with its number in front.
fn pick(program: &mut Program, rng: &mut Rng, stack: &mut Vec<Known>) {
    if stack.is_empty() {
        return;
    }
    let at = rng.below(stack.len());
    let index = stack.len() - 1 - at;
    program.int(at as i64);
    if rng.chance(50) {
        program.op(OP_PICK);
        stack.push(stack[index]);
    } else {
        program.op(OP_ROLL);
        let known = stack.remove(index);
        stack.push(known);
    }
}
