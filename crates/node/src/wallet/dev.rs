//! The wallet of a private chain, which pays and is paid without `cairn-wallet`.
//!
//! Its files are those of any other wallet, so that `cairn-wallet --chain dev --wallet dev` opens it too. Its passphrase
//! is empty: the coins of a private chain are worth nothing.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cairn_chainstate::ChainReader;
use cairn_params::ChainSpec;
use cairn_primitives::{Address, Amount, Height, Txid};
use cairn_wallet::{
    AccountError, AccountSecret, Balance, BuildError, ChainSource, FeeRate, FileError, KdfParams, Keystore,
    KeystoreError, Mnemonic, Purpose, RecipientError, SignError, Speed, SyncError, TxBuilder, Unlocked,
    Wallet, WalletError, WordCount, fresh_mnemonic, parse_recipient, sign,
};

use super::chain::{OwnChain, OwnChainError};
use super::files::WalletFiles;
use crate::error::NodeError;
use crate::pool::Pool;

/// Name of the wallet that `--dev` makes.
pub const DEV_WALLET: &str = "dev";

/// What opens it: nothing.
const PASSPHRASE: &str = "";
/// Where earlier versions kept the key of the private chain.
const OLD_KEY_FILE: &str = "dev-key";
/// A rescan for the balance comes at the earliest after so many times what the last one took.
const REST: u32 = 10;

/// Why the private chain's wallet cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum DevWalletError {
    /// The encrypted words.
    #[error(transparent)]
    Keys(#[from] KeystoreError),
    /// Addresses and transactions.
    #[error(transparent)]
    File(#[from] FileError),
    /// The account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The wallet as such.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

/// Why the private chain's wallet does not pay, or does not know what it holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayError {
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Chain(#[from] OwnChainError),
    #[error(transparent)]
    Sync(#[from] SyncError<OwnChainError>),
    #[error(transparent)]
    Wallet(#[from] DevWalletError),
    #[error(transparent)]
    Node(#[from] Box<NodeError>),
}

/// A payment that is in the pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paid {
    pub(crate) txid: Txid,
    pub(crate) fee: Amount,
}

/// What the wallet holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) balance: Balance,
    pub(crate) address: Address,
    pub(crate) height: Height,
}

/// The wallet of a private chain.
#[derive(Debug)]
pub(crate) struct DevWallet {
    files: WalletFiles,
    chain: OwnChain,
    first_address: Address,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    wallet: Wallet,
    /// The file as it was when it was last read or written; someone else may work on it between.
    file: Option<(SystemTime, u64)>,
    /// When the chain was last looked at, and how long that took.
    looked: Option<(Instant, Duration)>,
}

impl DevWallet {
    /// Opens the wallet, or makes it; then its words come along.
    pub(crate) fn open(
        chain_dir: &Path,
        reader: &ChainReader,
        pool: &Arc<Pool>,
    ) -> Result<(Self, Option<Mnemonic>), NodeError> {
        let spec = reader.spec();
        let files = WalletFiles::new(chain_dir, DEV_WALLET)?;
        let lock = files.lock(|| tracing::warn!("another program works on the wallet; waiting for it"))?;
        let fresh = match files.keys().exists() {
            true => None,
            false => Some(make(&files, spec)?),
        };
        let wallet = match Wallet::load(&files.wallet(), Arc::clone(spec)) {
            Ok(wallet) => wallet,
            // The words say everything that is needed.
            Err(FileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let public = account(&files, spec)?.to_public().map_err(DevWalletError::from)?;
                let wallet = Wallet::new(Arc::clone(spec), vec![public]).map_err(DevWalletError::from)?;
                wallet.save(&files.wallet()).map_err(DevWalletError::from)?;
                wallet
            }
            Err(error) => return Err(DevWalletError::from(error).into()),
        };
        drop(lock);
        let old = chain_dir.join(OLD_KEY_FILE);
        if old.exists() {
            tracing::warn!(
                file = %old.display(),
                "a key of an earlier version is here; it is kept, and no longer mined to"
            );
        }
        let first = wallet.accounts().next().ok_or(DevWalletError::Wallet(WalletError::NoAccount))?;
        let first = first.address(cairn_wallet::Branch::Receive, 0).map_err(WalletError::from);
        let first_address = first.map_err(DevWalletError::from)?;
        let state = State { wallet, file: stamp(&files), looked: None };
        let chain = OwnChain::new(reader.clone(), Arc::clone(pool));
        Ok((Self { files, chain, first_address, state: Mutex::new(state) }, fresh))
    }

    /// Where mined coins go.
    pub(crate) fn first_address(&self) -> Address {
        self.first_address
    }

    /// What the wallet holds, as of a moment ago.
    pub(crate) fn held(&self) -> Result<Held, PayError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload(&mut state)?;
        let stale = state.wallet.tip() != Some(self.chain.tip()?) || self.chain.waits();
        let rested = state.looked.is_none_or(|(at, took)| at.elapsed() >= took.saturating_mul(REST));
        if stale && rested {
            self.look(&mut state)?;
        }
        let wallet = &state.wallet;
        let height = wallet.tip().map_or(Height::new(0), |tip| tip.height);
        Ok(Held { balance: wallet.balance(), address: wallet.next_address(), height })
    }

    /// Pays, at the pool's standard rate unless one is given.
    pub(crate) fn pay(&self, to: &str, amount: Amount, rate: Option<FeeRate>) -> Result<Paid, PayError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let to = parse_recipient(to, state.wallet.spec())?;
        let _lock = self.files.lock(|| ()).map_err(Box::new)?;
        self.reload(&mut state)?;
        self.look(&mut state)?;
        let rate = match rate {
            Some(rate) => rate,
            None => self.chain.fee_estimates()?.rate(Speed::Standard),
        };
        let request = state.wallet.build(&TxBuilder::new(rate).pay(to, amount))?;
        let fee = request.fee().unwrap_or(Amount::ZERO);
        let signed = sign(&request, &[account(&self.files, state.wallet.spec())?])?;
        let txid = self.chain.broadcast(&signed)?;
        state.wallet.record_sent(&signed).map_err(DevWalletError::from)?;
        state.wallet.save(&self.files.wallet()).map_err(DevWalletError::from)?;
        state.file = stamp(&self.files);
        Ok(Paid { txid, fee })
    }

    /// Reads the file again if someone else wrote it; it is always whole.
    fn reload(&self, state: &mut State) -> Result<(), DevWalletError> {
        let file = stamp(&self.files);
        if file != state.file && file.is_some() {
            state.wallet = Wallet::load(&self.files.wallet(), Arc::clone(state.wallet.spec()))?;
            state.looked = None;
        }
        state.file = file;
        Ok(())
    }

    fn look(&self, state: &mut State) -> Result<(), SyncError<OwnChainError>> {
        let start = Instant::now();
        state.wallet.sync(&self.chain)?;
        state.looked = Some((Instant::now(), start.elapsed()));
        Ok(())
    }
}

/// Makes the words and encrypts them.
fn make(files: &WalletFiles, spec: &ChainSpec) -> Result<Mnemonic, DevWalletError> {
    let mnemonic = fresh_mnemonic(WordCount::Twelve)?;
    // An empty passphrase is guessed at once, whatever a guess costs.
    let cheap = KdfParams::new(KdfParams::MIN_MEMORY_KIB, 1, 1).map_err(KeystoreError::from)?;
    Keystore::create(&files.keys(), &Unlocked::new(mnemonic.clone(), ""), PASSPHRASE, spec, cheap)?;
    Ok(mnemonic)
}

fn account(files: &WalletFiles, spec: &ChainSpec) -> Result<AccountSecret, DevWalletError> {
    let keystore = Keystore::open(&files.keys())?;
    keystore.check_chain(spec)?;
    let unlocked = keystore.unlock(PASSPHRASE)?;
    Ok(AccountSecret::derive(unlocked.seed(), Purpose::Bip84, 0, spec)?)
}

/// What tells one version of the file from another.
fn stamp(files: &WalletFiles) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(files.wallet()).ok()?;
    Some((found.modified().ok()?, found.len()))
}
