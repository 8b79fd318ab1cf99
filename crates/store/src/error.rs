//! What can go wrong between a caller and the disk.

use std::path::PathBuf;

use crate::codec::ValueError;
use crate::kind::Engine;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process, or another [`Store`](crate::Store) of this one, has the directory open.
    #[error("the store {} is in use by another process", path.display())]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// The operating system refused a read, a write or a sync.
    #[error("input or output failed in the store {}", path.display())]
    Io {
        /// The store's directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The engine found its own files damaged.
    #[error("the store {} is damaged", path.display())]
    Corrupt {
        /// The store's directory.
        path: PathBuf,
    },
    /// The engine failed in a way that is neither input/output nor damage.
    #[error("the engine of the store {} failed", path.display())]
    Engine {
        /// The store's directory.
        path: PathBuf,
        /// What the engine said.
        source: EngineError,
    },
    /// The directory holds a store of another engine.
    #[error("the store {} was made with the engine {got}, not {expected}", path.display())]
    OtherEngine {
        /// The store's directory.
        path: PathBuf,
        /// The engine that made it.
        got: Engine,
        /// The engine it was to be opened with.
        expected: Engine,
    },
    /// This program was built without the engine.
    #[error("this program was built without the engine {engine}")]
    NotBuiltIn {
        /// The engine.
        engine: Engine,
    },
    /// The bytes of an entry are not what the table's type says.
    #[error("table {table} holds an entry it cannot read")]
    Decode {
        /// The table's name.
        table: &'static str,
        /// What was wrong with the bytes.
        source: ValueError,
    },
    /// The table's number already belongs to a table of another name.
    #[error("table {id} of this store is not {expected}")]
    TableMismatch {
        /// The table's number.
        id: u8,
        /// The name that stands in the store, as bytes.
        got: Vec<u8>,
        /// The name the caller asked for.
        expected: &'static str,
    },
    /// The batch holds [`Batch::MAX_OPS`](crate::Batch::MAX_OPS) operations already.
    #[error("a batch takes at most {limit} operations")]
    BatchFull {
        /// The largest number of operations.
        limit: usize,
    },
    /// A key is longer than any engine is asked to hold.
    #[error("a key of {got} bytes in table {table}; at most {limit} are allowed")]
    KeyTooLong {
        /// The table's name.
        table: &'static str,
        /// The key's bytes.
        got: usize,
        /// [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES).
        limit: usize,
    },
    /// A value is longer than any engine is asked to hold.
    #[error("a value of {got} bytes in table {table}; at most {limit} are allowed")]
    ValueTooLong {
        /// The table's name.
        table: &'static str,
        /// The value's bytes.
        got: usize,
        /// [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
        limit: usize,
    },
    /// A table of another store was named in a batch or a snapshot.
    #[error("table {table} belongs to another store")]
    ForeignTable {
        /// The table's name.
        table: &'static str,
    },
    /// A batch filled from the tables of one store was committed to another.
    #[error("the batch changes tables of another store")]
    ForeignBatch,
    /// A simulated disk was stopped by its [`Fuse`](crate::simulate::Fuse).
    #[error("the simulated disk is stopped")]
    Stopped,
}

/// What an engine said of its own failure; opaque, because engines come and go.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EngineError(Inner);

#[derive(Debug, thiserror::Error)]
enum Inner {
    #[error(transparent)]
    Sled(sled::Error),
    #[cfg(feature = "fjall")]
    #[error(transparent)]
    Fjall(fjall::Error),
}

impl From<sled::Error> for EngineError {
    fn from(error: sled::Error) -> Self {
        EngineError(Inner::Sled(error))
    }
}

#[cfg(feature = "fjall")]
impl From<fjall::Error> for EngineError {
    fn from(error: fjall::Error) -> Self {
        EngineError(Inner::Fjall(error))
    }
}
