//! A node with one chain and no rules, and what is needed to run it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cairn_p2p::net::{Host, Net, NetConfig, NetHandle, Reply};
use cairn_p2p::{
    AddressBook, BanList, BlockOutcome, ChainPoint, ChainView, DisconnectReason, Event, HeaderEntry,
    HeadersOutcome, Notice, PeerConfig, PeerId, PeersFile, PoolTx, PoolView, TxOutcome, TxRef,
};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Encode, Header, Height, LockTime, Transaction, Txid, Work,
};
use tokio::task::JoinHandle;

/// One chain without branches: headers, and the blocks of the lowest of them.
#[derive(Default)]
pub(crate) struct TinyChain {
    inner: Mutex<Inner>,
    /// How often headers were asked for.
    pub(crate) headers_asked: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    headers: Vec<Header>,
    heights: BTreeMap<BlockHash, usize>,
    /// Blocks by hash; those that connect count for the tip.
    blocks: BTreeMap<BlockHash, Arc<Block>>,
    connected: usize,
}

impl Inner {
    fn add_header(&mut self, header: Header) -> bool {
        let next = self.headers.last().is_none_or(|last| last.hash() == header.prev);
        if next && self.heights.insert(header.hash(), self.headers.len()).is_none() {
            self.headers.push(header);
        }
        next
    }

    /// Takes a block; those that are connected by it.
    fn add_block(&mut self, block: Arc<Block>) -> Vec<Arc<Block>> {
        self.add_header(block.header);
        self.blocks.insert(block.hash(), block);
        let mut new = Vec::new();
        while let Some(block) =
            self.headers.get(self.connected).and_then(|next| self.blocks.get(&next.hash()))
        {
            new.push(block.clone());
            self.connected += 1;
        }
        new
    }

    fn point(&self, height: usize) -> ChainPoint {
        let header = self.headers[height];
        ChainPoint {
            hash: header.hash(),
            height: Height::new(height as u32),
            work: Work::from_u128(2 * (height as u128 + 1)),
            time: header.time,
        }
    }
}

impl ChainView for TinyChain {
    fn tip(&self) -> ChainPoint {
        let inner = self.inner.lock().unwrap();
        inner.point(inner.connected - 1)
    }

    fn best_header(&self) -> ChainPoint {
        let inner = self.inner.lock().unwrap();
        inner.point(inner.headers.len() - 1)
    }

    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry> {
        let inner = self.inner.lock().unwrap();
        let height = *inner.heights.get(hash)?;
        Some(HeaderEntry {
            point: inner.point(height),
            header: inner.headers[height],
            has_block: inner.blocks.contains_key(hash),
            active: height < inner.connected,
            invalid: false,
        })
    }

    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash> {
        let inner = self.inner.lock().unwrap();
        let (top, height) = (*inner.heights.get(of)?, height.to_u32() as usize);
        (height <= top).then(|| inner.headers[height].hash())
    }

    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint> {
        let inner = self.inner.lock().unwrap();
        let (a, b) = (*inner.heights.get(a)?, *inner.heights.get(b)?);
        Some(inner.point(a.min(b)))
    }

    fn locator(&self, from: &BlockHash) -> Vec<BlockHash> {
        let inner = self.inner.lock().unwrap();
        let top = inner.heights.get(from).copied().unwrap_or(0);
        [top, top / 2, 0].map(|height| inner.headers[height].hash()).to_vec()
    }

    fn headers_after(&self, locator: &[BlockHash], stop: &BlockHash, limit: usize) -> Vec<Header> {
        self.headers_asked.fetch_add(1, Ordering::Relaxed);
        let inner = self.inner.lock().unwrap();
        let start = locator.iter().find_map(|hash| inner.heights.get(hash)).map_or(0, |height| height + 1);
        let end = inner.heights.get(stop).map_or(inner.connected, |height| height + 1).min(inner.connected);
        inner.headers[start.min(end)..end].iter().take(limit).copied().collect()
    }
}

/// A pool that stays empty.
struct NoPool;

impl PoolView for NoPool {
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

/// The node of one driver.
#[derive(Default)]
pub(crate) struct TinyHost {
    pub(crate) chain: Arc<TinyChain>,
    handle: Arc<OnceLock<NetHandle>>,
    pub(crate) notices: Mutex<Vec<Notice>>,
    pub(crate) disconnects: Mutex<Vec<DisconnectReason>>,
}

impl Host for TinyHost {
    fn chain(&self) -> &dyn ChainView {
        &*self.chain
    }

    fn pool(&self) -> &dyn PoolView {
        &NoPool
    }

    fn check_headers(&self, _: PeerId, headers: Vec<Header>, done: Reply<HeadersOutcome>) {
        let chain = self.chain.clone();
        std::thread::spawn(move || {
            let mut inner = chain.inner.lock().unwrap();
            let before = inner.headers.len();
            assert!(
                headers
                    .into_iter()
                    .all(|header| { inner.heights.contains_key(&header.hash()) || inner.add_header(header) })
            );
            done.send(HeadersOutcome::Accepted { new: inner.headers.len() - before });
        });
    }

    fn check_block(&self, _: PeerId, block: Box<Block>, done: Reply<BlockOutcome>) {
        let (chain, handle) = (self.chain.clone(), self.handle.clone());
        std::thread::spawn(move || {
            let connected = chain.inner.lock().unwrap().add_block(Arc::from(block));
            done.send(BlockOutcome::Accepted);
            if let Some(handle) = handle.get().filter(|_| !connected.is_empty()) {
                let _ = handle.event(Event::TipChanged { connected });
            }
        });
    }

    fn check_tx(&self, _: PeerId, _: Arc<Transaction>, done: Reply<TxOutcome>) {
        done.send(TxOutcome::Unwanted { witness_stripped: false });
    }

    fn block_bytes(&self, hash: &BlockHash) -> Option<Vec<u8>> {
        Some(self.chain.inner.lock().unwrap().blocks.get(hash)?.to_bytes())
    }

    fn notice(&self, notice: Notice) {
        self.notices.lock().unwrap().push(notice);
    }

    fn disconnected(&self, _: PeerId, reason: DisconnectReason) {
        self.disconnects.lock().unwrap().push(reason);
    }
}

impl TinyHost {
    /// A node that has the first block and `count` more, the last of them a minute old.
    pub(crate) fn with_blocks(count: u32) -> Arc<Self> {
        let host = Self::default();
        {
            let mut inner = host.chain.inner.lock().unwrap();
            inner.add_block(Arc::new(presets::regtest().genesis_block()));
            for height in 1..=count {
                let block = mine(&inner.headers, (count - height + 1) * 60);
                inner.add_block(Arc::new(block));
            }
        }
        Arc::new(host)
    }

    /// Finds one more block and tells of it.
    pub(crate) fn mine(&self) {
        let connected = {
            let mut inner = self.chain.inner.lock().unwrap();
            let block = mine(&inner.headers, 0);
            inner.add_block(Arc::new(block))
        };
        self.handle.get().unwrap().event(Event::TipChanged { connected }).unwrap();
    }

    pub(crate) fn height(&self) -> u32 {
        self.chain.tip().height.to_u32()
    }
}

/// A block behind the last header, made `age` seconds ago.
fn mine(headers: &[Header], age: u32) -> Block {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32;
    let genesis = presets::regtest().genesis_block();
    let (version, inputs, outputs, _) = genesis.transactions[0].clone().into_parts();
    let coinbase = Transaction::new(version, inputs, outputs, LockTime::new(headers.len() as u32));
    let mut block = Block { header: genesis.header, transactions: vec![coinbase] };
    block.header.version = 0x2000_0000;
    block.header.prev = headers.last().unwrap().hash();
    block.header.merkle_root = block.merkle_root();
    block.header.time = BlockTime::new(now - age);
    let target = block.header.bits.to_target().unwrap();
    while !target.is_met_by(block.hash()) {
        block.header.nonce += 1;
    }
    block
}

/// A driver that runs, with its node.
pub(crate) struct Running {
    pub(crate) host: Arc<TinyHost>,
    pub(crate) net: NetHandle,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.net.listen_addr().unwrap()
    }
}

/// Any free port of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// How the tests' nodes deal with peers: they call `connect` alone.
pub(crate) fn peers(connect: &[SocketAddr]) -> PeerConfig {
    PeerConfig {
        connect: connect.to_vec(),
        dns_seeds: false,
        local_addresses: true,
        ..PeerConfig::new(Arc::new(presets::regtest()))
    }
}

pub(crate) async fn start_with(host: Arc<TinyHost>, config: NetConfig, peers: PeerConfig) -> Running {
    let saved = PeersFile { book: AddressBook::new([1; 32]), bans: BanList::default() };
    // Each node draws its own nonces, or it would take its peers for itself.
    static SEED: AtomicUsize = AtomicUsize::new(0);
    let seed = [SEED.fetch_add(1, Ordering::Relaxed) as u8; 32];
    let (net, task) = Net::start(config, peers, saved, seed, host.clone()).await.unwrap();
    host.handle.set(net.clone()).unwrap();
    Running { host, net, task }
}

/// A node that listens, and calls `connect`.
pub(crate) async fn start(host: Arc<TinyHost>, connect: &[SocketAddr]) -> Running {
    let config = NetConfig { listen: Some(anywhere()), ..NetConfig::default() };
    start_with(host, config, peers(connect)).await
}

/// Waits until something is so, at most two minutes: machines that build something else meanwhile are slow.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}
