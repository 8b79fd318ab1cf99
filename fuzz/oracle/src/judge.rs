//! Bitcoin Core's deserialiser as the judge of bytes.

use bitcoinconsensus::{Error, VERIFY_NONE, verify_with_flags};
use cairn_primitives::op::OP_1;

/// What Core makes of bytes as a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They are one, with nothing left over.
    Whole,
    /// They are none, or something is left over.
    Refused,
    /// They begin with a transaction without inputs; Core's library looks no further.
    WithoutInputs,
}

/// Core's answer. Its library deserialises before it runs the first input's script, here against a script that is true
/// and under no rules, so whatever comes after the deserialiser means that the bytes are a transaction.
pub fn core_reads(transaction: &[u8]) -> Reading {
    match verify_with_flags(&[OP_1], 0, transaction, None, 0, VERIFY_NONE) {
        Ok(()) | Err(Error::ERR_SCRIPT) => Reading::Whole,
        Err(Error::ERR_TX_INDEX) => Reading::WithoutInputs,
        Err(_) => Reading::Refused,
    }
}
