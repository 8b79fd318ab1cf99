//! What makes the addresses and keys of one chain differ from those of another.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Prefixes of a chain's addresses and keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressPrefixes {
    /// Version byte of pay-to-public-key-hash addresses (Bitcoin: 0, so that they begin with `1`).
    pub p2pkh: u8,
    /// Version byte of pay-to-script-hash addresses (Bitcoin: 5, so that they begin with `3`).
    pub p2sh: u8,
    /// Version byte of private keys in wallet import format (Bitcoin: 128).
    pub wif: u8,
    /// Human-readable part of witness addresses (Bitcoin: `bc`).
    pub hrp: Hrp,
    /// Version of extended public keys (BIP32; Bitcoin: `0488b21e`, `xpub`).
    pub xpub: [u8; 4],
    /// Version of extended private keys (BIP32; Bitcoin: `0488ade4`, `xprv`).
    pub xprv: [u8; 4],
    /// Coin type in derivation paths (BIP44, SLIP44; Bitcoin: 0).
    pub coin_type: u32,
}

/// Why a text cannot be the human-readable part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HrpError {
    /// No character, or more than fit before the longest witness program.
    #[error("a human-readable part has 1 to {limit} characters, not {got}")]
    Length {
        /// Length of the text in bytes.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// A capital, a blank, or anything else outside printable ASCII.
    #[error("byte {got:#04x} at position {position} cannot stand in a human-readable part")]
    Character {
        /// The offending byte of the text.
        got: u8,
        /// Its position, from 0.
        position: usize,
    },
}

/// The human-readable part of a chain's witness addresses: 1 to 18 printable ASCII characters without
/// capitals (BIP173).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hrp {
    bytes: [u8; Hrp::MAX_LEN],
    len: u8,
}

impl Hrp {
    /// Most characters. BIP173 allows 90 for the whole address; a 40-byte program, the version, the
    /// separator and the checksum take 72.
    pub const MAX_LEN: usize = 18;

    /// Takes the lower-case form of a human-readable part.
    ///
    /// # Errors
    /// [`HrpError::Length`] or [`HrpError::Character`].
    pub fn new(text: &str) -> Result<Self, HrpError> {
        let got = text.len();
        if got == 0 || got > Self::MAX_LEN {
            return Err(HrpError::Length { got, limit: Self::MAX_LEN });
        }
        let allowed = |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
        if let Some((position, &got)) = text.as_bytes().iter().enumerate().find(|(_, byte)| !allowed(byte)) {
            return Err(HrpError::Character { got, position });
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..got].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: got as u8 })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("ASCII was checked when this was made")
    }
}

impl FromStr for Hrp {
    type Err = HrpError;

    fn from_str(text: &str) -> Result<Self, HrpError> {
        Self::new(text)
    }
}

impl fmt::Display for Hrp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Hrp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hrp({self})")
    }
}
