//! sled 0.34: a B+-tree over a log, in one directory.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

use cairn_failpoint as failpoint;

use super::{Engine, Op, RawBytes, RawEntries};
use crate::error::StoreError;

/// All tables of a store lie in sled's default tree under their table number: sled applies a batch atomically
/// to one tree, and a transaction over several trees costs a global lock and a retry loop.
#[derive(Debug)]
pub(crate) struct SledEngine {
    db: ::sled::Db,
    path: PathBuf,
}

/// Longest time for which the threads of a handle that was dropped are waited for.
const RELEASE_TIME: Duration = Duration::from_secs(10);

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(20);

impl SledEngine {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // Without the periodic flush nothing is synced behind the caller's back: what is durable, and in which
        // order, is what `sync` was called for.
        let config = ::sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
        remove_unfinished(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let start = Instant::now();
        loop {
            match config.open() {
                Ok(db) => return Ok(SledEngine { db, path: path.to_owned() }),
                Err(error) if is_still_held(&error) && start.elapsed() < RELEASE_TIME => sleep(RETRY),
                Err(error) => return Err(convert(path, error)),
            }
        }
    }

    fn convert(&self, error: ::sled::Error) -> StoreError {
        convert(&self.path, error)
    }
}

/// Bytes of the file `conf` of a store with the settings above.
const CONF_BYTES: u64 = 62;

/// Takes away what sled was in the middle of writing when its process ended, for with that it would not start.
///
/// At each start it writes a snapshot of its page table under a name that ends in `.generating`, syncs and renames it. But its
/// `get_snapshot_files` (0.34.7) leaves out names of another ending, so that an unfinished one counts as the newest and the
/// store as damaged. The snapshot before it and the log hold all that it would have held. The file `conf`, made with the
/// store, comes in two pieces; where it is cut short sled writes it again if it is gone.
fn remove_unfinished(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let unfinished = name.starts_with("snap.") && name.ends_with(".generating");
        if unfinished || (name == "conf" && entry.metadata()?.len() < CONF_BYTES) {
            failpoint::around("store.unfinished-remove", || fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
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
        self.db.apply_batch(batch).map_err(|error| self.convert(error))?;
        free_garbage();
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map(|_| ()).map_err(|error| self.convert(error))
    }
}

/// Rounds of [`free_garbage`]: enough for what a full batch leaves, and cheap when there is nothing.
const GARBAGE_ROUNDS: usize = 16;

/// Frees what the batch replaced.
///
/// sled leaves old pages to crossbeam-epoch, which frees at most eight bags of them once in 128 pins of a
/// thread. A batch pins once, however much it replaces, so garbage piles up: a million coins in batches of
/// 1,000 took 1.4 GB, and 0.2 GB with this.
fn free_garbage() {
    for _ in 0..GARBAGE_ROUNDS {
        crossbeam_epoch::pin().flush();
    }
}

/// Whether sled found its own lock taken. The store's lock is held by the caller, so nobody has it open: it can only
/// be that the threads of the last handle in this process have not all ended, as sled lets go of its file with the
/// last of them. Sled has no kind of error for this, only the text.
fn is_still_held(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(source) if source.to_string().contains("could not acquire lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(engine: &SledEngine, key: &[u8]) {
        engine.commit(vec![Op { key: key.to_vec(), value: Some(key.to_vec()) }]).unwrap();
        engine.sync().unwrap();
    }

    fn conf(dir: &Path) -> Vec<u8> {
        fs::read(dir.join("conf")).unwrap()
    }

    #[test]
    fn what_a_kill_left_unfinished_keeps_no_store_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        put(&SledEngine::open(path, 1 << 20).unwrap(), b"first");
        let whole = conf(path);
        assert_eq!(whole.len() as u64, CONF_BYTES);
        let ended_after = |bytes: usize| {
            // As a kill leaves them: a snapshot that is newer than all others and not all there, `conf` without its end.
            let snapshot = path.join("snap.00FFFFFFFFFFFFFF.generating");
            fs::write(&snapshot, vec![1; bytes]).unwrap();
            fs::write(path.join("conf"), &whole[..bytes]).unwrap();
            let engine = SledEngine::open(path, 1 << 20).unwrap();
            assert_eq!(engine.get(b"first").unwrap().unwrap().as_ref(), b"first");
            assert_eq!(conf(path), whole, "{bytes}");
            assert!(!snapshot.exists());
            put(&engine, &[bytes as u8]);
        };
        [0, 1, 9, 30, 57, 58, 61].into_iter().for_each(ended_after);
        let engine = SledEngine::open(path, 1 << 20).unwrap();
        assert!([0, 1, 9, 30, 57, 58, 61].iter().all(|bytes| engine.get(&[*bytes]).unwrap().is_some()));
    }
}
