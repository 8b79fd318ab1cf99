//! Transactions: asked of one peer at a time, announced in trickles, served from the pool.

use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::{Amount, Block, Transaction, Txid, Wtxid};

use crate::event::{PeerId, TxOutcome};
use crate::outbox::{Context, PeerFacts};
use crate::ports::TxRef;

/// The part of the manager that passes transactions on.
#[derive(Debug)]
pub(crate) struct Relay {}

impl Relay {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, peer: &PeerFacts) {}
    pub(crate) fn on_closed(&mut self, cx: &mut Context<'_>, peer: PeerId) {}
    /// The transactions among an `inv`, in order.
    pub(crate) fn on_tx_inv(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {}
    pub(crate) fn on_tx(&mut self, cx: &mut Context<'_>, peer: PeerId, tx: Arc<Transaction>) {}
    pub(crate) fn on_tx_checked(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        tx: Arc<Transaction>,
        outcome: TxOutcome,
    ) {
    }
    pub(crate) fn on_tx_not_found(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {}
    /// The peer wants transactions (`getdata`).
    pub(crate) fn on_get_tx_data(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {}
    pub(crate) fn on_mempool(&mut self, cx: &mut Context<'_>, peer: PeerId) {}
    pub(crate) fn on_fee_filter(&mut self, peer: PeerId, rate: Amount) {}
    pub(crate) fn on_pool_added(&mut self, cx: &mut Context<'_>, txid: Txid, wtxid: Wtxid, rate: Amount) {}
    /// Blocks came onto the best chain: what they hold need not be asked for any more.
    pub(crate) fn on_blocks(&mut self, cx: &mut Context<'_>, blocks: &[Arc<Block>]) {}
    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {}
    /// When the next [`on_tick`](Self::on_tick) is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        None
    }
    /// When the peer last sent a transaction that came into the pool; for whom to keep.
    pub(crate) fn last_useful_tx(&self, peer: PeerId) -> Option<Duration> {
        None
    }
}
