//! What the driver asks of the node.

use std::fmt;
use std::sync::Arc;

use cairn_consensus::Verdict;
use cairn_primitives::{Block, BlockHash, Header, Transaction};

use crate::event::{BlockOutcome, DisconnectReason, HeadersOutcome, Notice, PeerId, TxOutcome};
use crate::ports::{ChainView, PoolView};

/// What the driver asks of the node.
///
/// All but [`block_bytes`](Self::block_bytes) is called on the task that serves every peer, and so is what the views are
/// asked: none may wait for long, and none may wait for a thread that is itself calling the [`NetHandle`](super::NetHandle).
pub trait Host: Send + Sync + 'static {
    /// The chain as it is now.
    fn chain(&self) -> &dyn ChainView;

    /// The pool as it is now.
    fn pool(&self) -> &dyn PoolView;

    /// Has headers checked on another thread, each the parent of the next.
    fn check_headers(&self, peer: PeerId, headers: Vec<Header>, done: Reply<HeadersOutcome>);

    /// Has a block checked on another thread.
    fn check_block(&self, peer: PeerId, block: Box<Block>, done: Reply<BlockOutcome>);

    /// Offers a transaction to the pool on another thread.
    fn check_tx(&self, peer: PeerId, tx: Arc<Transaction>, done: Reply<TxOutcome>);

    /// Bytes of a block as they are stored, with witnesses; `None` if it cannot be read. May wait for the disk: it is
    /// called on a thread for that.
    fn block_bytes(&self, hash: &BlockHash) -> Option<Vec<u8>>;

    /// Something an operator wants to know.
    fn notice(&self, notice: Notice);

    /// We closed a connection.
    fn disconnected(&self, _peer: PeerId, _reason: DisconnectReason) {}
}

/// The way back for the outcome of a check. It may be used from any thread and never waits.
///
/// Dropped without an outcome it says that the check failed through no fault of the peer, so that nobody waits for
/// ever.
pub struct Reply<T> {
    send: Option<Box<dyn FnOnce(T) + Send>>,
    lost: fn() -> T,
}

impl<T> Reply<T> {
    pub(super) fn new(lost: fn() -> T, send: impl FnOnce(T) + Send + 'static) -> Self {
        Self { send: Some(Box::new(send)), lost }
    }

    /// Reports the outcome.
    pub fn send(mut self, outcome: T) {
        self.report(outcome);
    }

    fn report(&mut self, outcome: T) {
        if let Some(send) = self.send.take() {
            send(outcome);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if self.send.is_some() {
            self.report((self.lost)());
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("sent", &self.send.is_none()).finish()
    }
}

/// Outcome of a check of headers that nobody made.
pub(super) fn headers_lost() -> HeadersOutcome {
    HeadersOutcome::Refused { index: 0, verdict: Verdict::Internal, code: "internal" }
}

/// Outcome of a check of a block that nobody made.
pub(super) fn block_lost() -> BlockOutcome {
    BlockOutcome::Refused { verdict: Verdict::Internal, code: "internal" }
}

/// Outcome of a check of a transaction that nobody made: nothing is to be remembered of it.
pub(super) fn tx_lost() -> TxOutcome {
    TxOutcome::Unwanted { witness_stripped: true }
}
