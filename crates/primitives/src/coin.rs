//! An output that can be spent.

use crate::{Height, TxOut};

/// A transaction output with what consensus must know to let it be spent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coin {
    /// The amount and the script that locks it.
    pub output: TxOut,
    /// Height of the block that made it.
    pub height: Height,
    /// Whether a coinbase made it, so that it must mature first.
    pub coinbase: bool,
}
