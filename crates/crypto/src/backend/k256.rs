//! The pure Rust back end.

use ::k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use ::k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use ::k256::elliptic_curve::ff::PrimeField;
use ::k256::elliptic_curve::group::CurveAffine;
use ::k256::elliptic_curve::ops::{MulByGeneratorVartime, Reduce};
use ::k256::elliptic_curve::point::{AffineCoordinates, DecompactPoint};
use ::k256::elliptic_curve::sec1::ToSec1Point;
use ::k256::{
    AffinePoint, FieldBytes, NonZeroScalar, ProjectivePoint, PublicKey, Scalar, SecretKey, schnorr,
};
use cairn_primitives::hash;
use zeroize::Zeroizing;

use crate::error::TweakError;

/// A point other than infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point(PublicKey);

impl Point {
    /// 33 bytes with header 02 or 03, or 65 bytes with header 04; `None` where that is no point.
    pub(crate) fn from_sec1(bytes: &[u8]) -> Option<Self> {
        PublicKey::from_sec1_bytes(bytes).ok().map(Self)
    }

    pub(crate) fn to_compressed(self) -> [u8; 33] {
        let encoded = self.0.as_affine().to_sec1_point(true);
        encoded.as_bytes().try_into().expect("a compressed point is 33 bytes")
    }

    pub(crate) fn to_uncompressed(self) -> [u8; 65] {
        let encoded = self.0.as_affine().to_sec1_point(false);
        encoded.as_bytes().try_into().expect("an uncompressed point is 65 bytes")
    }

    /// The point with the same X and even Y, and whether this one's Y is odd.
    pub(crate) fn to_x_only(self) -> (XPoint, bool) {
        XPoint::from_affine(*self.0.as_affine())
    }

    /// This point plus `tweak` times the generator.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        let tweak = tweak_scalar(tweak)?;
        let sum = (ProjectivePoint::mul_by_generator_vartime(&tweak) + *self.0.as_affine()).to_affine();
        PublicKey::from_affine(sum).map(Self).map_err(|_| TweakError::Infinity)
    }

    /// `compact`: R then S, each below the group order, S low.
    pub(crate) fn verify_ecdsa(&self, message: &[u8; 32], compact: &[u8; 64]) -> bool {
        // Refuses a zero R or S, which sign nothing.
        let Ok(signature) = Signature::from_slice(compact) else { return false };
        VerifyingKey::from(self.0).verify_prehash(message, &signature).is_ok()
    }
}

/// The prime of the field, big-endian.
const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xfc, 0x2f,
];

/// A point whose Y is even.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct XPoint(AffinePoint);

impl XPoint {
    pub(crate) fn from_bytes(x: &[u8; 32]) -> Option<Self> {
        // The library says the same, but only after it has taken a square root.
        if *x >= PRIME {
            return None;
        }
        AffinePoint::decompact(&FieldBytes::from(*x)).into_option().map(Self)
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0.x().into()
    }

    /// BIP340's Verify, spelled out: the library's own refuses s = 0, which the BIP allows.
    pub(crate) fn verify_schnorr(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (r, s) = signature.split_at(32);
        let s = FieldBytes::try_from(s).expect("half of 64 bytes");
        let Some(s) = Scalar::from_repr(s).into_option() else { return false };
        let challenge = hash::tagged(b"BIP0340/challenge", &[r, &self.to_bytes(), message]);
        let e = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(challenge));
        let nonce =
            ProjectivePoint::mul_by_generator_and_mul_add_vartime(&s, &-e, &ProjectivePoint::from(self.0))
                .to_affine();
        // X is always below the field's prime, so an R that is not can never equal it.
        !bool::from(nonce.is_identity()) && !bool::from(nonce.y_is_odd()) && nonce.x()[..] == *r
    }

    /// This point plus `tweak` times the generator, with Y made even, and whether Y was odd.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<(Self, bool), TweakError> {
        let tweak = tweak_scalar(tweak)?;
        let sum = (ProjectivePoint::mul_by_generator_vartime(&tweak) + self.0).to_affine();
        if bool::from(sum.is_identity()) {
            return Err(TweakError::Infinity);
        }
        Ok(Self::from_affine(sum))
    }

    fn from_affine(point: AffinePoint) -> (Self, bool) {
        let odd = bool::from(point.y_is_odd());
        (Self(if odd { -point } else { point }), odd)
    }
}

fn tweak_scalar(tweak: &[u8; 32]) -> Result<Scalar, TweakError> {
    Scalar::from_repr(FieldBytes::from(*tweak)).into_option().ok_or(TweakError::OutOfRange)
}

/// A secret scalar; the library wipes it when dropped.
#[derive(Clone)]
pub(crate) struct Secret(SecretKey);

impl Secret {
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        SecretKey::from_slice(bytes).ok().map(Self)
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    pub(crate) fn to_point(&self) -> Point {
        Point(self.0.public_key())
    }

    pub(crate) fn sign_ecdsa(&self, message: &[u8; 32]) -> [u8; 64] {
        let key = SigningKey::from(&self.0);
        let signature: Signature = key.sign_prehash(message).expect("a 32-byte digest is never too short");
        signature.to_bytes().into()
    }

    pub(crate) fn sign_schnorr(&self, message: &[u8], aux: &[u8; 32]) -> [u8; 64] {
        schnorr::SigningKey::from(&self.0)
            .sign_raw(message, aux)
            .expect("a hash gives a zero nonce with probability 2^-256")
            .to_bytes()
    }

    /// The secret of `Point::tweak_add`'s sum.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        let tweak = Zeroizing::new(tweak_scalar(tweak)?);
        let sum = Zeroizing::new(*Zeroizing::new(*self.0.to_nonzero_scalar()) + *tweak);
        let sum = NonZeroScalar::new(*sum).into_option().map(Zeroizing::new).ok_or(TweakError::Infinity)?;
        Ok(Self(SecretKey::from(&*sum)))
    }

    /// The secret of `XPoint::tweak_add`'s sum.
    pub(crate) fn x_only_tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        let tweak = tweak_scalar(tweak)?;
        let even = schnorr::SigningKey::from(&self.0);
        let sum = Zeroizing::new(**even.as_nonzero_scalar() + tweak);
        let sum = NonZeroScalar::new(*sum).into_option().ok_or(TweakError::Infinity)?;
        Ok(Self(SecretKey::from(&sum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_end_below_the_prime() {
        let from_the_prime = |offset: u8| {
            let mut x = PRIME;
            x[31] = x[31].wrapping_add(offset);
            (AffinePoint::decompact(&FieldBytes::from(x)).into_option(), XPoint::from_bytes(&x))
        };
        // Some of the eight highest coordinates are those of points, and none from the prime up is.
        let mut points = 0;
        for offset in 0..16_u8 {
            let (library, ours) = from_the_prime(offset.wrapping_sub(8));
            assert_eq!(ours.map(|point| point.0), library);
            points += usize::from(library.is_some());
            assert!(offset < 8 || library.is_none());
        }
        assert!(points > 0);
    }
}
