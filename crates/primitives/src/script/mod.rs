//! Script: the bytes that lock a coin and the bytes that unlock it.
//!
//! Reading, writing, recognising and printing; running a script is another crate's subject.

mod builder;
mod bytes;
mod instruction;
mod kind;
mod number;
pub mod op;

pub use builder::ScriptBuilder;
pub use instruction::{Instruction, Instructions, ScriptDecodeError};
pub use kind::{MAX_MULTISIG_KEYS, ScriptKind};

use crate::{Decode, DecodeError, Encode, Hash160, Reader, Sink, codec};
use bytes::ScriptBytes;
use op::{
    OP_0, OP_1, OP_CHECKMULTISIG, OP_CHECKSIG, OP_DUP, OP_EQUAL, OP_EQUALVERIFY, OP_HASH160, OP_RETURN,
};
use std::fmt::{self, Write};

/// Longest script that can run, in bytes (Bitcoin Core's `MAX_SCRIPT_SIZE`); a coin locked by a
/// longer one can never be spent.
pub const MAX_SCRIPT_SIZE: usize = 10_000;

/// Owned script bytes.
///
/// Any bytes are a script: whether they decode, and what they are worth, shows when they are read. Short ones, up to 38
/// bytes, take no allocation.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Script {
    bytes: ScriptBytes,
}

impl Script {
    /// The empty script.
    pub const fn new() -> Self {
        Self { bytes: ScriptBytes::EMPTY }
    }

    /// A script of exactly these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into() }
    }

    /// A script of a copy of these bytes.
    pub fn copy_from(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into() }
    }

    /// The bytes, without a length prefix.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes it has allocated besides the value itself: none for a short script.
    pub fn heap_len(&self) -> usize {
        self.bytes.heap_len()
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The instructions from the first byte on, up to the first that does not decode.
    pub fn instructions(&self) -> Instructions<'_> {
        Instructions::new(&self.bytes)
    }

    /// The standard form this is (Bitcoin Core's `Solver`).
    pub fn kind(&self) -> ScriptKind {
        kind::classify(&self.bytes)
    }

    /// Whether this is exactly the pay-to-script-hash pattern (BIP16).
    pub fn is_p2sh(&self) -> bool {
        kind::is_p2sh(&self.bytes)
    }

    /// Version (0 to 16) and program (2 to 40 bytes) when this is a witness program (BIP141).
    pub fn witness_program(&self) -> Option<(u8, &[u8])> {
        kind::witness_program(&self.bytes)
    }

    /// Whether every instruction decodes and pushes something; `OP_RESERVED` counts as a push
    /// (Bitcoin Core's `IsPushOnly`). True for the empty script.
    pub fn is_push_only(&self) -> bool {
        kind::is_push_only(&self.bytes)
    }

    /// Whether no input can ever spend this: it begins with `OP_RETURN` or is longer than
    /// [`MAX_SCRIPT_SIZE`] (Bitcoin Core's `IsUnspendable`).
    pub fn is_unspendable(&self) -> bool {
        self.bytes.first() == Some(&OP_RETURN) || self.bytes.len() > MAX_SCRIPT_SIZE
    }

    /// The disassembly, words separated by single spaces, as Bitcoin Core prints it
    /// (`ScriptToAsmStr` without signature decoding): pushes of at most 4 bytes as decimal
    /// numbers, longer ones as hex, opcodes by [`op::name`], and `[error]` where a push is cut off.
    pub fn to_asm(&self) -> String {
        let mut text = String::new();
        write_asm(&mut text, &self.bytes).expect("a String takes all that is written to it");
        text
    }

    /// Pays to a public key as serialised in `key`, which is not looked at.
    pub fn p2pk(key: &[u8]) -> Self {
        ScriptBuilder::new().push_bytes(key).push_opcode(OP_CHECKSIG).into_script()
    }

    /// Pays to the owner of the public key with this hash.
    pub fn p2pkh(hash: Hash160) -> Self {
        ScriptBuilder::new()
            .push_opcode(OP_DUP)
            .push_opcode(OP_HASH160)
            .push_bytes(hash.as_bytes())
            .push_opcode(OP_EQUALVERIFY)
            .push_opcode(OP_CHECKSIG)
            .into_script()
    }

    /// Pays to whoever satisfies the script with this hash (BIP16).
    pub fn p2sh(hash: Hash160) -> Self {
        let script = ScriptBuilder::new().push_opcode(OP_HASH160).push_bytes(hash.as_bytes());
        script.push_opcode(OP_EQUAL).into_script()
    }

    /// Pays to the owner of the compressed public key with this hash, by witness (BIP141).
    pub fn p2wpkh(hash: Hash160) -> Self {
        ScriptBuilder::new().push_opcode(OP_0).push_bytes(hash.as_bytes()).into_script()
    }

    /// Pays to whoever satisfies the witness script with this SHA-256 (BIP141).
    pub fn p2wsh(hash: [u8; 32]) -> Self {
        ScriptBuilder::new().push_opcode(OP_0).push_bytes(&hash).into_script()
    }

    /// Pays to the owner of this x-only output key, which is not looked at (BIP341).
    pub fn p2tr(output_key: [u8; 32]) -> Self {
        ScriptBuilder::new().push_opcode(OP_1).push_bytes(&output_key).into_script()
    }

    /// Pays to any `m` of `keys`, bare. The form is standard when `1 <= m <= keys.len() <= 20`.
    pub fn multisig(m: u8, keys: &[&[u8]]) -> Self {
        let count = i64::try_from(keys.len()).expect("a slice has fewer than 2^63 items");
        keys.iter()
            .fold(ScriptBuilder::new().push_int(i64::from(m)), |script, key| script.push_bytes(key))
            .push_int(count)
            .push_opcode(OP_CHECKMULTISIG)
            .into_script()
    }

    /// Carries `data` and pays to nobody.
    pub fn op_return(data: &[u8]) -> Self {
        ScriptBuilder::new().push_opcode(OP_RETURN).push_slice(data).into_script()
    }
}

impl AsRef<[u8]> for Script {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script(")?;
        write_asm(f, &self.bytes)?;
        f.write_str(")")
    }
}

fn write_asm<W: Write + ?Sized>(out: &mut W, script: &[u8]) -> fmt::Result {
    for (index, next) in Instructions::new(script).enumerate() {
        if index > 0 {
            out.write_char(' ')?;
        }
        match next {
            Err(_) => out.write_str("[error]")?,
            Ok(Instruction::Op(opcode)) => out.write_str(op::name(opcode))?,
            Ok(Instruction::Push { data, .. }) => match number::decode(data) {
                Some(value) => write!(out, "{value}")?,
                None => data.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?,
            },
        }
    }
    Ok(())
}

/// The bytes behind a compact size that counts them.
impl Encode for Script {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        codec::put_var_bytes(sink, self.as_bytes());
    }

    fn encoded_len(&self) -> usize {
        codec::compact_size_len(self.len() as u64) + self.len()
    }
}

impl Decode for Script {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = reader.list_len(1, codec::MAX_SIZE)?;
        reader.take(length).map(Self::copy_from)
    }
}

#[cfg(test)]
mod tests;
