//! What can be wrong with bytes that claim to be a key, a signature or a tweak.

use thiserror::Error;

/// Why bytes are not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublicKeyError {
    /// Neither 33 nor 65 bytes, or not the length its first byte announces.
    #[error("a public key is 33 or 65 bytes as its first byte says, got {got}")]
    Length {
        /// Bytes given.
        got: usize,
    },
    /// The first byte names no encoding (02, 03, 04, 06 and 07 do).
    #[error("public key header {got:#04x} names no encoding")]
    Header {
        /// The first byte.
        got: u8,
    },
    /// A hybrid key (06 even, 07 odd) whose header contradicts its Y coordinate.
    #[error("hybrid public key header {got:#04x} contradicts the parity of Y")]
    HybridParity {
        /// The first byte.
        got: u8,
    },
    /// A coordinate is not below the field's prime, or the point is not on the curve.
    #[error("the coordinates are not a point of secp256k1")]
    NotOnCurve,
}

/// Why bytes are not a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretKeyError {
    /// Zero, or not below the order of the group. The value itself is not repeated here.
    #[error("a secret key lies between 1 and the group order minus 1")]
    OutOfRange,
}

/// Why bytes are not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// Not even the lax reader finds two integers.
    #[error("not a DER sequence of two integers")]
    Der,
    /// Two integers, but not in the one encoding BIP66 allows.
    #[error("not strict DER as BIP66 defines it")]
    NotStrict,
    /// A Schnorr signature of the wrong size.
    #[error("a Schnorr signature is {expected} bytes, got {got}")]
    Length {
        /// Bytes given.
        got: usize,
        /// Always 64.
        expected: usize,
    },
}

/// Why a tweak cannot be applied. Both happen with probability about 2^-128 for hashed tweaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TweakError {
    /// The tweak is not below the order of the group.
    #[error("the tweak is not below the group order")]
    OutOfRange,
    /// Key and tweak cancel out.
    #[error("key and tweak add up to nothing")]
    Infinity,
}
