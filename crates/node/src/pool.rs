//! The pool, held to the chain's tip and shared by the network, the miner and the HTTP interface.
//!
//! Whoever offers a transaction waits until the pool stands on the tip that readers see, and no block is connected while
//! it is judged. The writer thread moves the pool on before it takes its next order.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cairn_chainstate::ChainReader;
use cairn_consensus::{CoinViewError, NextBlock, script_flags_on};
use cairn_mempool::{
    Accepted, ChainView, Entry, Estimates, FeeEstimator, Mempool, Policy, Rejection, Removed,
};
use cairn_miner::Candidate;
use cairn_primitives::{Amount, BlockHash, BlockTime, Coin, Height, OutPoint, Transaction, Txid};
use cairn_rpc::{FeeRate, MempoolEvent, PoolEvent, TxEvent, TxRemovedEvent};
use cairn_script::{Caches, ScriptFlags};
use tokio::sync::broadcast;

use crate::writer::{TipListener, TipMove, now};

/// Events kept for a slow subscriber; it loses what does not fit.
const EVENT_BUFFER: usize = 4096;
/// Longest wait for the pool to reach the tip that readers see.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// A tip older than this means that blocks are missing (Core's `DEFAULT_MAX_TIP_AGE`), seconds.
const MAX_TIP_AGE: u32 = 24 * 60 * 60;
/// How long to wait for the pool before another look.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Least time between two events that tell of the pool as a whole.
const TOTALS_EVERY: Duration = Duration::from_secs(1);

/// The pool and what there is to tell of it.
#[derive(Debug)]
pub(crate) struct Pool {
    reader: ChainReader,
    state: Mutex<State>,
    followed: Condvar,
    events: broadcast::Sender<PoolEvent>,
    added: OnceLock<Announce>,
    caches: Arc<Caches>,
}

#[derive(Debug)]
struct State {
    mempool: Mempool,
    estimator: FeeEstimator,
    /// The block the pool stands on.
    tip: BlockHash,
    /// When the pool as a whole was last told of.
    told: Option<Instant>,
}

/// Tells the network of a transaction that came in.
struct Announce(Box<dyn Fn(&Added) + Send + Sync>);

impl std::fmt::Debug for Announce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Announce")
    }
}

/// A transaction that came into the pool.
#[derive(Debug, Clone)]
pub(crate) struct Added {
    pub(crate) tx: Arc<Transaction>,
    /// What it pays for 1,000 virtual bytes.
    pub(crate) rate: Amount,
}

impl Pool {
    /// An empty pool on the chain's tip. `caches` are those that the chain is written with.
    pub(crate) fn new(reader: ChainReader, estimator: FeeEstimator, caches: Arc<Caches>) -> Self {
        let mempool = Mempool::new(Arc::clone(reader.spec()), Policy::default());
        let mempool = mempool.with_caches(Arc::clone(&caches));
        let state = State { mempool, estimator, tip: reader.tip().hash, told: None };
        Self {
            reader,
            state: Mutex::new(state),
            followed: Condvar::new(),
            events: broadcast::channel(EVENT_BUFFER).0,
            added: OnceLock::new(),
            caches,
        }
    }

    /// What scripts passed before.
    pub(crate) fn caches(&self) -> &Arc<Caches> {
        &self.caches
    }

    /// Has every transaction that comes in from now on told to the network. A second call changes nothing.
    pub(crate) fn announce_to(&self, tell: impl Fn(&Added) + Send + Sync + 'static) {
        let _ = self.added.set(Announce(Box::new(tell)));
    }

    /// What happens to the pool from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<PoolEvent> {
        self.events.subscribe()
    }

    /// Offers a transaction that came at `time`.
    ///
    /// # Errors
    /// The rule it breaks; [`CoinViewError::Unavailable`] if the pool does not reach the tip in time.
    pub(crate) fn accept(&self, tx: Arc<Transaction>, time: BlockTime) -> Result<Accepted, Rejection> {
        let (result, added, events) = {
            let mut state = self.lock();
            let started = Instant::now();
            let (view, mut state) = loop {
                let view = self.reader.view();
                if view.tip().hash == state.tip {
                    break (view, state);
                }
                drop(view);
                if started.elapsed() > MAX_WAIT {
                    return Err(CoinViewError::Unavailable.into());
                }
                let waited = self.followed.wait_timeout(state, LOOK_AGAIN);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            };
            let height = view.tip().height;
            let outcome = state.mempool.accept_at(Arc::clone(&tx), time, now(), &PoolChain(view));
            let mut events = state.left(&outcome.removed);
            let added = outcome.result.ok().and_then(|accepted| state.entered(&accepted.txid, height));
            events.extend(added.as_ref().map(|(_, event)| *event));
            events.extend(state.totals());
            (outcome.result, added, events)
        };
        self.tell(events);
        if let (Some(Announce(tell)), Some((added, _))) = (self.added.get(), &added) {
            tell(added);
        }
        result
    }

    /// What the next block must look like, and what it may hold: the best paid first, each behind those it spends from.
    /// Waits until the pool stands on the tip, but not for ever: then the block is to hold nothing.
    pub(crate) fn next_block(&self) -> (NextBlock, Vec<Candidate>) {
        let started = Instant::now();
        let mut state = self.lock();
        loop {
            let next = self.reader.next_block(now());
            if next.prev == state.tip {
                return (next, self.candidates(&state.mempool));
            }
            if started.elapsed() > MAX_WAIT {
                return (next, Vec::new());
            }
            let waited = self.followed.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn candidates(&self, mempool: &Mempool) -> Vec<Candidate> {
        let of = |entry: &Entry| Candidate {
            tx: Arc::clone(entry.tx()),
            fee: entry.fee(),
            sigop_cost: entry.sigop_cost(),
        };
        // Not more than fits: the lightest transaction weighs some 240 units.
        let most = self.reader.spec().limits.block_weight / 240;
        mempool.candidates().take(usize::try_from(most).unwrap_or(usize::MAX)).map(of).collect()
    }

    /// Looks at the pool, which stands still meanwhile: keep it short.
    pub(crate) fn look<R>(&self, at: impl FnOnce(&Mempool) -> R) -> R {
        at(&self.lock().mempool)
    }

    /// The coin at `outpoint`, of the chain or of a transaction in the pool, spent in the pool or not.
    pub(crate) fn coin(&self, outpoint: &OutPoint) -> Option<Coin> {
        if let Some(entry) = self.lock().mempool.get(&outpoint.txid) {
            let output = entry.tx().outputs().get(usize::try_from(outpoint.vout).ok()?)?.clone();
            return Some(Coin { output, height: self.reader.tip().height.next(), coinbase: false });
        }
        self.reader.coin(outpoint).ok().flatten()
    }

    /// Fee rates to pay now.
    pub(crate) fn estimates(&self) -> Estimates {
        let state = self.lock();
        state.estimator.estimates(&state.mempool, now())
    }

    /// The bytes of `mempool.dat` and `fees.dat`.
    pub(crate) fn save(&self) -> (Vec<u8>, Vec<u8>) {
        let state = self.lock();
        (state.mempool.save(), state.estimator.to_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, events: Vec<PoolEvent>) {
        for event in events {
            // No receiver at all is no failure.
            let _ = self.events.send(event);
        }
    }

    /// Moves the pool to the new tip.
    fn follow(&self, change: &TipMove) {
        let (events, back) = {
            let mut state = self.lock();
            let chain = PoolChain(self.reader.view());
            let (removed, entered) = state.follow(change, &chain);
            state.tip = change.tip.hash;
            let mut events = state.left(&removed);
            let height = change.tip.height;
            let back: Vec<_> = entered.iter().filter_map(|txid| state.entered(txid, height)).collect();
            events.extend(back.iter().map(|(_, event)| *event));
            events.extend(state.totals());
            (events, back)
        };
        self.followed.notify_all();
        self.tell(events);
        // What a reorganisation brought back may never have reached those who stood on the better branch.
        if let Some(Announce(tell)) = self.added.get() {
            back.iter().for_each(|(added, _)| tell(added));
        }
    }
}

impl State {
    /// What left and what came in again.
    fn follow(&mut self, change: &TipMove, chain: &PoolChain<'_>) -> (Vec<Removed>, Vec<Txid>) {
        let first = change.tip.height.to_u32() + 1 - u32::try_from(change.connected.len()).unwrap_or(0);
        for (height, block) in (first..).zip(&change.connected) {
            let confirmed = block.transactions.iter().map(Transaction::txid);
            self.estimator.on_block(Height::new(height), confirmed);
        }
        if change.disconnected.is_empty() && !change.connected.is_empty() {
            let connected = change.connected.iter();
            let removed = connected.flat_map(|block| self.mempool.block_connected(block, now())).collect();
            return (removed, Vec::new());
        }
        if self.mempool.is_empty() && change.disconnected.is_empty() {
            return (Vec::new(), Vec::new());
        }
        // Also where a transaction came in while nobody wanted the blocks: each is then looked at anew.
        let outcome = self.mempool.reorganized(&change.disconnected, &change.connected, now(), chain);
        (outcome.removed, outcome.entered)
    }

    fn left(&mut self, removed: &[Removed]) -> Vec<PoolEvent> {
        for gone in removed {
            self.estimator.on_removed(gone);
        }
        let event = |gone: &Removed| TxRemovedEvent { txid: gone.tx.txid(), reason: gone.reason.into() };
        removed.iter().map(|gone| PoolEvent::TxRemoved(event(gone))).collect()
    }

    fn entered(&mut self, txid: &Txid, height: Height) -> Option<(Added, PoolEvent)> {
        let entry = self.mempool.get(txid)?;
        self.estimator.on_accepted(entry, height);
        let rate = entry.fee_rate().to_sat_per_kvb();
        let event = TxEvent {
            txid: *txid,
            wtxid: entry.wtxid(),
            fee: entry.fee(),
            vsize: entry.vsize(),
            fee_rate: FeeRate::from(rate),
        };
        let added = Added { tx: Arc::clone(entry.tx()), rate: Amount::from_sat(rate.to_sat()) };
        Some((added, PoolEvent::Tx(event)))
    }

    /// The pool as a whole, now and then.
    fn totals(&mut self) -> Option<PoolEvent> {
        if self.told.is_some_and(|told| told.elapsed() < TOTALS_EVERY) {
            return None;
        }
        self.told = Some(Instant::now());
        Some(PoolEvent::Mempool(MempoolEvent {
            count: self.mempool.len() as u64,
            vsize: self.mempool.vsize(),
            min_fee_rate: self.mempool.min_fee_rate(now()).into(),
        }))
    }
}

/// Whether the tip is of the last day, as Core takes a node to have caught up.
pub(crate) fn is_recent(reader: &ChainReader) -> bool {
    is_recent_view(&reader.view())
}

/// [`is_recent`] of one moment.
pub(crate) fn is_recent_view(view: &cairn_chainstate::ChainView<'_>) -> bool {
    view.tree().header(view.tip_id()).time >= now().saturating_sub(MAX_TIP_AGE)
}

/// Moves the pool and then tells `then`.
pub(crate) struct Follower<F> {
    pub(crate) pool: Arc<Pool>,
    /// Whether the chain has caught up: before, nobody needs its blocks.
    pub(crate) caught_up: Box<dyn Fn() -> bool + Send>,
    pub(crate) then: F,
}

impl<F: FnMut(&TipMove) + Send + 'static> TipListener for Follower<F> {
    fn wants_blocks(&self) -> bool {
        self.pool.look(|mempool| !mempool.is_empty()) || (self.caught_up)()
    }

    fn moved(&mut self, change: &TipMove) {
        self.pool.follow(change);
        (self.then)(change);
    }
}

/// The chain of one moment as the pool asks for it.
struct PoolChain<'a>(cairn_chainstate::ChainView<'a>);

impl ChainView for PoolChain<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        self.0.coin(outpoint).map_err(|_| CoinViewError::Internal)
    }

    fn tip_height(&self) -> Height {
        self.0.tip().height
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        let at = self.0.block_hash_at(height.min(self.tip_height()));
        let info = at.and_then(|hash| self.0.header(&hash));
        info.map_or(BlockTime::new(0), |info| info.median_time_past)
    }

    fn next_script_flags(&self) -> Option<ScriptFlags> {
        Some(script_flags_on(self.0.tree(), self.0.tip_id()))
    }
}

#[cfg(test)]
mod reorgs;
