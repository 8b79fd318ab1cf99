//! Where coins come from, and what a block does to them.

use std::hash::BuildHasher;

use cairn_primitives::hash::{HashMap, HashSet, MapState};
use cairn_primitives::{Coin, OutPoint, Txid};

use crate::error::CoinViewError;

/// The coins that are unspent below the block under check.
pub trait CoinView {
    /// The unspent coin at `outpoint`; `Ok(None)` if it never existed or was spent.
    ///
    /// # Errors
    /// [`CoinViewError`] when the view cannot tell.
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError>;
}

impl<V: CoinView + ?Sized> CoinView for &V {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        (**self).coin(outpoint)
    }
}

impl<S: BuildHasher> CoinView for std::collections::HashMap<OutPoint, Coin, S> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Ok(self.get(outpoint).cloned())
    }
}

/// The net effect of a block, or of taking one off, on the set of coins.
///
/// Every entry is absolute, so applying a delta twice is the same as once. A coin that is made and
/// spent inside the same block is in neither list. No outpoint is in both lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoinDelta {
    /// Coins that are gone, in the order they were spent.
    pub spent: Vec<OutPoint>,
    /// Coins that are new, in the order they were made.
    pub created: Vec<(OutPoint, Coin)>,
}

impl CoinDelta {
    /// Applies the change to a plain map of coins.
    pub fn apply<S: BuildHasher>(self, coins: &mut std::collections::HashMap<OutPoint, Coin, S>) {
        for outpoint in &self.spent {
            coins.remove(outpoint);
        }
        coins.extend(self.created);
    }
}

/// The coins of a block under check: those it makes itself lie over those below it.
pub(crate) struct Overlay<'v, V> {
    below: &'v V,
    /// Where the coins of each transaction of this block begin among those made.
    first_made: HashMap<Txid, usize>,
    /// Coins made by this block in their order, one for each output of a transaction: `None` for an output that can never be
    /// spent, and once it is spent.
    made: Vec<(OutPoint, Option<Coin>)>,
    spent_below: HashSet<OutPoint>,
    /// The same in the order they were spent.
    spent: Vec<OutPoint>,
}

impl<'v, V: CoinView> Overlay<'v, V> {
    /// `txs`, `outputs` and `inputs` are how many the block has at most: room for them is made at once.
    pub(crate) fn new(below: &'v V, txs: usize, outputs: usize, inputs: usize) -> Self {
        Self {
            below,
            first_made: HashMap::with_capacity_and_hasher(txs, MapState),
            made: Vec::with_capacity(outputs),
            spent_below: HashSet::with_capacity_and_hasher(inputs, MapState),
            spent: Vec::with_capacity(inputs),
        }
    }

    /// Takes the coin out of the set; `Ok(None)` if it is not there.
    pub(crate) fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        if let Some(&first) = self.first_made.get(&outpoint.txid) {
            // The slots behind the last output of a transaction are another's.
            let slot = first.checked_add(outpoint.vout as usize).and_then(|at| self.made.get_mut(at));
            if let Some((_, coin)) = slot.filter(|(at, _)| at == outpoint) {
                return Ok(coin.take());
            }
        }
        if self.spent_below.contains(outpoint) {
            return Ok(None);
        }
        let coin = self.below.coin(outpoint)?;
        if coin.is_some() {
            self.spent_below.insert(*outpoint);
            self.spent.push(*outpoint);
        }
        Ok(coin)
    }

    /// Puts the coins of a transaction's outputs into the set, over any that may be there (BIP30's exceptions).
    pub(crate) fn make(&mut self, txid: Txid, coins: impl Iterator<Item = Option<Coin>>) {
        self.first_made.insert(txid, self.made.len());
        let outpoints = (0..).map(|vout| OutPoint { txid, vout });
        self.made.extend(outpoints.zip(coins));
    }

    pub(crate) fn into_delta(self) -> CoinDelta {
        let made = self.made.into_iter();
        CoinDelta {
            spent: self.spent,
            created: made.filter_map(|(outpoint, coin)| Some((outpoint, coin?))).collect(),
        }
    }
}
