//! `OP_CHECKLOCKTIMEVERIFY` (BIP65) and `OP_CHECKSEQUENCEVERIFY` (BIP112) at their borders.

use cairn_primitives::ScriptBuilder;
use cairn_primitives::op::{OP_1, OP_CHECKLOCKTIMEVERIFY, OP_CHECKSEQUENCEVERIFY};
use cairn_script::ScriptFlags;

use crate::spend::{CONSENSUS, Spend};

/// A spend of an output that demands `number` of `opcode`.
fn spend(number: i64, opcode: u8) -> Spend {
    let script = ScriptBuilder::new().push_int(number).push_opcode(opcode).push_opcode(OP_1).into_script();
    Spend::bare(&[], script.as_bytes())
}

fn absolute(number: i64, lock_time: u32, sequence: u32) -> &'static str {
    Spend { lock_time, sequence, ..spend(number, OP_CHECKLOCKTIMEVERIFY) }.code()
}

fn relative(number: i64, sequence: u32, version: i32) -> &'static str {
    Spend { version, sequence, ..spend(number, OP_CHECKSEQUENCEVERIFY) }.code()
}

#[test]
fn absolute_locks() {
    const TIME: u32 = 500_000_000;
    assert_eq!(absolute(100, 100, 0), "OK");
    assert_eq!(absolute(101, 100, 0), "UNSATISFIED_LOCKTIME");
    assert_eq!(absolute(100, 100, 0xffff_fffe), "OK");
    assert_eq!(absolute(100, 100, 0xffff_ffff), "UNSATISFIED_LOCKTIME", "a final input has no lock time");
    assert_eq!(absolute(i64::from(TIME) - 1, TIME - 1, 0), "OK");
    assert_eq!(absolute(i64::from(TIME), TIME, 0), "OK");
    assert_eq!(absolute(i64::from(TIME) - 1, TIME, 0), "UNSATISFIED_LOCKTIME", "a height against a time");
    assert_eq!(absolute(i64::from(TIME), TIME - 1, 0), "UNSATISFIED_LOCKTIME", "a time against a height");
    assert_eq!(absolute(0xffff_ffff, u32::MAX, 0), "OK");
    assert_eq!(absolute(0x1_0000_0000, u32::MAX, 0), "UNSATISFIED_LOCKTIME");
    assert_eq!(absolute(0, 0, 0), "OK");
    assert_eq!(absolute(-1, 0, 0), "NEGATIVE_LOCKTIME");
}

#[test]
fn relative_locks() {
    const TIME: u32 = 1 << 22;
    const OFF: u32 = 1 << 31;
    assert_eq!(relative(10, 10, 2), "OK");
    assert_eq!(relative(11, 10, 2), "UNSATISFIED_LOCKTIME");
    assert_eq!(relative(10, 10, 1), "UNSATISFIED_LOCKTIME", "version 1 knows no relative locks");
    assert_eq!(relative(10, 10, -1), "OK", "versions are unsigned here");
    assert_eq!(relative(10, 10 | OFF, 2), "UNSATISFIED_LOCKTIME", "the input has no relative lock");
    assert_eq!(relative(i64::from(OFF) | 10, 0, 1), "OK", "nothing is demanded");
    assert_eq!(relative(i64::from(TIME) | 10, TIME | 10, 2), "OK");
    assert_eq!(relative(i64::from(TIME) | 10, 10, 2), "UNSATISFIED_LOCKTIME", "time against blocks");
    assert_eq!(relative(10, TIME | 10, 2), "UNSATISFIED_LOCKTIME", "blocks against time");
    assert_eq!(relative(0xffff, 0xffff, 2), "OK");
    assert_eq!(relative(0x1_000a, 10, 2), "OK", "bits without meaning do not count");
    assert_eq!(relative(-1, 10, 2), "NEGATIVE_LOCKTIME");
}

#[test]
fn without_their_rules_both_are_no_operations() {
    let without =
        CONSENSUS.without(ScriptFlags::CHECKLOCKTIMEVERIFY).without(ScriptFlags::CHECKSEQUENCEVERIFY)
            | ScriptFlags::DISCOURAGE_UPGRADABLE_NOPS;
    assert_eq!(spend(-1, OP_CHECKLOCKTIMEVERIFY).check(without), Ok(()));
    assert_eq!(spend(-1, OP_CHECKSEQUENCEVERIFY).check(without), Ok(()));
}
