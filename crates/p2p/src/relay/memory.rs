//! Transactions that need not be asked for: refused a while ago, or in a block a while ago.

use cairn_primitives::{Block, BlockHash, Transaction};

use super::recent::Recent;
use super::requests::{Hash, hash_of};
use crate::ports::TxRef;

/// Most ids of refused transactions. Core keeps 120,000 in a filter; these are exact.
pub(crate) const MAX_REFUSED: usize = 50_000;
/// Most ids of confirmed transactions; Core keeps 48,000.
pub(crate) const MAX_CONFIRMED: usize = 50_000;

/// What became of transactions lately. Both kinds of ids stand side by side.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    refused: Recent<Hash>,
    confirmed: Recent<Hash>,
    tip: Option<BlockHash>,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { refused: Recent::new(MAX_REFUSED), confirmed: Recent::new(MAX_CONFIRMED), tip: None }
    }

    /// Whether it need not be asked for.
    pub(super) fn contains(&self, id: &TxRef) -> bool {
        let hash = hash_of(id);
        self.refused.contains(&hash) || self.confirmed.contains(&hash)
    }

    /// Whether it was refused, until the tip changes.
    pub(super) fn is_refused(&self, id: &TxRef) -> bool {
        self.refused.contains(&hash_of(id))
    }

    /// The transaction was refused. `any_witness`: whatever its witness, so that it is not wanted by its txid either.
    ///
    /// Without a witness both ids are the same bytes. Then it is remembered only if no witness would have helped:
    /// else whoever strips witnesses could keep a transaction away.
    pub(super) fn refuse(&mut self, tx: &Transaction, any_witness: bool) {
        if tx.has_witness() || any_witness {
            self.refused.insert(*tx.wtxid().as_bytes());
        }
        if any_witness {
            self.refused.insert(*tx.txid().as_bytes());
        }
    }

    /// An orphan was refused of which only the ids are at hand: no witness can help it.
    pub(super) fn refuse_ids(&mut self, ids: [Hash; 2]) {
        for hash in ids {
            self.refused.insert(hash);
        }
    }

    /// The tip has changed: what was refused may be wanted now.
    pub(super) fn tip_changed(&mut self) {
        self.refused.clear();
    }

    /// A block came onto the best chain. If it does not follow the one before, others may have left the chain, and
    /// what was confirmed may not be any more.
    pub(super) fn connected(&mut self, block: &Block) {
        if self.tip.is_some_and(|tip| tip != block.header.prev) {
            self.confirmed.clear();
        }
        self.tip = Some(block.hash());
        for tx in &block.transactions {
            self.confirmed.insert(*tx.txid().as_bytes());
            self.confirmed.insert(*tx.wtxid().as_bytes());
        }
    }
}
