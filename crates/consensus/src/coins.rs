//! Where coins come from, and what a block does to them.

use std::collections::HashMap;

use cairn_primitives::{Coin, OutPoint};

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

impl CoinView for HashMap<OutPoint, Coin> {
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
    pub fn apply(self, coins: &mut HashMap<OutPoint, Coin>) {
        for outpoint in &self.spent {
            coins.remove(outpoint);
        }
        coins.extend(self.created);
    }
}

/// The coins of a block under check: those it makes itself lie over those below it.
pub(crate) struct Overlay<'v, V> {
    below: &'v V,
    /// Coins made by this block; `None` once spent by it. The number keeps the order of making.
    made: HashMap<OutPoint, (usize, Option<Coin>)>,
    spent_below: HashMap<OutPoint, usize>,
}

impl<'v, V: CoinView> Overlay<'v, V> {
    pub(crate) fn new(below: &'v V) -> Self {
        Self { below, made: HashMap::new(), spent_below: HashMap::new() }
    }

    /// Takes the coin out of the set; `Ok(None)` if it is not there.
    pub(crate) fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        if let Some((_, coin)) = self.made.get_mut(outpoint) {
            return Ok(coin.take());
        }
        if self.spent_below.contains_key(outpoint) {
            return Ok(None);
        }
        let coin = self.below.coin(outpoint)?;
        if coin.is_some() {
            self.spent_below.insert(*outpoint, self.spent_below.len());
        }
        Ok(coin)
    }

    /// Puts a coin into the set, over one that may be there (BIP30's exceptions).
    pub(crate) fn make(&mut self, outpoint: OutPoint, coin: Coin) {
        let order = self.made.len();
        self.made.insert(outpoint, (order, Some(coin)));
    }

    pub(crate) fn into_delta(self) -> CoinDelta {
        let mut spent: Vec<_> =
            self.spent_below.into_iter().map(|(outpoint, order)| (order, outpoint)).collect();
        spent.sort_unstable_by_key(|&(order, _)| order);
        let mut created: Vec<_> = self
            .made
            .into_iter()
            .filter_map(|(outpoint, (order, coin))| Some((order, outpoint, coin?)))
            .collect();
        created.sort_unstable_by_key(|&(order, _, _)| order);
        CoinDelta {
            spent: spent.into_iter().map(|(_, outpoint)| outpoint).collect(),
            created: created.into_iter().map(|(_, outpoint, coin)| (outpoint, coin)).collect(),
        }
    }
}
