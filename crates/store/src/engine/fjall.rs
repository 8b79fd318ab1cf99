//! fjall 3: a log-structured merge tree behind a journal, in one directory.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};

use super::{Engine, Op, RawBytes, RawEntries};
use crate::error::StoreError;

/// All tables of a store lie in one keyspace under their table number. A keyspace has a write buffer of its own that
/// reaches the disk when it is full; with several of them the later part of a batch could be on disk before its
/// earlier part is.
pub(crate) struct FjallEngine {
    keyspace: Keyspace,
    db: Database,
    path: PathBuf,
}

impl std::fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallEngine").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The database's directory in the store's. It is apart because fjall keeps a file `lock` of its own, which on some
/// file systems is the store's `LOCK`.
pub(crate) const DIR: &str = "fjall";

/// Where a new database is made, to be named [`DIR`] once it is whole: fjall does not open one that was left half made.
const NEW_DIR: &str = "fjall.new";

/// The one keyspace.
const KEYSPACE: &str = "tables";

/// Bytes of changes gathered in memory before they are written out as a sorted file; up to four more such buffers may
/// be waiting. Fixed, because fjall keeps the number it was made with. With 8 MiB the work of `examples/coins.rs` took
/// 7 % more processor time and 40 % more disk, and 27 MB less memory.
const WRITE_BUFFER: u64 = 16 << 20;

/// Bytes of journal after which the oldest changes are written out. fjall takes no less.
const JOURNAL_BYTES: u64 = 64 << 20;

/// Threads that write out and merge sorted files: fjall keeps one of two or more free of merging.
const WORKERS: usize = 2;

impl FjallEngine {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let dir = path.join(DIR);
        if !dir.is_dir() {
            create(path, &dir)?;
        }
        let (db, keyspace) = database(&dir, cache_bytes).map_err(|error| convert(path, error))?;
        Ok(FjallEngine { keyspace, db, path: path.to_owned() })
    }

    fn convert(&self, error: ::fjall::Error) -> StoreError {
        convert(&self.path, error)
    }
}

/// Makes an empty database in `path`, all or nothing.
fn create(path: &Path, dir: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let new = path.join(NEW_DIR);
    if new.exists() {
        std::fs::remove_dir_all(&new).map_err(io)?;
    }
    let (db, keyspace) = database(&new, 0).map_err(|error| convert(path, error))?;
    db.persist(PersistMode::SyncAll).map_err(|error| convert(path, error))?;
    drop((keyspace, db));
    std::fs::rename(&new, dir).map_err(io)?;
    sync_dir(path).map_err(io)
}

/// Makes a rename in `path` durable.
#[cfg(unix)]
fn sync_dir(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Elsewhere a directory cannot be synced.
#[cfg(not(unix))]
fn sync_dir(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn database(dir: &Path, cache_bytes: u64) -> Result<(Database, Keyspace), ::fjall::Error> {
    let db = Database::builder(dir)
        .cache_size(cache_bytes)
        .max_journaling_size(JOURNAL_BYTES)
        .worker_threads(WORKERS)
        .open()?;
    let options = || KeyspaceCreateOptions::default().max_memtable_size(WRITE_BUFFER);
    let keyspace = db.keyspace(KEYSPACE, options)?;
    Ok((db, keyspace))
}

fn convert(path: &Path, error: ::fjall::Error) -> StoreError {
    use ::fjall::Error;
    let path = path.to_owned();
    match error {
        Error::Io(source) | Error::Storage(LsmError::Io(source)) => match source.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData => {
                StoreError::Corrupt { path }
            }
            _ => StoreError::Io { path, source },
        },
        Error::Storage(LsmError::InvalidVersion(_)) | Error::InvalidVersion(Some(_)) => {
            StoreError::Engine { path, source: error.into() }
        }
        Error::Storage(_)
        | Error::JournalRecovery(_)
        | Error::InvalidVersion(None)
        | Error::Decompress(_)
        | Error::InvalidTrailer
        | Error::InvalidTag(_)
        | Error::Unrecoverable => StoreError::Corrupt { path },
        Error::Locked => StoreError::Locked { path },
        _ => StoreError::Engine { path, source: error.into() },
    }
}

impl Engine for FjallEngine {
    fn get(&self, key: &[u8]) -> Result<Option<RawBytes>, StoreError> {
        let value = self.keyspace.get(key).map_err(|error| self.convert(error))?;
        Ok(value.map(RawBytes::Fjall))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>) -> RawEntries {
        let path = self.path.clone();
        Box::new(self.keyspace.range(low..high).map(move |entry| match entry.into_inner() {
            Ok((key, value)) => Ok((RawBytes::Fjall(key), RawBytes::Fjall(value))),
            Err(error) => Err(convert(&path, error)),
        }))
    }

    fn commit(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let mut batch = self.db.batch();
        for op in last_of_each(ops) {
            match op.value {
                Some(value) => batch.insert(&self.keyspace, op.key, value),
                None => batch.remove(&self.keyspace, op.key),
            }
        }
        batch.commit().map_err(|error| self.convert(error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncAll).map_err(|error| self.convert(error))
    }
}

/// The last operation on each key, in key order: fjall gives all entries of a batch one sequence number and does not
/// say which of two on the same key holds.
fn last_of_each(mut ops: Vec<Op>) -> Vec<Op> {
    // Stable, and from the end: the last one on a key comes first and stays.
    ops.reverse();
    ops.sort_by(|a, b| a.key.cmp(&b.key));
    ops.dedup_by(|later, kept| later.key == kept.key);
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(key: u8, value: Option<u8>) -> Op {
        Op { key: vec![key], value: value.map(|value| vec![value]) }
    }

    #[test]
    fn the_last_operation_on_a_key_stays() {
        let ops =
            vec![op(2, Some(1)), op(1, Some(2)), op(2, None), op(1, Some(3)), op(3, None), op(3, Some(4))];
        let kept: Vec<_> = last_of_each(ops).into_iter().map(|op| (op.key[0], op.value)).collect();
        assert_eq!(kept, [(1, Some(vec![3])), (2, None), (3, Some(vec![4]))]);
    }

    #[test]
    fn a_database_left_half_made_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join(NEW_DIR);
        // As far as a kill between the journal and the version file would leave it.
        std::fs::create_dir_all(new.join("keyspaces")).unwrap();
        std::fs::write(new.join("0.jnl"), b"").unwrap();
        let engine = FjallEngine::open(dir.path(), 1 << 20).unwrap();
        engine.commit(vec![op(1, Some(1))]).unwrap();
        assert!(engine.get(&[1]).unwrap().is_some());
        assert!(!new.exists());
    }

    #[test]
    fn what_was_read_back_wrong_is_damage_and_the_rest_is_named() {
        use ::fjall::Error;
        let path = Path::new("store");
        let io = |kind| std::io::Error::from(kind);
        let eof = io(std::io::ErrorKind::UnexpectedEof);
        assert!(matches!(convert(path, Error::Io(eof)), StoreError::Corrupt { .. }));
        let denied = io(std::io::ErrorKind::PermissionDenied);
        assert!(matches!(convert(path, Error::Storage(LsmError::Io(denied))), StoreError::Io { .. }));
        assert!(matches!(convert(path, Error::Storage(LsmError::Unrecoverable)), StoreError::Corrupt { .. }));
        assert!(matches!(convert(path, Error::Locked), StoreError::Locked { .. }));
        assert!(matches!(convert(path, Error::Poisoned), StoreError::Engine { .. }));
    }
}
