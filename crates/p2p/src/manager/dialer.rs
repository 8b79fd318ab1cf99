//! Whom to call, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::config::PeerConfig;
use super::slot::Purpose;
use crate::event::Action;

/// First wait before a node that the operator named is called again.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// Longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(64);
/// A connection that held this long makes the next wait the shortest again.
const STEADY: Duration = Duration::from_secs(30);
/// Time between two calls by our own choice.
const CALL_EVERY: Duration = Duration::from_millis(500);
/// Time until addresses are looked for again after none was found.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Mean time between two calls that only see whether someone is there (Core's `FEELER_INTERVAL`).
const FEELER_EVERY: Duration = Duration::from_secs(120);
/// Mean time between two connections beyond those that are kept (Core's `EXTRA_BLOCK_RELAY_ONLY_PEER_INTERVAL`): two
/// halves of a network whose nodes all have the connections they want would never find each other again.
const EXTRA_EVERY: Duration = Duration::from_secs(5 * 60);
/// With fewer addresses than this the seeds are asked.
const FEW_ADDRESSES: usize = 8;
/// Time until the seeds may be asked again.
const SEEDS_EVERY: Duration = Duration::from_secs(10 * 60);
/// Most nodes an operator may name.
pub(super) const MAX_MANUAL: usize = 256;

/// A node that the operator named.
#[derive(Clone, Debug)]
struct Named {
    next: Duration,
    backoff: Duration,
    connected: Option<Duration>,
}

/// Whom to call, and when.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    named: BTreeMap<SocketAddr, Named>,
    /// Calls that have not been answered.
    calling: BTreeMap<SocketAddr, Purpose>,
    next_call: Duration,
    next_feeler: Duration,
    next_extra: Duration,
    next_seeds: Duration,
    /// Whether addresses are called that the operator did not name.
    own_choice: bool,
}

impl Dialer {
    pub(super) fn new(now: Duration, config: &PeerConfig) -> Self {
        let named = Named { next: now, backoff: BACKOFF_MIN, connected: None };
        let names = config.connect.iter().chain(&config.add_nodes).take(MAX_MANUAL);
        Self {
            named: names.map(|addr| (*addr, named.clone())).collect(),
            calling: BTreeMap::new(),
            next_call: now,
            next_feeler: now + FEELER_EVERY,
            next_extra: now + EXTRA_EVERY,
            next_seeds: now,
            own_choice: config.connect.is_empty(),
        }
    }

    /// Whether the operator named this node.
    pub(super) fn is_named(&self, addr: SocketAddr) -> bool {
        self.named.contains_key(&addr)
    }

    /// The operator names a node: it is called at once. Whether there was room for it.
    pub(super) fn name(&mut self, now: Duration, addr: SocketAddr) -> bool {
        if !self.is_named(addr) && self.named.len() >= MAX_MANUAL {
            return false;
        }
        let named =
            self.named.entry(addr).or_insert(Named { next: now, backoff: BACKOFF_MIN, connected: None });
        named.next = now;
        named.backoff = BACKOFF_MIN;
        true
    }

    pub(super) fn forget(&mut self, addr: SocketAddr) {
        self.named.remove(&addr);
    }

    /// The call to `addr` was answered; what for it was made. `None` if nobody called there.
    pub(super) fn answered(&mut self, now: Duration, addr: SocketAddr) -> Option<Purpose> {
        let purpose = self.calling.remove(&addr)?;
        if let Some(named) = self.named.get_mut(&addr) {
            named.connected = Some(now);
            return Some(Purpose::Manual);
        }
        Some(purpose)
    }

    /// The call was not answered, or the connection ended: a node that was named is called again later, each time
    /// twice as late, with up to a quarter more by chance so that many nodes do not call at one moment.
    pub(super) fn ended(&mut self, now: Duration, addr: SocketAddr, rng: &mut ChaCha12Rng) {
        self.calling.remove(&addr);
        let Some(named) = self.named.get_mut(&addr) else { return };
        if named.connected.take().is_some_and(|since| now.saturating_sub(since) >= STEADY) {
            named.backoff = BACKOFF_MIN;
        }
        named.next = now + named.backoff + named.backoff.mul_f64(rng.random_range(0.0..0.25));
        named.backoff = (named.backoff * 2).min(BACKOFF_MAX);
    }

    /// Calls that are due to nodes the operator named, but for those in `connected`.
    pub(super) fn call_named(
        &mut self,
        now: Duration,
        connected: &BTreeSet<SocketAddr>,
        out: &mut Vec<Action>,
    ) {
        for (addr, named) in &mut self.named {
            if now < named.next || connected.contains(addr) || self.calling.contains_key(addr) {
                continue;
            }
            self.calling.insert(*addr, Purpose::Manual);
            out.push(Action::Connect { addr: *addr });
        }
    }

    /// What a call by our own choice is to be for, if one is due. `outbound` counts the connections of our own choice.
    pub(super) fn wants(&self, now: Duration, outbound: usize, config: &PeerConfig) -> Option<Purpose> {
        if !self.own_choice || now < self.next_call {
            return None;
        }
        let under_way = self.calling.values().filter(|purpose| **purpose == Purpose::Outbound).count();
        let extra = now >= self.next_extra && outbound > 0;
        match outbound + under_way {
            some if some < config.max_outbound => return Some(Purpose::Outbound),
            all if all == config.max_outbound && extra => return Some(Purpose::Outbound),
            _ => {}
        }
        (now >= self.next_feeler && outbound > 0).then_some(Purpose::Feeler)
    }

    /// Makes the call that was wanted; `None` if there was no address for it.
    pub(super) fn call(
        &mut self,
        now: Duration,
        purpose: Purpose,
        addr: Option<SocketAddr>,
        rng: &mut ChaCha12Rng,
        out: &mut Vec<Action>,
    ) {
        if purpose == Purpose::Feeler {
            self.next_feeler = now + by_chance(FEELER_EVERY, rng);
        } else if now >= self.next_extra {
            self.next_extra = now + by_chance(EXTRA_EVERY, rng);
        }
        match addr {
            Some(addr) => {
                self.next_call = now + CALL_EVERY;
                self.calling.insert(addr, purpose);
                out.push(Action::Connect { addr });
            }
            None => self.next_call = now + LOOK_AGAIN,
        }
    }

    pub(super) fn is_calling(&self, addr: SocketAddr) -> bool {
        self.calling.contains_key(&addr)
    }

    /// Addresses that calls are under way to, and nodes named, which are not to be called by our own choice.
    pub(super) fn taken(&self, addr: SocketAddr) -> bool {
        self.is_calling(addr) || self.is_named(addr)
    }

    /// Addresses came: look for one to call soon.
    pub(super) fn addresses_came(&mut self, now: Duration) {
        self.next_call = self.next_call.min(now + CALL_EVERY);
    }

    /// Whether the seeds are to be asked now.
    pub(super) fn asks_seeds(&mut self, now: Duration, known: usize) -> bool {
        let due = self.own_choice && known < FEW_ADDRESSES && now >= self.next_seeds;
        if due {
            self.next_seeds = now + SEEDS_EVERY;
        }
        due
    }

    /// When something is due.
    pub(super) fn deadline(
        &self,
        outbound: usize,
        known: usize,
        connected: &BTreeSet<SocketAddr>,
        config: &PeerConfig,
    ) -> Duration {
        let idle = |addr: &SocketAddr| !connected.contains(addr) && !self.calling.contains_key(addr);
        let named = self.named.iter().filter(|(addr, _)| idle(addr)).map(|(_, named)| named.next).min();
        let mut due = named.unwrap_or(Duration::MAX);
        if self.own_choice {
            let under_way = self.calling.values().filter(|purpose| **purpose == Purpose::Outbound).count();
            if outbound + under_way < config.max_outbound {
                due = due.min(self.next_call);
            } else if outbound > 0 {
                let extra = outbound + under_way == config.max_outbound;
                let next = if extra { self.next_feeler.min(self.next_extra) } else { self.next_feeler };
                due = due.min(next.max(self.next_call));
            }
            if known < FEW_ADDRESSES {
                due = due.min(self.next_seeds);
            }
        }
        due
    }
}

/// Exponentially distributed, as the time between chance events is.
fn by_chance(mean: Duration, rng: &mut ChaCha12Rng) -> Duration {
    let chance: f64 = rng.random_range(f64::EPSILON..1.0);
    mean.mul_f64(-chance.ln())
}
