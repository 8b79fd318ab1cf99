//! New blocks are announced when they come: an event, never a poll.

use cairn_primitives::{BlockHash, Header};

use super::Sync;
use super::limits::MAX_ANNOUNCED;
use super::peer::Peer;
use crate::message::{Inventory, Message};
use crate::outbox::Context;
use crate::ports::{ChainPoint, ChainView};

impl Sync {
    /// Announces the tip to every peer that is not known to have it.
    ///
    /// Blocks on the way to a tip that is known already are not announced: whoever needs them asks for headers. A
    /// chain with less work than it is known to have is not announced either, for we do not serve it.
    pub(super) fn announce_tip(&mut self, cx: &mut Context<'_>) {
        let chain = cx.local.chain;
        let tip = chain.tip();
        if tip.work < self.spec.assume.min_chain_work {
            return;
        }
        if self.initial && chain.best_header().work > tip.work {
            return;
        }
        let mut newest = Vec::new();
        for (&id, peer) in &mut self.peers {
            if peer.closing
                || peer.announce.announced == Some(tip.hash)
                || knows(chain, peer, &tip.hash, &tip)
            {
                continue;
            }
            if newest.is_empty() {
                newest = newest_headers(chain, &tip);
            }
            peer.announce.announced = Some(tip.hash);
            match connecting(chain, peer, &newest) {
                Some(headers) if peer.announce.by_headers => {
                    peer.announce.sent = Some(tip.hash);
                    cx.out.send(id, Message::Headers(headers));
                }
                _ => cx.out.send(id, Message::Inv(vec![Inventory::Block(tip.hash)])),
            }
        }
    }

    /// Asks peers to announce blocks by `headers`, once their chain has the work that the chain is known to have:
    /// before, headers out of the blue would be of no use (Core does the same).
    pub(super) fn ask_for_announcements(&mut self, cx: &mut Context<'_>) {
        let least = self.spec.assume.min_chain_work;
        for (&id, peer) in &mut self.peers {
            let ready =
                least == cairn_primitives::Work::ZERO || peer.best.is_some_and(|best| best.work >= least);
            if ready && !peer.announce.told && !peer.closing {
                peer.announce.told = true;
                cx.out.send(id, Message::SendHeaders);
            }
        }
    }
}

/// Whether a peer has, or has been sent, this block of the best chain.
fn knows(chain: &dyn ChainView, peer: &Peer, hash: &BlockHash, at: &ChainPoint) -> bool {
    let below = |top: &BlockHash| chain.ancestor(top, at.height).is_some_and(|found| found == *hash);
    peer.best.is_some_and(|best| below(&best.hash)) || peer.announce.sent.is_some_and(|sent| below(&sent))
}

/// The tip's header and those below it, highest first, at most [`MAX_ANNOUNCED`], each with its parent's place.
fn newest_headers(chain: &dyn ChainView, tip: &ChainPoint) -> Vec<(Header, ChainPoint)> {
    let mut found = Vec::new();
    let mut at = chain.header(&tip.hash);
    while let Some(entry) = at.filter(|_| found.len() < MAX_ANNOUNCED) {
        let parent = chain.header(&entry.header.prev);
        let Some(below) = parent else { break };
        found.push((entry.header, below.point));
        at = parent;
    }
    found
}

/// The headers from the highest block the peer knows up to the tip, lowest first; `None` if it knows none of those
/// that lie below the newest.
fn connecting(chain: &dyn ChainView, peer: &Peer, newest: &[(Header, ChainPoint)]) -> Option<Vec<Header>> {
    let known = newest.iter().position(|(_, below)| knows(chain, peer, &below.hash, below))?;
    Some(newest.iter().take(known + 1).rev().map(|(header, _)| *header).collect())
}
