//! What the digests of all inputs of a transaction have in common, on its own.

use std::fmt;
use std::sync::OnceLock;

use cairn_primitives::{Transaction, TxOut, Wtxid};

use super::common::Common;
use super::taproot::Shared;

/// The hashes over a whole transaction that the digests of version 0 witnesses and of taproot are made of.
///
/// Each is computed once, by whoever needs it first. A [`SighashCache`](super::SighashCache) has its own; where several work on
/// one transaction they can [share](super::SighashCache::with_hashes) one of these, so that the transaction is not
/// hashed again by each. Source: Core's `PrecomputedTransactionData`.
pub struct SharedHashes {
    tx: Wtxid,
    common: OnceLock<Common>,
    doubled: OnceLock<Common>,
    taproot: OnceLock<Shared>,
}

impl SharedHashes {
    /// For `tx`. Nothing is computed yet.
    pub fn new(tx: &Transaction) -> Self {
        Self { tx: tx.wtxid(), common: OnceLock::new(), doubled: OnceLock::new(), taproot: OnceLock::new() }
    }

    /// Bytes hashed over inputs, outputs and outputs spent so far: in proportion to the transaction, however many digests
    /// are made. For tests and benches of just that.
    pub fn hashed_bytes(&self) -> u64 {
        let common = self.common.get().map_or(0, |common| common.bytes);
        common + self.taproot.get().map_or(0, |shared| shared.bytes)
    }

    pub(super) fn is_of(&self, tx: &Transaction) -> bool {
        self.tx == tx.wtxid()
    }

    pub(super) fn common(&self, tx: &Transaction) -> &Common {
        self.common.get_or_init(|| Common::new(tx))
    }

    pub(super) fn doubled(&self, tx: &Transaction) -> &Common {
        self.doubled.get_or_init(|| self.common(tx).doubled())
    }

    pub(super) fn taproot(&self, spent: &[&TxOut]) -> &Shared {
        self.taproot.get_or_init(|| Shared::new(spent))
    }
}

impl fmt::Debug for SharedHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedHashes").field(&self.tx).finish()
    }
}
