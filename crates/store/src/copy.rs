//! All rows of a store: counted, hashed, and taken into another store.

use cairn_primitives::Sink;
use cairn_primitives::hash::Sha256Engine;

use crate::batch::Batch;
use crate::engine::{Op, RawEntries};
use crate::error::StoreError;
use crate::store::Store;

/// Most bytes of keys and values in one batch of a copy, beyond which it is committed.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// Rows after which a watcher hears of them.
const WATCH_EVERY: u64 = 1000;

/// What a store holds, in two numbers. Equal for two stores exactly when they hold the same rows, whatever their
/// engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// How many rows, those of the catalogue of tables included.
    pub count: u64,
    /// SHA-256 over all rows in key order: the length of the key (4 bytes, little-endian), the key with the number of
    /// its table before it, and the same for the value.
    pub hash: [u8; 32],
}

/// Rows as they come by.
#[derive(Default)]
struct Tally {
    count: u64,
    hash: Sha256Engine,
}

impl Tally {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count += 1;
        for bytes in [key, value] {
            // Keys and values are limited far below 4 GiB.
            self.hash.put(&(bytes.len() as u32).to_le_bytes());
            self.hash.put(bytes);
        }
    }

    fn rows(self) -> Rows {
        Rows { count: self.count, hash: self.hash.finish() }
    }
}

impl Store {
    /// Counts and hashes all rows of all tables. `watch` hears the number of rows so far now and then. Commits made
    /// meanwhile may or may not be counted.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn rows(&self, watch: &mut dyn FnMut(u64)) -> Result<Rows, StoreError> {
        let mut tally = Tally::default();
        for entry in self.raw() {
            let (key, value) = entry?;
            tally.add(&key, &value);
            if tally.count.is_multiple_of(WATCH_EVERY) {
                watch(tally.count);
            }
        }
        Ok(tally.rows())
    }

    /// Copies all rows of all tables to `to`, which should be empty, in batches of at most [`Batch::MAX_OPS`] rows, and
    /// syncs it. Returns what was read here; compare it with what [`rows`](Self::rows) finds there. `watch` hears the
    /// number of rows so far now and then.
    ///
    /// # Errors
    /// What either engine reports; some rows may then have been copied.
    pub fn copy_to(&self, to: &Store, watch: &mut dyn FnMut(u64)) -> Result<Rows, StoreError> {
        let mut tally = Tally::default();
        let (mut ops, mut bytes) = (Vec::new(), 0);
        for entry in self.raw() {
            let (key, value) = entry?;
            tally.add(&key, &value);
            bytes += key.len() + value.len();
            ops.push(Op { key: key.to_vec(), value: Some(value.to_vec()) });
            if ops.len() == Batch::MAX_OPS || bytes >= MAX_BATCH_BYTES {
                to.apply(std::mem::take(&mut ops))?;
                bytes = 0;
                watch(tally.count);
            }
        }
        to.apply(ops)?;
        cairn_failpoint::around("store.copy-sync", || to.sync())?;
        Ok(tally.rows())
    }

    fn raw(&self) -> RawEntries {
        self.shared.engine.range(vec![0], vec![u8::MAX])
    }
}
