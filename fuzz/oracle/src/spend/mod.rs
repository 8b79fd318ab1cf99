//! Outputs of every type, and what spends them.

mod sign;
mod taproot;

use cairn_primitives::op::{OP_CHECKSIG, OP_PUSHDATA1};
use cairn_primitives::{Script, ScriptBuilder, hash};

use crate::case::Draft;
use crate::fragments;
use crate::keys::key;
use crate::program::{Dialect, Program};
use crate::rng::Rng;
use taproot::Taproot;

/// An output and all that is needed to spend it.
pub(crate) enum Lock {
    /// A script in the output.
    Bare(Program),
    /// A script behind its hash.
    P2sh(Program),
    /// A witness script; the flag says whether it stands behind P2SH.
    P2wsh(Program, bool),
    /// A key's hash; the flag says whether it stands behind P2SH.
    P2wpkh(usize, bool),
    /// An output key, spent by itself or by a script it commits to.
    P2tr(Taproot),
    /// A legacy script that holds its own signature; the flag says whether it stands behind P2SH.
    SelfSigned(bool),
    /// A witness program without meaning.
    Unknown(u8, Vec<u8>),
}

impl Lock {
    /// A lock for input `input`, whose lock times suit the draft's more often than not.
    pub(crate) fn random(rng: &mut Rng, draft: &Draft, input: usize) -> Self {
        let program = |rng: &mut Rng, dialect| {
            let mut program = Program::new(dialect);
            fragments::write(&mut program, rng, draft, input);
            if rng.chance(12) {
                crate::mutate::script(&mut program.script, rng);
            }
            program
        };
        match rng.below(32) {
            0..=5 => Self::Bare(program(rng, Dialect::Legacy)),
            6..=9 => Self::P2sh(program(rng, Dialect::Legacy)),
            10..=13 => Self::P2wsh(program(rng, Dialect::WitnessV0), false),
            14 | 15 => Self::P2wsh(program(rng, Dialect::WitnessV0), true),
            16 | 17 => Self::P2wpkh(rng.below(24), false),
            18 => Self::P2wpkh(rng.below(24), true),
            19..=22 => Self::P2tr(Taproot::by_key(rng)),
            23..=29 => {
                let program = program(rng, Dialect::Tapscript);
                Self::P2tr(Taproot::by_script(rng, program))
            }
            30 => Self::SelfSigned(rng.chance(50)),
            _ => {
                let size = rng.pick(&[2, 19, 20, 21, 31, 32, 33, 40, 41]);
                Self::Unknown(rng.pick(&[0, 0, 1, 1, 2, 16]), rng.bytes(size))
            }
        }
    }

    /// A lock around a program that wants nothing but the items it names.
    pub(crate) fn around(rng: &mut Rng, program: Program) -> Self {
        match program.dialect {
            Dialect::Legacy if rng.chance(60) => Self::Bare(program),
            Dialect::Legacy => Self::P2sh(program),
            Dialect::WitnessV0 => Self::P2wsh(program, rng.chance(20)),
            Dialect::Tapscript => Self::P2tr(Taproot::by_script(rng, program)),
        }
    }

    /// Gives input `input` this output to spend; before anything is signed.
    pub(crate) fn place(&self, draft: &mut Draft, input: usize) {
        let script = match self {
            Self::Bare(program) => Script::from_bytes(program.script.clone()),
            Self::P2sh(program) => Script::p2sh(hash::hash160(&program.script)),
            Self::P2wsh(program, nested) => nest(Script::p2wsh(hash::sha256(&program.script)), *nested),
            Self::P2wpkh(number, nested) => nest(Script::p2wpkh(key_hash(*number)), *nested),
            Self::P2tr(taproot) => Script::p2tr(taproot.output_key()),
            // It depends on its signature.
            Self::SelfSigned(_) => Script::new(),
            Self::Unknown(version, program) => {
                ScriptBuilder::new().push_int(i64::from(*version)).push_slice(program).into_script()
            }
        };
        draft.inputs[input].script_pubkey = script.as_bytes().to_vec();
    }

    /// Writes input script and witness; every output spent must be in place.
    pub(crate) fn unlock(&self, rng: &mut Rng, draft: &mut Draft, input: usize) {
        match self {
            Self::Bare(program) => {
                let items = sign::items(rng, draft, input, program, None);
                draft.inputs[input].script_sig = pushes(rng, &items);
            }
            Self::P2sh(program) => {
                let mut items = sign::items(rng, draft, input, program, None);
                items.push(program.script.clone());
                draft.inputs[input].script_sig = pushes(rng, &items);
            }
            Self::P2wsh(program, nested) => {
                let mut items = sign::items(rng, draft, input, program, None);
                items.push(program.script.clone());
                draft.inputs[input].witness = items;
                if *nested {
                    redeem(draft, input, &Script::p2wsh(hash::sha256(&program.script)));
                }
            }
            Self::P2wpkh(number, nested) => {
                let hash = key_hash(*number);
                let code = Script::p2pkh(hash);
                let signature = sign::ecdsa(rng, draft, input, *number, code.as_bytes(), Dialect::WitnessV0);
                draft.inputs[input].witness = vec![signature, key(*number).compressed.to_vec()];
                if *nested {
                    redeem(draft, input, &Script::p2wpkh(hash));
                }
            }
            Self::P2tr(taproot) => taproot.unlock(rng, draft, input),
            Self::SelfSigned(nested) => self_signed(rng, draft, input, *nested),
            Self::Unknown(..) => {
                let count = rng.below(3);
                draft.inputs[input].witness = (0..count).map(|_| rng.bytes(4)).collect();
            }
        }
    }
}

fn key_hash(number: usize) -> cairn_primitives::Hash160 {
    hash::hash160(&key(number).compressed)
}

fn nest(script: Script, nested: bool) -> Script {
    if nested { Script::p2sh(hash::hash160(script.as_bytes())) } else { script }
}

fn redeem(draft: &mut Draft, input: usize, script: &Script) {
    draft.inputs[input].script_sig =
        ScriptBuilder::new().push_bytes(script.as_bytes()).into_script().as_bytes().to_vec();
}

/// An input script that pushes these items, now and then in a longer form than need be.
fn pushes(rng: &mut Rng, items: &[Vec<u8>]) -> Vec<u8> {
    let mut script = Vec::new();
    for item in items {
        match u8::try_from(item.len()) {
            Ok(len) if rng.chance(2) => {
                script.extend([OP_PUSHDATA1, len]);
                script.extend(item);
            }
            _ => {
                let push = ScriptBuilder::new();
                let push = if rng.chance(90) { push.push_slice(item) } else { push.push_bytes(item) };
                script.extend_from_slice(push.into_script().as_bytes());
            }
        }
    }
    script
}

/// A script in which the signature that it checks stands, which is cut out of what that signature signs.
fn self_signed(rng: &mut Rng, draft: &mut Draft, input: usize, nested: bool) {
    use cairn_primitives::op::{OP_CODESEPARATOR, OP_DROP, OP_NOP};
    let number = rng.below(24);
    let public = key(number).compressed;
    let check = ScriptBuilder::new().push_slice(&public).push_opcode(OP_CHECKSIG).into_script();
    let separators = rng.below(3);
    // Separators are left out of what is signed too, but for the one that ran they end nothing.
    let mut code = check.as_bytes().to_vec();
    code.push(OP_NOP);
    let signature = sign::ecdsa(rng, draft, input, number, &code, Dialect::Legacy);
    let mut script = Vec::new();
    let copies = rng.within(1, 2);
    for copy in 0..copies {
        script.extend_from_slice(ScriptBuilder::new().push_slice(&signature).into_script().as_bytes());
        if copy > 0 && rng.chance(50) {
            script.push(OP_DROP);
        }
    }
    script.extend_from_slice(check.as_bytes());
    script.extend(std::iter::repeat_n(OP_CODESEPARATOR, separators));
    script.push(OP_NOP);
    if nested {
        draft.inputs[input].script_pubkey = Script::p2sh(hash::hash160(&script)).as_bytes().to_vec();
        draft.inputs[input].script_sig =
            ScriptBuilder::new().push_slice(&script).into_script().as_bytes().to_vec();
    } else {
        draft.inputs[input].script_pubkey = script;
    }
}
