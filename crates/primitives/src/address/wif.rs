//! Private keys in wallet import format: Base58Check of a version byte, the 32 bytes of the key and,
//! when its public key is used compressed, a byte 1.

use super::AddressPrefixes;
use super::base58::{self, Base58Error};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// A private key as imported or exported. Its bytes are wiped when it is dropped, and not printed.
///
/// Whether they are a key of the curve is for the crate that knows the curve to say.
#[derive(Clone, PartialEq, Eq)]
pub struct WifKey {
    secret: Zeroizing<[u8; 32]>,
    compressed: bool,
}

/// Why a text is not a private key of this chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WifError {
    /// Not Base58Check at all.
    #[error(transparent)]
    Base58(#[from] Base58Error),
    /// Neither 33 bytes nor 34 ending in 1.
    #[error("a private key has 33 bytes, or 34 ending in 1, not {got} bytes")]
    Form {
        /// Bytes decoded, checksum excluded.
        got: usize,
    },
    /// The version byte belongs to another chain, or to no private key.
    #[error("private key of another chain: version {got}, expected {expected}")]
    Version {
        /// The version byte found.
        got: u8,
        /// The version byte of this chain.
        expected: u8,
    },
}

impl WifKey {
    /// A key of these 32 bytes (big-endian), whose public key is used compressed or not.
    pub fn new(secret: [u8; 32], compressed: bool) -> Self {
        Self { secret: Zeroizing::new(secret), compressed }
    }

    /// The 32 bytes, big-endian.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Whether the public key is used in its compressed form.
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Reads a key of the chain with these prefixes (Bitcoin Core's `DecodeSecret`).
    ///
    /// # Errors
    /// [`WifError`], one variant for each way to be wrong.
    pub fn parse(text: &str, prefixes: &AddressPrefixes) -> Result<Self, WifError> {
        let payload = Zeroizing::new(base58::decode_check(text)?);
        let form = WifError::Form { got: payload.len() };
        let (&version, rest) = payload.split_first().ok_or(form)?;
        let (secret, flag) = rest.split_first_chunk().ok_or(form)?;
        let compressed = match flag {
            [] => false,
            [1] => true,
            _ => return Err(form),
        };
        if version != prefixes.wif {
            return Err(WifError::Version { got: version, expected: prefixes.wif });
        }
        Ok(Self::new(*secret, compressed))
    }

    /// The text form with this chain's version byte. It is a secret: the caller wipes it.
    pub fn encode(&self, prefixes: &AddressPrefixes) -> String {
        let mut payload = Zeroizing::new(Vec::with_capacity(34));
        payload.push(prefixes.wif);
        payload.extend_from_slice(&*self.secret);
        if self.compressed {
            payload.push(1);
        }
        base58::encode_check(&payload)
    }
}

impl fmt::Debug for WifKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WifKey").field("compressed", &self.compressed).finish_non_exhaustive()
    }
}
