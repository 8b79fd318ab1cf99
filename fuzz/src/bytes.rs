//! Targets for byte formats: what decodes must encode to the very same bytes.

use cairn_consensus::Undo;
use cairn_crypto::{EcdsaSignature, PublicKey, SchnorrSignature, XOnlyPublicKey};
use cairn_primitives::hash::sha256d;
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

/// A transaction, with and without witness.
pub fn transaction(data: &[u8]) {
    let Some(tx) = round_trip::<Transaction>(data) else { return };
    assert_eq!(tx.wtxid().to_bytes(), sha256d(data));
    sizes(&tx);
    let (version, inputs, outputs, lock_time) = tx.clone().into_parts();
    // One without inputs and outputs reads from ten bytes and writes as the same.
    let built = Transaction::new(version, inputs, outputs, lock_time);
    assert_eq!(built, tx);
    assert_eq!((built.txid(), built.wtxid()), (tx.txid(), tx.wtxid()));
}

/// Ids are hashes of the bytes, and sizes their lengths.
fn sizes(tx: &Transaction) {
    let (mut base, whole) = (Vec::new(), tx.to_bytes());
    tx.encode_base(&mut base);
    assert_eq!((base.len(), whole.len()), (tx.base_size(), tx.total_size()));
    assert_eq!(tx.txid().to_bytes(), sha256d(&base));
    assert_eq!(tx.wtxid().to_bytes(), sha256d(&whole));
    let weight = (3 * base.len() + whole.len()) as u64;
    assert_eq!((tx.weight().to_u64(), tx.vsize()), (weight, weight.div_ceil(4)));
    let stripped = Transaction::from_bytes(&base);
    assert!(stripped.is_err() || stripped.is_ok_and(|stripped| stripped.txid() == tx.txid()));
}

/// A block's header, then the block: ids, sizes, weight and merkle root are those of its parts.
pub fn block(data: &[u8]) {
    header(data);
    let Some(block) = round_trip::<Block>(data) else { return };
    assert_eq!(Some(&block.header.to_array()[..]), data.get(..80));
    assert_eq!(block.total_size(), data.len());
    assert!(block.base_size() <= block.total_size());
    let computed = block.merkle();
    assert_eq!(block.merkle_root().to_bytes(), computed.root);
    block.transactions.iter().for_each(sizes);
}

/// The first 80 bytes, if there are as many.
fn header(data: &[u8]) {
    let Some(first) = data.get(..80) else { return };
    let header = round_trip::<Header>(first).expect("any 80 bytes are a header");
    assert_eq!(header.to_array(), first);
    assert_eq!(header.hash().to_bytes(), sha256d(first));
}

/// A script's instructions, disassembly, kind and sigops.
pub(crate) fn script(data: &[u8]) {
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
fn compact_bits(data: &[u8]) {
    let Ok(bytes) = <[u8; 4]>::try_from(data) else { return };
    let bits = CompactTarget::from_bits(u32::from_le_bytes(bytes));
    assert_eq!(bits.to_string().parse(), Ok(bits));
    let Ok(target) = bits.to_target() else { return };
    let canonical = target.to_compact();
    assert_eq!(canonical.to_target(), Ok(target));
    let _ = target.to_work();
}

/// Undo data.
pub(crate) fn undo(data: &[u8]) {
    let Some(undo) = round_trip::<Undo>(data) else { return };
    // The rest is what the coins take: nothing is made of bytes that are not there.
    let coins: usize = undo.txs.iter().map(|tx| tx.coins.len()).sum();
    assert!(undo.txs.len() + 10 * coins < data.len());
}

/// Values of a few bytes or characters: compact bits, signatures, keys, and as text addresses, hashes and numbers.
pub fn values(data: &[u8]) {
    compact_bits(data);
    signature(data);
    key(data);
    if let Ok(text) = std::str::from_utf8(data) {
        crate::text::values(text);
        crate::text::address(text);
    }
}

/// Signatures: strict DER writes itself again, and is a part of what the lax parser takes.
fn signature(data: &[u8]) {
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
fn key(data: &[u8]) {
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
