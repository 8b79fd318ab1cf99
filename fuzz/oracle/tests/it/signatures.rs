//! Keys, signatures and tweaks against libsecp256k1, and loose signatures against Core through scripts.

use cairn_crypto::{
    EcdsaSignature, Parity, PublicKey, SchnorrSignature, SecretKey, TapTweak, XOnlyPublicKey,
};
use cairn_primitives::op::OP_CHECKSIG;
use cairn_primitives::{OutPoint, Script, ScriptBuilder, Txid};
use cairn_script::{ScriptFlags, SighashCache};
use oracle::{Case, Draft, Input, Rng, key};
use secp256k1::{Keypair, Message, Scalar, ecdsa, schnorr};

use crate::{is_long, tally};

/// The order of the group, big-endian.
const ORDER: [u8; 32] = secp256k1::constants::CURVE_ORDER;
/// The field's prime, big-endian.
const PRIME: [u8; 32] = secp256k1::constants::FIELD_SIZE;

/// `number` plus `more`, big-endian, wrapping around.
fn plus(mut number: [u8; 32], more: i16) -> [u8; 32] {
    let mut carry = more;
    for byte in number.iter_mut().rev() {
        let sum = i16::from(*byte) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    number
}

/// A number at a border of what a scalar or a coordinate may be, or any.
fn some_number(rng: &mut Rng) -> [u8; 32] {
    let near = rng.within(0, 4) as i16 - 2;
    match rng.below(8) {
        0 => plus([0; 32], near),
        1 => plus(ORDER, near),
        2 => plus(PRIME, near),
        3 => {
            // Around half of the order, where S turns from low to high.
            let mut half = [0; 32];
            let mut rest = 0;
            for (half, byte) in half.iter_mut().zip(ORDER) {
                (*half, rest) = (rest << 7 | byte >> 1, byte & 1);
            }
            plus(half, near)
        }
        _ => rng.hash(),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, theirs: T, of: &str) -> Result<(), String> {
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{what}: cairn {ours:?}, libsecp256k1 {theirs:?}, of {of}"))
    }
}

/// A public key in some encoding, right or wrong.
fn some_public(rng: &mut Rng, signer: &oracle::Key) -> Vec<u8> {
    let mut bytes = match rng.below(3) {
        0 => signer.uncompressed.to_vec(),
        _ => signer.compressed.to_vec(),
    };
    match rng.below(20) {
        0 | 1 => bytes[0] = rng.below(9) as u8,
        2 => bytes[0] = 6 + signer.parity.to_bit(),
        3 => {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
        }
        4 => bytes[1..33].copy_from_slice(&some_number(rng)),
        5 => bytes.truncate(rng.below(bytes.len() + 1)),
        6 => bytes.push(rng.u8()),
        _ => {}
    }
    bytes
}

/// Reads of public keys: every header, length and coordinate.
fn public_keys(rng: &mut Rng) -> Result<&'static str, String> {
    let signer = key(rng.below(24));
    let bytes = some_public(rng, signer);
    let (ours, theirs) = (PublicKey::from_slice(&bytes), secp256k1::PublicKey::from_slice(&bytes));
    let of = format!("{bytes:02x?}");
    same("key", ours.map(|key| key.to_compressed()).ok(), theirs.map(|key| key.serialize()).ok(), &of)?;
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return Ok("refused") };
    same("uncompressed", ours.to_uncompressed(), theirs.serialize_uncompressed(), &of)?;
    let ((x_only, parity), (their_x, their_parity)) = (ours.to_x_only(), theirs.x_only_public_key());
    same("x only", x_only.to_bytes(), their_x.to_byte_array(), &of)?;
    same("parity", parity.to_bit(), their_parity.to_u8(), &of)?;
    Ok(match bytes[0] {
        2 | 3 => "compressed",
        4 => "uncompressed",
        _ => "hybrid",
    })
}

/// The integers R and S, changed or replaced by numbers at borders.
fn change_compact(rng: &mut Rng, compact: &mut [u8; 64]) {
    let half = 32 * rng.below(2);
    match rng.below(10) {
        0 => compact[rng.below(64)] ^= 1 << rng.below(8),
        1 | 2 => compact[half..half + 32].copy_from_slice(&some_number(rng)),
        3 | 4 => *compact = high_s(compact),
        5 => {
            // R plus the order: the same point to a reader that reduces.
            let (mut carry, r) = (0, &mut compact[..32]);
            for (byte, order) in r.iter_mut().zip(ORDER).rev() {
                let sum = u16::from(*byte) + u16::from(order) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
        }
        _ => {}
    }
}

/// The order minus S.
fn high_s(compact: &[u8; 64]) -> [u8; 64] {
    let mut high = *compact;
    let mut borrow = 0;
    for i in (0..32).rev() {
        let digit = i16::from(ORDER[i]) - i16::from(compact[32 + i]) - borrow;
        borrow = i16::from(digit < 0);
        high[32 + i] = digit.to_le_bytes()[0];
    }
    high
}

/// ECDSA: what both sign, and whether both take a changed signature.
fn ecdsa_signatures(rng: &mut Rng) -> Result<&'static str, String> {
    let signer = key(rng.below(24));
    let mut message = if rng.chance(80) { rng.hash() } else { some_number(rng) };
    let secret = secp256k1::SecretKey::from_secret_bytes(*signer.secret.to_bytes()).expect("it is a key");
    let signature = signer.secret.sign_ecdsa(&message);
    let theirs = ecdsa::sign(Message::from_digest(message), &secret);
    let of = format!("key {:02x?}, message {message:02x?}", signer.compressed);
    same("signature", signature.to_compact(), theirs.serialize_compact(), &of)?;
    same("DER", &signature.to_der()[..], &theirs.serialize_der()[..], &of)?;

    let mut compact = signature.to_compact();
    change_compact(rng, &mut compact);
    if rng.chance(10) {
        message[rng.below(32)] ^= 1;
    }
    let public = some_public(rng, signer);
    let ours = EcdsaSignature::from_compact(compact);
    let theirs = ecdsa::Signature::from_compact(&compact).ok();
    let of = format!("key {public:02x?}, message {message:02x?}, signature {compact:02x?}");
    if let Some(theirs) = theirs {
        let mut low = theirs;
        low.normalize_s();
        same("low S", ours.normalize_s().to_compact(), low.serialize_compact(), &of)?;
        same("is low", ours.is_low_s(), low == theirs, &of)?;
    } else {
        same("overflow", ours.to_compact(), [0; 64], &of)?;
    }
    let theirs = secp256k1::PublicKey::from_slice(&public).is_ok_and(|key| {
        theirs.is_some_and(|mut signature| {
            signature.normalize_s();
            ecdsa::verify(&signature, Message::from_digest(message), &key).is_ok()
        })
    });
    let ours = PublicKey::from_slice(&public).is_ok_and(|key| key.verify(&message, &ours));
    same("valid", ours, theirs, &of)?;
    Ok(if ours { "valid" } else { "invalid" })
}

/// BIP340: the same signature for the same auxiliary bytes, and whether both take a changed one.
fn schnorr_signatures(rng: &mut Rng) -> Result<&'static str, String> {
    let signer = key(rng.below(24));
    let size = rng.pick(&[32, 32, 32, 0, 1, 31, 33, 100]);
    let (mut message, aux) = (rng.bytes(size), rng.hash());
    let pair = Keypair::from_secret_bytes(*signer.secret.to_bytes()).expect("it is a key");
    let mut bytes = signer.secret.sign_schnorr(&message, &aux).to_bytes();
    let theirs = schnorr::sign_with_aux_rand(&message, &pair, &aux).to_byte_array();
    let of = format!("key {:02x?}, message {message:02x?}, aux {aux:02x?}", signer.compressed);
    same("signature", bytes, theirs, &of)?;

    let mut x_only = signer.x_only;
    change_compact(rng, &mut bytes);
    match rng.below(12) {
        0 => x_only[rng.below(32)] ^= 1 << rng.below(8),
        1 => x_only = some_number(rng),
        2 => message.push(0),
        _ => {}
    }
    let of = format!("key {x_only:02x?}, message {message:02x?}, signature {bytes:02x?}");
    let (ours, theirs) =
        (XOnlyPublicKey::from_bytes(x_only), secp256k1::XOnlyPublicKey::from_byte_array(x_only));
    same("x only", ours.is_ok(), theirs.is_ok(), &of)?;
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return Ok("no-key") };
    let ours = ours.verify(&message, &SchnorrSignature::from_bytes(bytes));
    same("valid", ours, theirs.verify(&message, &schnorr::Signature::from_byte_array(bytes)).is_ok(), &of)?;
    Ok(if ours { "valid" } else { "invalid" })
}

/// Secret keys, and additions to secret, public and x-only keys, at the borders.
fn tweaks(rng: &mut Rng) -> Result<&'static str, String> {
    let bytes = if rng.chance(50) { some_number(rng) } else { *key(rng.below(24)).secret.to_bytes() };
    let mut tweak = some_number(rng);
    if rng.chance(10) {
        // What takes the key to nothing.
        tweak.copy_from_slice(&high_s(&[[0; 32], bytes].concat().try_into().expect("64 bytes"))[32..]);
    }
    let of = format!("key {bytes:02x?}, tweak {tweak:02x?}");
    let (ours, theirs) = (SecretKey::from_bytes(bytes), secp256k1::SecretKey::from_secret_bytes(bytes));
    same("secret", ours.is_ok(), theirs.is_ok(), &of)?;
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return Ok("no-key") };
    let (public, their_public) = (ours.public_key(), theirs.public_key());
    same("public", public.to_compressed(), their_public.serialize(), &of)?;

    let scalar = Scalar::from_be_bytes(tweak).ok();
    let sum = scalar.and_then(|scalar| theirs.add_tweak(&scalar).ok()).map(|key| key.to_secret_bytes());
    let added = ours.tweak_add(&tweak).ok().map(|key| *key.to_bytes());
    same("secret sum", added, sum, &of)?;
    let sum = scalar.and_then(|scalar| their_public.add_exp_tweak(&scalar).ok()).map(|key| key.serialize());
    same("public sum", public.tweak_add(&tweak).ok().map(|key| key.to_compressed()), sum, &of)?;
    taproot_tweak(rng, &ours, &theirs, &of)?;
    Ok(if added.is_some() { "sum" } else { "no-sum" })
}

/// The output key of BIP341, its parity, its secret, and the check of a commitment.
fn taproot_tweak(
    rng: &mut Rng,
    ours: &SecretKey,
    theirs: &secp256k1::SecretKey,
    of: &str,
) -> Result<(), String> {
    let root = rng.chance(70).then(|| rng.hash());
    let (internal, _) = ours.public_key().to_x_only();
    let tweak = TapTweak::new(&internal, root.as_ref());
    let scalar = Scalar::from_be_bytes(tweak.to_bytes()).expect("a hash is one but for one in 2^128");
    let (their_internal, _) = theirs.x_only_public_key();
    let (output, parity) = internal.tweak_add(&tweak).expect("it is not its own negative");
    let (their_output, their_parity) = their_internal.add_tweak(&scalar).expect("it is not its own negative");
    same("output key", output.to_bytes(), their_output.to_byte_array(), of)?;
    same("output parity", parity.to_bit(), their_parity.to_u8(), of)?;
    let secret = ours.tap_tweak(root.as_ref()).map(|key| *key.to_bytes()).ok();
    let pair = theirs.keypair().add_xonly_tweak(&scalar).ok();
    same("output secret", secret, pair.map(|pair| pair.to_secret_bytes()), of)?;

    let mut claimed = output.to_bytes();
    let claimed_parity = if rng.chance(30) { Parity::from_odd(parity.to_bit() == 0) } else { parity };
    if rng.chance(20) {
        claimed[rng.below(32)] ^= 1;
    }
    let kept = internal.check_tap_tweak(root.as_ref(), &claimed, claimed_parity);
    let their_claim = secp256k1::XOnlyPublicKey::from_byte_array(claimed);
    let their_parity = secp256k1::Parity::from_u8(claimed_parity.to_bit()).expect("0 or 1");
    let theirs =
        their_claim.is_ok_and(|claimed| their_internal.tweak_add_check(&claimed, their_parity, scalar));
    same("commitment", kept, theirs, of)
}

/// DER in every shape: lengths in any form, padding, negative integers, lies, leftovers.
fn some_der(rng: &mut Rng, compact: &[u8; 64]) -> Vec<u8> {
    let length = |rng: &mut Rng, length: usize| match rng.below(30) {
        0 => vec![0x81, length as u8],
        1 => vec![0x82, 0, length as u8],
        2 => vec![0x88, 0, 0, 0, 0, 0, 0, 0, length as u8],
        3 => vec![0x80],
        4 => vec![rng.u8()],
        5 => vec![(length as u8).wrapping_add(rng.pick(&[1, 255]))],
        6 => vec![rng.pick(&[0x84, 0x89, 0xff]), 0, 0, 0, length as u8],
        _ => vec![length as u8],
    };
    let mut body = Vec::new();
    for integer in compact.chunks(32) {
        let mut integer = integer[integer.iter().take_while(|byte| **byte == 0).count()..].to_vec();
        let signed = integer.first().is_none_or(|first| *first >= 0x80);
        if signed && rng.chance(85) {
            integer.insert(0, 0);
        }
        let padding = if rng.chance(12) { rng.below(40) } else { 0 };
        drop(integer.splice(0..0, vec![0; padding]));
        body.push(if rng.chance(3) { rng.u8() } else { 2 });
        body.extend(length(rng, integer.len()));
        body.extend(integer);
    }
    let mut bytes = vec![if rng.chance(2) { rng.u8() } else { 0x30 }];
    bytes.extend(length(rng, body.len()));
    bytes.extend(body);
    match rng.below(16) {
        0 => bytes.truncate(rng.below(bytes.len() + 1)),
        1 => bytes.extend(vec![rng.u8(); rng.pick(&[1, 2, 80])]),
        2 => {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
        }
        _ => {}
    }
    bytes
}

/// The loose reader and the strict one, of the same bytes.
fn der(rng: &mut Rng) -> Result<&'static str, String> {
    let mut compact: [u8; 64] = rng.bytes(64).try_into().expect("64 bytes");
    if rng.chance(30) {
        let half = 32 * rng.below(2);
        compact[half..half + 32].copy_from_slice(&some_number(rng));
    }
    let bytes = some_der(rng, &compact);
    let of = format!("{bytes:02x?}");
    let lax = EcdsaSignature::from_der_lax(&bytes);
    let theirs = ecdsa::Signature::from_der_lax(&bytes);
    same(
        "lax",
        lax.map(|read| read.to_compact()).ok(),
        theirs.map(|read| read.serialize_compact()).ok(),
        &of,
    )?;
    let Ok(lax) = lax else { return Ok("no-signature") };
    // What is strict is one encoding of one value: reading and writing it gives the same bytes. A value out of range is
    // read as zero and written so; and the library's strict reader takes no negative integer, which BIP66 forbids too.
    let strict = EcdsaSignature::is_strict_der(&bytes);
    let overflows = lax.to_compact() == [0; 64];
    same("strict", strict && !overflows, !overflows && lax.to_der() == bytes, &of)?;
    let theirs = ecdsa::Signature::from_der(&bytes).is_ok();
    if strict && !theirs && !overflows || strict && EcdsaSignature::from_der_strict(&bytes) != Ok(lax) {
        return Err(format!("only cairn takes it strictly: {of}"));
    }
    Ok(if strict { "strict" } else { "lax" })
}

/// A spend of a bare key whose signature is encoded at will, with and without BIP66, judged by Core.
fn der_in_scripts(rng: &mut Rng) -> Result<&'static str, String> {
    let signer = key(rng.below(24));
    let public = some_public(rng, signer);
    let lock = ScriptBuilder::new().push_slice(&public).push_opcode(OP_CHECKSIG).into_script();
    let mut draft = Draft {
        version: 1,
        lock_time: 0,
        inputs: vec![Input {
            previous: OutPoint { txid: Txid::from_bytes(rng.hash()), vout: 0 },
            script_sig: Vec::new(),
            sequence: u32::MAX,
            witness: Vec::new(),
            amount: 0,
            script_pubkey: lock.as_bytes().to_vec(),
        }],
        outputs: vec![(1, Script::new().as_bytes().to_vec())],
    };
    let (tx, spent) = (draft.transaction(), draft.spent());
    let kind = rng.pick(&[1, 1, 1, 0, 4, 0x50, 0x83, 0xff]);
    let digest = SighashCache::new(&tx, spent.iter().collect()).legacy(0, lock.as_bytes(), u32::from(kind));
    let mut compact = signer.secret.sign_ecdsa(&digest).to_compact();
    if rng.chance(40) {
        change_compact(rng, &mut compact);
    }
    let mut signature = if rng.chance(95) { some_der(rng, &compact) } else { Vec::new() };
    if rng.chance(97) {
        signature.push(kind);
    }
    draft.inputs[0].script_sig =
        ScriptBuilder::new().push_slice(&signature).into_script().as_bytes().to_vec();
    let flags = rng.pick(&[ScriptFlags::NONE, ScriptFlags::DERSIG]);
    let case = Case { draft, input: 0, flags };
    match case.compare() {
        Ok(Ok(())) if flags == ScriptFlags::NONE => Ok("accepted"),
        Ok(Ok(())) => Ok("accepted-strict"),
        Ok(Err(error)) => Ok(error.code()),
        Err(disagreement) => Err(format!("{disagreement}\nORACLE_REPLAY='{}'", case.to_text())),
    }
}

#[test]
fn keys_are_read_alike() {
    let tally = tally("public keys", 10_000, 51, public_keys);
    if is_long(tally.cases()) {
        let forms = ["compressed", "uncompressed", "hybrid", "refused"];
        assert!(forms.iter().all(|form| tally.of(form) > 100));
    }
}

#[test]
fn ecdsa_alike() {
    let tally = tally("ECDSA", 3_000, 52, ecdsa_signatures);
    if is_long(tally.cases()) {
        assert!(tally.of("valid") * 4 > tally.cases() && tally.of("invalid") * 4 > tally.cases());
    }
}

#[test]
fn schnorr_alike() {
    let tally = tally("Schnorr", 3_000, 53, schnorr_signatures);
    if is_long(tally.cases()) {
        assert!(tally.of("valid") * 8 > tally.cases() && tally.of("invalid") * 4 > tally.cases());
    }
}

#[test]
fn tweaks_alike() {
    let tally = tally("tweaks", 1_500, 54, tweaks);
    if is_long(tally.cases()) {
        assert!(["sum", "no-sum", "no-key"].iter().all(|answer| tally.of(answer) > 30));
    }
}

#[test]
fn der_is_read_alike() {
    let tally = tally("DER", 100_000, 55, der);
    if is_long(tally.cases()) {
        assert!(["strict", "lax", "no-signature"].iter().all(|answer| tally.of(answer) > 5_000));
    }
}

#[test]
fn loose_signatures_spend_alike() {
    let tally = tally("DER in scripts", 5_000, 56, der_in_scripts);
    if is_long(tally.cases()) {
        assert!(tally.of("accepted") > 400 && tally.of("accepted-strict") > 200 && tally.of("SIG_DER") > 400);
    }
}
