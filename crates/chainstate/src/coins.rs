//! The store `coins`, and the coins as consensus sees them: changes under way over the cache over the store.

use std::cell::RefCell;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cairn_consensus::{CoinDelta, CoinView, CoinViewError};
use cairn_failpoint as failpoint;
use cairn_primitives::hash::HashMap;
use cairn_primitives::{BlockHash, Coin, OutPoint};
use cairn_store::{Batch, Store, StoreError, Table};

use crate::chain_db::{Commits, Writer};
use crate::coin_cache::{Cached, CoinCache, InStore};
use crate::coin_codec::{CoinKey, CoinRow};
use crate::layout::{COINS, COINS_STATE, CoinsState, ONLY};
use crate::snapshot::LOADING;

#[derive(Debug, Clone)]
pub(crate) struct CoinDb {
    store: Store,
    coins: Table<CoinKey, CoinRow>,
    state: Table<u8, CoinsState>,
    loading: Table<u8, ()>,
    /// Whether the cache has every coin of the store, so that the store need not be asked.
    all_cached: Arc<AtomicBool>,
}

impl CoinDb {
    pub(crate) fn open(store: Store) -> Result<Self, StoreError> {
        Ok(CoinDb {
            coins: store.table(COINS)?,
            state: store.table(COINS_STATE)?,
            loading: store.table(LOADING)?,
            all_cached: Arc::default(),
            store,
        })
    }

    /// A coin that the cache does not know.
    pub(crate) fn get(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        if !self.is_to_be_asked() {
            return Ok(None);
        }
        Ok(self.coins.get(&CoinKey(*outpoint))?.map(|row| row.0))
    }

    /// Takes note that the store is empty and that whatever comes into it comes out of the cache.
    pub(crate) fn begins_empty(&self) {
        self.all_cached.store(true, Ordering::Release);
    }

    /// Whether it may have coins that the cache does not know.
    pub(crate) fn is_to_be_asked(&self) -> bool {
        !self.all_cached.load(Ordering::Acquire)
    }

    /// Takes note that the store may have coins that the cache does not know: the cache was emptied, or coins were written
    /// that did not come from it.
    pub(crate) fn must_be_asked(&self) {
        self.all_cached.store(false, Ordering::Release);
    }

    /// All coins in the store, in key order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<(OutPoint, Coin), StoreError>> + use<> {
        self.coins.iter().map(|entry| entry.map(|(key, row)| (key.0, row.0)))
    }

    pub(crate) fn state(&self) -> Result<Option<CoinsState>, StoreError> {
        self.state.get(&ONLY)
    }

    pub(crate) fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.coins.first()?.is_none())
    }

    /// Writes which block the coins belong to, or the marker, and returns once it is durable.
    pub(crate) fn set_state(&self, state: &CoinsState) -> Result<(), StoreError> {
        let (commits, sync) = match state.flushing_to {
            Some(_) => (&MARKER, "coins.marker-sync"),
            None => (&SETTLED, "coins.settled-sync"),
        };
        let mut writer = Writer::new(&self.store, commits);
        writer.put(&self.state, &ONLY, state)?;
        writer.finish()?;
        failpoint::around(sync, || self.store.sync())
    }

    /// At most `most` coins after `last`, in key order.
    pub(crate) fn after(
        &self,
        last: Option<OutPoint>,
        most: usize,
    ) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
        let from = last.map_or(Bound::Unbounded, |last| Bound::Excluded(CoinKey(last)));
        let coins = self.coins.range((from, Bound::Unbounded)).take(most);
        coins.map(|entry| entry.map(|(key, row)| (key.0, row.0))).collect()
    }

    /// Whether coins were being loaded when the process ended.
    pub(crate) fn is_loading(&self) -> Result<bool, StoreError> {
        self.loading.contains(&ONLY)
    }

    /// Voids whatever is in the store until [`end_load`](Self::end_load), empties it, and begins to fill it.
    pub(crate) fn begin_load(&self) -> Result<Loading<'_>, StoreError> {
        self.must_be_asked();
        let mut writer = Writer::new(&self.store, &LOAD_MARK);
        writer.put(&self.loading, &ONLY, &())?;
        writer.finish()?;
        failpoint::around("coins.load-mark-sync", || self.store.sync())?;
        self.delete_coins()?;
        Ok(Loading { coins: self, writer: Writer::new(&self.store, &LOAD) })
    }

    /// The coins that were loaded count from here on.
    pub(crate) fn end_load(&self) -> Result<(), StoreError> {
        let mut writer = Writer::new(&self.store, &LOAD_MARK);
        writer.delete(&self.loading, &ONLY)?;
        writer.finish()?;
        failpoint::around("coins.load-mark-sync", || self.store.sync())
    }

    fn delete_coins(&self) -> Result<(), StoreError> {
        loop {
            let mut batch = Batch::new();
            for entry in self.coins.iter().take(Batch::MAX_OPS) {
                batch.delete(&self.coins, &entry?.0)?;
            }
            if batch.is_empty() {
                return Ok(());
            }
            failpoint::around("coins.empty", || self.store.commit(batch))?;
        }
    }

    /// Empties the store. Cut short, it is still one that is being loaded.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        self.delete_coins()?;
        let mut batch = Batch::new();
        batch.delete(&self.state, &ONLY)?;
        batch.delete(&self.loading, &ONLY)?;
        failpoint::around("coins.clear", || self.store.commit(batch))?;
        failpoint::around("coins.clear-sync", || self.store.sync())
    }

    /// Brings the store from block `at` to block `to` by the cache's changes, durably. Where that is cut short the store
    /// names both, and some of the changes are made: all of them must be made again.
    pub(crate) fn flush(&self, at: BlockHash, to: BlockHash, cache: &CoinCache) -> Result<(), StoreError> {
        self.set_state(&CoinsState { at, flushing_to: Some(to) })?;
        self.write(cache)?;
        self.set_state(&settled(to))
    }

    /// Makes all the cache's changes, in batches. Not durable before [`CoinDb::set_state`].
    fn write(&self, cache: &CoinCache) -> Result<(), StoreError> {
        let mut writer = Writer::new(&self.store, &CHANGES);
        for (outpoint, coin) in cache.changes() {
            match coin {
                Some(coin) => writer.put(&self.coins, &CoinKey(*outpoint), &CoinRow(coin.clone()))?,
                None => writer.delete(&self.coins, &CoinKey(*outpoint))?,
            }
        }
        writer.finish()
    }
}

/// A load of coins from elsewhere, under way.
#[derive(Debug)]
pub(crate) struct Loading<'a> {
    coins: &'a CoinDb,
    writer: Writer<'a>,
}

impl Loading<'_> {
    pub(crate) fn put(&mut self, outpoint: OutPoint, coin: Coin) -> Result<(), StoreError> {
        self.writer.put(&self.coins.coins, &CoinKey(outpoint), &CoinRow(coin))
    }

    /// Writes which block the coins belong to, and returns once all is durable.
    pub(crate) fn finish(mut self, state: &CoinsState) -> Result<(), StoreError> {
        self.writer.put(&self.coins.state, &ONLY, state)?;
        self.writer.finish()?;
        failpoint::around("coins.load-sync", || self.coins.store.sync())
    }
}

const MARKER: Commits = Commits { full: "coins.marker", last: "coins.marker" };
const SETTLED: Commits = Commits { full: "coins.settled", last: "coins.settled" };
const CHANGES: Commits = Commits { full: "coins.changes", last: "coins.changes-last" };
const LOAD_MARK: Commits = Commits { full: "coins.load-mark", last: "coins.load-mark" };
const LOAD: Commits = Commits { full: "coins.load", last: "coins.load-last" };

/// Coin changes of blocks that are not applied yet: all of them are, or none.
///
/// The changes of a single connected block are kept as they come; with a second block they become a map that
/// lies over the cache.
#[derive(Debug, Default)]
pub(crate) struct StagedCoins {
    single: Option<CoinDelta>,
    overlay: HashMap<OutPoint, Option<Coin>>,
}

impl StagedCoins {
    /// Adds the changes of the next block.
    pub(crate) fn push(&mut self, delta: CoinDelta) {
        if self.overlay.is_empty() && self.single.is_none() {
            self.single = Some(delta);
        } else {
            self.seal();
            self.fold(delta);
        }
    }

    /// Makes what was pushed so far visible to [`Coins`].
    pub(crate) fn seal(&mut self) {
        if let Some(delta) = self.single.take() {
            self.fold(delta);
        }
    }

    fn fold(&mut self, delta: CoinDelta) {
        self.overlay.extend(delta.spent.into_iter().map(|outpoint| (outpoint, None)));
        self.overlay.extend(delta.created.into_iter().map(|(outpoint, coin)| (outpoint, Some(coin))));
    }

    /// Moves the changes into the cache. `new_coins` says whether the store may have a coin under the outpoint
    /// of a new one; it is believed only for a single connected block and not for its coinbase, which may
    /// repeat an older one where BIP30 excepts it.
    pub(crate) fn apply(self, cache: &mut CoinCache, new_coins: InStore) {
        if let Some(delta) = self.single {
            for outpoint in &delta.spent {
                cache.spend(outpoint);
            }
            for (outpoint, coin) in delta.created {
                let in_store = if coin.coinbase { InStore::Maybe } else { new_coins };
                cache.make(outpoint, coin, in_store);
            }
        }
        for (outpoint, coin) in self.overlay {
            match coin {
                Some(coin) => cache.make(outpoint, coin, InStore::Maybe),
                None => cache.spend(&outpoint),
            }
        }
    }
}

/// Changes that lie over the cache.
pub(crate) trait Layer {
    /// What was made of a coin: `None` if nothing was, `Some(None)` if it is gone.
    fn get(&self, outpoint: &OutPoint) -> Option<&Option<Coin>>;
}

impl Layer for StagedCoins {
    /// What was pushed last must be sealed.
    fn get(&self, outpoint: &OutPoint) -> Option<&Option<Coin>> {
        debug_assert!(self.single.is_none(), "sealed before it is read");
        self.overlay.get(outpoint)
    }
}

/// The coins as changes under way leave them.
pub(crate) struct Coins<'a, L> {
    layer: &'a L,
    cache: &'a CoinCache,
    db: &'a CoinDb,
    /// What the store said when it failed: consensus passes on only that it did.
    failure: RefCell<Option<StoreError>>,
}

impl<'a, L: Layer> Coins<'a, L> {
    pub(crate) fn new(layer: &'a L, cache: &'a CoinCache, db: &'a CoinDb) -> Self {
        Coins { layer, cache, db, failure: RefCell::new(None) }
    }

    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failure.into_inner()
    }

    /// Whether an answer needs the store.
    pub(crate) fn is_at_hand(&self, outpoint: &OutPoint) -> bool {
        self.layer.get(outpoint).is_some() || !matches!(self.cache.get(outpoint), Cached::Unknown)
    }
}

impl<L: Layer> CoinView for Coins<'_, L> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        if let Some(coin) = self.layer.get(outpoint) {
            return Ok(coin.clone());
        }
        lookup(self.cache, self.db, outpoint).map_err(|error| {
            self.failure.replace(Some(error));
            CoinViewError::Internal
        })
    }
}

/// The coin as the cache has it, else the store.
pub(crate) fn lookup(
    cache: &CoinCache,
    db: &CoinDb,
    outpoint: &OutPoint,
) -> Result<Option<Coin>, StoreError> {
    match cache.get(outpoint) {
        Cached::Unspent(coin) => Ok(Some(coin.clone())),
        Cached::Spent => Ok(None),
        Cached::Unknown => db.get(outpoint),
    }
}

/// A block the coin store can stand at, with nothing under way.
pub(crate) fn settled(at: BlockHash) -> CoinsState {
    CoinsState { at, flushing_to: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::{Amount, Height, Script, TxOut, Txid};

    fn outpoint(n: u8) -> OutPoint {
        OutPoint { txid: Txid::from_bytes([n; 32]), vout: 0 }
    }

    fn coin(coinbase: bool) -> Coin {
        let output = TxOut { value: Amount::from_sat(1), script_pubkey: Script::new() };
        Coin { output, height: Height::new(1), coinbase }
    }

    fn made(n: u8, coinbase: bool) -> CoinDelta {
        CoinDelta { spent: vec![], created: vec![(outpoint(n), coin(coinbase))] }
    }

    /// What is left to write once coin `n` is spent again.
    fn changes_after_spending(staged: StagedCoins, n: u8) -> usize {
        let mut cache = CoinCache::default();
        staged.apply(&mut cache, InStore::No);
        cache.spend(&outpoint(n));
        cache.changes().len()
    }

    #[test]
    fn only_the_new_coins_of_a_single_block_are_fresh_and_no_coinbase_is() {
        let mut single = StagedCoins::default();
        single.push(made(1, false));
        assert_eq!(changes_after_spending(single, 1), 0);
        // A coinbase may repeat an older one that the store still has (BIP30's exceptions).
        let mut coinbase = StagedCoins::default();
        coinbase.push(made(1, true));
        assert_eq!(changes_after_spending(coinbase, 1), 1);
        let mut two = StagedCoins::default();
        two.push(made(1, false));
        two.push(made(2, false));
        assert_eq!(changes_after_spending(two, 1), 2);
    }

    #[test]
    fn a_later_block_overrules_an_earlier_one() {
        let db = CoinDb::open(Store::memory()).unwrap();
        let cache = CoinCache::default();
        let mut staged = StagedCoins::default();
        staged.push(made(1, false));
        staged.push(CoinDelta { spent: vec![outpoint(1)], created: vec![] });
        staged.push(made(2, false));
        staged.seal();
        let coins = Coins::new(&staged, &cache, &db);
        assert_eq!(coins.coin(&outpoint(1)), Ok(None));
        assert_eq!(coins.coin(&outpoint(2)), Ok(Some(coin(false))));
    }
}
