//! Counting signature operations without running anything.

use cairn_primitives::op::*;
use cairn_primitives::{Instruction, Instructions, Script, Witness};

use crate::flags::ScriptFlags;

/// What a multisig check counts as where its keys are not counted.
const MULTISIG_COUNT: u32 = 20;

/// Signature operations in `script`: one for each `OP_CHECKSIG` and `OP_CHECKSIGVERIFY`, and for each multisig check
/// 20, or where `accurate` and an `OP_1` to `OP_16` stands right before it, that number of keys.
///
/// Counting ends at the first push that is cut off. Source: Core's `CScript::GetSigOpCount(bool)`.
pub fn count_sigops(script: &[u8], accurate: bool) -> u32 {
    let mut count = 0;
    let mut previous = OP_INVALIDOPCODE;
    for instruction in Instructions::new(script).map_while(Result::ok) {
        let opcode = instruction.opcode();
        count += match opcode {
            OP_CHECKSIG | OP_CHECKSIGVERIFY => 1,
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY if accurate && (OP_1..=OP_16).contains(&previous) => {
                u32::from(previous - OP_1) + 1
            }
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => MULTISIG_COUNT,
            _ => 0,
        };
        previous = opcode;
    }
    count
}

/// Signature operations in the script behind a P2SH output, counted accurately; `script_sig` is the script of the input
/// that spends it. None where `script_sig` does more than push.
///
/// Only to be asked for outputs that are P2SH. Source: BIP16, Core's `CScript::GetSigOpCount(const CScript&)`.
pub fn p2sh_sigops(script_sig: &Script) -> u32 {
    last_push(script_sig.as_bytes()).map_or(0, |redeem_script| count_sigops(redeem_script, true))
}

/// Signature operations in what a witness proves, in units that weigh one (a legacy operation weighs four): one for
/// P2WPKH, the witness script's, counted accurately, for P2WSH, none for later versions. None without the `WITNESS`
/// rule. `script_pubkey` is the output spent, bare or P2SH.
///
/// Source: BIP141, Core's `CountWitnessSigOps`.
pub fn witness_sigops(
    script_sig: &Script,
    script_pubkey: &Script,
    witness: &Witness,
    flags: ScriptFlags,
) -> u32 {
    if !flags.contains(ScriptFlags::WITNESS) {
        return 0;
    }
    if let Some((version, program)) = script_pubkey.witness_program() {
        return program_sigops(version, program, witness);
    }
    if !script_pubkey.is_p2sh() {
        return 0;
    }
    let redeem_script = last_push(script_sig.as_bytes()).map(|bytes| Script::from_bytes(bytes.to_vec()));
    match redeem_script.as_ref().and_then(Script::witness_program) {
        Some((version, program)) => program_sigops(version, program, witness),
        None => 0,
    }
}

fn program_sigops(version: u8, program: &[u8], witness: &Witness) -> u32 {
    match (version, program.len()) {
        (0, 20) => 1,
        (0, 32) => witness.last().map_or(0, |script| count_sigops(script, true)),
        _ => 0,
    }
}

/// What the last instruction of a script that only pushes leaves on top, as counting sees it: nothing for number
/// opcodes. `None` where the script does more than push or ends inside a push.
fn last_push(script: &[u8]) -> Option<&[u8]> {
    let mut last: &[u8] = &[];
    for instruction in Instructions::new(script) {
        last = match instruction.ok()? {
            Instruction::Push { data, .. } => data,
            Instruction::Op(opcode) if opcode <= OP_16 => &[],
            Instruction::Op(_) => return None,
        };
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(bytes: &[u8]) -> Script {
        Script::from_bytes(bytes.to_vec())
    }

    /// `data` behind a direct push.
    fn push(data: &[u8]) -> Script {
        script(&[&[u8::try_from(data.len()).unwrap()], data].concat())
    }

    const TWO_OF_THREE: &[u8] = &[OP_2, OP_3, OP_CHECKMULTISIG, OP_CHECKSIG];

    #[test]
    fn multisig_counts_its_keys_only_when_asked() {
        assert_eq!(count_sigops(TWO_OF_THREE, true), 4);
        assert_eq!(count_sigops(TWO_OF_THREE, false), 21);
        assert_eq!(count_sigops(&[OP_16, OP_CHECKMULTISIGVERIFY], true), 16);
        assert_eq!(count_sigops(&[1, 17, OP_CHECKMULTISIG], true), 20, "a pushed number is not read");
        assert_eq!(count_sigops(&[OP_0, OP_CHECKMULTISIG], true), 20);
        assert_eq!(count_sigops(&[OP_CHECKSIGVERIFY, OP_CHECKSIG], false), 2);
    }

    #[test]
    fn counting_ends_at_a_cut_push_and_skips_data() {
        assert_eq!(count_sigops(&[OP_CHECKSIG, 5, OP_CHECKSIG], true), 1);
        assert_eq!(count_sigops(&[1, OP_CHECKSIG, OP_CHECKSIG], true), 1);
        assert_eq!(count_sigops(&[], true), 0);
    }

    #[test]
    fn p2sh_counts_the_last_push_of_a_pushing_script() {
        assert_eq!(p2sh_sigops(&push(TWO_OF_THREE)), 4);
        let not_only_pushes = [push(TWO_OF_THREE).as_bytes(), &[OP_NOP]].concat();
        assert_eq!(p2sh_sigops(&script(&not_only_pushes)), 0);
        let number_last = [push(TWO_OF_THREE).as_bytes(), &[OP_1]].concat();
        assert_eq!(p2sh_sigops(&script(&number_last)), 0);
        let cut_off = [push(TWO_OF_THREE).as_bytes(), &[5, 1]].concat();
        assert_eq!(p2sh_sigops(&script(&cut_off)), 0);
        assert_eq!(p2sh_sigops(&Script::new()), 0);
    }

    #[test]
    fn witness_programs_bare_and_nested() {
        let on = ScriptFlags::P2SH | ScriptFlags::WITNESS;
        let witness = Witness::new(vec![vec![1], TWO_OF_THREE.to_vec()]);
        let key = Script::p2wpkh(cairn_primitives::Hash160::ZERO);
        let hashed = Script::p2wsh([0; 32]);
        let nested = Script::p2sh(cairn_primitives::Hash160::ZERO);
        let none = Script::new();
        assert_eq!(witness_sigops(&none, &key, &witness, on), 1);
        assert_eq!(witness_sigops(&none, &hashed, &witness, on), 4);
        assert_eq!(witness_sigops(&none, &hashed, &Witness::default(), on), 0);
        assert_eq!(witness_sigops(&none, &hashed, &witness, ScriptFlags::P2SH), 0);
        assert_eq!(witness_sigops(&push(hashed.as_bytes()), &nested, &witness, on), 4);
        assert_eq!(witness_sigops(&push(key.as_bytes()), &nested, &witness, on), 1);
        assert_eq!(witness_sigops(&none, &nested, &witness, on), 0);
        assert_eq!(witness_sigops(&none, &Script::p2tr([2; 32]), &witness, on), 0);
        assert_eq!(witness_sigops(&push(key.as_bytes()), &none, &witness, on), 0, "not P2SH");
    }
}
