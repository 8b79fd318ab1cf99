//! Recognising the standard script forms (Bitcoin Core's `Solver`).

use super::builder::is_minimal_push;
use super::number;
use super::op::{self, OP_CHECKMULTISIG, OP_CHECKSIG, OP_EQUAL, OP_EQUALVERIFY, OP_RETURN};
use super::op::{OP_0, OP_DUP, OP_HASH160};
use super::{Instruction, Instructions};

/// Most keys one `OP_CHECKMULTISIG` takes (Bitcoin Core's `MAX_PUBKEYS_PER_MULTISIG`).
pub const MAX_MULTISIG_KEYS: u8 = 20;

/// The form of an output script. Everything that fits no form is [`NonStandard`](Self::NonStandard).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScriptKind {
    /// One public key (33 or 65 bytes whose first byte fits the length) and `OP_CHECKSIG`.
    P2pk,
    /// The hash of one public key.
    P2pkh,
    /// The hash of a script (BIP16).
    P2sh,
    /// Any `m` of `n` keys, bare: `1 <= m <= n <= 20`.
    Multisig {
        /// Signatures required.
        m: u8,
        /// Keys named.
        n: u8,
    },
    /// Witness version 0, 20-byte key hash (BIP141).
    P2wpkh,
    /// Witness version 0, 32-byte script hash (BIP141).
    P2wsh,
    /// Witness version 1, 32-byte output key (BIP341).
    P2tr,
    /// Pay to anchor: the 4-byte version 1 program anyone can spend.
    P2a,
    /// A witness program of another version or length than those above; version 0 excluded.
    WitnessUnknown,
    /// `OP_RETURN` followed by nothing but pushes: carries data, can never be spent.
    NullData,
    /// None of the above.
    NonStandard,
}

impl ScriptKind {
    /// The type string Bitcoin Core's RPC prints (`GetTxnOutputType`), such as `pubkeyhash`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P2pk => "pubkey",
            Self::P2pkh => "pubkeyhash",
            Self::P2sh => "scripthash",
            Self::Multisig { .. } => "multisig",
            Self::P2wpkh => "witness_v0_keyhash",
            Self::P2wsh => "witness_v0_scripthash",
            Self::P2tr => "witness_v1_taproot",
            Self::P2a => "anchor",
            Self::WitnessUnknown => "witness_unknown",
            Self::NullData => "nulldata",
            Self::NonStandard => "nonstandard",
        }
    }
}

/// The program bytes of the anchor form: `4e73`, which reads "fees" in bech32.
const ANCHOR_PROGRAM: [u8; 2] = [0x4e, 0x73];

pub(super) fn classify(script: &[u8]) -> ScriptKind {
    if is_p2sh(script) {
        return ScriptKind::P2sh;
    }
    if let Some((version, program)) = witness_program(script) {
        return match (version, program.len()) {
            (0, 20) => ScriptKind::P2wpkh,
            (0, 32) => ScriptKind::P2wsh,
            (0, _) => ScriptKind::NonStandard,
            (1, 32) => ScriptKind::P2tr,
            (1, _) if program == ANCHOR_PROGRAM => ScriptKind::P2a,
            _ => ScriptKind::WitnessUnknown,
        };
    }
    if script.first() == Some(&OP_RETURN) && is_push_only(&script[1..]) {
        ScriptKind::NullData
    } else if p2pk_key(script).is_some() {
        ScriptKind::P2pk
    } else if is_p2pkh(script) {
        ScriptKind::P2pkh
    } else if let Some((m, n)) = multisig(script) {
        ScriptKind::Multisig { m, n }
    } else {
        ScriptKind::NonStandard
    }
}

/// `OP_HASH160 <20 bytes> OP_EQUAL`, with the direct push only (BIP16).
pub(super) fn is_p2sh(script: &[u8]) -> bool {
    matches!(script, [OP_HASH160, 20, .., OP_EQUAL]) && script.len() == 23
}

/// `OP_DUP OP_HASH160 <20 bytes> OP_EQUALVERIFY OP_CHECKSIG`, with the direct push only.
pub(super) fn is_p2pkh(script: &[u8]) -> bool {
    matches!(script, [OP_DUP, OP_HASH160, 20, .., OP_EQUALVERIFY, OP_CHECKSIG]) && script.len() == 25
}

/// A version opcode (`OP_0`, `OP_1` to `OP_16`) and one direct push of 2 to 40 bytes (BIP141).
pub(super) fn witness_program(script: &[u8]) -> Option<(u8, &[u8])> {
    let [version, length @ 2..=40, program @ ..] = script else { return None };
    let version = match *version {
        OP_0 => 0,
        other => op::small_number(other)?,
    };
    (program.len() == usize::from(*length)).then_some((version, program))
}

/// No instruction above `OP_16`, and no cut push (Core counts `OP_RESERVED` as a push).
pub(super) fn is_push_only(script: &[u8]) -> bool {
    Instructions::new(script).all(|next| next.is_ok_and(|instruction| instruction.opcode() <= op::OP_16))
}

/// The key of a pay-to-public-key script.
pub(super) fn p2pk_key(script: &[u8]) -> Option<&[u8]> {
    let [length @ (33 | 65), key @ .., OP_CHECKSIG] = script else { return None };
    (key.len() == usize::from(*length) && has_key_length(key)).then_some(key)
}

/// Whether the first byte announces a public key of this length (Core's `CPubKey::ValidSize`).
fn has_key_length(key: &[u8]) -> bool {
    match key.first() {
        Some(2 | 3) => key.len() == 33,
        Some(4 | 6 | 7) => key.len() == 65,
        _ => false,
    }
}

fn multisig(script: &[u8]) -> Option<(u8, u8)> {
    if script.last() != Some(&OP_CHECKMULTISIG) {
        return None;
    }
    let mut instructions = Instructions::new(script);
    let m = key_count(instructions.next()?.ok()?)?;
    let mut keys = 0_usize;
    let last = loop {
        match instructions.next()?.ok()? {
            Instruction::Push { data, .. } if has_key_length(data) => keys += 1,
            other => break other,
        }
    };
    let n = key_count(last)?;
    let ends_here = instructions.position() + 1 == script.len();
    (ends_here && m <= n && keys == usize::from(n)).then_some((m, n))
}

/// A number from 1 to 20, pushed as an opcode or as the shortest bytes.
fn key_count(instruction: Instruction<'_>) -> Option<u8> {
    let number = match instruction {
        Instruction::Op(opcode) => i64::from(op::small_number(opcode)?),
        Instruction::Push { opcode: OP_0, .. } => return None,
        Instruction::Push { opcode, data } => {
            let number = number::decode(data)?;
            let minimal = is_minimal_push(opcode, data) && number::encode(number) == data;
            minimal.then_some(number)?
        }
    };
    u8::try_from(number).ok().filter(|count| (1..=MAX_MULTISIG_KEYS).contains(count))
}
