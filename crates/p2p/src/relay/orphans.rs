//! Transactions that spend from transactions that are not here yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::{Transaction, Txid, Wtxid};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use crate::event::PeerId;

/// Most orphans (Core's old `DEFAULT_MAX_ORPHAN_TRANSACTIONS`).
pub(crate) const MAX_ORPHANS: usize = 100;
/// Most virtual bytes of all orphans.
pub(crate) const MAX_ORPHAN_VSIZE: u64 = 400_000;
/// The largest orphan in virtual bytes (Core's `MAX_STANDARD_TX_WEIGHT`).
pub(crate) const MAX_ORPHAN_TX_VSIZE: u64 = 100_000;
/// How long an orphan is kept (Core's `ORPHAN_TX_EXPIRE_TIME`).
pub(crate) const ORPHAN_LIFETIME: Duration = Duration::from_secs(20 * 60);
/// Most parents an orphan may lack. The pool takes no transaction with more than 24 unconfirmed ancestors.
pub(crate) const MAX_MISSING: usize = 24;
/// Most peers that an orphan is remembered of.
const MAX_HOLDERS: usize = 8;

/// A transaction whose parents are waited for.
#[derive(Clone, Debug)]
pub(super) struct Orphan {
    pub(super) tx: Arc<Transaction>,
    /// Who has it. The first has sent it, and it counts against that one's share.
    pub(super) holders: Vec<PeerId>,
    /// Txids of the parents that are not here.
    pub(super) missing: BTreeSet<Txid>,
    /// How often it has been checked.
    pub(super) tries: u8,
    pub(super) end: Duration,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Orphanage {
    orphans: BTreeMap<Wtxid, Orphan>,
    vsize: u64,
}

impl Orphanage {
    /// Takes one in; one that is here or is larger than [`MAX_ORPHAN_TX_VSIZE`] changes nothing. Beyond the limits one
    /// after the other goes: any one of the peer that takes up most, so that who floods loses its own.
    pub(super) fn add(&mut self, orphan: Orphan, rng: &mut ChaCha12Rng) {
        let (wtxid, vsize) = (orphan.tx.wtxid(), orphan.tx.vsize());
        if vsize > MAX_ORPHAN_TX_VSIZE || self.orphans.contains_key(&wtxid) {
            return;
        }
        self.vsize += vsize;
        self.orphans.insert(wtxid, orphan);
        while self.orphans.len() > MAX_ORPHANS || self.vsize > MAX_ORPHAN_VSIZE {
            let Some(victim) = self.victim(rng) else { return };
            self.remove(&victim);
        }
    }

    /// Whether it is here.
    pub(super) fn contains(&self, wtxid: &Wtxid) -> bool {
        self.orphans.contains_key(wtxid)
    }

    /// Another peer has it too. Its missing parents, which that peer may have as well.
    pub(super) fn announced(&mut self, wtxid: &Wtxid, peer: PeerId) -> Vec<Txid> {
        let Some(orphan) = self.orphans.get_mut(wtxid) else { return Vec::new() };
        if orphan.holders.len() >= MAX_HOLDERS || orphan.holders.contains(&peer) {
            return Vec::new();
        }
        orphan.holders.push(peer);
        orphan.missing.iter().copied().collect()
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, wtxid: &Wtxid) -> Option<Orphan> {
        let orphan = self.orphans.remove(wtxid)?;
        self.vsize -= orphan.tx.vsize();
        Some(orphan)
    }

    /// A peer is gone, and with it the orphans that nobody else has.
    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        self.remove_if(|orphan| {
            orphan.holders.retain(|holder| *holder != peer);
            orphan.holders.is_empty()
        });
    }

    /// These transactions are here now, in the pool or in the chain.
    pub(super) fn parents_came(&mut self, txids: &BTreeSet<Txid>) {
        for orphan in self.orphans.values_mut() {
            orphan.missing.retain(|parent| !txids.contains(parent));
        }
    }

    /// Takes out the orphans that wait for this parent, which will not come. Their ids.
    pub(super) fn parent_refused(&mut self, txid: &Txid) -> Vec<(Txid, Wtxid)> {
        self.remove_if(|orphan| orphan.missing.contains(txid))
    }

    /// Takes out one whose parents are all here.
    pub(super) fn take_ready(&mut self) -> Option<Orphan> {
        let ready = self.orphans.iter().find(|(_, orphan)| orphan.missing.is_empty());
        let wtxid = ready.map(|(wtxid, _)| *wtxid)?;
        self.remove(&wtxid)
    }

    /// Drops those whose time is over.
    pub(super) fn expire(&mut self, now: Duration) {
        self.remove_if(|orphan| orphan.end <= now);
    }

    /// When the first one's time is over.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.orphans.values().map(|orphan| orphan.end).min()
    }

    fn remove_if(&mut self, mut predicate: impl FnMut(&mut Orphan) -> bool) -> Vec<(Txid, Wtxid)> {
        let gone = self
            .orphans
            .values_mut()
            .filter_map(|orphan| predicate(orphan).then(|| (orphan.tx.txid(), orphan.tx.wtxid())));
        let gone: Vec<(Txid, Wtxid)> = gone.collect();
        for (_, wtxid) in &gone {
            self.remove(wtxid);
        }
        gone
    }

    /// Any orphan of the peer that takes up the largest share.
    fn victim(&self, rng: &mut ChaCha12Rng) -> Option<Wtxid> {
        // So that the whole number of orphans weighs as much as all their bytes.
        const EACH: u64 = MAX_ORPHAN_VSIZE / MAX_ORPHANS as u64;
        let mut shares: BTreeMap<PeerId, u64> = BTreeMap::new();
        for orphan in self.orphans.values() {
            let owner = *orphan.holders.first()?;
            *shares.entry(owner).or_default() += orphan.tx.vsize() + EACH;
        }
        let (greediest, _) = shares.into_iter().max_by_key(|(_, share)| *share)?;
        let its = self.orphans.iter().filter(|(_, orphan)| orphan.holders.first() == Some(&greediest));
        let its: Vec<Wtxid> = its.map(|(wtxid, _)| *wtxid).collect();
        Some(its[rng.random_range(0..its.len())])
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.orphans.len()
    }

    #[cfg(test)]
    pub(super) const fn vsize(&self) -> u64 {
        self.vsize
    }
}
