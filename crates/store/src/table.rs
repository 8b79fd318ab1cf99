//! Tables: typed parts of a store, each under its own number.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::batch::MAX_KEY_BYTES;
use crate::codec::{Key, Value};
use crate::engine::{RawEntries, RawEntry};
use crate::error::StoreError;
use crate::store::{Shared, StoreId};

/// The declaration of a table: its number on disk, its name and its types.
///
/// Declared once as a constant; the number is part of the disk form and never changes meaning.
pub struct TableDef<K, V> {
    id: u8,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> TableDef<K, V> {
    /// A table with number `id` called `name`.
    ///
    /// # Panics
    /// When `id` is 0 (the store's own catalogue) or 255 (the end of the key space). In a constant, which is
    /// where declarations belong, this is a compile error.
    pub const fn new(id: u8, name: &'static str) -> Self {
        assert!(id > 0 && id < u8::MAX, "table numbers are 1 to 254");
        TableDef { id, name, types: PhantomData }
    }

    /// The catalogue of a store: table number to table name.
    pub(crate) const fn catalogue() -> Self {
        TableDef { id: 0, name: "catalogue", types: PhantomData }
    }

    /// The number under which the table stands on disk.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The table's name, for messages and for the catalogue.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K, V> Clone for TableDef<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for TableDef<K, V> {}

impl<K, V> fmt::Debug for TableDef<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableDef({} {})", self.id, self.name)
    }
}

/// A table of an open [`Store`](crate::Store): reads of the latest state.
///
/// One call to [`get`](Table::get) or [`contains`](Table::contains) sees a batch wholly or not at all. An
/// iterator reads each entry when it comes to it, so a commit made meanwhile may show in the part not yet
/// walked; a [`Snapshot`](crate::Snapshot) rules that out.
pub struct Table<K, V> {
    def: TableDef<K, V>,
    shared: Arc<Shared>,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Table { def: self.def, shared: self.shared.clone() }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} {})", self.def.id, self.def.name)
    }
}

impl<K: Key, V: Value> Table<K, V> {
    pub(crate) fn new(def: TableDef<K, V>, shared: Arc<Shared>) -> Self {
        Table { def, shared }
    }

    /// The table's name.
    pub fn name(&self) -> &'static str {
        self.def.name
    }

    /// The value of `key`, or `None`.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the bytes do not fit the type, [`StoreError::KeyTooLong`], and what the
    /// engine reports.
    pub fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        match self.shared.engine.get(&self.raw_key(key)?)? {
            Some(bytes) => V::read_value(&bytes).map(Some).map_err(|source| self.decode(source)),
            None => Ok(None),
        }
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// [`StoreError::KeyTooLong`] and what the engine reports.
    pub fn contains(&self, key: &K) -> Result<bool, StoreError> {
        Ok(self.shared.engine.get(&self.raw_key(key)?)?.is_some())
    }

    /// All entries in key order.
    pub fn iter(&self) -> Entries<K, V> {
        self.entries(vec![self.def.id], vec![self.def.id + 1])
    }

    /// The entries whose keys lie in `bounds`, in key order; nothing when the bounds cross.
    pub fn range(&self, bounds: impl RangeBounds<K>) -> Entries<K, V> {
        let low = match bounds.start_bound() {
            Bound::Included(key) => self.prefixed(key),
            Bound::Excluded(key) => after(self.prefixed(key)),
            Bound::Unbounded => vec![self.def.id],
        };
        let high = match bounds.end_bound() {
            Bound::Included(key) => after(self.prefixed(key)),
            Bound::Excluded(key) => self.prefixed(key),
            Bound::Unbounded => vec![self.def.id + 1],
        };
        self.entries(low, high)
    }

    /// The entries whose key bytes begin with the bytes of `prefix`, in key order.
    pub fn prefix<P: Key>(&self, prefix: &P) -> Entries<K, V> {
        let low = self.prefixed(prefix);
        let high = successor(low.clone());
        self.entries(low, high)
    }

    /// The entry with the lowest key, if any.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn first(&self) -> Result<Option<(K, V)>, StoreError> {
        self.iter().next().transpose()
    }

    /// The entry with the highest key, if any.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn last(&self) -> Result<Option<(K, V)>, StoreError> {
        self.iter().next_back().transpose()
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.shared.id
    }

    pub(crate) fn raw_key(&self, key: &K) -> Result<Vec<u8>, StoreError> {
        let bytes = self.prefixed(key);
        let got = bytes.len() - 1;
        if got > MAX_KEY_BYTES {
            return Err(StoreError::KeyTooLong { table: self.def.name, got, limit: MAX_KEY_BYTES });
        }
        Ok(bytes)
    }

    fn prefixed<P: Key>(&self, key: &P) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(48);
        bytes.push(self.def.id);
        key.write_key(&mut bytes);
        bytes
    }

    fn entries(&self, low: Vec<u8>, high: Vec<u8>) -> Entries<K, V> {
        let raw: RawEntries =
            if low < high { self.shared.engine.range(low, high) } else { Box::new(std::iter::empty()) };
        Entries { raw, def: self.def }
    }

    fn decode(&self, source: crate::ValueError) -> StoreError {
        StoreError::Decode { table: self.def.name, source }
    }
}

/// The first byte string after `key` in order.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// The first byte string after all those that begin with `prefix`, which starts with a table number below 255.
fn successor(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            break;
        }
    }
    prefix
}

/// Entries of a table in key order; walks from either end.
pub struct Entries<K, V> {
    raw: RawEntries,
    def: TableDef<K, V>,
}

impl<K, V> fmt::Debug for Entries<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.def.name)
    }
}

impl<K: Key, V: Value> Entries<K, V> {
    fn read(&self, entry: Result<RawEntry, StoreError>) -> Result<(K, V), StoreError> {
        let (key, value) = entry?;
        let decode = |source| StoreError::Decode { table: self.def.name, source };
        // The first byte is the table's number: the range began and ended inside it.
        let key = K::read_key(&key[1..]).map_err(decode)?;
        Ok((key, V::read_value(&value).map_err(decode)?))
    }
}

impl<K: Key, V: Value> Iterator for Entries<K, V> {
    type Item = Result<(K, V), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.raw.next()?;
        Some(self.read(entry))
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for Entries<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.raw.next_back()?;
        Some(self.read(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_skips_all_extensions() {
        assert_eq!(successor(vec![1, 2]), [1, 3]);
        assert_eq!(successor(vec![1, 0xff]), [2]);
        assert_eq!(successor(vec![1, 0xff, 0xff]), [2]);
        assert_eq!(successor(vec![254, 0xff]), [255]);
    }
}
