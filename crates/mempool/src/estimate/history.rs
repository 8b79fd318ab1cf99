//! What was seen to happen to transactions, by their fee rate.

use std::collections::{BTreeMap, HashMap};

use cairn_primitives::{Height, Txid};

use super::MAX_TARGET;
use super::bucket::{self, Bucket};
use crate::rate::{FeeRate, SatPerKvb};

/// What a block before the last counts for beside the last: a half after 144 blocks (Core's `MED_DECAY`).
pub(super) const DECAY: f64 = 0.9952;
/// Confirmed transactions that a range of buckets needs before it says anything: one in ten blocks (Core's
/// `SUFFICIENT_FEETXS`), summed over all blocks as they decay.
const ENOUGH: f64 = 0.1 / (1.0 - DECAY);
/// Part of a range that must have been mined in time (Core's `SUCCESS_PCT`).
const SUCCESS: f64 = 0.85;

/// A transaction whose end is not known.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Height,
    rate: FeeRate,
    bucket: usize,
}

/// The buckets, and the transactions that wait.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) bounds: Vec<u64>,
    /// One more than bounds.
    pub(super) buckets: Vec<Bucket>,
    /// Height of the last block.
    pub(super) tip: Option<Height>,
    waiting: HashMap<Txid, Waiting>,
    /// How many of them came at a height with a rate of a bucket.
    by_height: BTreeMap<(Height, usize), u32>,
}

impl Default for History {
    fn default() -> Self {
        let bounds = bucket::bounds();
        let buckets = vec![Bucket::default(); bounds.len() + 1];
        Self { bounds, buckets, tip: None, waiting: HashMap::new(), by_height: BTreeMap::new() }
    }
}

impl History {
    pub(super) fn followed(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn follow(&mut self, txid: Txid, rate: FeeRate, height: Height) {
        if self.tip != Some(height) || self.waiting.contains_key(&txid) {
            return;
        }
        let waiting =
            Waiting { since: height, rate, bucket: bucket::place(&self.bounds, rate.to_sat_per_kvb()) };
        *self.by_height.entry((height, waiting.bucket)).or_default() += 1;
        self.waiting.insert(txid, waiting);
    }

    /// Stops following a transaction that pays less than `rate`.
    pub(super) fn forget_if_below(&mut self, txid: &Txid, rate: FeeRate) {
        if self.waiting.get(txid).is_some_and(|waiting| waiting.rate < rate) {
            self.forget(txid);
        }
    }

    pub(super) fn forget(&mut self, txid: &Txid) {
        self.take(txid);
    }

    /// Stops following a transaction that was not mined so far.
    pub(super) fn fail(&mut self, txid: &Txid) {
        if let (Some(waiting), Some(tip)) = (self.take(txid), self.tip) {
            let waited = tip.blocks_above(waiting.since).unwrap_or(0);
            self.buckets[waiting.bucket].failed[bucket::slot(waited)] += 1.0;
        }
    }

    pub(super) fn block(&mut self, height: Height, confirmed: impl IntoIterator<Item = Txid>) {
        let is_next = self.tip.is_none_or(|tip| height > tip);
        if is_next {
            self.tip = Some(height);
            self.buckets.iter_mut().for_each(|bucket| bucket.decay(DECAY));
        }
        for txid in confirmed {
            let Some(waiting) = self.take(&txid) else { continue };
            if let Some(waited) = height.blocks_above(waiting.since).filter(|waited| is_next && *waited > 0) {
                let bucket = &mut self.buckets[waiting.bucket];
                bucket.confirmed[bucket::slot(waited)] += 1.0;
                bucket.rates += waiting.rate.to_sat_per_kvb().to_sat() as f64;
            }
        }
    }

    fn take(&mut self, txid: &Txid) -> Option<Waiting> {
        let waiting = self.waiting.remove(txid)?;
        let key = (waiting.since, waiting.bucket);
        if let Some(count) = self.by_height.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.by_height.remove(&key);
            }
        }
        Some(waiting)
    }

    /// The lowest rate that was enough for `target` blocks, from 1 to [`MAX_TARGET`]. `None` without enough transactions,
    /// or if even the highest rates were not mined in time.
    ///
    /// Ranges of buckets are formed from the highest rate down, each as wide as it must be to hold enough transactions, and
    /// looked at until one was not mined in time often enough. Which buckets make a range does not depend on the target, and
    /// a longer one fails no range that a shorter passes: so no rate is below that for a longer target.
    pub(super) fn rate(&self, target: u32) -> Option<SatPerKvb> {
        debug_assert!((1..=MAX_TARGET).contains(&target));
        let late = self.late(target);
        let mut good: Option<&[Bucket]> = None;
        let (mut end, mut confirmed, mut in_time, mut others) = (self.buckets.len(), 0.0, 0.0, 0.0);
        for (place, bucket) in self.buckets.iter().enumerate().rev() {
            confirmed += bucket.all_confirmed();
            in_time += bucket.confirmed_within(target);
            others += bucket.failed_after(target) + f64::from(late[place]);
            if confirmed < ENOUGH {
                continue;
            }
            if in_time < SUCCESS * (confirmed + others) {
                break;
            }
            good = Some(&self.buckets[place..end]);
            (end, confirmed, in_time, others) = (place, 0.0, 0.0, 0.0);
        }
        good.and_then(median)
    }

    /// For each bucket, how many have waited `target` blocks or more and still wait.
    fn late(&self, target: u32) -> Vec<u32> {
        let mut late = vec![0; self.buckets.len()];
        let Some(last) = self.tip.and_then(|tip| tip.checked_sub(target)) else { return late };
        for ((_, bucket), count) in self.by_height.range(..=(last, usize::MAX)) {
            late[*bucket] += count;
        }
        late
    }
}

/// The mean rate of the bucket in which the middle one of all confirmed transactions lies.
fn median(buckets: &[Bucket]) -> Option<SatPerKvb> {
    let all: f64 = buckets.iter().map(Bucket::all_confirmed).sum();
    let mut below = 0.0;
    let middle = buckets.iter().find(|bucket| {
        below += bucket.all_confirmed();
        below > 0.0 && below >= all / 2.0
    })?;
    Some(SatPerKvb::new((middle.rates / middle.all_confirmed()).round() as u64))
}
