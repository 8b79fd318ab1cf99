//! A chain of the shape of mainnet's, under the rules of regtest, made out of a number.
//!
//! [`ChainGen`] gives the blocks one by one; [`write_blk`] writes them as Bitcoin Core writes its block files. Every block
//! is made to keep every rule of regtest. Tests hold it against Cairn's own rules and, in `fuzz/oracle-chain`, against Bitcoin Core's engine. The same [`ChainGenConfig`] gives the same bytes on
//! any machine, with any number of threads and with either back end of `cairn-crypto`: all that is drawn are integers of a
//! generator of its own, nothing is iterated in the order of a hash map, and signatures are deterministic.
//!
//! # Shape
//! - Heights 1 to 100 hold a coinbase each. From 101 on, the first coinbase that may be spent pays up to 2,000 outputs in each
//!   block until there are twenty coins for each payment of a block; the number of payments grows with the coins.
//! - Payments spend P2PKH, P2SH multisig (two of three), P2WPKH, P2SH-P2WPKH, P2WSH multisig, and taproot by key and by
//!   script, in the shares of a [`Mix`].
//! - Numbers of inputs and outputs, ages of coins, payments that spend within their block, versions, lock times,
//!   replaceability and data outputs follow tables; where a table is measured on mainnet and where it is only a stated shape
//!   stands in the source of `shape.rs` and in `docs/src/chaingen.md`.
//! - Blocks are empty, half full or full; none passes the limits of weight and signature operations, so a mean that does not
//!   fit a block is not reached.
//! - Time moves on by ten minutes a block in the mean, from the genesis block of February 2011. A node takes no block from the
//!   future, so of a chain of more than some 800,000 blocks it does not take the end.
//!
//! # What is not here
//! Invalid blocks and reorganisations; bare multisig, P2PK and uncompressed keys; hash types other than "all"; wallets,
//! whose inputs would be of one kind. There are 65,536 keys, used in turn: after that many coins, scripts come again.
//!
//! # Memory
//! 48 bytes for each coin that is still to be spent, about 200 for each key, the headers, and a block.
//!
//! ```
//! use cairn_testkit::chaingen::{ChainGen, ChainGenConfig, write_blk};
//!
//! let mut chain = ChainGen::new(ChainGenConfig::new(105, 10, 1));
//! let spec = chain.spec().clone();
//! let mut file = Vec::new();
//! let bytes = write_blk(&mut file, &spec, &mut chain)?;
//! assert_eq!(bytes, file.len() as u64);
//! assert_eq!(chain.totals().blocks, 105);
//! # Ok::<(), std::io::Error>(())
//! ```

mod file;
mod keys;
mod lock;
mod parallel;
mod payments;
mod plan;
mod pool;
mod rng;
mod shape;

pub use file::write_blk;
pub use shape::{Mix, SpendKind};

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Amount, Block, Transaction};

use crate::draft::Draft;
use keys::{KeyNumber, KeyRing};
use payments::{DEPTHS, Payer, Room};
use plan::Plan;
use pool::{Coin, CoinPool};
use rng::Rng;

/// Coins there shall be for each payment of a block of mean size.
const RESERVE: usize = 20;
/// Fewest coins there shall be.
const LEAST_RESERVE: usize = 50;
/// Most outputs of the transaction that shares out a coinbase.
const MAX_FAN_OUT: usize = 2_000;
/// A block has at most this part of all coins as payments.
const COINS_PER_PAYMENT: u64 = 4;

/// What chain to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainGenConfig {
    /// Blocks, besides the genesis block. The first 100 hold a coinbase each.
    pub blocks: u32,
    /// Payments in a block: their mean from where there are coins enough.
    pub txs_per_block: u32,
    /// The number that all is drawn from.
    pub seed: u64,
    /// The kinds of coins.
    pub mix: Mix,
    /// Threads that sign. The chain does not depend on it.
    pub threads: NonZeroUsize,
}

impl ChainGenConfig {
    /// A chain of mainnet's mix, signed by one thread.
    pub const fn new(blocks: u32, txs_per_block: u32, seed: u64) -> Self {
        Self { blocks, txs_per_block, seed, mix: Mix::MAINNET, threads: NonZeroUsize::MIN }
    }
}

/// What a chain holds so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainGenTotals {
    /// Blocks, besides the genesis block.
    pub blocks: u32,
    /// Transactions besides coinbases.
    pub payments: u64,
    /// Their inputs.
    pub inputs: u64,
    /// The signatures in these.
    pub signatures: u64,
    /// Coins that are not spent, those of coinbases included; without the genesis block's, which no chain counts.
    pub coins: u64,
    /// What these hold together.
    pub value: Amount,
}

/// Makes the blocks from height 1 on, one at each step.
pub struct ChainGen {
    config: ChainGenConfig,
    spec: Arc<ChainSpec>,
    tree: HeaderTree,
    tip: NodeId,
    keys: KeyRing,
    next_key: KeyNumber,
    pool: CoinPool,
    /// The coins of the last coinbases, with their heights, the oldest first.
    unripe: VecDeque<(u32, Coin)>,
    totals: ChainGenTotals,
}

impl ChainGen {
    /// A generator that stands at the genesis block of regtest.
    pub fn new(config: ChainGenConfig) -> Self {
        let spec = Arc::new(presets::regtest());
        let tree = HeaderTree::new(Arc::clone(&spec));
        Self {
            config,
            tip: tree.genesis(),
            tree,
            spec,
            keys: KeyRing::new(),
            next_key: 0,
            pool: CoinPool::default(),
            unripe: VecDeque::new(),
            totals: ChainGenTotals::default(),
        }
    }

    /// The chain's rules: regtest's.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// What the chain holds, up to the last block given.
    pub fn totals(&self) -> ChainGenTotals {
        self.totals
    }

    fn make(&mut self) -> Block {
        let height = self.totals.blocks + 1;
        let mut rng = Rng::new(self.config.seed, u64::from(height));
        let interval = shape::INTERVALS[rng.place(shape::INTERVALS.len())] + rng.within(0, shape::SPREAD);
        let time = self.tree.header(self.tip).time.saturating_add(interval);
        let mut draft = Draft::new(Arc::clone(&self.spec), self.tree.next_block(self.tip, time));
        let ripe = self.ripe_coinbase(height);
        let mut payer = Payer {
            mix: self.config.mix,
            height,
            rng,
            pool: &mut self.pool,
            next_key: &mut self.next_key,
            fresh: Default::default(),
            room: Room::of_block(&self.spec.limits),
        };
        let reserve = (RESERVE * self.config.txs_per_block as usize).max(LEAST_RESERVE);
        let first = share_out(&mut payer, ripe, reserve);
        let waves = waves(&mut payer, self.config.txs_per_block);
        let mut signed = Signed { keys: &self.keys, totals: &mut self.totals, payments: Vec::new() };
        let mut plans: Vec<_> = first.into_iter().collect();
        for (depth, count) in waves.into_iter().enumerate() {
            plans.extend((0..count).map_while(|_| payer.payment(depth)));
            let made = signed.add(std::mem::take(&mut plans), self.config.threads);
            payer.receive(depth, made);
        }
        for (tx, fee) in signed.payments {
            draft = draft.add(tx, fee);
        }
        let lock = payer.lock();
        let fresh = std::mem::take(&mut payer.fresh);
        let block = draft.pay_to(lock.script(&self.keys)).seal();
        fresh.into_iter().flatten().for_each(|coin| self.pool.put(height, coin));
        self.unripe.push_back((height, Coin::of_coinbase(&block.transactions[0], lock)));
        block
    }

    /// The coinbase coin that may be spent from this height on, and its height.
    fn ripe_coinbase(&mut self, height: u32) -> Option<(u32, Coin)> {
        let maturity = self.spec.limits.coinbase_maturity;
        let (made, _) = self.unripe.front()?;
        if height - made < maturity {
            return None;
        }
        self.unripe.pop_front()
    }
}

impl Iterator for ChainGen {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        if self.totals.blocks >= self.config.blocks {
            return None;
        }
        let block = self.make();
        let inserted = self.tree.insert(block.header, block.header.time);
        self.tip = inserted.expect("the header was made for its place").id;
        self.totals.blocks += 1;
        let (coins, value) = self.pool.all();
        self.totals.coins = (coins + self.unripe.len()) as u64;
        let unripe: u64 = self.unripe.iter().map(|(_, coin)| coin.value).sum();
        self.totals.value = Amount::from_sat(value + unripe);
        Some(block)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.config.blocks - self.totals.blocks) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for ChainGen {}

/// A payment of the ripe coinbase to many while there are fewer coins than the reserve; else the coin joins the others.
fn share_out(payer: &mut Payer<'_>, ripe: Option<(u32, Coin)>, reserve: usize) -> Option<Plan> {
    let (height, coin) = ripe?;
    let missing = reserve.saturating_sub(payer.pool.count());
    if missing == 0 {
        payer.pool.put(height, coin);
        return None;
    }
    Some(payer.fan_out(coin, missing.min(MAX_FAN_OUT)))
}

/// How many payments the block has at each depth: that spend coins of earlier blocks alone, that spend a coin of one of the
/// former, and that spend a coin of one of these.
fn waves(payer: &mut Payer<'_>, mean: u32) -> [u64; DEPTHS] {
    let share = u64::from(shape::draw(shape::FULLNESS, &mut payer.rng));
    let wanted = (u64::from(mean) * share + payer.rng.below(1_000)) / 1_000;
    let count = wanted.min(payer.pool.count() as u64 / COINS_PER_PAYMENT);
    let mut waves = [0; DEPTHS];
    let [second, third] = shape::IN_BLOCK;
    for _ in 0..count {
        let at = payer.rng.below(1_000);
        let wave = usize::from(at < u64::from(second + third)) + usize::from(at < u64::from(third));
        waves[wave] += 1;
    }
    waves
}

/// The signed payments of a block.
struct Signed<'a> {
    keys: &'a KeyRing,
    totals: &'a mut ChainGenTotals,
    payments: Vec<(Transaction, Amount)>,
}

impl Signed<'_> {
    /// Signs these, and gives the coins they make.
    fn add(&mut self, plans: Vec<Plan>, threads: NonZeroUsize) -> Vec<Coin> {
        let signed = parallel::map(threads, &plans, |plan| plan.sign(self.keys));
        let mut coins = Vec::new();
        for (tx, plan) in signed.into_iter().zip(&plans) {
            self.totals.payments += 1;
            self.totals.inputs += plan.inputs.len() as u64;
            self.totals.signatures += plan.signatures();
            coins.extend(Coin::made_by(&tx, plan));
            self.payments.push((tx, Amount::from_sat(plan.fee())));
        }
        coins
    }
}
