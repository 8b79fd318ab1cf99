//! The small files beside the chain: what is lost with one of them is missed, but nothing breaks.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use cairn_failpoint as failpoint;
use tracing::warn;

/// Known nodes and bans.
pub(crate) const PEERS_FILE: &str = "peers.dat";
/// Transactions that waited for a block.
pub(crate) const MEMPOOL_FILE: &str = "mempool.dat";
/// What was learnt about fees.
pub(crate) const FEES_FILE: &str = "fees.dat";

/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 512 << 20;

/// Reads a file and makes something of it. A missing one gives `None`; one that cannot be read or is damaged is set aside
/// under a name that ends in `.damaged`, with a warning, and gives `None` too.
pub(crate) fn load<T, E: std::fmt::Display>(
    dir: &Path,
    name: &str,
    decode: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Option<T> {
    let path = dir.join(name);
    let found = match read(&path) {
        Ok(bytes) => decode(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => Err(error.to_string()),
    };
    found
        .inspect_err(|reason| {
            let aside = dir.join(format!("{name}.damaged"));
            let moved = failpoint::around("node-file.set-aside", || fs::rename(&path, &aside));
            warn!(file = %path.display(), %reason, set_aside = moved.is_ok(), "the file is of no use; going on without it");
        })
        .ok()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than such a file can be"));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all. A failure is a warning: the node can do without.
pub(crate) fn save(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    let fresh = dir.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&fresh)?;
        failpoint::write_all("node-file.write", &mut file, bytes)?;
        failpoint::around("node-file.sync", || file.sync_all())?;
        failpoint::around("node-file.rename", || fs::rename(&fresh, &path))?;
        // A directory can be synced where it can be opened as a file, which is where it is needed.
        let sync = |dir: File| failpoint::around("node-file.dir-sync", || dir.sync_all());
        File::open(dir).map_or(Ok(()), sync)
    };
    if let Err(error) = write() {
        warn!(file = %path.display(), %error, "the file could not be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, std::string::FromUtf8Error> {
        String::from_utf8(bytes.to_vec())
    }

    #[test]
    fn what_is_saved_is_loaded_and_what_is_missing_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path(), "some.dat", text), None);
        save(dir.path(), "some.dat", b"first");
        save(dir.path(), "some.dat", b"second");
        assert_eq!(load(dir.path(), "some.dat", text), Some("second".to_owned()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), "some.dat", &[0xff, 0xfe]);
        assert_eq!(load(dir.path(), "some.dat", text), None);
        assert!(!dir.path().join("some.dat").exists());
        assert_eq!(fs::read(dir.path().join("some.dat.damaged")).unwrap(), [0xff, 0xfe]);
    }
}
