//! What peers ask of us: headers, block hashes, blocks.

use cairn_primitives::{BlockHash, Header};

use super::Sync;
use super::limits::{MAX_GET_BLOCKS, MAX_SENDING, STALE_AGE_SECONDS, STALE_DEPTH};
use crate::event::{Action, PeerId};
use crate::limits::{MAX_HEADERS, MAX_INV};
use crate::message::{BlockRequest, Inventory, Message};
use crate::outbox::Context;
use crate::ports::ChainView;

impl Sync {
    /// Answers `getheaders`; with nothing while our own chain has less work than the chain is known to have, so that
    /// nobody waits for an answer (Core does the same).
    pub(super) fn serve_headers(&mut self, cx: &mut Context<'_>, id: PeerId, request: &BlockRequest) {
        let chain = cx.local.chain;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let tip = chain.tip();
        if tip.work < self.spec.assume.min_chain_work {
            return cx.out.send(id, Message::Headers(Vec::new()));
        }
        if request.locator.is_empty() && !may_serve(chain, &request.stop, false) {
            return;
        }
        let headers = chain.headers_after(&request.locator, &request.stop, MAX_HEADERS);
        peer.announce.sent = Some(headers.last().map_or(tip.hash, Header::hash));
        cx.out.send(id, Message::Headers(headers));
    }

    /// Answers `getblocks` with the hashes of the best chain that follow, without the one to stop at.
    pub(super) fn serve_block_hashes(&mut self, cx: &mut Context<'_>, id: PeerId, request: &BlockRequest) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        if request.locator.is_empty() {
            return;
        }
        let headers = cx.local.chain.headers_after(&request.locator, &request.stop, MAX_GET_BLOCKS);
        let mut hashes: Vec<_> = headers.iter().map(Header::hash).collect();
        if hashes.len() >= MAX_GET_BLOCKS {
            peer.serve.continue_from = hashes.last().copied();
        }
        if hashes.last() == Some(&request.stop) {
            hashes.pop();
        }
        if !hashes.is_empty() {
            cx.out.send(id, Message::Inv(hashes.into_iter().map(Inventory::Block).collect()));
        }
    }

    /// Takes in which blocks a peer wants. What it may not have is answered at once; what is more than the queue
    /// holds is left out.
    pub(super) fn queue_blocks(&mut self, cx: &mut Context<'_>, id: PeerId, wanted: &[(BlockHash, bool)]) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let mut missing = Vec::new();
        for &(hash, witness) in wanted {
            if !may_serve(cx.local.chain, &hash, true) {
                missing.push(as_asked(hash, witness));
            } else if peer.serve.queue.len() < MAX_INV {
                peer.serve.queue.push_back((hash, witness));
            }
        }
        if !missing.is_empty() {
            missing.truncate(MAX_INV);
            cx.out.send(id, Message::NotFound(missing));
        }
        self.send_blocks(cx, id);
    }

    /// A block has gone out.
    pub(super) fn block_sent(&mut self, cx: &mut Context<'_>, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.serve.sending = peer.serve.sending.saturating_sub(1);
        }
        self.send_blocks(cx, id);
    }

    /// Sends the next blocks, a few at a time.
    fn send_blocks(&mut self, cx: &mut Context<'_>, id: PeerId) {
        let chain = cx.local.chain;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let serve = &mut peer.serve;
        while serve.sending < MAX_SENDING {
            let Some((hash, witness)) = serve.queue.pop_front() else { return };
            if !may_serve(chain, &hash, true) {
                cx.out.send(id, Message::NotFound(vec![as_asked(hash, witness)]));
                continue;
            }
            serve.sending += 1;
            cx.out.act(Action::SendBlock { peer: id, hash, witness });
            // The peer walks up by `getblocks`: it needs a reason to ask on.
            if serve.continue_from == Some(hash) {
                serve.continue_from = None;
                cx.out.send(id, Message::Inv(vec![Inventory::Block(chain.tip().hash)]));
            }
        }
    }
}

/// Whether a block (or, without `data`, its header) may be shown: it is on the best chain, or beside it and so young
/// that it says nothing about how long we have been there (Core's `BlockRequestAllowed`). Where blocks are fast, a
/// small depth is as good as a young age.
fn may_serve(chain: &dyn ChainView, hash: &BlockHash, data: bool) -> bool {
    let Some(entry) = chain.header(hash) else { return false };
    if entry.invalid || data && !entry.has_block {
        return false;
    }
    let best = chain.best_header();
    let young = best.time.seconds_since(entry.point.time) < STALE_AGE_SECONDS;
    let near = best.height.blocks_above(entry.point.height).is_none_or(|depth| depth <= STALE_DEPTH);
    entry.active || entry.has_block && (young || near)
}

const fn as_asked(hash: BlockHash, witness: bool) -> Inventory {
    if witness { Inventory::WitnessBlock(hash) } else { Inventory::Block(hash) }
}
