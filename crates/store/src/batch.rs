//! Several changes that become visible, and durable, together.

use crate::codec::{Key, Value};
use crate::engine::Op;
use crate::error::StoreError;
use crate::store::StoreId;
use crate::table::Table;

/// Longest key any engine is asked to hold, in bytes, without the table's number.
pub const MAX_KEY_BYTES: usize = 1024;

/// Longest value any engine is asked to hold, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Changes to any tables of one store, applied by [`Store::commit`](crate::Store::commit) all or none.
///
/// Operations on the same key take effect in the order they were added.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) ops: Vec<Op>,
    pub(crate) store: Option<StoreId>,
}

impl Batch {
    /// Most operations in one batch. sled's memory grows far beyond the batch itself with larger ones: batches
    /// of 5,000 peaked at sixteen times the memory of batches of 1,000.
    pub const MAX_OPS: usize = 1000;

    /// An empty batch.
    pub fn new() -> Self {
        Batch::default()
    }

    /// Number of operations so far.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether nothing is in the batch.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// How many operations still fit.
    pub fn room(&self) -> usize {
        Self::MAX_OPS - self.ops.len()
    }

    /// Sets `key` to `value` in `table`.
    ///
    /// # Errors
    /// [`StoreError::BatchFull`] past [`Batch::MAX_OPS`], [`StoreError::KeyTooLong`] and
    /// [`StoreError::ValueTooLong`] past their limits, [`StoreError::ForeignTable`] when the batch already
    /// changes a table of another store. The batch is then as it was.
    pub fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        value.write_value(&mut bytes);
        if bytes.len() > MAX_VALUE_BYTES {
            let (got, limit) = (bytes.len(), MAX_VALUE_BYTES);
            return Err(StoreError::ValueTooLong { table: table.name(), got, limit });
        }
        self.push(table, key, Some(bytes))
    }

    /// Deletes `key` from `table`; a key that is not there is no error.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub fn delete<K: Key, V: Value>(&mut self, table: &Table<K, V>, key: &K) -> Result<(), StoreError> {
        self.push(table, key, None)
    }

    fn push<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if self.ops.len() >= Self::MAX_OPS {
            return Err(StoreError::BatchFull { limit: Self::MAX_OPS });
        }
        if self.store.is_some_and(|store| store != table.store_id()) {
            return Err(StoreError::ForeignTable { table: table.name() });
        }
        let key = table.raw_key(key)?;
        self.store = Some(table.store_id());
        self.ops.push(Op { key, value });
        Ok(())
    }
}
