//! The transactions with their links, totals and indexes.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cairn_primitives::{Amount, BlockTime, OutPoint, Transaction, Txid, Wtxid};

use crate::entry::{Entry, Totals};
use crate::rate::FeeRate;

/// What is known of a transaction that goes in.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) fee: Amount,
    pub(crate) vsize: u64,
    pub(crate) sigop_cost: u64,
    pub(crate) time: BlockTime,
}

type ByRate = (FeeRate, Reverse<u64>, Txid);

/// The pool's transactions. Every change keeps links, totals and indexes true.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    entries: HashMap<Txid, Entry>,
    by_wtxid: HashMap<Wtxid, Txid>,
    /// Each coin that an entry spends, with the entry's id.
    spent: HashMap<OutPoint, Txid>,
    /// Worst to keep first; of equals the latest.
    by_rate: BTreeSet<ByRate>,
    by_time: BTreeSet<(BlockTime, Txid)>,
    usage: u64,
    vsize: u64,
    fee: Amount,
    next_order: u64,
}

impl Graph {
    pub(crate) fn entries(&self) -> &HashMap<Txid, Entry> {
        &self.entries
    }

    pub(crate) fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.entries.get(txid)
    }

    pub(crate) fn get_by_wtxid(&self, wtxid: &Wtxid) -> Option<&Entry> {
        self.by_wtxid.get(wtxid).and_then(|txid| self.entries.get(txid))
    }

    pub(crate) fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spent.get(outpoint).copied()
    }

    pub(crate) fn usage(&self) -> u64 {
        self.usage
    }

    pub(crate) fn vsize(&self) -> u64 {
        self.vsize
    }

    pub(crate) fn fee(&self) -> Amount {
        self.fee
    }

    /// Whether the sum of all fees still fits. On a chain that keeps its money limit it always does.
    pub(crate) fn has_room_for_fee(&self, fee: Amount) -> bool {
        self.fee.checked_add(fee).is_some()
    }

    /// The entry that is worth least to keep.
    pub(crate) fn worst(&self) -> Option<&Entry> {
        self.by_rate.first().and_then(|(_, _, txid)| self.entries.get(txid))
    }

    /// All entries, what is worth most to keep first.
    pub(crate) fn best_first(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.by_rate.iter().rev().filter_map(|(_, _, txid)| self.entries.get(txid))
    }

    /// The entries that came before `time`, oldest first.
    pub(crate) fn older_than(&self, time: BlockTime) -> impl Iterator<Item = Txid> {
        self.by_time.range(..(time, Txid::ZERO)).map(|(_, txid)| *txid)
    }

    /// The entries a transaction spends from.
    pub(crate) fn parents_of(&self, tx: &Transaction) -> BTreeSet<Txid> {
        let ids = tx.inputs().iter().map(|input| input.previous.txid);
        ids.filter(|id| self.entries.contains_key(id)).collect()
    }

    /// `roots` and all they rest on.
    pub(crate) fn with_ancestors(&self, roots: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.closure(roots, |entry| &entry.parents)
    }

    /// `roots` and all that rests on them.
    pub(crate) fn with_descendants(&self, roots: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.closure(roots, |entry| &entry.children)
    }

    fn closure(
        &self,
        roots: impl IntoIterator<Item = Txid>,
        next: impl Fn(&Entry) -> &BTreeSet<Txid>,
    ) -> BTreeSet<Txid> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Txid> = roots.into_iter().collect();
        while let Some(txid) = open.pop() {
            if let Some(entry) = self.entries.get(&txid)
                && found.insert(txid)
            {
                open.extend(next(entry));
            }
        }
        found
    }

    /// Sorts ids so that each stands behind those it rests on.
    pub(crate) fn sorted(&self, ids: impl IntoIterator<Item = Txid>) -> Vec<Txid> {
        let mut sorted: Vec<_> = ids
            .into_iter()
            .filter_map(|txid| self.entries.get(&txid).map(|e| (e.ancestors.count, e.order, txid)))
            .collect();
        sorted.sort_unstable();
        sorted.into_iter().map(|(_, _, txid)| txid).collect()
    }

    /// Takes every entry out, each behind those it rests on.
    pub(crate) fn take_all(&mut self) -> Vec<Entry> {
        let mut old = std::mem::take(self);
        self.next_order = old.next_order;
        let ids: Vec<Txid> = old.entries.keys().copied().collect();
        old.sorted(ids).iter().filter_map(|txid| old.entries.remove(txid)).collect()
    }

    /// Puts a transaction in whose coins no entry spends, and none of whose outputs an entry spends.
    pub(crate) fn insert(&mut self, facts: Facts) {
        let Facts { tx, fee, vsize, sigop_cost, time } = facts;
        let txid = tx.txid();
        let parents = self.parents_of(&tx);
        let own = Totals { count: 1, vsize, fee };
        let mut ancestors = own;
        for ancestor in self.with_ancestors(parents.iter().copied()) {
            self.change(&ancestor, |entry| {
                ancestors.add(entry.own());
                entry.descendants.add(own);
            });
        }
        for parent in &parents {
            self.change(parent, |entry| _ = entry.children.insert(txid));
        }
        self.spent.extend(tx.inputs().iter().map(|input| (input.previous, txid)));
        let order = self.next_order;
        self.next_order += 1;
        let children = BTreeSet::new();
        let entry =
            Entry { tx, fee, vsize, sigop_cost, time, order, parents, children, ancestors, descendants: own };
        self.usage += entry.usage();
        self.vsize += vsize;
        self.fee = self.fee.saturating_add(fee);
        self.by_time.insert((time, txid));
        self.by_rate.insert(rate_key(&entry));
        self.by_wtxid.insert(entry.wtxid(), txid);
        self.entries.insert(txid, entry);
    }

    /// Takes an entry out, and with it all that rests on it; the entries that go, each behind those it rests on.
    pub(crate) fn remove_with_descendants(&mut self, roots: impl IntoIterator<Item = Txid>) -> Vec<Entry> {
        let all = self.with_descendants(roots);
        let mut removed: Vec<Entry> =
            self.sorted(all).iter().rev().filter_map(|txid| self.remove(txid)).collect();
        removed.reverse();
        removed
    }

    /// Takes an entry out that a block confirmed; what rests on it stays. If it rests on other entries, which no block
    /// can do to it, its descendants go too.
    pub(crate) fn remove_confirmed(&mut self, txid: &Txid) -> Vec<Entry> {
        match self.entries.get(txid) {
            Some(entry) if entry.parents.is_empty() => self.remove(txid).into_iter().collect(),
            Some(_) => self.remove_with_descendants([*txid]),
            None => Vec::new(),
        }
    }

    /// Takes one entry out. It has no parents or no children, or else those above would lose those below.
    fn remove(&mut self, txid: &Txid) -> Option<Entry> {
        let own = self.entries.get(txid)?.own();
        let mut ancestors = self.with_ancestors([*txid]);
        ancestors.remove(txid);
        let mut descendants = self.with_descendants([*txid]);
        descendants.remove(txid);
        for ancestor in &ancestors {
            self.change(ancestor, |entry| {
                entry.descendants.remove(own);
                entry.children.remove(txid);
            });
        }
        for descendant in &descendants {
            self.change(descendant, |entry| {
                entry.ancestors.remove(own);
                entry.parents.remove(txid);
            });
        }
        let entry = self.entries.remove(txid)?;
        for input in entry.tx.inputs() {
            self.spent.remove(&input.previous);
        }
        self.by_rate.remove(&rate_key(&entry));
        self.by_time.remove(&(entry.time, *txid));
        self.by_wtxid.remove(&entry.wtxid());
        self.usage -= entry.usage();
        self.vsize -= entry.vsize;
        self.fee = self.fee.saturating_sub(entry.fee);
        Some(entry)
    }

    /// Changes an entry, and its place by rate with it.
    fn change(&mut self, txid: &Txid, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(txid) {
            let before = rate_key(entry);
            change(entry);
            let after = rate_key(entry);
            if before != after {
                self.by_rate.remove(&before);
                self.by_rate.insert(after);
            }
        }
    }
}

fn rate_key(entry: &Entry) -> ByRate {
    (entry.keep_rate(), Reverse(entry.order), entry.txid())
}
