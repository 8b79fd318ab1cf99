//! A wallet as bytes and as a file, without secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_primitives::{
    Address, AddressError, BlockHash, Decode, Encode, Sha256, Transaction, Txid, hash, hex,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::book::Book;
use super::error::WalletError;
use super::ledger::Record;
use super::sync::{MAX_ADDRESSES, MAX_TRANSACTIONS};
use super::{MAX_ACCOUNTS, MAX_GAP_LIMIT, Wallet};
use crate::keys::{AccountPublic, Branch, ExtendedPublic, Purpose};
use crate::source::{ChainTip, SeenBlock};

/// The version of the form that is written, and the only one that is read.
pub const FILE_VERSION: u32 = 1;

/// Most bytes of a file.
pub const MAX_FILE_LEN: u64 = 512 * 1024 * 1024;

/// Why bytes are no wallet of this chain, or a file cannot be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// More bytes than a wallet has.
    #[error("{got} bytes, a wallet file has at most {limit}")]
    TooLong {
        /// The number of bytes.
        got: u64,
        /// [`MAX_FILE_LEN`].
        limit: u64,
    },
    /// The bytes are not the JSON of a wallet.
    #[error("not a wallet file: {0}")]
    Form(#[source] serde_json::Error),
    /// Another version of the form.
    #[error("wallet file version {got}, only {expected} is known")]
    Version {
        /// The version found.
        got: u32,
        /// [`FILE_VERSION`].
        expected: u32,
    },
    /// The content is not what was written.
    #[error("the wallet file is damaged: its checksum is {got}, not {expected}")]
    Checksum {
        /// The checksum of what was read.
        got: Sha256,
        /// The checksum it states.
        expected: Sha256,
    },
    /// A wallet of another chain.
    #[error("a wallet of the chain that begins with {got}, not {expected}")]
    OtherChain {
        /// The first block of the wallet's chain.
        got: BlockHash,
        /// The first block of the chain asked for.
        expected: BlockHash,
    },
    /// A number is above what it may be.
    #[error("{field}: {got} is above the limit of {limit}")]
    Limit {
        /// What the number says.
        field: &'static str,
        /// The number.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// A purpose that is none of BIP44, BIP84 and BIP86.
    #[error("unknown purpose {got}")]
    Purpose {
        /// The purpose found.
        got: u32,
    },
    /// It has neither accounts nor an address, or both.
    #[error("a wallet has accounts or one address, not both and not neither")]
    Contents,
    /// A transaction is not one.
    #[error("transaction {index} of the wallet file cannot be read")]
    Transaction {
        /// Its position.
        index: usize,
    },
    /// The address is none of this chain.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The accounts make no wallet.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The file system failed.
    #[error("the wallet file cannot be used: {0}")]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    version: u32,
    /// SHA-256 of the wallet as compact JSON.
    checksum: Sha256,
    wallet: WalletData,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WalletData {
    chain: String,
    genesis: BlockHash,
    gap_limit: u32,
    tip: Option<ChainTip>,
    accounts: Vec<AccountData>,
    address: Option<String>,
    transactions: Vec<TxData>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountData {
    purpose: u32,
    xpub: String,
    receive: ChainData,
    change: ChainData,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainData {
    used: u32,
    next: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TxData {
    hex: String,
    block: Option<SeenBlock>,
}

impl Wallet {
    /// The wallet as JSON text: what it watches, what it knows of the chain, no secret. Whoever reads it sees every
    /// payment.
    ///
    /// # Errors
    /// [`FileError::TooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        let wallet = self.data();
        let checksum = checksum(&wallet)?;
        let frame = Frame { version: FILE_VERSION, checksum, wallet };
        let bytes = serde_json::to_vec(&frame).map_err(FileError::Form)?;
        check_len(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, as a wallet of the chain of `spec`.
    ///
    /// # Errors
    /// [`FileError`], each variant but [`FileError::Io`].
    pub fn from_bytes(bytes: &[u8], spec: Arc<ChainSpec>) -> Result<Self, FileError> {
        check_len(bytes.len() as u64)?;
        let VersionOnly { version } = serde_json::from_slice(bytes).map_err(FileError::Form)?;
        if version != FILE_VERSION {
            return Err(FileError::Version { got: version, expected: FILE_VERSION });
        }
        let frame: Frame = serde_json::from_slice(bytes).map_err(FileError::Form)?;
        let got = checksum(&frame.wallet)?;
        if got != frame.checksum {
            return Err(FileError::Checksum { got, expected: frame.checksum });
        }
        Self::from_data(frame.wallet, spec)
    }

    /// Writes the wallet to a file that only its owner may read: to a temporary file beside it first, which then
    /// takes its place, so that a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`FileError::TooLong`] and [`FileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let bytes = self.to_bytes()?;
        Ok(replace_file(path, &bytes)?)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(path: &Path, spec: Arc<ChainSpec>) -> Result<Self, FileError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
        Self::from_bytes(&bytes, spec)
    }

    fn data(&self) -> WalletData {
        let prefixes = &self.spec.address;
        let accounts = self.book.accounts.iter().map(|account| {
            let chain = |branch| {
                let chain = account.chain(branch);
                ChainData { used: chain.used, next: chain.next }
            };
            AccountData {
                purpose: account.key.purpose().number(),
                xpub: account.key.key().encode(prefixes),
                receive: chain(Branch::Receive),
                change: chain(Branch::Change),
            }
        });
        let transactions = self
            .ledger
            .records
            .values()
            .map(|record| TxData { hex: hex::encode(&record.tx.to_bytes()), block: record.block });
        WalletData {
            chain: self.spec.chain.name.clone(),
            genesis: self.spec.genesis.hash,
            gap_limit: self.book.gap,
            tip: self.tip,
            accounts: accounts.collect(),
            address: self.book.single.map(|address| address.encode(prefixes)),
            transactions: transactions.collect(),
        }
    }

    fn from_data(data: WalletData, spec: Arc<ChainSpec>) -> Result<Self, FileError> {
        if data.genesis != spec.genesis.hash {
            return Err(FileError::OtherChain { got: data.genesis, expected: spec.genesis.hash });
        }
        if !(1..=MAX_GAP_LIMIT).contains(&data.gap_limit) {
            return Err(WalletError::GapRange { got: data.gap_limit, limit: MAX_GAP_LIMIT }.into());
        }
        limit("accounts", data.accounts.len() as u64, MAX_ACCOUNTS as u64)?;
        limit("transactions", data.transactions.len() as u64, MAX_TRANSACTIONS as u64)?;
        let book = match (&data.address, data.accounts.is_empty()) {
            (Some(text), true) => Book::of_address(Address::parse(text, &spec.address)?, data.gap_limit),
            (None, false) => accounts(&data, &spec)?,
            _ => return Err(FileError::Contents),
        };
        let mut wallet = Self::from_book(spec, book);
        wallet.tip = data.tip;
        for (index, tx) in data.transactions.into_iter().enumerate() {
            let (txid, record) = record(tx).ok_or(FileError::Transaction { index })?;
            wallet.ledger.records.insert(txid, record);
        }
        Ok(wallet)
    }
}

fn accounts(data: &WalletData, spec: &ChainSpec) -> Result<Book, FileError> {
    let mut keys = Vec::new();
    for account in &data.accounts {
        let of_number = |purpose: &Purpose| purpose.number() == account.purpose;
        let purpose =
            Purpose::ALL.into_iter().find(of_number).ok_or(FileError::Purpose { got: account.purpose })?;
        let key = ExtendedPublic::parse(&account.xpub, &spec.address).map_err(WalletError::from)?;
        keys.push(AccountPublic::new(purpose, key).map_err(WalletError::from)?);
    }
    let mut book = Book::of_accounts(keys, data.gap_limit)?;
    for (position, account) in data.accounts.iter().enumerate() {
        for (branch, chain) in [(Branch::Receive, &account.receive), (Branch::Change, &account.change)] {
            limit("used addresses", u64::from(chain.used), u64::from(MAX_ADDRESSES))?;
            limit("addresses handed out", u64::from(chain.next), u64::from(MAX_ADDRESSES))?;
            if let Some(last) = chain.used.checked_sub(1) {
                book.mark_used(Some((position, branch, last)));
            }
            book.set_next(position, branch, chain.next);
        }
    }
    book.derive_ahead().map_err(WalletError::from)?;
    Ok(book)
}

fn record(data: TxData) -> Option<(Txid, Record)> {
    let tx = Transaction::from_bytes(&hex::decode(&data.hex).ok()?).ok()?;
    Some((tx.txid(), Record { tx, block: data.block }))
}

fn checksum(wallet: &WalletData) -> Result<Sha256, FileError> {
    let bytes = serde_json::to_vec(wallet).map_err(FileError::Form)?;
    Ok(Sha256::from_bytes(hash::sha256(&bytes)))
}

fn check_len(got: u64) -> Result<(), FileError> {
    if got > MAX_FILE_LEN { Err(FileError::TooLong { got, limit: MAX_FILE_LEN }) } else { Ok(()) }
}

fn limit(field: &'static str, got: u64, limit: u64) -> Result<(), FileError> {
    if got > limit { Err(FileError::Limit { field, got, limit }) } else { Ok(()) }
}

/// Puts a file with these bytes in the place of `path`, mode 0600: written beside it, synced, renamed.
fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    // What a crash left behind is of no use.
    match failpoint::around("wallet-file.remove-old", || fs::remove_file(&temporary)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    failpoint::write_all("wallet-file.write", &mut file, bytes)?;
    failpoint::around("wallet-file.sync", || file.sync_all())?;
    failpoint::around("wallet-file.rename", || fs::rename(&temporary, path))?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = File::open(folder)?;
        failpoint::around("wallet-file.dir-sync", || folder.sync_all())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_checked_at_its_limit() {
        assert!(check_len(MAX_FILE_LEN).is_ok());
        let (got, limit) = (MAX_FILE_LEN + 1, MAX_FILE_LEN);
        assert!(
            matches!(check_len(got), Err(FileError::TooLong { got: g, limit: l }) if (g, l) == (got, limit))
        );
    }
}
