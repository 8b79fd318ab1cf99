//! Where a block stands: what its rules ask of the chain below it.

use cairn_params::{Activation, ChainSpec, Fork};
use cairn_primitives::{BlockHash, BlockTime, Height};

use crate::assume;
use crate::tree::{HeaderTree, NodeId};

/// The place of a block that is not genesis.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The chain's rules.
    pub(crate) spec: &'a ChainSpec,
    /// The block's height.
    pub(crate) height: Height,
    /// The block's hash.
    pub(crate) hash: BlockHash,
    below: Below<'a>,
}

/// What is known of the headers below the block.
#[derive(Clone, Copy)]
enum Below<'a> {
    /// All of them; the last is named.
    Tree(&'a HeaderTree, NodeId),
    /// The parent's median time past alone.
    MedianTimePast(BlockTime),
}

impl<'a> Place<'a> {
    /// The place of a header in its tree; `None` for genesis.
    pub(crate) fn in_tree(tree: &'a HeaderTree, id: NodeId) -> Option<Self> {
        let parent = tree.parent(id)?;
        Some(Self { hash: tree.hash(id), ..Self::above(tree, parent) })
    }

    /// The place of a block that is yet to be made on `parent`; its hash is not known and stands as zero.
    pub(crate) fn above(tree: &'a HeaderTree, parent: NodeId) -> Self {
        let height = tree.height(parent).next();
        Self { spec: tree.spec(), height, hash: BlockHash::ZERO, below: Below::Tree(tree, parent) }
    }

    /// The place of a block whose chain is not at hand.
    pub(crate) fn outside(
        spec: &'a ChainSpec,
        height: Height,
        hash: BlockHash,
        median_time_past: BlockTime,
    ) -> Self {
        Self { spec, height, hash, below: Below::MedianTimePast(median_time_past) }
    }

    /// Whether a fork holds in the block. Where the chain is not at hand, one that blocks signal for counts from the lowest height
    /// at which it can hold.
    pub(crate) fn holds(&self, fork: Fork) -> bool {
        match self.below {
            Below::Tree(tree, parent) => tree.holds_on(parent, fork),
            Below::MedianTimePast(_) => self.spec.deployments.activation(fork).possible_at(self.height),
        }
    }

    /// The parent's median time past.
    pub(crate) fn median_time_past(&self) -> BlockTime {
        match self.below {
            Below::Tree(tree, parent) => tree.median_time_past(parent),
            Below::MedianTimePast(time) => time,
        }
    }

    /// The median time past at a height; that of the parent above it. `None` if the chain is not at hand.
    pub(crate) fn median_time_past_at(&self, height: Height) -> Option<BlockTime> {
        let Below::Tree(tree, parent) = self.below else { return None };
        let at = tree.ancestor(parent, height.min(tree.height(parent)));
        Some(tree.median_time_past(at.expect("bounded by the parent's height")))
    }

    /// Whether the block is known to follow the spec's BIP34 block.
    pub(crate) fn follows_bip34_block(&self) -> bool {
        let forks = &self.spec.deployments;
        let (Activation::Height(at), Below::Tree(tree, parent)) = (forks.bip34, self.below) else {
            return false;
        };
        tree.ancestor(parent, at).is_some_and(|block| Some(tree.hash(block)) == forks.bip34_hash)
    }

    /// Whether the block's scripts need not run. `id` is the block's own header.
    pub(crate) fn is_assumed_valid(&self) -> bool {
        match self.below {
            Below::Tree(tree, _) => tree.get(&self.hash).is_some_and(|id| assume::is_assumed_valid(tree, id)),
            Below::MedianTimePast(_) => false,
        }
    }
}
