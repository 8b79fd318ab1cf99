//! Announcements of transactions, in batches at random times, so that nobody can tell from the order in which the
//! peers of a node hear of a transaction where it came from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use cairn_primitives::hash::siphash24;
use cairn_primitives::{Amount, Txid, Wtxid};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::recent::Recent;
use super::requests::{Hash, hash_of};
use super::timing::exponential;
use crate::event::PeerId;
use crate::handshake::Direction;
use crate::limits::MAX_INV;
use crate::message::Inventory;
use crate::outbox::PeerFacts;
use crate::ports::{PoolTx, PoolView, TxRef};

/// Mean time between two batches for the peers that called us, all at once (Core's
/// `INBOUND_INVENTORY_BROADCAST_INTERVAL`).
pub(crate) const INBOUND_INTERVAL: Duration = Duration::from_secs(5);
/// Mean time between two batches for each peer we called (Core's `OUTBOUND_INVENTORY_BROADCAST_INTERVAL`).
pub(crate) const OUTBOUND_INTERVAL: Duration = Duration::from_secs(2);
/// Announcements of one batch, if few wait (Core's `INVENTORY_BROADCAST_TARGET`).
pub(crate) const BATCH: usize = 35;
/// This many more for every thousand that wait (as in Core).
pub(crate) const BATCH_PER_THOUSAND: usize = 5;
/// Most announcements that wait for one peer. A batch has at most 285 of them, therefore.
pub(crate) const MAX_QUEUE: usize = 50_000;
/// Most ids that each peer is remembered to know. Core remembers 50,000 in a filter.
pub(crate) const MAX_KNOWN: usize = 10_000;
/// How long a transaction is given only to peers that have been told of it.
pub(crate) const PRIVATE_TIME: Duration = Duration::from_secs(2 * 60);
/// Most transactions that are held to be new in this sense.
pub(crate) const MAX_PRIVATE: usize = 50_000;

/// A transaction that waits to be announced to someone.
#[derive(Clone, Copy, Debug)]
struct Logged {
    txid: Txid,
    wtxid: Wtxid,
    rate: Amount,
    /// For how many peers it waits.
    waiting: usize,
}

/// Ids a peer knows, as 64 bits of a keyed hash each: it cannot aim at them without the key.
#[derive(Clone, Debug)]
struct Known {
    key: (u64, u64),
    ids: Recent<u64>,
}

impl Known {
    fn short(&self, hash: &Hash) -> u64 {
        siphash24(self.key.0, self.key.1, hash)
    }

    fn insert(&mut self, hash: &Hash) {
        self.ids.insert(self.short(hash));
    }

    fn contains(&self, hash: &Hash) -> bool {
        self.ids.contains(&self.short(hash))
    }
}

#[derive(Clone, Debug)]
struct Listener {
    direction: Direction,
    by_wtxid: bool,
    /// Whether it wants announcements at all.
    relay: bool,
    /// What is to be announced, the highest fee rate first: rate and number in the log.
    queue: BTreeSet<(Reverse<Amount>, u64)>,
    known: Known,
    /// It wants to hear of nothing that pays less.
    filter: Amount,
    /// When the next batch is due; for peers we called only.
    next: Option<Duration>,
    /// What came into the pool up to this number came before the peer's last batch.
    heard: u64,
}

impl Listener {
    fn knows(&self, logged: &Logged) -> bool {
        self.known.contains(logged.wtxid.as_bytes()) || self.known.contains(logged.txid.as_bytes())
    }

    const fn inventory(&self, txid: Txid, wtxid: Wtxid) -> Inventory {
        if self.by_wtxid { Inventory::Wtx(wtxid) } else { Inventory::Tx(txid) }
    }
}

/// What waits to be announced to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Trickle {
    listeners: BTreeMap<PeerId, Listener>,
    log: BTreeMap<u64, Logged>,
    /// Where in the log a transaction stands.
    numbers: BTreeMap<Txid, u64>,
    /// How many transactions have come into the pool.
    count: u64,
    /// What came into the pool lately, and when.
    fresh: BTreeMap<Wtxid, (u64, Duration)>,
    fresh_order: VecDeque<(Duration, u64, Wtxid)>,
    /// When the next batch for the peers that called us is due.
    inbound_next: Option<Duration>,
}

impl Trickle {
    /// A peer is there.
    pub(super) fn add_peer(&mut self, peer: &PeerFacts, rng: &mut ChaCha12Rng) {
        let listener = Listener {
            direction: peer.direction,
            by_wtxid: peer.info.wtxid_relay,
            relay: peer.info.version.relay,
            queue: BTreeSet::new(),
            known: Known { key: (rng.random(), rng.random()), ids: Recent::new(MAX_KNOWN) },
            filter: Amount::ZERO,
            next: None,
            heard: 0,
        };
        self.remove_peer(peer.id);
        self.listeners.insert(peer.id, listener);
    }

    /// A peer is gone.
    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        let Some(listener) = self.listeners.remove(&peer) else { return };
        for (_, number) in listener.queue {
            self.let_go(number);
        }
    }

    /// The peer has this transaction.
    pub(super) fn learned(&mut self, peer: PeerId, id: &TxRef) {
        if let Some(listener) = self.listeners.get_mut(&peer) {
            listener.known.insert(&hash_of(id));
        }
    }

    /// The peer wants to hear of nothing that pays less.
    pub(super) fn set_filter(&mut self, peer: PeerId, rate: Amount) {
        if let Some(listener) = self.listeners.get_mut(&peer) {
            listener.filter = rate;
        }
    }

    /// A transaction came into the pool: every peer is to hear of it that does not know it.
    pub(super) fn pool_added(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        (txid, wtxid, rate): (Txid, Wtxid, Amount),
    ) {
        self.count += 1;
        let number = self.count;
        self.note_fresh(now, number, wtxid);
        let mut logged = Logged { txid, wtxid, rate, waiting: 0 };
        let mut crowded = Vec::new();
        for listener in self.listeners.values_mut() {
            let next = match listener.direction {
                Direction::Inbound => &mut self.inbound_next,
                Direction::Outbound => &mut listener.next,
            };
            // A Poisson process has no memory: its next event may as well be drawn when it begins to matter.
            if next.is_none() {
                let mean = match listener.direction {
                    Direction::Inbound => INBOUND_INTERVAL,
                    Direction::Outbound => OUTBOUND_INTERVAL,
                };
                *next = Some(now + exponential(rng, mean));
            }
            if !listener.relay || rate < listener.filter || listener.knows(&logged) {
                continue;
            }
            listener.queue.insert((Reverse(rate), number));
            logged.waiting += 1;
            if listener.queue.len() > MAX_QUEUE
                && let Some((_, least)) = listener.queue.pop_last()
            {
                crowded.push(least);
            }
        }
        if logged.waiting > 0 {
            self.log.insert(number, logged);
            self.numbers.insert(txid, number);
        }
        for number in crowded {
            self.let_go(number);
        }
    }

    /// Sends the batches that are due.
    pub(super) fn due(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        pool: &dyn PoolView,
        mut send: impl FnMut(PeerId, Vec<Inventory>),
    ) {
        let inbound_due = self.inbound_next.is_some_and(|next| next <= now);
        let due = self.listeners.iter().filter(|(_, listener)| match listener.direction {
            Direction::Inbound => inbound_due,
            Direction::Outbound => listener.next.is_some_and(|next| next <= now),
        });
        let due: Vec<PeerId> = due.map(|(peer, _)| *peer).collect();
        for peer in due {
            let batch = self.batch(peer, pool);
            if !batch.is_empty() {
                send(peer, batch);
            }
            if let Some(listener) = self.listeners.get_mut(&peer)
                && listener.direction == Direction::Outbound
            {
                let again = !listener.queue.is_empty();
                listener.next = again.then(|| now + exponential(rng, OUTBOUND_INTERVAL));
            }
        }
        if inbound_due {
            let again = self
                .listeners
                .values()
                .any(|listener| listener.direction == Direction::Inbound && !listener.queue.is_empty());
            self.inbound_next = again.then(|| now + exponential(rng, INBOUND_INTERVAL));
        }
    }

    /// When the next batch is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.listeners.values().filter_map(|listener| listener.next).chain(self.inbound_next).min()
    }

    /// What the peer is told of when it asks for the whole pool: what pays enough for it, each after those it spends
    /// from, at most [`MAX_INV`]. It may have all of it from now on.
    pub(super) fn whole_pool(&mut self, peer: PeerId, pool: &dyn PoolView) -> Vec<Inventory> {
        let Some(listener) = self.listeners.get_mut(&peer) else { return Vec::new() };
        listener.heard = self.count;
        let queue = std::mem::take(&mut listener.queue);
        let wanted = pool.all(MAX_INV).into_iter().filter(|entry| entry.rate >= listener.filter);
        let mut told = Vec::new();
        for entry in wanted {
            let item = listener.inventory(entry.tx.txid(), entry.tx.wtxid());
            listener.known.insert(&item.hash());
            told.push(item);
        }
        for (_, number) in queue {
            self.let_go(number);
        }
        told.truncate(MAX_INV);
        told
    }

    /// Whether the peer may have the transaction: it knows that it is here, or could have known, or the transaction is
    /// so old that everyone does. Otherwise asking would show from whom it came (Core's `FindTxForGetData`).
    pub(super) fn may_have(&mut self, now: Duration, peer: PeerId, entry: &PoolTx) -> bool {
        self.forget_stale(now);
        let Some(listener) = self.listeners.get(&peer) else { return false };
        let (txid, wtxid) = (entry.tx.txid(), entry.tx.wtxid());
        self.fresh.get(&wtxid).is_none_or(|(number, _)| *number <= listener.heard)
            || listener.known.contains(wtxid.as_bytes())
            || listener.known.contains(txid.as_bytes())
    }

    /// The next announcements for one peer: the highest fee rate first, but none before those it spends from.
    fn batch(&mut self, peer: PeerId, pool: &dyn PoolView) -> Vec<Inventory> {
        let count = self.count;
        let Some(listener) = self.listeners.get_mut(&peer) else { return Vec::new() };
        listener.heard = count;
        let limit = BATCH + listener.queue.len() / 1_000 * BATCH_PER_THOUSAND;
        let mut batch = Vec::new();
        let mut done = Vec::new();
        while batch.len() < limit
            && let Some((_, number)) = listener.queue.pop_first()
        {
            let family = Family { log: &self.log, numbers: &self.numbers, pool };
            for number in family.of(listener, number) {
                let Some(logged) = self.log.get(&number) else { continue };
                if batch.len() >= limit {
                    listener.queue.insert((Reverse(logged.rate), number));
                    continue;
                }
                done.push(number);
                let unwanted = logged.rate < listener.filter || listener.knows(logged);
                if !unwanted && pool.get(&TxRef::Wtxid(logged.wtxid)).is_some() {
                    let item = listener.inventory(logged.txid, logged.wtxid);
                    listener.known.insert(&item.hash());
                    batch.push(item);
                }
            }
        }
        for number in done {
            self.let_go(number);
        }
        batch
    }

    /// One peer less waits for this.
    fn let_go(&mut self, number: u64) {
        let Some(logged) = self.log.get_mut(&number) else { return };
        logged.waiting -= 1;
        if logged.waiting > 0 {
            return;
        }
        let txid = logged.txid;
        self.log.remove(&number);
        if self.numbers.get(&txid) == Some(&number) {
            self.numbers.remove(&txid);
        }
    }

    fn note_fresh(&mut self, now: Duration, number: u64, wtxid: Wtxid) {
        self.fresh.insert(wtxid, (number, now));
        self.fresh_order.push_back((now, number, wtxid));
        self.forget_stale(now);
    }

    fn forget_stale(&mut self, now: Duration) {
        while let Some(&(time, number, wtxid)) = self.fresh_order.front() {
            if self.fresh_order.len() <= MAX_PRIVATE && now.saturating_sub(time) < PRIVATE_TIME {
                return;
            }
            self.fresh_order.pop_front();
            // A transaction that left the pool and came back is as fresh as when it came back.
            if self.fresh.get(&wtxid).is_some_and(|(other, _)| *other == number) {
                self.fresh.remove(&wtxid);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn queued(&self, peer: PeerId) -> usize {
        self.listeners.get(&peer).map_or(0, |listener| listener.queue.len())
    }

    #[cfg(test)]
    pub(super) fn logged(&self) -> usize {
        self.log.len()
    }
}

/// Finds what is to be announced before a transaction.
struct Family<'a> {
    log: &'a BTreeMap<u64, Logged>,
    numbers: &'a BTreeMap<Txid, u64>,
    pool: &'a dyn PoolView,
}

impl Family<'_> {
    /// The transaction, and before it those in the peer's queue that it spends from, which leave the queue.
    fn of(&self, listener: &mut Listener, number: u64) -> Vec<u64> {
        enum Step {
            Open(u64),
            Close(u64),
        }
        let mut order = Vec::new();
        // Only what has left the queue is opened, so nothing is opened twice.
        let mut steps = vec![Step::Open(number)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Close(number) => order.push(number),
                Step::Open(open) => {
                    let place = self.log.get(&open).map(|logged| (Reverse(logged.rate), open));
                    if open != number && !place.is_some_and(|place| listener.queue.remove(&place)) {
                        continue;
                    }
                    steps.push(Step::Close(open));
                    steps.extend(self.parents(listener, open).into_iter().map(Step::Open));
                }
            }
        }
        order
    }

    fn parents(&self, listener: &Listener, number: u64) -> BTreeSet<u64> {
        let entry = self.log.get(&number).and_then(|logged| self.pool.get(&TxRef::Wtxid(logged.wtxid)));
        let Some(entry) = entry else { return BTreeSet::new() };
        let spent = entry.tx.inputs().iter().filter_map(|input| self.numbers.get(&input.previous.txid));
        let waiting = spent.filter(|number| {
            self.log
                .get(number)
                .is_some_and(|logged| listener.queue.contains(&(Reverse(logged.rate), **number)))
        });
        waiting.copied().collect()
    }
}
