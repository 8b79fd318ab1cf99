//! Files in the directory `blocks`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_failpoint as failpoint;

use super::{FileId, FileKind, Storage};
use crate::error::ChainStateError;

#[derive(Debug)]
pub(crate) struct Disk {
    dir: PathBuf,
    /// Files written to since their last sync.
    writers: Mutex<HashMap<FileId, Writer>>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    /// The file is new, so that its name in the directory must be synced too.
    created: bool,
}

impl Disk {
    /// Uses `dir`, and makes it if it is not there.
    pub(crate) fn open(dir: &Path) -> Result<Self, ChainStateError> {
        failpoint::around("blocks-dir.create", || std::fs::create_dir_all(dir))
            .map_err(|source| ChainStateError::Io { path: dir.to_owned(), source })?;
        Ok(Disk { dir: dir.to_owned(), writers: Mutex::default() })
    }

    fn writers(&self) -> MutexGuard<'_, HashMap<FileId, Writer>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, file: FileId, source: std::io::Error) -> ChainStateError {
        ChainStateError::Io { path: self.path(file), source }
    }

    fn open_writer(&self, file: FileId) -> std::io::Result<Writer> {
        let path = self.path(file);
        let created = !path.exists();
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        Ok(Writer { file, created })
    }

    fn write_at(&self, file: FileId, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        let mut writers = self.writers();
        let writer = match writers.entry(file) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(self.open_writer(file)?),
        };
        writer.file.seek(SeekFrom::Start(offset))?;
        let place = match (file.kind, offset) {
            (FileKind::Blocks, 0) => "block-file.begin",
            (FileKind::Blocks, _) => "block-file.append",
            (FileKind::Undo, 0) => "undo-file.begin",
            (FileKind::Undo, _) => "undo-file.append",
        };
        failpoint::write_all(place, &mut writer.file, bytes)
    }

    fn read_at(&self, file: FileId, offset: u64, len: usize) -> std::io::Result<Vec<u8>> {
        let mut handle = match File::open(self.path(file)) {
            Ok(handle) => handle,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        handle.seek(SeekFrom::Start(offset))?;
        // What is there decides how much is allocated, not what was asked for.
        let present = handle.metadata()?.len().saturating_sub(offset).min(len as u64);
        let mut bytes = Vec::with_capacity(present as usize);
        handle.take(present).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn sync_writer(&self, file: FileId, writer: &Writer) -> std::io::Result<()> {
        let place = match file.kind {
            FileKind::Blocks => "block-file.sync",
            FileKind::Undo => "undo-file.sync",
        };
        failpoint::around(place, || writer.file.sync_data())?;
        failpoint::synced(&self.path(file), &writer.file);
        if writer.created {
            // A directory can be synced where it can be opened as a file, which is where it is needed.
            if let Ok(dir) = File::open(&self.dir) {
                failpoint::around("blocks-dir.sync", || dir.sync_all())?;
            }
        }
        Ok(())
    }
}

impl Storage for Disk {
    fn write(&self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), ChainStateError> {
        self.write_at(file, offset, bytes).map_err(|error| self.io(file, error))
    }

    fn read(&self, file: FileId, offset: u64, len: usize) -> Result<Vec<u8>, ChainStateError> {
        self.read_at(file, offset, len).map_err(|error| self.io(file, error))
    }

    fn len(&self, file: FileId) -> Result<u64, ChainStateError> {
        match std::fs::metadata(self.path(file)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.io(file, error)),
        }
    }

    fn truncate(&self, file: FileId, len: u64) -> Result<(), ChainStateError> {
        let (cut_place, sync_place) = match file.kind {
            FileKind::Blocks => ("block-file.cut", "block-file.cut-sync"),
            FileKind::Undo => ("undo-file.cut", "undo-file.cut-sync"),
        };
        let cut = || {
            let handle = File::options().write(true).open(self.path(file))?;
            failpoint::around(cut_place, || handle.set_len(len))?;
            failpoint::around(sync_place, || handle.sync_data())?;
            failpoint::synced(&self.path(file), &handle);
            Ok(())
        };
        self.writers().remove(&file);
        cut().map_err(|error| self.io(file, error))
    }

    fn remove(&self, file: FileId) -> Result<(), ChainStateError> {
        self.writers().remove(&file);
        let place = match file.kind {
            FileKind::Blocks => "block-file.remove",
            FileKind::Undo => "undo-file.remove",
        };
        match failpoint::around(place, || std::fs::remove_file(self.path(file))) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.io(file, error)),
            _ => Ok(()),
        }
    }

    fn sync(&self, file: FileId) -> Result<(), ChainStateError> {
        // A file found with new bytes at its end after a crash has no writer yet.
        let writer = match self.writers().remove(&file) {
            Some(writer) => Ok(writer),
            None => self.open_writer(file),
        };
        writer.and_then(|writer| self.sync_writer(file, &writer)).map_err(|error| self.io(file, error))
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.dir.join(file.name())
    }
}
