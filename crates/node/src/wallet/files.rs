//! Where wallets lie: `<datadir>/<chain>/wallets/<name>.keys` and `<name>.wallet`, for `cairn-wallet` and for the wallet
//! of `--dev` alike.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::datadir;
use crate::error::{ConfigError, NodeError};

/// Longest name of a wallet, bytes.
pub const MAX_WALLET_NAME: usize = 64;

/// The folder of a chain's wallets, within the chain's folder.
const FOLDER: &str = "wallets";
/// What the encrypted words end in.
const KEYS: &str = "keys";
/// What the addresses and transactions end in.
const WALLET: &str = "wallet";
/// What the file ends in that is locked while a wallet is worked on. It stays, empty.
const LOCK: &str = "lock";

/// The files of one wallet.
///
/// ```
/// use cairn_node::WalletFiles;
///
/// let files = WalletFiles::new("data/vito".as_ref(), "savings")?;
/// assert!(files.keys().ends_with("wallets/savings.keys"));
/// assert!(WalletFiles::new("data/vito".as_ref(), "../savings").is_err());
/// # Ok::<(), cairn_node::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletFiles {
    folder: PathBuf,
    name: String,
}

/// The sole right to work on a wallet; given back when dropped.
#[derive(Debug)]
pub struct WalletLock {
    _file: File,
}

impl WalletFiles {
    /// The files of the wallet `name` in the folder of a chain; nothing is read or made.
    ///
    /// # Errors
    /// [`ConfigError::WalletName`] unless the name is 1 to [`MAX_WALLET_NAME`] ASCII letters, digits, `-` and `_`.
    pub fn new(chain_dir: &Path, name: &str) -> Result<Self, ConfigError> {
        if !is_name(name) {
            return Err(ConfigError::WalletName { got: name.to_owned(), limit: MAX_WALLET_NAME });
        }
        Ok(Self { folder: chain_dir.join(FOLDER), name: name.to_owned() })
    }

    /// The names of the wallets in the folder of a chain, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn list(chain_dir: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(chain_dir.join(FOLDER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            let path = entry?.path();
            let is_wallet = path.extension().is_some_and(|kind| kind == KEYS || kind == WALLET);
            let name = path.file_stem().and_then(|name| name.to_str()).filter(|name| is_name(name));
            names.extend(name.filter(|_| is_wallet).map(str::to_owned));
        }
        Ok(names.into_iter().collect())
    }

    /// The wallet's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The encrypted words; a wallet that only watches has no such file.
    pub fn keys(&self) -> PathBuf {
        self.file(KEYS)
    }

    /// Addresses and transactions, no secret.
    pub fn wallet(&self) -> PathBuf {
        self.file(WALLET)
    }

    /// Makes the folder if it is missing, readable by its owner alone, and takes the wallet for this process and this
    /// value. Where someone else has it, `waits` is called once, then the call waits until it is free.
    ///
    /// # Errors
    /// [`NodeError::Unwritable`].
    pub fn lock(&self, waits: impl FnOnce()) -> Result<WalletLock, NodeError> {
        datadir::create(&self.folder)?;
        let path = self.file(LOCK);
        let unwritable = |source| NodeError::Unwritable { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waits();
                file.lock().map_err(unwritable)?;
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        Ok(WalletLock { _file: file })
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", self.name))
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_WALLET_NAME).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_name_is_a_plain_word() {
        let dir = Path::new("chain");
        for good in ["default", "a", "A-b_9", &"n".repeat(MAX_WALLET_NAME)] {
            assert!(WalletFiles::new(dir, good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a.b", "a b", "ä", &"n".repeat(MAX_WALLET_NAME + 1)] {
            assert!(WalletFiles::new(dir, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn wallets_are_listed_once_by_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(WalletFiles::list(dir.path()).unwrap().is_empty());
        let folder = dir.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        for file in ["b.keys", "b.wallet", "a.wallet", "c.lock", "b.keys.0011.tmp"] {
            fs::write(folder.join(file), "").unwrap();
        }
        assert_eq!(WalletFiles::list(dir.path()).unwrap(), ["a", "b"]);
    }

    #[test]
    fn one_at_a_time_works_on_a_wallet() {
        let dir = tempfile::tempdir().unwrap();
        let files = WalletFiles::new(dir.path(), "one").unwrap();
        let first = files.lock(|| panic!("nobody else is there")).unwrap();
        let (waits, waited) = channel();
        let second = {
            let files = files.clone();
            std::thread::spawn(move || files.lock(|| waits.send(()).unwrap()).map(drop))
        };
        waited.recv().unwrap();
        assert!(!second.is_finished());
        drop(first);
        second.join().unwrap().unwrap();
    }
}
