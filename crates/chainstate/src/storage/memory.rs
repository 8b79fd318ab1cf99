//! Files in memory that can lose what was not synced.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_store::StoreError;
use cairn_store::simulate::Fuse;

use super::{FileId, Storage};
use crate::error::ChainStateError;
use crate::simulate::TailDamage;

#[derive(Debug, Default)]
struct MemoryFile {
    bytes: Vec<u8>,
    synced: usize,
}

/// Files in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    files: Arc<Mutex<BTreeMap<FileId, MemoryFile>>>,
    fuse: Fuse,
}

impl Memory {
    pub(crate) fn new(fuse: Fuse) -> Self {
        Memory { files: Arc::default(), fuse }
    }

    /// Cuts the power: what was written since each file's last sync suffers `damage`.
    pub(crate) fn lose_unsynced(&self, damage: TailDamage) {
        for file in self.files().values_mut() {
            let half = file.synced + (file.bytes.len() - file.synced) / 2;
            match damage {
                TailDamage::None => {}
                TailDamage::Cut => file.bytes.truncate(half),
                TailDamage::Zeroed => file.bytes[half..].fill(0),
                TailDamage::Scrambled => {
                    // A fixed odd multiplier gives bytes with no pattern and the same ones each time.
                    for (at, byte) in file.bytes[half..].iter_mut().enumerate() {
                        *byte ^= (at as u32).wrapping_mul(0x9e37_79b1).to_be_bytes()[0] | 1;
                    }
                }
            }
            file.synced = file.bytes.len();
        }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<FileId, MemoryFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend_fuse(&self) -> Result<(), ChainStateError> {
        self.fuse.write().map_err(|_| StoreError::Stopped.into())
    }
}

impl Storage for Memory {
    fn write(&self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), ChainStateError> {
        self.spend_fuse()?;
        let mut files = self.files();
        let target = &mut files.entry(file).or_default().bytes;
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        if target.len() < to {
            // A write past the end leaves a hole of zeros, as in a file.
            target.resize(to, 0);
        }
        target[from..to].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, file: FileId, offset: u64, len: usize) -> Result<Vec<u8>, ChainStateError> {
        let files = self.files();
        let bytes = files.get(&file).map_or(&[][..], |file| &file.bytes);
        let from = bytes.len().min(offset as usize);
        let to = bytes.len().min(from.saturating_add(len));
        Ok(bytes[from..to].to_vec())
    }

    fn len(&self, file: FileId) -> Result<u64, ChainStateError> {
        Ok(self.files().get(&file).map_or(0, |file| file.bytes.len() as u64))
    }

    fn truncate(&self, file: FileId, len: u64) -> Result<(), ChainStateError> {
        self.spend_fuse()?;
        if let Some(file) = self.files().get_mut(&file) {
            file.bytes.truncate(len as usize);
            file.synced = file.synced.min(len as usize);
        }
        Ok(())
    }

    fn remove(&self, file: FileId) -> Result<(), ChainStateError> {
        self.spend_fuse()?;
        self.files().remove(&file);
        Ok(())
    }

    fn sync(&self, file: FileId) -> Result<(), ChainStateError> {
        self.spend_fuse()?;
        if let Some(file) = self.files().get_mut(&file) {
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn path(&self, file: FileId) -> PathBuf {
        PathBuf::from("memory").join(file.name())
    }
}
