//! The back end over libsecp256k1, the C library Bitcoin Core uses.

use secp256k1::{Keypair, Message, PublicKey, Scalar, SecretKey, XOnlyPublicKey, ecdsa, schnorr};
use zeroize::Zeroizing;

use crate::error::TweakError;

/// A point other than infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point(PublicKey);

impl Point {
    /// 33 bytes with header 02 or 03, or 65 bytes with header 04; `None` where that is no point.
    pub(crate) fn from_sec1(bytes: &[u8]) -> Option<Self> {
        PublicKey::from_slice(bytes).ok().map(Self)
    }

    pub(crate) fn to_compressed(self) -> [u8; 33] {
        self.0.serialize()
    }

    pub(crate) fn to_uncompressed(self) -> [u8; 65] {
        self.0.serialize_uncompressed()
    }

    /// The point with the same X and even Y, and whether this one's Y is odd.
    pub(crate) fn to_x_only(self) -> (XPoint, bool) {
        let (point, parity) = self.0.x_only_public_key();
        (XPoint(point), parity == secp256k1::Parity::Odd)
    }

    /// This point plus `tweak` times the generator.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        self.0.add_exp_tweak(&scalar(tweak)?).map(Self).map_err(|_| TweakError::Infinity)
    }

    /// `compact`: R then S, each below the group order, S low.
    pub(crate) fn verify_ecdsa(&self, message: &[u8; 32], compact: &[u8; 64]) -> bool {
        let message = Message::from_digest(*message);
        ecdsa::Signature::from_compact(compact)
            .is_ok_and(|signature| signature.verify(message, &self.0).is_ok())
    }
}

/// A point whose Y is even.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct XPoint(XOnlyPublicKey);

impl XPoint {
    pub(crate) fn from_bytes(x: &[u8; 32]) -> Option<Self> {
        XOnlyPublicKey::from_byte_array(*x).ok().map(Self)
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0.to_byte_array()
    }

    pub(crate) fn verify_schnorr(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify(message, &schnorr::Signature::from_byte_array(*signature)).is_ok()
    }

    /// This point plus `tweak` times the generator, with Y made even, and whether Y was odd.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<(Self, bool), TweakError> {
        let (point, parity) = self.0.add_tweak(&scalar(tweak)?).map_err(|_| TweakError::Infinity)?;
        Ok((Self(point), parity == secp256k1::Parity::Odd))
    }
}

fn scalar(tweak: &[u8; 32]) -> Result<Scalar, TweakError> {
    Scalar::from_be_bytes(*tweak).map_err(|_| TweakError::OutOfRange)
}

/// A secret scalar. The library's own types are not wiped when dropped, so they live only while they are used.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        SecretKey::from_secret_bytes(*bytes).ok().map(|mut key| {
            key.non_secure_erase();
            Self(Zeroizing::new(*bytes))
        })
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    pub(crate) fn to_point(&self) -> Point {
        self.with_keypair(|pair| Point(pair.public_key()))
    }

    pub(crate) fn sign_ecdsa(&self, message: &[u8; 32]) -> [u8; 64] {
        let mut key = SecretKey::from_secret_bytes(*self.0).expect("in range, as seen when it was made");
        let signature = ecdsa::sign(Message::from_digest(*message), &key).serialize_compact();
        key.non_secure_erase();
        signature
    }

    pub(crate) fn sign_schnorr(&self, message: &[u8], aux: &[u8; 32]) -> [u8; 64] {
        self.with_keypair(|pair| schnorr::sign_with_aux_rand(message, pair, aux).to_byte_array())
    }

    /// The secret of `Point::tweak_add`'s sum.
    pub(crate) fn tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        let tweak = scalar(tweak)?;
        let mut key = SecretKey::from_secret_bytes(*self.0).expect("in range, as seen when it was made");
        let sum = key.add_tweak(&tweak);
        key.non_secure_erase();
        let mut sum = sum.map_err(|_| TweakError::Infinity)?;
        let secret = Self(Zeroizing::new(sum.to_secret_bytes()));
        sum.non_secure_erase();
        Ok(secret)
    }

    /// The secret of `XPoint::tweak_add`'s sum.
    pub(crate) fn x_only_tweak_add(&self, tweak: &[u8; 32]) -> Result<Self, TweakError> {
        let tweak = scalar(tweak)?;
        self.with_keypair(|pair| {
            let mut sum = pair.add_xonly_tweak(&tweak).map_err(|_| TweakError::Infinity)?;
            let secret = Self(Zeroizing::new(sum.to_secret_bytes()));
            sum.non_secure_erase();
            Ok(secret)
        })
    }

    fn with_keypair<T>(&self, use_it: impl FnOnce(&Keypair) -> T) -> T {
        let mut pair = Keypair::from_secret_bytes(*self.0).expect("in range, as seen when it was made");
        let result = use_it(&pair);
        pair.non_secure_erase();
        result
    }
}
