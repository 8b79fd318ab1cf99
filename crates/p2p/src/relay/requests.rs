//! Who has announced which transaction, and whom to ask for it: one peer at a time.
//!
//! The order follows Core's `txrequest`: peers we called are asked at once, peers that called us two seconds later, so
//! that nobody who connects to us can keep a transaction back by announcing it first. A peer that does not answer
//! within a minute is passed over for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cairn_primitives::{Txid, Wtxid};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::recent::Recent;
use crate::event::PeerId;
use crate::ports::TxRef;

/// Most announcements that are kept of one peer (Core's `MAX_PEER_TX_ANNOUNCEMENTS`).
pub(crate) const MAX_ANNOUNCEMENTS: usize = 5_000;
/// Most transactions asked of one peer at a time. Core asks for more with a delay (`MAX_PEER_TX_REQUEST_IN_FLIGHT`);
/// here it is a limit.
pub(crate) const MAX_IN_FLIGHT: usize = 100;
/// How much later a peer that called us is asked (Core's `NONPREF_PEER_TX_DELAY`).
pub(crate) const INBOUND_DELAY: Duration = Duration::from_secs(2);
/// How much later a peer is asked that announces by txid, while others announce by wtxid (Core's
/// `TXID_RELAY_DELAY`).
pub(crate) const TXID_DELAY: Duration = Duration::from_secs(2);
/// How long an answer may take (Core's `GETDATA_TX_INTERVAL`).
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// When a transaction is asked for again that there was no room for.
pub(crate) const POSTPONE: Duration = Duration::from_secs(2);
/// Requests whose answer may still come after it is not waited for any more, for each peer.
const MAX_LATE: usize = 2 * MAX_IN_FLIGHT;
/// Most steps of one [`Requests::select`].
const MAX_STEPS: usize = 2_000;

/// The bytes of either id. A transaction without witness has the same for both, and is then one transaction here.
pub(super) type Hash = [u8; 32];

/// The bytes of the id.
pub(super) const fn hash_of(id: &TxRef) -> Hash {
    match id {
        TxRef::Txid(id) => *id.as_bytes(),
        TxRef::Wtxid(id) => *id.as_bytes(),
    }
}

/// The peer has announced as much as is kept of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// May be asked from this time on.
    Waiting(Duration),
    /// May be asked when it has less to answer.
    Blocked,
    /// Has been asked; the time is over then.
    InFlight(Duration),
    /// Has answered, or has not in time.
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Announcement {
    peer: PeerId,
    by_wtxid: bool,
    sequence: u64,
    preferred: bool,
    state: State,
}

impl Announcement {
    const fn id(&self, hash: Hash) -> TxRef {
        if self.by_wtxid {
            TxRef::Wtxid(Wtxid::from_bytes(hash))
        } else {
            TxRef::Txid(Txid::from_bytes(hash))
        }
    }
}

/// A transaction that someone has announced.
#[derive(Clone, Debug)]
struct Wanted {
    /// Number of its first announcement.
    sequence: u64,
    /// One for each peer that announced it, the first first.
    announcements: Vec<Announcement>,
    /// Its place in [`Requests::due`].
    due: Option<Duration>,
}

impl Wanted {
    fn all_done(&self) -> bool {
        self.announcements.iter().all(|announcement| announcement.state == State::Done)
    }

    /// When something is to be done about it.
    fn next(&self, held: bool) -> Option<Duration> {
        let in_flight = self.announcements.iter().find_map(|announcement| match announcement.state {
            State::InFlight(end) => Some(end),
            _ => None,
        });
        let waiting = self.announcements.iter().filter_map(|announcement| match announcement.state {
            State::Waiting(from) => Some(from),
            _ => None,
        });
        in_flight.or_else(|| if held { None } else { waiting.min() })
    }
}

#[derive(Clone, Debug)]
struct Announcer {
    preferred: bool,
    by_wtxid: bool,
    /// What it has announced.
    hashes: BTreeSet<Hash>,
    in_flight: usize,
    /// What it would be asked for if it had less to answer, by number of announcement.
    blocked: BTreeMap<u64, Hash>,
    late: Recent<Hash>,
}

impl Announcer {
    const fn room(&self) -> usize {
        MAX_IN_FLIGHT.saturating_sub(self.in_flight)
    }
}

/// Who has announced which transaction, and whom to ask for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    peers: BTreeMap<PeerId, Announcer>,
    wanted: BTreeMap<Hash, Wanted>,
    /// When something is to be done about which transaction; the number is that of its first announcement.
    due: BTreeMap<(Duration, u64), Hash>,
    /// Transactions that are not to be asked for at the moment, and how many reasons there are.
    held: BTreeMap<Hash, usize>,
    /// Peers that may have room for what is blocked.
    relieved: BTreeSet<PeerId>,
    wtxid_peers: usize,
    announced: u64,
}

impl Requests {
    /// A peer is there. `preferred`: asked without delay.
    pub(super) fn add_peer(&mut self, peer: PeerId, preferred: bool, by_wtxid: bool) {
        let announcer = Announcer {
            preferred,
            by_wtxid,
            hashes: BTreeSet::new(),
            in_flight: 0,
            blocked: BTreeMap::new(),
            late: Recent::new(MAX_LATE),
        };
        if self.peers.insert(peer, announcer).is_none() {
            self.wtxid_peers += usize::from(by_wtxid);
        }
    }

    /// A peer is gone: what it was asked for is to be asked of others at once.
    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        let Some(announcer) = self.peers.remove(&peer) else { return };
        self.wtxid_peers -= usize::from(announcer.by_wtxid);
        self.relieved.remove(&peer);
        for hash in announcer.hashes {
            if let Some(wanted) = self.wanted.get_mut(&hash) {
                wanted.announcements.retain(|announcement| announcement.peer != peer);
            }
            self.settle(hash);
        }
    }

    /// Whether the peer announces by wtxid; `None` if it is not known.
    pub(super) fn by_wtxid(&self, peer: PeerId) -> Option<bool> {
        self.peers.get(&peer).map(|announcer| announcer.by_wtxid)
    }

    /// The peer has this transaction. What it has announced before changes nothing.
    ///
    /// # Errors
    /// [`Full`] beyond [`MAX_ANNOUNCEMENTS`].
    pub(super) fn announce(&mut self, now: Duration, peer: PeerId, id: &TxRef) -> Result<(), Full> {
        let hash = hash_of(id);
        let Some(announcer) = self.peers.get_mut(&peer) else { return Ok(()) };
        if announcer.hashes.contains(&hash) {
            return Ok(());
        }
        if announcer.hashes.len() >= MAX_ANNOUNCEMENTS {
            return Err(Full);
        }
        announcer.hashes.insert(hash);
        let by_wtxid = matches!(id, TxRef::Wtxid(_));
        // A peer that speaks of wtxids names a txid only where it is asked for a parent: nobody else will.
        let late = !by_wtxid && !announcer.by_wtxid && self.wtxid_peers > 0;
        let inbound = if announcer.preferred { Duration::ZERO } else { INBOUND_DELAY };
        let from = now + inbound + if late { TXID_DELAY } else { Duration::ZERO };
        let sequence = self.announced;
        self.announced += 1;
        let preferred = announcer.preferred;
        let state = State::Waiting(from);
        // Most floods announce what nobody else does: room for one is all they get.
        let first = || Wanted { sequence, announcements: Vec::with_capacity(1), due: None };
        let wanted = self.wanted.entry(hash).or_insert_with(first);
        wanted.announcements.push(Announcement { peer, by_wtxid, sequence, preferred, state });
        self.settle(hash);
        Ok(())
    }

    /// The peer has sent this transaction. Whether it had been asked, be it too late by now.
    pub(super) fn received(&mut self, peer: PeerId, hash: Hash) -> bool {
        let in_flight = self.is_in_flight(peer, &hash);
        self.finish(peer, hash);
        let late = self.peers.get_mut(&peer).is_some_and(|announcer| announcer.late.remove(&hash));
        in_flight || late
    }

    /// The peer does not have the transaction: the next is asked.
    pub(super) fn not_found(&mut self, peer: PeerId, hash: Hash) {
        if self.is_in_flight(peer, &hash) {
            self.finish(peer, hash);
        }
    }

    /// There is no room for the transaction that the peer was asked for and has sent: it is asked for again.
    pub(super) fn postpone(&mut self, now: Duration, peer: PeerId, hash: Hash) {
        if self.is_in_flight(peer, &hash) {
            self.set_state(peer, hash, State::Waiting(now + POSTPONE));
            self.settle(hash);
        }
    }

    /// Nobody is to be asked for this until [`release`](Self::release): it is being checked.
    pub(super) fn hold(&mut self, hash: Hash) {
        *self.held.entry(hash).or_default() += 1;
        self.settle(hash);
    }

    /// Takes back one [`hold`](Self::hold).
    pub(super) fn release(&mut self, hash: Hash) {
        let Some(reasons) = self.held.get_mut(&hash) else { return };
        *reasons -= 1;
        if *reasons == 0 {
            self.held.remove(&hash);
        }
        self.settle(hash);
    }

    /// The transaction is not wanted any more.
    pub(super) fn forget(&mut self, hash: &Hash) {
        let Some(wanted) = self.wanted.remove(hash) else { return };
        if let Some(due) = wanted.due {
            self.due.remove(&(due, wanted.sequence));
        }
        for announcement in wanted.announcements {
            let Some(announcer) = self.peers.get_mut(&announcement.peer) else { continue };
            announcer.hashes.remove(hash);
            match announcement.state {
                State::InFlight(_) => {
                    announcer.in_flight -= 1;
                    announcer.late.insert(*hash);
                    self.relieved.insert(announcement.peer);
                }
                State::Blocked => {
                    announcer.blocked.remove(&announcement.sequence);
                }
                State::Waiting(_) | State::Done => {}
            }
        }
    }

    /// Whom to ask for what now. `known` says of a transaction that it need not be asked for; it is forgotten then.
    ///
    /// One call does a bounded amount of work; if more is to be done, [`deadline`](Self::deadline) is not after `now`.
    pub(super) fn select(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        known: &mut dyn FnMut(&TxRef) -> bool,
    ) -> Vec<(PeerId, TxRef)> {
        let mut asked = Vec::new();
        for _ in 0..MAX_STEPS {
            if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
                let hash = entry.remove();
                asked.extend(self.ask_next(now, hash, rng, known));
            } else if let Some(peer) = self.relieved.pop_first() {
                self.relieve(now, peer);
            } else {
                break;
            }
        }
        asked
    }

    /// When there is something to [`select`](Self::select).
    pub(super) fn deadline(&self) -> Option<Duration> {
        if self.relieved.is_empty() {
            self.due.first_key_value().map(|((time, _), _)| *time)
        } else {
            Some(Duration::ZERO)
        }
    }

    /// What is due about one transaction, which has been taken out of `due`.
    fn ask_next(
        &mut self,
        now: Duration,
        hash: Hash,
        rng: &mut ChaCha12Rng,
        known: &mut dyn FnMut(&TxRef) -> bool,
    ) -> Option<(PeerId, TxRef)> {
        let wanted = self.wanted.get_mut(&hash)?;
        wanted.due = None;
        let silent = wanted.announcements.iter().find_map(|announcement| match announcement.state {
            State::InFlight(end) => Some((announcement.peer, end)),
            _ => None,
        });
        if let Some((peer, end)) = silent {
            if end <= now {
                self.set_state(peer, hash, State::Done);
                if let Some(announcer) = self.peers.get_mut(&peer) {
                    announcer.late.insert(hash);
                }
            }
            self.settle(hash);
            return None;
        }
        let asked = if self.held.contains_key(&hash) { None } else { self.choose(now, hash, rng) };
        if let Some((peer, id)) = asked {
            if known(&id) {
                self.forget(&hash);
                return None;
            }
            self.set_state(peer, hash, State::InFlight(now + REQUEST_TIMEOUT));
        }
        self.settle(hash);
        asked
    }

    /// A peer to ask among those who may be asked: of the preferred ones if there is one, else of all, any. If all have
    /// enough to answer, they are marked.
    fn choose(&mut self, now: Duration, hash: Hash, rng: &mut ChaCha12Rng) -> Option<(PeerId, TxRef)> {
        let wanted = self.wanted.get(&hash)?;
        let ready = wanted
            .announcements
            .iter()
            .filter(|announcement| matches!(announcement.state, State::Waiting(from) if from <= now));
        let (free, full): (Vec<Announcement>, Vec<Announcement>) =
            ready.partition(|announcement| self.peers.get(&announcement.peer).is_some_and(|p| p.room() > 0));
        let any_preferred = free.iter().any(|announcement| announcement.preferred);
        let best: Vec<&Announcement> =
            free.iter().filter(|announcement| announcement.preferred == any_preferred).collect();
        if best.is_empty() {
            for announcement in full {
                self.set_state(announcement.peer, hash, State::Blocked);
            }
            return None;
        }
        let chosen = best[rng.random_range(0..best.len())];
        Some((chosen.peer, chosen.id(hash)))
    }

    /// Has as much of what is blocked looked at again as the peer has room for.
    fn relieve(&mut self, now: Duration, peer: PeerId) {
        let Some(announcer) = self.peers.get(&peer) else { return };
        let woken: Vec<Hash> = announcer.blocked.values().take(announcer.room()).copied().collect();
        if woken.is_empty() {
            return;
        }
        for hash in woken {
            self.set_state(peer, hash, State::Waiting(now));
            self.settle(hash);
        }
        // Some may go to others, and leave room for more.
        self.relieved.insert(peer);
    }

    fn is_in_flight(&self, peer: PeerId, hash: &Hash) -> bool {
        self.wanted.get(hash).is_some_and(|wanted| {
            wanted.announcements.iter().any(|announcement| {
                announcement.peer == peer && matches!(announcement.state, State::InFlight(_))
            })
        })
    }

    fn finish(&mut self, peer: PeerId, hash: Hash) {
        self.set_state(peer, hash, State::Done);
        self.settle(hash);
    }

    fn set_state(&mut self, peer: PeerId, hash: Hash, state: State) {
        let Some(wanted) = self.wanted.get_mut(&hash) else { return };
        let Some(announcement) = wanted.announcements.iter_mut().find(|other| other.peer == peer) else {
            return;
        };
        let before = std::mem::replace(&mut announcement.state, state);
        let sequence = announcement.sequence;
        let Some(announcer) = self.peers.get_mut(&peer) else { return };
        match before {
            State::InFlight(_) => {
                announcer.in_flight -= 1;
                self.relieved.insert(peer);
            }
            State::Blocked => {
                announcer.blocked.remove(&sequence);
            }
            State::Waiting(_) | State::Done => {}
        }
        match state {
            State::InFlight(_) => announcer.in_flight += 1,
            State::Blocked => {
                announcer.blocked.insert(sequence, hash);
            }
            State::Waiting(_) | State::Done => {}
        }
    }

    /// Brings the transaction's place in `due` up to date, and forgets it when there is nobody left to ask.
    fn settle(&mut self, hash: Hash) {
        let held = self.held.contains_key(&hash);
        let Some(wanted) = self.wanted.get_mut(&hash) else { return };
        if wanted.all_done() {
            self.forget(&hash);
            return;
        }
        let next = wanted.next(held);
        if next == wanted.due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut wanted.due, next) {
            self.due.remove(&(before, wanted.sequence));
        }
        if let Some(time) = next {
            self.due.insert((time, wanted.sequence), hash);
        }
    }
}

#[cfg(test)]
impl Requests {
    /// What is in flight: with whom, and until when.
    pub(super) fn in_flight(&self) -> Vec<(PeerId, Hash, Duration)> {
        let mut in_flight = Vec::new();
        for (hash, wanted) in &self.wanted {
            for announcement in &wanted.announcements {
                if let State::InFlight(end) = announcement.state {
                    in_flight.push((announcement.peer, *hash, end));
                }
            }
        }
        in_flight
    }

    pub(super) fn announced_by(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(0, |announcer| announcer.hashes.len())
    }

    /// Panics unless every index agrees with the announcements.
    pub(super) fn check_books(&self) {
        let in_flight = self.in_flight();
        let hashes: BTreeSet<Hash> = in_flight.iter().map(|(_, hash, _)| *hash).collect();
        assert_eq!(hashes.len(), in_flight.len(), "asked of two at once");
        let mut due = BTreeMap::new();
        for (hash, wanted) in &self.wanted {
            assert!(!wanted.all_done());
            assert_eq!(wanted.due, wanted.next(self.held.contains_key(hash)));
            due.extend(wanted.due.map(|time| ((time, wanted.sequence), *hash)));
        }
        assert_eq!(due, self.due);
        for (peer, announcer) in &self.peers {
            let its = |hash: &&Hash| {
                self.wanted[*hash].announcements.iter().filter(|one| one.peer == *peer).count() == 1
            };
            assert_eq!(announcer.hashes.iter().filter(its).count(), announcer.hashes.len());
            assert_eq!(in_flight.iter().filter(|(other, ..)| other == peer).count(), announcer.in_flight);
            assert!(announcer.in_flight <= MAX_IN_FLIGHT && announcer.hashes.len() <= MAX_ANNOUNCEMENTS);
            let idle = announcer.room() > 0 && !announcer.blocked.is_empty();
            assert!(!idle || self.relieved.contains(peer), "something is blocked for no reason");
        }
        let all: usize = self.peers.values().map(|announcer| announcer.hashes.len()).sum();
        assert_eq!(self.wanted.values().map(|wanted| wanted.announcements.len()).sum::<usize>(), all);
        assert_eq!(self.wtxid_peers, self.peers.values().filter(|announcer| announcer.by_wtxid).count());
    }
}
