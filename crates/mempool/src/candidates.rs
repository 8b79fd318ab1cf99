//! Entries in the order a block wants them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use cairn_primitives::{Amount, Txid};

use crate::entry::{Entry, Totals};
use crate::graph::Graph;
use crate::rate::FeeRate;

type Ranked = (FeeRate, Reverse<u64>, Txid);

/// Every entry once, package by package: the transaction whose ancestors pay the highest rate together with it, behind
/// those ancestors; then the next, where ancestors that came already no longer count (Core's `addPackageTxs`).
#[derive(Debug)]
pub struct Candidates<'g> {
    graph: &'g Graph,
    /// Entries that have not come, with what is left of their ancestors, themselves included.
    left: HashMap<Txid, Totals>,
    ranked: BTreeSet<Ranked>,
    package: VecDeque<Txid>,
    /// What the package pays.
    rate: FeeRate,
}

impl<'g> Candidates<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        let left: HashMap<_, _> =
            graph.entries().iter().map(|(txid, entry)| (*txid, entry.ancestors())).collect();
        let ranked = graph.entries().values().map(|entry| rank(entry, entry.ancestors())).collect();
        Self { graph, left, ranked, package: VecDeque::new(), rate: FeeRate::new(Amount::ZERO, 1) }
    }

    /// Each entry with the rate for which it comes: that of the package it is in.
    pub fn with_rates(mut self) -> impl Iterator<Item = (&'g Entry, FeeRate)> {
        std::iter::from_fn(move || self.next().map(|entry| (entry, self.rate)))
    }

    /// Counts `txid` as in the block.
    fn include(&mut self, entry: &Entry) {
        let txid = entry.txid();
        if let Some(totals) = self.left.remove(&txid) {
            self.ranked.remove(&rank(entry, totals));
        }
        for descendant in self.graph.with_descendants([txid]) {
            if let (Some(totals), Some(below)) = (self.left.get_mut(&descendant), self.graph.get(&descendant))
            {
                self.ranked.remove(&rank(below, *totals));
                totals.remove(entry.own());
                self.ranked.insert(rank(below, *totals));
            }
        }
    }
}

/// The lower of an entry's own rate and its package's: a child does not gain from parents that pay more.
fn rank(entry: &Entry, ancestors: Totals) -> Ranked {
    (entry.own().rate().min(ancestors.rate()), Reverse(entry.order), entry.txid())
}

impl<'g> Iterator for Candidates<'g> {
    type Item = &'g Entry;

    fn next(&mut self) -> Option<&'g Entry> {
        let graph = self.graph;
        if self.package.is_empty() {
            let (rate, _, best) = self.ranked.last()?;
            self.rate = *rate;
            let package = graph.with_ancestors([*best]);
            let left = package.into_iter().filter(|txid| self.left.contains_key(txid));
            self.package = graph.sorted(left).into();
            for entry in self.package.clone().iter().filter_map(|txid| graph.get(txid)) {
                self.include(entry);
            }
        }
        graph.get(&self.package.pop_front()?)
    }
}
