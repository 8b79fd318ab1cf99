//! BIP32's extended keys: a key, and the chain code its children come from.

use core::fmt;

use cairn_crypto::{PublicKey, SecretKey};
use cairn_primitives::{hash, hex};
use zeroize::Zeroizing;

use super::error::DeriveError;
use super::path::{ChildNumber, DerivationPath};
use crate::seed::{Seed, hmac_sha512};

/// What BIP32 keys the master key's HMAC with.
const MASTER: &[u8] = b"Bitcoin seed";

/// The first four bytes of the hash of a public key: enough to recognise a key by, not enough to trust it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 4]);

impl Fingerprint {
    /// What a root key has in the place of its parent's fingerprint.
    pub const NONE: Self = Self([0; 4]);

    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    fn of(key: &PublicKey) -> Self {
        let [a, b, c, d, ..] = hash::hash160(&key.to_compressed()).to_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Display for Fingerprint {
    /// Eight hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Where a key stands: part of its text form, no part of its derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) depth: u8,
    pub(super) parent: Fingerprint,
    pub(super) child: ChildNumber,
}

impl Place {
    const ROOT: Self = Self { depth: 0, parent: Fingerprint::NONE, child: ChildNumber::from_u32(0) };

    fn below(self, parent: Fingerprint, child: ChildNumber) -> Result<Self, DeriveError> {
        let depth = self.depth.checked_add(1).ok_or(DeriveError::TooDeep { limit: u8::MAX })?;
        Ok(Self { depth, parent, child })
    }
}

/// A secret key whose children can be derived (BIP32's extended private key).
///
/// Wiped from memory when dropped; `Debug` shows its fingerprint only.
#[derive(Clone)]
pub struct ExtendedSecret {
    pub(super) place: Place,
    pub(super) chain_code: Zeroizing<[u8; 32]>,
    pub(super) key: SecretKey,
}

impl ExtendedSecret {
    /// Fewest bytes of a seed (BIP32).
    pub const MIN_SEED_LEN: usize = 16;
    /// Most bytes of a seed (BIP32).
    pub const MAX_SEED_LEN: usize = 64;

    /// The master key of a wallet's seed.
    ///
    /// # Errors
    /// [`DeriveError::NoMaster`], which cannot be met in practice.
    pub fn from_seed(seed: &Seed) -> Result<Self, DeriveError> {
        Self::from_seed_bytes(seed.as_bytes())
    }

    /// The master key of a seed of any length BIP32 allows, 16 to 64 bytes.
    ///
    /// # Errors
    /// [`DeriveError::SeedLength`]; [`DeriveError::NoMaster`], which cannot be met in practice.
    pub fn from_seed_bytes(seed: &[u8]) -> Result<Self, DeriveError> {
        let (got, min, limit) = (seed.len(), Self::MIN_SEED_LEN, Self::MAX_SEED_LEN);
        if !(min..=limit).contains(&got) {
            return Err(DeriveError::SeedLength { got, min, limit });
        }
        let (left, chain_code) = halves(&hmac_sha512(MASTER, &[seed]));
        let key = SecretKey::from_bytes(*left).map_err(|_| DeriveError::NoMaster)?;
        Ok(Self { place: Place::ROOT, chain_code, key })
    }

    /// The child `child`, hardened or not (BIP32's `CKDpriv`).
    ///
    /// # Errors
    /// [`DeriveError::TooDeep`] below depth 255; [`DeriveError::NoKey`], which cannot be met in practice.
    pub fn derive(&self, child: ChildNumber) -> Result<Self, DeriveError> {
        let public = self.key.public_key();
        let place = self.place.below(Fingerprint::of(&public), child)?;
        let number = child.to_u32().to_be_bytes();
        let hashed = if child.is_hardened() {
            hmac_sha512(&*self.chain_code, &[&[0], &*self.key.to_bytes(), &number])
        } else {
            hmac_sha512(&*self.chain_code, &[&public.to_compressed(), &number])
        };
        let (left, chain_code) = halves(&hashed);
        let key = self.key.tweak_add(&left).map_err(|_| DeriveError::NoKey { got: child })?;
        Ok(Self { place, chain_code, key })
    }

    /// The key at the end of `path`, taken from this key on.
    ///
    /// # Errors
    /// Those of [`derive`](Self::derive), at the first step that fails.
    pub fn derive_path(&self, path: &DerivationPath) -> Result<Self, DeriveError> {
        path.steps().iter().try_fold(self.clone(), |key, step| key.derive(*step))
    }

    /// The key itself.
    pub fn secret_key(&self) -> SecretKey {
        self.key.clone()
    }

    /// The public key with the same chain code: it has the same normal children, without their secrets.
    pub fn to_public(&self) -> ExtendedPublic {
        ExtendedPublic { place: self.place, chain_code: *self.chain_code, key: self.key.public_key() }
    }

    /// The fingerprint of the public key.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key.public_key())
    }

    /// Steps from the root.
    pub fn depth(&self) -> u8 {
        self.place.depth
    }

    /// Which child of its parent this is; 0 for a root key.
    pub fn child(&self) -> ChildNumber {
        self.place.child
    }
}

impl fmt::Debug for ExtendedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtendedSecret(depth {}, fingerprint {}, redacted)", self.depth(), self.fingerprint())
    }
}

/// A public key whose normal children can be derived (BIP32's extended public key).
///
/// Whoever has it sees every payment of the keys below it; whoever has it and one normal child's secret has every
/// secret below it. `Debug` therefore shows its fingerprint only.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtendedPublic {
    pub(super) place: Place,
    pub(super) chain_code: [u8; 32],
    pub(super) key: PublicKey,
}

impl ExtendedPublic {
    /// The normal child `child` (BIP32's `CKDpub`).
    ///
    /// # Errors
    /// [`DeriveError::Hardened`]; [`DeriveError::TooDeep`] below depth 255; [`DeriveError::NoKey`], which cannot be
    /// met in practice.
    pub fn derive(&self, child: ChildNumber) -> Result<Self, DeriveError> {
        if child.is_hardened() {
            return Err(DeriveError::Hardened { got: child });
        }
        let place = self.place.below(self.fingerprint(), child)?;
        let compressed = self.key.to_compressed();
        let (left, chain_code) =
            halves(&hmac_sha512(&self.chain_code, &[&compressed, &child.to_u32().to_be_bytes()]));
        let key = self.key.tweak_add(&left).map_err(|_| DeriveError::NoKey { got: child })?;
        Ok(Self { place, chain_code: *chain_code, key })
    }

    /// The key itself.
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// The fingerprint of the key.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key)
    }

    /// Steps from the root.
    pub fn depth(&self) -> u8 {
        self.place.depth
    }

    /// Which child of its parent this is; 0 for a root key.
    pub fn child(&self) -> ChildNumber {
        self.place.child
    }
}

impl fmt::Debug for ExtendedPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtendedPublic(depth {}, fingerprint {})", self.depth(), self.fingerprint())
    }
}

/// What goes into the key, and the chain code.
fn halves(hashed: &[u8; 64]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (mut left, mut right) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    left.copy_from_slice(&hashed[..32]);
    right.copy_from_slice(&hashed[32..]);
    (left, right)
}
