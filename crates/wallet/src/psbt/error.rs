//! What can be wrong with a PSBT.

use cairn_primitives::DecodeError;
use thiserror::Error;

use crate::keys::DeriveError;

/// Which map of a PSBT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PsbtPart {
    /// What concerns the whole.
    Global,
    /// That of an input, by its position.
    Input(usize),
    /// That of an output, by its position.
    Output(usize),
}

impl std::fmt::Display for PsbtPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Global => f.write_str("the global map"),
            Self::Input(index) => write!(f, "input {index}"),
            Self::Output(index) => write!(f, "output {index}"),
        }
    }
}

/// Why bytes or a text are no PSBT, or one that this wallet cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PsbtError {
    /// More bytes than are read.
    #[error("{got} bytes, a PSBT may have {limit}")]
    TooLong {
        /// The number of bytes, or of characters where the text was too long.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The text is not base64.
    #[error("not base64 at position {position}")]
    Base64 {
        /// Where it goes wrong, from 0.
        position: usize,
    },
    /// It does not begin with `psbt` and `ff`.
    #[error("not a PSBT: its first bytes are others")]
    Magic,
    /// The bytes end too early, or a length is not in its shortest form.
    #[error("malformed PSBT: {0}")]
    Bytes(#[from] DecodeError),
    /// A key stands twice in a map.
    #[error("a key stands twice in {part}")]
    DuplicateKey {
        /// The map.
        part: PsbtPart,
    },
    /// There is no unsigned transaction.
    #[error("there is no unsigned transaction")]
    NoTransaction,
    /// An input of the unsigned transaction has a script.
    #[error("input {index} of the unsigned transaction has a script")]
    SignedTransaction {
        /// The position of the input.
        index: usize,
    },
    /// Another version than 0.
    #[error("PSBT version {got}, only {expected} is known")]
    Version {
        /// The version found.
        got: u32,
        /// The version known.
        expected: u32,
    },
    /// A key has a length that its type does not have, or no public key where one belongs.
    #[error("type {kind:#04x} in {part} has a malformed key")]
    Key {
        /// The map.
        part: PsbtPart,
        /// The type: the first byte of the key.
        kind: u64,
    },
    /// A value is not what its type says.
    #[error("type {kind:#04x} in {part} has a malformed value")]
    Value {
        /// The map.
        part: PsbtPart,
        /// The type: the first byte of the key.
        kind: u64,
    },
    /// Nothing says which coin an input spends.
    #[error("the coin of input {index} is not given")]
    NoCoin {
        /// The position of the input.
        index: usize,
    },
    /// No key path of an input leads to one of the accounts given, or the key it leads to does not lock the coin.
    #[error("input {index} is not spent by a key of this wallet")]
    NotOwn {
        /// The position of the input.
        index: usize,
    },
    /// An input asks for a signature that commits to less than everything.
    #[error("input {index} asks for signature hash type {got}; this wallet signs the whole transaction only")]
    SighashType {
        /// The position of the input.
        index: usize,
        /// The type asked for.
        got: u32,
    },
    /// A key cannot be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}
