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

    /// Ends a process of this program at each step of a save, and looks at what is left.
    #[cfg(unix)]
    #[test]
    fn a_kill_leaves_the_old_file_or_the_new_one() {
        const DIR: &str = "CAIRN_NODE_FILES_CRASH_DIR";
        const THIS: &str = "files::tests::a_kill_leaves_the_old_file_or_the_new_one";
        if let Some(dir) = std::env::var_os(DIR) {
            return save(Path::new(&dir), "some.dat", b"second");
        }
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("log");
        let killed_at = |place: &str, order: &str, value: &str| {
            let dir = root.path().join(place);
            fs::create_dir(&dir).unwrap();
            save(&dir, "some.dat", b"first");
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", THIS]).env(DIR, &dir).env(order, value);
            let ended = command.stdout(std::process::Stdio::null()).status().unwrap();
            (ended.success(), load(&dir, "some.dat", text), dir)
        };
        let (through, found, _) = killed_at("whole", "CAIRN_FAILPOINT_LOG", log.to_str().unwrap());
        assert_eq!((through, found.as_deref()), (true, Some("second")));
        let log = fs::read_to_string(log).unwrap();
        let names: Vec<_> =
            log.lines().filter_map(|line| line.strip_prefix("hit ")?.split(' ').next()).collect();
        assert_eq!(names, ["node-file.write", "node-file.sync", "node-file.rename", "node-file.dir-sync"]);
        let mut left = Vec::new();
        for (name, phase) in
            names.iter().flat_map(|name| ["before", "middle", "after"].map(|phase| (name, phase)))
        {
            let order = format!("{name}:1:{phase}");
            let (through, found, dir) = killed_at(&order.replace(':', "-"), "CAIRN_FAILPOINT_DIE", &order);
            assert!(!through, "{order}");
            left.push(found.expect("one of the two is there"));
            save(&dir, "some.dat", b"third");
            assert_eq!(load(&dir, "some.dat", text).as_deref(), Some("third"));
        }
        // The rename is the step that counts.
        let old = left.iter().take_while(|text| *text == "first").count();
        assert_eq!(old, 8, "{left:?}");
        assert!(left[old..].iter().all(|text| text == "second"), "{left:?}");
    }
}
