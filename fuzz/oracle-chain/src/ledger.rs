//! The generator's own book: every block it made, and the coins at one of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cairn_primitives::{Block, BlockHash, OutPoint, Txid};

use crate::lock::{Lock, UNITS_512S};
use crate::rng::Rng;
use crate::sign::Coin;

/// Blocks until a coinbase output may be spent.
pub(crate) const MATURITY: u32 = 100;

/// A block in the book; parents have lower numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(usize);

#[derive(Debug)]
struct Entry {
    hash: BlockHash,
    parent: Id,
    height: u32,
    time: u32,
    made: Vec<(OutPoint, Coin)>,
    spent: Vec<(OutPoint, Coin)>,
}

/// Every block made, as a tree, and the coins at one of them.
#[derive(Debug)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    locks: HashMap<Vec<u8>, Arc<Lock>>,
    coins: BTreeMap<OutPoint, Coin>,
    at: Id,
}

impl Ledger {
    /// Genesis alone.
    pub(crate) fn new(genesis: &Block) -> Self {
        let (hash, time) = (genesis.hash(), genesis.header.time.to_u32());
        let entry = Entry { hash, parent: Id(0), height: 0, time, made: Vec::new(), spent: Vec::new() };
        Self { entries: vec![entry], locks: HashMap::new(), coins: BTreeMap::new(), at: Id(0) }
    }

    /// The first block.
    pub(crate) fn genesis(&self) -> Id {
        Id(0)
    }

    /// The block's hash.
    pub(crate) fn hash(&self, id: Id) -> BlockHash {
        self.entries[id.0].hash
    }

    /// The block's height.
    pub(crate) fn height(&self, id: Id) -> u32 {
        self.entries[id.0].height
    }

    /// The block below.
    pub(crate) fn parent(&self, id: Id) -> Id {
        self.entries[id.0].parent
    }

    /// The coins that the block made and did not spend.
    pub(crate) fn made(&self, id: Id) -> &[(OutPoint, Coin)] {
        &self.entries[id.0].made
    }

    /// The block `depth` below.
    pub(crate) fn below(&self, id: Id, depth: u32) -> Id {
        (0..depth).fold(id, |id, _| self.parent(id))
    }

    /// The median of the times of the block and the ten below it.
    pub(crate) fn median(&self, id: Id) -> u32 {
        let mut times = Vec::with_capacity(11);
        let mut at = id;
        while times.len() < 11 {
            times.push(self.entries[at.0].time);
            if at.0 == 0 {
                break;
            }
            at = self.parent(at);
        }
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// The median at the block's ancestor of this height, from which the age in time of a coin one higher counts.
    pub(crate) fn median_at(&self, id: Id, height: u32) -> u32 {
        let depth = self.height(id).saturating_sub(height);
        self.median(self.below(id, depth))
    }

    /// Remembers how outputs of this lock are spent.
    pub(crate) fn know(&mut self, lock: &Arc<Lock>) {
        self.locks.insert(lock.script_pubkey().as_bytes().to_vec(), Arc::clone(lock));
    }

    /// Enters a block on top of one that is known, right or wrong.
    pub(crate) fn enter(&mut self, block: &Block, parent: Id) -> Id {
        self.go_to(parent);
        let height = self.height(parent) + 1;
        let mut made = BTreeMap::new();
        let mut spent = Vec::new();
        for (index, tx) in block.transactions.iter().enumerate() {
            for input in tx.inputs() {
                if made.remove(&input.previous).is_none()
                    && let Some(coin) = self.coins.get(&input.previous)
                {
                    spent.push((input.previous, coin.clone()));
                }
            }
            made.extend(self.coins_of(tx.txid(), tx.outputs(), height, index == 0));
        }
        let id = Id(self.entries.len());
        let time = block.header.time.to_u32();
        let made = made.into_iter().collect();
        self.entries.push(Entry { hash: block.hash(), parent, height, time, made, spent });
        id
    }

    /// The coins that a transaction makes, as far as their locks are known.
    pub(crate) fn coins_of(
        &self,
        txid: Txid,
        outputs: &[cairn_primitives::TxOut],
        height: u32,
        coinbase: bool,
    ) -> Vec<(OutPoint, Coin)> {
        let coins = outputs.iter().enumerate().filter_map(|(vout, output)| {
            let lock = Arc::clone(self.locks.get(output.script_pubkey.as_bytes())?);
            let coin = Coin { value: output.value.to_sat(), lock, height, coinbase };
            Some((OutPoint { txid, vout: vout as u32 }, coin))
        });
        coins.collect()
    }

    /// The coins unspent after this block.
    pub(crate) fn coins(&mut self, id: Id) -> &BTreeMap<OutPoint, Coin> {
        self.go_to(id);
        &self.coins
    }

    /// A random coin unspent after this block that a block on top may spend and `wanted` likes.
    pub(crate) fn find(
        &mut self,
        rng: &mut Rng,
        id: Id,
        wanted: impl Fn(&OutPoint, &Coin) -> bool,
    ) -> Option<(OutPoint, Coin)> {
        self.go_to(id);
        let from = OutPoint { txid: Txid::from_bytes(rng.hash()), vout: 0 };
        let around = self.coins.range(from..).chain(self.coins.range(..from));
        let mut found = around.filter(|(outpoint, coin)| self.is_ripe(coin, id) && wanted(outpoint, coin));
        found.next().map(|(outpoint, coin)| (*outpoint, coin.clone()))
    }

    /// A coin that this block or one of the `depth` below it spent.
    pub(crate) fn spent_below(&self, id: Id, depth: u32) -> Option<(OutPoint, Coin)> {
        let mut blocks = (0..depth.min(self.height(id))).map(|depth| self.below(id, depth));
        blocks.find_map(|block| self.entries[block.0].spent.first().cloned())
    }

    /// Whether a block on top of this one may spend the coin, given the lock time and sequence that it wants.
    pub(crate) fn is_ripe(&self, coin: &Coin, id: Id) -> bool {
        let (height, median) = (self.height(id) + 1, self.median(id));
        let mature = !coin.coinbase || height - coin.height >= MATURITY;
        let after =
            coin.lock.lock_time.is_none_or(|time| time < if is_height(time) { height } else { median });
        mature && after && self.is_aged(coin, id, height, median)
    }

    fn is_aged(&self, coin: &Coin, id: Id, height: u32, median: u32) -> bool {
        match coin.lock.sequence {
            Some(age) if age & (1 << 31) != 0 => true,
            Some(age) if age & UNITS_512S == 0 => height >= coin.height + (age & 0xffff),
            Some(age) => {
                let from = self.median_at(id, coin.height.saturating_sub(1));
                median >= from + ((age & 0xffff) << 9)
            }
            None => true,
        }
    }

    fn go_to(&mut self, id: Id) {
        let (mut from, mut to) = (self.at, id);
        let mut path = Vec::new();
        while from != to {
            // Parents have lower numbers.
            if from > to {
                self.undo(from);
                from = self.parent(from);
            } else {
                path.push(to);
                to = self.parent(to);
            }
        }
        path.into_iter().rev().for_each(|id| self.redo(id));
        self.at = id;
    }

    fn undo(&mut self, id: Id) {
        let Entry { made, spent, .. } = &self.entries[id.0];
        made.iter().for_each(|(outpoint, _)| drop(self.coins.remove(outpoint)));
        self.coins.extend(spent.iter().cloned());
    }

    fn redo(&mut self, id: Id) {
        let Entry { made, spent, .. } = &self.entries[id.0];
        spent.iter().for_each(|(outpoint, _)| drop(self.coins.remove(outpoint)));
        self.coins.extend(made.iter().cloned());
    }
}

/// Whether a lock time is a height (Core's `LOCKTIME_THRESHOLD`).
pub(crate) fn is_height(time: u32) -> bool {
    time < 500_000_000
}
