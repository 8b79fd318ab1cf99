//! Where block and undo files lie: a directory, or memory for tests and simulation.

mod disk;
mod memory;

use std::fmt;
use std::path::PathBuf;

pub(crate) use disk::Disk;
pub(crate) use memory::Memory;

use crate::error::ChainStateError;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileKind {
    Blocks,
    Undo,
}

/// One of the numbered files: `blkNNNNN.dat` or `revNNNNN.dat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId {
    pub(crate) kind: FileKind,
    pub(crate) number: u32,
}

impl FileId {
    pub(crate) fn blocks(number: u32) -> Self {
        FileId { kind: FileKind::Blocks, number }
    }

    pub(crate) fn undo(number: u32) -> Self {
        FileId { kind: FileKind::Undo, number }
    }

    pub(crate) fn name(self) -> String {
        let prefix = match self.kind {
            FileKind::Blocks => "blk",
            FileKind::Undo => "rev",
        };
        format!("{prefix}{:05}.dat", self.number)
    }
}

/// The few things asked of a place for files. Shared by the writer and every reader.
pub(crate) trait Storage: Send + Sync + fmt::Debug {
    /// Writes at `offset`: at the end of the file, or over what stands there; makes the file at offset 0.
    fn write(&self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), ChainStateError>;

    /// Up to `len` bytes from `offset`; fewer at the end of the file, none where there is no file.
    fn read(&self, file: FileId, offset: u64, len: usize) -> Result<Vec<u8>, ChainStateError>;

    /// The file's length in bytes, 0 where there is no file.
    fn len(&self, file: FileId) -> Result<u64, ChainStateError>;

    /// Cuts the file down to `len` bytes.
    fn truncate(&self, file: FileId, len: u64) -> Result<(), ChainStateError>;

    /// Removes the file, if it is there. May come back after a power cut.
    fn remove(&self, file: FileId) -> Result<(), ChainStateError>;

    /// Returns once everything written to the file, and its name, survives a power cut.
    fn sync(&self, file: FileId) -> Result<(), ChainStateError>;

    /// How to name the file in a message.
    fn path(&self, file: FileId) -> PathBuf;
}
