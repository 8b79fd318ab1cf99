//! The admin token: who holds it may stop the node.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cairn_primitives::hex;
use subtle::ConstantTimeEq;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;
/// Their hex digits.
const TOKEN_CHARS: usize = 2 * TOKEN_BYTES;
/// The most bytes read of a token file: the token and a little white space.
const FILE_MAX: u64 = TOKEN_CHARS as u64 + 8;

/// A secret of 256 random bits, as 64 lower-case hex digits, that admin calls carry as `Authorization: Bearer <token>`.
///
/// `Debug` does not show it, and it has no `Display`.
#[derive(Clone)]
pub struct AdminToken(String);

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system gave no random bytes.
    #[error("the system has no randomness for an admin token: {0}")]
    Random(#[from] getrandom::Error),
    /// The token file cannot be read or written.
    #[error("cannot {action} the token file {}: {source}", path.display())]
    File {
        /// `write` or `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something other than 64 hex digits.
    #[error("{} does not hold an admin token (64 hex digits)", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl AdminToken {
    /// A new random token.
    ///
    /// # Errors
    /// [`TokenError::Random`] when the system has no randomness.
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(&bytes)))
    }

    /// A token from its 64 hex digits, surrounding white space aside; `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() == TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(text.to_ascii_lowercase()))
    }

    /// Writes the token to `path`, readable by its owner alone (mode 0600 on Unix) from the first byte on, replacing
    /// any older file whole.
    ///
    /// # Errors
    /// [`TokenError::File`] when the folder or file cannot be written.
    pub fn write_to(&self, path: &Path) -> Result<(), TokenError> {
        let failed = |source| TokenError::File { action: "write", path: path.to_owned(), source };
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        // What a crash left there may have another owner's permissions: never write a secret into it.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file = create_private(&fresh).map_err(failed)?;
        writeln!(file, "{}", self.0).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&fresh, path).map_err(failed)
    }

    /// Reads a token that [`AdminToken::write_to`] wrote.
    ///
    /// # Errors
    /// [`TokenError::File`] when the file cannot be read, [`TokenError::Malformed`] when it holds something else.
    pub fn read_from(path: &Path) -> Result<Self, TokenError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_MAX).read_to_end(&mut bytes))
            .map_err(|source| TokenError::File { action: "read", path: path.to_owned(), source })?;
        std::str::from_utf8(&bytes)
            .ok()
            .and_then(Self::parse)
            .ok_or_else(|| TokenError::Malformed { path: path.to_owned() })
    }

    /// Whether `presented` is this token; takes the same time wherever the two differ.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }

    /// The token itself, for an `Authorization` header.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_token_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "an older, world-readable file").unwrap();
        let token = AdminToken::generate().unwrap();
        token.write_to(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(AdminToken::read_from(&path).unwrap().expose(), token.expose());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_leftover_of_a_crash_does_not_lend_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(dir.path().join("token.new"), "half a tok").unwrap();
        AdminToken::generate().unwrap().write_to(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn only_the_same_token_matches() {
        let token = AdminToken::parse(&"ab".repeat(32)).unwrap();
        assert!(token.matches("ab".repeat(32).as_bytes()));
        assert!(!token.matches("ac".repeat(32).as_bytes()));
        assert!(!token.matches("ab".repeat(31).as_bytes()));
        assert!(!token.matches(b""));
        assert_ne!(AdminToken::generate().unwrap().expose(), AdminToken::generate().unwrap().expose());
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let malformed = || matches!(AdminToken::read_from(&path), Err(TokenError::Malformed { .. }));
        for content in ["", "zz", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"a".repeat(1000)] {
            fs::write(&path, content).unwrap();
            assert!(malformed(), "{content}");
        }
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(malformed());
        let missing = dir.path().join("none");
        assert!(matches!(AdminToken::read_from(&missing), Err(TokenError::File { action: "read", .. })));
        let nowhere = dir.path().join("no/such/folder");
        let token = AdminToken::generate().unwrap();
        assert!(matches!(token.write_to(&nowhere), Err(TokenError::File { action: "write", .. })));
    }
}
