//! One process at a time in a data directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use cairn_failpoint as failpoint;

use crate::error::ChainStateError;

/// Name of the lock file in the data directory.
const LOCK_FILE: &str = "LOCK";

/// Held while the directory is open; the operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes the directory if needed and takes its lock.
    pub(crate) fn take(dir: &Path) -> Result<Self, ChainStateError> {
        let io = |source| ChainStateError::Io { path: dir.to_owned(), source };
        failpoint::around("dir.create", || std::fs::create_dir_all(dir)).map_err(io)?;
        let file =
            File::options().create(true).truncate(false).write(true).open(dir.join(LOCK_FILE)).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ChainStateError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_once_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain");
        let held = DirLock::take(&path).unwrap();
        assert!(matches!(DirLock::take(&path), Err(ChainStateError::InUse { dir }) if dir == path));
        drop(held);
        DirLock::take(&path).unwrap();
    }
}
