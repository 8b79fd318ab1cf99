//! A chain of made-up blocks with a real pool on top, and wallets that look at it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::CoinViewError;
use cairn_mempool::{ChainView, Mempool, Policy, Rejection};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Address, Amount, Block, BlockHash, BlockTime, Coin, CompactTarget, Hash160, Header, Height, LockTime,
    MerkleRoot, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness, hash,
};
use cairn_wallet::{
    AccountSecret, ChainSource, ChainTip, FeeEstimates, FeeRate, Mnemonic, Purpose, SeenBlock, SeenTx,
    SigningRequest, TxBuilder, Wallet, sign,
};

pub(crate) const COIN: u64 = 100_000_000;
const START: u32 = 1_700_000_000;
const NOW: BlockTime = BlockTime::new(1_800_000_000);

/// One virtual byte costs this many units.
pub(crate) const fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb)
}

pub(crate) const fn sat(units: u64) -> Amount {
    Amount::from_sat(units)
}

pub(crate) fn spec() -> Arc<ChainSpec> {
    Arc::new(presets::regtest())
}

/// An address of nobody in these tests.
pub(crate) fn stranger(number: u8) -> Address {
    Address::P2pkh(Hash160::from_bytes([number; 20]))
}

#[derive(Debug, Default, Clone)]
struct Coins {
    coins: HashMap<OutPoint, Coin>,
    height: u32,
}

impl ChainView for Coins {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Ok(self.coins.get(outpoint).cloned())
    }

    fn tip_height(&self) -> Height {
        Height::new(self.height)
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        BlockTime::new(START + 600 * height.to_u32())
    }
}

/// The chain: blocks from height 1 on, and the pool.
#[derive(Debug)]
pub(crate) struct FakeChain {
    blocks: RefCell<Vec<Block>>,
    pool: RefCell<Mempool>,
    /// Makes coinbases and blocks differ from those of another branch.
    salt: RefCell<u64>,
    /// Questions asked so far: addresses, transactions.
    pub(crate) asked: RefCell<(u32, u32)>,
}

impl FakeChain {
    pub(crate) fn new() -> Self {
        Self {
            blocks: RefCell::default(),
            pool: RefCell::new(Mempool::new(spec(), Policy::default())),
            salt: RefCell::new(0),
            asked: RefCell::default(),
        }
    }

    fn view(&self) -> Coins {
        let mut view = Coins::default();
        for block in self.blocks.borrow().iter() {
            view.height += 1;
            for tx in &block.transactions {
                tx.inputs().iter().for_each(|input| drop(view.coins.remove(&input.previous)));
                for (vout, output) in (0..).zip(tx.outputs()) {
                    let (height, coinbase) = (Height::new(view.height), tx.is_coinbase());
                    let coin = Coin { output: output.clone(), height, coinbase };
                    view.coins.insert(OutPoint { txid: tx.txid(), vout }, coin);
                }
            }
        }
        view
    }

    /// A block that pays 50 coins to `miner`, with everything in the pool.
    pub(crate) fn mine(&self, miner: &Address) -> Txid {
        let pool: Vec<Transaction> =
            self.pool.borrow().candidates().map(|entry| Transaction::clone(entry.tx())).collect();
        self.mine_only(miner, pool)
    }

    /// A block with these transactions.
    pub(crate) fn mine_only(&self, miner: &Address, mut transactions: Vec<Transaction>) -> Txid {
        *self.salt.borrow_mut() += 1;
        let salt = *self.salt.borrow();
        let script_sig = ScriptBuilder::new().push_slice(&salt.to_le_bytes()).into_script();
        let outputs = vec![TxOut { value: sat(50 * COIN), script_pubkey: miner.script_pubkey() }];
        let coinbase = tx_of(OutPoint::NULL, script_sig, outputs);
        let txid = coinbase.txid();
        transactions.insert(0, coinbase);
        let block = Block { header: header(salt, self.blocks.borrow().len()), transactions };
        self.blocks.borrow_mut().push(block.clone());
        self.pool.borrow_mut().block_connected(&block, NOW);
        txid
    }

    pub(crate) fn mine_empty(&self, count: u32) {
        for _ in 0..count {
            self.mine_only(&stranger(99), Vec::new());
        }
    }

    /// A coin out of nowhere, confirmed in a block of its own.
    pub(crate) fn give(&self, to: &Address, value: u64) -> OutPoint {
        *self.salt.borrow_mut() += 1;
        let from =
            OutPoint { txid: Txid::from_bytes(hash::sha256(&self.salt.borrow().to_le_bytes())), vout: 0 };
        let outputs = vec![TxOut { value: sat(value), script_pubkey: to.script_pubkey() }];
        let tx = tx_of(from, Script::new(), outputs);
        let txid = tx.txid();
        self.mine_only(&stranger(99), vec![tx]);
        OutPoint { txid, vout: 0 }
    }

    /// Takes the last `count` blocks off; their transactions go back to the pool where they may.
    pub(crate) fn disconnect(&self, count: usize) {
        let mut gone = self.blocks.borrow().clone();
        let left = gone.len() - count;
        let mut gone = gone.split_off(left);
        self.blocks.borrow_mut().truncate(left);
        gone.reverse();
        let view = self.view();
        self.pool.borrow_mut().reorganized(&gone, &[], NOW, &view);
    }

    pub(crate) fn offer(&self, tx: &Transaction) -> Result<u64, Rejection> {
        let view = self.view();
        let outcome = self.pool.borrow_mut().accept(Arc::new(tx.clone()), NOW, &view);
        outcome.result.map(|accepted| accepted.vsize)
    }

    pub(crate) fn pool_has(&self, txid: &Txid) -> bool {
        self.pool.borrow().get(txid).is_some()
    }

    pub(crate) fn height(&self) -> u32 {
        self.blocks.borrow().len() as u32
    }

    fn seen(&self) -> Vec<(Transaction, Option<SeenBlock>)> {
        let mut seen = Vec::new();
        for (height, block) in (1..).zip(self.blocks.borrow().iter()) {
            let at =
                SeenBlock { height: Height::new(height), hash: block.header.hash(), time: block.header.time };
            seen.extend(block.transactions.iter().map(|tx| (tx.clone(), Some(at))));
        }
        seen.extend(self.pool.borrow().entries().map(|entry| (Transaction::clone(entry.tx()), None)));
        seen
    }
}

fn header(salt: u64, height: usize) -> Header {
    Header {
        version: 4,
        prev: BlockHash::ZERO,
        merkle_root: MerkleRoot::from_bytes(hash::sha256(&salt.to_le_bytes())),
        time: BlockTime::new(START + 600 * (height as u32 + 1)),
        bits: CompactTarget::from_bits(0x207f_ffff),
        nonce: 0,
    }
}

fn tx_of(previous: OutPoint, script_sig: Script, outputs: Vec<TxOut>) -> Transaction {
    let input = TxIn { previous, script_sig, sequence: Sequence::FINAL, witness: Witness::default() };
    Transaction::new(2, vec![input], outputs, LockTime::ZERO)
}

#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
pub(crate) struct Refused(pub(crate) &'static str);

impl ChainSource for FakeChain {
    type Error = Refused;

    fn tip(&self) -> Result<ChainTip, Refused> {
        let blocks = self.blocks.borrow();
        let hash = blocks.last().map_or(spec().genesis.hash, |block| block.header.hash());
        Ok(ChainTip { height: Height::new(blocks.len() as u32), hash })
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, Refused> {
        self.asked.borrow_mut().0 += 1;
        let script = address.script_pubkey();
        let seen = self.seen();
        let mine: HashMap<OutPoint, ()> = seen
            .iter()
            .flat_map(|(tx, _)| (0..).zip(tx.outputs()).map(|(vout, output)| (tx.txid(), vout, output)))
            .filter(|(_, _, output)| output.script_pubkey == script)
            .map(|(txid, vout, _)| (OutPoint { txid, vout }, ()))
            .collect();
        let touches = |tx: &Transaction| {
            tx.outputs().iter().any(|output| output.script_pubkey == script)
                || tx.inputs().iter().any(|input| mine.contains_key(&input.previous))
        };
        let seen = seen.into_iter().filter(|(tx, _)| touches(tx));
        Ok(seen.map(|(tx, block)| SeenTx { txid: tx.txid(), block }).collect())
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, Refused> {
        self.asked.borrow_mut().1 += 1;
        Ok(self.seen().into_iter().map(|(tx, _)| tx).find(|tx| tx.txid() == *txid))
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, Refused> {
        Ok(FeeEstimates { slow: rate(0), standard: rate(5), fast: rate(20) })
    }

    fn broadcast(&self, tx: &Transaction) -> Result<Txid, Refused> {
        self.offer(tx).map_err(|rejection| Refused(rejection.code()))?;
        Ok(tx.txid())
    }
}

/// A wallet with its secrets.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) wallet: Wallet,
    pub(crate) secrets: Vec<AccountSecret>,
}

impl Owner {
    /// The wallet that belongs to a number, with one account of each of these purposes.
    pub(crate) fn new(number: u8, purposes: &[Purpose]) -> Self {
        let entropy = [number; 16];
        let mnemonic = Mnemonic::generate(cairn_wallet::WordCount::Twelve, &entropy).unwrap();
        let seed = mnemonic.to_seed("");
        let secrets: Vec<AccountSecret> = purposes
            .iter()
            .map(|purpose| AccountSecret::derive(&seed, *purpose, 0, &spec()).unwrap())
            .collect();
        let accounts = secrets.iter().map(|secret| secret.to_public().unwrap()).collect();
        Self { wallet: Wallet::new(spec(), accounts).unwrap(), secrets }
    }

    pub(crate) fn segwit(number: u8) -> Self {
        Self::new(number, &[Purpose::Bip84])
    }

    /// A wallet that was given confirmed coins of these values, and has seen them.
    pub(crate) fn rich(chain: &FakeChain, number: u8, values: &[u64]) -> Self {
        let mut owner = Self::segwit(number);
        for value in values {
            chain.give(&owner.wallet.new_address().unwrap(), *value);
        }
        owner.wallet.sync(chain).unwrap();
        owner
    }

    pub(crate) fn sign(&self, request: &SigningRequest) -> Transaction {
        sign(request, &self.secrets).unwrap()
    }

    /// Builds, signs, offers to the pool, and notes it.
    pub(crate) fn send(&mut self, chain: &FakeChain, builder: &TxBuilder) -> Transaction {
        let request = self.wallet.build(builder).unwrap();
        let tx = self.sign(&request);
        chain.offer(&tx).unwrap();
        assert!(self.wallet.record_sent(&tx).unwrap());
        tx
    }

    pub(crate) fn confirmed(&self) -> u64 {
        self.wallet.balance().confirmed.to_sat()
    }
}

/// What a transaction pays for its real size, by the coins of its request.
pub(crate) fn paid_rate(request: &SigningRequest, tx: &Transaction) -> FeeRate {
    FeeRate::of(request.fee().unwrap(), tx.vsize())
}
