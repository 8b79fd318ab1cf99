//! The network: its hosts, its wire, its clock.

use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::{ChainReader, SubmitError, Submitted, Tip};
use cairn_mempool::{Accepted, Mempool, Rejection};
use cairn_p2p::{Codec, Direction};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, Height, OutPoint, Sha256, Transaction, Txid};

use super::HostId;
use super::adversary::{Behaviour, Puppet};
use super::config::{NetworkConfig, NodeOptions};
use super::node::SimNode;
use super::report::{self, Disconnected, Misbehaved, Spends};
use super::timeline::{Happening, Timeline};
use super::traffic::Traffic;
use super::wire::{Told, Wire, WireEvent};

/// How often a condition is looked at while the network runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A simulated network: see [the module](super).
#[derive(Debug)]
pub struct Network {
    pub(super) config: NetworkConfig,
    pub(super) time: Timeline,
    pub(super) wire: Wire,
    pub(super) hosts: Vec<Host>,
    pub(super) traffic: Traffic,
}

#[derive(Debug)]
pub(super) enum Host {
    Node(Box<SimNode>),
    Puppet(Box<Puppet>),
}

impl Network {
    /// An empty network.
    pub fn new(config: NetworkConfig) -> Self {
        let codec = Codec::for_chain(&config.spec);
        Self {
            time: Timeline::new(config.start, config.seed),
            wire: Wire::new(config.link, codec, config.spec.network.p2p_port),
            hosts: Vec::new(),
            traffic: Traffic::new(config.seed),
            config,
        }
    }

    /// The chain's rules.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.config.spec
    }

    /// The time by the virtual clock, since 1970.
    pub fn now(&self) -> Duration {
        self.time.now
    }

    /// Adds a node and switches it on. Its chain is at genesis.
    pub fn add_node(&mut self, options: NodeOptions) -> HostId {
        let id = self.wire.add_host();
        let mut node = Box::new(SimNode::new(id, self.config.spec.clone(), options));
        node.start(&mut self.time, &mut self.wire);
        self.hosts.push(Host::Node(node));
        id
    }

    /// Adds an adversary. It calls `targets` and keeps calling them; who knows its address may call it.
    pub fn add_adversary(
        &mut self,
        behaviour: impl Behaviour + 'static,
        targets: impl IntoIterator<Item = HostId>,
    ) -> HostId {
        let id = self.wire.add_host();
        let puppet =
            Puppet::new(id, self.config.spec.clone(), Box::new(behaviour), targets.into_iter().collect());
        self.hosts.push(Host::Puppet(Box::new(puppet)));
        self.with_puppet(id, |puppet, time, wire, chain| puppet.start(time, wire, chain));
        id
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let limit = self.time.now + time;
        while let Some(what) = self.time.next(limit) {
            self.happen(what);
        }
    }

    /// Lets time pass until a condition holds, at most for `limit`; whether it holds. The condition is looked at now
    /// and every second.
    pub fn run_until(&mut self, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let end = self.time.now + limit;
        loop {
            if condition(self) {
                return true;
            }
            if self.time.now >= end {
                return false;
            }
            self.run_for(LOOK_EVERY.min(end - self.time.now));
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Wire(event) => self.on_wire(event),
            Happening::Wake { host, life } => match &mut self.hosts[host.0] {
                Host::Node(node) if node.is_life(life) => node.wake(&mut self.time, &mut self.wire),
                Host::Node(_) => {}
                Host::Puppet(_) => {
                    self.with_puppet(host, |puppet, time, wire, chain| puppet.wake(time, wire, chain))
                }
            },
            Happening::Checked { host, life } => {
                if let Host::Node(node) = &mut self.hosts[host.0]
                    && node.is_life(life)
                {
                    node.checked(&mut self.time, &mut self.wire);
                }
            }
            Happening::Mine { plan } => self.on_mine(plan),
            Happening::Pay { plan } => self.on_pay(plan),
        }
    }

    fn on_wire(&mut self, event: WireEvent) {
        for told in self.wire.handle(&mut self.time, event) {
            let host = told.host();
            self.trace_told(host, &told);
            match &mut self.hosts[host.0] {
                Host::Node(node) => node.hear(&mut self.time, &mut self.wire, told),
                Host::Puppet(_) => {
                    self.with_puppet(host, |puppet, time, wire, chain| puppet.hear(time, wire, chain, told));
                }
            }
        }
    }

    fn trace_told(&mut self, host: HostId, told: &Told) {
        self.time.note(&(host.0 as u64).to_le_bytes());
        match told {
            Told::Opened { .. } => self.time.note(b"opened"),
            Told::NoAnswer { .. } => self.time.note(b"no answer"),
            Told::Bytes { bytes, .. } => self.time.note(bytes),
            Told::Departed { bytes, .. } => self.time.note(&(*bytes as u64).to_le_bytes()),
            Told::Closed { .. } => self.time.note(b"closed"),
        }
    }

    /// Lets a puppet act, which may look at the chain of the first node that is on.
    fn with_puppet(
        &mut self,
        host: HostId,
        act: impl FnOnce(&mut Puppet, &mut Timeline, &mut Wire, &ChainReader),
    ) {
        let running = self.hosts.iter().find_map(|host| match host {
            Host::Node(node) => node.running(),
            Host::Puppet(_) => None,
        });
        let Some(chain) = running.map(|running| running.reader.clone()) else { return };
        if let Host::Puppet(puppet) = &mut self.hosts[host.0] {
            act(puppet, &mut self.time, &mut self.wire, &chain);
        }
    }

    pub(super) fn node(&self, host: HostId) -> &SimNode {
        match &self.hosts[host.0] {
            Host::Node(node) => node,
            Host::Puppet(_) => panic!("{host} is an adversary"),
        }
    }

    /// A node with the clock and the wire it acts on.
    pub(super) fn node_mut(&mut self, host: HostId) -> (&mut SimNode, &mut Timeline, &mut Wire) {
        match &mut self.hosts[host.0] {
            Host::Node(node) => (node, &mut self.time, &mut self.wire),
            Host::Puppet(_) => panic!("{host} is an adversary"),
        }
    }

    /// All nodes, on or off.
    pub fn nodes(&self) -> Vec<HostId> {
        let nodes = self.hosts.iter().filter_map(|host| match host {
            Host::Node(node) => Some(node.id),
            Host::Puppet(_) => None,
        });
        nodes.collect()
    }

    /// All adversaries.
    pub fn adversaries(&self) -> Vec<HostId> {
        let all = (0..self.hosts.len()).map(HostId);
        all.filter(|host| matches!(self.hosts[host.0], Host::Puppet(_))).collect()
    }

    /// The adversaries that an honest node must drop in the end.
    pub fn rule_breakers(&self) -> Vec<HostId> {
        let breaks =
            |host: &HostId| matches!(&self.hosts[host.0], Host::Puppet(puppet) if puppet.breaks_rules());
        self.adversaries().into_iter().filter(breaks).collect()
    }

    /// The nodes that are on.
    pub fn running(&self) -> Vec<HostId> {
        self.nodes().into_iter().filter(|host| self.node(*host).running().is_some()).collect()
    }

    /// The chain of a node.
    ///
    /// # Panics
    /// If `host` is no node or is off, as do the following.
    pub fn chain(&self, host: HostId) -> &ChainReader {
        &self.node(host).running().expect("the node is on").reader
    }

    /// The pool of a node.
    pub fn pool(&self, host: HostId) -> &Mempool {
        &self.node(host).running().expect("the node is on").pool
    }

    /// The last block of a node's best chain.
    pub fn tip(&self, host: HostId) -> Tip {
        self.chain(host).tip()
    }

    /// The tips of all nodes that are on.
    pub fn tips(&self) -> Vec<(HostId, Tip)> {
        self.running().into_iter().map(|host| (host, self.tip(host))).collect()
    }

    /// Whether all nodes that are on have one tip.
    pub fn is_agreed(&self) -> bool {
        let tips = self.tips();
        tips.windows(2).all(|pair| pair[0].1 == pair[1].1)
    }

    /// The hash over a node's unspent coins: see [`coin_set_hash`](super::coin_set_hash).
    pub fn coin_set_hash(&self, host: HostId) -> Sha256 {
        report::coin_set_hash(self.chain(host)).expect("memory can be read")
    }

    /// A node's connections whose handshake is over: the host at the other end, and who called. Can be asked of an
    /// adversary too: then those that are open, whatever was said on them.
    pub fn connections(&self, host: HostId) -> Vec<(HostId, Direction)> {
        match &self.hosts[host.0] {
            Host::Node(node) => node.connections(),
            Host::Puppet(_) => {
                let ends = self.wire.ends_of(host).into_iter();
                let direction = |side| if side == 0 { Direction::Outbound } else { Direction::Inbound };
                ends.map(|(end, other)| (other, direction(end.side))).collect()
            }
        }
    }

    /// Whom a node has banned, in order of time, each as often as it was.
    pub fn bans(&self, host: HostId) -> Vec<HostId> {
        self.node(host).log.banned.iter().map(|(_, banned)| *banned).collect()
    }

    /// Whether a node's bans hold against another host now.
    pub fn is_banned(&self, by: HostId, host: HostId) -> bool {
        self.node(by).refuses(self.time.now, self.wire.addr(host).ip())
    }

    /// The connections a node closed, in order of time.
    pub fn disconnects(&self, host: HostId) -> &[Disconnected] {
        &self.node(host).log.disconnected
    }

    /// What a node held against its peers, in order of time.
    pub fn misbehaved(&self, host: HostId) -> &[Misbehaved] {
        &self.node(host).log.misbehaved
    }

    /// The most points any connection to `peer` has had at a node.
    pub fn points(&self, host: HostId, peer: HostId) -> u32 {
        let held = self.misbehaved(host).iter().filter(|held| held.host == Some(peer));
        held.map(|held| held.score).max().unwrap_or(0)
    }

    /// How many handshakes a node has finished.
    pub fn handshakes(&self, host: HostId) -> u64 {
        self.node(host).log.established
    }

    /// Blocks a node has asked peers for and does not have yet.
    pub fn blocks_in_flight(&self, host: HostId) -> usize {
        self.node(host).running().map_or(0, |running| running.manager.blocks_in_flight())
    }

    /// Who spends a coin, as a node sees it. Reads all blocks of its best chain.
    pub fn spends_of(&self, host: HostId, outpoint: &OutPoint) -> Spends {
        let chain = self.chain(host);
        let mut confirmed = Vec::new();
        for height in 1..=chain.tip().height.to_u32() {
            let hash = chain.block_hash_at(Height::new(height)).expect("it is at most the tip's");
            let block = chain.block(&hash).expect("memory can be read").expect("it is on the best chain");
            let spends = |tx: &&Transaction| tx.inputs().iter().any(|input| input.previous == *outpoint);
            confirmed.extend(block.transactions.iter().filter(spends).map(Transaction::txid));
        }
        Spends { confirmed, pool: self.pool(host).spender(outpoint) }
    }

    /// How many events have happened, and a hash over the time, order and content of each: the same for the same seed
    /// and the same calls.
    pub fn trace(&self) -> (u64, Sha256) {
        self.time.trace()
    }

    /// Hands a block in at a node, as its own user would.
    ///
    /// # Errors
    /// As [`ChainState::submit_block`](cairn_chainstate::ChainState::submit_block).
    pub fn submit_block(&mut self, host: HostId, block: Block) -> Result<Submitted, SubmitError> {
        let (node, time, wire) = self.node_mut(host);
        node.submit_block(time, wire, block).expect("the node is on")
    }

    /// Hands a transaction in at a node, as its own user would.
    ///
    /// # Errors
    /// As [`Mempool::accept`].
    pub fn submit_tx(&mut self, host: HostId, tx: Transaction) -> Result<Accepted, Rejection> {
        let (node, time, wire) = self.node_mut(host);
        node.submit_tx(time, wire, Arc::new(tx)).expect("the node is on")
    }

    /// The transactions of a node's pool.
    pub fn pool_txids(&self, host: HostId) -> Vec<Txid> {
        self.pool(host).candidates().map(cairn_mempool::Entry::txid).collect()
    }
}
