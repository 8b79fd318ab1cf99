//! Public keys for ECDSA.

use core::fmt;

use crate::backend::Point;
use crate::ecdsa::EcdsaSignature;
use crate::error::{PublicKeyError, TweakError};
use crate::xonly::{Parity, XOnlyPublicKey};

/// A point of secp256k1 other than infinity, as ECDSA scripts use it.
///
/// Two keys are equal when their points are, whatever encoding they came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
}

impl PublicKey {
    /// Reads the encodings consensus accepts: 33 bytes `02`/`03` X, 65 bytes `04` X Y, and 65 bytes `06`/`07`
    /// X Y (hybrid, the header repeating Y's parity). Coordinates are big-endian.
    ///
    /// Source: libsecp256k1's `ec_pubkey_parse`, as Core's `CPubKey` calls it.
    ///
    /// # Errors
    /// Each variant of [`PublicKeyError`], checked in the order header, length, curve, parity.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let got = bytes.len();
        let header = *bytes.first().ok_or(PublicKeyError::Length { got })?;
        let expected = match header {
            2 | 3 => 33,
            4 | 6 | 7 => 65,
            got => return Err(PublicKeyError::Header { got }),
        };
        if got != expected {
            return Err(PublicKeyError::Length { got });
        }
        let parsed = match header {
            6 | 7 => {
                let mut plain = [0; 65];
                plain.copy_from_slice(bytes);
                plain[0] = 4;
                Point::from_sec1(&plain)
            }
            _ => Point::from_sec1(bytes),
        };
        let point = parsed.ok_or(PublicKeyError::NotOnCurve)?;
        // Only now: a hybrid key off the curve is off the curve, whatever its header says.
        if matches!(header, 6 | 7) && header & 1 != bytes[64] & 1 {
            return Err(PublicKeyError::HybridParity { got: header });
        }
        Ok(Self { point })
    }

    /// `02` or `03` by Y's parity, then X.
    pub fn to_compressed(&self) -> [u8; 33] {
        self.point.to_compressed()
    }

    /// `04`, then X and Y.
    pub fn to_uncompressed(&self) -> [u8; 65] {
        self.point.to_uncompressed()
    }

    /// The key without Y, for Schnorr and taproot, and which Y it had.
    pub fn to_x_only(&self) -> (XOnlyPublicKey, Parity) {
        let (point, odd) = self.point.to_x_only();
        (XOnlyPublicKey::from_point(point), Parity::from_odd(odd))
    }

    /// Whether `signature` signs the 32-byte `message` digest under this key.
    ///
    /// A high S counts like its low twin, as in Core's `CPubKey::Verify`; where only low S may pass, ask
    /// [`EcdsaSignature::is_low_s`] as well.
    pub fn verify(&self, message: &[u8; 32], signature: &EcdsaSignature) -> bool {
        self.point.verify_ecdsa(message, &signature.normalize_s().to_compact())
    }

    /// This point plus `tweak`, a big-endian number, times the generator: a child key of BIP32.
    ///
    /// The counterpart of [`SecretKey::tweak_add`](crate::SecretKey::tweak_add).
    ///
    /// # Errors
    /// [`TweakError::OutOfRange`] for the group order and above, [`TweakError::Infinity`] where nothing is left.
    pub fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        self.point.tweak_add(tweak).map(Self::from_point)
    }

    pub(crate) fn from_point(point: Point) -> Self {
        Self { point }
    }
}

impl fmt::Debug for PublicKey {
    /// The compressed form in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.to_compressed().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
