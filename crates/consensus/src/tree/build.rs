//! How headers get into the tree.

use cairn_primitives::{BlockHash, BlockTime, Header};

use super::{HeaderTree, Mark, Node, NodeId};
use crate::error::HeaderError;
use crate::header;

/// The outcome of [`HeaderTree::insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// The header's place in the tree.
    pub id: NodeId,
    /// `false` if it was there before.
    pub new: bool,
}

impl HeaderTree {
    /// Checks a header against every header rule and adds it.
    ///
    /// `now` is the local clock in Unix seconds; it bounds how far in the future a header's time may
    /// lie and nothing else.
    ///
    /// # Errors
    /// The first [`HeaderError`] in the order of Core's `AcceptBlockHeader`: known as invalid, proof of
    /// work, parent unknown or invalid, bits, checkpoints, time, version, mandatory signals. The tree is unchanged then.
    pub fn insert(&mut self, header: Header, now: BlockTime) -> Result<Inserted, HeaderError> {
        let hash = header.hash();
        if let Some(id) = self.get(&hash) {
            return match self.is_invalid(id) {
                true => Err(HeaderError::KnownInvalid { hash }),
                false => Ok(Inserted { id, new: false }),
            };
        }
        header::check_pow(&header, hash, self.spec())?;
        let parent = self.get(&header.prev).ok_or(HeaderError::UnknownParent { prev: header.prev })?;
        if self.is_invalid(parent) {
            return Err(HeaderError::InvalidParent { prev: header.prev });
        }
        header::check_in_chain(self, parent, &header, hash, now)?;
        let id = self.link(header, hash, parent)?;
        Ok(Inserted { id, new: true })
    }

    /// Adds a header that was checked before it was saved, with no check but its link.
    ///
    /// For reloading our own storage: the caller vouches that the header once passed
    /// [`insert`](Self::insert) under the same spec. A header already present is left as it is.
    ///
    /// # Errors
    /// [`HeaderError::UnknownParent`] if the parent is not in the tree,
    /// [`HeaderError::TargetOutOfRange`] if `bits` is no target (no work can be counted),
    /// [`HeaderError::TreeFull`] when the tree holds as many headers as it may.
    pub fn insert_trusted(&mut self, header: Header) -> Result<NodeId, HeaderError> {
        let hash = header.hash();
        if let Some(id) = self.get(&hash) {
            return Ok(id);
        }
        let parent = self.get(&header.prev).ok_or(HeaderError::UnknownParent { prev: header.prev })?;
        self.link(header, hash, parent)
    }

    /// Adds a header that is not in the tree yet.
    fn link(&mut self, header: Header, hash: BlockHash, parent: NodeId) -> Result<NodeId, HeaderError> {
        if self.nodes.len() >= self.max_headers {
            return Err(HeaderError::TreeFull { limit: self.max_headers });
        }
        let limit = self.spec.pow.limit.to_compact();
        let out_of_range = HeaderError::TargetOutOfRange { got: header.bits, limit };
        let own_work = header.bits.to_target().map_err(|_| out_of_range)?.to_work();
        let work = self.work(parent).checked_add(own_work).ok_or(out_of_range)?;

        let id = NodeId(self.nodes.len() as u32);
        let height = self.node(parent).height + 1;
        let mark = if self.is_invalid(parent) { Mark::Inherited } else { Mark::Clear };
        let skip = self.skip_target(parent, height);
        self.by_hash.insert(hash, id);
        self.count_signals(parent, header.version);
        self.nodes.push(Node { header, hash, work, height, parent, skip, mark });
        self.leaves.remove(&parent);
        self.leaves.insert(id);
        if mark == Mark::Clear && work > self.work(self.best) {
            self.best = id;
        }
        Ok(id)
    }

    fn skip_target(&self, parent: NodeId, height: u32) -> NodeId {
        self.walk_to(parent, skip_height(height))
    }
}

/// The height a header's skip pointer leads to: far for most headers, so that any ancestor is
/// reached in a number of steps logarithmic in the distance (Core's `GetSkipHeight`).
pub(super) fn skip_height(height: u32) -> u32 {
    let clear_lowest_bit = |n: u32| n & n.wrapping_sub(1);
    match height {
        0 | 1 => 0,
        h if h % 2 == 0 => clear_lowest_bit(h),
        h => clear_lowest_bit(clear_lowest_bit(h - 1)) + 1,
    }
}
