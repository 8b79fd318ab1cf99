//! BIP340: keys without Y and the signatures under them.

use core::fmt;

use crate::backend::XPoint;
use crate::error::{PublicKeyError, SignatureError, TweakError};
use crate::tweak::TapTweak;

/// Which of the two points with the same X: the one whose Y is even or odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// Y is even.
    Even,
    /// Y is odd.
    Odd,
}

impl Parity {
    /// From the lowest bit of Y.
    pub fn from_odd(odd: bool) -> Self {
        if odd { Self::Odd } else { Self::Even }
    }

    /// 0 for even, 1 for odd: the low bit of a control block's first byte (BIP341).
    pub fn to_bit(self) -> u8 {
        match self {
            Self::Even => 0,
            Self::Odd => 1,
        }
    }
}

/// A public key given by X alone; Y is the even one (BIP340).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct XOnlyPublicKey {
    point: XPoint,
}

impl XOnlyPublicKey {
    /// Reads a big-endian X coordinate.
    ///
    /// # Errors
    /// [`PublicKeyError::NotOnCurve`] where X is not below the field's prime or no point has it.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, PublicKeyError> {
        XPoint::from_bytes(&bytes).map(Self::from_point).ok_or(PublicKeyError::NotOnCurve)
    }

    /// The X coordinate, big-endian.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.point.to_bytes()
    }

    /// Whether `signature` signs `message`, of any length, under this key (BIP340's Verify).
    pub fn verify(&self, message: &[u8], signature: &SchnorrSignature) -> bool {
        self.point.verify_schnorr(message, signature.as_bytes())
    }

    /// This internal key plus `tweak` times the generator: the output key of BIP341, and which Y it got.
    ///
    /// # Errors
    /// [`TweakError::OutOfRange`] or [`TweakError::Infinity`]; neither can be met in practice.
    pub fn tweak_add(&self, tweak: &TapTweak) -> Result<(Self, Parity), TweakError> {
        let (point, odd) = self.point.tweak_add(tweak.as_bytes())?;
        Ok((Self { point }, Parity::from_odd(odd)))
    }

    /// Whether `output` with `parity` is this internal key committed to `merkle_root` (`None`: to no script).
    ///
    /// `output` need not be a valid key; then the answer is no. Source: BIP341, Core's
    /// `XOnlyPubKey::CheckTapTweak`.
    pub fn check_tap_tweak(&self, merkle_root: Option<&[u8; 32]>, output: &[u8; 32], parity: Parity) -> bool {
        match self.point.tweak_add(TapTweak::new(self, merkle_root).as_bytes()) {
            Ok((point, odd)) => point.to_bytes() == *output && Parity::from_odd(odd) == parity,
            Err(_) => false,
        }
    }

    pub(crate) fn from_point(point: XPoint) -> Self {
        Self { point }
    }
}

impl fmt::Debug for XOnlyPublicKey {
    /// X in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XOnlyPublicKey(")?;
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A BIP340 signature: R's X coordinate, then s. Any 64 bytes are representable; whether they are in range is
/// part of verifying.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SchnorrSignature([u8; 64]);

impl SchnorrSignature {
    /// Bytes in a signature, without a signature hash type.
    pub const SIZE: usize = 64;

    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Takes 64 bytes.
    ///
    /// # Errors
    /// [`SignatureError::Length`] for any other number of bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SignatureError> {
        <[u8; 64]>::try_from(bytes)
            .map(Self)
            .map_err(|_| SignatureError::Length { got: bytes.len(), expected: Self::SIZE })
    }

    /// The 64 bytes.
    pub const fn to_bytes(self) -> [u8; 64] {
        self.0
    }

    /// The 64 bytes, borrowed.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for SchnorrSignature {
    /// The bytes in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchnorrSignature(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
