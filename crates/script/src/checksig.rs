//! What signatures and keys must look like before they are checked, and reading them.

use cairn_crypto::{EcdsaSignature, SchnorrSignature};

use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::interpreter::Env;
use crate::sighash::{Memo, TapscriptPosition};

/// Hash type bit: the signature commits to no other input.
pub(crate) const ANYONE_CAN_PAY: u8 = 0x80;

/// The form of a signature with its hash type byte. The empty signature is a proper way to give none.
/// Source: BIP66, BIP62, Core's `CheckSignatureEncoding`.
pub(crate) fn check_signature_encoding(signature: &[u8], flags: ScriptFlags) -> Result<(), ScriptError> {
    const STRICT: ScriptFlags = ScriptFlags::DERSIG.union(ScriptFlags::LOW_S).union(ScriptFlags::STRICTENC);
    let Some((sighash_type, der)) = signature.split_last() else { return Ok(()) };
    if flags.intersects(STRICT) && !EcdsaSignature::is_strict_der(der) {
        return Err(ScriptError::SigDer);
    }
    if flags.contains(ScriptFlags::LOW_S) {
        let parsed = EcdsaSignature::from_der_lax(der).map_err(|_| ScriptError::SigDer)?;
        if !parsed.is_low_s() {
            return Err(ScriptError::SigHighS);
        }
    }
    if flags.contains(ScriptFlags::STRICTENC) && !(1..=3).contains(&(sighash_type & !ANYONE_CAN_PAY)) {
        return Err(ScriptError::SigHashType { got: *sighash_type });
    }
    Ok(())
}

/// The form of a public key in a script that is no tapscript. Source: Core's `CheckPubKeyEncoding`.
pub(crate) fn check_key_encoding(key: &[u8], flags: ScriptFlags, witness: bool) -> Result<(), ScriptError> {
    if flags.contains(ScriptFlags::STRICTENC) && !is_compressed(key) && !is_uncompressed(key) {
        return Err(ScriptError::PubkeyType);
    }
    if witness && flags.contains(ScriptFlags::WITNESS_PUBKEYTYPE) && !is_compressed(key) {
        return Err(ScriptError::WitnessPubkeyType);
    }
    Ok(())
}

fn is_compressed(key: &[u8]) -> bool {
    key.len() == 33 && matches!(key[0], 2 | 3)
}

fn is_uncompressed(key: &[u8]) -> bool {
    key.len() == 65 && key[0] == 4
}

/// Hash type and signature; `None` where they cannot be read, or `key` has not the form of one (any of the two, or of the
/// hybrid ones), which is a signature that does not verify.
pub(crate) fn parse_ecdsa(signature: &[u8], key: &[u8]) -> Option<(u8, EcdsaSignature)> {
    let (sighash_type, der) = signature.split_last()?;
    let is_hybrid = key.len() == 65 && matches!(key[0], 6 | 7);
    if !is_compressed(key) && !is_uncompressed(key) && !is_hybrid {
        return None;
    }
    Some((*sighash_type, EcdsaSignature::from_der_lax(der).ok()?))
}

/// # Consensus
/// A Schnorr signature is 64 bytes, or 65 with a hash type that is not 0, and is valid; there is no check that just
/// fails. Source: BIP341, Core's `CheckSchnorrSignature`.
pub(crate) fn check_schnorr(
    env: &Env<'_>,
    memo: &mut Memo,
    signature: &[u8],
    key: &[u8; 32],
    annex_hash: Option<&[u8; 32]>,
    position: Option<&TapscriptPosition>,
) -> Result<(), ScriptError> {
    let (signature, sighash_type) = match (signature.len(), signature.split_last()) {
        (64, _) => (signature, 0),
        (65, Some((0, _))) => return Err(ScriptError::SchnorrSigHashType { got: 0 }),
        (65, Some((sighash_type, signature))) => (signature, *sighash_type),
        (got, _) => return Err(ScriptError::SchnorrSigSize { got }),
    };
    let digest = env.cache.taproot_with(memo, env.input, sighash_type, annex_hash, position)?;
    let signature = SchnorrSignature::from_slice(signature).expect("64 bytes, as just seen");
    if env.cache.signatures().check_schnorr(&digest, key, &signature) {
        Ok(())
    } else {
        Err(ScriptError::SchnorrSig)
    }
}
