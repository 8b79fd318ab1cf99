//! A real node on the simulated network: peer manager, pool and chain, with the wire in place of sockets.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::simulate::{PowerCut, SimDisk};
use cairn_chainstate::{ChainReader, ChainState, ChainStateConfig, SubmitError, Submitted};
use cairn_mempool::{Accepted, Mempool, Policy, Rejection};
use cairn_p2p::{
    Action, AddressBook, AddressV2, BanList, Direction, Event, Local, Message, NetworkAddress, Notice,
    PeerConfig, PeerId, PeerManager, PeersFile, Services, UnixTime,
};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, BlockTime, Script, Transaction};
use rand::Rng;

use super::HostId;
use super::config::NodeOptions;
use super::report::{Disconnected, Log, Misbehaved};
use super::timeline::{Happening, Timeline};
use super::view::{ChainPort, PoolPort, rate};
use super::wire::{End, Told, Wire};
use super::work::Job;
use crate::draft::Draft;

/// Ticks in a row that may be overdue before the manager is taken to have hung.
const MAX_OVERDUE: u32 = 10_000;
/// Shortest time between two ticks.
const LEAST_TICK: Duration = Duration::from_millis(1);
/// Blocks that are told of with a new tip; a longer leap is told without them.
const MAX_TOLD_BLOCKS: usize = 16;

/// A node, on or off.
#[derive(Debug)]
pub(super) struct SimNode {
    pub(super) id: HostId,
    pub(super) spec: Arc<ChainSpec>,
    pub(super) options: NodeOptions,
    pub(super) log: Log,
    /// Counts the starts, so that what an earlier life set going does not reach a later one.
    life: u32,
    disk: SimDisk,
    saved_pool: Vec<u8>,
    saved_peers: Vec<u8>,
    running: Option<Running>,
}

/// What a node has while it is on.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) manager: PeerManager,
    pub(super) chain: ChainState,
    pub(super) reader: ChainReader,
    pub(super) pool: Mempool,
    pub(super) jobs: VecDeque<Job>,
    pub(super) busy_until: Duration,
    wake_at: Option<Duration>,
    overdue: u32,
    /// The tip that pool and peers know of.
    followed: BlockHash,
    peers: BTreeMap<PeerId, HostId>,
}

pub(super) fn block_time(now: Duration) -> BlockTime {
    BlockTime::new(u32::try_from(now.as_secs()).unwrap_or(u32::MAX))
}

impl Running {
    /// Whether the chain has come to another tip than pool and peers know of: the blocks that left, the old tip first,
    /// and those that came, lowest first.
    fn moved(&self) -> Option<(Vec<Block>, Vec<Block>)> {
        let view = self.reader.view();
        let tree = view.tree();
        let from = tree.get(&self.followed).expect("a header is never forgotten");
        if from == view.tip_id() {
            return None;
        }
        let plan = tree.plan(from, view.tip_id());
        let hashes = |ids: Vec<_>| ids.into_iter().map(|id| tree.hash(id)).collect::<Vec<_>>();
        let (left, came) = (hashes(plan.disconnect), hashes(plan.connect));
        drop(view);
        let read = |hash: &BlockHash| {
            let block = self.reader.block(hash).expect("memory can be read");
            block.expect("a block that is or was on the best chain is here")
        };
        Some((left.iter().map(read).collect(), came.iter().map(read).collect()))
    }

    /// Has the pool follow the chain; gives what the peers' side is to be told.
    fn follow(&mut self, now: Duration) -> Vec<Event> {
        let Some((left, came)) = self.moved() else { return Vec::new() };
        self.followed = self.reader.tip().hash;
        let now = block_time(now);
        let mut entered = Vec::new();
        if left.is_empty() {
            for block in &came {
                self.pool.block_connected(block, now);
            }
        } else {
            entered = self.pool.reorganized(&left, &came, now, &ChainPort(&self.reader)).entered;
        }
        let connected = if came.len() > MAX_TOLD_BLOCKS { Vec::new() } else { came };
        let connected = connected.into_iter().map(Arc::new).collect();
        let mut events = vec![Event::TipChanged { connected }];
        // Whoever was on the other branch has never heard of these.
        events.extend(entered.iter().filter_map(|txid| self.added(self.pool.get(txid)?)));
        events
    }

    fn added(&self, entry: &cairn_mempool::Entry) -> Option<Event> {
        Some(Event::PoolAdded { txid: entry.txid(), wtxid: entry.wtxid(), rate: rate(entry) })
    }

    pub(super) fn accept(&mut self, tx: Arc<Transaction>, now: Duration) -> Result<Accepted, Rejection> {
        self.pool.accept(tx, block_time(now), &ChainPort(&self.reader)).result
    }

    pub(super) fn added_to_pool(&self, accepted: &Accepted) -> Option<Event> {
        self.added(self.pool.get(&accepted.txid)?)
    }
}

impl SimNode {
    pub(super) fn new(id: HostId, spec: Arc<ChainSpec>, options: NodeOptions) -> Self {
        Self {
            id,
            spec,
            options,
            log: Log::default(),
            life: 0,
            disk: SimDisk::new(),
            saved_pool: Vec::new(),
            saved_peers: Vec::new(),
            running: None,
        }
    }

    pub(super) fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    pub(super) fn is_life(&self, life: u32) -> bool {
        self.life == life && self.running.is_some()
    }

    /// Switches the node on: the chain from its disk, the pool from its file.
    pub(super) fn start(&mut self, time: &mut Timeline, wire: &mut Wire) {
        let config = ChainStateConfig { script_threads: 1, ..ChainStateConfig::new("") };
        let chain = self.disk.open(self.spec.clone(), &config).expect("a simulated disk opens after any cut");
        let mut seed = [0; 32];
        time.rng.fill_bytes(&mut seed);
        let reader = chain.reader();
        let PeersFile { book, bans } = self.peers_file(time, wire, seed);
        let running = Running {
            manager: PeerManager::new(time.now, self.peer_config(wire), book, bans, seed),
            followed: reader.tip().hash,
            reader,
            chain,
            pool: Mempool::new(self.spec.clone(), Policy::default()),
            jobs: VecDeque::new(),
            busy_until: time.now,
            wake_at: None,
            overdue: 0,
            peers: BTreeMap::new(),
        };
        self.life += 1;
        self.running = Some(running);
        self.load_pool(time.now);
        wire.set_up(self.id, true);
        for node in self.options.named.clone() {
            self.feed(time, wire, Event::AddNode { addr: wire.addr(node) });
        }
        self.feed(time, wire, Event::Tick);
    }

    fn peer_config(&self, wire: &Wire) -> PeerConfig {
        PeerConfig {
            max_outbound: self.options.max_outbound,
            max_inbound: self.options.max_inbound,
            external: Some(wire.addr(self.id)),
            dns_seeds: false,
            ..PeerConfig::new(self.spec.clone())
        }
    }

    /// Addresses and bans of the life before, or what the options say.
    fn peers_file(&mut self, time: &Timeline, wire: &Wire, key: [u8; 32]) -> PeersFile {
        let saved = std::mem::take(&mut self.saved_peers);
        if !saved.is_empty() {
            return PeersFile::from_bytes(&saved).expect("a file that was just written is whole");
        }
        let mut book = AddressBook::new(key);
        for host in &self.options.known {
            let addr = wire.addr(*host);
            let entry = AddressV2 {
                last_seen: UnixTime::new(block_time(time.now).to_u32()),
                services: Services::NETWORK.union(Services::WITNESS),
                address: NetworkAddress::from_ip(addr.ip()),
                port: addr.port(),
            };
            book.add(time.now, &[entry], addr);
        }
        PeersFile { book, bans: BanList::default() }
    }

    /// Offers what the pool held when the node was switched off.
    fn load_pool(&mut self, now: Duration) {
        let bytes = std::mem::take(&mut self.saved_pool);
        let Some(running) = self.running.as_mut().filter(|_| !bytes.is_empty()) else { return };
        let now = block_time(now);
        let saved = running.pool.load(&bytes, now).expect("a file that was just written is whole");
        for saved in saved {
            // What a block has taken meanwhile is refused, as it should be.
            let _ = running.pool.accept_at(saved.tx, saved.time, now, &ChainPort(&running.reader));
        }
    }

    /// Switches the node off in good order: its peers are told, chain and pool are kept.
    pub(super) fn stop(&mut self, time: &mut Timeline, wire: &mut Wire) {
        for (end, _) in wire.ends_of(self.id) {
            wire.close(time, end);
        }
        if let Some(running) = self.running.take() {
            self.saved_pool = running.pool.save();
            self.saved_peers = PeersFile::to_bytes(running.manager.book(), running.manager.bans());
            running.chain.close().expect("memory can be written");
        }
        wire.forget_host(self.id);
        wire.set_up(self.id, false);
    }

    /// Takes the power away: nobody is told, the pool is gone, of the chain remains what was synced.
    pub(super) fn crash(&mut self, wire: &mut Wire, cut: PowerCut) {
        self.running = None;
        self.disk.cut_power(cut);
        wire.forget_host(self.id);
        wire.set_up(self.id, false);
    }

    /// Hands the manager an event, and does what it says.
    pub(super) fn feed(&mut self, time: &mut Timeline, wire: &mut Wire, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(running) = &mut self.running else { return };
            let pool = PoolPort { pool: &running.pool, chain: &running.reader, now: block_time(time.now) };
            let local = Local { chain: &ChainPort(&running.reader), pool: &pool };
            let actions = running.manager.on_event(time.now, event, local);
            for action in actions {
                events.extend(self.act(time, wire, action));
            }
        }
        self.plan_wake(time);
    }

    fn plan_wake(&mut self, time: &mut Timeline) {
        let Some(running) = &mut self.running else { return };
        let deadline = running.manager.deadline();
        let at = if deadline <= time.now { time.now + LEAST_TICK } else { deadline };
        if running.wake_at.is_none_or(|planned| planned > at || planned <= time.now) {
            running.wake_at = Some(at);
            time.at(at, Happening::Wake { host: self.id, life: self.life });
        }
    }

    pub(super) fn wake(&mut self, time: &mut Timeline, wire: &mut Wire) {
        let Some(running) = self.running.as_mut().filter(|running| running.wake_at == Some(time.now)) else {
            return;
        };
        running.wake_at = None;
        self.feed(time, wire, Event::Tick);
        let Some(running) = &mut self.running else { return };
        running.overdue = if running.manager.deadline() <= time.now { running.overdue + 1 } else { 0 };
        assert!(
            running.overdue < MAX_OVERDUE,
            "{}: the manager's deadline stands still in the past",
            self.id
        );
    }

    /// Does one thing the manager wants done; gives what happened at once because of it.
    fn act(&mut self, time: &mut Timeline, wire: &mut Wire, action: Action) -> Vec<Event> {
        match action {
            Action::Connect { addr } => wire.dial(time, self.id, addr),
            Action::Send { peer, message } => return self.send(time, wire, peer, &message, false),
            Action::SendBlock { peer, hash, witness } => {
                let Some(running) = &self.running else { return Vec::new() };
                let block = running.reader.block(&hash).expect("memory can be read");
                return match block {
                    Some(block) => {
                        let block = if witness { block } else { without_witness(block) };
                        self.send(time, wire, peer, &Message::Block(Box::new(block)), true)
                    }
                    None => vec![Event::BlockSent { peer }],
                };
            }
            Action::Throttle { peer, time: span } => {
                let until = time.now + span;
                wire.throttle(time, End::from_number(peer.to_u64()), until);
            }
            Action::Disconnect { peer, reason } => {
                let host = self.host_of(peer);
                self.log.disconnected.push(Disconnected { at: time.now, host, reason });
                wire.close(time, End::from_number(peer.to_u64()));
            }
            Action::CheckHeaders { peer, headers } => self.add_job(time, Job::Headers { peer, headers }),
            Action::CheckBlock { peer, block } => self.add_job(time, Job::Block { peer, block }),
            Action::CheckTx { peer, tx } => self.add_job(time, Job::Tx { peer, tx }),
            Action::ResolveSeeds { .. } => return vec![Event::SeedsResolved { addrs: Vec::new() }],
            Action::Notice(notice) => self.note(time, wire, notice),
        }
        Vec::new()
    }

    fn send(
        &mut self,
        time: &mut Timeline,
        wire: &mut Wire,
        peer: PeerId,
        message: &Message,
        block: bool,
    ) -> Vec<Event> {
        let end = End::from_number(peer.to_u64());
        if !wire.is_open(end) {
            return Vec::new();
        }
        let Some((codec, _)) = wire.codec(end) else { return Vec::new() };
        let bytes = codec.encode(message).expect("a node sends nothing that its like would refuse");
        if wire.send(time, end, bytes, block) {
            return Vec::new();
        }
        wire.close(time, end);
        vec![Event::Closed { peer }]
    }

    fn note(&mut self, time: &Timeline, wire: &Wire, notice: Notice) {
        match notice {
            Notice::Established { .. } => self.log.established += 1,
            Notice::Misbehaved { peer, what, score } => {
                let host = self.host_of(peer);
                self.log.misbehaved.push(Misbehaved { at: time.now, host, what, score });
            }
            Notice::Banned { ip, .. } => {
                self.log.banned.extend(wire.host_at(ip).map(|host| (time.now, host)))
            }
        }
    }

    fn host_of(&self, peer: PeerId) -> Option<HostId> {
        self.running.as_ref()?.peers.get(&peer).copied()
    }

    /// The wire has something to tell.
    pub(super) fn hear(&mut self, time: &mut Timeline, wire: &mut Wire, told: Told) {
        let peer = |end: End| PeerId::new(end.number());
        match told {
            Told::Opened { end, addr, direction, .. } => {
                if let (Some(running), Some((_, other))) = (&mut self.running, wire.hosts(end)) {
                    running.peers.insert(peer(end), other);
                }
                self.feed(time, wire, Event::Opened { peer: peer(end), addr, direction });
            }
            Told::NoAnswer { addr, .. } => self.feed(time, wire, Event::Unreachable { addr }),
            Told::Bytes { end, bytes, .. } => self.read(time, wire, end, &bytes),
            Told::Departed { end, bytes, block, .. } => {
                self.feed(time, wire, Event::Sent { peer: peer(end), bytes });
                if block {
                    self.feed(time, wire, Event::BlockSent { peer: peer(end) });
                }
            }
            Told::Closed { end, .. } => self.feed(time, wire, Event::Closed { peer: peer(end) }),
        }
    }

    /// Turns bytes into messages, until the end of them or until the manager wants to read no more.
    fn read(&mut self, time: &mut Timeline, wire: &mut Wire, end: End, mut input: &[u8]) {
        let peer = PeerId::new(end.number());
        while wire.is_open(end) {
            if wire.is_deaf(end, time.now) {
                wire.put_back(end, input.to_vec());
                return;
            }
            let Some((codec, partial)) = wire.codec(end) else { return };
            let before = input.len();
            let decoded = codec.decode(&mut input);
            *partial += before - input.len();
            let event = match decoded {
                Ok(None) => return,
                Ok(Some(message)) => Event::Received { peer, message, bytes: std::mem::take(partial) },
                Err(error) => {
                    *partial = 0;
                    Event::Malformed { peer, error }
                }
            };
            let fatal = matches!(&event, Event::Malformed { error, .. } if error.is_fatal());
            self.feed(time, wire, event);
            if fatal {
                return;
            }
        }
    }

    fn add_job(&mut self, time: &mut Timeline, job: Job) {
        let Some(running) = &mut self.running else { return };
        running.busy_until = running.busy_until.max(time.now) + job.cost();
        running.jobs.push_back(job);
        time.at(running.busy_until, Happening::Checked { host: self.id, life: self.life });
    }

    /// The check at the head of the queue is done now.
    pub(super) fn checked(&mut self, time: &mut Timeline, wire: &mut Wire) {
        let Some(running) = &mut self.running else { return };
        let Some(job) = running.jobs.pop_front() else { return };
        let events = running.run(job, time.now);
        for event in events {
            self.feed(time, wire, event);
        }
        self.follow_chain(time, wire);
    }

    fn follow_chain(&mut self, time: &mut Timeline, wire: &mut Wire) {
        let Some(running) = &mut self.running else { return };
        for event in running.follow(time.now) {
            self.feed(time, wire, event);
        }
    }

    /// Hands in a block as the node's own user would.
    pub(super) fn submit_block(
        &mut self,
        time: &mut Timeline,
        wire: &mut Wire,
        block: Block,
    ) -> Option<Result<Submitted, SubmitError>> {
        let now = block_time(time.now);
        let result = self.running.as_mut()?.chain.submit_block(block, now);
        self.follow_chain(time, wire);
        Some(result)
    }

    /// Hands in a transaction as the node's own user would.
    pub(super) fn submit_tx(
        &mut self,
        time: &mut Timeline,
        wire: &mut Wire,
        tx: Arc<Transaction>,
    ) -> Option<Result<Accepted, Rejection>> {
        let running = self.running.as_mut()?;
        let result = running.accept(tx, time.now);
        if let Some(event) = result.as_ref().ok().and_then(|accepted| running.added_to_pool(accepted)) {
            self.feed(time, wire, event);
        }
        Some(result)
    }

    /// A block on the node's tip with what its pool holds, up to `weight` units.
    pub(super) fn build_block(
        &self,
        now: Duration,
        payout: Script,
        extra: u64,
        weight: u64,
    ) -> Option<Block> {
        let running = self.running.as_ref()?;
        let next = running.reader.next_block(block_time(now));
        let mut draft = Draft::new(self.spec.clone(), next).pay_to(payout).extra(extra);
        let mut left = weight;
        for entry in running.pool.candidates() {
            let Some(rest) = left.checked_sub(entry.tx().weight().to_u64()) else { break };
            left = rest;
            draft = draft.add((**entry.tx()).clone(), entry.fee());
        }
        Some(draft.seal())
    }

    /// The connections, each with the host at the other end and who called.
    pub(super) fn connections(&self) -> Vec<(HostId, Direction)> {
        let Some(running) = &self.running else { return Vec::new() };
        let peers = running.manager.peers();
        peers.iter().filter_map(|info| Some((*running.peers.get(&info.id)?, info.direction))).collect()
    }

    /// Whether the node's manager refuses this address now.
    pub(super) fn refuses(&self, now: Duration, ip: IpAddr) -> bool {
        self.running.as_ref().is_some_and(|running| running.manager.bans().is_banned(now, ip))
    }
}

/// The block as those get it who do not ask for witnesses.
fn without_witness(block: Block) -> Block {
    let strip = |tx: Transaction| {
        let (version, mut inputs, outputs, lock_time) = tx.into_parts();
        for input in &mut inputs {
            input.witness = Default::default();
        }
        Transaction::new(version, inputs, outputs, lock_time)
    };
    Block { header: block.header, transactions: block.transactions.into_iter().map(strip).collect() }
}
