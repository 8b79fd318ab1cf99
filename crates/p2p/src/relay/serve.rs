//! Transactions that peers ask for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::trickle::Trickle;
use crate::event::PeerId;
use crate::limits::MAX_INV;
use crate::message::{Inventory, Message};
use crate::outbox::Context;
use crate::ports::TxRef;

/// Most requests of one peer that wait; those beyond are answered by `notfound` at once.
pub(crate) const MAX_WAITING: usize = 5_000;
/// Bytes of transactions that are sent to one peer at once.
pub(crate) const BURST: u64 = 1_000_000;
/// Bytes of transactions that are sent to one peer each second in the long run.
pub(crate) const BYTES_PER_SECOND: u64 = 500_000;
/// What looking for a transaction counts for, in bytes.
const LOOKUP: u64 = 100;

/// What a peer has asked for and not yet got.
#[derive(Clone, Debug)]
struct Queue {
    wanted: VecDeque<TxRef>,
    /// Bytes that may go out now; below zero when the last one was larger.
    allowance: i64,
    filled: Duration,
    /// Whether it has asked for the whole pool.
    told_all: bool,
}

impl Queue {
    fn fill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.filled).as_millis();
        let gained = elapsed.saturating_mul(u128::from(BYTES_PER_SECOND)) / 1_000;
        if gained > 0 {
            self.filled = now;
            let gained = i64::try_from(gained).unwrap_or(i64::MAX);
            self.allowance = self.allowance.saturating_add(gained).min(BURST.cast_signed());
        }
    }

    /// When there is an allowance again; a millisecond at the least, so that time goes on.
    fn next(&self) -> Option<Duration> {
        if self.wanted.is_empty() {
            return None;
        }
        let lacking = u64::try_from(1 - self.allowance).unwrap_or(0);
        Some(self.filled + Duration::from_millis((lacking * 1_000).div_ceil(BYTES_PER_SECOND).max(1)))
    }
}

/// What the peers have asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Serving {
    peers: BTreeMap<PeerId, Queue>,
}

impl Serving {
    /// A peer is there.
    pub(super) fn add_peer(&mut self, now: Duration, peer: PeerId) {
        let allowance = BURST.cast_signed();
        let queue = Queue { wanted: VecDeque::new(), allowance, filled: now, told_all: false };
        self.peers.insert(peer, queue);
    }

    /// A peer is gone.
    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// The peer asks for the whole pool; whether for the first time.
    pub(super) fn first_time_all(&mut self, peer: PeerId) -> bool {
        self.peers.get_mut(&peer).is_some_and(|queue| !std::mem::replace(&mut queue.told_all, true))
    }

    /// The peer wants these.
    pub(super) fn wants(&mut self, cx: &mut Context<'_>, trickle: &mut Trickle, peer: PeerId, ids: &[TxRef]) {
        let Some(queue) = self.peers.get_mut(&peer) else { return };
        let room = MAX_WAITING.saturating_sub(queue.wanted.len()).min(ids.len());
        let (taken, beyond) = ids.split_at(room);
        queue.wanted.extend(taken);
        let beyond = beyond.iter().map(inventory).collect();
        send_not_found(cx, peer, beyond);
        serve(cx, trickle, peer, queue);
    }

    /// Sends what there is an allowance for.
    pub(super) fn due(&mut self, cx: &mut Context<'_>, trickle: &mut Trickle) {
        for (peer, queue) in &mut self.peers {
            if queue.next().is_some_and(|next| next <= cx.now) {
                serve(cx, trickle, *peer, queue);
            }
        }
    }

    /// When something can be sent again.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.peers.values().filter_map(Queue::next).min()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(0, |queue| queue.wanted.len())
    }
}

fn serve(cx: &mut Context<'_>, trickle: &mut Trickle, peer: PeerId, queue: &mut Queue) {
    queue.fill(cx.now);
    let mut missing = Vec::new();
    while queue.allowance > 0
        && let Some(id) = queue.wanted.pop_front()
    {
        let found = cx.local.pool.get(&id).filter(|entry| trickle.may_have(cx.now, peer, entry));
        let size = match found {
            Some(entry) => {
                trickle.learned(peer, &TxRef::Wtxid(entry.tx.wtxid()));
                cx.out.send(peer, Message::Tx(Box::new(entry.tx.as_ref().clone())));
                entry.tx.total_size() as u64
            }
            None => {
                missing.push(inventory(&id));
                0
            }
        };
        queue.allowance -= (size + LOOKUP).cast_signed();
    }
    send_not_found(cx, peer, missing);
}

/// A transaction as it is asked for, with its witness.
pub(super) const fn inventory(id: &TxRef) -> Inventory {
    match id {
        TxRef::Txid(txid) => Inventory::WitnessTx(*txid),
        TxRef::Wtxid(wtxid) => Inventory::Wtx(*wtxid),
    }
}

fn send_not_found(cx: &mut Context<'_>, peer: PeerId, missing: Vec<Inventory>) {
    for chunk in missing.chunks(MAX_INV) {
        cx.out.send(peer, Message::NotFound(chunk.to_vec()));
    }
}
