//! Typed tables, atomic batches and snapshots over an embedded key-value store or memory.
//!
//! A [`Store`] is one directory (or one map in memory) that holds up to 254 [`Table`]s. A table has a key type
//! whose bytes sort as the key does ([`Key`]) and a value type ([`Value`]). All changes go through a [`Batch`]
//! of at most [`Batch::MAX_OPS`] operations, applied across the store's tables all or none.
//!
//! # What is guaranteed
//! - A commit is atomic, for readers of single keys and across a crash.
//! - Commits survive a crash in the order they were made: what is lost is an end of that order, and nothing
//!   committed before the last [`Store::sync`] is.
//! - Reads through one [`Snapshot`] come from one moment. Iterators of a [`Table`] alone do not.
//!
//! # What it does not do
//! No old versions are kept, no transaction reads and writes in one step (there is one writer), nothing is
//! synced unasked, and no value is compressed or encrypted. What the bytes mean is their owner's business.
//!
//! ```
//! use cairn_store::{Batch, Store, StoreError, TableDef};
//!
//! const NAMES: TableDef<u32, Vec<u8>> = TableDef::new(1, "names");
//!
//! # fn main() -> Result<(), StoreError> {
//! let store = Store::memory();
//! let names = store.table(NAMES)?;
//! let mut batch = Batch::new();
//! batch.put(&names, &7, &b"seven".to_vec())?;
//! batch.put(&names, &300, &b"three hundred".to_vec())?;
//! store.commit(batch)?;
//! store.sync()?;
//!
//! assert_eq!(names.get(&7)?, Some(b"seven".to_vec()));
//! let keys: Vec<u32> = names.range(8..).map(|entry| entry.map(|(key, _)| key)).collect::<Result<_, _>>()?;
//! assert_eq!(keys, [300]);
//! # Ok(())
//! # }
//! ```

mod batch;
mod codec;
mod copy;
mod engine;
mod error;
mod kind;
pub mod simulate;
mod store;
mod table;

pub use batch::{Batch, MAX_KEY_BYTES, MAX_VALUE_BYTES};
pub use codec::{Key, Value, ValueError, exact};
pub use copy::Rows;
pub use error::{EngineError, StoreError};
pub use kind::{Engine, UnknownEngine};
pub use store::{Snapshot, SnapshotEntries, Store, StoreOptions};
pub use table::{Entries, Table, TableDef};
