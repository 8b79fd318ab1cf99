//! Witness programs: what a version and a program of 2 to 40 bytes demand of a witness.

use cairn_primitives::hash::sha256;
use cairn_primitives::op::{OP_CHECKSIG, OP_DUP, OP_EQUALVERIFY, OP_HASH160};
use cairn_primitives::{Witness, WitnessIter};

use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::interpreter::{self, Env, Rules};
use crate::stack::{Element, MAX_ELEMENT_SIZE, MAX_STACK_SIZE, Stack};
use crate::taproot;
use crate::trace::Program;

/// Where a witness program stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// In the output itself.
    Bare,
    /// Behind P2SH.
    P2sh,
}

/// Whether `witness` satisfies the program. Source: BIP141, BIP341, Core's `VerifyWitnessProgram`.
pub(crate) fn verify_program(
    env: &Env<'_>,
    (version, program): (u8, &[u8]),
    witness: &Witness,
    nesting: Nesting,
) -> Result<(), ScriptError> {
    match (version, program.len()) {
        (0, 20) => verify_key_hash(env, program, witness),
        (0, 32) => verify_script_hash(env, program, witness),
        (0, got) => Err(ScriptError::WitnessProgramWrongLength { got }),
        (1, 32) if nesting == Nesting::Bare => match program.try_into() {
            Ok(key) if env.flags.contains(ScriptFlags::TAPROOT) => taproot::verify(env, key, witness),
            _ => Ok(()),
        },
        (1, _) if nesting == Nesting::Bare && program == ANCHOR => Ok(()),
        // Any other program is anyone's to spend, until it gets a meaning.
        _ if env.flags.contains(ScriptFlags::DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) => {
            Err(ScriptError::DiscourageUpgradableWitnessProgram)
        }
        _ => Ok(()),
    }
}

/// The program of the output that anyone may spend to pay a fee for its transaction.
/// Source: Core's `CScript::IsPayToAnchor`.
const ANCHOR: [u8; 2] = [0x4e, 0x73];

/// # Consensus
/// A version 0 program of 20 bytes is the hash of a public key: the witness is a signature and that key. Source: BIP141.
fn verify_key_hash(env: &Env<'_>, program: &[u8], witness: &Witness) -> Result<(), ScriptError> {
    if witness.len() != 2 {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    let mut script =
        [OP_DUP, OP_HASH160, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    script[3..23].copy_from_slice(program);
    script[23..].copy_from_slice(&[OP_EQUALVERIFY, OP_CHECKSIG]);
    execute(env, Rules::WitnessV0, &script, witness.iter())
}

/// # Consensus
/// A version 0 program of 32 bytes is the SHA-256 of a script, which is the last item of the witness and runs on the
/// rest. Source: BIP141.
fn verify_script_hash(env: &Env<'_>, program: &[u8], witness: &Witness) -> Result<(), ScriptError> {
    let mut items = witness.iter();
    let script = items.next_back().ok_or(ScriptError::WitnessProgramWitnessEmpty)?;
    if sha256(script) != *program {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    execute(env, Rules::WitnessV0, script, items)
}

/// # Consensus
/// No item of a witness is longer than what may lie on the stack, nor are there more of them in front of a tapscript,
/// and a witness script leaves exactly one item, which is true. Source: BIP141, BIP342, Core's `ExecuteWitnessScript`.
pub(crate) fn execute<'s>(
    env: &Env<'_>,
    rules: Rules,
    script: &'s [u8],
    items: WitnessIter<'s>,
) -> Result<(), ScriptError> {
    let program = match rules {
        Rules::Tapscript(_) => Program::Tapscript,
        _ => Program::WitnessV0,
    };
    if program == Program::Tapscript && items.len() > MAX_STACK_SIZE {
        return Err(ScriptError::StackSize { got: items.len(), limit: MAX_STACK_SIZE });
    }
    let mut stack = Stack::default();
    for item in items {
        if item.len() > MAX_ELEMENT_SIZE {
            return Err(ScriptError::PushSize { got: item.len(), limit: MAX_ELEMENT_SIZE });
        }
        stack.push(Element::Slice(item));
    }
    interpreter::run(env, program, rules, script, &mut stack)?;
    if stack.len() != 1 {
        return Err(ScriptError::CleanStack { got: stack.len() });
    }
    if stack.pop()?.is_true() { Ok(()) } else { Err(ScriptError::EvalFalse) }
}
