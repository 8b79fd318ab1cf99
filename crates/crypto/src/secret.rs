//! Secret keys.

use core::fmt;

use zeroize::Zeroizing;

use crate::backend::Secret;
use crate::ecdsa::EcdsaSignature;
use crate::error::{SecretKeyError, TweakError};
use crate::public::PublicKey;
use crate::tweak::TapTweak;
use crate::xonly::SchnorrSignature;

/// A number between 1 and the group order minus 1. Wiped from memory when dropped; `Debug` does not show it.
#[derive(Clone)]
pub struct SecretKey {
    secret: Secret,
}

impl SecretKey {
    /// Takes a big-endian number.
    ///
    /// # Errors
    /// [`SecretKeyError::OutOfRange`] for zero and for the group order and above.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SecretKeyError> {
        let bytes = Zeroizing::new(bytes);
        Secret::from_bytes(&bytes).map(|secret| Self { secret }).ok_or(SecretKeyError::OutOfRange)
    }

    /// The number, big-endian, in a wrapper that wipes it when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.secret.to_bytes()
    }

    /// The point this key stands for.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_point(self.secret.to_point())
    }

    /// Signs a 32-byte digest: nonce by RFC6979 with SHA-256, S low. The same digest gives the same signature.
    pub fn sign_ecdsa(&self, message: &[u8; 32]) -> EcdsaSignature {
        EcdsaSignature::from_compact(self.secret.sign_ecdsa(message)).normalize_s()
    }

    /// Signs `message`, of any length, as BIP340's default signing does, under the x-only form of this key.
    ///
    /// `aux` should be fresh random bytes; zeros are safe but give no protection against fault attacks.
    pub fn sign_schnorr(&self, message: &[u8], aux: &[u8; 32]) -> SchnorrSignature {
        SchnorrSignature::from_bytes(self.secret.sign_schnorr(message, aux))
    }

    /// This number plus `tweak`, a big-endian number, modulo the group order: a child key of BIP32.
    ///
    /// # Errors
    /// [`TweakError::OutOfRange`] for the group order and above, [`TweakError::Infinity`] where the sum is zero.
    pub fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        self.secret.tweak_add(tweak).map(|secret| Self { secret })
    }

    /// The key that signs for the taproot output of this internal key and `merkle_root` (`None`: no scripts).
    ///
    /// # Errors
    /// [`TweakError::OutOfRange`] or [`TweakError::Infinity`]; neither can be met in practice.
    pub fn tap_tweak(&self, merkle_root: Option<&[u8; 32]>) -> Result<Self, TweakError> {
        let (internal, _) = self.public_key().to_x_only();
        let tweak = TapTweak::new(&internal, merkle_root);
        self.secret.x_only_tweak_add(tweak.as_bytes()).map(|secret| Self { secret })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}
