//! The tree of all known headers and the question which of its tips is best.

mod build;
mod query;
mod signals;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Header, Height, Work};

pub use build::Inserted;
pub use query::{NextBlock, ReorgPlan};
pub(crate) use signals::Mandatory;
use signals::Signals;

/// The name of a header inside one [`HeaderTree`]: an index in order of arrival.
///
/// Parents have smaller ids than their children. An id is meaningless in another tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Position in order of arrival; genesis is 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a block's validity apart from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Nothing speaks against it.
    Clear,
    /// Its own block broke a rule.
    Invalid,
    /// A block below it broke a rule.
    Inherited,
}

#[derive(Debug, Clone)]
struct Node {
    header: Header,
    hash: BlockHash,
    work: Work,
    height: u32,
    parent: NodeId,
    skip: NodeId,
    mark: Mark,
}

/// Every header that kept the rules, linked to its parent, with its chain work.
///
/// The tree owns no clock and no storage: the current time comes in with each header, and a node
/// saves and reloads headers in insertion order ([`ids`](HeaderTree::ids),
/// [`insert_trusted`](HeaderTree::insert_trusted)). One header costs about 250 bytes of memory, and 8 more for each fork
/// that blocks signal for.
#[derive(Debug, Clone)]
pub struct HeaderTree {
    spec: Arc<ChainSpec>,
    nodes: Vec<Node>,
    by_hash: HashMap<BlockHash, NodeId>,
    leaves: BTreeSet<NodeId>,
    best: NodeId,
    signals: Signals,
    max_headers: usize,
}

impl HeaderTree {
    /// Most headers any tree can hold; ids are 32 bits.
    pub const MAX_HEADERS: usize = u32::MAX as usize;

    /// A tree that holds the chain's genesis header alone and has room for
    /// [`MAX_HEADERS`](Self::MAX_HEADERS).
    ///
    /// The spec is taken to have passed `ChainSpec::check`.
    pub fn new(spec: Arc<ChainSpec>) -> Self {
        Self::with_max_headers(spec, Self::MAX_HEADERS)
    }

    /// A tree that takes at most `max_headers` headers, genesis included: a bound on its memory. Numbers
    /// outside 1 to [`MAX_HEADERS`](Self::MAX_HEADERS) count as the nearer of the two.
    pub fn with_max_headers(spec: Arc<ChainSpec>, max_headers: usize) -> Self {
        let header = spec.genesis_block().header;
        let genesis = NodeId(0);
        let node = Node {
            header,
            hash: header.hash(),
            work: header.bits.to_target().map(|t| t.to_work()).unwrap_or(Work::ZERO),
            height: 0,
            parent: genesis,
            skip: genesis,
            mark: Mark::Clear,
        };
        Self {
            signals: Signals::of_genesis(&spec),
            spec,
            by_hash: HashMap::from([(node.hash, genesis)]),
            nodes: vec![node],
            leaves: BTreeSet::from([genesis]),
            best: genesis,
            max_headers: max_headers.clamp(1, Self::MAX_HEADERS),
        }
    }

    /// The chain the tree belongs to.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The genesis header.
    pub fn genesis(&self) -> NodeId {
        NodeId(0)
    }

    /// Number of headers, genesis included.
    #[allow(clippy::len_without_is_empty)] // a tree is never empty
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All headers, parents before children.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The header with this hash.
    pub fn get(&self, hash: &BlockHash) -> Option<NodeId> {
        self.by_hash.get(hash).copied()
    }

    /// The header itself.
    ///
    /// # Panics
    /// This and every other method that takes a [`NodeId`] panics if the id is from a larger tree.
    pub fn header(&self, id: NodeId) -> &Header {
        &self.node(id).header
    }

    /// The header's hash, computed once when it was inserted.
    pub fn hash(&self, id: NodeId) -> BlockHash {
        self.node(id).hash
    }

    /// Blocks between this header and genesis, which has height 0.
    pub fn height(&self, id: NodeId) -> Height {
        Height::new(self.node(id).height)
    }

    /// Work of the whole chain from genesis up to and including this header.
    pub fn work(&self, id: NodeId) -> Work {
        self.node(id).work
    }

    /// The header this one builds on; `None` for genesis.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        (id.0 != 0).then(|| self.node(id).parent)
    }

    /// Whether this block, or one below it, was marked invalid.
    pub fn is_invalid(&self, id: NodeId) -> bool {
        self.node(id).mark != Mark::Clear
    }

    /// Whether this very block was marked invalid (and not only a block below it).
    pub fn is_marked(&self, id: NodeId) -> bool {
        self.node(id).mark == Mark::Invalid
    }

    /// The tip with the most work among those not invalid; of equals, the one that came first.
    pub fn best_header(&self) -> NodeId {
        self.best
    }

    /// All headers that no other header builds on, in order of arrival, invalid ones included.
    pub fn tips(&self) -> Vec<NodeId> {
        self.leaves.iter().copied().collect()
    }

    /// Marks a block invalid, and with it every header above it; moves the best header if needed.
    ///
    /// Genesis cannot be marked: the call then does nothing and returns `false`.
    pub fn mark_invalid(&mut self, id: NodeId) -> bool {
        if id.0 == 0 {
            return false;
        }
        self.nodes[id.index()].mark = Mark::Invalid;
        self.spread_marks(id);
        self.choose_best();
        true
    }

    /// Takes back the marks on this header, on everything below it and on everything above it.
    ///
    /// This is what Core's `reconsiderblock` does: the headers become candidates again and will be
    /// found invalid once more if they are. Own marks on other branches stay.
    pub fn reconsider(&mut self, id: NodeId) {
        let mut below = id;
        while below.0 != 0 {
            self.nodes[below.index()].mark = Mark::Clear;
            below = self.node(below).parent;
        }
        let height = self.height(id);
        for above in (id.0..self.nodes.len() as u32).map(NodeId) {
            if self.ancestor(above, height) == Some(id) {
                self.nodes[above.index()].mark = Mark::Clear;
            }
        }
        self.spread_marks(self.genesis());
        self.choose_best();
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Recomputes inherited marks of all headers that arrived after `from`. Parents come first, so
    /// one pass is enough.
    fn spread_marks(&mut self, from: NodeId) {
        for i in from.index() + 1..self.nodes.len() {
            let below = self.node(self.nodes[i].parent).mark != Mark::Clear;
            let node = &mut self.nodes[i];
            node.mark = match (node.mark, below) {
                (Mark::Invalid, _) => Mark::Invalid,
                (_, true) => Mark::Inherited,
                (_, false) => Mark::Clear,
            };
        }
    }

    fn choose_best(&mut self) {
        let mut best = self.genesis();
        for id in self.ids() {
            if !self.is_invalid(id) && self.work(id) > self.work(best) {
                best = id;
            }
        }
        self.best = best;
    }
}
