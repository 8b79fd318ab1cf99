//! A chain and peers to drive the sync with: real headers with real (easy) proof of work, blocks without
//! transactions, and a node that answers checks at once or when the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_consensus::{HeaderTree, NodeId, Verdict};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Amount, Block, BlockHash, BlockTime, Header, Height, MerkleRoot, Transaction, Txid};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::event::{Action, BlockOutcome, DisconnectReason, HeadersOutcome, PeerId};
use crate::handshake::{Direction, Peer as Info};
use crate::message::{BlockRequest, Inventory, Message, PeerEndpoint, Services, UserAgent, Version};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::{Context, Outbox, PeerFacts};
use crate::ports::{ChainPoint, ChainView, HeaderEntry, Local, PoolTx, PoolView, TxRef};
use crate::sync::Sync;

/// A far clock, so that headers may have any time.
const TREE_CLOCK: BlockTime = BlockTime::new(u32::MAX - 100_000);

pub(super) fn spec() -> Arc<ChainSpec> {
    Arc::new(presets::dev())
}

/// Headers above `parent`, `step` seconds apart; `tag` tells branches apart.
pub(super) fn mine(spec: &ChainSpec, parent: &Header, count: usize, step: u32, tag: u8) -> Vec<Header> {
    let mut headers = Vec::with_capacity(count);
    let mut last = *parent;
    for _ in 0..count {
        let mut header = Header {
            version: 4,
            prev: last.hash(),
            merkle_root: MerkleRoot::from_bytes([tag; 32]),
            time: last.time.saturating_add(step),
            bits: spec.genesis.bits,
            nonce: 0,
        };
        while cairn_consensus::check_pow(&header, header.hash(), spec).is_err() {
            header.nonce += 1;
        }
        headers.push(header);
        last = header;
    }
    headers
}

pub(super) fn block(header: Header) -> Box<Block> {
    Box::new(Block { header, transactions: Vec::<Transaction>::new() })
}

/// A chain whose blocks are only looked at by their headers.
#[derive(Debug)]
pub(super) struct FakeChain {
    pub(super) tree: HeaderTree,
    stored: BTreeSet<BlockHash>,
    /// Stored, with all blocks below.
    complete: BTreeSet<BlockHash>,
    /// Stored, but not their parents, by which they are found.
    waiting: BTreeMap<BlockHash, Vec<NodeId>>,
    tip: NodeId,
    /// Blocks of the best chain whose data is gone.
    lost: BTreeSet<(Height, BlockHash)>,
    /// Blocks that turn out invalid when they are submitted.
    pub(super) bad: BTreeSet<BlockHash>,
}

impl FakeChain {
    pub(super) fn new(spec: &Arc<ChainSpec>) -> Self {
        let tree = HeaderTree::new(spec.clone());
        let tip = tree.genesis();
        let genesis = BTreeSet::from([tree.hash(tip)]);
        let (stored, complete) = (genesis.clone(), genesis);
        Self {
            stored,
            complete,
            waiting: BTreeMap::new(),
            tip,
            tree,
            lost: BTreeSet::new(),
            bad: BTreeSet::new(),
        }
    }

    pub(super) fn with_blocks(spec: &Arc<ChainSpec>, headers: &[Header]) -> Self {
        let mut chain = Self::new(spec);
        for header in headers {
            assert_eq!(chain.submit(*header), BlockOutcome::Accepted);
        }
        chain
    }

    pub(super) fn genesis(&self) -> Header {
        *self.tree.header(self.tree.genesis())
    }

    pub(super) fn submit_headers(&mut self, headers: &[Header]) -> HeadersOutcome {
        let mut new = 0;
        for (index, header) in headers.iter().enumerate() {
            match self.tree.insert(*header, TREE_CLOCK) {
                Ok(inserted) => new += usize::from(inserted.new),
                Err(error) => {
                    return HeadersOutcome::Refused { index, verdict: error.verdict(), code: error.code() };
                }
            }
        }
        HeadersOutcome::Accepted { new }
    }

    /// Takes a block and moves to the best chain all of whose blocks are here.
    pub(super) fn submit(&mut self, header: Header) -> BlockOutcome {
        let hash = header.hash();
        let id = match self.tree.insert(header, TREE_CLOCK) {
            Ok(inserted) => inserted.id,
            Err(error) => return BlockOutcome::Refused { verdict: error.verdict(), code: error.code() },
        };
        if self.bad.contains(&hash) {
            self.tree.mark_invalid(id);
            return BlockOutcome::Refused { verdict: Verdict::Invalid, code: "bad-cb-amount" };
        }
        if !self.stored.insert(hash) {
            return BlockOutcome::Known;
        }
        if self.lost.remove(&(self.tree.height(id), hash)) {
            return BlockOutcome::Accepted;
        }
        self.activate(id);
        BlockOutcome::Accepted
    }

    /// Takes in what a new block completes: itself, if all below it is here, and what had waited for it.
    fn activate(&mut self, id: NodeId) {
        let parent = self.tree.header(id).prev;
        self.waiting.entry(parent).or_default().push(id);
        let mut bases = vec![parent];
        while let Some(base) = bases.pop().filter(|base| self.complete.contains(base)) {
            for id in self.waiting.remove(&base).unwrap_or_default() {
                let hash = self.tree.hash(id);
                self.complete.insert(hash);
                bases.insert(0, hash);
                if self.tree.work(id) > self.tree.work(self.tip) && !self.tree.is_invalid(id) {
                    self.tip = id;
                }
            }
        }
    }

    /// The block's data is gone.
    pub(super) fn lose(&mut self, hash: &BlockHash) {
        assert!(self.stored.remove(hash));
        let id = self.tree.get(hash).expect("it was stored");
        self.lost.insert((self.tree.height(id), *hash));
    }

    fn point(&self, id: NodeId) -> ChainPoint {
        ChainPoint {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
            work: self.tree.work(id),
            time: self.tree.header(id).time,
        }
    }
}

impl ChainView for FakeChain {
    fn tip(&self) -> ChainPoint {
        self.point(self.tip)
    }

    fn best_header(&self) -> ChainPoint {
        self.point(self.tree.best_header())
    }

    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry> {
        let id = self.tree.get(hash)?;
        Some(HeaderEntry {
            point: self.point(id),
            header: *self.tree.header(id),
            has_block: self.stored.contains(hash),
            active: self.tree.ancestor(self.tip, self.tree.height(id)) == Some(id),
            invalid: self.tree.is_invalid(id),
        })
    }

    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash> {
        let id = self.tree.get(of)?;
        self.tree.ancestor(id, height).map(|id| self.tree.hash(id))
    }

    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint> {
        Some(self.point(self.tree.fork_point(self.tree.get(a)?, self.tree.get(b)?)))
    }

    fn locator(&self, from: &BlockHash) -> Vec<BlockHash> {
        self.tree.get(from).map_or_else(Vec::new, |id| self.tree.locator(id))
    }

    fn wanted(&self, most: usize) -> Vec<(Height, BlockHash)> {
        self.lost.iter().take(most).copied().collect()
    }

    fn headers_after(&self, locator: &[BlockHash], stop: &BlockHash, limit: usize) -> Vec<Header> {
        if locator.is_empty() {
            return self.header(stop).map(|entry| entry.header).into_iter().collect();
        }
        let mut height = self.tree.height(self.tree.find_fork(locator, self.tip));
        let mut headers = Vec::new();
        while headers.len() < limit {
            height = height.next();
            let Some(id) = self.tree.ancestor(self.tip, height) else { break };
            headers.push(*self.tree.header(id));
            if self.tree.hash(id) == *stop {
                break;
            }
        }
        headers
    }
}

/// A pool that is empty.
struct NoPool;

impl PoolView for NoPool {
    fn get(&self, _id: &TxRef) -> Option<PoolTx> {
        None
    }

    fn min_rate(&self) -> Amount {
        Amount::ZERO
    }

    fn all(&self, _limit: usize) -> Vec<PoolTx> {
        Vec::new()
    }

    fn is_confirmed(&self, _txid: &Txid) -> bool {
        false
    }
}

/// The sync of one node, with the node's chain and everything it has said.
pub(super) struct Rig {
    pub(super) now: Duration,
    pub(super) spec: Arc<ChainSpec>,
    pub(super) chain: FakeChain,
    pub(super) sync: Sync,
    rng: ChaCha12Rng,
    /// Whether checks are answered at once.
    pub(super) checks: bool,
    pub(super) sent: Vec<(PeerId, Message)>,
    pub(super) to_check: Vec<(PeerId, Vec<Header>)>,
    pub(super) blocks_to_check: Vec<(PeerId, Box<Block>)>,
    pub(super) blocks_sent: Vec<(PeerId, BlockHash, bool)>,
    pub(super) faults: Vec<(PeerId, Misbehaviour)>,
    pub(super) drops: Vec<(PeerId, DisconnectReason)>,
    next_peer: u64,
}

impl Rig {
    /// A node with nothing but genesis, a thousand days later.
    pub(super) fn new() -> Self {
        let spec = spec();
        let genesis = spec.genesis.time.to_u32();
        Self::with_spec(spec, Duration::from_secs(u64::from(genesis) + 86_400_000))
    }

    /// A node with these blocks, at the time of the last.
    pub(super) fn with_blocks(headers: &[Header]) -> Self {
        let spec = spec();
        let time = headers.last().map_or(spec.genesis.time, |header| header.time);
        let mut rig = Self::with_spec(spec, Duration::from_secs(u64::from(time.to_u32())));
        rig.chain = FakeChain::with_blocks(&rig.spec, headers);
        rig
    }

    pub(super) fn with_spec(spec: Arc<ChainSpec>, now: Duration) -> Self {
        Self {
            now,
            chain: FakeChain::new(&spec),
            sync: Sync::new(spec.clone()),
            spec,
            rng: ChaCha12Rng::seed_from_u64(7),
            checks: true,
            sent: Vec::new(),
            to_check: Vec::new(),
            blocks_to_check: Vec::new(),
            blocks_sent: Vec::new(),
            faults: Vec::new(),
            drops: Vec::new(),
            next_peer: 1,
        }
    }

    /// Lets the sync handle something, and writes down what it says.
    pub(super) fn run(&mut self, act: impl FnOnce(&mut Sync, &mut Context<'_>)) {
        let mut act = Some(act);
        self.run_dyn(&mut |sync, cx| act.take().expect("called once")(sync, cx));
    }

    fn run_dyn(&mut self, act: &mut dyn FnMut(&mut Sync, &mut Context<'_>)) {
        let mut out = Outbox::default();
        let mut cx = Context {
            now: self.now,
            local: Local { chain: &self.chain, pool: &NoPool },
            rng: &mut self.rng,
            out: &mut out,
        };
        act(&mut self.sync, &mut cx);
        self.faults.extend(out.faults);
        for action in out.actions {
            match action {
                Action::Send { peer, message } => self.sent.push((peer, message)),
                Action::SendBlock { peer, hash, witness } => self.blocks_sent.push((peer, hash, witness)),
                Action::CheckHeaders { peer, headers } => self.to_check.push((peer, headers)),
                Action::CheckBlock { peer, block } => self.blocks_to_check.push((peer, block)),
                other => panic!("the sync has no business with {other:?}"),
            }
        }
        // As the manager does: whom it drops is reported gone.
        for (peer, reason) in out.drops {
            self.drops.push((peer, reason));
            self.run(|sync, cx| sync.on_closed(cx, peer));
        }
        let deadline = self.sync.deadline();
        assert!(deadline.is_none_or(|due| due > self.now), "nothing due is left over");
        if self.checks {
            self.check_all();
        }
    }

    /// Answers every check.
    pub(super) fn check_all(&mut self) {
        while !self.to_check.is_empty() || !self.blocks_to_check.is_empty() {
            for (peer, headers) in std::mem::take(&mut self.to_check) {
                let outcome = self.chain.submit_headers(&headers);
                self.run(|sync, cx| sync.on_headers_checked(cx, peer, outcome));
            }
            for (peer, block) in std::mem::take(&mut self.blocks_to_check) {
                self.check_block(peer, block.header);
            }
        }
    }

    /// Submits a block a peer sent, and reports what became of it.
    pub(super) fn check_block(&mut self, peer: PeerId, header: Header) {
        let before = self.chain.tip();
        let outcome = self.chain.submit(header);
        self.run(|sync, cx| sync.on_block_checked(cx, peer, header.hash(), outcome));
        if self.chain.tip() != before {
            self.run(|sync, cx| sync.on_tip_changed(cx));
        }
    }

    /// A block of this node's own.
    pub(super) fn mined(&mut self, header: Header) {
        assert_eq!(self.chain.submit(header), BlockOutcome::Accepted);
        self.run(|sync, cx| sync.on_tip_changed(cx));
    }

    pub(super) fn connect(&mut self, direction: Direction, manual: bool) -> PeerId {
        self.connect_with(direction, manual, Services::NETWORK.union(Services::WITNESS))
    }

    pub(super) fn connect_with(&mut self, direction: Direction, manual: bool, services: Services) -> PeerId {
        let id = PeerId::new(self.next_peer);
        self.next_peer += 1;
        let facts = facts(id, direction, manual, services);
        self.run(|sync, cx| sync.on_established(cx, &facts));
        id
    }

    pub(super) fn outbound(&mut self) -> PeerId {
        self.connect(Direction::Outbound, false)
    }

    pub(super) fn inbound(&mut self) -> PeerId {
        self.connect(Direction::Inbound, false)
    }

    pub(super) fn headers(&mut self, peer: PeerId, headers: &[Header]) {
        self.run(|sync, cx| sync.on_headers(cx, peer, headers.to_vec()));
    }

    pub(super) fn block(&mut self, peer: PeerId, header: Header) {
        self.run(|sync, cx| sync.on_block(cx, peer, block(header)));
    }

    pub(super) fn close(&mut self, peer: PeerId) {
        self.run(|sync, cx| sync.on_closed(cx, peer));
    }

    /// Lets time pass up to `time` later, with a tick whenever one is due.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.sync.deadline().filter(|due| *due <= end) {
            self.now = due;
            self.run(|sync, cx| sync.on_tick(cx));
        }
        self.now = end;
        self.run(|sync, cx| sync.on_tick(cx));
    }

    /// What has been sent since the last call.
    pub(super) fn take_sent(&mut self) -> Vec<(PeerId, Message)> {
        std::mem::take(&mut self.sent)
    }

    /// To whom `getheaders` have gone since the last call to this or [`take_sent`](Self::take_sent).
    pub(super) fn asked_headers(&mut self) -> Vec<PeerId> {
        let sent = self.take_sent();
        sent.into_iter()
            .filter(|(_, message)| matches!(message, Message::GetHeaders(_)))
            .map(|(id, _)| id)
            .collect()
    }

    /// The blocks asked for since the last such call, by peer.
    pub(super) fn asked_blocks(&mut self) -> BTreeMap<PeerId, Vec<BlockHash>> {
        let mut asked = BTreeMap::<PeerId, Vec<BlockHash>>::new();
        for (peer, message) in self.take_sent() {
            if let Message::GetData(items) = message {
                asked.entry(peer).or_default().extend(items.iter().map(|item| {
                    assert!(matches!(item, Inventory::WitnessBlock(_)));
                    BlockHash::from_bytes(item.hash())
                }));
            }
        }
        asked
    }
}

/// What the manager tells of a peer.
pub(super) fn facts(id: PeerId, direction: Direction, manual: bool, services: Services) -> PeerFacts {
    let version = Version {
        protocol: 70_016,
        services,
        timestamp: 0,
        receiver: PeerEndpoint::NONE,
        sender: PeerEndpoint::NONE,
        nonce: id.to_u64(),
        user_agent: UserAgent::default(),
        start_height: 0,
        relay: true,
    };
    let info = Info { version, protocol: 70_016, wtxid_relay: true, addr_v2: true, send_headers: false };
    let addr = SocketAddr::from(([10, 0, 0, 1], 1_000 + id.to_u64() as u16));
    PeerFacts { id, addr, direction, manual, info }
}

/// An honest peer's answer to one of our messages, from its own chain: messages, and blocks.
pub(super) fn answer(chain: &FakeChain, message: &Message) -> Vec<Message> {
    match message {
        Message::GetHeaders(BlockRequest { locator, stop, .. }) => {
            vec![Message::Headers(chain.headers_after(locator, stop, 2_000))]
        }
        Message::GetData(items) => items
            .iter()
            .map(|item| {
                let hash = BlockHash::from_bytes(item.hash());
                match chain.header(&hash).filter(|entry| entry.has_block) {
                    Some(entry) => Message::Block(block(entry.header)),
                    None => Message::NotFound(vec![*item]),
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

impl Rig {
    /// Hands a peer's message to the sync, as the manager does.
    pub(super) fn receive(&mut self, peer: PeerId, message: Message) {
        match message {
            Message::Headers(headers) => self.headers(peer, &headers),
            Message::Block(block) => self.run(|sync, cx| sync.on_block(cx, peer, block)),
            Message::NotFound(items) => {
                let hashes: Vec<_> = items.iter().map(|item| BlockHash::from_bytes(item.hash())).collect();
                self.run(|sync, cx| sync.on_block_not_found(cx, peer, &hashes));
            }
            Message::Inv(items) => {
                let hashes: Vec<_> = items.iter().map(|item| BlockHash::from_bytes(item.hash())).collect();
                self.run(|sync, cx| sync.on_block_inv(cx, peer, &hashes));
            }
            other => panic!("no test sends {other:?}"),
        }
    }

    /// Has each peer answer from its chain until all is quiet.
    pub(super) fn converse(&mut self, peers: &[(PeerId, &FakeChain)]) {
        loop {
            let sent = self.take_sent();
            let mut quiet = true;
            for (id, message) in sent {
                let Some((_, chain)) = peers.iter().find(|(peer, _)| *peer == id) else { continue };
                for reply in answer(chain, &message) {
                    quiet = false;
                    self.receive(id, reply);
                }
            }
            if quiet {
                return;
            }
        }
    }
}
