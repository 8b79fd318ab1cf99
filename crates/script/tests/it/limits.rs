//! Every limit: what reaches it passes, one more fails.

use cairn_primitives::op::*;
use cairn_script::{ScriptError, ScriptFlags, SighashCache, verify};

use crate::spend::Spend;
use crate::text::plain_push;

fn bare(script: &[u8]) -> &'static str {
    Spend::bare(&[], script).code()
}

/// `head`, `count` times `byte`, `tail`.
fn script(head: &[u8], byte: u8, count: usize, tail: &[u8]) -> Vec<u8> {
    [head, &vec![byte; count], tail].concat()
}

#[test]
fn scripts_of_10_000_bytes() {
    let large = plain_push(&[1; 520]).repeat(19);
    for (count, legacy) in [(10_000, "OK"), (10_001, "SCRIPT_SIZE")] {
        let script = script(&large, OP_1, count - large.len(), &[]);
        assert_eq!(script.len(), count);
        assert_eq!(bare(&script), legacy);
        // A witness script must leave one item, so the one at the limit gets past this check to that.
        let witness = if legacy == "OK" { "CLEANSTACK" } else { legacy };
        assert_eq!(Spend::p2wsh(vec![], &script).code(), witness);
    }
    assert_eq!(Spend::tapscript(vec![], &script(&[], OP_NOP, 20_000, &[OP_1])).code(), "OK");
}

#[test]
fn items_of_520_bytes() {
    for (size, code) in [(520, "OK"), (521, "PUSH_SIZE")] {
        let push = plain_push(&vec![1; size]);
        assert_eq!(bare(&push), code);
        assert_eq!(Spend::tapscript(vec![], &push).code(), code);
        let skipped = [&[OP_0, OP_IF], &push[..], &[OP_ENDIF, OP_1]].concat();
        assert_eq!(bare(&skipped), code, "also where it is not pushed");
        assert_eq!(Spend::p2wsh(vec![vec![1; size]], &[OP_NOP]).code(), code);
        assert_eq!(Spend::tapscript(vec![vec![1; size]], &[OP_NOP]).code(), code);
    }
}

#[test]
fn operations_up_to_201() {
    for (count, code) in [(201, "OK"), (202, "OP_COUNT")] {
        assert_eq!(bare(&script(&[], OP_NOP, count, &[OP_1])), code);
        assert_eq!(Spend::p2wsh(vec![], &script(&[], OP_NOP, count, &[OP_1])).code(), code);
        assert_eq!(bare(&script(&[OP_0, OP_IF], OP_NOP, count - 2, &[OP_ENDIF, OP_1])), code, "not executed");
        assert_eq!(Spend::tapscript(vec![], &script(&[], OP_NOP, count, &[OP_1])).code(), "OK");
    }
    // Each key of a multisig check is one more: nine checks of 20 keys, and no-operations.
    let none_of_20 = script(&[OP_0, OP_0], OP_1, 20, &[1, 20, OP_CHECKMULTISIGVERIFY]);
    for (nops, code) in [(12, "OK"), (13, "OP_COUNT")] {
        assert_eq!(bare(&script(&none_of_20.repeat(9), OP_NOP, nops, &[OP_1])), code);
    }
}

#[test]
fn items_up_to_1_000() {
    for (count, code) in [(1_000, "OK"), (1_001, "STACK_SIZE")] {
        assert_eq!(bare(&script(&[], OP_1, count, &[])), code);
        assert_eq!(bare(&script(&[OP_1, OP_TOALTSTACK], OP_1, count - 1, &[])), code, "both stacks together");
        let items = vec![vec![1]; count];
        assert_eq!(Spend::tapscript(items, &script(&[], OP_DROP, count - 1, &[])).code(), code);
    }
}

#[test]
fn keys_up_to_20_and_signatures_up_to_the_keys() {
    let keys = |count: u8| script(&[OP_0, OP_0], OP_1, usize::from(count), &[1, count, OP_CHECKMULTISIG]);
    assert_eq!(bare(&keys(20)), "OK");
    assert_eq!(bare(&keys(21)), "PUBKEY_COUNT");
    assert_eq!(bare(&[OP_0, OP_0, OP_1NEGATE, OP_CHECKMULTISIG]), "PUBKEY_COUNT");
    let signatures = |count: u8| {
        script(&[], OP_0, usize::from(count) + 1, &[OP_1 - 1 + count, OP_1, OP_2, OP_2, OP_CHECKMULTISIG])
    };
    assert_eq!(bare(&signatures(2)), "EVAL_FALSE", "two empty signatures of two keys are just wrong");
    assert_eq!(bare(&signatures(3)), "SIG_COUNT");
    assert_eq!(bare(&[OP_0, OP_1NEGATE, OP_1, OP_1, OP_CHECKMULTISIG]), "SIG_COUNT");
    // The item in excess must be there before the first signature, here one that is not DER, is looked at.
    let one_of_one = [OP_1, OP_1, OP_1, OP_1, OP_CHECKMULTISIG];
    assert_eq!(bare(&one_of_one), "INVALID_STACK_OPERATION");
    assert_eq!(bare(&[&[OP_0], &one_of_one[..]].concat()), "SIG_DER");
}

#[test]
fn numbers_of_four_bytes_and_lock_times_of_five() {
    let add = |size: usize| [&plain_push(&vec![1; size])[..], &[OP_1ADD]].concat();
    assert_eq!(bare(&add(4)), "OK");
    assert_eq!(bare(&add(5)), "UNKNOWN_ERROR");
    let got = Spend::bare(&[], &add(5)).check(ScriptFlags::NONE);
    assert_eq!(got, Err(ScriptError::NumberSize { got: 5, limit: 4 }));
    let lock = |size: usize| [&plain_push(&vec![1; size])[..], &[OP_CHECKLOCKTIMEVERIFY]].concat();
    assert_eq!(bare(&lock(5)), "UNSATISFIED_LOCKTIME");
    assert_eq!(bare(&lock(6)), "UNKNOWN_ERROR");
}

#[test]
fn four_bytes_in_and_five_out() {
    // 2^31 - 1 plus itself takes five bytes: it may be left, compared as bytes, but not counted with again.
    let max = [4, 0xff, 0xff, 0xff, 0x7f];
    let sum = [&max[..], &max, &[OP_ADD]].concat();
    assert_eq!(bare(&[&sum[..], &[5, 0xfe, 0xff, 0xff, 0xff, 0, OP_EQUAL]].concat()), "OK");
    assert_eq!(bare(&[&sum[..], &[OP_NOT]].concat()), "UNKNOWN_ERROR");
}

#[test]
fn the_signature_budget_of_a_tapscript() {
    // Four checks of keys without meaning cost 200. The witness, without the no-operations, is a count, a script of 13
    // bytes and a control block of 33 with their lengths, 49 bytes; 50 more are free.
    let check = [OP_1, OP_1, OP_CHECKSIGVERIFY];
    for (nops, code) in [(101, "OK"), (100, "TAPSCRIPT_VALIDATION_WEIGHT")] {
        let script = script(&check.repeat(4), OP_NOP, nops, &[OP_1]);
        assert_eq!(Spend::tapscript(vec![], &script).code(), code);
    }
    let empty_signatures = script(&[OP_0, OP_1, OP_CHECKSIG, OP_DROP].repeat(100), OP_1, 1, &[]);
    assert_eq!(Spend::tapscript(vec![], &empty_signatures).code(), "OK", "an empty signature costs nothing");
}

#[test]
fn the_input_must_exist_and_every_spent_output_be_given() {
    let (tx, spent) = Spend::bare(&[], &[OP_1]).build();
    let cache = SighashCache::new(&tx, vec![&spent]);
    assert_eq!(verify(&cache, 0, ScriptFlags::NONE), Ok(()));
    assert_eq!(verify(&cache, 1, ScriptFlags::NONE), Err(ScriptError::InputIndex { got: 1, limit: 1 }));
    let wrong = SighashCache::new(&tx, vec![&spent, &spent]);
    assert_eq!(verify(&wrong, 0, ScriptFlags::NONE), Err(ScriptError::SpentOutputs { got: 2, expected: 1 }));
    let none = SighashCache::new(&tx, vec![]);
    assert_eq!(verify(&none, 0, ScriptFlags::NONE), Err(ScriptError::SpentOutputs { got: 0, expected: 1 }));
}
