//! The blocks above the last one we have on a peer's chain, as far up as they are asked for.

use std::collections::VecDeque;

use cairn_primitives::{BlockHash, Height};

use super::limits::WINDOW;
use crate::ports::{ChainPoint, ChainView};

/// The moving window over a peer's best chain: at most [`WINDOW`] blocks.
///
/// What it holds follows from the chain and the peer's best block alone; it is kept so that each block is looked up
/// once and not at each message.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The highest block such that we have it and all below it.
    base: Height,
    /// The blocks above `base`, lowest first.
    path: VecDeque<Slot>,
    /// What it was made for: the peer's best block and our tip.
    made_for: Option<(BlockHash, BlockHash)>,
}

/// One block of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) hash: BlockHash,
    /// Whether its transactions are here.
    pub(super) have: bool,
}

impl Window {
    /// Brings it up to date.
    pub(super) fn refresh(&mut self, chain: &dyn ChainView, best: &ChainPoint, tip: &ChainPoint) {
        if self.made_for != Some((best.hash, tip.hash)) {
            self.follow(chain, best, tip);
            self.made_for = Some((best.hash, tip.hash));
        }
        self.drop_front();
        self.fill(chain, best);
    }

    /// Keeps what still lies on the peer's chain and above ours.
    fn follow(&mut self, chain: &dyn ChainView, best: &ChainPoint, tip: &ChainPoint) {
        let common = chain.fork_point(&best.hash, &tip.hash).map_or(Height::GENESIS, |point| point.height);
        let top = self.top();
        let still = match self.path.back() {
            Some(last) => chain.ancestor(&best.hash, top) == Some(last.hash),
            None => false,
        };
        if !still || self.base < common && top <= common {
            self.path.clear();
            self.base = common;
        }
        while self.base < common && self.path.pop_front().is_some() {
            self.base = self.base.next();
        }
    }

    /// Moves up over what has come.
    fn drop_front(&mut self) {
        while self.path.front().is_some_and(|slot| slot.have) {
            self.path.pop_front();
            self.base = self.base.next();
        }
    }

    /// Looks the next blocks up.
    fn fill(&mut self, chain: &dyn ChainView, best: &ChainPoint) {
        loop {
            let height = self.top().next();
            if self.path.len() >= WINDOW as usize || height > best.height {
                return;
            }
            let Some(hash) = chain.ancestor(&best.hash, height) else { return };
            let have = chain.header(&hash).is_some_and(|entry| entry.has_block);
            if have && self.path.is_empty() {
                self.base = height;
            } else {
                self.path.push_back(Slot { hash, have });
            }
        }
    }

    /// Height of the highest block in it.
    pub(super) fn top(&self) -> Height {
        self.base.checked_add(self.path.len() as u32).unwrap_or(self.base)
    }

    /// The blocks with their heights, lowest first.
    pub(super) fn slots(&mut self) -> impl Iterator<Item = (Height, &mut Slot)> {
        let first = self.base.to_u32().saturating_add(1);
        (first..).map(Height::new).zip(self.path.iter_mut())
    }
}
