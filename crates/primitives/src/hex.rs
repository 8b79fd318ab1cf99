//! Hexadecimal text: lower case out, either case in.

use hex_conservative::error::{
    DecodeFixedLengthBytesError, DecodeVariableLengthBytesError, InvalidCharError,
};
use hex_conservative::{DisplayHex, decode_to_array, decode_to_vec};
use thiserror::Error;

/// Why a text is not the hexadecimal form asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HexError {
    /// A fixed-length value has the wrong number of digits.
    #[error("{got} hex digits where {expected} are expected")]
    WrongLength {
        /// Length of the text in bytes.
        got: usize,
        /// Number of digits the value has.
        expected: usize,
    },
    /// A byte string has half a byte at its end.
    #[error("odd number of hex digits: {got}")]
    OddLength {
        /// Length of the text in bytes.
        got: usize,
    },
    /// Something other than `0-9`, `a-f`, `A-F`.
    #[error("byte {got:#04x} at position {position} is not a hex digit")]
    NotADigit {
        /// The offending byte of the text.
        got: u8,
        /// Its position in the text, from 0.
        position: usize,
    },
}

/// The lower-case digits of `bytes`, two for each, in the order of the bytes.
pub fn encode(bytes: &[u8]) -> String {
    bytes.to_lower_hex_string()
}

/// The bytes that `text` spells, in its order.
///
/// # Errors
/// [`HexError::OddLength`] or [`HexError::NotADigit`].
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    decode_to_vec(text).map_err(|error| match error {
        DecodeVariableLengthBytesError::InvalidChar(at) => not_a_digit(&at),
        DecodeVariableLengthBytesError::OddLengthString(odd) => HexError::OddLength { got: odd.length() },
    })
}

/// The `N` bytes that `text` spells, in its order.
///
/// # Errors
/// [`HexError::WrongLength`] unless there are `2 * N` digits, or [`HexError::NotADigit`].
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    decode_to_array(text).map_err(|error| match error {
        DecodeFixedLengthBytesError::InvalidChar(at) => not_a_digit(&at),
        DecodeFixedLengthBytesError::InvalidLength(length) => {
            HexError::WrongLength { got: length.invalid_length(), expected: length.expected_length() }
        }
    })
}

fn not_a_digit(error: &InvalidCharError) -> HexError {
    HexError::NotADigit { got: error.invalid_char(), position: error.pos() }
}
