//! Why a block or transaction cannot be looked at.

use std::fmt;
use std::path::PathBuf;

use cairn_primitives::{DecodeError, HexError, OutPoint};

/// A column of the file of coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The transaction that made the coin, in hex as it is shown.
    Txid,
    /// The index of the output.
    Vout,
    /// The value in smallest units.
    Value,
    /// The output's script in hex.
    ScriptPubkey,
    /// The height of the block that made it.
    Height,
    /// Whether a coinbase made it.
    Coinbase,
    /// The median time past of that block.
    MedianTimePast,
}

impl Field {
    /// What stands in the field.
    fn expected(self) -> &'static str {
        match self {
            Self::Txid => "a txid of 64 hex digits",
            Self::Vout => "the index of an output, a number below 2^32",
            Self::Value => "a value in smallest units, a number below 2^63",
            Self::ScriptPubkey => "a script in hex",
            Self::Height => "a height below 2^32, or - if unknown",
            Self::Coinbase => "1 for a coinbase, 0 for none, or - if unknown",
            Self::MedianTimePast => "Unix seconds below 2^32, or - or 0 if unknown",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Txid => "txid",
            Self::Vout => "vout",
            Self::Value => "value",
            Self::ScriptPubkey => "scriptPubKey",
            Self::Height => "height",
            Self::Coinbase => "coinbase",
            Self::MedianTimePast => "median time past",
        })
    }
}

/// What is wrong with a list of coins. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrevoutsError {
    /// A line has too few or too many fields.
    #[error("line {line} has {got} fields, {expected} are needed, separated by tabs")]
    Fields {
        /// The line.
        line: usize,
        /// Fields in it.
        got: usize,
        /// Fields needed.
        expected: usize,
    },
    /// A field is not what it should be.
    #[error("line {line}: the field {field} is not {expected}", expected = field.expected())]
    Field {
        /// The line.
        line: usize,
        /// The field.
        field: Field,
    },
    /// A coin is there a second time.
    #[error("line {line} gives coin {outpoint} a second time; leave one of the two out")]
    Duplicate {
        /// The second line.
        line: usize,
        /// The coin.
        outpoint: OutPoint,
    },
    /// A line is not UTF-8.
    #[error("line {line} is not text")]
    NotText {
        /// The line.
        line: usize,
    },
}

/// Why a block or transaction cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the path and its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file is larger than any such file should be.
    #[error("{path} has more than {limit} bytes; check that it is the file you meant", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
    },
    /// A file of coins is refused.
    #[error("{path}: {source}", path = path.display())]
    Prevouts {
        /// The file.
        path: PathBuf,
        /// The line, the field and what is wrong.
        source: PrevoutsError,
    },
    /// A file holds no block.
    #[error("{path} is no block: {source}", path = path.display())]
    Block {
        /// The file.
        path: PathBuf,
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// The bytes are no transaction.
    #[error("this is no transaction: {0}")]
    Tx(DecodeError),
    /// A transaction is neither a file nor hex.
    #[error("a transaction is given in hex or as the path of a file with it, and this is neither: {0}")]
    Hex(HexError),
    /// A coinbase has no scripts to explain.
    #[error("a coinbase spends nothing, so there is nothing to explain")]
    Coinbase,
    /// The coin an input spends is not given.
    #[error("input {input} spends {outpoint}, which --prevouts does not have: add a line for it")]
    MissingPrevout {
        /// The input.
        input: usize,
        /// The coin.
        outpoint: OutPoint,
    },
}
