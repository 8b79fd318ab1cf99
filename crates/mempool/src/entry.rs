//! A transaction in the pool, with what the pool knows about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use cairn_primitives::{Amount, BlockTime, Transaction, TxIn, TxOut, Txid, Wtxid};

use crate::rate::FeeRate;

/// Bytes an entry is taken to need beside what its transaction holds: itself, and its places in the indexes.
const ENTRY_BYTES: u64 = 800;
/// Bytes an input is taken to need beside its script and witness: itself, its place among the spent coins, and a link
/// each way between child and parent.
const INPUT_BYTES: u64 = size_of::<TxIn>() as u64 + 104 + 2 * 48;
/// Bytes an output is taken to need beside its script.
const OUTPUT_BYTES: u64 = size_of::<TxOut>() as u64;

/// Count, size and fees of some transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many.
    pub count: u64,
    /// Their virtual bytes.
    pub vsize: u64,
    /// Their fees.
    pub fee: Amount,
}

impl Totals {
    /// Fees to size.
    pub fn rate(&self) -> FeeRate {
        FeeRate::new(self.fee, self.vsize)
    }

    /// The fees of all entries together fit (see `Graph::has_room_for_fee`), so the fees of some do.
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.vsize += other.vsize;
        self.fee = self.fee.saturating_add(other.fee);
    }

    pub(crate) fn remove(&mut self, other: Self) {
        self.count -= other.count;
        self.vsize -= other.vsize;
        self.fee = self.fee.saturating_sub(other.fee);
    }
}

/// A transaction in the pool.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) fee: Amount,
    pub(crate) vsize: u64,
    pub(crate) sigop_cost: u64,
    pub(crate) time: BlockTime,
    /// Number of entries that came before.
    pub(crate) order: u64,
    pub(crate) parents: BTreeSet<Txid>,
    pub(crate) children: BTreeSet<Txid>,
    pub(crate) ancestors: Totals,
    pub(crate) descendants: Totals,
}

impl Entry {
    /// The transaction.
    pub fn tx(&self) -> &Arc<Transaction> {
        &self.tx
    }

    /// Its id.
    pub fn txid(&self) -> Txid {
        self.tx.txid()
    }

    /// Its id with its witnesses.
    pub fn wtxid(&self) -> Wtxid {
        self.tx.wtxid()
    }

    /// What its inputs hold beyond its outputs.
    pub fn fee(&self) -> Amount {
        self.fee
    }

    /// Its own fee to its own size.
    pub fn fee_rate(&self) -> FeeRate {
        FeeRate::new(self.fee, self.vsize)
    }

    /// Its virtual bytes, as [`virtual_size`](crate::virtual_size) counts them.
    pub fn vsize(&self) -> u64 {
        self.vsize
    }

    /// Cost of its signature operations (BIP141).
    pub fn sigop_cost(&self) -> u64 {
        self.sigop_cost
    }

    /// When it entered.
    pub fn time(&self) -> BlockTime {
        self.time
    }

    /// The entries it spends from (`depends` of Core's `getmempoolentry`).
    pub fn parents(&self) -> &BTreeSet<Txid> {
        &self.parents
    }

    /// The entries that spend from it (`spentby` of Core's `getmempoolentry`).
    pub fn children(&self) -> &BTreeSet<Txid> {
        &self.children
    }

    /// Itself and the entries it rests on, parents of parents included.
    pub fn ancestors(&self) -> Totals {
        self.ancestors
    }

    /// Itself and the entries that rest on it, children of children included.
    pub fn descendants(&self) -> Totals {
        self.descendants
    }

    /// Whether it says that it may be replaced: an input's sequence number is below `0xfffffffe` (BIP125). What it
    /// inherits from ancestors does not count, as in Core.
    pub fn signals_replacement(&self) -> bool {
        self.tx.inputs().iter().any(|input| input.sequence.is_rbf())
    }

    /// Bytes of memory it is taken to use. An estimate that depends on the transaction alone, counted against
    /// [`Policy::max_usage`](crate::Policy::max_usage).
    pub fn usage(&self) -> u64 {
        let tx = &self.tx;
        let counted = tx.total_size() as u64;
        counted
            + ENTRY_BYTES
            + tx.inputs().len() as u64 * INPUT_BYTES
            + tx.outputs().len() as u64 * OUTPUT_BYTES
    }

    /// Its own count, size and fee.
    pub(crate) fn own(&self) -> Totals {
        Totals { count: 1, vsize: self.vsize, fee: self.fee }
    }

    /// What it is worth to keep: its own rate, or that of all its descendants if they pay more.
    pub(crate) fn keep_rate(&self) -> FeeRate {
        self.fee_rate().max(self.descendants.rate())
    }
}
