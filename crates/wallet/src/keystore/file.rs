//! Files that appear whole or not at all, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cairn_failpoint as failpoint;
use cairn_primitives::hex;

use super::MAX_KEYSTORE_LEN;
use super::error::{FileStep, KeystoreError};

/// The bytes of a file of at most [`MAX_KEYSTORE_LEN`] bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, KeystoreError> {
    let failed = |source| KeystoreError::File { step: FileStep::Read, path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let limit = MAX_KEYSTORE_LEN as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_KEYSTORE_LEN {
        return Err(KeystoreError::TooLarge { limit: MAX_KEYSTORE_LEN });
    }
    Ok(bytes)
}

/// Writes a file that must not exist.
///
/// The whole file is given its name, unless that is taken. Where the file system has no hard links the name is taken
/// first and by whoever comes first, with an empty file whose place the whole file then takes: nothing of someone
/// else's is ever replaced there either, but a crash in between leaves the empty file.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), KeystoreError> {
    let temporary = Temporary::write(path, bytes)?;
    match failpoint::around("keystore.link", || fs::hard_link(&temporary.path, path)) {
        Ok(()) => {
            let failed =
                |source| KeystoreError::File { step: FileStep::Write, path: path.to_owned(), source };
            return sync_folder(path).map_err(failed);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeystoreError::Exists { path: path.to_owned() });
        }
        Err(_) => {}
    }
    match failpoint::around("keystore.name", || open_new(path)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeystoreError::Exists { path: path.to_owned() });
        }
        Err(source) => {
            return Err(KeystoreError::File { step: FileStep::Write, path: path.to_owned(), source });
        }
        Ok(_) => {}
    }
    temporary.rename(path).inspect_err(|_| {
        // The error that is reported says why; the empty file would only stand in the way of the next attempt.
        let _ = failpoint::around("keystore.remove-empty", || fs::remove_file(path));
    })
}

/// Writes a file in the place of the one that is there; a link to it stays a link.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeystoreError> {
    let real = fs::canonicalize(path).map_err(|source| KeystoreError::File {
        step: FileStep::Read,
        path: path.to_owned(),
        source,
    })?;
    Temporary::write(&real, bytes)?.rename(&real)
}

/// A complete file beside its final place; removed when dropped before it is renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn write(beside: &Path, bytes: &[u8]) -> Result<Self, KeystoreError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let mut name = beside.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", hex::encode(&random)));
        let path = beside.with_file_name(name);
        let failed = |source| KeystoreError::File { step: FileStep::Write, path: path.clone(), source };
        let mut file = open_new(&path).map_err(failed)?;
        let temporary = Self { path: path.clone() };
        failpoint::write_all("keystore.write", &mut file, bytes)
            .and_then(|()| failpoint::around("keystore.sync", || file.sync_all()))
            .map_err(failed)?;
        Ok(temporary)
    }

    fn rename(self, path: &Path) -> Result<(), KeystoreError> {
        let failed = |source| KeystoreError::File { step: FileStep::Rename, path: path.to_owned(), source };
        failpoint::around("keystore.rename", || fs::rename(&self.path, path)).map_err(failed)?;
        sync_folder(path).map_err(failed)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already where it was renamed; and what cannot be removed is encrypted.
        let _ = failpoint::around("keystore.remove-temporary", || fs::remove_file(&self.path));
    }
}

/// A new file with mode 0600.
fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a rename durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    failpoint::around("keystore.dir-sync", || folder.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
