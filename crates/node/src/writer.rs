//! The one thread that owns the chain's state.
//!
//! Everyone else holds a [`ChainReader`] and asks this thread to take blocks.

use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cairn_chainstate::{ChainState, ChainStateError, SubmitError, Submitted};
use cairn_primitives::{Block, BlockTime};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tracing::{error, info};

use crate::error::NodeError;

/// Blocks that may wait for the writer; whoever submits one more waits.
const QUEUE: usize = 16;

/// Longest time a change stays unflushed while the node idles.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

enum Order {
    Submit(Box<Block>, Sender<Result<Submitted, SubmitError>>),
    Stop,
}

/// Asks the writer thread to take blocks. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct WriterHandle {
    orders: Sender<Order>,
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitFailure {
    /// The block or the disk.
    #[error(transparent)]
    Refused(#[from] SubmitError),
    /// The writer is gone or going.
    #[error("the node is stopping")]
    Stopping,
}

impl WriterHandle {
    /// Has the block checked, stored and connected, and waits for the outcome.
    pub(crate) fn submit(&self, block: Block) -> Result<Submitted, SubmitFailure> {
        let (answer, outcome) = bounded(1);
        self.orders.send(Order::Submit(Box::new(block), answer)).map_err(|_| SubmitFailure::Stopping)?;
        Ok(outcome.recv().map_err(|_| SubmitFailure::Stopping)??)
    }
}

/// The running writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: Sender<Order>,
    thread: JoinHandle<Result<(), ChainStateError>>,
}

impl Writer {
    /// Hands the state to a thread of its own. `on_end` is called on that thread when it ends, for whatever reason.
    pub(crate) fn start(
        state: ChainState,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, NodeError> {
        let (orders, incoming) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("chain".to_owned())
            .spawn(move || {
                let outcome = write(state, &incoming);
                if let Err(error) = &outcome {
                    error!(%error, "the chain can no longer be written");
                }
                on_end();
                outcome
            })
            .map_err(|source| NodeError::Part { part: "chain writer", reason: source.to_string() })?;
        Ok(Self { orders, thread })
    }

    pub(crate) fn handle(&self) -> WriterHandle {
        WriterHandle { orders: self.orders.clone() }
    }

    /// Lets the block under way finish, flushes everything and ends the thread.
    pub(crate) fn stop(self) -> Result<(), NodeError> {
        // A full queue or a thread that ended by itself: either way the join below tells.
        let _ = self.orders.send(Order::Stop);
        match self.thread.join() {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(NodeError::Part { part: "chain writer", reason: "it panicked".to_owned() }),
        }
    }
}

fn write(mut state: ChainState, orders: &Receiver<Order>) -> Result<(), ChainStateError> {
    let mut flushed = Instant::now();
    let mut dirty = false;
    loop {
        match orders.recv_timeout(FLUSH_EVERY.saturating_sub(flushed.elapsed())) {
            Ok(Order::Submit(block, answer)) => {
                let outcome = state.submit_block(*block, now());
                let halted = matches!(outcome, Err(SubmitError::State(_)));
                dirty = true;
                // Whoever asked may have given up waiting.
                let _ = answer.send(outcome);
                if halted {
                    return Err(ChainStateError::Halted);
                }
            }
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => {
                info!("flushing the chain");
                return state.close();
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if flushed.elapsed() >= FLUSH_EVERY {
            if dirty {
                state.flush()?;
            }
            (flushed, dirty) = (Instant::now(), false);
        }
    }
}

/// The local clock in Unix seconds.
pub(crate) fn now() -> BlockTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    BlockTime::new(u32::try_from(seconds).unwrap_or(u32::MAX))
}
