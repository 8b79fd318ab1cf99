//! What is remembered of one peer.

use std::net::SocketAddr;
use std::time::Duration;

use cairn_primitives::hash::siphash24;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::same_place;
use crate::handshake::Direction;
use crate::limits::MAX_ADDR;
use crate::message::{AddressV1, AddressV2, Message, NetworkAddress, PeerEndpoint};
use crate::outbox::PeerFacts;
use crate::relay::Recent;
use crate::relay::timing::exponential;

/// Addresses a peer may tell of without a pause (Core's `MAX_ADDR_PROCESSING_TOKEN_BUCKET`).
pub(crate) const MAX_TOKENS: u64 = 1_000;
/// Time for which a peer may tell of one address more (Core's `MAX_ADDR_RATE_PER_SECOND`, 0.1).
pub(crate) const TIME_PER_TOKEN: Duration = Duration::from_secs(10);
/// Most addresses that wait to be told to a peer (as in Core).
pub(crate) const MAX_QUEUE: usize = 1_000;
/// Most addresses that each peer is remembered to know (as in Core).
pub(crate) const MAX_KNOWN: usize = 5_000;
/// Mean time between two messages with addresses (Core's `AVG_ADDRESS_BROADCAST_INTERVAL`).
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// One peer.
#[derive(Clone, Debug)]
pub(super) struct GossipPeer {
    pub(super) addr: SocketAddr,
    pub(super) direction: Direction,
    addr_v2: bool,
    /// Whether it has shown that it cares for addresses.
    pub(super) talks: bool,
    /// Whether it was asked for addresses and has not answered.
    pub(super) asked: bool,
    /// Whether it has asked for addresses.
    pub(super) answered: bool,
    /// When it is told this node's own address again.
    pub(super) own_due: Option<Duration>,
    tokens: u64,
    /// Up to when tokens have been given.
    filled: Duration,
    key: (u64, u64),
    known: Recent<u64>,
    queue: Vec<AddressV2>,
    next: Option<Duration>,
}

impl GossipPeer {
    pub(super) fn new(now: Duration, peer: &PeerFacts, rng: &mut ChaCha12Rng) -> Self {
        Self {
            addr: peer.addr,
            direction: peer.direction,
            addr_v2: peer.info.addr_v2,
            talks: peer.direction == Direction::Outbound,
            asked: false,
            answered: false,
            own_due: None,
            // As in Core: room for one, such as the peer's own.
            tokens: 1,
            filled: now,
            key: (rng.random(), rng.random()),
            known: Recent::new(MAX_KNOWN),
            queue: Vec::new(),
            next: None,
        }
    }

    /// The peer may answer what it is asked, be the answer as long as it may.
    pub(super) fn expect_answer(&mut self) {
        self.asked = true;
        self.tokens += MAX_ADDR as u64;
    }

    /// Gives the tokens of the time that has passed.
    pub(super) fn fill(&mut self, now: Duration) {
        let step = TIME_PER_TOKEN.as_secs();
        let gained = now.saturating_sub(self.filled).as_secs() / step;
        if gained > 0 {
            self.filled += Duration::from_secs(gained * step);
            if self.tokens < MAX_TOKENS {
                self.tokens = self.tokens.saturating_add(gained).min(MAX_TOKENS);
            }
        }
    }

    /// Whether one more address may be taken in.
    pub(super) fn take_token(&mut self) -> bool {
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether it can be told of an address of that network: without `addrv2` only IP addresses can be.
    pub(super) const fn understands(&self, address: &NetworkAddress) -> bool {
        self.addr_v2 || matches!(address, NetworkAddress::Ipv4(_) | NetworkAddress::Ipv6(_))
    }

    /// The peer knows this address.
    pub(super) fn learned(&mut self, entry: &AddressV2) {
        self.known.insert(self.short(entry));
    }

    /// The peer is to be told of this address with the next message. If too many wait, one of them makes room.
    pub(super) fn push(&mut self, now: Duration, rng: &mut ChaCha12Rng, entry: AddressV2) {
        if self.known.contains(&self.short(&entry)) || !self.understands(&entry.address) {
            return;
        }
        if let Some(waiting) = self.queue.iter_mut().find(|waiting| same_place(waiting, &entry)) {
            *waiting = entry;
        } else if self.queue.len() < MAX_QUEUE {
            self.queue.push(entry);
        } else {
            let victim = rng.random_range(0..self.queue.len());
            self.queue[victim] = entry;
        }
        // A Poisson process has no memory: its next event may as well be drawn when it begins to matter.
        self.next.get_or_insert_with(|| now + exponential(rng, INTERVAL));
    }

    /// What waits, if it is due.
    pub(super) fn due(&mut self, now: Duration) -> Option<Message> {
        self.next.filter(|next| *next <= now)?;
        self.next = None;
        let mut entries = std::mem::take(&mut self.queue);
        entries.retain(|entry| !self.known.contains(&self.short(entry)));
        self.message(&entries)
    }

    /// The entries in the form that the peer understands, at most [`MAX_ADDR`] of them; it knows them then.
    pub(super) fn message(&mut self, entries: &[AddressV2]) -> Option<Message> {
        let told: Vec<AddressV2> =
            entries.iter().filter(|entry| self.understands(&entry.address)).take(MAX_ADDR).copied().collect();
        for entry in &told {
            self.learned(entry);
        }
        if told.is_empty() {
            return None;
        }
        Some(if self.addr_v2 {
            Message::AddrV2(told)
        } else {
            Message::Addr(told.iter().filter_map(v1).collect())
        })
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.next.into_iter().chain(self.own_due).min()
    }

    #[cfg(test)]
    pub(super) const fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn short(&self, entry: &AddressV2) -> u64 {
        siphash24(self.key.0, self.key.1, &super::place(entry))
    }
}

/// The entry as `addr` has it; `None` for networks it does not know.
fn v1(entry: &AddressV2) -> Option<AddressV1> {
    let ip = match entry.address {
        NetworkAddress::Ipv4(ip) => ip.into(),
        NetworkAddress::Ipv6(ip) => ip.into(),
        NetworkAddress::TorV3(_) | NetworkAddress::I2p(_) | NetworkAddress::Cjdns(_) => return None,
    };
    let endpoint = PeerEndpoint { services: entry.services, ip, port: entry.port };
    Some(AddressV1 { last_seen: entry.last_seen, endpoint })
}
