//! Entries in the order a block wants them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use cairn_primitives::{Amount, Txid};

use crate::entry::{Entry, Totals};
use crate::graph::Graph;
use crate::rate::FeeRate;

/// What an entry comes for, then which came first, and its place among the nodes.
type Ranked = (FeeRate, Reverse<u64>, usize);

/// An entry, with places in the place of ids.
#[derive(Debug)]
struct Node<'g> {
    entry: &'g Entry,
    parents: Vec<usize>,
    children: Vec<usize>,
    /// Of its ancestors, itself included, those that have not come.
    left: Totals,
    has_come: bool,
    /// The last walk that passed it.
    walk: u64,
}

impl Node<'_> {
    /// The lower of its own rate and its package's: a child does not gain from parents that pay more.
    fn rate(&self) -> FeeRate {
        self.entry.fee_rate().min(self.left.rate())
    }

    fn rank(&self, place: usize) -> Ranked {
        (self.rate(), Reverse(self.entry.order), place)
    }
}

/// Every entry once, package by package: the transaction whose ancestors pay the highest rate together with it, behind
/// those ancestors; then the next, where ancestors that came already no longer count (Core's `addPackageTxs`).
#[derive(Debug)]
pub struct Candidates<'g> {
    nodes: Vec<Node<'g>>,
    /// Every node that has not come by its present rate, and former rates of some.
    ranked: BinaryHeap<Ranked>,
    package: VecDeque<usize>,
    /// What the package pays.
    rate: FeeRate,
    /// Number of walks over the nodes so far.
    walks: u64,
}

impl<'g> Candidates<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        let nodes = nodes(graph);
        let ranked = nodes.iter().enumerate().map(|(place, node)| node.rank(place)).collect();
        Self { nodes, ranked, package: VecDeque::new(), rate: FeeRate::new(Amount::ZERO, 1), walks: 0 }
    }

    /// Each entry with the rate for which it comes: that of the package it is in.
    pub fn with_rates(mut self) -> impl Iterator<Item = (&'g Entry, FeeRate)> {
        std::iter::from_fn(move || self.next().map(|entry| (entry, self.rate)))
    }

    /// The node that ranks highest of those that have not come.
    fn best(&mut self) -> Option<usize> {
        loop {
            let (rate, _, place) = self.ranked.pop()?;
            let node = &self.nodes[place];
            if !node.has_come && node.rate() == rate {
                self.rate = rate;
                return Some(place);
            }
        }
    }

    /// Takes a node with what is left of its ancestors as the next package, and ranks anew what rests on these.
    fn take(&mut self, best: usize) {
        let mut package = self.walk(best, |node| node.parents.as_slice(), |node| !node.has_come);
        package.sort_unstable_by_key(|place| {
            let entry = self.nodes[*place].entry;
            (entry.ancestors.count, entry.order)
        });
        package.iter().for_each(|place| self.nodes[*place].has_come = true);
        let mut changed = Vec::new();
        for place in &package {
            let own = self.nodes[*place].entry.own();
            for below in self.walk(*place, |node| node.children.as_slice(), |_| true) {
                if !self.nodes[below].has_come {
                    self.nodes[below].left.remove(own);
                    changed.push(below);
                }
            }
        }
        changed.sort_unstable();
        changed.dedup();
        self.ranked.extend(changed.into_iter().map(|place| self.nodes[place].rank(place)));
        self.package = package.into();
    }

    /// The nodes reached from `start` by links through nodes that `passes` holds for, `start` included.
    fn walk(
        &mut self,
        start: usize,
        links: impl for<'n> Fn(&'n Node<'g>) -> &'n [usize],
        passes: impl Fn(&Node<'g>) -> bool,
    ) -> Vec<usize> {
        self.walks += 1;
        self.nodes[start].walk = self.walks;
        let mut found = vec![start];
        let mut next = 0;
        while let Some(place) = found.get(next).copied() {
            next += 1;
            for link in 0..links(&self.nodes[place]).len() {
                let reached = links(&self.nodes[place])[link];
                let node = &mut self.nodes[reached];
                if node.walk != self.walks && passes(node) {
                    node.walk = self.walks;
                    found.push(reached);
                }
            }
        }
        found
    }
}

/// The entries of a graph, linked by their places.
fn nodes(graph: &Graph) -> Vec<Node<'_>> {
    let entries: Vec<&Entry> = graph.entries().values().collect();
    let has_links = |entry: &Entry| !(entry.parents.is_empty() && entry.children.is_empty());
    let linked = entries.iter().enumerate().filter(|(_, entry)| has_links(entry));
    let places: HashMap<Txid, usize> = linked.map(|(place, entry)| (entry.txid(), place)).collect();
    let places_of = |ids: &BTreeSet<Txid>| ids.iter().filter_map(|txid| places.get(txid).copied()).collect();
    let mut nodes = Vec::with_capacity(entries.len());
    for entry in entries {
        let (parents, children) = (places_of(&entry.parents), places_of(&entry.children));
        nodes.push(Node { entry, parents, children, left: entry.ancestors, has_come: false, walk: 0 });
    }
    nodes
}

impl<'g> Iterator for Candidates<'g> {
    type Item = &'g Entry;

    fn next(&mut self) -> Option<&'g Entry> {
        if self.package.is_empty() {
            let best = self.best()?;
            self.take(best);
        }
        self.package.pop_front().map(|place| self.nodes[place].entry)
    }
}
