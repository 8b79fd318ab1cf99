//! The one thread that owns the chain's state.
//!
//! Everyone else holds a [`ChainReader`] and asks this thread to take headers and blocks. Whenever the tip has moved, and
//! before the next order, this thread tells a [`TipListener`], so that the pool never falls more than one step behind.
//!
//! [`ChainReader`]: cairn_chainstate::ChainReader

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cairn_chainstate::{
    ChainReader, ChainState, ChainStateError, SubmitError, Submitted, Tip, ValidationStep,
};
use cairn_consensus::HeaderError;
use cairn_primitives::{Block, BlockHash, BlockTime, Header};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use tracing::{error, info};

use crate::error::NodeError;

/// Longest time a change stays unflushed while the node idles.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// Takes what became of a block, on the writer's own thread: it must not wait.
pub(crate) type BlockReply = Box<dyn FnOnce(&Result<Submitted, SubmitError>) + Send>;
/// Takes what became of headers: how many of them are new, or the first that was refused.
pub(crate) type HeadersReply = Box<dyn FnOnce(Result<usize, (usize, HeaderError)>) + Send>;

enum Order {
    Submit(Box<Block>, Sender<Result<Submitted, SubmitError>>),
    Block(Box<Block>, BlockReply),
    Headers(Vec<Header>, HeadersReply),
    Stop,
}

/// The tip went from one block to another.
#[derive(Debug)]
pub(crate) struct TipMove {
    /// Blocks taken off, the old tip first.
    pub(crate) disconnected: Vec<Arc<Block>>,
    /// Blocks put on, lowest first.
    pub(crate) connected: Vec<Arc<Block>>,
    /// The new tip.
    pub(crate) tip: Tip,
}

/// Is told of every move of the tip, on the writer's thread.
pub(crate) trait TipListener: Send + 'static {
    /// Whether it wants the blocks of moves, or only the new tip.
    fn wants_blocks(&self) -> bool;

    /// The tip has moved; readers see the new one already.
    fn moved(&mut self, change: &TipMove);
}

/// Asks the writer thread to take blocks. Cheap to clone.
///
/// Orders wait in a queue without a limit of its own: those who wait for an answer are as many as there are requests, and
/// what peers send is bounded by what they were asked for.
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

    /// Has a block taken without waiting for the outcome; once the node is stopping there is none.
    pub(crate) fn submit_later(&self, block: Box<Block>, reply: BlockReply) {
        let _ = self.orders.send(Order::Block(block, reply));
    }

    /// Has headers taken, lowest first, without waiting for the outcome; once the node is stopping there is none.
    pub(crate) fn headers_later(&self, headers: Vec<Header>, reply: HeadersReply) {
        let _ = self.orders.send(Order::Headers(headers, reply));
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
        listener: impl TipListener,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, NodeError> {
        let (orders, incoming) = unbounded();
        let thread = std::thread::Builder::new()
            .name("chain".to_owned())
            .spawn(move || {
                let outcome = Writing { reader: state.reader(), state, listener }.run(&incoming);
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
        // If the thread ended by itself, the join below tells.
        let _ = self.orders.send(Order::Stop);
        match self.thread.join() {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(NodeError::Part { part: "chain writer", reason: "it panicked".to_owned() }),
        }
    }
}

struct Writing<L> {
    state: ChainState,
    reader: ChainReader,
    listener: L,
}

impl<L: TipListener> Writing<L> {
    fn run(mut self, orders: &Receiver<Order>) -> Result<(), ChainStateError> {
        let mut flushed = Instant::now();
        let mut dirty = false;
        // Whether there may be something to check below a snapshot.
        let mut validating = true;
        loop {
            let wait =
                if validating { Duration::ZERO } else { FLUSH_EVERY.saturating_sub(flushed.elapsed()) };
            match orders.recv_timeout(wait) {
                Ok(Order::Submit(block, answer)) => {
                    let outcome = self.take(*block)?;
                    // Whoever asked may have given up waiting.
                    let _ = answer.send(outcome);
                    (dirty, validating) = (true, true);
                }
                Ok(Order::Block(block, reply)) => {
                    reply(&self.take(*block)?);
                    (dirty, validating) = (true, true);
                }
                Ok(Order::Headers(headers, reply)) => {
                    reply(self.take_headers(headers));
                    dirty = true;
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    info!("flushing the chain");
                    return self.state.close();
                }
                Err(RecvTimeoutError::Timeout) if validating => {
                    validating = self.validate()?;
                    dirty |= validating;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                if dirty {
                    self.state.flush()?;
                }
                (flushed, dirty) = (Instant::now(), false);
            }
        }
    }

    /// Takes a block and tells of the move it made. The error is one that ends the writer.
    fn take(&mut self, block: Block) -> Result<Result<Submitted, SubmitError>, ChainStateError> {
        let before = self.state.tip();
        let copy = self.listener.wants_blocks().then(|| Arc::new(block.clone()));
        let outcome = self.state.submit_block(block, now());
        if matches!(outcome, Err(SubmitError::State(_))) {
            return Err(ChainStateError::Halted);
        }
        self.tell(before, copy.as_ref())?;
        Ok(outcome)
    }

    /// Does a small piece of the work below a snapshot; `false` if there is none.
    fn validate(&mut self) -> Result<bool, ChainStateError> {
        let before = self.state.tip();
        let step = self.state.validate_next()?;
        // Once it is done, a branch that had waited for it may win.
        self.tell(before, None)?;
        Ok(step != ValidationStep::Idle)
    }

    /// Tells of the move since `before`, if there was one; `fresh` is likely one of its blocks.
    fn tell(&mut self, before: Tip, fresh: Option<&Arc<Block>>) -> Result<(), ChainStateError> {
        let tip = self.state.tip();
        if tip.hash != before.hash {
            let change = match self.listener.wants_blocks() {
                true => self.change(before, tip, fresh)?,
                false => TipMove { disconnected: Vec::new(), connected: Vec::new(), tip },
            };
            self.listener.moved(&change);
        }
        Ok(())
    }

    /// The blocks between two tips; `fresh` is likely one of them.
    fn change(&self, from: Tip, to: Tip, fresh: Option<&Arc<Block>>) -> Result<TipMove, ChainStateError> {
        let (off, on) = {
            let view = self.reader.view();
            let tree = view.tree();
            let known = |hash| tree.get(&hash).expect("a tip's header is in the tree");
            let plan = tree.plan(known(from.hash), known(to.hash));
            let hashes = |ids: &[cairn_consensus::NodeId]| -> Vec<BlockHash> {
                ids.iter().map(|id| tree.hash(*id)).collect()
            };
            (hashes(&plan.disconnect), hashes(&plan.connect))
        };
        let fresh = fresh.map(|block| (block.hash(), block));
        let read = |hashes: Vec<BlockHash>| -> Result<Vec<Arc<Block>>, ChainStateError> {
            let mut blocks = Vec::with_capacity(hashes.len());
            for hash in hashes {
                if let Some((_, block)) = fresh.filter(|(fresh, _)| *fresh == hash) {
                    blocks.push(Arc::clone(block));
                } else if let Some(block) = self.reader.block(&hash)? {
                    blocks.push(Arc::new(block));
                }
            }
            Ok(blocks)
        };
        Ok(TipMove { disconnected: read(off)?, connected: read(on)?, tip: to })
    }

    fn take_headers(&mut self, headers: Vec<Header>) -> Result<usize, (usize, HeaderError)> {
        let mut new = 0;
        for (index, header) in headers.into_iter().enumerate() {
            match self.state.submit_header(header, now()) {
                Ok(added) => new += usize::from(added),
                Err(error) => return Err((index, error)),
            }
        }
        Ok(new)
    }
}

/// The local clock in Unix seconds.
pub(crate) fn now() -> BlockTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    BlockTime::new(u32::try_from(seconds).unwrap_or(u32::MAX))
}
