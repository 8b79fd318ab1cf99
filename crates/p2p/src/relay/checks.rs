//! Transactions that are being checked.

use std::collections::BTreeMap;

use cairn_primitives::{Transaction, Wtxid};

/// Transactions being checked at which no more are asked for.
pub(crate) const MAX_CHECKS: usize = 200;
/// Transactions being checked at which those that come are dropped, to be asked for again.
pub(crate) const MAX_CHECKS_HARD: usize = 1_000;
/// Bytes of transactions being checked at which those that come are dropped, to be asked for again.
pub(crate) const MAX_CHECK_BYTES: usize = 20_000_000;

#[derive(Clone, Copy, Debug)]
struct Check {
    bytes: usize,
    tries: u8,
}

/// Transactions that are being checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    running: BTreeMap<Wtxid, Check>,
    bytes: usize,
}

impl Checks {
    /// Whether more may be asked for.
    pub(super) fn want_more(&self) -> bool {
        self.running.len() < MAX_CHECKS
    }

    /// Whether one more can be taken on.
    pub(super) fn has_room(&self) -> bool {
        self.running.len() < MAX_CHECKS_HARD && self.bytes < MAX_CHECK_BYTES
    }

    /// Whether this one is being checked.
    pub(super) fn contains(&self, wtxid: &Wtxid) -> bool {
        self.running.contains_key(wtxid)
    }

    /// A check begins, after so many of the same transaction.
    pub(super) fn begin(&mut self, tx: &Transaction, tries: u8) {
        let bytes = tx.total_size();
        if self.running.insert(tx.wtxid(), Check { bytes, tries }).is_none() {
            self.bytes += bytes;
        }
    }

    /// A check is over. How many there had been before; `None` if it had not begun.
    pub(super) fn end(&mut self, wtxid: &Wtxid) -> Option<u8> {
        let check = self.running.remove(wtxid)?;
        self.bytes -= check.bytes;
        Some(check.tries)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }
}
