//! Headers first, then blocks from several peers at once; serving both; announcing new blocks.

use std::sync::Arc;
use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, Header, Height};

use crate::event::{BlockOutcome, HeadersOutcome, PeerId};
use crate::message::BlockRequest;
use crate::outbox::{Context, PeerFacts};

/// The part of the manager that keeps the chain in step with the peers'.
#[derive(Debug)]
pub(crate) struct Sync {
    spec: Arc<ChainSpec>,
}

impl Sync {
    pub(crate) fn new(spec: Arc<ChainSpec>) -> Self {
        Self { spec }
    }

    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, peer: &PeerFacts) {}
    pub(crate) fn on_closed(&mut self, cx: &mut Context<'_>, peer: PeerId) {}
    pub(crate) fn on_headers(&mut self, cx: &mut Context<'_>, peer: PeerId, headers: Vec<Header>) {}
    pub(crate) fn on_headers_checked(&mut self, cx: &mut Context<'_>, peer: PeerId, outcome: HeadersOutcome) {
    }
    pub(crate) fn on_block(&mut self, cx: &mut Context<'_>, peer: PeerId, block: Box<Block>) {}
    pub(crate) fn on_block_checked(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        hash: BlockHash,
        outcome: BlockOutcome,
    ) {
    }
    /// The blocks among an `inv`, in order.
    pub(crate) fn on_block_inv(&mut self, cx: &mut Context<'_>, peer: PeerId, hashes: &[BlockHash]) {}
    pub(crate) fn on_block_not_found(&mut self, cx: &mut Context<'_>, peer: PeerId, hashes: &[BlockHash]) {}
    pub(crate) fn on_get_headers(&mut self, cx: &mut Context<'_>, peer: PeerId, request: BlockRequest) {}
    pub(crate) fn on_get_blocks(&mut self, cx: &mut Context<'_>, peer: PeerId, request: BlockRequest) {}
    /// The peer wants blocks (`getdata`): they are served one after the other.
    pub(crate) fn on_get_block_data(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        wanted: &[(BlockHash, bool)],
    ) {
    }
    pub(crate) fn on_block_sent(&mut self, cx: &mut Context<'_>, peer: PeerId) {}
    /// The peer wants new blocks announced by `headers`.
    pub(crate) fn on_send_headers(&mut self, peer: PeerId) {}
    pub(crate) fn on_tip_changed(&mut self, cx: &mut Context<'_>) {}
    /// Asks every peer for headers.
    pub(crate) fn resync(&mut self, cx: &mut Context<'_>) {}
    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {}
    /// When the next [`on_tick`](Self::on_tick) is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        None
    }
    /// Height of the best block the peer is known to have.
    pub(crate) fn peer_height(&self, peer: PeerId) -> Option<Height> {
        None
    }
    /// When the peer last sent a block that was new to us; for whom to keep.
    pub(crate) fn last_useful_block(&self, peer: PeerId) -> Option<Duration> {
        None
    }
    /// Blocks asked for and not yet here.
    pub(crate) fn blocks_in_flight(&self) -> usize {
        0
    }
}
