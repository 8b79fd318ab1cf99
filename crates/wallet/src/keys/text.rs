//! The text form of extended keys: Base58Check of 78 bytes (BIP32, "Serialization format").

use cairn_crypto::{PublicKey, SecretKey};
use cairn_primitives::{AddressPrefixes, base58};
use zeroize::Zeroizing;

use super::error::ExtendedKeyError;
use super::extended::{ExtendedPublic, ExtendedSecret, Fingerprint, Place};
use super::path::ChildNumber;

/// Version, depth, parent, child, chain code, key.
const SIZE: usize = 4 + 1 + 4 + 4 + 32 + 33;

impl ExtendedSecret {
    /// The text form with this chain's version (Bitcoin: `xprv…`), 111 or 112 characters. It is the most secret text
    /// there is: it gives every key below this one.
    pub fn encode(&self, prefixes: &AddressPrefixes) -> Zeroizing<String> {
        let mut key = Zeroizing::new([0; 33]);
        key[1..].copy_from_slice(&*self.key.to_bytes());
        Zeroizing::new(base58::encode_check(&payload(prefixes.xprv, self.place, &self.chain_code, &key)))
    }

    /// Reads an extended secret key of the chain with these prefixes.
    ///
    /// # Errors
    /// [`ExtendedKeyError`], one variant for each way to be wrong; a public key is
    /// [`IsPublic`](ExtendedKeyError::IsPublic).
    pub fn parse(text: &str, prefixes: &AddressPrefixes) -> Result<Self, ExtendedKeyError> {
        let parts = Parts::read(text)?;
        match parts.version {
            got if got == prefixes.xprv => {}
            got if got == prefixes.xpub => return Err(ExtendedKeyError::IsPublic),
            got => return Err(wrong_version(got, prefixes.xprv)),
        }
        let (&prefix, secret) = parts.key.split_first_chunk::<1>().expect("a key has 33 bytes");
        if prefix != [0] {
            return Err(ExtendedKeyError::SecretPrefix { got: prefix[0], expected: 0 });
        }
        let key = SecretKey::from_bytes(secret.try_into().expect("33 bytes without one are 32"))?;
        Ok(Self { place: parts.place()?, chain_code: parts.chain_code, key })
    }
}

impl ExtendedPublic {
    /// The text form with this chain's version (Bitcoin: `xpub…`), 111 or 112 characters.
    pub fn encode(&self, prefixes: &AddressPrefixes) -> String {
        base58::encode_check(&payload(prefixes.xpub, self.place, &self.chain_code, &self.key.to_compressed()))
    }

    /// Reads an extended public key of the chain with these prefixes.
    ///
    /// # Errors
    /// [`ExtendedKeyError`], one variant for each way to be wrong; a secret key is
    /// [`IsSecret`](ExtendedKeyError::IsSecret).
    pub fn parse(text: &str, prefixes: &AddressPrefixes) -> Result<Self, ExtendedKeyError> {
        let parts = Parts::read(text)?;
        match parts.version {
            got if got == prefixes.xpub => {}
            got if got == prefixes.xprv => return Err(ExtendedKeyError::IsSecret),
            got => return Err(wrong_version(got, prefixes.xpub)),
        }
        let key = PublicKey::from_slice(&*parts.key)?;
        Ok(Self { place: parts.place()?, chain_code: *parts.chain_code, key })
    }
}

fn wrong_version(got: [u8; 4], expected: [u8; 4]) -> ExtendedKeyError {
    ExtendedKeyError::Version { got: u32::from_be_bytes(got), expected: u32::from_be_bytes(expected) }
}

fn payload(version: [u8; 4], place: Place, chain_code: &[u8; 32], key: &[u8; 33]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(SIZE));
    out.extend(version);
    out.push(place.depth);
    out.extend(place.parent.to_bytes());
    out.extend(place.child.to_u32().to_be_bytes());
    out.extend(chain_code);
    out.extend(key);
    out
}

/// The fields of an extended key of either kind, not yet looked at.
struct Parts {
    version: [u8; 4],
    depth: u8,
    parent: [u8; 4],
    child: [u8; 4],
    chain_code: Zeroizing<[u8; 32]>,
    key: Zeroizing<[u8; 33]>,
}

impl Parts {
    fn read(text: &str) -> Result<Self, ExtendedKeyError> {
        let bytes = Zeroizing::new(base58::decode_check(text)?);
        let got = bytes.len();
        let bytes: &[u8; SIZE] =
            bytes.as_slice().try_into().map_err(|_| ExtendedKeyError::Length { got, expected: SIZE })?;
        let mut parts = Self {
            version: [0; 4],
            depth: bytes[4],
            parent: [0; 4],
            child: [0; 4],
            chain_code: Zeroizing::new([0; 32]),
            key: Zeroizing::new([0; 33]),
        };
        parts.version.copy_from_slice(&bytes[..4]);
        parts.parent.copy_from_slice(&bytes[5..9]);
        parts.child.copy_from_slice(&bytes[9..13]);
        parts.chain_code.copy_from_slice(&bytes[13..45]);
        parts.key.copy_from_slice(&bytes[45..]);
        Ok(parts)
    }

    /// A key of depth zero has neither a parent nor a place among its children (BIP32, test vector 5).
    fn place(&self) -> Result<Place, ExtendedKeyError> {
        if self.depth == 0 && (self.parent != [0; 4] || self.child != [0; 4]) {
            return Err(ExtendedKeyError::RootWithParent);
        }
        Ok(Place {
            depth: self.depth,
            parent: Fingerprint::from_bytes(self.parent),
            child: ChildNumber::from_u32(u32::from_be_bytes(self.child)),
        })
    }
}
