//! Valid blocks with valid transactions in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cairn_primitives::{Amount, Block, OutPoint, Script, Transaction, TxOut};

use crate::build::{Commit, Plan};
use crate::ledger::{Id, Ledger, is_height};
use crate::lock::Lock;
use crate::rng::Rng;
use crate::sign::{Coin, Spend, pay};

/// Seconds ahead of its parent's median time that a block stands at most.
const STEP: usize = 1_200;

/// Makes blocks that keep every rule.
pub(crate) struct Maker {
    pub(crate) rng: Rng,
    pub(crate) ledger: Ledger,
    /// The clock, in Unix seconds, for blocks whose time it bounds.
    pub(crate) now: u32,
    /// The blocks that reorganisations took off last.
    pub(crate) taken_off: Vec<Id>,
    made: u64,
}

impl Maker {
    /// A maker that knows genesis.
    pub(crate) fn new(rng: Rng, genesis: &Block) -> Self {
        Self { rng, ledger: Ledger::new(genesis), now: 0, taken_off: Vec::new(), made: 0 }
    }

    /// A random lock, remembered, for an output of a block on `parent`.
    pub(crate) fn lock(&mut self, parent: Id) -> Arc<Lock> {
        let (height, median) = (self.ledger.height(parent) + 1, self.ledger.median(parent));
        let lock = Lock::random(&mut self.rng, height, median);
        self.know(lock)
    }

    /// The lock, remembered.
    pub(crate) fn know(&mut self, lock: Lock) -> Arc<Lock> {
        let lock = Arc::new(lock);
        self.ledger.know(&lock);
        lock
    }

    /// A coin that went with a block that a reorganisation took off.
    pub(crate) fn coin_taken_off(&mut self, parent: Id, coinbase: bool) -> Option<OutPoint> {
        let made = self.taken_off.iter().flat_map(|id| self.ledger.made(*id).to_vec());
        let made: Vec<_> = made.filter(|(_, coin)| coin.coinbase == coinbase).collect();
        let coins = self.ledger.coins(parent);
        made.into_iter().map(|(outpoint, _)| outpoint).find(|outpoint| !coins.contains_key(outpoint))
    }

    /// A block without transactions on `parent`.
    pub(crate) fn plan(&mut self, parent: Id) -> Plan {
        self.made += 1;
        let time = self.ledger.median(parent) + self.rng.within(1, STEP) as u32;
        let mut plan = Plan::new(&self.ledger, parent, time, self.made);
        let payouts = self.rng.within(1, 3);
        plan.payouts = (0..payouts).map(|_| self.lock(parent)).collect();
        plan
    }

    /// A block with up to `most` transactions on `parent`, which build on one another here and there.
    pub(crate) fn full_plan(&mut self, parent: Id, most: usize) -> Plan {
        let mut plan = self.plan(parent);
        let mut pool = Pool::default();
        for _ in 0..self.rng.below(most + 1) {
            if let Some(spend) = self.spend(parent, &mut pool) {
                let tx = spend.sign(&mut self.rng);
                self.pooled(parent, &mut pool, &spend, &tx);
                plan.add(tx, spend.value());
            }
        }
        plan.commit = if self.rng.chance(30) { Commit::Always } else { Commit::IfNeeded };
        if self.rng.chance(10) {
            plan.nonce = vec![self.rng.hash().to_vec()];
        }
        if self.rng.chance(10) {
            plan.version = self.rng.pick(&[4, 5, 0x3fff_ffff, i32::MAX]);
        }
        if self.rng.chance(10) {
            plan.claim -= self.rng.below(plan.claim as usize / 2 + 1) as u64;
        }
        if self.rng.chance(10) {
            plan.extra.push(note(&mut self.rng));
        }
        plan
    }

    /// A random transaction out of coins below and in the block.
    fn spend(&mut self, parent: Id, pool: &mut Pool) -> Option<Spend> {
        let mut coins: Vec<(OutPoint, Coin)> = Vec::new();
        for _ in 0..self.rng.within(1, 3) {
            let inside = self.rng.chance(40);
            let taken = if inside { pool.take(&mut self.rng) } else { self.older_coin(parent, pool) };
            let Some((outpoint, coin)) = taken else { continue };
            let fits = match (coin.lock.lock_time, coins.iter().find_map(|(_, coin)| coin.lock.lock_time)) {
                (Some(one), Some(other)) => is_height(one) == is_height(other),
                _ => true,
            };
            if fits && self.ledger.is_ripe(&coin, parent) {
                coins.push((outpoint, coin));
            }
        }
        if coins.is_empty() {
            return None;
        }
        let value: u64 = coins.iter().map(|(_, coin)| coin.value).sum();
        let outputs = self.outputs(parent, value);
        let mut spend = Spend::new(coins, outputs);
        self.vary(parent, &mut spend);
        Some(spend)
    }

    fn older_coin(&mut self, parent: Id, pool: &mut Pool) -> Option<(OutPoint, Coin)> {
        let spent = &pool.spent;
        let found = self.ledger.find(&mut self.rng, parent, |outpoint, _| !spent.contains(outpoint))?;
        pool.spent.insert(found.0);
        Some(found)
    }

    fn outputs(&mut self, parent: Id, value: u64) -> Vec<TxOut> {
        let fee = if self.rng.chance(20) { 0 } else { self.rng.below(value as usize / 50 + 1) as u64 };
        let count = self.rng.within(1, 3) as u64;
        let mut left = value - fee;
        let mut outputs = Vec::new();
        for index in 0..count {
            let part = if index + 1 == count { left } else { left / 2 };
            left -= part;
            outputs.push(pay(part, &self.lock(parent)));
        }
        if self.rng.chance(15) {
            outputs.push(note(&mut self.rng));
        }
        outputs
    }

    /// Conditions of time that hold, and unusual forms.
    fn vary(&mut self, parent: Id, spend: &mut Spend) {
        let height = self.ledger.height(parent) + 1;
        let timed = spend.coins.iter().any(|(_, coin)| coin.lock.sequence.is_some());
        if !timed {
            spend.version = self.rng.pick(&[1, 2, 2, 3, -1]);
            if self.rng.chance(20) {
                spend.lock_time =
                    if self.rng.chance(50) { height - 1 } else { self.ledger.median(parent) - 1 };
                spend.sequences.iter_mut().for_each(|sequence| *sequence = u32::MAX - 1);
            }
        }
        spend.odd = self.rng.chance(25);
        spend.annex = self.rng.chance(10).then(|| self.rng.below(300));
    }

    fn pooled(&mut self, parent: Id, pool: &mut Pool, spend: &Spend, tx: &Transaction) {
        let height = self.ledger.height(parent) + 1;
        pool.spent.extend(spend.coins.iter().map(|(outpoint, _)| *outpoint));
        pool.coins.extend(self.ledger.coins_of(tx.txid(), tx.outputs(), height, false));
    }
}

/// An output nobody can spend.
pub(crate) fn note(rng: &mut Rng) -> TxOut {
    let size = rng.below(120);
    TxOut { value: Amount::ZERO, script_pubkey: Script::op_return(&rng.bytes(size)) }
}

/// Coins made and spent inside the block so far.
#[derive(Default)]
struct Pool {
    coins: Vec<(OutPoint, Coin)>,
    spent: BTreeSet<OutPoint>,
}

impl Pool {
    fn take(&mut self, rng: &mut Rng) -> Option<(OutPoint, Coin)> {
        if self.coins.is_empty() { None } else { Some(self.coins.swap_remove(rng.below(self.coins.len()))) }
    }
}
