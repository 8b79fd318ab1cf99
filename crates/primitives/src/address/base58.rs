//! Base58 and Base58Check: the text form of addresses and keys before bech32.

use crate::hash;
use thiserror::Error;

/// Digits and letters without `0`, `O`, `I` and `l`.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Bytes of the checksum at the end of a Base58Check text.
const CHECKSUM_LEN: usize = 4;

/// Longest text [`decode`] looks at, in bytes. Decoding takes time quadratic in the length, and the
/// longest thing written in Base58 here, an extended key, takes 112.
pub const MAX_TEXT_LEN: usize = 512;

/// Why a text is not the Base58 or Base58Check form of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Base58Error {
    /// More text than [`MAX_TEXT_LEN`].
    #[error("{got} characters of base58, {limit} is the limit")]
    TooLong {
        /// Length of the text in bytes.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// A character outside the alphabet, such as `0`, `O`, `I` or `l`.
    #[error("the character at byte {position} is not base58")]
    NotADigit {
        /// Its position in the text, from 0.
        position: usize,
    },
    /// Fewer bytes than the checksum takes.
    #[error("{got} bytes cannot hold a base58 checksum of {expected}")]
    NoChecksum {
        /// Bytes decoded.
        got: usize,
        /// Bytes of a checksum.
        expected: usize,
    },
    /// The checksum is another one: a character is wrong, missing or too many.
    #[error("base58 checksum mismatch")]
    Checksum {
        /// The checksum written.
        got: [u8; CHECKSUM_LEN],
        /// The checksum of the bytes before it.
        expected: [u8; CHECKSUM_LEN],
    },
}

/// The Base58 text of `bytes`; each leading zero byte is a `1`.
pub fn encode(bytes: &[u8]) -> String {
    bs58::encode(bytes).into_string()
}

/// The bytes of a Base58 text.
///
/// # Errors
/// [`Base58Error::TooLong`] or [`Base58Error::NotADigit`]. White space is no digit.
pub fn decode(text: &str) -> Result<Vec<u8>, Base58Error> {
    if text.len() > MAX_TEXT_LEN {
        return Err(Base58Error::TooLong { got: text.len(), limit: MAX_TEXT_LEN });
    }
    if let Some(position) = text.bytes().position(|byte| !ALPHABET.contains(&byte)) {
        return Err(Base58Error::NotADigit { position });
    }
    Ok(bs58::decode(text).into_vec().expect("every character is in the alphabet"))
}

/// The Base58 text of `payload` and its checksum, the first 4 bytes of its double SHA-256.
pub fn encode_check(payload: &[u8]) -> String {
    encode(&[payload, &checksum(payload)].concat())
}

/// The payload of a Base58Check text.
///
/// # Errors
/// Those of [`decode`], [`Base58Error::NoChecksum`] and [`Base58Error::Checksum`].
pub fn decode_check(text: &str) -> Result<Vec<u8>, Base58Error> {
    let mut bytes = decode(text)?;
    let Some((payload, &got)) = bytes.split_last_chunk() else {
        return Err(Base58Error::NoChecksum { got: bytes.len(), expected: CHECKSUM_LEN });
    };
    let expected = checksum(payload);
    if got != expected {
        return Err(Base58Error::Checksum { got, expected });
    }
    bytes.truncate(bytes.len() - CHECKSUM_LEN);
    Ok(bytes)
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, ..] = hash::sha256d(payload);
    [a, b, c, d]
}
