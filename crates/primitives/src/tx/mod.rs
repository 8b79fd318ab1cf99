//! Transactions.

mod parts;
mod transaction;
mod witness;

pub use parts::{OutPoint, OutPointParseError, TxIn, TxOut};
pub use transaction::Transaction;
pub use witness::{Witness, WitnessIter};
