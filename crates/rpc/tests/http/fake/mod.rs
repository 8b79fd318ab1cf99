//! A node with a made-up chain in memory, and what a test may do to it.

mod api;
mod pool;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};

use cairn_miner::BlockTemplate;
use cairn_primitives::{
    Address, AddressPrefixes, Amount, Block, BlockTime, CompactTarget, Decode, Hash160, Header, Height, Hrp,
    LockTime, OutPoint, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness, Work, hex,
};
use cairn_rpc::*;
use tokio::sync::broadcast;

pub(crate) use pool::{POOL_TIME, WALLET_FEE, child, payment};

/// Bitcoin's first block.
pub(crate) const GENESIS: &str = concat!(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f61",
    "7fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c0101000000010000000000000000000000000000000000000000",
    "000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c",
    "6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a0100000043",
    "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7",
    "ba0b8d578a4c702b6bf11d5fac00000000"
);
pub(crate) const GENESIS_HASH: &str = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
pub(crate) const GENESIS_TXID: &str = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
pub(crate) const SPEC: &str = r#"
[chain]
name = "fake"
ticker = "FAKE"
decimals = 8

[network]
http_port = 6333

[address]
p2pkh = 70
p2sh = 5
wif = 128
hrp = "fake"
xpub = "0488b21e"
xprv = "0488ade4"
coin_type = 1
"#;
const SUBSIDY: Amount = Amount::from_sat(5_000_000_000);
const FEE: Amount = Amount::from_sat(1_000);
const MATURITY: u32 = 100;

pub(crate) fn notation() -> Notation {
    Notation {
        currency: Currency::new("FAKE", 8).unwrap(),
        prefixes: AddressPrefixes {
            p2pkh: 70,
            p2sh: 5,
            wif: 128,
            hrp: Hrp::new("fake").unwrap(),
            xpub: [4, 0x88, 0xb2, 0x1e],
            xprv: [4, 0x88, 0xad, 0xe4],
            coin_type: 1,
        },
        pow_limit: CompactTarget::from_bits(0x1d00_ffff).to_target().unwrap(),
    }
}

/// The address that owner number `n` has on the made-up chain.
pub(crate) fn address(owner: u8) -> String {
    Address::P2pkh(Hash160::from_bytes([owner; 20])).encode(&notation().prefixes)
}

/// Unspent outputs by height and place, with whether a coinbase made them.
type Coins = BTreeMap<(u32, OutPoint), (TxOut, bool)>;

struct Chain {
    blocks: Vec<Arc<Block>>,
    stale: Vec<(Height, Arc<Block>)>,
    events: Vec<Event>,
    last_id: u64,
    oldest: u64,
}

/// The test double of a node.
pub(crate) struct FakeNode {
    chain: RwLock<Chain>,
    feed: broadcast::Sender<Arc<Event>>,
    pool_feed: broadcast::Sender<PoolEvent>,
    notation: Notation,
    /// What waits for a block, oldest first.
    pub(crate) pool: RwLock<Vec<Transaction>>,
    pub(crate) added_peers: RwLock<Vec<SocketAddr>>,
    pub(crate) payments: RwLock<Vec<WalletSendRequest>>,
    pub(crate) has_wallet: AtomicBool,
    /// What histories say of their length, in place of the truth; then a block comes after each page that was asked for.
    pub(crate) history_total: RwLock<Option<u64>>,
    /// A template in place of the made-up one.
    pub(crate) template: RwLock<Option<BlockTemplate>>,
    pub(crate) indexed: AtomicBool,
    pub(crate) ready: AtomicBool,
    pub(crate) stopped: AtomicBool,
    pub(crate) panics: AtomicBool,
    pub(crate) calls: AtomicU64,
    /// Calls of `mine` that have begun.
    pub(crate) mines: AtomicU64,
    gate: (Mutex<bool>, Condvar),
}

impl FakeNode {
    /// A node whose chain is Bitcoin's first block and `length - 1` made-up ones.
    pub(crate) fn new(length: usize) -> Arc<Self> {
        let genesis = <Block as Decode>::from_bytes(&hex::decode(GENESIS).unwrap()).unwrap();
        let chain = Chain {
            blocks: vec![Arc::new(genesis)],
            stale: Vec::new(),
            events: Vec::new(),
            last_id: 0,
            oldest: 0,
        };
        let node = Self {
            chain: RwLock::new(chain),
            feed: broadcast::channel(4).0,
            pool_feed: broadcast::channel(8).0,
            notation: notation(),
            pool: RwLock::default(),
            added_peers: RwLock::default(),
            payments: RwLock::default(),
            has_wallet: AtomicBool::new(true),
            history_total: RwLock::default(),
            template: RwLock::default(),
            indexed: AtomicBool::new(true),
            ready: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            mines: AtomicU64::new(0),
            gate: (Mutex::new(false), Condvar::new()),
        };
        node.extend(length - 1);
        Arc::new(node)
    }

    /// Connects `count` made-up blocks.
    pub(crate) fn extend(&self, count: usize) {
        for _ in 0..count {
            let block = Arc::new(self.next_block(0));
            self.connect(block);
        }
    }

    /// Replaces the last `depth` blocks by `count` others; gives the `reorg` event's data.
    pub(crate) fn reorg(&self, depth: usize, count: usize) -> ReorgEvent {
        let mut disconnected = Vec::new();
        {
            let mut chain = self.chain.write().unwrap();
            for _ in 0..depth {
                let height = Height::new(chain.blocks.len() as u32 - 1);
                let block = chain.blocks.pop().unwrap();
                disconnected.push(BlockRef { hash: block.hash(), height });
                chain.stale.push((height, block));
                chain.last_id += 1;
            }
        }
        let fork_height = self.height();
        let mut blocks = Vec::new();
        let mut connected = Vec::new();
        let id = self.chain.read().unwrap().last_id;
        for i in 0..count {
            let block = Arc::new(self.next_block(1));
            let height = Height::new(fork_height.to_u32() + 1 + i as u32);
            connected.push(BlockRef { hash: block.hash(), height });
            self.chain.write().unwrap().blocks.push(Arc::clone(&block));
            blocks.push(block);
        }
        let event = ReorgEvent { fork_height, disconnected, connected };
        self.publish(Event { id, kind: EventKind::Reorg(event.clone()) });
        for block in blocks {
            self.announce(&block);
        }
        event
    }

    /// Tells of a reorganisation of `depth` blocks that never was: an event of many bytes.
    pub(crate) fn long_reorg(&self, depth: usize) {
        let tip = BlockRef { hash: self.block_at(0).hash(), height: self.height() };
        let event = ReorgEvent {
            fork_height: Height::GENESIS,
            disconnected: vec![tip; depth],
            connected: Vec::new(),
        };
        let id = {
            let mut chain = self.chain.write().unwrap();
            chain.last_id += 1;
            chain.last_id
        };
        self.publish(Event { id, kind: EventKind::Reorg(event) });
    }

    /// Drops all events up to `id` from the log.
    pub(crate) fn forget_events(&self, id: u64) {
        let mut chain = self.chain.write().unwrap();
        chain.events.retain(|event| event.id > id);
        chain.oldest = id;
    }

    /// While the gate is closed every call waits.
    pub(crate) fn close_gate(&self, closed: bool) {
        *self.gate.0.lock().unwrap() = closed;
        self.gate.1.notify_all();
    }

    pub(crate) fn height(&self) -> Height {
        Height::new(self.chain.read().unwrap().blocks.len() as u32 - 1)
    }

    pub(crate) fn block_at(&self, height: u32) -> Arc<Block> {
        Arc::clone(&self.chain.read().unwrap().blocks[height as usize])
    }

    pub(crate) fn last_id(&self) -> u64 {
        self.chain.read().unwrap().last_id
    }

    fn next_block(&self, branch: u8) -> Block {
        let chain = self.chain.read().unwrap();
        let height = chain.blocks.len();
        let parent = &chain.blocks[height - 1];
        let mut transactions = vec![coinbase(height as u32, branch, 1)];
        if height > 2 {
            transactions.push(spend(&parent.transactions[0]));
        }
        let mut block = Block {
            header: Header {
                version: 4,
                prev: parent.hash(),
                merkle_root: parent.header.merkle_root,
                time: BlockTime::new(parent.header.time.to_u32() + 600),
                bits: parent.header.bits,
                nonce: u32::from(branch),
            },
            transactions,
        };
        block.header.merkle_root = block.merkle_root();
        block
    }

    fn connect(&self, block: Arc<Block>) {
        self.chain.write().unwrap().blocks.push(Arc::clone(&block));
        self.announce(&block);
    }

    fn announce(&self, block: &Block) {
        let id = {
            let mut chain = self.chain.write().unwrap();
            chain.last_id += 1;
            chain.last_id
        };
        let height = self.find(block).0;
        let event = BlockEvent {
            hash: block.hash(),
            height,
            prev_hash: block.header.prev,
            timestamp: block.header.time,
            tx_count: Some(block.transactions.len() as u32),
        };
        self.publish(Event { id, kind: EventKind::Block(event) });
    }

    fn publish(&self, event: Event) {
        self.chain.write().unwrap().events.push(event.clone());
        let _ = self.feed.send(Arc::new(event));
    }

    fn find(&self, wanted: &Block) -> (Height, i64) {
        let chain = self.chain.read().unwrap();
        let place = chain.blocks.iter().position(|block| block.header == wanted.header).unwrap();
        (Height::new(place as u32), (chain.blocks.len() - place) as i64)
    }

    /// Every call passes here: tests make it wait or panic.
    fn enter(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut closed = self.gate.0.lock().unwrap();
        while *closed {
            closed = self.gate.1.wait(closed).unwrap();
        }
        drop(closed);
        assert!(!self.panics.load(Ordering::SeqCst), "a test wants this call to panic");
    }

    fn needs(&self, index: Index) -> Result<(), ApiError> {
        if self.indexed.load(Ordering::SeqCst) { Ok(()) } else { Err(ApiError::IndexDisabled { index }) }
    }

    fn output(&self, outpoint: OutPoint) -> Option<TxOut> {
        let chain = self.chain.read().unwrap();
        let tx = chain
            .blocks
            .iter()
            .flat_map(|block| &block.transactions)
            .find(|tx| tx.txid() == outpoint.txid)
            .cloned()
            .or_else(|| self.waiting(outpoint.txid))?;
        tx.outputs().get(outpoint.vout as usize).cloned()
    }

    fn info(&self, tx: &Transaction, status: TxStatus) -> TxInfo {
        let spent: Vec<Option<TxOut>> = tx.inputs().iter().map(|input| self.output(input.previous)).collect();
        TxInfo::new(tx, |i| spent[i].as_ref(), status, &self.notation)
    }

    fn summary(&self, height: Height) -> BlockSummary {
        let block = self.block_at(height.to_u32());
        let confirmations = i64::from(self.height().to_u32() - height.to_u32()) + 1;
        BlockSummary::new(&block, height, confirmations, &self.notation)
    }

    fn locate(&self, txid: Txid) -> Option<(Height, Arc<Block>, usize)> {
        let chain = self.chain.read().unwrap();
        chain.blocks.iter().enumerate().find_map(|(height, block)| {
            let pos = block.transactions.iter().position(|tx| tx.txid() == txid)?;
            Some((Height::new(height as u32), Arc::clone(block), pos))
        })
    }

    fn work(&self) -> Work {
        let block = self.block_at(0).header.bits.to_target().unwrap().to_work();
        (0..=self.height().to_u32()).fold(Work::ZERO, |sum, _| sum.checked_add(block).unwrap())
    }

    fn coins_of(&self, text: &str) -> Result<Coins, ApiError> {
        self.needs(Index::Address)?;
        let script = Address::parse(text, &self.notation.prefixes)?.script_pubkey();
        let chain = self.chain.read().unwrap();
        let mut coins = BTreeMap::new();
        for (height, block) in chain.blocks.iter().enumerate() {
            for tx in &block.transactions {
                for (vout, output) in tx.outputs().iter().enumerate() {
                    let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
                    if output.script_pubkey == script {
                        coins.insert((height as u32, outpoint), (output.clone(), tx.is_coinbase()));
                    }
                }
                for input in tx.inputs() {
                    coins.retain(|(_, outpoint), _| *outpoint != input.previous);
                }
            }
        }
        Ok(coins)
    }
}

fn coinbase(height: u32, branch: u8, owner: u8) -> Transaction {
    let script = ScriptBuilder::new().push_int(i64::from(height)).push_slice(&[branch, 7]).into_script();
    let input = TxIn {
        previous: OutPoint::NULL,
        script_sig: script,
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    let to = Address::P2pkh(Hash160::from_bytes([owner; 20])).script_pubkey();
    Transaction::new(1, vec![input], vec![TxOut { value: SUBSIDY, script_pubkey: to }], LockTime::ZERO)
}

/// Spends a coinbase's first output to owner 2, with a witness.
fn spend(coinbase: &Transaction) -> Transaction {
    let input = TxIn {
        previous: OutPoint { txid: coinbase.txid(), vout: 0 },
        script_sig: ScriptBuilder::new().into_script(),
        sequence: Sequence::FINAL,
        witness: Witness::new(vec![vec![1, 2, 3], vec![]]),
    };
    let to = Address::P2pkh(Hash160::from_bytes([2; 20])).script_pubkey();
    let value = SUBSIDY.checked_sub(FEE).unwrap();
    Transaction::new(2, vec![input], vec![TxOut { value, script_pubkey: to }], LockTime::ZERO)
}
