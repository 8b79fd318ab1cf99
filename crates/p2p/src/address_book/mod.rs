//! The nodes that are known of, where they were heard of and how calling them went.

mod bans;
mod entry;
mod file;
mod table;

#[cfg(test)]
mod tests;

pub use bans::{BanList, MAX_BANS};
pub use file::{MAX_PEERS_FILE, PeersFile, PeersFileError};

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use crate::message::{AddressV2, NetworkAddress, Services, UnixTime};
use entry::{Entry, MAX_NEW_SLOTS, Place, before, since};
use table::{BUCKET_SIZE, Key, NEW_BUCKETS, Slot, TRIED_BUCKETS, Table};

/// Most addresses that a book holds: as many as both tables have slots.
pub const MAX_ADDRESSES: usize = (NEW_BUCKETS as usize + TRIED_BUCKETS as usize) * BUCKET_SIZE as usize;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
/// What someone tells of another node is taken to be this much older (Core's `nTimePenalty` for gossip).
const HEARSAY: u32 = 2 * HOUR;
/// Share of the book in percent that is given to who asks (Core's `MAX_PCT_ADDR_TO_SEND`).
const SAMPLE_PERCENT: usize = 23;
/// Addresses that may wait at a time for the test of the one in their slot (Core's
/// `ADDRMAN_SET_TRIED_COLLISION_SIZE`).
const MAX_WAITING: usize = 10;
/// Within this time of a success, a tried address keeps its slot without a test, and within this time of a failure it
/// has had its test (Core's `ADDRMAN_REPLACEMENT`).
const PROVEN: u32 = 4 * HOUR;
/// How long who waits has to wait at most (Core's `ADDRMAN_TEST_WINDOW`).
const TEST_WINDOW: u32 = 40 * MINUTE;
/// Time a call may take until it counts as failed.
const CALL_TIME: u32 = MINUTE;
/// Draws by chance before the whole book is looked through.
const DRAWS: u32 = 64;
/// What each draw in vain does to the chance of the next.
const CHANCE_GROWTH: f64 = 1.2;

/// Known nodes, as Core's `AddrMan` keeps them: those that were only heard of in a *new* table of 1,024 buckets, those
/// where a handshake succeeded in a *tried* table of 256, each bucket with 64 slots.
///
/// A keyed hash decides the slot, so nobody outside can aim. Addresses that one network (IPv4 /16, IPv6 /32) tells of
/// reach 64 buckets of the new table, a sixteenth of it; addresses that lie in one network reach 8 buckets of the tried
/// table, a thirty-second. An address has at most 8 slots in the new table, each further one half as likely.
///
/// A tried address is not pushed out by a newcomer that hashes to its slot. The newcomer waits while
/// [`pick`](Self::pick) offers the older one for a call, and takes the slot if that call is not answered within a minute
/// or was not made for 40 minutes.
///
/// Only nodes with an IP address can be called, so only they are kept; entries on Tor, I2P and CJDNS are left out. At
/// most [`MAX_ADDRESSES`] are held.
#[derive(Clone, Debug)]
pub struct AddressBook {
    key: Key,
    entries: BTreeMap<SocketAddr, Entry>,
    new: Table,
    tried: Table,
    /// Succeeded, but another address has the slot in the tried table.
    waiting: Vec<SocketAddr>,
    /// The last success anywhere. Failures count once between two of them: without a network of our own, every call
    /// fails and says nothing.
    last_good: UnixTime,
    /// How many dice were thrown.
    throws: u64,
}

impl AddressBook {
    /// An empty book. `key` places addresses in buckets: it is to be random and kept with the book.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: Key::new(key),
            entries: BTreeMap::new(),
            new: Table::new(NEW_BUCKETS),
            tried: Table::new(TRIED_BUCKETS),
            waiting: Vec::new(),
            last_good: UnixTime::new(1),
            throws: 0,
        }
    }

    /// Takes in what `source` told of; how many addresses are new. What a node tells of another counts as two hours
    /// older than it says, and never as later than `now`. Left out are addresses that cannot be called (other networks,
    /// port 0, multicast, unspecified) and those whose slot is held by one that is better known.
    pub fn add(&mut self, now: Duration, entries: &[AddressV2], source: SocketAddr) -> usize {
        let now = unix(now);
        entries.iter().filter(|entry| self.add_one(now, entry, source)).count()
    }

    /// A call was made.
    pub fn attempted(&mut self, now: Duration, addr: SocketAddr) {
        let (now, last_good) = (unix(now), self.last_good);
        let Some(entry) = self.entries.get_mut(&canonical(addr)) else { return };
        entry.last_try = Some(now);
        if entry.last_counted.is_none_or(|at| at < last_good) {
            entry.last_counted = Some(now);
            entry.attempts = entry.attempts.saturating_add(1);
        }
    }

    /// A call was answered and the handshake succeeded: the address becomes a tried one, if its slot is free or after
    /// the test of the one that has it. An address that nobody told of is taken in. `services` is what it offers.
    pub fn succeeded(&mut self, now: Duration, addr: SocketAddr, services: Services) {
        let (now, addr) = (unix(now), canonical(addr));
        if !self.entries.contains_key(&addr) {
            let address = NetworkAddress::from_ip(addr.ip());
            self.add_one(now, &AddressV2 { last_seen: now, services, address, port: addr.port() }, addr);
        }
        self.last_good = now;
        let Some(entry) = self.entries.get_mut(&addr) else { return };
        entry.services = services;
        entry.last_try = Some(now);
        entry.last_success = Some(now);
        entry.attempts = 0;
        if !entry.is_tried() {
            if self.tried.get(self.key.tried_slot(addr)).is_none() {
                self.make_tried(addr);
            } else if self.waiting.len() < MAX_WAITING && !self.waiting.contains(&addr) {
                self.waiting.push(addr);
            }
        }
        self.settle_waiting(now);
    }

    /// It is still connected: it counts as seen now, which is noted at most every twenty minutes, as Core does. A tried
    /// one that is asked for its test has passed it.
    pub fn seen(&mut self, now: Duration, addr: SocketAddr) {
        let now = unix(now);
        let Some(entry) = self.entries.get_mut(&canonical(addr)) else { return };
        if since(now, entry.last_seen) > 20 * MINUTE {
            entry.last_seen = now;
        }
        if entry.is_tried() {
            entry.last_success = Some(now);
        }
    }

    /// An address to call; `None` if there is none but those that `avoid` refuses. With `only_new` it is one where no
    /// handshake succeeded yet, or a tried one that is to be tested for one that waits for its slot; otherwise one
    /// of both tables with equal chance. Those called lately or in vain come up less often.
    pub fn pick(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        only_new: bool,
        avoid: &dyn Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        let now = unix(now);
        self.settle_waiting(now);
        if only_new && let Some(addr) = self.to_test(now, avoid) {
            return Some(addr);
        }
        let mut factor = 1.0;
        for _ in 0..DRAWS {
            let from_new =
                only_new || self.tried.is_empty() || (!self.new.is_empty() && rng.random_bool(0.5));
            let table = if from_new { &self.new } else { &self.tried };
            let addr = table.draw(rng)?;
            let chance = self.entries.get(&addr).map_or(0.0, |entry| entry.chance(now));
            if rng.random_bool((chance * factor).min(1.0)) && !avoid(addr) {
                return Some(addr);
            }
            factor *= CHANCE_GROWTH;
        }
        self.look_through(rng, only_new, avoid)
    }

    /// A random sample to give to a peer that asks: at most `limit`, and at most 23 % of the book (rounded up, so that a
    /// small book is not silent), without those not worth a call.
    pub fn sample(&self, now: Duration, rng: &mut ChaCha12Rng, limit: usize) -> Vec<AddressV2> {
        let now = unix(now);
        let amount = (self.entries.len() * SAMPLE_PERCENT).div_ceil(100).min(limit);
        let mut good: Vec<_> = self.entries.iter().filter(|(_, entry)| !entry.is_terrible(now)).collect();
        let (sample, _) = good.partial_shuffle(rng, amount);
        sample.iter().map(|(addr, entry)| entry.told(**addr)).collect()
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes one entry in; whether its address is new.
    fn add_one(&mut self, now: UnixTime, told: &AddressV2, source: SocketAddr) -> bool {
        let Some(addr) = callable(told) else { return false };
        let of_itself = canonical(source).ip() == addr.ip();
        let said = told.last_seen.min(now);
        let last_seen = before(said, if of_itself { 0 } else { HEARSAY });
        let known = match self.entries.get_mut(&addr) {
            Some(entry) => {
                entry.refresh(now, last_seen, told.services);
                let later = said > entry.last_seen;
                let slots = entry.new_slots();
                if !later || entry.is_tried() || slots >= MAX_NEW_SLOTS || !self.luck(slots) {
                    return false;
                }
                true
            }
            None => false,
        };
        let slot = self.key.new_slot(addr, source.ip());
        if self.holds_better(slot, addr, known, now) {
            return false;
        }
        if !known {
            self.entries.insert(addr, Entry::new(told.services, last_seen, source.ip().to_canonical()));
        }
        self.put_new(slot, addr);
        !known
    }

    /// Whether the slot is to stay as it is: it holds this very address, or one that is worth it. What is elsewhere too
    /// gives way to an address that is nowhere yet.
    fn holds_better(&self, slot: Slot, newcomer: SocketAddr, known: bool, now: UnixTime) -> bool {
        let Some(holder) = self.new.get(slot) else { return false };
        let Some(entry) = self.entries.get(&holder) else { return false };
        let spare = entry.new_slots() > 1 && !known;
        holder == newcomer || !(entry.is_terrible(now) || spare)
    }

    /// Whether an address with `slots` slots gets one more: once in 2 to the power of their number.
    fn luck(&mut self, slots: usize) -> bool {
        self.throws += 1;
        self.key.die(self.throws, 1 << slots) == 0
    }

    /// Puts an address of the new table into one more slot. Who was there loses it, and is forgotten if it was the last.
    fn put_new(&mut self, slot: Slot, addr: SocketAddr) {
        if let Some(holder) = self.new.put(slot, addr)
            && let Some(entry) = self.entries.get_mut(&holder)
            && let Place::New(slots) = &mut entry.place
        {
            slots.retain(|held| *held != slot);
            if slots.is_empty() {
                self.entries.remove(&holder);
            }
        }
        if let Some(entry) = self.entries.get_mut(&addr)
            && let Place::New(slots) = &mut entry.place
        {
            slots.push(slot);
        }
    }

    /// Moves an address from the new to the tried table. Who has its slot there goes back to the new one.
    fn make_tried(&mut self, addr: SocketAddr) {
        let slot = self.key.tried_slot(addr);
        let Some(entry) = self.entries.get_mut(&addr) else { return };
        if let Place::New(slots) = std::mem::replace(&mut entry.place, Place::Tried(slot)) {
            slots.into_iter().for_each(|slot| self.new.clear(slot));
        }
        if let Some(holder) = self.tried.put(slot, addr).filter(|holder| *holder != addr)
            && let Some(entry) = self.entries.get_mut(&holder)
        {
            entry.place = Place::New(Vec::new());
            let slot = self.key.new_slot(holder, entry.source);
            self.put_new(slot, holder);
        }
    }

    /// Decides about those that wait for a slot in the tried table, as far as it can be decided.
    fn settle_waiting(&mut self, now: UnixTime) {
        for addr in std::mem::take(&mut self.waiting) {
            let Some(entry) = self.entries.get(&addr).filter(|entry| !entry.is_tried()) else { continue };
            let holder =
                self.tried.get(self.key.tried_slot(addr)).and_then(|holder| self.entries.get(&holder));
            let succeeded = entry.last_success.unwrap_or(now);
            match holder.map_or(Test::Failed, |holder| holder.test(now, succeeded)) {
                Test::Passed => {}
                Test::Failed => self.make_tried(addr),
                Test::Open => self.waiting.push(addr),
            }
        }
    }

    /// A tried address that is to be called for the sake of one that waits for its slot.
    fn to_test(&self, now: UnixTime, avoid: &dyn Fn(SocketAddr) -> bool) -> Option<SocketAddr> {
        let holders = self.waiting.iter().filter_map(|addr| self.tried.get(self.key.tried_slot(*addr)));
        let calling = |addr: &SocketAddr| {
            let last = self.entries.get(addr).and_then(|entry| entry.last_try);
            last.is_some_and(|at| since(now, at) < CALL_TIME)
        };
        holders.into_iter().find(|addr| !calling(addr) && !avoid(*addr))
    }

    /// Any address that `avoid` allows, looked for from a random one on.
    fn look_through(
        &self,
        rng: &mut ChaCha12Rng,
        only_new: bool,
        avoid: &dyn Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        let entries = || self.entries.iter().filter(|(_, entry)| !only_new || !entry.is_tried());
        let start = rng.random_range(0..self.entries.len().max(1));
        let turned = entries().skip(start).chain(entries().take(start));
        turned.map(|(addr, _)| *addr).find(|addr| !avoid(*addr))
    }
}

/// What became of the test of an address that has a slot in the tried table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// It answered lately and keeps its slot.
    Passed,
    /// It did not answer, or was not called in time.
    Failed,
    /// It is to be called.
    Open,
}

impl Entry {
    /// How the test of this address stands for one that `waits_since` some time (Core's `ResolveCollisions`).
    fn test(&self, now: UnixTime, waits_since: UnixTime) -> Test {
        let within = |at: Option<UnixTime>, time| at.is_some_and(|at| since(now, at) < time);
        if within(self.last_success, PROVEN) {
            return Test::Passed;
        }
        let called = within(self.last_try, PROVEN) && !within(self.last_try, CALL_TIME);
        if called || since(now, waits_since) > TEST_WINDOW { Test::Failed } else { Test::Open }
    }

    /// Someone told of it again: takes over what is newer. The time of a node that is in use is brought forward when it
    /// is an hour behind, of others when it is a day (Core's `AddSingle`).
    fn refresh(&mut self, now: UnixTime, last_seen: UnixTime, services: Services) {
        self.services = self.services.union(services);
        let in_use = since(now, last_seen) < 24 * HOUR;
        if since(last_seen, self.last_seen) > if in_use { HOUR } else { 24 * HOUR } {
            self.last_seen = last_seen;
        }
    }
}

/// Where the node of an entry can be called; `None` if it cannot.
fn callable(told: &AddressV2) -> Option<SocketAddr> {
    let ip = match told.address {
        NetworkAddress::Ipv4(v4) if !v4.is_broadcast() => IpAddr::V4(v4),
        NetworkAddress::Ipv6(v6) => IpAddr::V6(v6).to_canonical(),
        NetworkAddress::Ipv4(_)
        | NetworkAddress::TorV3(_)
        | NetworkAddress::I2p(_)
        | NetworkAddress::Cjdns(_) => {
            return None;
        }
    };
    (told.port != 0 && !ip.is_unspecified() && !ip.is_multicast()).then(|| SocketAddr::new(ip, told.port))
}

/// The one form of an address: IPv4 not in IPv6 clothes, no scope, no flow.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whole seconds since 1970.
fn unix(now: Duration) -> UnixTime {
    UnixTime::new(u32::try_from(now.as_secs()).unwrap_or(u32::MAX))
}
