//! The tree against a model that keeps parents in a list and walks it step by step.

use std::collections::BTreeSet;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_primitives::{BlockHash, Header, MerkleRoot, Work};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{bits, easy, height, tree};

/// A header is named by its place in the list; genesis is 0.
#[derive(Debug, Default)]
struct Model {
    parents: Vec<usize>,
    works: Vec<u64>,
    marked: BTreeSet<usize>,
}

impl Model {
    fn path(&self, tip: usize) -> Vec<usize> {
        let mut path = vec![tip];
        while *path.last().unwrap() != 0 {
            path.push(self.parents[*path.last().unwrap()]);
        }
        path.reverse();
        path
    }

    fn work(&self, tip: usize) -> u64 {
        self.path(tip).iter().map(|id| self.works[*id]).sum()
    }

    fn is_invalid(&self, id: usize) -> bool {
        self.path(id).iter().any(|at| self.marked.contains(at))
    }

    fn fork(&self, a: usize, b: usize) -> usize {
        let (a, b) = (self.path(a), self.path(b));
        *a.iter().zip(&b).take_while(|(a, b)| a == b).last().unwrap().0
    }

    fn best(&self) -> usize {
        let valid = (0..self.parents.len()).filter(|id| !self.is_invalid(*id));
        // `max_by_key` keeps the last of equals; the first is wanted.
        valid.rev().max_by_key(|id| self.work(*id)).unwrap()
    }

    fn reconsider(&mut self, id: usize) {
        let path = self.path(id);
        self.marked = std::mem::take(&mut self.marked)
            .into_iter()
            .filter(|mark| !path.contains(mark) && !self.path(*mark).contains(&id))
            .collect();
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A header on this parent, worth about this many hashes.
    Add(Index, u8),
    /// A header on the newest one.
    Grow(u8),
    Mark(Index),
    Reconsider(Index),
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => any::<u8>().prop_map(Step::Grow),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(parent, weight)| Step::Add(parent, weight)),
        1 => any::<Index>().prop_map(Step::Mark),
        1 => any::<Index>().prop_map(Step::Reconsider),
    ];
    vec(step, 1..most)
}

/// Bits worth 2, 4, 8 or 16 hashes.
fn bits_of(weight: u8) -> u32 {
    [0x207f_ffff, 0x203f_ffff, 0x201f_ffff, 0x200f_ffff][usize::from(weight % 4)]
}

struct Pair {
    tree: HeaderTree,
    model: Model,
    ids: Vec<NodeId>,
}

impl Pair {
    fn new() -> Self {
        let tree = tree(easy());
        let model = Model { parents: vec![0], works: vec![2], ..Model::default() };
        let ids = vec![tree.genesis()];
        Self { tree, model, ids }
    }

    fn add(&mut self, parent: usize, weight: u8) {
        let header = Header {
            version: 1,
            prev: self.tree.hash(self.ids[parent]),
            merkle_root: MerkleRoot::ZERO,
            time: self.tree.header(self.ids[parent]).time,
            bits: bits(bits_of(weight)),
            nonce: self.ids.len() as u32,
        };
        self.ids.push(self.tree.insert_trusted(header).unwrap());
        self.model.parents.push(parent);
        self.model.works.push(2 << (weight % 4));
    }

    fn apply(&mut self, step: &Step) {
        let len = self.ids.len();
        match step {
            Step::Grow(weight) => self.add(len - 1, *weight),
            Step::Add(parent, weight) => self.add(parent.index(len), *weight),
            Step::Mark(id) => {
                let id = id.index(len);
                assert_eq!(self.tree.mark_invalid(self.ids[id]), id != 0, "all but genesis can be marked");
                if id != 0 {
                    self.model.marked.insert(id);
                }
            }
            Step::Reconsider(id) => {
                let id = id.index(len);
                self.tree.reconsider(self.ids[id]);
                self.model.reconsider(id);
            }
        }
    }

    /// What is true of each header alone, and of the whole.
    fn compare(&self) {
        let (tree, model) = (&self.tree, &self.model);
        assert_eq!(tree.len(), self.ids.len());
        assert!(tree.ids().eq(self.ids.iter().copied()));
        assert_eq!(tree.best_header(), self.ids[model.best()], "most work, then first to come");
        let parents: BTreeSet<_> = model.parents[1..].iter().copied().collect();
        let tips: Vec<_> =
            (0..self.ids.len()).filter(|id| !parents.contains(id)).map(|id| self.ids[id]).collect();
        assert_eq!(tree.tips(), tips);
        for (i, &id) in self.ids.iter().enumerate() {
            assert_eq!(tree.get(&tree.hash(id)), Some(id));
            assert_eq!(tree.hash(id), tree.header(id).hash());
            assert_eq!(tree.parent(id), (i != 0).then(|| self.ids[model.parents[i]]));
            assert_eq!(tree.height(id).to_u32() as usize, model.path(i).len() - 1);
            assert_eq!(tree.work(id), Work::from_u128(model.work(i).into()));
            assert_eq!(tree.is_invalid(id), model.is_invalid(i));
            assert_eq!(tree.is_marked(id), model.marked.contains(&i));
        }
    }

    fn compare_pair(&self, a: usize, b: usize) {
        let (tree, model) = (&self.tree, &self.model);
        let fork = model.fork(a, b);
        assert_eq!(tree.fork_point(self.ids[a], self.ids[b]), self.ids[fork]);
        let above = |tip: usize| -> Vec<NodeId> {
            model.path(tip).iter().skip(model.path(fork).len()).map(|id| self.ids[*id]).collect()
        };
        let plan = tree.plan(self.ids[a], self.ids[b]);
        let mut down = above(a);
        down.reverse();
        assert_eq!((plan.fork, plan.disconnect, plan.connect), (self.ids[fork], down, above(b)));
    }

    fn compare_ancestors(&self, tip: usize) {
        let path = self.model.path(tip);
        for (at, expected) in path.iter().enumerate() {
            assert_eq!(self.tree.ancestor(self.ids[tip], height(at as u32)), Some(self.ids[*expected]));
        }
        assert_eq!(self.tree.ancestor(self.ids[tip], height(path.len() as u32)), None);
    }

    /// Core's `LocatorEntries`, step by step.
    fn compare_locator(&self, tip: usize) {
        let path = self.model.path(tip);
        let (mut expected, mut at, mut step) = (Vec::new(), path.len() - 1, 1);
        loop {
            expected.push(self.tree.hash(self.ids[path[at]]));
            if at == 0 {
                break;
            }
            at = at.saturating_sub(step);
            if expected.len() > 10 {
                step *= 2;
            }
        }
        assert_eq!(self.tree.locator(self.ids[tip]), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_tree_agrees_with_the_model(steps in steps(60), picks in vec((any::<Index>(), any::<Index>()), 4)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.apply(step);
            assert_eq!(pair.tree.best_header(), pair.ids[pair.model.best()]);
        }
        pair.compare();
        for (a, b) in picks {
            let (a, b) = (a.index(pair.ids.len()), b.index(pair.ids.len()));
            pair.compare_pair(a, b);
            pair.compare_ancestors(a);
            pair.compare_locator(b);
            // A peer that stands at `a` and hears from one at `b` finds where they part.
            let found = pair.tree.find_fork(&pair.tree.locator(pair.ids[a]), pair.ids[b]);
            let fork = pair.model.fork(a, b);
            let on_both = pair.model.path(fork).iter().any(|id| pair.ids[*id] == found);
            prop_assert!(on_both, "never above the fork");
            if fork == a || fork == b {
                prop_assert_eq!(found, pair.ids[fork], "and exact where one lies below the other");
            }
        }
    }
}

/// Ten thousand headers in one line: every ancestor, some forks and the locator's shape.
#[test]
fn long_chains_are_walked_in_few_steps() {
    let mut pair = Pair::new();
    for _ in 0..10_000 {
        pair.add(pair.ids.len() - 1, 0);
    }
    for at in [0, 1, 2, 1_023, 1_024, 9_999, 10_000] {
        assert_eq!(pair.tree.ancestor(pair.ids[10_000], height(at)), Some(pair.ids[at as usize]));
    }
    let locator = pair.tree.locator(pair.ids[10_000]);
    // Eleven in a row, then steps of 2, 4, … 8,192, which together pass the rest; at last genesis.
    assert!(locator.len() <= 11 + 14, "{} hashes", locator.len());
    assert_eq!(locator[0], pair.tree.hash(pair.ids[10_000]));
    assert_eq!(locator.last(), Some(&pair.tree.hash(pair.ids[0])));

    pair.add(5_000, 0);
    let side = *pair.ids.last().unwrap();
    assert_eq!(pair.tree.fork_point(side, pair.ids[10_000]), pair.ids[5_000]);
    assert_eq!(pair.tree.plan(side, pair.ids[10_000]).connect.len(), 5_000);
}

#[test]
fn a_locator_of_strangers_leads_to_genesis() {
    let mut pair = Pair::new();
    pair.add(0, 0);
    assert_eq!(pair.tree.find_fork(&[], pair.ids[1]), pair.ids[0]);
    assert_eq!(pair.tree.find_fork(&[BlockHash::ZERO], pair.ids[1]), pair.ids[0]);
}

/// A peer ahead of us on our own chain proves our tip with its first hash.
#[test]
fn a_locator_from_ahead_leads_to_our_tip() {
    let mut pair = Pair::new();
    for _ in 0..40 {
        pair.add(pair.ids.len() - 1, 0);
    }
    let ahead = pair.tree.locator(pair.ids[40]);
    assert_eq!(pair.tree.find_fork(&ahead, pair.ids[7]), pair.ids[7]);
    assert_eq!(pair.tree.find_fork(&ahead[..1], pair.ids[7]), pair.ids[7]);
}
