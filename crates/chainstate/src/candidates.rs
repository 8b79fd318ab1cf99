//! Which blocks could become the tip: those whose whole chain of blocks is on disk.
//!
//! A block is *ready* when its own data and that of every block below it are here. Ready blocks are numbered
//! in the order they became so. Of two with equal work the lower number wins, and neither displaces a tip of
//! equal work: first seen stays (Core's `CBlockIndexWorkComparator`).

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use cairn_consensus::{HeaderTree, NodeId};
use cairn_primitives::Work;

#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// For each header: when it became ready, if it is.
    ready: Vec<Option<u32>>,
    count: u32,
    /// Blocks that are here while a block below is not, under their parents.
    waiting: HashMap<NodeId, Vec<NodeId>>,
    /// Ready blocks that may have more work than the tip.
    best_last: BTreeSet<(Work, Reverse<u32>, NodeId)>,
}

impl Candidates {
    /// Takes note of a block that was connected, whether its data is still here or not. Call for each block after that for
    /// its parent.
    pub(crate) fn add_connected(&mut self, tree: &HeaderTree, id: NodeId) {
        if !self.is_ready(id) {
            self.make_ready(tree, id);
        }
    }

    /// Takes note that the block's data is here. Call in the order they arrived.
    pub(crate) fn add_block(&mut self, tree: &HeaderTree, id: NodeId) {
        match tree.parent(id) {
            _ if self.is_ready(id) => {}
            Some(parent) if !self.is_ready(parent) => self.waiting.entry(parent).or_default().push(id),
            _ => self.make_ready(tree, id),
        }
    }

    pub(crate) fn is_ready(&self, id: NodeId) -> bool {
        self.ready.get(id.index()).copied().flatten().is_some()
    }

    /// Whether blocks that are here wait for this one.
    pub(crate) fn is_awaited(&self, id: NodeId) -> bool {
        self.waiting.contains_key(&id)
    }

    fn make_ready(&mut self, tree: &HeaderTree, first: NodeId) {
        let mut queue = VecDeque::from([first]);
        while let Some(id) = queue.pop_front() {
            if self.ready.len() <= id.index() {
                self.ready.resize(id.index() + 1, None);
            }
            self.ready[id.index()] = Some(self.count);
            self.best_last.insert((tree.work(id), Reverse(self.count), id));
            self.count += 1;
            queue.extend(self.waiting.remove(&id).unwrap_or_default());
        }
    }

    /// The block to move to from `tip`, if there is a better one: the ready block with the most work among
    /// those not invalid. Any will do when the tip itself is invalid.
    pub(crate) fn better_than(&mut self, tree: &HeaderTree, tip: NodeId) -> Option<NodeId> {
        while let Some(&(work, _, id)) = self.best_last.last() {
            if tree.is_invalid(id) {
                self.best_last.pop_last();
                continue;
            }
            return (work > tree.work(tip) || tree.is_invalid(tip)).then_some(id);
        }
        None
    }

    /// Forgets blocks that cannot displace `tip` as long as no block of its chain is found invalid.
    pub(crate) fn settle(&mut self, tree: &HeaderTree, tip: NodeId) {
        let keep = self.best_last.split_off(&(tree.work(tip), Reverse(u32::MAX), tree.genesis()));
        self.best_last = keep;
    }

    /// Takes every ready block into account again: after marks changed.
    pub(crate) fn reconsider_all(&mut self, tree: &HeaderTree) {
        let ready = tree.ids().zip(&self.ready);
        let ready = ready.filter_map(|(id, order)| Some((tree.work(id), Reverse((*order)?), id)));
        self.best_last = ready.filter(|(_, _, id)| !tree.is_invalid(*id)).collect();
    }
}
