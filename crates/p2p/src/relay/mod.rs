//! Transactions: asked of one peer at a time, announced in trickles, served from the pool.
//!
//! What peers announce is kept in [`Requests`], within a limit for each of them, and asked for while fewer than
//! [`MAX_CHECKS`](checks::MAX_CHECKS) transactions are being checked. What comes is checked; what lacks parents waits in
//! the [`Orphanage`] while they are asked for; what was refused is not asked for again before the tip changes. What the
//! pool takes is announced by [`Trickle`] and given by [`Serving`] to those who have been told.

mod checks;
mod fee;
mod memory;
mod orphans;
mod recent;
mod requests;
mod serve;
#[cfg(test)]
mod tests;
pub(crate) mod timing;
mod trickle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::{Amount, Block, Transaction, Txid, Wtxid};

use self::checks::Checks;
use self::fee::FeeFilters;
use self::memory::Memory;
use self::orphans::{MAX_MISSING, ORPHAN_LIFETIME, Orphan, Orphanage};
pub(crate) use self::recent::Recent;
use self::requests::{MAX_ANNOUNCEMENTS, Requests, hash_of};
use self::serve::Serving;
use self::trickle::Trickle;
use crate::event::{Action, PeerId, TxOutcome};
use crate::handshake::Direction;
use crate::limits::MAX_INV;
use crate::message::{Inventory, Message, Services};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::{Context, PeerFacts};
use crate::ports::{PoolView, TxRef};

/// Time in which a peer is held accountable at most once for announcing more than is kept.
const OVERFLOW_INTERVAL: Duration = Duration::from_secs(10);
/// Checks of one orphan after which it is given up, if its parents are all here and it still lacks one: it spends an
/// output that its parent does not have.
const MAX_TRIES: u8 = 2;

/// What is remembered of a peer besides.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// Whether it serves transactions with their witnesses.
    witness: bool,
    last_useful: Option<Duration>,
    last_overflow: Option<Duration>,
}

/// The part of the manager that passes transactions on.
#[derive(Debug)]
pub(crate) struct Relay {
    active: bool,
    peers: BTreeMap<PeerId, Standing>,
    requests: Requests,
    checks: Checks,
    orphans: Orphanage,
    memory: Memory,
    trickle: Trickle,
    serving: Serving,
    fees: FeeFilters,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self {
            active: true,
            peers: BTreeMap::new(),
            requests: Requests::default(),
            checks: Checks::default(),
            orphans: Orphanage::default(),
            memory: Memory::new(),
            trickle: Trickle::default(),
            serving: Serving::default(),
            fees: FeeFilters::default(),
        }
    }

    /// Whether the chain is up to date. While it is not, transactions could not be judged: none are asked for, those
    /// that come are dropped, and no peer is told what the pool takes. At first it is held to be.
    pub(crate) fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, peer: &PeerFacts) {
        let witness = peer.info.version.services.contains(Services::WITNESS);
        self.peers.insert(peer.id, Standing { witness, last_useful: None, last_overflow: None });
        self.requests.add_peer(peer.id, peer.direction == Direction::Outbound, peer.info.wtxid_relay);
        self.trickle.add_peer(peer, cx.rng);
        self.serving.add_peer(cx.now, peer.id);
        self.fees.add_peer(cx.now, peer.id);
        self.tell_fees(cx);
    }

    pub(crate) fn on_closed(&mut self, cx: &mut Context<'_>, peer: PeerId) {
        if self.peers.remove(&peer).is_none() {
            return;
        }
        self.requests.remove_peer(peer);
        self.orphans.remove_peer(peer);
        self.trickle.remove_peer(peer);
        self.serving.remove_peer(peer);
        self.fees.remove_peer(peer);
        self.proceed(cx);
    }

    /// The transactions among an `inv`, in order. A peer that has agreed on wtxids is not to announce by txid, nor the
    /// other way round (BIP339); what it announces so is read over, as in Core.
    pub(crate) fn on_tx_inv(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {
        let Some(by_wtxid) = self.requests.by_wtxid(peer) else { return };
        let mut overflow = ids.len() > MAX_ANNOUNCEMENTS;
        for id in ids.iter().filter(|id| matches!(id, TxRef::Wtxid(_)) == by_wtxid).take(MAX_ANNOUNCEMENTS) {
            self.trickle.learned(peer, id);
            if !self.active || is_known(&self.memory, cx.local.pool, id) {
                continue;
            }
            let as_wtxid = Wtxid::from_bytes(hash_of(id));
            if self.orphans.contains(&as_wtxid) {
                for parent in self.orphans.announced(&as_wtxid, peer) {
                    self.want_parent(cx, peer, parent);
                }
            } else if self.requests.announce(cx.now, peer, id).is_err() {
                // While the checks hold up, it is not the peer's fault that little is asked of it.
                overflow |= self.checks.want_more() && self.overflow_counts(cx.now, peer);
                break;
            }
        }
        if overflow {
            cx.out.punish(peer, Misbehaviour::TooManyAnnouncements);
        }
        self.proceed(cx);
    }

    pub(crate) fn on_tx(&mut self, cx: &mut Context<'_>, peer: PeerId, tx: Arc<Transaction>) {
        if !self.peers.contains_key(&peer) {
            return;
        }
        let (by_txid, by_wtxid) = (TxRef::Txid(tx.txid()), TxRef::Wtxid(tx.wtxid()));
        let hashes = [hash_of(&by_txid), hash_of(&by_wtxid)];
        self.trickle.learned(peer, &by_txid);
        self.trickle.learned(peer, &by_wtxid);
        let known = is_known(&self.memory, cx.local.pool, &by_wtxid)
            || self.checks.contains(&tx.wtxid())
            || self.orphans.contains(&tx.wtxid());
        if self.active && !known && !self.checks.has_room() {
            for hash in hashes {
                self.requests.postpone(cx.now, peer, hash);
            }
            return;
        }
        let asked = hashes.map(|hash| self.requests.received(peer, hash));
        if self.active {
            if !asked.contains(&true) {
                cx.out.punish(peer, Misbehaviour::UnrequestedTx);
            }
            if !known {
                self.check(cx, peer, tx, 0);
            }
        }
        self.proceed(cx);
    }

    pub(crate) fn on_tx_checked(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        tx: Arc<Transaction>,
        outcome: TxOutcome,
    ) {
        let Some(tries) = self.checks.end(&tx.wtxid()) else { return };
        match outcome {
            TxOutcome::Accepted => {
                if let Some(standing) = self.peers.get_mut(&peer) {
                    standing.last_useful = Some(cx.now);
                }
                self.came_in(tx.txid(), tx.wtxid());
            }
            TxOutcome::Known => self.came_in(tx.txid(), tx.wtxid()),
            TxOutcome::MissingParents(parents) => self.keep_orphan(cx, peer, &tx, &parents, tries),
            TxOutcome::Unwanted { witness_stripped } => self.refuse(&tx, !witness_stripped),
            TxOutcome::Invalid { code } => {
                // Had only its witness been left out, it would be unwanted.
                self.refuse(&tx, !tx.has_witness());
                cx.out.punish(peer, Misbehaviour::InvalidTx { code });
            }
        }
        self.requests.release(*tx.txid().as_bytes());
        self.requests.release(*tx.wtxid().as_bytes());
        self.proceed(cx);
    }

    pub(crate) fn on_tx_not_found(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {
        for id in ids {
            self.requests.not_found(peer, hash_of(id));
        }
        self.proceed(cx);
    }

    /// The peer wants transactions (`getdata`).
    pub(crate) fn on_get_tx_data(&mut self, cx: &mut Context<'_>, peer: PeerId, ids: &[TxRef]) {
        self.serving.wants(cx, &mut self.trickle, peer, ids);
    }

    /// The peer wants to know all that is in the pool (BIP35). It is told once.
    pub(crate) fn on_mempool(&mut self, cx: &mut Context<'_>, peer: PeerId) {
        if !self.peers.contains_key(&peer) {
            return;
        }
        if !self.serving.first_time_all(peer) {
            cx.out.punish(peer, Misbehaviour::RepeatedRequest);
            return;
        }
        let told = self.trickle.whole_pool(peer, cx.local.pool);
        if !told.is_empty() {
            cx.out.send(peer, Message::Inv(told));
        }
    }

    pub(crate) fn on_fee_filter(&mut self, peer: PeerId, rate: Amount) {
        self.trickle.set_filter(peer, rate);
    }

    pub(crate) fn on_pool_added(&mut self, cx: &mut Context<'_>, txid: Txid, wtxid: Wtxid, rate: Amount) {
        self.trickle.pool_added(cx.now, cx.rng, (txid, wtxid, rate));
        self.came_in(txid, wtxid);
        self.proceed(cx);
    }

    /// Blocks came onto the best chain: what they hold need not be asked for any more.
    pub(crate) fn on_blocks(&mut self, cx: &mut Context<'_>, blocks: &[Arc<Block>]) {
        self.memory.tip_changed();
        let mut txids = BTreeSet::new();
        for block in blocks {
            self.memory.connected(block);
            for tx in &block.transactions {
                txids.insert(tx.txid());
                self.orphans.remove(&tx.wtxid());
                self.requests.forget(tx.txid().as_bytes());
                self.requests.forget(tx.wtxid().as_bytes());
            }
        }
        self.orphans.parents_came(&txids);
        self.proceed(cx);
    }

    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>) {
        self.orphans.expire(cx.now);
        self.proceed(cx);
        let Context { now, local, rng, out } = cx;
        self.trickle.due(*now, rng, local.pool, |peer, items| out.send(peer, Message::Inv(items)));
        self.serving.due(cx, &mut self.trickle);
        self.tell_fees(cx);
    }

    /// When the next [`on_tick`](Self::on_tick) is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let requests = self.requests.deadline().filter(|_| self.active && self.checks.want_more());
        let fees = self.fees.deadline().filter(|_| self.active);
        [requests, fees, self.orphans.deadline(), self.trickle.deadline(), self.serving.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the peer last sent a transaction that came into the pool; for whom to keep.
    pub(crate) fn last_useful_tx(&self, peer: PeerId) -> Option<Duration> {
        self.peers.get(&peer).and_then(|standing| standing.last_useful)
    }

    /// Goes on with what waits: orphans whose parents are here, then transactions to ask for.
    fn proceed(&mut self, cx: &mut Context<'_>) {
        while self.checks.want_more()
            && let Some(orphan) = self.orphans.take_ready()
        {
            if let Some(from) = orphan.holders.first() {
                self.check(cx, *from, orphan.tx, orphan.tries);
            }
        }
        if !self.active || !self.checks.want_more() {
            return;
        }
        let (memory, pool, orphans) = (&self.memory, cx.local.pool, &self.orphans);
        let mut known = |id: &TxRef| {
            let confirmed = matches!(id, TxRef::Txid(txid) if pool.is_confirmed(txid));
            confirmed || is_known(memory, pool, id) || orphans.contains(&Wtxid::from_bytes(hash_of(id)))
        };
        let mut wanted: BTreeMap<PeerId, Vec<Inventory>> = BTreeMap::new();
        for (peer, id) in self.requests.select(cx.now, cx.rng, &mut known) {
            let witness = self.peers.get(&peer).is_some_and(|standing| standing.witness);
            wanted.entry(peer).or_default().push(match id {
                TxRef::Txid(txid) if !witness => Inventory::Tx(txid),
                id => serve::inventory(&id),
            });
        }
        for (peer, items) in wanted {
            for chunk in items.chunks(MAX_INV) {
                cx.out.send(peer, Message::GetData(chunk.to_vec()));
            }
        }
    }

    fn check(&mut self, cx: &mut Context<'_>, peer: PeerId, tx: Arc<Transaction>, tries: u8) {
        self.checks.begin(&tx, tries);
        self.requests.hold(*tx.txid().as_bytes());
        self.requests.hold(*tx.wtxid().as_bytes());
        cx.out.act(Action::CheckTx { peer, tx });
    }

    /// A transaction is in the pool.
    fn came_in(&mut self, txid: Txid, wtxid: Wtxid) {
        self.requests.forget(txid.as_bytes());
        self.requests.forget(wtxid.as_bytes());
        self.orphans.remove(&wtxid);
        self.orphans.parents_came(&BTreeSet::from([txid]));
    }

    /// A transaction is not wanted until the tip changes, nor then what spends from it. `any_witness`: whatever its
    /// witness.
    fn refuse(&mut self, tx: &Transaction, any_witness: bool) {
        self.memory.refuse(tx, any_witness);
        if any_witness || tx.has_witness() {
            self.requests.forget(tx.wtxid().as_bytes());
        }
        if !any_witness {
            return;
        }
        let mut refused = vec![tx.txid()];
        while let Some(parent) = refused.pop() {
            self.requests.forget(parent.as_bytes());
            for (txid, wtxid) in self.orphans.parent_refused(&parent) {
                self.memory.refuse_ids([*txid.as_bytes(), *wtxid.as_bytes()]);
                self.requests.forget(wtxid.as_bytes());
                refused.push(txid);
            }
        }
    }

    /// The transaction waits for its parents, and they are asked for, unless they will not come.
    fn keep_orphan(
        &mut self,
        cx: &mut Context<'_>,
        peer: PeerId,
        tx: &Arc<Transaction>,
        parents: &[Txid],
        tries: u8,
    ) {
        let parents: BTreeSet<Txid> = parents.iter().copied().collect();
        if parents.iter().any(|parent| self.memory.is_refused(&TxRef::Txid(*parent))) {
            return self.refuse(tx, true);
        }
        let pool = cx.local.pool;
        let missing: BTreeSet<Txid> =
            parents.into_iter().filter(|parent| pool.get(&TxRef::Txid(*parent)).is_none()).collect();
        let tries = tries.saturating_add(1);
        let hopeless = missing.is_empty() && tries >= MAX_TRIES;
        if hopeless || missing.len() > MAX_MISSING {
            return self.refuse(tx, true);
        }
        // Its peer cannot be asked for the parents any more. Others that have announced it are asked for it again.
        if !self.peers.contains_key(&peer) {
            return;
        }
        self.requests.forget(tx.txid().as_bytes());
        self.requests.forget(tx.wtxid().as_bytes());
        for parent in &missing {
            self.want_parent(cx, peer, *parent);
        }
        let end = cx.now + ORPHAN_LIFETIME;
        let orphan = Orphan { tx: Arc::clone(tx), holders: vec![peer], missing, tries, end };
        self.orphans.add(orphan, cx.rng);
    }

    /// A parent of an orphan is asked of a peer that has the orphan. What does not fit is left: the parent may be
    /// announced by others.
    fn want_parent(&mut self, cx: &Context<'_>, peer: PeerId, parent: Txid) {
        let id = TxRef::Txid(parent);
        if !is_known(&self.memory, cx.local.pool, &id) {
            let _ = self.requests.announce(cx.now, peer, &id);
        }
    }

    fn overflow_counts(&mut self, now: Duration, peer: PeerId) -> bool {
        let Some(standing) = self.peers.get_mut(&peer) else { return false };
        let counts = standing.last_overflow.is_none_or(|last| now >= last + OVERFLOW_INTERVAL);
        if counts {
            standing.last_overflow = Some(now);
        }
        counts
    }

    fn tell_fees(&mut self, cx: &mut Context<'_>) {
        if self.active {
            let min_rate = cx.local.pool.min_rate();
            let Context { now, rng, out, .. } = cx;
            self.fees.due(*now, rng, min_rate, |peer, rate| out.send(peer, Message::FeeFilter(rate)));
        }
    }
}

/// Whether a transaction need not be asked for: the pool has it, or it was confirmed or refused lately.
fn is_known(memory: &Memory, pool: &dyn PoolView, id: &TxRef) -> bool {
    memory.contains(id) || pool.get(id).is_some()
}
