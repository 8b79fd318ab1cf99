//! Headers first, then blocks from several peers at once; serving both; announcing new blocks.
//!
//! # How it works
//! Whatever happens is first written down ([`Peer`]: what the peer has, what it owes, what waits); then
//! [`pump`](Sync::pump) looks at all that is written down and does what is to be done now. So no order of events can
//! start something twice or lose it: what is not done now is still there the next time, and each time-out is among
//! the moments that [`deadline`](Sync::deadline) is made of.
//!
//! # Initial download
//! From the start until the tip is at most a day old and has the work the chain is known to have; never again after
//! that (Core's `IsInitialBlockDownload`). Meanwhile peers that came to us are asked for blocks only if nobody else has
//! them, and blocks are announced only if they are the best that is known. So a node that is alone on a chain whose
//! last block is old still announces what it mines.
//!
//! # What is not here
//! Compact blocks (BIP152), and Core's check that a low-work chain changes its difficulty only as the rules permit: it
//! bounds the work of whoever sends such chains, while memory is bounded without it.

mod announce;
mod behind;
mod download;
mod headers;
mod limits;
mod peer;
mod presync;
mod serve;
mod wanted;
mod window;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, Header, Height, Work};

use self::download::Download;
use self::limits::{SLOW_BLOCK, STALLING_MIN};
use self::peer::Peer;
use crate::event::{BlockOutcome, HeadersOutcome, PeerId};
use crate::message::BlockRequest;
use crate::outbox::{Context, PeerFacts};

/// The part of the manager that keeps the chain in step with the peers'.
///
/// There are as many peers as the manager has connections; what is kept of each is bounded.
#[derive(Debug)]
pub(crate) struct Sync {
    spec: Arc<ChainSpec>,
    genesis_work: Work,
    peers: BTreeMap<PeerId, Peer>,
    /// Whose headers are being checked, peers that have gone included.
    header_checks: BTreeSet<PeerId>,
    download: Download,
    /// The last peer asked for headers did not answer: next is whoever has waited longest.
    any_next: bool,
    initial: bool,
    wake: Option<Duration>,
}

impl Sync {
    pub(crate) fn new(spec: Arc<ChainSpec>) -> Self {
        Self {
            genesis_work: Self::genesis_work_of(&spec),
            spec,
            peers: BTreeMap::new(),
            header_checks: BTreeSet::new(),
            download: Download::default(),
            any_next: false,
            initial: true,
            wake: None,
        }
    }

    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, peer: &PeerFacts) {
        self.peers.entry(peer.id).or_insert_with(|| Peer::new(peer));
        self.pump(cx);
    }

    pub(crate) fn on_closed(&mut self, cx: &mut Context<'_>, peer: PeerId) {
        self.release_blocks(cx.now, peer);
        if self.peers.remove(&peer).is_some() {
            self.pump(cx);
        }
    }

    pub(crate) fn on_headers(&mut self, cx: &mut Context<'_>, peer: PeerId, headers: Vec<Header>) {
        self.take_headers(cx, peer, headers);
        self.pump(cx);
    }

    pub(crate) fn on_headers_checked(&mut self, cx: &mut Context<'_>, peer: PeerId, outcome: HeadersOutcome) {
        self.headers_checked(cx, peer, outcome);
        self.pump(cx);
    }

    pub(crate) fn on_block(&mut self, cx: &mut Context<'_>, peer: PeerId, block: Box<Block>) {
        self.take_block(cx, peer, block);
        self.pump(cx);
    }

    pub(crate) fn on_block_checked(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        hash: BlockHash,
        outcome: BlockOutcome,
    ) {
        self.block_checked(cx, peer, hash, outcome);
        self.forget_invalid(cx);
        self.pump(cx);
    }

    /// The blocks among an `inv`, in order.
    pub(crate) fn on_block_inv(&mut self, cx: &mut Context<'_>, peer: PeerId, hashes: &[BlockHash]) {
        self.take_block_inv(cx, peer, hashes);
        self.pump(cx);
    }

    pub(crate) fn on_block_not_found(&mut self, cx: &mut Context<'_>, peer: PeerId, hashes: &[BlockHash]) {
        self.blocks_not_found(cx, peer, hashes);
        self.pump(cx);
    }

    pub(crate) fn on_get_headers(&mut self, cx: &mut Context<'_>, peer: PeerId, request: BlockRequest) {
        self.serve_headers(cx, peer, &request);
    }

    pub(crate) fn on_get_blocks(&mut self, cx: &mut Context<'_>, peer: PeerId, request: BlockRequest) {
        self.serve_block_hashes(cx, peer, &request);
    }

    /// The peer wants blocks (`getdata`): they are served one after the other.
    pub(crate) fn on_get_block_data(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        wanted: &[(BlockHash, bool)],
    ) {
        self.queue_blocks(cx, peer, wanted);
    }

    pub(crate) fn on_block_sent(&mut self, cx: &mut Context<'_>, peer: PeerId) {
        self.block_sent(cx, peer);
    }

    /// The peer wants new blocks announced by `headers`.
    pub(crate) fn on_send_headers(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.announce.by_headers = true;
        }
    }

    pub(crate) fn on_tip_changed(&mut self, cx: &mut Context<'_>) {
        self.download.progress(&cx.local.chain.tip());
        self.forget_invalid(cx);
        self.update_initial(cx);
        self.announce_tip(cx);
        self.pump(cx);
    }

    /// Asks every peer for headers.
    pub(crate) fn resync(&mut self, cx: &mut Context<'_>) {
        for peer in self.peers.values_mut() {
            peer.headers.again = true;
            peer.headers.retry_at = Duration::ZERO;
        }
        self.pump(cx);
    }

    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {
        self.pump(cx);
    }

    /// When the next [`on_tick`](Self::on_tick) is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.wake
    }

    /// Height of the best block the peer is known to have.
    pub(crate) fn peer_height(&self, peer: PeerId) -> Option<Height> {
        self.peers.get(&peer)?.best.map(|best| best.height)
    }

    /// When the peer last sent a block that was new to us; for whom to keep.
    pub(crate) fn last_useful_block(&self, peer: PeerId) -> Option<Duration> {
        self.peers.get(&peer)?.download.last_block
    }

    /// Blocks asked for and not yet here.
    pub(crate) fn blocks_in_flight(&self) -> usize {
        self.download.in_flight.len()
    }

    /// Whether the chain has yet to catch up for the first time; then transactions are of no use.
    pub(crate) fn is_initial_download(&self) -> bool {
        self.initial
    }

    /// Does what is to be done now.
    fn pump(&mut self, cx: &mut Context<'_>) {
        self.update_initial(cx);
        self.resolve_unknown(cx.local.chain);
        self.expire_headers(cx);
        self.expire_blocks(cx);
        self.consider_behind(cx);
        self.ask_for_announcements(cx);
        self.ask_for_headers(cx);
        self.ask_for_blocks(cx);
        self.ask_for_wanted(cx);
        self.wake = self.next_wake(cx.now);
    }

    fn update_initial(&mut self, cx: &Context<'_>) {
        if self.initial {
            let tip = cx.local.chain.tip();
            let recent = headers::is_recent(cx.now, tip.time.to_u32());
            self.initial = !(recent && tip.work >= self.spec.assume.min_chain_work);
        }
    }

    /// The earliest moment after now at which something falls due.
    fn next_wake(&self, now: Duration) -> Option<Duration> {
        let block_time = self.block_time();
        let stalling = self.download.stalling_limit.max(STALLING_MIN);
        let peers = self.peers.values().filter(|peer| !peer.closing).flat_map(|peer| {
            let (headers, blocks) = (&peer.headers, &peer.download);
            let loading = !blocks.in_flight.is_empty();
            let after = |time: Duration| loading.then(|| blocks.since.saturating_add(time));
            [
                headers.asked,
                headers.asked.and(headers.sync_deadline),
                headers.wants().then_some(headers.retry_at),
                after(SLOW_BLOCK),
                after(block_time),
                blocks.stalling.map(|since| since.saturating_add(stalling)),
                Some(blocks.rest_until),
                peer.behind.deadline,
            ]
        });
        peers.flatten().chain(self.download.next_delayed()).filter(|due| *due > now).min()
    }
}
