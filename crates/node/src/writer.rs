//! The one thread that owns the chain's state.
//!
//! Everyone else holds a [`ChainReader`] and asks this thread to take headers and blocks. Whenever the tip has moved, and
//! before it moves again, this thread tells a [`TipListener`], so that the pool never falls more than one step behind. Blocks
//! that wait in a row are taken together, so that the scripts of several run at a time.
//!
//! [`ChainReader`]: cairn_chainstate::ChainReader

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cairn_chainstate::{
    ChainReader, ChainState, ChainStateError, SubmitError, Submitted, Tip, ValidationStep,
};
use cairn_consensus::{HeaderError, NodeId};
use cairn_primitives::{Block, BlockHash, BlockTime, Header};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use tracing::{error, info};

use crate::error::NodeError;
use crate::pace::{Due, Pace};

/// Blocks that are taken together, at most: orders behind them wait, and so does the end of the node.
const MAX_BLOCKS: usize = 64;

/// Bytes of blocks at which no further one is taken together with them.
const MAX_BYTES: usize = 8 << 20;

/// Takes what became of a block, on the writer's own thread: it must not wait.
pub(crate) type BlockReply = Box<dyn FnOnce(Result<Submitted, SubmitError>) + Send>;
/// Takes what became of headers: how many of them are new, or the first that was refused.
pub(crate) type HeadersReply = Box<dyn FnOnce(Result<usize, (usize, HeaderError)>) + Send>;

enum Order {
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
        // Whoever asked may have given up waiting.
        let reply = Box::new(move |outcome| drop(answer.send(outcome)));
        self.orders.send(Order::Block(Box::new(block), reply)).map_err(|_| SubmitFailure::Stopping)?;
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
    stopping: Arc<AtomicBool>,
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
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("chain".to_owned())
            .spawn(move || {
                let outcome = Writing { reader: state.reader(), state, listener, stop }.run(&incoming);
                if let Err(error) = &outcome {
                    error!(%error, "the chain can no longer be written");
                }
                on_end();
                outcome
            })
            .map_err(|source| NodeError::Part { part: "chain writer", reason: source.to_string() })?;
        Ok(Self { orders, stopping, thread })
    }

    pub(crate) fn handle(&self) -> WriterHandle {
        WriterHandle { orders: self.orders.clone() }
    }

    /// Lets the blocks under way finish, drops those that wait, flushes everything and ends the thread.
    pub(crate) fn stop(self) -> Result<(), NodeError> {
        self.stopping.store(true, Ordering::Relaxed);
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
    /// What waits is not taken any more.
    stop: Arc<AtomicBool>,
}

impl<L: TipListener> Writing<L> {
    fn run(mut self, orders: &Receiver<Order>) -> Result<(), ChainStateError> {
        let mut pace = Pace::new(Instant::now());
        // Whether there may be something to check below a snapshot.
        let mut validating = true;
        let mut held = None;
        loop {
            let wait = if validating { Duration::ZERO } else { pace.wait(Instant::now()) };
            let order = match held.take() {
                Some(order) => Ok(order),
                None => orders.recv_timeout(wait),
            };
            match order {
                Ok(Order::Block(..)) if self.stop.load(Ordering::Relaxed) => {}
                Ok(Order::Block(block, reply)) => {
                    let (blocks, behind) = in_a_row((*block, reply), orders);
                    self.take(blocks)?;
                    (held, validating) = (behind, true);
                    pace.ordered(Instant::now());
                }
                Ok(Order::Headers(headers, reply)) => {
                    reply(self.take_headers(headers));
                    pace.ordered(Instant::now());
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    info!("flushing the chain");
                    return self.state.close();
                }
                Err(RecvTimeoutError::Timeout) if validating => {
                    validating = self.validate()?;
                    if validating {
                        pace.changed();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            match pace.due(Instant::now()) {
                Some(Due::Commit) => self.state.commit()?,
                Some(Due::Flush) => self.state.flush()?,
                None => {}
            }
        }
    }

    /// Takes blocks and tells of each move they made. The error is one that ends the writer.
    fn take(&mut self, blocks: Vec<(Block, BlockReply)>) -> Result<(), ChainStateError> {
        let Writing { state, reader, listener, .. } = self;
        let mut before = state.tip();
        let copy = |block: &Block| Arc::new(block.clone());
        let wanted = listener.wants_blocks();
        let copies: Vec<_> = blocks.iter().map(|(block, _)| wanted.then(|| copy(block))).collect();
        let (blocks, replies): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        let mut replies = copies.into_iter().zip(replies);
        let mut broken = None;
        let mut outcome = |result: Result<Submitted, SubmitError>, tip| {
            let (copy, reply) = replies.next().expect("each block has one outcome");
            if broken.is_some() {
                return;
            }
            if matches!(result, Err(SubmitError::State(_))) {
                broken = Some(ChainStateError::Halted);
                return;
            }
            match tell(reader, listener, before, tip, copy.as_ref()) {
                Ok(()) => reply(result),
                Err(error) => broken = Some(error),
            }
            before = tip;
        };
        let mut blocks = blocks.into_iter();
        match (blocks.next(), blocks.len()) {
            (Some(only), 0) => {
                let result = state.submit_block(only, now());
                outcome(result, state.tip());
            }
            (first, _) => {
                let all = first.into_iter().chain(blocks).collect();
                state.submit_blocks(all, now(), |_, result, tip| outcome(result, tip));
            }
        }
        broken.map_or(Ok(()), Err)
    }

    /// Does a small piece of the work below a snapshot; `false` if there is none.
    fn validate(&mut self) -> Result<bool, ChainStateError> {
        let before = self.state.tip();
        let step = self.state.validate_next()?;
        // Once it is done, a branch that had waited for it may win.
        tell(&self.reader, &mut self.listener, before, self.state.tip(), None)?;
        Ok(step != ValidationStep::Idle)
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

/// The block, those that wait right behind it, and the order behind them.
fn in_a_row(
    first: (Block, BlockReply),
    orders: &Receiver<Order>,
) -> (Vec<(Block, BlockReply)>, Option<Order>) {
    let mut bytes = first.0.total_size();
    let mut blocks = vec![first];
    while blocks.len() < MAX_BLOCKS && bytes < MAX_BYTES {
        match orders.try_recv() {
            Ok(Order::Block(block, reply)) => {
                bytes += block.total_size();
                blocks.push((*block, reply));
            }
            Ok(other) => return (blocks, Some(other)),
            // That the last handle is gone is noticed when the next order is waited for.
            Err(_) => break,
        }
    }
    (blocks, None)
}

/// Tells of the move from `before` to `tip`, if there was one; `fresh` is likely one of its blocks.
fn tell(
    reader: &ChainReader,
    listener: &mut impl TipListener,
    before: Tip,
    tip: Tip,
    fresh: Option<&Arc<Block>>,
) -> Result<(), ChainStateError> {
    if tip.hash != before.hash {
        let change = match listener.wants_blocks() {
            true => change(reader, before, tip, fresh)?,
            false => TipMove { disconnected: Vec::new(), connected: Vec::new(), tip },
        };
        listener.moved(&change);
    }
    Ok(())
}

/// The blocks between two tips; `fresh` is likely one of them.
fn change(
    reader: &ChainReader,
    from: Tip,
    to: Tip,
    fresh: Option<&Arc<Block>>,
) -> Result<TipMove, ChainStateError> {
    let (off, on) = {
        let view = reader.view();
        let tree = view.tree();
        let known = |hash| tree.get(&hash).expect("a tip's header is in the tree");
        let plan = tree.plan(known(from.hash), known(to.hash));
        let hashes = |ids: &[NodeId]| -> Vec<BlockHash> { ids.iter().map(|id| tree.hash(*id)).collect() };
        (hashes(&plan.disconnect), hashes(&plan.connect))
    };
    let fresh = fresh.map(|block| (block.hash(), block));
    let read = |hashes: Vec<BlockHash>| -> Result<Vec<Arc<Block>>, ChainStateError> {
        let mut blocks = Vec::with_capacity(hashes.len());
        for hash in hashes {
            if let Some((_, block)) = fresh.filter(|(fresh, _)| *fresh == hash) {
                blocks.push(Arc::clone(block));
            } else if let Some(block) = reader.block(&hash)? {
                blocks.push(Arc::new(block));
            }
        }
        Ok(blocks)
    };
    Ok(TipMove { disconnected: read(off)?, connected: read(on)?, tip: to })
}

/// The local clock in Unix seconds.
pub(crate) fn now() -> BlockTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    BlockTime::new(u32::try_from(seconds).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use cairn_params::presets;
    use cairn_testkit::{Forge, TestKey};

    use super::*;

    /// A move: how many blocks off, the blocks on, the new tip.
    type Move = (usize, Vec<BlockHash>, BlockHash);

    type Outcomes = Receiver<Result<Submitted, SubmitError>>;

    /// Keeps what it is told.
    #[derive(Default, Clone)]
    struct Told(Arc<Mutex<Vec<Move>>>);

    impl TipListener for Told {
        fn wants_blocks(&self) -> bool {
            true
        }

        fn moved(&mut self, change: &TipMove) {
            let on = change.connected.iter().map(|block| block.hash()).collect();
            self.0.lock().unwrap().push((change.disconnected.len(), on, change.tip.hash));
        }
    }

    fn blocks(count: usize) -> Vec<Block> {
        let mut forge = Forge::new(Arc::new(presets::regtest()));
        let tip = forge.extend(forge.genesis(), count, &TestKey::new(1).p2pkh());
        forge.chain(tip).into_iter().cloned().collect()
    }

    fn writing() -> (Writing<Told>, Told) {
        let told = Told::default();
        let state = ChainState::in_memory(Arc::new(presets::regtest()));
        let stop = Arc::new(AtomicBool::new(false));
        (Writing { reader: state.reader(), state, listener: told.clone(), stop }, told)
    }

    /// The blocks, and where what became of them is put in order.
    fn asked(blocks: Vec<Block>) -> (Vec<(Block, BlockReply)>, Outcomes) {
        let (sender, outcomes) = unbounded();
        let ask = |block| {
            let sender = sender.clone();
            (block, Box::new(move |outcome| sender.send(outcome).unwrap()) as BlockReply)
        };
        (blocks.into_iter().map(ask).collect(), outcomes)
    }

    #[test]
    fn blocks_taken_together_are_told_one_by_one() {
        let blocks = blocks(10);
        let hashes: Vec<_> = blocks.iter().map(Block::hash).collect();
        let (mut writing, told) = writing();
        let (asked, outcomes) = asked(blocks);
        writing.take(asked).unwrap();
        let tips = outcomes.iter().map(|outcome| match outcome.unwrap() {
            Submitted::Connected { tip, blocks: 1 } => tip.hash,
            other => panic!("{other:?}"),
        });
        assert_eq!(tips.collect::<Vec<_>>(), hashes);
        let expected: Vec<_> = hashes.iter().map(|hash| (0, vec![*hash], *hash)).collect();
        assert_eq!(*told.0.lock().unwrap(), expected);
    }

    #[test]
    fn a_bad_block_among_them_ends_the_chain_below_it() {
        let mut blocks = blocks(4);
        // The second claims more than there is; the two above it are given another parent each.
        let mut bad = blocks[1].clone();
        let coinbase = &bad.transactions[0];
        let mut outputs = coinbase.outputs().to_vec();
        outputs[0].value = cairn_primitives::Amount::from_sat(outputs[0].value.to_sat() + 1);
        let inputs = coinbase.inputs().to_vec();
        bad.transactions[0] = cairn_primitives::Transaction::new(1, inputs, outputs, coinbase.lock_time());
        blocks[1] = cairn_testkit::reseal(bad);
        for n in 2..4 {
            blocks[n].header.prev = blocks[n - 1].hash();
            blocks[n] = cairn_testkit::reseal(blocks[n].clone());
        }
        let first = blocks[0].hash();
        let (mut writing, told) = writing();
        let (asked, outcomes) = asked(blocks);
        writing.take(asked).unwrap();
        let outcomes: Vec<_> = outcomes.iter().collect();
        assert!(matches!(outcomes[0], Ok(Submitted::Connected { blocks: 1, .. })));
        let codes: Vec<_> =
            outcomes[1..].iter().map(|outcome| outcome.as_ref().unwrap_err().code()).collect();
        // The header of the third is not kept, so nobody knows the parent of the fourth.
        assert_eq!(codes, ["bad-cb-amount", "bad-prevblk", "prev-blk-not-found"]);
        assert_eq!(*told.0.lock().unwrap(), [(0, vec![first], first)]);
    }

    #[test]
    fn a_row_of_blocks_ends_at_the_limit_and_before_another_order() {
        let (orders, incoming) = unbounded();
        let block = || (presets::regtest().genesis_block(), Box::new(|_| ()) as BlockReply);
        let order = || Order::Block(Box::new(block().0), block().1);
        (0..MAX_BLOCKS).for_each(|_| orders.send(order()).unwrap());
        let (row, held) = in_a_row(block(), &incoming);
        assert_eq!((row.len(), held.is_none(), incoming.len()), (MAX_BLOCKS, true, 1));
        orders.send(Order::Stop).unwrap();
        orders.send(order()).unwrap();
        let (row, held) = in_a_row(block(), &incoming);
        assert!(row.len() == 2 && matches!(held, Some(Order::Stop)) && incoming.len() == 1);
    }

    #[test]
    fn blocks_that_wait_at_the_end_are_dropped() {
        let (mut given, outcomes) = asked(blocks(1));
        let (block, reply) = given.remove(0);
        let (writing, told) = writing();
        let (orders, incoming) = unbounded();
        orders.send(Order::Block(Box::new(block), reply)).unwrap();
        orders.send(Order::Stop).unwrap();
        writing.stop.store(true, Ordering::Relaxed);
        writing.run(&incoming).unwrap();
        drop(given);
        assert_eq!((outcomes.iter().count(), told.0.lock().unwrap().len()), (0, 0));
    }
}
