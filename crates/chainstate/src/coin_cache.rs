//! Coins in memory, in front of the coin store.
//!
//! Every change of the coins is made here first and reaches the store when the cache is flushed. A coin made
//! and spent between two flushes leaves no trace: it is *fresh* (the store does not have it), so spending it
//! drops the entry.

use std::collections::hash_map::Entry as Slot;

use cairn_primitives::hash::HashMap;
use cairn_primitives::{Coin, OutPoint};

#[derive(Debug)]
struct Entry {
    /// `None`: spent, and the store may still have it.
    coin: Option<Coin>,
    /// The store does not have this state yet.
    dirty: bool,
    /// The store has nothing under this outpoint. Only a dirty, unspent entry is fresh.
    fresh: bool,
}

/// What the cache knows of an outpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached<'a> {
    Unspent(&'a Coin),
    Spent,
    /// The store has the answer.
    Unknown,
}

/// Whether the store may have something under an outpoint that is not in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InStore {
    Maybe,
    No,
}

#[derive(Debug, Default)]
pub(crate) struct CoinCache {
    entries: HashMap<OutPoint, Entry>,
    /// Entries that the table has room for when none was ever removed: what it says of itself is less for each one that was.
    room: usize,
    /// Bytes of scripts held, with what the allocator adds to each.
    script_bytes: usize,
}

/// What an allocation costs beyond its bytes, on the 64-bit allocators in common use.
const ALLOCATION: usize = 16;

/// One slot of the table: the entry and its control byte.
const SLOT: usize = size_of::<(OutPoint, Entry)>() + 1;

/// What a script takes outside its entry; most scripts take nothing.
fn script_bytes(coin: &Option<Coin>) -> usize {
    match coin.as_ref().map_or(0, |coin| coin.output.script_pubkey.heap_len()) {
        0 => 0,
        bytes => bytes + ALLOCATION,
    }
}

impl CoinCache {
    pub(crate) fn get(&self, outpoint: &OutPoint) -> Cached<'_> {
        match self.entries.get(outpoint) {
            Some(Entry { coin: Some(coin), .. }) => Cached::Unspent(coin),
            Some(Entry { coin: None, .. }) => Cached::Spent,
            None => Cached::Unknown,
        }
    }

    /// Keeps a coin that was read from the store.
    pub(crate) fn remember(&mut self, outpoint: OutPoint, coin: Coin) {
        if let Slot::Vacant(slot) = self.entries.entry(outpoint) {
            let coin = Some(coin);
            self.script_bytes += script_bytes(&coin);
            slot.insert(Entry { coin, dirty: false, fresh: false });
            self.note_room();
        }
    }

    /// Makes the coin exist, over whatever was there.
    pub(crate) fn make(&mut self, outpoint: OutPoint, coin: Coin, in_store: InStore) {
        let coin = Some(coin);
        self.script_bytes += script_bytes(&coin);
        match self.entries.entry(outpoint) {
            Slot::Occupied(slot) => {
                let entry = slot.into_mut();
                self.script_bytes -= script_bytes(&entry.coin);
                *entry = Entry { coin, dirty: true, fresh: entry.fresh };
            }
            Slot::Vacant(slot) => {
                slot.insert(Entry { coin, dirty: true, fresh: in_store == InStore::No });
                self.note_room();
            }
        }
    }

    /// Makes the coin not exist.
    pub(crate) fn spend(&mut self, outpoint: &OutPoint) {
        match self.entries.entry(*outpoint) {
            Slot::Occupied(slot) if slot.get().fresh => {
                self.script_bytes -= script_bytes(&slot.remove().coin);
            }
            Slot::Occupied(slot) => {
                let entry = slot.into_mut();
                self.script_bytes -= script_bytes(&entry.coin);
                *entry = Entry { coin: None, dirty: true, fresh: false };
            }
            Slot::Vacant(slot) => {
                slot.insert(Entry { coin: None, dirty: true, fresh: false });
                self.note_room();
            }
        }
    }

    /// The changes the store does not have, in key order: which is how a tree takes them best.
    pub(crate) fn changes(&self) -> Vec<(&OutPoint, Option<&Coin>)> {
        let dirty = self.entries.iter().filter(|(_, entry)| entry.dirty);
        let mut changes: Vec<_> = dirty.map(|(outpoint, entry)| (outpoint, entry.coin.as_ref())).collect();
        changes.sort_unstable_by_key(|(outpoint, _)| **outpoint);
        changes
    }

    /// Takes note that the store now has every change. Keeps the unspent coins if they leave half of `budget` bytes, so
    /// that the next flush is not due at once, or nothing, and says which: what is old and what is not would take longer
    /// to tell than to read again.
    pub(crate) fn flushed(&mut self, budget: usize) -> Kept {
        self.entries.retain(|_, entry| entry.coin.is_some());
        if self.bytes() > budget / 2 || self.is_full(budget) {
            *self = CoinCache::default();
            return Kept::Nothing;
        }
        for entry in self.entries.values_mut() {
            entry.dirty = false;
            entry.fresh = false;
        }
        Kept::Coins
    }

    /// Bytes of memory the cache takes, as good as they can be told from outside the allocator.
    pub(crate) fn bytes(&self) -> usize {
        self.table_bytes() + self.script_bytes
    }

    /// Whether the cache takes more than `budget` bytes, or would once its table doubles, which it is about to do.
    pub(crate) fn is_full(&self, budget: usize) -> bool {
        let (len, left) = (self.entries.len(), self.entries.capacity() - self.entries.len());
        // The room of a sixteenth is for a block or two. A table less than half full is tidied up rather than doubled.
        let doubles = left < self.room / 16 && len > self.room / 2;
        // While it doubles, the old table is still there.
        let table = if doubles { 3 * self.table_bytes() } else { self.table_bytes() };
        self.script_bytes + table > budget
    }

    /// Bytes of the table: a power of two of slots, of which it fills seven eighths at most.
    fn table_bytes(&self) -> usize {
        match self.room {
            0 => 0,
            room => (room * 8).div_ceil(7).next_power_of_two() * SLOT,
        }
    }

    fn note_room(&mut self) {
        self.room = self.room.max(self.entries.capacity());
    }
}

/// What a flush leaves in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All unspent coins it had.
    Coins,
    /// None.
    Nothing,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use cairn_primitives::{Amount, Height, Script, TxOut, Txid};
    use proptest::prelude::*;

    fn outpoint(n: u8) -> OutPoint {
        OutPoint { txid: Txid::from_bytes([n; 32]), vout: 0 }
    }

    fn coin(value: u64) -> Coin {
        let script_pubkey = Script::from_bytes(vec![0x51; value as usize % 80]);
        let output = TxOut { value: Amount::from_sat(value), script_pubkey };
        Coin { output, height: Height::new(1), coinbase: false }
    }

    #[test]
    fn a_coin_made_and_spent_between_flushes_leaves_no_trace() {
        let mut cache = CoinCache::default();
        cache.make(outpoint(1), coin(5), InStore::No);
        assert_eq!(cache.changes(), [(&outpoint(1), Some(&coin(5)))]);
        cache.spend(&outpoint(1));
        assert!(cache.changes().is_empty());
        assert_eq!(cache.script_bytes, 0);
    }

    #[test]
    fn a_coin_the_store_may_have_is_deleted_there() {
        let mut cache = CoinCache::default();
        cache.make(outpoint(1), coin(5), InStore::Maybe);
        cache.spend(&outpoint(1));
        assert_eq!(cache.changes(), [(&outpoint(1), None)]);
        // Made anew over the tombstone it is still not fresh.
        cache.make(outpoint(1), coin(6), InStore::No);
        cache.spend(&outpoint(1));
        assert_eq!(cache.changes(), [(&outpoint(1), None)]);
        assert_eq!(cache.get(&outpoint(1)), Cached::Spent);
    }

    #[test]
    fn a_flushed_coin_is_no_longer_fresh() {
        let mut cache = CoinCache::default();
        cache.make(outpoint(1), coin(5), InStore::No);
        cache.flushed(usize::MAX);
        assert!(cache.changes().is_empty());
        assert_eq!(cache.get(&outpoint(1)), Cached::Unspent(&coin(5)));
        cache.spend(&outpoint(1));
        assert_eq!(cache.changes(), [(&outpoint(1), None)]);
        cache.flushed(usize::MAX);
        assert_eq!(cache.get(&outpoint(1)), Cached::Unknown);
    }

    #[test]
    fn past_half_the_budget_nothing_is_kept() {
        let mut cache = CoinCache::default();
        cache.make(outpoint(1), coin(5), InStore::No);
        let bytes = cache.bytes();
        assert_eq!(cache.flushed(2 * bytes), Kept::Coins);
        assert_ne!(cache.get(&outpoint(1)), Cached::Unknown);
        assert_eq!(cache.flushed(2 * bytes - 1), Kept::Nothing);
        assert_eq!(cache.get(&outpoint(1)), Cached::Unknown);
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn the_table_is_counted_as_it_grows() {
        let mut cache = CoinCache::default();
        assert_eq!(cache.bytes(), 0);
        let mut before = 0;
        for n in 0..5_000_u32 {
            let outpoint = OutPoint { vout: n, ..outpoint(1) };
            // Never below what is in it, and never more than two of its halves, less one entry each.
            let full = cache.is_full(cache.bytes());
            cache.make(outpoint, coin(1), InStore::No);
            assert!(cache.bytes() >= cache.entries.len() * SLOT);
            assert!(n < 28 || cache.bytes() <= (cache.entries.len() * SLOT) * 5 / 2);
            assert!(n < 28 || cache.bytes() == before || full, "told before the table doubles");
            before = cache.bytes();
        }
        assert!(!cache.is_full(3 * before));
        assert!(cache.is_full(before - 1));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Make(u8, u64),
        Spend(u8),
        Read(u8),
        Flush(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u8..6, 1_u64..100).prop_map(|(n, value)| Step::Make(n, value)),
            4 => (0_u8..6).prop_map(Step::Spend),
            2 => (0_u8..6).prop_map(Step::Read),
            1 => any::<bool>().prop_map(Step::Flush),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        /// Cache over store answers as one map does, and a flush leaves the store equal to that map.
        #[test]
        fn cache_and_store_are_one_map(steps in steps()) {
            let mut cache = CoinCache::default();
            let mut store = BTreeMap::new();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Make(n, value) => {
                        let known = model.contains_key(&outpoint(n));
                        let in_store = if known { InStore::Maybe } else { InStore::No };
                        cache.make(outpoint(n), coin(value), in_store);
                        model.insert(outpoint(n), coin(value));
                    }
                    Step::Spend(n) => {
                        cache.spend(&outpoint(n));
                        model.remove(&outpoint(n));
                    }
                    Step::Read(n) => {
                        if let (Cached::Unknown, Some(coin)) =
                            (cache.get(&outpoint(n)), store.get(&outpoint(n)).cloned())
                        {
                            cache.remember(outpoint(n), coin);
                        }
                    }
                    Step::Flush(keep) => {
                        for (outpoint, coin) in cache.changes() {
                            match coin {
                                Some(coin) => store.insert(*outpoint, coin.clone()),
                                None => store.remove(outpoint),
                            };
                        }
                        cache.flushed(if keep { usize::MAX } else { 0 });
                        prop_assert_eq!(&store, &model);
                    }
                }
                for n in 0..6 {
                    let found = match cache.get(&outpoint(n)) {
                        Cached::Unspent(coin) => Some(coin),
                        Cached::Spent => None,
                        Cached::Unknown => store.get(&outpoint(n)),
                    };
                    prop_assert_eq!(found, model.get(&outpoint(n)));
                }
                let bytes: usize = cache.entries.values().map(|entry| script_bytes(&entry.coin)).sum();
                prop_assert_eq!(cache.script_bytes, bytes);
            }
        }
    }
}
