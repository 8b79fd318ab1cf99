//! The coins that can be spent.

use std::collections::BTreeMap;

use cairn_primitives::{OutPoint, Transaction, TxOut, Txid};

use super::keys::KeyRing;
use super::lock::Lock;
use super::plan::{Output, Plan};
use super::rng::Rng;

/// Blocks looked at to find one that has many coins.
const TRIES: usize = 32;

/// A coin: 48 bytes, as its script is made again from its lock when it is spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coin {
    txid: Txid,
    vout: u32,
    lock: Lock,
    /// In smallest units.
    pub(super) value: u64,
}

impl Coin {
    /// The coins that `tx`, made after `plan`, leaves behind.
    pub(super) fn made_by<'p>(tx: &Transaction, plan: &'p Plan) -> impl Iterator<Item = Self> + use<'p> {
        let txid = tx.txid();
        (0..).zip(&plan.outputs).filter_map(move |(vout, output)| match *output {
            Output::Coin { value, lock } => Some(Self { txid, vout, lock, value }),
            Output::Data(_) => None,
        })
    }

    /// The first output of a coinbase.
    pub(super) fn of_coinbase(tx: &Transaction, lock: Lock) -> Self {
        Self { txid: tx.txid(), vout: 0, lock, value: tx.outputs()[0].value.to_sat() }
    }

    pub(super) fn outpoint(&self) -> OutPoint {
        OutPoint { txid: self.txid, vout: self.vout }
    }

    pub(super) fn lock(&self) -> Lock {
        self.lock
    }

    pub(super) fn output(&self, keys: &KeyRing) -> TxOut {
        Output::Coin { value: self.value, lock: self.lock }.build(keys)
    }
}

#[cfg(test)]
impl Coin {
    pub(super) fn new(txid: [u8; 32], vout: u32, lock: Lock, value: u64) -> Self {
        Self { txid: Txid::from_bytes(txid), vout, lock, value }
    }

    /// The coin as consensus sees it.
    pub(super) fn unspent(&self, keys: &KeyRing) -> cairn_primitives::Coin {
        let height = cairn_primitives::Height::new(1);
        cairn_primitives::Coin { output: self.output(keys), height, coinbase: false }
    }
}

/// The coins of all blocks, by the height of the block that made them.
#[derive(Default)]
pub(super) struct CoinPool {
    /// No list is empty.
    heights: BTreeMap<u32, Vec<Coin>>,
    /// The most coins any block has had.
    widest: usize,
    count: usize,
    value: u64,
    held: Held,
}

/// Coins that nobody ever spends.
#[derive(Default)]
struct Held {
    count: usize,
    value: u64,
}

impl CoinPool {
    /// Number of coins that can be spent.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Number of all coins, and what they hold together in smallest units.
    pub(super) const fn all(&self) -> (usize, u64) {
        (self.count + self.held.count, self.value + self.held.value)
    }

    /// Adds a coin that is never taken.
    pub(super) const fn hold(&mut self, coin: &Coin) {
        self.held.count += 1;
        self.held.value += coin.value;
    }

    pub(super) fn put(&mut self, height: u32, coin: Coin) {
        self.count += 1;
        self.value += coin.value;
        let coins = self.heights.entry(height).or_default();
        coins.push(coin);
        self.widest = self.widest.max(coins.len());
    }

    /// Height of the oldest coin.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.heights.first_key_value().map(|(height, _)| *height)
    }

    /// Takes any coin, each as likely as the other as nearly as some tries can tell: by height alone, blocks of which little
    /// is left would soon be spent to the last coin.
    pub(super) fn take_any(&mut self, rng: &mut Rng) -> Option<(u32, Coin)> {
        let (oldest, newest) = (self.oldest()?, *self.heights.last_key_value()?.0);
        let mut height = newest;
        for _ in 0..TRIES {
            height = rng.within(oldest, newest);
            let count = self.heights.get(&height).map_or(0, Vec::len);
            if rng.place(self.widest) < count {
                break;
            }
        }
        self.take(rng, height)
    }

    /// Takes any coin of the block at `height`, or else of the nearest below it that has one, or else above it. Says which
    /// height that was; `None` if there is no coin at all.
    pub(super) fn take(&mut self, rng: &mut Rng, height: u32) -> Option<(u32, Coin)> {
        let below = self.heights.range(..=height).next_back();
        let (&height, _) = below.or_else(|| self.heights.range(height..).next())?;
        let coins = self.heights.get_mut(&height).expect("the height was found just now");
        let coin = coins.swap_remove(rng.place(coins.len()));
        if coins.is_empty() {
            self.heights.remove(&height);
        } else if coins.len() * 4 < coins.capacity() {
            coins.shrink_to(coins.len() * 2);
        }
        self.count -= 1;
        self.value -= coin.value;
        Some((height, coin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaingen::shape::SpendKind;

    fn coin(value: u64) -> Coin {
        let lock = Lock { kind: SpendKind::P2pkh, key: 0 };
        Coin::new([1; 32], 0, lock, value)
    }

    #[test]
    fn a_coin_is_small() {
        assert_eq!(size_of::<Coin>(), 48);
    }

    #[test]
    fn the_nearest_block_below_gives_the_coin_and_else_the_nearest_above() {
        let mut pool = CoinPool::default();
        for height in [10, 20, 30] {
            pool.put(height, coin(u64::from(height)));
        }
        assert_eq!(pool.all(), (3, 60));
        pool.hold(&coin(5));
        assert_eq!((pool.count(), pool.all()), (3, (4, 65)));
        let mut rng = Rng::new(1, 1);
        let mut take = |height| pool.take(&mut rng, height).map(|(height, coin)| (height, coin.value));
        assert_eq!(take(29), Some((20, 20)));
        assert_eq!(take(29), Some((10, 10)));
        assert_eq!(take(29), Some((30, 30)));
        assert_eq!(take(29), None);
        assert_eq!((pool.count(), pool.all()), (0, (1, 5)));
        assert!(pool.take_any(&mut rng).is_none());
    }

    #[test]
    fn any_coin_is_as_likely_as_another() {
        let (mut pool, mut rng) = (CoinPool::default(), Rng::new(2, 2));
        for number in 0..1_000 {
            pool.put(if number < 900 { 10 } else { 20 }, coin(number));
        }
        let taken: Vec<_> = (0..200).filter_map(|_| pool.take_any(&mut rng)).collect();
        let young = taken.iter().filter(|(height, _)| *height == 20).count();
        assert!((8..40).contains(&young), "{young} of {}", taken.len());
        assert_eq!((taken.len(), pool.count(), pool.oldest()), (200, 800, Some(10)));
    }
}
