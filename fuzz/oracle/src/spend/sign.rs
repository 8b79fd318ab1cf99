//! Signatures, in every form that was ever accepted.

use cairn_crypto::EcdsaSignature;
use cairn_script::{SighashCache, TapscriptPosition};

use crate::case::Draft;
use crate::keys::{high_s, key};
use crate::program::{Dialect, Item, Program};
use crate::rng::Rng;

/// The hash types with a meaning.
const TYPES: [u8; 6] = [1, 2, 3, 0x81, 0x82, 0x83];

/// The items that satisfy `program`. `leaf` is its leaf hash and the annex hash where it is a tapscript.
pub(super) fn items(
    rng: &mut Rng,
    draft: &Draft,
    input: usize,
    program: &Program,
    leaf: Option<([u8; 32], Option<[u8; 32]>)>,
) -> Vec<Vec<u8>> {
    let make = |item: &Item| match item {
        Item::Bytes(bytes) => bytes.clone(),
        Item::Signature(wanted) => match leaf {
            Some((leaf_hash, annex)) => {
                let position = TapscriptPosition { leaf_hash, code_separator: wanted.separator };
                let secret = &key(wanted.key).secret;
                schnorr(rng, draft, input, secret, annex.as_ref(), Some(&position))
            }
            None => {
                let code = program.script.get(wanted.code_start..).unwrap_or_default();
                ecdsa(rng, draft, input, wanted.key, code, program.dialect)
            }
        },
    };
    program.items().map(make).collect()
}

/// An ECDSA signature with its hash type: any type, and now and then a high S or a loose encoding.
pub(super) fn ecdsa(
    rng: &mut Rng,
    draft: &Draft,
    input: usize,
    number: usize,
    code: &[u8],
    dialect: Dialect,
) -> Vec<u8> {
    let sighash_type = match rng.below(10) {
        0..=4 => 1,
        5..=8 => rng.pick(&TYPES),
        _ => rng.u8(),
    };
    let (tx, spent) = (draft.transaction(), draft.spent());
    let cache = SighashCache::new(&tx, spent.iter().collect());
    let digest = match dialect {
        Dialect::Legacy => cache.legacy(input, code, u32::from(sighash_type)),
        _ => cache.segwit_v0(input, code, u32::from(sighash_type)),
    };
    let signature = key(number).secret.sign_ecdsa(&digest);
    let mut bytes = match rng.below(16) {
        0 => high_s(&signature).to_der(),
        1 => loose(rng, &signature),
        _ => signature.to_der(),
    };
    bytes.push(sighash_type);
    bytes
}

/// The same integers in an encoding that only the first years took.
fn loose(rng: &mut Rng, signature: &EcdsaSignature) -> Vec<u8> {
    let compact = signature.to_compact();
    let mut body = Vec::new();
    for integer in compact.chunks(32) {
        let padding = rng.below(4);
        let bare = rng.chance(30);
        let stripped: &[u8] =
            if bare { &integer[integer.iter().take_while(|byte| **byte == 0).count()..] } else { integer };
        let len = (stripped.len() + padding) as u8;
        body.push(2);
        match rng.below(4) {
            0 => body.extend([0x81, len]),
            1 => body.extend([0x83, 0, 0, len]),
            _ => body.push(len),
        }
        body.extend(vec![0; padding]);
        body.extend(stripped);
    }
    let mut bytes = vec![0x30];
    match rng.below(4) {
        0 => bytes.extend([0x81, body.len() as u8]),
        // The outer length is not looked at.
        1 => bytes.push(rng.u8() & 0x7f),
        _ => bytes.push(body.len() as u8),
    }
    bytes.extend(body);
    let trailing = rng.pick(&[0, 0, 1, 3]);
    bytes.extend(rng.bytes(trailing));
    bytes
}

/// A BIP340 signature; 65 bytes but for the default hash type. Random bytes where the type signs nothing.
pub(super) fn schnorr(
    rng: &mut Rng,
    draft: &Draft,
    input: usize,
    secret: &cairn_crypto::SecretKey,
    annex: Option<&[u8; 32]>,
    position: Option<&TapscriptPosition>,
) -> Vec<u8> {
    let sighash_type = match rng.below(20) {
        0..=7 => 0,
        8..=18 => rng.pick(&TYPES),
        _ => rng.u8(),
    };
    let (tx, spent) = (draft.transaction(), draft.spent());
    let cache = SighashCache::new(&tx, spent.iter().collect());
    let mut bytes = match cache.taproot(input, sighash_type, annex, position) {
        Ok(digest) => secret.sign_schnorr(&digest, &rng.hash()).to_bytes().to_vec(),
        Err(_) => rng.bytes(64),
    };
    if sighash_type != 0 || rng.chance(2) {
        bytes.push(sighash_type);
    }
    bytes
}
