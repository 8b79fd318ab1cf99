//! Why bytes were refused.

use thiserror::Error;

/// Why a byte string is not the canonical encoding of the value asked for.
///
/// Every `offset` is counted in bytes from the start of the slice the [`Reader`](crate::Reader) was made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("at byte {offset}: {needed} more bytes needed, {available} left")]
    UnexpectedEnd {
        /// Where the missing bytes should have begun.
        offset: usize,
        /// Bytes the value needs from there, or the least its announced item count can take.
        needed: u64,
        /// Bytes that are left from there.
        available: usize,
    },
    /// A compact size uses more bytes than its value needs (Core: "non-canonical ReadCompactSize()").
    #[error("at byte {offset}: compact size {value} is not in its shortest form")]
    NonMinimalCompactSize {
        /// Where the compact size begins.
        offset: usize,
        /// The value it encodes.
        value: u64,
    },
    /// An announced length or count is above what this field may hold.
    #[error("at byte {offset}: length {got} is above the limit of {limit}")]
    LimitExceeded {
        /// Where the length begins.
        offset: usize,
        /// The announced length.
        got: u64,
        /// The largest length allowed here.
        limit: u64,
    },
    /// Bytes are left after a value that should have filled the slice.
    #[error("at byte {offset}: {count} bytes left over")]
    TrailingBytes {
        /// Where the left-over bytes begin.
        offset: usize,
        /// How many there are.
        count: usize,
    },
    /// A transaction is in the witness form though no input has a witness (BIP144; Core: "Superfluous witness
    /// record").
    #[error("at byte {offset}: witness form of a transaction without any witness")]
    SuperfluousWitness {
        /// Where the flag byte stands.
        offset: usize,
    },
    /// A transaction's flag byte names a part that is not known (Core: "Unknown transaction optional data").
    #[error("at byte {offset}: unknown transaction flags {got:#04x}")]
    UnknownTransactionFlags {
        /// Where the flag byte stands.
        offset: usize,
        /// The flag byte.
        got: u8,
    },
    /// A field holds a value that has no meaning. For formats built on this codec outside this crate.
    #[error("at byte {offset}: {field} cannot be {got}")]
    InvalidValue {
        /// Where the field begins.
        offset: usize,
        /// The field's name.
        field: &'static str,
        /// What it holds.
        got: u64,
    },
}
