//! The scripts of the costly blocks.

use cairn_crypto::{TapTweak, XOnlyPublicKey};
use cairn_primitives::op::*;
use cairn_primitives::{Script, ScriptBuilder, TxIn, Witness};
use cairn_script::{SighashCache, TapscriptPosition, annex_hash, tapleaf_hash};
use cairn_testkit::TestKey;

use super::Builder;

/// Checks in a witness script: 3 of its 201 operations each, and one at the end.
pub(super) const WITNESS_CHECKS: u64 = 66;
/// Checks in a script behind P2SH: 4 of its 201 operations each.
pub(super) const REDEEM_CHECKS: u64 = 50;
/// Checks in an output's own script: one of its 201 operations each.
pub(super) const BARE_CHECKS: u64 = 201;

const TAPSCRIPT: u8 = 0xc0;
/// Longest item on the stack.
const ITEM: usize = 520;
/// What a check takes from a tapscript's budget, and what the budget has over the witness's size.
const CHECK_WEIGHT: usize = 50;

/// An operation that hashes the item on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashOp {
    /// `OP_RIPEMD160`, for which processors have no instructions.
    Ripemd160,
    /// `OP_SHA1`.
    Sha1,
    /// `OP_SHA256`.
    Sha256,
    /// `OP_HASH160`.
    Hash160,
    /// `OP_HASH256`.
    Hash256,
}

impl HashOp {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ripemd160, Self::Sha1, Self::Sha256, Self::Hash160, Self::Hash256];

    /// The opcode's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ripemd160 => "OP_RIPEMD160",
            Self::Sha1 => "OP_SHA1",
            Self::Sha256 => "OP_SHA256",
            Self::Hash160 => "OP_HASH160",
            Self::Hash256 => "OP_HASH256",
        }
    }

    const fn opcode(self) -> u8 {
        match self {
            Self::Ripemd160 => OP_RIPEMD160,
            Self::Sha1 => OP_SHA1,
            Self::Sha256 => OP_SHA256,
            Self::Hash160 => OP_HASH160,
            Self::Hash256 => OP_HASH256,
        }
    }
}

fn key() -> TestKey {
    TestKey::new(7)
}

/// Signature and key, then so many checks of them, each dropped. The signature is one of something else: it costs what
/// a good one costs, and no cache of good ones knows it.
pub(super) fn witness_script(checks: u64) -> Script {
    let mut signature = key().secret().sign_ecdsa(&[0x5a; 32]).to_der();
    signature.push(1);
    let script = ScriptBuilder::new().push_slice(&signature).push_bytes(key().public());
    let script = (0..checks)
        .fold(script, |script, _| script.push_opcode(OP_2DUP).push_opcode(OP_CHECKSIG).push_opcode(OP_DROP));
    script.push_opcode(OP_2DROP).push_opcode(OP_1).into_script()
}

/// So many checks of a short signature, each behind a code separator, so that each is of another digest. The key is
/// left on the stack, which is true.
pub(super) fn redeem_script(checks: u64) -> Script {
    let script = ScriptBuilder::new().push_slice(&short_signature(1, 2)).push_bytes(key().public());
    let script = (0..checks).fold(script, |script, _| {
        let script = script.push_opcode(OP_CODESEPARATOR).push_opcode(OP_2DUP);
        script.push_opcode(OP_CHECKSIG).push_opcode(OP_DROP)
    });
    script.into_script()
}

/// A check for each operation it may have. Each signature is taken out of the code it signs, so that each is of
/// another digest.
pub(super) fn bare_script() -> Script {
    let script = (0..BARE_CHECKS).fold(ScriptBuilder::new(), |script, index| {
        let (high, low) = ((index / 100) as u8, (index % 100) as u8);
        let script = script.push_slice(&short_signature(1 + high, 2 + low)).push_bytes(key().public());
        script.push_opcode(OP_CHECKSIG)
    });
    script.push_opcode(OP_1).into_script()
}

/// Strict DER of two small numbers, below 128, and the hash type for everything.
fn short_signature(r: u8, s: u8) -> [u8; 9] {
    [0x30, 6, 2, 1, r, 2, 1, s, 1]
}

/// A leaf of `room` bytes that hashes items of 520 bytes, and how many bytes it hashes in all: the stack is filled with
/// copies, three with one byte, and each is hashed and dropped with two.
pub(super) fn hashing_leaf(operation: HashOp, room: usize) -> (Vec<u8>, u64) {
    const FULL: usize = 331;
    let mut script = ScriptBuilder::new().push_bytes(&[7; ITEM]).into_script().as_bytes().to_vec();
    script.extend([OP_DUP, OP_DUP]);
    let end = room.saturating_sub(1);
    let mut hashes = 0;
    loop {
        let triples = (end.saturating_sub(script.len()) / 7).min(FULL);
        if triples == 0 {
            break;
        }
        script.extend(vec![OP_3DUP; triples]);
        script.extend([operation.opcode(), OP_DROP].repeat(3 * triples));
        hashes += 3 * triples;
    }
    script.resize(end.max(script.len()), OP_NOP);
    script.push(OP_2DROP);
    (script, (hashes * ITEM) as u64)
}

/// A leaf of `room` bytes that moves the deepest of 999 items to the top, over and over. It hashes nothing.
pub(super) fn shuffling_leaf(room: usize) -> (Vec<u8>, u64) {
    const ITEMS: usize = 999;
    let mut script = vec![OP_1, OP_DUP, OP_DUP];
    script.extend(vec![OP_3DUP; ITEMS / 3 - 1]);
    let drops = vec![OP_2DROP; ITEMS / 2];
    let move_deepest = ScriptBuilder::new().push_int(ITEMS as i64 - 1).push_opcode(OP_ROLL).into_script();
    let end = room.saturating_sub(drops.len());
    let moves = end.saturating_sub(script.len()) / move_deepest.len();
    script.extend(move_deepest.as_bytes().repeat(moves));
    script.resize(end.max(script.len()), OP_NOP);
    script.extend(drops);
    (script, 0)
}

/// Spends an output that commits to this leaf alone, by the leaf, with an annex if it is not empty.
pub(super) fn spend_leaf(builder: &mut Builder, leaf: Vec<u8>, items: Vec<Vec<u8>>, annex: Vec<u8>) {
    let (internal, _) = TestKey::new(8).secret().public_key().to_x_only();
    let root = tapleaf_hash(TAPSCRIPT, &leaf);
    let (output, parity) = tweak(&internal, &root);
    let control = [&[TAPSCRIPT | parity][..], &internal.to_bytes()].concat();
    let mut witness = items;
    witness.extend([leaf, control]);
    if !annex.is_empty() {
        witness.push(annex);
    }
    builder.spend(Script::p2tr(output.to_bytes()), Script::new(), Witness::new(witness));
}

fn tweak(internal: &XOnlyPublicKey, root: &[u8; 32]) -> (XOnlyPublicKey, u8) {
    let (output, parity) = internal
        .tweak_add(&TapTweak::new(internal, Some(root)))
        .expect("a hash is a good tweak but for one in 2^128");
    (output, parity.to_bit())
}

/// Checks of one signature that a witness with `size` bytes in leaf and annex pays for: with them go the number of items,
/// signature and control block, and five bytes each for the lengths of leaf and annex.
pub(super) fn schnorr_checks(size: usize) -> usize {
    (size + 1 + 65 + 34 + 5 + 5 + CHECK_WEIGHT) / CHECK_WEIGHT
}

/// Spends by a leaf with as many checks as its witness pays for, of `size` bytes together with the annex that pays.
/// The signature is still zeros.
pub(super) fn spend_schnorr(builder: &mut Builder, size: usize) {
    let (x_only, _) = key().secret().public_key().to_x_only();
    let mut leaf = ScriptBuilder::new().push_bytes(&x_only.to_bytes()).into_script().as_bytes().to_vec();
    leaf.extend([OP_2DUP, OP_CHECKSIGVERIFY].repeat(schnorr_checks(size) - 1));
    leaf.push(OP_CHECKSIG);
    let mut annex = vec![0; size.saturating_sub(leaf.len()).max(1)];
    annex[0] = 0x50;
    spend_leaf(builder, leaf, vec![vec![0; 64]], annex);
}

/// Puts the signature into the last input, which [`spend_schnorr`] added.
pub(super) fn sign_schnorr(mut builder: Builder) -> Builder {
    let last = builder.inputs.len() - 1;
    let unsigned = builder.transaction();
    let spent = unsigned.inputs().iter().map(|input| &builder.coins[&input.previous].output).collect();
    let items: Vec<Vec<u8>> = unsigned.inputs()[last].witness.iter().map(<[u8]>::to_vec).collect();
    let position =
        TapscriptPosition { leaf_hash: tapleaf_hash(TAPSCRIPT, &items[1]), code_separator: u32::MAX };
    let digest = SighashCache::new(&unsigned, spent)
        .taproot(last, 0, Some(&annex_hash(&items[3])), Some(&position))
        .expect("the default hash type always has a meaning");
    let signature = key().secret().sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec();
    let witness = Witness::new([vec![signature], items[1..].to_vec()].concat());
    let input: &mut TxIn = &mut builder.inputs[last];
    input.witness = witness;
    builder
}
