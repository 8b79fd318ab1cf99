//! Questions about the tree: ancestors, forks, locators, times, the next block.

use cairn_params::Fork;
use cairn_primitives::{Amount, BlockHash, BlockTime, CompactTarget, Height};

use super::build::skip_height;
use super::{HeaderTree, NodeId};
use crate::retarget;

/// Number of blocks whose times give the median time past (Core's `nMedianTimeSpan`).
pub(crate) const MEDIAN_TIME_SPAN: usize = 11;

/// Steps from one tip to another: first disconnect, then connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReorgPlan {
    /// The highest block both tips share.
    pub fork: NodeId,
    /// Blocks to take off, the old tip first.
    pub disconnect: Vec<NodeId>,
    /// Blocks to put on, the lowest first.
    pub connect: Vec<NodeId>,
}

/// What a block on top of a given parent must look like, for whoever builds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextBlock {
    /// Its height.
    pub height: Height,
    /// The version to carry: BIP9's high bits and the bits of the forks that wait for signals (Core's `ComputeBlockVersion`).
    pub version: i32,
    /// Hash of its parent.
    pub prev: BlockHash,
    /// Median time past of its parent: what lock times are compared with.
    pub median_time_past: BlockTime,
    /// The earliest time it may carry.
    pub min_time: BlockTime,
    /// The time that `bits` was computed for: the time asked for, or `min_time` if that is later.
    pub time: BlockTime,
    /// The bits it must carry if it carries `time`.
    pub bits: CompactTarget,
    /// The most new coin its coinbase may create besides the fees.
    pub subsidy: Amount,
    /// Whether it must commit to the witnesses it carries (BIP141).
    pub witness_commitment: bool,
    /// Whether lock times are compared with `median_time_past` (BIP113) rather than with its own time.
    pub locktime_is_median: bool,
}

impl HeaderTree {
    /// The header at `height` on the chain that ends in `id`; `None` above `id`.
    pub fn ancestor(&self, id: NodeId, height: Height) -> Option<NodeId> {
        (height <= self.height(id)).then(|| self.walk_to(id, height.to_u32()))
    }

    /// Walks down to `height`, which must not be above `from`.
    pub(super) fn walk_to(&self, from: NodeId, height: u32) -> NodeId {
        let mut at = from;
        while self.node(at).height > height {
            let here = self.node(at).height;
            let skip = skip_height(here);
            // Prefer the parent when its own skip pointer lands closer to the goal without passing it.
            let parent_skip = skip_height(here - 1);
            let overshoots = skip < height;
            let parent_is_better = parent_skip >= height && parent_skip + 2 < skip;
            at = if overshoots || parent_is_better { self.node(at).parent } else { self.node(at).skip };
        }
        at
    }

    /// The highest header that both chains share.
    pub fn fork_point(&self, a: NodeId, b: NodeId) -> NodeId {
        let height = self.node(a).height.min(self.node(b).height);
        let (mut a, mut b) = (self.walk_to(a, height), self.walk_to(b, height));
        while a != b {
            let (na, nb) = (self.node(a), self.node(b));
            // Equal heights have skip pointers of equal height: jump while they still differ.
            (a, b) = if na.skip != nb.skip { (na.skip, nb.skip) } else { (na.parent, nb.parent) };
        }
        a
    }

    /// The steps from tip `from` to tip `to`. Both lists are empty when the two are the same.
    pub fn plan(&self, from: NodeId, to: NodeId) -> ReorgPlan {
        let fork = self.fork_point(from, to);
        let down_to_fork = |tip: NodeId| {
            let mut list = Vec::with_capacity((self.node(tip).height - self.node(fork).height) as usize);
            let mut at = tip;
            while at != fork {
                list.push(at);
                at = self.node(at).parent;
            }
            list
        };
        let disconnect = down_to_fork(from);
        let mut connect = down_to_fork(to);
        connect.reverse();
        ReorgPlan { fork, disconnect, connect }
    }

    /// Median of the times of this header and the ten before it (fewer near genesis): Core's
    /// `GetMedianTimePast`.
    pub fn median_time_past(&self, id: NodeId) -> BlockTime {
        let mut times = [BlockTime::new(0); MEDIAN_TIME_SPAN];
        let mut count = 0;
        let mut at = Some(id);
        while let (Some(node), true) = (at, count < MEDIAN_TIME_SPAN) {
            times[count] = self.header(node).time;
            count += 1;
            at = self.parent(node);
        }
        times[..count].sort_unstable();
        times[count / 2]
    }

    /// Hashes that let a peer find where our chains part: the last ten, then ever wider steps, at
    /// last genesis (Core's `GetLocator`). About 10 + log2(height) entries.
    pub fn locator(&self, id: NodeId) -> Vec<BlockHash> {
        const DENSE: usize = 10;
        let mut hashes = Vec::with_capacity(32);
        let mut step = 1;
        let mut at = id;
        loop {
            hashes.push(self.hash(at));
            let height = self.node(at).height;
            if height == 0 {
                return hashes;
            }
            at = self.walk_to(at, height.saturating_sub(step));
            if hashes.len() > DENSE {
                step = step.saturating_mul(2);
            }
        }
    }

    /// The highest header of the chain ending in `on` that a peer's locator proves to be the peer's too:
    /// the first hash that lies on that chain, or `on` itself once a hash lies above it; genesis if no
    /// hash does either (Core's `FindForkInGlobalIndex`).
    ///
    /// Looks at every hash: whoever takes locators from peers bounds their length.
    pub fn find_fork(&self, locator: &[BlockHash], on: NodeId) -> NodeId {
        let on_chain = |id| match self.ancestor(on, self.height(id)) {
            Some(at) => (at == id).then_some(id),
            None => (self.ancestor(id, self.height(on)) == Some(on)).then_some(on),
        };
        locator.iter().filter_map(|hash| self.get(hash)).find_map(on_chain).unwrap_or(self.genesis())
    }

    /// The bits a block on `parent` must carry if its time is `time`. Only chains with a
    /// minimum-difficulty exception look at `time`.
    pub fn next_bits(&self, parent: NodeId, time: BlockTime) -> CompactTarget {
        retarget::next_bits(self, parent, time)
    }

    /// What a block on `parent` must look like if it is to carry the time `now`.
    pub fn next_block(&self, parent: NodeId, now: BlockTime) -> NextBlock {
        let spec = self.spec();
        let height = self.height(parent).next();
        let median_time_past = self.median_time_past(parent);
        let mut min_time = median_time_past.saturating_add(1);
        if let Some(limit) = retarget::timewarp_limit(self, parent) {
            min_time = min_time.max(limit);
        }
        let time = now.max(min_time);
        NextBlock {
            height,
            version: self.version_on(parent),
            prev: self.hash(parent),
            median_time_past,
            min_time,
            time,
            bits: self.next_bits(parent, time),
            subsidy: spec.subsidy.at(height),
            witness_commitment: self.holds_on(parent, Fork::Segwit),
            locktime_is_median: self.holds_on(parent, Fork::Csv),
        }
    }
}
