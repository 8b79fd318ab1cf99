//! The pool and what may happen to it.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{Amount, Block, BlockTime, OutPoint, Transaction, Txid, Wtxid};
use cairn_script::Caches;

use crate::admit::{self, Admitter, Origin};
use crate::candidates::Candidates;
use crate::chain::ChainView;
use crate::entry::Entry;
use crate::floor::Floor;
use crate::graph::Graph;
use crate::policy::Policy;
use crate::rate::SatPerKvb;
use crate::rejection::Rejection;

/// Why a transaction left the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// It was not mined in time.
    Expiry,
    /// The pool was full, and it or what rested on it paid least.
    SizeLimit,
    /// After a reorganisation its coins, its locks or the limits no longer allow it.
    Reorg,
    /// A block confirmed it.
    Block,
    /// A block spent a coin of it or of what it rested on.
    Conflict,
    /// A transaction that pays more took its place.
    Replaced,
}

impl RemovalReason {
    /// Core's name of the reason (`RemovalReasonToString`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expiry => "expiry",
            Self::SizeLimit => "sizelimit",
            Self::Reorg => "reorg",
            Self::Block => "block",
            Self::Conflict => "conflict",
            Self::Replaced => "replaced",
        }
    }
}

/// A transaction that left the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// Why it left.
    pub reason: RemovalReason,
}

/// A transaction that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub txid: Txid,
    /// What its inputs hold beyond its outputs.
    pub fee: Amount,
    /// Its virtual bytes.
    pub vsize: u64,
}

/// What became of a transaction that was offered, and of others because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it came in.
    pub result: Result<Accepted, Rejection>,
    /// What left: expired, replaced, evicted. Can hold something though the transaction was refused.
    pub removed: Vec<Removed>,
}

/// What a reorganisation did to the pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reorganized {
    /// Transactions of the blocks that left the chain which are in the pool now.
    pub entered: Vec<Txid>,
    /// Transactions that were in the pool and no longer are.
    pub removed: Vec<Removed>,
}

/// Unconfirmed transactions, none in conflict with another or with the chain, under a [`Policy`].
#[derive(Debug, Clone)]
pub struct Mempool {
    spec: Arc<ChainSpec>,
    policy: Policy,
    graph: Graph,
    floor: Floor,
    caches: Option<Arc<Caches>>,
}

impl Mempool {
    /// An empty pool.
    pub fn new(spec: Arc<ChainSpec>, policy: Policy) -> Self {
        Self { spec, policy, graph: Graph::default(), floor: Floor::new(), caches: None }
    }

    /// Has `caches` remember the signatures of what comes in, and that its scripts pass under the rules of the next block:
    /// whoever connects that block with the same caches runs none of them again.
    #[must_use]
    pub fn with_caches(self, caches: Arc<Caches>) -> Self {
        Self { caches: Some(caches), ..self }
    }

    /// Offers a transaction at `now`, under the tip that `chain` shows: the tip of the last
    /// [`block_connected`](Self::block_connected) or [`reorganized`](Self::reorganized).
    ///
    /// In [`Outcome::result`] stands the first [`Rejection`] in the order of Core's `MemPoolAccept`, scripts last.
    pub fn accept<C: ChainView + ?Sized>(
        &mut self,
        tx: Arc<Transaction>,
        now: BlockTime,
        chain: &C,
    ) -> Outcome {
        self.accept_at(tx, now, now, chain)
    }

    /// [`accept`](Self::accept)s a transaction at `now` that came at `time`, and keeps that time: for those of a saved pool.
    /// A time after `now` counts as `now`, one that has expired as the oldest that has not.
    pub fn accept_at<C: ChainView + ?Sized>(
        &mut self,
        tx: Arc<Transaction>,
        time: BlockTime,
        now: BlockTime,
        chain: &C,
    ) -> Outcome {
        let time = time.min(now).max(self.oldest_time(now));
        let mut removed = self.expire(now);
        let floor = self.floor.rate(now, self.graph.usage(), &self.policy);
        let admission = match self.admitter(floor, chain).admit(&tx, Origin::Relay) {
            Ok(admission) => admission,
            Err(rejection) => return Outcome { result: Err(rejection), removed },
        };
        let gone = self.graph.remove_with_descendants(admission.replaced.iter().copied());
        removed.extend(labelled(gone, RemovalReason::Replaced));

        let accepted = Accepted { txid: tx.txid(), fee: admission.fee, vsize: admission.vsize };
        self.graph.insert(admit::facts(tx, &admission, time));
        let evicted = self.trim();
        let stays = self.graph.get(&accepted.txid).is_some();
        removed.extend(evicted.into_iter().filter(|gone| gone.tx.txid() != accepted.txid));
        Outcome { result: if stays { Ok(accepted) } else { Err(Rejection::Full) }, removed }
    }

    /// Takes out what a block on top of the old tip confirmed, and what it made impossible.
    pub fn block_connected(&mut self, block: &Block, now: BlockTime) -> Vec<Removed> {
        let mut removed = Vec::new();
        for tx in &block.transactions {
            removed.extend(labelled(self.graph.remove_confirmed(&tx.txid()), RemovalReason::Block));
            let spenders: BTreeSet<Txid> =
                tx.inputs().iter().filter_map(|input| self.graph.spender(&input.previous)).collect();
            removed.extend(labelled(self.graph.remove_with_descendants(spenders), RemovalReason::Conflict));
        }
        self.floor.block(now);
        removed
    }

    /// Follows the chain from one branch to another. `disconnected` are the blocks that left, the old tip first;
    /// `connected` those that came, lowest first; `chain` shows the new tip.
    ///
    /// Transactions of the blocks that left come in again if they are standard; they need not pay the floor. Then
    /// each transaction of the pool is looked at anew, without running its scripts, and keeps its time. Takes time
    /// in proportion to the pool.
    pub fn reorganized<B: Borrow<Block>, C: ChainView + ?Sized>(
        &mut self,
        disconnected: &[B],
        connected: &[B],
        now: BlockTime,
        chain: &C,
    ) -> Reorganized {
        let old = self.graph.take_all();
        let back = disconnected.iter().rev().flat_map(|block| &block.borrow().transactions);
        let mut entered: Vec<Txid> = back
            .filter(|tx| self.enter(Arc::new((*tx).clone()), now, chain, Origin::Disconnected))
            .map(Transaction::txid)
            .collect();

        let (confirmed, spent) =
            admit::ids_and_spends(connected.iter().flat_map(|block| &block.borrow().transactions));
        let mut removed = Vec::new();
        for entry in old {
            if self.enter(Arc::clone(&entry.tx), entry.time, chain, Origin::Retained) {
                continue;
            }
            let reason = match () {
                () if confirmed.contains(&entry.txid()) => RemovalReason::Block,
                () if entry.tx.inputs().iter().any(|input| spent.contains(&input.previous)) => {
                    RemovalReason::Conflict
                }
                () => RemovalReason::Reorg,
            };
            removed.push(Removed { tx: entry.tx, reason });
        }
        if !connected.is_empty() {
            self.floor.block(now);
        }
        removed.extend(self.trim());
        let returned: BTreeSet<Txid> = entered.iter().copied().collect();
        removed.retain(|gone| !returned.contains(&gone.tx.txid()));
        entered.retain(|txid| self.graph.get(txid).is_some());
        Reorganized { entered, removed }
    }

    fn enter<C: ChainView + ?Sized>(
        &mut self,
        tx: Arc<Transaction>,
        time: BlockTime,
        chain: &C,
        origin: Origin,
    ) -> bool {
        match self.admitter(SatPerKvb::ZERO, chain).admit(&tx, origin) {
            Ok(admission) => {
                self.graph.insert(admit::facts(tx, &admission, time));
                true
            }
            Err(_) => false,
        }
    }

    /// Takes out what came in longer than [`Policy::expiry_seconds`] before `now`, and all that rests on it.
    pub fn expire(&mut self, now: BlockTime) -> Vec<Removed> {
        let old: Vec<Txid> = self.graph.older_than(self.oldest_time(now)).collect();
        labelled(self.graph.remove_with_descendants(old), RemovalReason::Expiry).collect()
    }

    /// The earliest time of an entry that has not expired at `now`.
    pub(crate) fn oldest_time(&self, now: BlockTime) -> BlockTime {
        now.saturating_sub(self.policy.expiry_seconds)
    }

    /// Evicts by the rate that an entry and its descendants pay until the pool is within its limit, and raises the
    /// floor above what was evicted (Core's `TrimToSize`).
    fn trim(&mut self) -> Vec<Removed> {
        let mut removed = Vec::new();
        while self.graph.usage() > self.policy.max_usage {
            let Some(worst) = self.graph.worst() else { break };
            let (txid, paid) = (worst.txid(), worst.descendants().rate().to_sat_per_kvb());
            let step = self.policy.incremental_rate.to_sat();
            self.floor.raise(SatPerKvb::new(paid.to_sat().saturating_add(step)));
            removed.extend(labelled(self.graph.remove_with_descendants([txid]), RemovalReason::SizeLimit));
        }
        removed
    }

    fn admitter<'a, C: ChainView + ?Sized>(&'a self, floor: SatPerKvb, chain: &'a C) -> Admitter<'a, C> {
        let caches = self.caches.as_deref();
        Admitter { spec: &self.spec, policy: &self.policy, graph: &self.graph, floor, chain, caches }
    }

    /// The rate below which nothing comes in at `now`: the minimum relay rate, or the floor that evictions raised if
    /// that is higher.
    pub fn min_fee_rate(&self, now: BlockTime) -> SatPerKvb {
        let mut floor = self.floor;
        let rising = floor.rate(now, self.graph.usage(), &self.policy);
        rising.max(self.policy.min_relay_rate)
    }

    /// The entries in the order a block template wants them: by the rate they pay together with their ancestors, each
    /// behind those it spends from.
    pub fn candidates(&self) -> Candidates<'_> {
        Candidates::new(&self.graph)
    }

    /// The entries by the rate that each, or it and all its descendants together, pays: the highest first, of equals the
    /// earliest. The order of eviction from behind; unlike [`candidates`](Self::candidates) it does not heed what an entry
    /// spends from, and costs nothing to make.
    pub fn by_fee_rate(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.graph.best_first()
    }

    /// All entries, each behind those it spends from.
    pub(crate) fn sorted_entries(&self) -> impl Iterator<Item = &Entry> {
        let ids = self.graph.sorted(self.graph.entries().keys().copied());
        ids.into_iter().filter_map(|txid| self.graph.get(&txid))
    }

    /// The rules of the chain.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The entry of this id.
    pub fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.graph.get(txid)
    }

    /// The entry of this id with witnesses.
    pub fn get_by_wtxid(&self, wtxid: &Wtxid) -> Option<&Entry> {
        self.graph.get_by_wtxid(wtxid)
    }

    /// The entry that spends this coin.
    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.graph.spender(outpoint)
    }

    /// All entries, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.graph.entries().values()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.graph.entries().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.graph.entries().is_empty()
    }

    /// Virtual bytes of all entries.
    pub fn vsize(&self) -> u64 {
        self.graph.vsize()
    }

    /// Fees of all entries.
    pub fn total_fee(&self) -> Amount {
        self.graph.fee()
    }

    /// Bytes the pool is taken to use, at most [`Policy::max_usage`].
    pub fn usage(&self) -> u64 {
        self.graph.usage()
    }
}

fn labelled(entries: Vec<Entry>, reason: RemovalReason) -> impl Iterator<Item = Removed> {
    entries.into_iter().map(move |entry| Removed { tx: entry.tx, reason })
}
