//! What fee rate gets a transaction into a block within a number of blocks.
//!
//! The estimator learns from transactions that went through the pool: how many blocks each waited, by its fee rate, older
//! blocks counting less and less. Where it has not seen enough it looks at what the pool holds, and where the pool holds
//! too little for a queue, the floor will do. The idea is that of Core's `CBlockPolicyEstimator`, with one horizon in the
//! place of three.

mod bucket;
mod history;
mod market;
mod saved;

use cairn_primitives::{BlockTime, Height, Txid};

use crate::entry::Entry;
use crate::mempool::{Mempool, RemovalReason, Removed};
use crate::rate::SatPerKvb;
use history::History;

/// Blocks within which [`FeeEstimator::slow`], [`FeeEstimator::standard`] and [`FeeEstimator::fast`] expect a transaction.
pub const SLOW_TARGET: u32 = 25;
/// See [`SLOW_TARGET`].
pub const STANDARD_TARGET: u32 = 6;
/// See [`SLOW_TARGET`].
pub const FAST_TARGET: u32 = 2;
/// The most blocks that waiting is told apart by; a longer target counts as this one.
pub const MAX_TARGET: u32 = 48;

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EstimateSource {
    /// How long transactions waited before.
    History,
    /// What would be mined first of what the pool holds now.
    Mempool,
    /// The least that the pool takes: nothing is known that asks for more.
    Floor,
}

/// A fee rate, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The rate to pay.
    pub rate: SatPerKvb,
    /// What it rests on.
    pub source: EstimateSource,
}

/// Estimates for three targets; none is below one that waits longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimates {
    /// For [`SLOW_TARGET`] blocks.
    pub slow: Estimate,
    /// For [`STANDARD_TARGET`] blocks.
    pub standard: Estimate,
    /// For [`FAST_TARGET`] blocks.
    pub fast: Estimate,
}

/// Learns from the pool and the chain, and estimates fee rates. Reads no clock; memory is bounded by the pool it is told of.
///
/// Tell it of every transaction that [`Mempool::accept`] took, of every block on top of the chain in order, and of every
/// [`Removed`]. What it is not told it does not learn, and nothing goes wrong.
#[derive(Debug, Clone, Default)]
pub struct FeeEstimator {
    history: History,
}

impl FeeEstimator {
    /// An estimator that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A transaction came in while the tip was at `height`.
    ///
    /// It is followed if it waits for nothing but its own fee: an entry with unconfirmed ancestors is not, nor are its
    /// parents from here on if it pays more than they do, as then it is the reason they are mined. Before the first block,
    /// and at any height but that of the last block, nothing is followed: a node that is still syncing learns nothing true.
    pub fn on_accepted(&mut self, entry: &Entry, height: Height) {
        if entry.parents().is_empty() {
            self.history.follow(entry.txid(), entry.fee_rate(), height);
        }
        for parent in entry.parents() {
            self.history.forget_if_below(parent, entry.fee_rate());
        }
    }

    /// A block at `height` confirmed the transactions `confirmed`.
    ///
    /// From those it followed it learns how long they waited. A block that is not above all before it belongs to a
    /// reorganisation: nothing is learned, and what it confirms is no longer followed.
    pub fn on_block(&mut self, height: Height, confirmed: impl IntoIterator<Item = Txid>) {
        self.history.block(height, confirmed);
    }

    /// A transaction left the pool. If it expired or was evicted it is counted as not mined in as many blocks as it waited.
    /// Otherwise it is only forgotten; confirmed ones are [`on_block`](Self::on_block)'s, whichever is called first.
    pub fn on_removed(&mut self, removed: &Removed) {
        match removed.reason {
            RemovalReason::Expiry | RemovalReason::SizeLimit => self.history.fail(&removed.tx.txid()),
            RemovalReason::Reorg | RemovalReason::Conflict | RemovalReason::Replaced => {
                self.history.forget(&removed.tx.txid());
            }
            RemovalReason::Block => {}
        }
    }

    /// The rate at which a transaction that is sent at `now` can be expected in one of the next `target_blocks` blocks
    /// (counted as 1 to [`MAX_TARGET`]). Never below [`Mempool::min_fee_rate`], and never below the estimate for a longer
    /// target.
    ///
    /// There is always an answer: from history if of enough transactions that paid about as much 85 in 100 were mined in
    /// time; else one above the lowest rate that would be mined in time if blocks took from the pool what pays most; else
    /// the floor. Without history it takes time in proportion to the pool.
    pub fn estimate(&self, target_blocks: u32, pool: &Mempool, now: BlockTime) -> Estimate {
        Answers::new(&self.history, pool, now).at(target_blocks)
    }

    /// The [`estimate`](Self::estimate) for [`SLOW_TARGET`] blocks.
    pub fn slow(&self, pool: &Mempool, now: BlockTime) -> Estimate {
        self.estimate(SLOW_TARGET, pool, now)
    }

    /// The [`estimate`](Self::estimate) for [`STANDARD_TARGET`] blocks.
    pub fn standard(&self, pool: &Mempool, now: BlockTime) -> Estimate {
        self.estimate(STANDARD_TARGET, pool, now)
    }

    /// The [`estimate`](Self::estimate) for [`FAST_TARGET`] blocks.
    pub fn fast(&self, pool: &Mempool, now: BlockTime) -> Estimate {
        self.estimate(FAST_TARGET, pool, now)
    }

    /// The three estimates, for the cost of one.
    pub fn estimates(&self, pool: &Mempool, now: BlockTime) -> Estimates {
        let answers = Answers::new(&self.history, pool, now);
        Estimates {
            slow: answers.at(SLOW_TARGET),
            standard: answers.at(STANDARD_TARGET),
            fast: answers.at(FAST_TARGET),
        }
    }

    /// Number of transactions that are followed: they are in the pool, and what becomes of them is not known yet.
    pub fn followed(&self) -> usize {
        self.history.followed()
    }
}

/// The answer for each target from 1 block on.
struct Answers(Vec<Estimate>);

impl Answers {
    /// From the longest target to the shortest, so that each is at least what the one before was.
    fn new(history: &History, pool: &Mempool, now: BlockTime) -> Self {
        let known: Vec<Option<SatPerKvb>> = (1..=MAX_TARGET).map(|target| history.rate(target)).collect();
        let queue = match known.contains(&None) {
            true => market::rates(pool),
            false => Vec::new(),
        };
        let mut least = Estimate { rate: pool.min_fee_rate(now), source: EstimateSource::Floor };
        let mut answers: Vec<Estimate> = (0..known.len())
            .rev()
            .map(|place| {
                let of_queue = || queue.get(place).map(|rate| (*rate, EstimateSource::Mempool));
                let found = known[place].map(|rate| (rate, EstimateSource::History)).or_else(of_queue);
                if let Some((rate, source)) = found.filter(|(rate, _)| *rate >= least.rate) {
                    least = Estimate { rate, source };
                }
                least
            })
            .collect();
        answers.reverse();
        Self(answers)
    }

    fn at(&self, target_blocks: u32) -> Estimate {
        self.0[target_blocks.clamp(1, MAX_TARGET) as usize - 1]
    }
}
