//! sled 0.34: a B+-tree over a log, in one directory.

use std::path::{Path, PathBuf};

use super::{Engine, Op, RawBytes, RawEntries};
use crate::error::StoreError;

/// All tables of a store lie in sled's default tree under their table number: sled applies a batch atomically
/// to one tree, and a transaction over several trees costs a global lock and a retry loop.
#[derive(Debug)]
pub(crate) struct SledEngine {
    db: ::sled::Db,
    path: PathBuf,
}

impl SledEngine {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // Without the periodic flush nothing is synced behind the caller's back: what is durable, and in which
        // order, is what `sync` was called for.
        let db = ::sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .open()
            .map_err(|error| convert(path, error))?;
        Ok(SledEngine { db, path: path.to_owned() })
    }

    fn convert(&self, error: ::sled::Error) -> StoreError {
        convert(&self.path, error)
    }
}

fn convert(path: &Path, error: ::sled::Error) -> StoreError {
    let path = path.to_owned();
    match error {
        ::sled::Error::Io(source) => StoreError::Io { path, source },
        ::sled::Error::Corruption { .. } => StoreError::Corrupt { path },
        ::sled::Error::CollectionNotFound(_)
        | ::sled::Error::Unsupported(_)
        | ::sled::Error::ReportableBug(_) => StoreError::Engine { path, source: error.into() },
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<RawBytes>, StoreError> {
        let value = self.db.get(key).map_err(|error| self.convert(error))?;
        Ok(value.map(RawBytes::Sled))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>) -> RawEntries {
        let path = self.path.clone();
        Box::new(self.db.range(low..high).map(move |entry| match entry {
            Ok((key, value)) => Ok((RawBytes::Sled(key), RawBytes::Sled(value))),
            Err(error) => Err(convert(&path, error)),
        }))
    }

    fn commit(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let mut batch = ::sled::Batch::default();
        for op in ops {
            match op.value {
                Some(value) => batch.insert(op.key, value),
                None => batch.remove(op.key),
            }
        }
        self.db.apply_batch(batch).map_err(|error| self.convert(error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map(|_| ()).map_err(|error| self.convert(error))
    }
}
