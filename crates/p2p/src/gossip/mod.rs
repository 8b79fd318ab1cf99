//! Addresses of nodes: taken in within a rate, passed on to a few, given to who asks once.
//!
//! The rules are Core's: a peer may tell of one address in ten seconds, besides the answer to our question; what looks
//! fresh goes on to two peers, the same two for a day; who called us may ask once, and all who ask within a day get the
//! same answer, so that the address book cannot be read out.

mod peer;
mod routable;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use cairn_primitives::Encode;
use cairn_primitives::hash::siphash24;
use rand::RngExt;
use rand::seq::SliceRandom;

use self::peer::GossipPeer;
use self::routable::{is_routable, is_routable_ip};
use crate::address_book::AddressBook;
use crate::event::PeerId;
use crate::handshake::Direction;
use crate::limits::MAX_ADDR;
use crate::manager::PeerConfig;
use crate::message::{AddressV2, Message, NetworkAddress, Services, UnixTime};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::{Context, PeerFacts};
use crate::relay::timing::exponential;

/// Longest message whose addresses are passed on: longer ones are answers to a question (as in Core).
const MAX_NEWS: usize = 10;
/// How long ago an address may have been seen that is passed on (as in Core).
const NEWS_AGE: Duration = Duration::from_secs(10 * 60);
/// How far ahead of our clock a time may lie that is believed (as in Core).
const MAX_AHEAD: Duration = Duration::from_secs(10 * 60);
/// Times up to this one are not believed (as in Core).
const LEAST_TIME: u32 = 100_000_000;
/// How old an address is taken to be whose time is not believed (as in Core).
const DOUBTFUL_AGE: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// To how many peers an address is passed on (as in Core).
const RELAY_TO: usize = 2;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What everyone gets who asks within a day.
#[derive(Clone, Debug)]
struct Answer {
    entries: Vec<AddressV2>,
    end: Duration,
    /// Length of the book when the answer was drawn.
    book: usize,
}

/// The part of the manager that passes addresses on.
#[derive(Debug)]
pub(crate) struct Gossip {
    /// Where this node can be reached.
    own: Option<SocketAddr>,
    services: Services,
    /// Whether addresses of a single machine or network are passed on.
    local: bool,
    peers: BTreeMap<PeerId, GossipPeer>,
    /// Decides where an address goes; drawn when the first peer comes.
    key: Option<(u64, u64)>,
    answer: Option<Answer>,
}

impl Gossip {
    /// Tells of [`PeerConfig::external`], if others can reach it.
    pub(crate) fn new(config: &PeerConfig) -> Self {
        let local = config.local_addresses;
        let own = config.external.filter(|addr| addr.port() != 0 && is_routable_ip(addr.ip(), local));
        Self { own, services: config.services, local, peers: BTreeMap::new(), key: None, answer: None }
    }

    /// A peer we called is asked for addresses and told our own.
    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, _book: &mut AddressBook, peer: &PeerFacts) {
        self.key.get_or_insert_with(|| (cx.rng.random(), cx.rng.random()));
        let mut state = GossipPeer::new(cx.now, peer, cx.rng);
        if peer.direction == Direction::Outbound {
            state.expect_answer();
            cx.out.send(peer.id, Message::GetAddr);
        }
        self.peers.insert(peer.id, state);
        self.tell_own(cx, peer.id);
    }

    pub(crate) fn on_closed(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    pub(crate) fn on_addr(
        &mut self,
        cx: &mut Context<'_>,
        book: &mut AddressBook,
        peer: PeerId,
        mut entries: Vec<AddressV2>,
    ) {
        let (own, local) = (self.own, self.local);
        let Some(state) = self.peers.get_mut(&peer) else { return };
        state.talks = true;
        state.fill(cx.now);
        let short = entries.len() < MAX_ADDR;
        let news = entries.len() <= MAX_NEWS && !state.asked;
        // So that the peer does not choose which ones the rate lets through.
        entries.shuffle(cx.rng);
        let mut taken = Vec::new();
        for mut entry in entries {
            if !state.take_token() {
                break;
            }
            entry.last_seen = believable(cx.now, entry.last_seen);
            state.learned(&entry);
            let ours = own.is_some_and(|own| is_at(&entry, own));
            if !ours && serves_blocks(entry.services) && is_routable(&entry, local) {
                taken.push(entry);
            }
        }
        if short {
            state.asked = false;
        }
        let source = state.addr;
        let fresh = unix(cx.now.saturating_sub(NEWS_AGE));
        for entry in taken.iter().filter(|entry| news && entry.last_seen > fresh) {
            self.pass_on(cx, peer, entry);
        }
        book.add(cx.now, &taken, source);
        self.tell_own(cx, peer);
    }

    /// Answers who called us, once. Who was called by us could otherwise find out from our answers that two addresses
    /// are one node (as in Core).
    pub(crate) fn on_get_addr(&mut self, cx: &mut Context<'_>, book: &mut AddressBook, peer: PeerId) {
        let Some(state) = self.peers.get_mut(&peer) else { return };
        if state.direction == Direction::Outbound {
            return;
        }
        if state.answered {
            cx.out.punish(peer, Misbehaviour::RepeatedRequest);
            return;
        }
        state.answered = true;
        state.talks = true;
        // Small books grow fast at first; each doubling is worth another answer.
        let stale = |answer: &Answer| cx.now >= answer.end || book.len() > answer.book.saturating_mul(2);
        if self.answer.as_ref().is_none_or(stale) {
            let entries = book.sample(cx.now, cx.rng, MAX_ADDR);
            self.answer = Some(Answer { entries, end: cx.now + DAY, book: book.len() });
        }
        if let Some(answer) = &self.answer
            && let Some(message) = state.message(&answer.entries)
        {
            cx.out.send(peer, message);
        }
        self.tell_own(cx, peer);
    }

    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>, _book: &mut AddressBook) {
        for (peer, state) in &mut self.peers {
            if let Some(message) = state.due(cx.now) {
                cx.out.send(*peer, message);
            }
        }
        let due = self.peers.iter().filter(|(_, state)| state.own_due.is_some_and(|due| due <= cx.now));
        let due: Vec<PeerId> = due.map(|(peer, _)| *peer).collect();
        for peer in due {
            self.tell_own(cx, peer);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.peers.values().filter_map(GossipPeer::deadline).min()
    }

    /// Tells a peer our own address, if it cares for addresses and has not been told for about a day.
    fn tell_own(&mut self, cx: &mut Context<'_>, peer: PeerId) {
        let (Some(own), Some(state)) = (self.own, self.peers.get_mut(&peer)) else { return };
        if !state.talks || state.own_due.is_some_and(|due| due > cx.now) {
            return;
        }
        state.own_due = Some(cx.now + exponential(cx.rng, DAY));
        let entry = AddressV2 {
            last_seen: unix(cx.now),
            services: self.services,
            address: NetworkAddress::from_ip(own.ip()),
            port: own.port(),
        };
        if let Some(message) = state.message(&[entry]) {
            cx.out.send(peer, message);
        }
    }

    /// Passes an address on to two peers. Which ones is decided by a keyed hash of the address, the peers and the day,
    /// so that telling it again does not spread it further. The days of two addresses begin at different times.
    fn pass_on(&mut self, cx: &mut Context<'_>, from: PeerId, entry: &AddressV2) {
        let Some((k0, k1)) = self.key else { return };
        let place = place(entry);
        let offset = Duration::from_secs(siphash24(k0, k1, &place) % DAY.as_secs());
        let day = (cx.now + offset).as_secs() / DAY.as_secs();
        let listeners = self
            .peers
            .iter_mut()
            .filter(|(peer, state)| **peer != from && state.talks && state.understands(&entry.address));
        let mut ranked: Vec<(u64, &mut GossipPeer)> = listeners
            .map(|(peer, state)| {
                let mut bytes = place.clone();
                bytes.extend(day.to_le_bytes());
                bytes.extend(peer.to_u64().to_le_bytes());
                (siphash24(k0, k1, &bytes), state)
            })
            .collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, state) in ranked.into_iter().take(RELAY_TO) {
            state.push(cx.now, cx.rng, *entry);
        }
    }
}

/// The bytes of address and port, which name the place.
fn place(entry: &AddressV2) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.address.encode(&mut bytes);
    bytes.extend(entry.port.to_be_bytes());
    bytes
}

fn same_place(a: &AddressV2, b: &AddressV2) -> bool {
    a.address == b.address && a.port == b.port
}

fn is_at(entry: &AddressV2, addr: SocketAddr) -> bool {
    entry.address == NetworkAddress::from_ip(addr.ip()) && entry.port == addr.port()
}

/// Whether a node that offers this is worth calling: it serves blocks, all or the last ones (Core's
/// `MayHaveUsefulAddressDB`).
const fn serves_blocks(services: Services) -> bool {
    services.contains(Services::NETWORK) || services.contains(Services::NETWORK_LIMITED)
}

/// The time as told, or five days ago if it cannot be right.
fn believable(now: Duration, told: UnixTime) -> UnixTime {
    if told.to_u32() <= LEAST_TIME || told > unix(now + MAX_AHEAD) {
        unix(now.saturating_sub(DOUBTFUL_AGE))
    } else {
        told
    }
}

fn unix(time: Duration) -> UnixTime {
    UnixTime::new(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}
