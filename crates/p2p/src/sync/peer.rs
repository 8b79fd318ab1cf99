//! What is kept of each peer.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use cairn_primitives::{BlockHash, Header, Height};

use super::behind::Behind;
use super::limits::MAX_LATE;
use super::presync::Presync;
use super::window::Window;
use crate::handshake::Direction;
use crate::message::Services;
use crate::outbox::PeerFacts;
use crate::ports::ChainPoint;

/// What is kept of one peer. Bounded: some 5 MiB at the very most, of a peer that does everything to fill it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) outbound: bool,
    pub(super) manual: bool,
    services: Services,
    /// Its end is decided; the manager has yet to say so.
    pub(super) closing: bool,
    /// The block with the most work that it is known to have.
    pub(super) best: Option<ChainPoint>,
    pub(super) headers: HeaderState,
    pub(super) download: DownloadState,
    pub(super) serve: ServeState,
    pub(super) announce: AnnounceState,
    pub(super) behind: Behind,
}

/// Where we stand with a peer's headers.
#[derive(Debug, Default)]
pub(super) struct HeaderState {
    /// A `getheaders` is out; when the answer is due.
    pub(super) asked: Option<Duration>,
    /// Its chain is known, or was when it last answered.
    pub(super) started: bool,
    /// Something it said leads to a header that is not known: ask (again).
    pub(super) again: bool,
    /// A block it announced whose header is not known.
    pub(super) unknown: Option<BlockHash>,
    /// Not to be asked before.
    pub(super) retry_at: Duration,
    /// Times in a row it did not answer.
    pub(super) failures: u32,
    /// When all its headers must be here, while the chain is catching up.
    pub(super) sync_deadline: Option<Duration>,
    /// Answers in a row that did not connect.
    pub(super) unconnected: u32,
    /// The batch that is being checked.
    pub(super) checking: Option<Batch>,
    /// Batches that came meanwhile.
    pub(super) waiting: VecDeque<Vec<Header>>,
    /// A chain with too little work so far.
    pub(super) presync: Option<Box<Presync>>,
}

/// Headers that are being checked.
#[derive(Debug)]
pub(super) struct Batch {
    /// The block below the first.
    pub(super) prev: BlockHash,
    pub(super) hashes: Vec<BlockHash>,
    /// Whether the message was full: there may be more.
    pub(super) full: bool,
}

/// Where we stand with a peer's blocks.
#[derive(Debug, Default)]
pub(super) struct DownloadState {
    pub(super) in_flight: BTreeSet<(Height, BlockHash)>,
    /// Since when it owes us a block: when the first was asked for or the last one came.
    pub(super) since: Duration,
    /// Since when it holds the window up.
    pub(super) stalling: Option<Duration>,
    /// Not to be asked for blocks before.
    pub(super) rest_until: Duration,
    /// Taken away from it, but it may still send them.
    late: VecDeque<BlockHash>,
    pub(super) window: Window,
    /// When it last sent a block that was new.
    pub(super) last_block: Option<Duration>,
}

/// What a peer wants from us.
#[derive(Debug, Default)]
pub(super) struct ServeState {
    /// Blocks, and whether with witnesses.
    pub(super) queue: VecDeque<(BlockHash, bool)>,
    /// How many are on their way.
    pub(super) sending: usize,
    /// The last hash of a full answer to `getblocks`: once it is served, the tip is announced.
    pub(super) continue_from: Option<BlockHash>,
}

/// What a peer has been told.
#[derive(Debug, Default)]
pub(super) struct AnnounceState {
    /// It wants `headers`.
    pub(super) by_headers: bool,
    /// It was told that we want `headers`.
    pub(super) told: bool,
    /// The last header it was sent.
    pub(super) sent: Option<BlockHash>,
    /// The last block it was told of by `inv`.
    pub(super) announced: Option<BlockHash>,
}

impl Peer {
    pub(super) fn new(facts: &PeerFacts) -> Self {
        Self {
            outbound: facts.direction == Direction::Outbound,
            manual: facts.manual,
            services: facts.info.version.services,
            closing: false,
            best: None,
            headers: HeaderState::default(),
            download: DownloadState::default(),
            serve: ServeState::default(),
            announce: AnnounceState { by_headers: facts.info.send_headers, ..AnnounceState::default() },
            behind: Behind::default(),
        }
    }

    /// Whether it is of our own choice: asked before those that came to us.
    pub(super) const fn is_preferred(&self) -> bool {
        self.outbound || self.manual
    }

    /// Whether it serves the blocks of the whole chain; `None` if it serves none that are of use.
    pub(super) const fn serves_all(&self) -> Option<bool> {
        if !self.services.contains(Services::WITNESS) {
            None
        } else if self.services.contains(Services::NETWORK) {
            Some(true)
        } else if self.services.contains(Services::NETWORK_LIMITED) {
            Some(false)
        } else {
            None
        }
    }

    /// Takes in that it has this block.
    pub(super) fn has(&mut self, point: ChainPoint) {
        if self.best.is_none_or(|best| point.work > best.work) {
            self.best = Some(point);
        }
    }
}

impl HeaderState {
    /// Whether an exchange of headers is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.asked.is_some() || self.checking.is_some() || !self.waiting.is_empty() || self.presync.is_some()
    }

    /// Whether the peer should be asked for headers.
    pub(super) fn wants(&self) -> bool {
        (!self.started || self.again) && !self.is_busy()
    }
}

impl DownloadState {
    /// Remembers a block that was taken away, the last [`MAX_LATE`] of them.
    pub(super) fn remember_late(&mut self, hash: BlockHash) {
        if self.late.len() == MAX_LATE {
            self.late.pop_front();
        }
        self.late.push_back(hash);
    }

    /// Whether the block had been taken away; forgets it.
    pub(super) fn take_late(&mut self, hash: &BlockHash) -> bool {
        let found = self.late.iter().position(|late| late == hash);
        found.is_some_and(|at| self.late.remove(at).is_some())
    }
}
