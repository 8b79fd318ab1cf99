//! Parts of scripts that demand something, and what satisfies them.

use cairn_primitives::hash;
use cairn_primitives::op::*;

use crate::case::Draft;
use crate::keys::key;
use crate::program::{Dialect, Item, Program};
use crate::rng::Rng;

/// Writes one to four parts; every part but the last verifies, the last leaves its result.
pub(crate) fn write(program: &mut Program, rng: &mut Rng, draft: &Draft, input: usize) {
    for _ in 0..rng.pick(&[0, 0, 0, 1, 1, 2, 3]) {
        middle(program, rng, draft, input, 2);
    }
    last(program, rng);
}

/// A part that leaves a result.
fn last(program: &mut Program, rng: &mut Rng) {
    match rng.below(12) {
        0..=3 => check_sig(program, rng, OP_CHECKSIG),
        4 | 5 => key_hash(program, rng),
        6..=8 => multisig(program, rng, false),
        9 => {
            hash_lock(program, rng);
            program.int(1);
        }
        10 => {
            check_sig(program, rng, OP_CHECKSIG);
            program.op(OP_NOT).op(OP_NOT);
        }
        _ => {
            program.want(vec![Item::Bytes(vec![rng.pick(&[0, 1, 2, 0x80, 0x81])])]);
            program.op(OP_NOP);
        }
    }
}

/// A part that leaves nothing.
fn middle(program: &mut Program, rng: &mut Rng, draft: &Draft, input: usize, depth: usize) {
    match rng.below(14) {
        0 | 1 => check_sig(program, rng, OP_CHECKSIGVERIFY),
        2 | 3 => multisig(program, rng, true),
        4 | 5 => lock(program, OP_CHECKLOCKTIMEVERIFY, lock_time(rng, draft)),
        6 | 7 => lock(program, OP_CHECKSEQUENCEVERIFY, sequence(rng, draft.inputs[input].sequence)),
        8 => hash_lock(program, rng),
        9 | 10 => program.separate(),
        11 if program.dialect == Dialect::Tapscript => many_checks(program, rng),
        11 => {
            program.op(rng.pick(&[OP_NOP, OP_NOP1, OP_NOP4, OP_NOP10]));
        }
        _ if depth == 0 => check_sig(program, rng, OP_CHECKSIGVERIFY),
        _ => branch(program, rng, draft, input, depth - 1),
    }
}

/// `OP_IF` or `OP_NOTIF` with a part on either side.
fn branch(program: &mut Program, rng: &mut Rng, draft: &Draft, input: usize, depth: usize) {
    let (first, inverted) = (rng.chance(50), rng.chance(30));
    let item = if first == inverted { vec![] } else { vec![1] };
    let odd = if first == inverted { vec![0x80] } else { vec![2, 0] };
    program.want(vec![Item::Bytes(if rng.chance(8) { odd } else { item })]);
    program.op(if inverted { OP_NOTIF } else { OP_IF });
    for runs in [first, !first] {
        if runs {
            middle(program, rng, draft, input, depth);
        } else {
            program.dead(|program| middle(program, rng, draft, input, depth));
        }
        program.op(OP_ELSE);
    }
    // The second `OP_ELSE` opens an empty third part, which is legal.
    program.op(OP_ENDIF);
}

fn public_key(rng: &mut Rng, dialect: Dialect, number: usize) -> Vec<u8> {
    let key = key(number);
    if dialect == Dialect::Tapscript {
        return if rng.chance(4) { key.compressed.to_vec() } else { key.x_only.to_vec() };
    }
    match rng.below(20) {
        0..=14 => key.compressed.to_vec(),
        15..=17 => key.uncompressed.to_vec(),
        _ => {
            let mut hybrid = key.uncompressed.to_vec();
            hybrid[0] = if rng.chance(85) { 6 + key.parity.to_bit() } else { 7 - key.parity.to_bit() };
            hybrid
        }
    }
}

fn check_sig(program: &mut Program, rng: &mut Rng, opcode: u8) {
    let number = rng.below(24);
    let public = public_key(rng, program.dialect, number);
    program.want(vec![program.signature(number)]);
    program.push(&public).op(opcode);
}

fn key_hash(program: &mut Program, rng: &mut Rng) {
    let number = rng.below(24);
    let public = public_key(rng, program.dialect, number);
    program.want(vec![program.signature(number), Item::Bytes(public.clone())]);
    let hash = hash::hash160(&public).to_bytes();
    program.op(OP_DUP).op(OP_HASH160).push(&hash).op(OP_EQUALVERIFY).op(OP_CHECKSIG);
}

/// Some of some keys: `OP_CHECKMULTISIG`, in tapscript `OP_CHECKSIGADD`.
fn multisig(program: &mut Program, rng: &mut Rng, verify: bool) {
    let keys = if rng.chance(5) { rng.within(15, 20) } else { rng.within(1, 5) };
    let least = usize::from(!rng.chance(3));
    let wanted = rng.within(least, keys.min(5));
    let mut signs = vec![false; keys];
    while signs.iter().filter(|signs| **signs).count() < wanted {
        signs[rng.below(keys)] = true;
    }
    let first = rng.below(24);
    if program.dialect == Dialect::Tapscript {
        let item = |(i, signs): (usize, &bool)| match signs {
            true => program.signature(first + i),
            false => Item::Bytes(vec![]),
        };
        let items = signs.iter().enumerate().rev().map(item).collect();
        program.want(items);
        for i in 0..keys {
            let public = public_key(rng, program.dialect, first + i);
            program.push(&public).op(if i == 0 { OP_CHECKSIG } else { OP_CHECKSIGADD });
        }
        program.int(wanted as i64).op(if verify { OP_NUMEQUALVERIFY } else { OP_NUMEQUAL });
        return;
    }
    let excess = if rng.chance(6) { vec![rng.u8()] } else { vec![] };
    let mut items = vec![Item::Bytes(excess)];
    items.extend((0..keys).filter(|i| signs[*i]).map(|i| program.signature(first + i)));
    program.want(items);
    program.int(wanted as i64);
    for i in 0..keys {
        let public = public_key(rng, program.dialect, first + i);
        program.push(&public);
    }
    program.int(keys as i64).op(if verify { OP_CHECKMULTISIGVERIFY } else { OP_CHECKMULTISIG });
}

fn lock(program: &mut Program, opcode: u8, operand: i64) {
    program.int(operand).op(opcode).op(OP_DROP);
}

/// A lock time near the transaction's.
fn lock_time(rng: &mut Rng, draft: &Draft) -> i64 {
    let own = i64::from(draft.lock_time);
    match rng.below(16) {
        0 => own + 1,
        1 => own ^ 0x4000_0000,
        2 => rng.pick(&[0, -1, 499_999_999, 500_000_000, 0xffff_ffff, 0x1_0000_0000, 0x80_0000_0000]),
        3 | 4 => own.saturating_sub(rng.within(0, 1000) as i64).max(0),
        _ => own,
    }
}

/// A relative lock near the input's.
fn sequence(rng: &mut Rng, own: u32) -> i64 {
    let own = i64::from(own);
    match rng.below(16) {
        0 => own + 1,
        1 => own ^ (1 << 22),
        2 => own ^ (1 << 31),
        3 => rng.pick(&[0, -1, 0xffff, 0x10000, 1 << 22, 1 << 31, 0xffff_ffff, 0x1_0000_0000]),
        4 => own | (1 << rng.within(16, 38)),
        5 | 6 => own & !0xff,
        _ => own & 0x0040_ffff,
    }
}

fn hash_lock(program: &mut Program, rng: &mut Rng) {
    let size = rng.pick(&[0, 1, 20, 32, 75, 76, 255, 256, 519, 520, 521]);
    let size = if rng.chance(90) { size.min(80) } else { size };
    let secret = rng.bytes(size);
    let (opcode, digest) = match rng.below(5) {
        0 => (OP_RIPEMD160, hash::ripemd160(&secret).to_vec()),
        1 => (OP_SHA1, hash::sha1(&secret).to_vec()),
        2 => (OP_SHA256, hash::sha256(&secret).to_vec()),
        3 => (OP_HASH160, hash::hash160(&secret).to_bytes().to_vec()),
        _ => (OP_HASH256, hash::sha256d(&secret).to_vec()),
    };
    program.want(vec![Item::Bytes(secret)]);
    program.op(opcode).push(&digest).op(OP_EQUALVERIFY);
}

/// One signature checked again and again: the budget of tapscript.
fn many_checks(program: &mut Program, rng: &mut Rng) {
    let number = rng.below(24);
    program.want(vec![program.signature(number)]);
    program.push(&key(number).x_only);
    for _ in 0..rng.within(1, 9) {
        program.op(OP_2DUP).op(OP_CHECKSIGVERIFY);
    }
    program.op(OP_2DROP);
}
