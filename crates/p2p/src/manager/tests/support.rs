//! A manager on a chain that never moves, and the peers' side of the handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_params::presets;
use cairn_primitives::{Amount, BlockHash, Header, Height, Txid};

use crate::address_book::{AddressBook, BanList};
use crate::event::{Action, DisconnectReason, Event, PeerId};
use crate::handshake::{Direction, MIN_PROTOCOL};
use crate::manager::{PeerConfig, PeerManager};
use crate::message::{Message, PeerEndpoint, Services, UserAgent, Version};
use crate::ports::{ChainPoint, ChainView, HeaderEntry, Local, PoolTx, PoolView, TxRef};

pub(super) const START: Duration = Duration::from_secs(1_700_000_000);

/// A chain of its genesis block, and an empty pool.
struct Still {
    genesis: Header,
}

impl Still {
    fn point(&self) -> ChainPoint {
        ChainPoint {
            hash: self.genesis.hash(),
            height: Height::GENESIS,
            work: self.genesis.bits.to_target().expect("genesis has a target").to_work(),
            time: self.genesis.time,
        }
    }

    fn is_genesis(&self, hash: &BlockHash) -> bool {
        *hash == self.genesis.hash()
    }
}

impl ChainView for Still {
    fn tip(&self) -> ChainPoint {
        self.point()
    }
    fn best_header(&self) -> ChainPoint {
        self.point()
    }
    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry> {
        self.is_genesis(hash).then(|| HeaderEntry {
            point: self.point(),
            header: self.genesis,
            has_block: true,
            active: true,
            invalid: false,
        })
    }
    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash> {
        (self.is_genesis(of) && height == Height::GENESIS).then_some(*of)
    }
    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint> {
        (self.is_genesis(a) && self.is_genesis(b)).then(|| self.point())
    }
    fn locator(&self, from: &BlockHash) -> Vec<BlockHash> {
        vec![*from]
    }
    fn headers_after(&self, _: &[BlockHash], _: &BlockHash, _: usize) -> Vec<Header> {
        Vec::new()
    }
}

impl PoolView for Still {
    fn get(&self, _: &TxRef) -> Option<PoolTx> {
        None
    }
    fn min_rate(&self) -> Amount {
        Amount::from_sat(1_000)
    }
    fn all(&self, _: usize) -> Vec<PoolTx> {
        Vec::new()
    }
    fn is_confirmed(&self, _: &Txid) -> bool {
        false
    }
}

/// A manager, its clock and the numbers of connections.
pub(super) struct Bench {
    pub(super) manager: PeerManager,
    pub(super) now: Duration,
    still: Still,
    next_peer: u64,
}

impl Bench {
    pub(super) fn new(change: impl FnOnce(&mut PeerConfig)) -> Self {
        let spec = Arc::new(presets::regtest());
        let genesis = spec.genesis_block().header;
        let mut config = PeerConfig::new(spec);
        config.dns_seeds = false;
        change(&mut config);
        let book = AddressBook::new([7; 32]);
        let manager = PeerManager::new(START, config, book, BanList::default(), [1; 32]);
        Self { manager, now: START, still: Still { genesis }, next_peer: 0 }
    }

    pub(super) fn event(&mut self, event: Event) -> Vec<Action> {
        let local = Local { chain: &self.still, pool: &self.still };
        self.manager.on_event(self.now, event, local)
    }

    /// Lets time pass, with a tick whenever one is due.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<Action> {
        let end = self.now + time;
        let mut actions = self.event(Event::Tick);
        for _ in 0..100_000 {
            let due = self.manager.deadline().max(self.now);
            if due > end {
                break;
            }
            self.now = due;
            actions.extend(self.event(Event::Tick));
        }
        self.now = end;
        actions
    }

    pub(super) fn open(&mut self, addr: &str, direction: Direction) -> (PeerId, Vec<Action>) {
        self.next_peer += 1;
        let peer = PeerId::new(self.next_peer);
        let actions = self.event(Event::Opened { peer, addr: at(addr), direction });
        (peer, actions)
    }

    pub(super) fn say(&mut self, peer: PeerId, message: Message) -> Vec<Action> {
        self.event(Event::Received { peer, message, bytes: 100 })
    }

    /// Opens a connection and shakes hands.
    pub(super) fn meet(&mut self, addr: &str, direction: Direction) -> PeerId {
        let (peer, _) = self.open(addr, direction);
        let version = self.version(u64::from(at(addr).port()) << 16 | peer.to_u64());
        self.say(peer, version);
        self.say(peer, Message::Verack);
        peer
    }

    pub(super) fn version(&self, nonce: u64) -> Message {
        Message::Version(Box::new(Version {
            protocol: MIN_PROTOCOL,
            services: Services::NETWORK.union(Services::WITNESS),
            timestamp: 0,
            receiver: PeerEndpoint::NONE,
            sender: PeerEndpoint::NONE,
            nonce,
            user_agent: UserAgent::default(),
            start_height: 12,
            relay: true,
        }))
    }

    pub(super) fn knows(&self, peer: PeerId) -> bool {
        self.manager.peers().iter().any(|info| info.id == peer)
    }
}

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().expect("a test names good addresses")
}

/// Why these actions close a connection, if they do.
pub(super) fn closed(actions: &[Action]) -> Option<(PeerId, DisconnectReason)> {
    actions.iter().find_map(|action| match action {
        Action::Disconnect { peer, reason } => Some((*peer, *reason)),
        _ => None,
    })
}

pub(super) fn called(actions: &[Action]) -> Vec<SocketAddr> {
    let calls = actions.iter().filter_map(|action| match action {
        Action::Connect { addr } => Some(*addr),
        _ => None,
    });
    calls.collect()
}
