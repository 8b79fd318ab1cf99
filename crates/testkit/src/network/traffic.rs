//! Blocks and payments: who finds, who pays.

use std::fmt;
use std::time::Duration;

use cairn_mempool::Rejection;
use cairn_primitives::{Amount, Block, BlockHash, Coin, Height, OutPoint, Transaction, TxOut, Txid};
use rand::RngExt;

use super::HostId;
use super::sim::Network;
use super::timeline::Happening;
use crate::key::TestKey;
use crate::spend::Spend;

/// Keys that mine and pay.
const KEYS: u64 = 8;
/// Coins looked at before a payment is given up.
const TRIES: usize = 40;
/// Virtual bytes of a payment with one input and two outputs.
const PAYMENT_VSIZE: u64 = 226;
/// A coin below this is not spent on.
const LEAST_COIN: u64 = 100_000;
/// What is paid for a virtual byte: from, to.
const RATES: (u64, u64) = (1, 20);

/// A coin that one of the keys can spend.
#[derive(Clone, Debug)]
struct Purse {
    outpoint: OutPoint,
    output: TxOut,
    key: usize,
}

/// Who finds blocks and who pays, and with what.
pub(super) struct Traffic {
    keys: Vec<TestKey>,
    coins: Vec<Purse>,
    mined: u64,
    /// The mean time between blocks, and who finds them; with the number of the plan.
    mining: (u64, Duration, Vec<HostId>),
    paying: (u64, Duration),
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic")
            .field("coins", &self.coins.len())
            .field("mined", &self.mined)
            .finish_non_exhaustive()
    }
}

/// Two spends of one coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubleSpend {
    /// The coin.
    pub coin: OutPoint,
    /// One spend and the other: different ids, the same fee.
    pub spends: [Transaction; 2],
}

impl Traffic {
    pub(super) fn new(seed: u64) -> Self {
        let keys = (0..KEYS).map(|key| TestKey::new(seed.wrapping_mul(KEYS).wrapping_add(key))).collect();
        Self {
            keys,
            coins: Vec::new(),
            mined: 0,
            mining: (0, Duration::ZERO, Vec::new()),
            paying: (0, Duration::ZERO),
        }
    }

    /// Remembers the outputs that pay to one of the keys.
    fn remember(&mut self, tx: &Transaction) {
        let txid = tx.txid();
        for (output, vout) in tx.outputs().iter().zip(0..) {
            let key = self.keys.iter().position(|key| key.p2pkh() == output.script_pubkey);
            if let Some(key) = key {
                self.coins.push(Purse { outpoint: OutPoint { txid, vout }, output: output.clone(), key });
            }
        }
    }

    /// A signed payment of a coin to two keys.
    fn payment(&self, purse: &Purse, to: [usize; 2], share: u64, fee: u64) -> Transaction {
        let rest = purse.output.value.to_sat() - fee;
        let paid = rest / 100 * share;
        let coin = Coin { output: purse.output.clone(), height: Height::GENESIS, coinbase: false };
        Spend::new()
            .from(purse.outpoint, coin)
            .to(Amount::from_sat(paid), self.keys[to[0]].p2pkh())
            .to(Amount::from_sat(rest - paid), self.keys[to[1]].p2pkh())
            .sign(&self.keys[purse.key])
    }
}

impl Network {
    /// Has a node find `count` blocks at once, with what its pool holds; gives their hashes.
    ///
    /// # Panics
    /// If the node is off.
    pub fn mine(&mut self, host: HostId, count: usize) -> Vec<BlockHash> {
        (0..count).map(|_| self.mine_one(host)).collect()
    }

    fn mine_one(&mut self, host: HostId) -> BlockHash {
        let block = self.build_block(host);
        let hash = block.hash();
        self.submit_block(host, block).expect("a block on the tip with the pool's transactions is valid");
        hash
    }

    /// The block a node would find now: on its tip, with what its pool holds. It is not handed in.
    pub fn build_block(&mut self, host: HostId) -> Block {
        let (now, weight) = (self.time.now, self.config.block_weight);
        let number = self.traffic.mined;
        self.traffic.mined += 1;
        let payout = self.traffic.keys[(number % KEYS) as usize].p2pkh();
        let block = self.node(host).build_block(now, payout, number, weight).expect("the node is on");
        self.traffic.remember(&block.transactions[0]);
        block
    }

    /// Gives every node that is on the same `count` blocks, one spacing apart, the last of them at the clock's time.
    /// For networks that begin with a history.
    ///
    /// # Panics
    /// If the nodes have different chains.
    pub fn give_history(&mut self, count: usize) -> Vec<BlockHash> {
        let nodes = self.running();
        let spacing = self.config.spec.pow.spacing;
        let mut hashes = Vec::with_capacity(count);
        for left in (0..count as u32).rev() {
            let number = self.traffic.mined;
            self.traffic.mined += 1;
            let payout = self.traffic.keys[(number % KEYS) as usize].p2pkh();
            let at = self.time.now - Duration::from_secs(u64::from(left * spacing));
            let block = self.node(nodes[0]).build_block(at, payout, number, 0).expect("the node is on");
            self.traffic.remember(&block.transactions[0]);
            hashes.push(block.hash());
            for node in &nodes {
                self.submit_block(*node, block.clone()).expect("the nodes have one chain");
            }
        }
        hashes
    }

    /// From now on the nodes `miners` (all nodes if none is named) find blocks, each as likely as another, at random
    /// times with this mean between two.
    pub fn start_mining(&mut self, mean: Duration, miners: impl IntoIterator<Item = HostId>) {
        let plan = self.traffic.mining.0 + 1;
        self.traffic.mining = (plan, mean, miners.into_iter().collect());
        self.plan(mean, Happening::Mine { plan });
    }

    /// Ends what [`start_mining`](Self::start_mining) began.
    pub fn stop_mining(&mut self) {
        self.traffic.mining.0 += 1;
    }

    /// From now on random nodes pay at random times with this mean between two.
    pub fn start_paying(&mut self, mean: Duration) {
        let plan = self.traffic.paying.0 + 1;
        self.traffic.paying = (plan, mean);
        self.plan(mean, Happening::Pay { plan });
    }

    /// Ends what [`start_paying`](Self::start_paying) began.
    pub fn stop_paying(&mut self) {
        self.traffic.paying.0 += 1;
    }

    /// The next event of a Poisson process.
    fn plan(&mut self, mean: Duration, what: Happening) {
        let chance: f64 = self.time.rng.random();
        let wait = mean.mul_f64(-(1.0 - chance).ln());
        self.time.at(self.time.now + wait, what);
    }

    pub(super) fn on_mine(&mut self, plan: u64) {
        if plan != self.traffic.mining.0 {
            return;
        }
        let (_, mean, miners) = self.traffic.mining.clone();
        let running = self.running();
        let able: Vec<HostId> =
            running.into_iter().filter(|host| miners.is_empty() || miners.contains(host)).collect();
        if let Some(host) = self.choose(&able) {
            self.mine(host, 1);
        }
        self.plan(mean, Happening::Mine { plan });
    }

    pub(super) fn on_pay(&mut self, plan: u64) {
        if plan != self.traffic.paying.0 {
            return;
        }
        let running = self.running();
        if let Some(host) = self.choose(&running) {
            // Without a coin to spend nobody pays.
            let _ = self.pay(host);
        }
        self.plan(self.traffic.paying.1, Happening::Pay { plan });
    }

    fn choose(&mut self, hosts: &[HostId]) -> Option<HostId> {
        (!hosts.is_empty()).then(|| hosts[self.time.rng.random_range(0..hosts.len())])
    }

    /// Has a node pay from one key to two others, with a coin that its chain or its pool has; `None` if there is no such
    /// coin, or what its pool says to the payment.
    pub fn pay(&mut self, host: HostId) -> Option<Result<Txid, Rejection>> {
        let (purse, fee) = self.take_coin(host, true)?;
        let to = [self.random_key(), self.random_key()];
        let share = self.time.rng.random_range(20..80);
        let tx = self.traffic.payment(&purse, to, share, fee);
        let result = self.submit_tx(host, tx.clone()).map(|accepted| accepted.txid);
        match result {
            Ok(_) => self.traffic.remember(&tx),
            Err(_) => self.traffic.coins.push(purse),
        }
        Some(result)
    }

    /// Makes two spends of one coin that a node's chain has, and hands in neither; `None` if there is no coin.
    pub fn double_spend(&mut self, host: HostId) -> Option<DoubleSpend> {
        let (purse, fee) = self.take_coin(host, false)?;
        let to = [0, 1].map(|key| [key, key]);
        let spends = to.map(|to| self.traffic.payment(&purse, to, 50, fee));
        Some(DoubleSpend { coin: purse.outpoint, spends })
    }

    fn random_key(&mut self) -> usize {
        self.time.rng.random_range(0..KEYS as usize)
    }

    /// Takes a coin that `host` can spend now, and chooses a fee.
    fn take_coin(&mut self, host: HostId, unconfirmed: bool) -> Option<(Purse, u64)> {
        let fee = self.time.rng.random_range(RATES.0..=RATES.1) * PAYMENT_VSIZE;
        for _ in 0..TRIES.min(self.traffic.coins.len()) {
            let place = self.time.rng.random_range(0..self.traffic.coins.len());
            let purse = &self.traffic.coins[place];
            if self.can_spend(host, purse, unconfirmed) && purse.output.value.to_sat() >= LEAST_COIN {
                return Some((self.traffic.coins.swap_remove(place), fee));
            }
        }
        None
    }

    fn can_spend(&self, host: HostId, purse: &Purse, unconfirmed: bool) -> bool {
        let (chain, pool) = (self.chain(host), self.pool(host));
        if pool.spender(&purse.outpoint).is_some() {
            return false;
        }
        let next = chain.tip().height.next();
        let maturity = self.config.spec.limits.coinbase_maturity;
        match chain.coin(&purse.outpoint).expect("memory can be read") {
            Some(coin) => !coin.coinbase || next.blocks_above(coin.height).is_some_and(|age| age >= maturity),
            None => unconfirmed && pool.get(&purse.outpoint.txid).is_some(),
        }
    }
}
