//! The peers of a node: who they are, what they may do, and which part handles what they say.

mod budget;
mod config;
mod connections;
mod dialer;
mod eviction;
pub(crate) mod group;
mod info;
mod ping;
mod route;
mod slot;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

pub use config::PeerConfig;
pub use info::PeerInfo;

use crate::address_book::{AddressBook, BanList};
use crate::event::{Action, DisconnectReason, Event, Notice, PeerId};
use crate::gossip::Gossip;
use crate::misbehaviour::{BAN_SCORE, Misbehaviour};
use crate::outbox::{Context, Outbox};
use crate::ports::Local;
use crate::relay::Relay;
use crate::sync::Sync;
use dialer::Dialer;
use slot::{Purpose, Slot};

/// The peers of a node: a state machine that takes [`Event`]s and gives [`Action`]s, and does nothing else.
///
/// It owns every connection's handshake, allowance, pings and points, decides whom to call, whom to let in and whom
/// to drop, and hands what established peers say to the parts that sync the chain, pass transactions on and pass
/// addresses on. Memory is bounded by the number of connections, which is bounded by [`PeerConfig`].
#[derive(Debug)]
pub struct PeerManager {
    config: PeerConfig,
    slots: BTreeMap<PeerId, Slot>,
    dialer: Dialer,
    book: AddressBook,
    bans: BanList,
    sync: Sync,
    relay: Relay,
    gossip: Gossip,
    rng: ChaCha12Rng,
    /// Ranks networks in an order that nobody outside can foresee.
    group_key: u64,
    out: Outbox,
}

impl PeerManager {
    /// Begins with the addresses and bans of earlier runs. `now` is the time since 1970; `seed` feeds the manager's
    /// random choices and is to be random itself.
    pub fn new(now: Duration, config: PeerConfig, book: AddressBook, bans: BanList, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            slots: BTreeMap::new(),
            dialer: Dialer::new(now, &config),
            book,
            bans,
            sync: Sync::new(config.spec.clone()),
            relay: Relay::new(),
            gossip: Gossip::new(&config),
            group_key: rng.random(),
            rng,
            out: Outbox::default(),
            config,
        }
    }

    /// Takes one event and says what is to be done, in order. `now` is the time since 1970 and never goes back.
    ///
    /// What is due by the time alone is done with [`Event::Tick`], which the driver sends when
    /// [`deadline`](Self::deadline) has come; it may have come when this returns.
    pub fn on_event(&mut self, now: Duration, event: Event, local: Local<'_>) -> Vec<Action> {
        // While the chain is far behind, transactions cannot be judged: none are asked for.
        self.relay.set_active(!self.sync.is_initial_download());
        match event {
            Event::Opened { peer, addr, direction } => self.opened(now, peer, addr, direction, local),
            Event::Unreachable { addr } => self.unreachable(now, addr),
            Event::Closed { peer } => self.remove(now, peer, local),
            Event::Received { peer, message, bytes } => self.received(now, peer, message, bytes, local),
            Event::Malformed { peer, error } => self.out.punish(peer, Misbehaviour::Malformed(error)),
            Event::Sent { peer, bytes } => {
                if let Some(slot) = self.slots.get_mut(&peer) {
                    slot.bytes_sent += bytes as u64;
                }
            }
            Event::BlockSent { .. }
            | Event::HeadersChecked { .. }
            | Event::BlockChecked { .. }
            | Event::TxChecked { .. }
            | Event::TipChanged { .. }
            | Event::PoolAdded { .. }
            | Event::Resync => self.node_event(now, event, local),
            Event::SeedsResolved { addrs } => self.seeds_resolved(now, &addrs),
            Event::AddNode { addr } => {
                self.dialer.name(now, addr);
            }
            Event::RemoveNode { addr } => self.dialer.forget(addr),
            Event::Ban { ip, time } => self.ban(now, ip, time),
            Event::Unban { ip } => {
                self.bans.unban(ip);
            }
            Event::Tick => self.on_time(now, local),
        }
        self.settle(now, local);
        std::mem::take(&mut self.out.actions)
    }

    /// When the next [`Event::Tick`] is due, as the time since 1970; may be past.
    pub fn deadline(&self) -> Duration {
        let slots = self.slots.values().map(Slot::deadline).min().unwrap_or(Duration::MAX);
        let connected = self.connected();
        let dialer =
            self.dialer.deadline(self.count(Purpose::Outbound), self.book.len(), &connected, &self.config);
        let parts = [self.sync.deadline(), self.relay.deadline(), self.gossip.deadline()];
        parts.into_iter().chain([self.extra_deadline()]).flatten().fold(slots.min(dialer), Duration::min)
    }

    /// The peers whose handshake is over, the oldest connection first.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let told = self.slots.iter().filter_map(|(id, slot)| Some((*id, slot, slot.info.as_ref()?)));
        told.map(|(id, slot, info)| PeerInfo {
            id,
            addr: slot.addr,
            direction: slot.purpose.direction(),
            manual: slot.purpose == Purpose::Manual,
            protocol: info.protocol,
            user_agent: info.version.user_agent.clone(),
            services: info.version.services,
            height: self.sync.peer_height(id).unwrap_or_else(|| info.version.height()),
            score: slot.score,
            opened: slot.opened,
            latency: slot.pings.last(),
            bytes_sent: slot.bytes_sent,
            bytes_received: slot.bytes_received,
        })
        .collect()
    }

    /// Number of connections, handshakes that are not over included.
    pub fn connections(&self) -> usize {
        self.slots.len()
    }

    /// Whether the chain is still far behind the clock, as far as this side can tell; once false it stays so.
    pub fn is_initial_download(&self) -> bool {
        self.sync.is_initial_download()
    }

    /// Blocks that peers were asked for and that are not here yet.
    pub fn blocks_in_flight(&self) -> usize {
        self.sync.blocks_in_flight()
    }

    /// The nodes that are known of, to be kept for the next run.
    pub fn book(&self) -> &AddressBook {
        &self.book
    }

    /// The bans, to be kept for the next run.
    pub fn bans(&self) -> &BanList {
        &self.bans
    }

    /// Drops whom the parts want dropped and counts points, until nothing is left to do.
    fn settle(&mut self, now: Duration, local: Local<'_>) {
        loop {
            if let Some((peer, what)) = pop_first(&mut self.out.faults) {
                self.count_points(now, peer, what, local);
            } else if let Some((peer, reason)) = pop_first(&mut self.out.drops) {
                self.drop_peer(now, peer, reason, local);
            } else {
                return;
            }
        }
    }

    fn count_points(&mut self, now: Duration, peer: PeerId, what: Misbehaviour, local: Local<'_>) {
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        slot.score = slot.score.saturating_add(what.points());
        let (score, ip, purpose) = (slot.score, slot.addr.ip(), slot.purpose);
        self.out.act(Action::Notice(Notice::Misbehaved { peer, what, score }));
        if score < BAN_SCORE {
            return;
        }
        // A node that the operator named stays allowed; so does this machine, where one bad peer is not all peers.
        if purpose != Purpose::Manual && !ip.to_canonical().is_loopback() {
            let time = self.config.ban_time;
            self.bans.ban(now, ip, time);
            self.out.act(Action::Notice(Notice::Banned { ip, time }));
        }
        self.drop_peer(now, peer, DisconnectReason::Misbehaved(what), local);
    }

    fn drop_peer(&mut self, now: Duration, peer: PeerId, reason: DisconnectReason, local: Local<'_>) {
        if self.slots.contains_key(&peer) {
            self.out.act(Action::Disconnect { peer, reason });
            self.remove(now, peer, local);
        }
    }

    /// Hands a part what it needs to handle an event.
    fn with_parts<R>(&mut self, now: Duration, local: Local<'_>, work: impl FnOnce(Parts<'_>) -> R) -> R {
        let cx = Context { now, local, rng: &mut self.rng, out: &mut self.out };
        work(Parts {
            cx,
            sync: &mut self.sync,
            relay: &mut self.relay,
            gossip: &mut self.gossip,
            book: &mut self.book,
        })
    }
}

/// The parts, each to be handed the context.
struct Parts<'a> {
    cx: Context<'a>,
    sync: &'a mut Sync,
    relay: &'a mut Relay,
    gossip: &'a mut Gossip,
    book: &'a mut AddressBook,
}

fn pop_first<T>(items: &mut Vec<T>) -> Option<T> {
    if items.is_empty() { None } else { Some(items.remove(0)) }
}
