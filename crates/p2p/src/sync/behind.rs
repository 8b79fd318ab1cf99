//! Outbound peers whose chain stays behind ours make room for others (Core's `ConsiderEviction`).

use std::time::Duration;

use cairn_primitives::Work;

use super::Sync;
use super::limits::{BEHIND, BEHIND_ANSWER, MAX_PROTECTED};
use crate::event::{DisconnectReason, PeerId};
use crate::outbox::Context;
use crate::ports::ChainPoint;

/// What is known of an outbound peer's chain being behind.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// It had a chain as good as ours once, early enough to be kept.
    protected: bool,
    /// When something is to be done.
    pub(super) deadline: Option<Duration>,
    /// The tip it is measured by.
    mark: Option<ChainPoint>,
    asked: bool,
}

impl Sync {
    /// Keeps a peer for good that brought new headers of a chain as good as ours; a few at most.
    pub(super) fn protect(&mut self, cx: &mut Context<'_>, id: PeerId) {
        let protected = self.peers.values().filter(|peer| peer.behind.protected).count();
        let tip = cx.local.chain.tip();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let good = peer.best.is_some_and(|best| best.work >= tip.work);
        if peer.outbound && !peer.manual && good && protected < MAX_PROTECTED {
            peer.behind.protected = true;
        }
    }

    /// Measures the chains of the outbound peers.
    pub(super) fn consider_behind(&mut self, cx: &mut Context<'_>) {
        let tip = cx.local.chain.tip();
        let genesis = self.genesis_work;
        let mut ask = Vec::new();
        for (&id, peer) in &mut self.peers {
            let behind = &mut peer.behind;
            if !peer.outbound || peer.manual || peer.closing || behind.protected || !peer.headers.started {
                continue;
            }
            // A peer of this chain has its first block at least.
            let work = peer.best.map_or(genesis, |best| best.work);
            if work >= tip.work {
                behind.reset();
                continue;
            }
            match behind.deadline {
                Some(deadline) if deadline <= cx.now && behind.asked => {
                    peer.closing = true;
                    behind.deadline = None;
                    cx.out.disconnect(id, DisconnectReason::Behind);
                }
                Some(deadline) if deadline <= cx.now => {
                    behind.asked = true;
                    behind.deadline = Some(cx.now.saturating_add(BEHIND_ANSWER));
                    ask.push(id);
                }
                Some(_) if !behind.has_reached(work) => {}
                _ => {
                    behind.reset();
                    behind.mark = Some(tip);
                    behind.deadline = Some(cx.now.saturating_add(BEHIND));
                }
            }
        }
        for id in ask {
            self.ask_again(id);
        }
    }

    /// Has a peer asked for headers once more, at once if nothing is under way.
    fn ask_again(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.headers.again = true;
            peer.headers.retry_at = Duration::ZERO;
        }
    }

    /// Height 0's work: what every peer of this chain has.
    pub(super) fn genesis_work_of(spec: &cairn_params::ChainSpec) -> Work {
        spec.genesis.bits.to_target().map_or(Work::ZERO, |target| target.to_work())
    }
}

impl Behind {
    fn reset(&mut self) {
        self.deadline = None;
        self.mark = None;
        self.asked = false;
    }

    /// Whether the peer has come up to where we were when it was last measured.
    fn has_reached(&self, work: Work) -> bool {
        self.mark.is_some_and(|mark| work >= mark.work)
    }
}
