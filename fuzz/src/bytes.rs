//! Targets for byte formats: what decodes must encode to the very same bytes.

use cairn_consensus::Undo;
use cairn_crypto::{EcdsaSignature, PublicKey, SchnorrSignature, XOnlyPublicKey};
use cairn_primitives::{
    Block, CompactTarget, Decode, Encode, Header, Instruction, Instructions, Script, ScriptBuilder,
    Transaction, op,
};

/// Decodes and encodes again; `None` if the bytes are refused.
fn round_trip<T: Decode + Encode>(data: &[u8]) -> Option<T> {
    let value = T::from_bytes(data).ok()?;
    assert_eq!(value.to_bytes(), data, "what decodes encodes to the same bytes");
    assert_eq!(value.encoded_len(), data.len());
    Some(value)
}

/// A block header.
pub fn header(data: &[u8]) {
    if let Some(header) = round_trip::<Header>(data) {
        assert_eq!(header.to_array(), data);
    }
}

/// A transaction, with and without witness.
pub fn transaction(data: &[u8]) {
    let Some(tx) = round_trip::<Transaction>(data) else { return };
    let mut base = Vec::new();
    tx.encode_base(&mut base);
    assert_eq!((base.len(), data.len()), (tx.base_size(), tx.total_size()));
    let (version, inputs, outputs, lock_time) = tx.clone().into_parts();
    // One without inputs and outputs reads from ten bytes and writes as the same.
    let built = Transaction::new(version, inputs, outputs, lock_time);
    assert_eq!(built, tx);
}

/// A block.
pub fn block(data: &[u8]) {
    let Some(block) = round_trip::<Block>(data) else { return };
    assert_eq!(block.total_size(), data.len());
    assert!(block.base_size() <= block.total_size());
    let computed = block.merkle();
    assert_eq!(block.merkle_root().to_bytes(), computed.root);
}

/// A script's instructions, disassembly, kind and sigops.
pub fn script(data: &[u8]) {
    let script = Script::from_bytes(data.to_vec());
    assert_eq!(script.as_bytes(), data);
    let _ = (script.to_asm(), script.kind(), script.is_push_only(), script.is_unspendable());
    if let Some((version, program)) = script.witness_program() {
        assert!(version <= 16 && (2..=40).contains(&program.len()));
    }
    // Without a push above 520 bytes the accurate count is never above the plain one.
    assert!(cairn_script::count_sigops(data, true) <= cairn_script::count_sigops(data, false));

    let (mut end, mut shortest, mut rebuilt) = (0, true, ScriptBuilder::new());
    let mut instructions = Instructions::new(data);
    while let Some(Ok(instruction)) = instructions.next() {
        let start = std::mem::replace(&mut end, instructions.position());
        assert!(end > start && end <= data.len());
        rebuilt = match instruction {
            Instruction::Op(opcode) => rebuilt.push_opcode(opcode),
            Instruction::Push { opcode, data } => {
                let minimal = match data.len() {
                    0 => opcode == op::OP_0,
                    length @ 1..=75 => usize::from(opcode) == length,
                    76..=255 => opcode == op::OP_PUSHDATA1,
                    256..=0xffff => opcode == op::OP_PUSHDATA2,
                    _ => true,
                };
                shortest &= minimal;
                if data.is_empty() { rebuilt.push_opcode(op::OP_0) } else { rebuilt.push_bytes(data) }
            }
        };
    }
    if shortest {
        assert_eq!(rebuilt.into_script().as_bytes(), &data[..end]);
    }
}

/// The four bytes of compact bits: a target comes back as the canonical bits of the same target.
pub fn compact_bits(data: &[u8]) {
    let Ok(bytes) = <[u8; 4]>::try_from(data) else { return };
    let bits = CompactTarget::from_bits(u32::from_le_bytes(bytes));
    assert_eq!(bits.to_string().parse(), Ok(bits));
    let Ok(target) = bits.to_target() else { return };
    let canonical = target.to_compact();
    assert_eq!(canonical.to_target(), Ok(target));
    let _ = target.to_work();
}

/// Undo data.
pub fn undo(data: &[u8]) {
    let _ = round_trip::<Undo>(data);
}

/// Signatures: strict DER writes itself again, and is a part of what the lax parser takes.
pub fn der(data: &[u8]) {
    let lax = EcdsaSignature::from_der_lax(data);
    if let Ok(strict) = EcdsaSignature::from_der_strict(data) {
        assert_eq!(strict.to_der(), data);
        assert_eq!(lax.map(|lax| lax.to_compact()), Ok(strict.to_compact()));
    }
    if let Ok(lax) = lax {
        assert!(lax.normalize_s().is_low_s());
        let again = EcdsaSignature::from_der_strict(&lax.to_der());
        assert_eq!(again.map(|again| again.to_compact()), Ok(lax.to_compact()));
    }
    let _ = EcdsaSignature::is_strict_der(data);
    let _ = SchnorrSignature::from_slice(data);
}

/// Public keys of every form.
pub fn key(data: &[u8]) {
    if let Ok(key) = PublicKey::from_slice(data) {
        let compressed = key.to_compressed();
        let again = PublicKey::from_slice(&compressed).expect("a key's own bytes are a key");
        assert_eq!(again.to_uncompressed(), key.to_uncompressed());
        let full = PublicKey::from_slice(&key.to_uncompressed()).expect("a key's own bytes are a key");
        assert_eq!(full.to_compressed(), compressed);
        if data.len() == 33 {
            assert_eq!(compressed, data);
        }
        assert_eq!(key.to_x_only().0.to_bytes(), compressed[1..]);
    }
    if let Ok(bytes) = <[u8; 32]>::try_from(data)
        && let Ok(key) = XOnlyPublicKey::from_bytes(bytes)
    {
        assert_eq!(key.to_bytes(), bytes);
    }
}
