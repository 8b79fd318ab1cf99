//! Names for every write, sync, cut, removal and rename, so that a test can stop the process at any of them.
//!
//! Whoever changes something on disk does it through [`around`] or [`write_all`] and gives the place a name. In a
//! build without the feature `armed` that is all there is to it: both do just what they are given. With the feature
//! the environment decides, and nothing happens there either unless it says so:
//!
//! - `CAIRN_FAILPOINT_DIE=name:n:phase` ends the process at the `n`-th time (from 1) that the place `name` is come
//!   by; `*` for a name counts all places together. The phase is `before`, `middle` (half of the bytes are
//!   written; for places that are no writes the same as `before`) or `after`.
//! - `CAIRN_FAILPOINT_LOG=file` appends a line to `file` for each place come by, `hit <name> <write|act>`, and for each
//!   file synced, `synced <bytes> <path>`, as [`synced`] is told.
//!
//! The process ends by an abort: nothing is unwound, no destructor runs, no buffer is written.
//!
//! # What it does not do
//! It does not simulate a power cut: what was handed to the operating system is still there. What a power cut would
//! take with it is worked out from the log by the crash harness in `cairn-testkit`.
//!
//! ```
//! use std::io::Read;
//!
//! # fn main() -> std::io::Result<()> {
//! let dir = std::env::temp_dir().join(format!("failpoint-{}", std::process::id()));
//! std::fs::create_dir_all(&dir)?;
//! let mut file = std::fs::File::create(dir.join("a"))?;
//! cairn_failpoint::write_all("example.write", &mut file, b"bytes")?;
//! cairn_failpoint::around("example.sync", || file.sync_all())?;
//! let mut back = String::new();
//! std::fs::File::open(dir.join("a"))?.read_to_string(&mut back)?;
//! assert_eq!(back, "bytes");
//! # std::fs::remove_dir_all(dir)
//! # }
//! ```

#[cfg(feature = "armed")]
mod armed;

use std::fs::File;
use std::io;
#[cfg(not(feature = "armed"))]
use std::io::Write;
use std::path::Path;

/// Does `act`, which changes something on disk, and returns what it returns. `name` is the place.
#[inline]
pub fn around<T>(name: &'static str, act: impl FnOnce() -> T) -> T {
    #[cfg(feature = "armed")]
    return armed::around(name, act);
    #[cfg(not(feature = "armed"))]
    {
        let _ = name;
        act()
    }
}

/// Writes all of `bytes` where `file` stands. `name` is the place.
///
/// # Errors
/// What the operating system says.
#[inline]
pub fn write_all(name: &'static str, file: &mut File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(feature = "armed")]
    return armed::write_all(name, file, bytes);
    #[cfg(not(feature = "armed"))]
    {
        let _ = name;
        file.write_all(bytes)
    }
}

/// Tells that all of `file`, which lies at `path`, survives a power cut from now on: its length is taken down where a
/// log is kept. Nothing is changed.
#[inline]
pub fn synced(path: &Path, file: &File) {
    #[cfg(feature = "armed")]
    armed::synced(path, file);
    #[cfg(not(feature = "armed"))]
    let _ = (path, file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_orders_everything_is_done_as_it_is_given() {
        assert_eq!(around("test.act", || 7), 7);
        let path = std::env::temp_dir().join(format!("failpoint-test-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        write_all("test.write", &mut file, b"one").unwrap();
        write_all("test.write", &mut file, b"two").unwrap();
        synced(&path, &file);
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
        std::fs::remove_file(path).unwrap();
    }
}
