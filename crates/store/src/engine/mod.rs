//! The one interface every engine implements: an ordered map of bytes with atomic batches.

#[cfg(feature = "fjall")]
pub(crate) mod fjall;
pub(crate) mod memory;
pub(crate) mod sled;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::StoreError;

/// One change of a batch: `Some` sets the key, `None` deletes it.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

/// Bytes owned by whoever can lend them cheapest.
pub(crate) enum RawBytes {
    Sled(::sled::IVec),
    #[cfg(feature = "fjall")]
    Fjall(::fjall::Slice),
    Shared(Arc<[u8]>),
}

impl Deref for RawBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            RawBytes::Sled(bytes) => bytes,
            #[cfg(feature = "fjall")]
            RawBytes::Fjall(bytes) => bytes,
            RawBytes::Shared(bytes) => bytes,
        }
    }
}

/// A key and a value as they stand in the engine.
pub(crate) type RawEntry = (RawBytes, RawBytes);

/// Entries in key order, from either end.
pub(crate) type RawEntries = Box<dyn DoubleEndedIterator<Item = Result<RawEntry, StoreError>> + Send>;

/// What a key-value engine must do to carry a store.
///
/// Every engine passes the conformance suite in `tests/conformance.rs`.
pub(crate) trait Engine: Send + Sync + fmt::Debug {
    /// The value of `key` now.
    fn get(&self, key: &[u8]) -> Result<Option<RawBytes>, StoreError>;

    /// The entries with `low <= key < high`, in key order. Each step reads the engine anew: a commit made
    /// while the iterator is walked may or may not be seen in the part still ahead of it.
    fn range(&self, low: Vec<u8>, high: Vec<u8>) -> RawEntries;

    /// Applies all of `ops`, in order, or none of them; also across a crash.
    fn commit(&self, ops: Vec<Op>) -> Result<(), StoreError>;

    /// Returns once every commit made so far survives a power cut.
    fn sync(&self) -> Result<(), StoreError>;
}
