//! Connections that open, end and are called for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::RngExt;

use super::PeerManager;
use super::budget::Budget;
use super::eviction::{self, Candidate};
use super::group::NetGroup;
use super::ping::Pings;
use super::slot::{Purpose, Slot};
use crate::event::{Action, DisconnectReason, Event, PeerId};
use crate::handshake::{self, Direction, Handshake, HandshakeConfig, MIN_PROTOCOL};
use crate::message::{AddressV2, Message, NetworkAddress, PeerEndpoint, Services, UnixTime, Version};
use crate::ports::Local;

/// The protocol this crate speaks.
const PROTOCOL: i32 = MIN_PROTOCOL;
/// How long a connection beyond those that are kept has to bring a block before one is dropped again.
pub(super) const EXTRA_TRIAL: Duration = Duration::from_secs(90);

impl PeerManager {
    pub(super) fn opened(
        &mut self,
        now: Duration,
        peer: PeerId,
        addr: SocketAddr,
        direction: Direction,
        local: Local<'_>,
    ) {
        let purpose = match direction {
            Direction::Inbound => Purpose::Inbound,
            // A call that was forgotten meanwhile counts as one by our own choice.
            Direction::Outbound => self.dialer.answered(now, addr).unwrap_or(Purpose::Outbound),
        };
        if let Some(reason) = self.refusal(now, addr, purpose, local) {
            if direction == Direction::Outbound {
                self.dialer.ended(now, addr, &mut self.rng);
            }
            self.out.act(Action::Disconnect { peer, reason });
            return;
        }
        let nonce = self.rng.random();
        let config = HandshakeConfig {
            direction,
            version: self.version(now, addr, nonce, local),
            min_protocol: MIN_PROTOCOL,
            required_services: match purpose {
                Purpose::Outbound => Services::NETWORK.union(Services::WITNESS),
                Purpose::Inbound | Purpose::Manual | Purpose::Feeler => Services::NONE,
            },
            timeout: self.config.handshake_timeout,
        };
        let (handshake, actions) = Handshake::new(now, config);
        let slot = Slot {
            addr,
            purpose,
            opened: now,
            handshake,
            nonce,
            info: None,
            score: 0,
            budget: Budget::new(now),
            pings: Pings::new(now),
            bytes_sent: 0,
            bytes_received: 0,
        };
        self.slots.insert(peer, slot);
        self.shake(now, peer, actions, local);
    }

    /// Why a connection is not to be kept; may drop another to make room.
    fn refusal(
        &mut self,
        now: Duration,
        addr: SocketAddr,
        purpose: Purpose,
        local: Local<'_>,
    ) -> Option<DisconnectReason> {
        let ip = addr.ip().to_canonical();
        if purpose != Purpose::Manual && self.bans.is_banned(now, ip) {
            return Some(DisconnectReason::Banned);
        }
        if purpose != Purpose::Inbound {
            let twice = self.slots.values().any(|slot| slot.addr == addr && slot.purpose != Purpose::Inbound);
            return twice.then_some(DisconnectReason::Duplicate);
        }
        let same_ip = self.slots.values().filter(|slot| slot.addr.ip().to_canonical() == ip).count();
        if !ip.is_loopback() && same_ip >= self.config.max_per_ip {
            return Some(DisconnectReason::Full);
        }
        if self.count(Purpose::Inbound) < self.config.max_inbound {
            return None;
        }
        match self.silent().or_else(|| eviction::choose(self.candidates())) {
            Some(evicted) => {
                self.drop_peer(now, evicted, DisconnectReason::Full, local);
                None
            }
            None => Some(DisconnectReason::Full),
        }
    }

    /// The inbound connection that has gone longest without shaking hands: it makes room before any that did.
    fn silent(&self) -> Option<PeerId> {
        let inbound = self.slots.iter().filter(|(_, slot)| slot.purpose == Purpose::Inbound);
        let silent = inbound.filter(|(_, slot)| slot.info.is_none());
        silent.min_by_key(|(id, slot)| (slot.opened, **id)).map(|(id, _)| *id)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let inbound = self.slots.iter().filter(|(_, slot)| slot.purpose == Purpose::Inbound);
        inbound
            .map(|(id, slot)| {
                let group = NetGroup::of(slot.addr.ip());
                Candidate {
                    id: *id,
                    group,
                    group_rank: group.rank(self.group_key),
                    opened: slot.opened,
                    least_ping: slot.pings.least(),
                    last_tx: self.relay.last_useful_tx(*id),
                    last_block: self.sync.last_useful_block(*id),
                }
            })
            .collect()
    }

    fn version(&self, now: Duration, addr: SocketAddr, nonce: u64, local: Local<'_>) -> Version {
        Version {
            protocol: PROTOCOL,
            services: self.config.services,
            timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            receiver: PeerEndpoint {
                services: Services::NONE,
                ip: addr.ip().to_canonical(),
                port: addr.port(),
            },
            sender: PeerEndpoint { services: self.config.services, ..PeerEndpoint::NONE },
            nonce,
            user_agent: self.config.user_agent.clone(),
            start_height: i32::try_from(local.chain.tip().height.to_u32()).unwrap_or(i32::MAX),
            relay: true,
        }
    }

    /// Does what a handshake wants done.
    pub(super) fn shake(
        &mut self,
        now: Duration,
        peer: PeerId,
        actions: Vec<handshake::Action>,
        local: Local<'_>,
    ) {
        use crate::misbehaviour::Misbehaviour;
        for action in actions {
            match action {
                handshake::Action::Send(message) => self.out.send(peer, message),
                handshake::Action::Established(info) => self.established(now, peer, *info, local),
                handshake::Action::Deliver(message) => self.deliver(now, peer, message, local),
                handshake::Action::Report(fault) => {
                    self.out.punish(peer, Misbehaviour::OutOfOrder(fault));
                }
                handshake::Action::Disconnect(refusal) => self.out.disconnect(peer, refusal.into()),
            }
        }
    }

    pub(super) fn unreachable(&mut self, now: Duration, addr: SocketAddr) {
        if self.dialer.is_calling(addr) {
            self.book.attempted(now, addr);
            self.dialer.ended(now, addr, &mut self.rng);
        }
    }

    /// Forgets a connection, wherever it is known.
    pub(super) fn remove(&mut self, now: Duration, peer: PeerId, local: Local<'_>) {
        let Some(slot) = self.slots.remove(&peer) else { return };
        if slot.purpose != Purpose::Inbound {
            match slot.info {
                Some(_) => self.book.seen(now, slot.addr),
                None => self.book.attempted(now, slot.addr),
            }
            self.dialer.ended(now, slot.addr, &mut self.rng);
        }
        if slot.info.is_some() {
            self.with_parts(now, local, |mut parts| {
                parts.sync.on_closed(&mut parts.cx, peer);
                parts.relay.on_closed(&mut parts.cx, peer);
                parts.gossip.on_closed(peer);
            });
        }
    }

    pub(super) fn ban(&mut self, now: Duration, ip: IpAddr, time: Duration) {
        let ip = ip.to_canonical();
        self.bans.ban(now, ip, time);
        let hit = self.slots.iter().filter(|(_, slot)| slot.addr.ip().to_canonical() == ip);
        let hit: Vec<PeerId> = hit.map(|(id, _)| *id).collect();
        for peer in hit {
            self.out.disconnect(peer, DisconnectReason::Operator);
        }
    }

    pub(super) fn seeds_resolved(&mut self, now: Duration, addrs: &[SocketAddr]) {
        let last_seen = UnixTime::new(u32::try_from(now.as_secs()).unwrap_or(u32::MAX));
        let services = Services::NETWORK.union(Services::WITNESS);
        for addr in addrs.iter().take(crate::limits::MAX_ADDR) {
            let address = NetworkAddress::from_ip(addr.ip());
            let entry = AddressV2 { last_seen, services, address, port: addr.port() };
            // Each counts as its own source, so that one seed cannot crowd the others out.
            self.book.add(now, &[entry], *addr);
        }
        self.dialer.addresses_came(now);
    }

    /// What is due by the time: handshakes, pings, calls, and the parts' own.
    pub(super) fn on_time(&mut self, now: Duration, local: Local<'_>) {
        let due: Vec<PeerId> =
            self.slots.iter().filter(|(_, slot)| now >= slot.deadline()).map(|(id, _)| *id).collect();
        for peer in due {
            self.slot_due(now, peer, local);
        }
        self.drop_extra(now);
        self.call(now);
        self.with_parts(now, local, |mut parts| {
            parts.sync.on_tick(&mut parts.cx);
            parts.relay.on_tick(&mut parts.cx);
            parts.gossip.on_tick(&mut parts.cx, parts.book);
        });
    }

    /// When one of the connections of our own choice is to be dropped, because there is one beyond those that are kept
    /// and it has had its time.
    pub(super) fn extra_deadline(&self) -> Option<Duration> {
        let outbound = self.slots.values().filter(|slot| slot.purpose == Purpose::Outbound);
        let (mut count, mut trial_over) = (0, None);
        for slot in outbound {
            count += 1;
            trial_over = trial_over.max(Some(slot.opened.saturating_add(EXTRA_TRIAL)));
        }
        trial_over.filter(|_| count > self.config.max_outbound)
    }

    /// Drops the one of them that last brought a new block the longest time ago; of those that never did the youngest
    /// (Core's `EvictExtraOutboundPeers`).
    fn drop_extra(&mut self, now: Duration) {
        if self.extra_deadline().is_none_or(|due| now < due) {
            return;
        }
        let outbound = self.slots.iter().filter(|(_, slot)| slot.purpose == Purpose::Outbound);
        let worth = |(id, slot): &(&PeerId, &Slot)| {
            (self.sync.last_useful_block(**id), Reverse(slot.opened), Reverse(**id))
        };
        if let Some(peer) = outbound.min_by_key(worth).map(|(id, _)| *id) {
            self.out.disconnect(peer, DisconnectReason::Full);
        }
    }

    fn slot_due(&mut self, now: Duration, peer: PeerId, local: Local<'_>) {
        let nonce = self.rng.random();
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        if slot.info.is_none() {
            let actions = slot.handshake.on_event(now, handshake::Event::Tick);
            self.shake(now, peer, actions, local);
        } else if slot.pings.timed_out(now) {
            self.out.disconnect(peer, DisconnectReason::PingTimeout);
        } else if slot.pings.due(now, nonce) {
            self.out.send(peer, Message::Ping(nonce));
        }
    }

    fn call(&mut self, now: Duration) {
        let connected = self.connected();
        self.dialer.call_named(now, &connected, &mut self.out.actions);
        if self.dialer.asks_seeds(now, self.book.len()) {
            self.ask_seeds();
        }
        let Some(purpose) = self.dialer.wants(now, self.count(Purpose::Outbound), &self.config) else {
            return;
        };
        let groups: BTreeSet<NetGroup> = self
            .slots
            .values()
            .filter(|slot| slot.purpose == Purpose::Outbound)
            .map(|slot| NetGroup::of(slot.addr.ip()))
            .collect();
        let one_network = self.config.local_addresses;
        let (dialer, bans) = (&self.dialer, &self.bans);
        let avoid = |addr: SocketAddr| {
            connected.contains(&addr)
                || dialer.taken(addr)
                || bans.is_banned(now, addr.ip().to_canonical())
                || (!one_network && groups.contains(&NetGroup::of(addr.ip())))
        };
        let only_new = purpose == Purpose::Feeler;
        let addr = self.book.pick(now, &mut self.rng, only_new, &avoid);
        self.dialer.call(now, purpose, addr, &mut self.rng, &mut self.out.actions);
    }

    fn ask_seeds(&mut self) {
        let network = &self.config.spec.network;
        let port = network.p2p_port;
        let names = if self.config.dns_seeds { network.dns_seeds.as_slice() } else { &[] };
        if !names.is_empty() {
            self.out.act(Action::ResolveSeeds { hosts: names.to_vec(), port });
        }
        for seed in &network.fixed_seeds {
            let (host, port) = match seed.rsplit_once(':') {
                Some((host, digits)) => (host.trim_matches(['[', ']']), digits.parse().unwrap_or(port)),
                None => (seed.as_str(), port),
            };
            self.out.act(Action::ResolveSeeds { hosts: vec![host.to_owned()], port });
        }
    }

    /// Where the connections lead that we opened.
    pub(super) fn connected(&self) -> BTreeSet<SocketAddr> {
        let ours = self.slots.values().filter(|slot| slot.purpose != Purpose::Inbound);
        ours.map(|slot| slot.addr).collect()
    }

    pub(super) fn count(&self, purpose: Purpose) -> usize {
        self.slots.values().filter(|slot| slot.purpose == purpose).count()
    }

    /// What happened in the node itself.
    pub(super) fn node_event(&mut self, now: Duration, event: Event, local: Local<'_>) {
        self.with_parts(now, local, |parts| {
            let mut cx = parts.cx;
            match event {
                Event::BlockSent { peer } => parts.sync.on_block_sent(&mut cx, peer),
                Event::HeadersChecked { peer, outcome } => {
                    parts.sync.on_headers_checked(&mut cx, peer, outcome);
                }
                Event::BlockChecked { peer, hash, outcome } => {
                    parts.sync.on_block_checked(&mut cx, peer, hash, outcome);
                }
                Event::TxChecked { peer, tx, outcome } => {
                    parts.relay.on_tx_checked(&mut cx, peer, tx, outcome);
                }
                Event::TipChanged { connected } => {
                    parts.relay.on_blocks(&mut cx, &connected);
                    parts.sync.on_tip_changed(&mut cx);
                }
                Event::PoolAdded { txid, wtxid, rate } => {
                    parts.relay.on_pool_added(&mut cx, txid, wtxid, rate);
                }
                Event::Resync => parts.sync.resync(&mut cx),
                // Everything else is about connections and handled before this is called.
                _ => {}
            }
        });
    }
}
