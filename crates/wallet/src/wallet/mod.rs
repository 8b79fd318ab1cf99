//! The wallet: addresses, transactions, coins.

mod book;
mod build;
mod bump;
mod error;
mod file;
mod history;
mod ledger;
mod sync;

pub use book::{KeyOrigin, WalletAddress};
pub use build::{BuildError, InsufficientFunds, MAX_FEE_SHARE, TxBuilder};
pub use bump::BumpError;
pub use error::WalletError;
pub use file::{FILE_VERSION, FileError, MAX_FILE_LEN};
pub use history::{HistoryEntry, NetAmount};
pub use ledger::{Balance, CoinStatus, OwnedCoin};
pub use sync::{MAX_ADDRESSES, MAX_TRANSACTIONS, SyncError, SyncProgress, SyncReport};

use std::fmt;
use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{Address, Script, Transaction, Txid};

use crate::keys::{AccountPublic, Branch, ExtendedPublic, Purpose};
use crate::source::ChainTip;
use book::Book;
use ledger::Ledger;

/// Unused addresses in a row after which a rescan stops looking (BIP44).
pub const DEFAULT_GAP_LIMIT: u32 = 20;

/// The largest gap limit.
pub const MAX_GAP_LIMIT: u32 = 10_000;

/// Most accounts of a wallet.
pub const MAX_ACCOUNTS: usize = 16;

/// The addresses, transactions and coins of some accounts, without any secret.
///
/// It knows what [`sync`](Self::sync) last heard and what [`record_sent`](Self::record_sent) told it. Signing is done
/// apart, with the account's secrets: [`sign`](crate::sign).
#[derive(Clone)]
pub struct Wallet {
    spec: Arc<ChainSpec>,
    book: Book,
    ledger: Ledger,
    tip: Option<ChainTip>,
}

impl Wallet {
    /// A wallet of these accounts, which has not looked at the chain yet. The first account is where change goes and
    /// new addresses come from. Without secrets elsewhere, it only watches.
    ///
    /// # Errors
    /// [`WalletError::NoAccount`], [`WalletError::TooManyAccounts`], [`WalletError::DuplicateAccount`]; [`WalletError::Derive`], which cannot be met
    /// in practice.
    pub fn new(spec: Arc<ChainSpec>, accounts: Vec<AccountPublic>) -> Result<Self, WalletError> {
        Ok(Self::from_book(spec, Book::of_accounts(accounts, DEFAULT_GAP_LIMIT)?))
    }

    /// A wallet that watches the account of an extended public key, in this chain's text form. The key does not say
    /// what its addresses look like: `purpose` does.
    ///
    /// # Errors
    /// [`WalletError::Key`] and [`WalletError::Account`], and those of [`new`](Self::new).
    pub fn watch_xpub(spec: Arc<ChainSpec>, xpub: &str, purpose: Purpose) -> Result<Self, WalletError> {
        let key = ExtendedPublic::parse(xpub, &spec.address)?;
        Self::new(spec, vec![AccountPublic::new(purpose, key)?])
    }

    /// A wallet that watches one address. It can build nothing.
    pub fn watch_address(spec: Arc<ChainSpec>, address: Address) -> Self {
        Self::from_book(spec, Book::of_address(address, DEFAULT_GAP_LIMIT))
    }

    fn from_book(spec: Arc<ChainSpec>, book: Book) -> Self {
        Self { spec, book, ledger: Ledger::default(), tip: None }
    }

    /// Sets how many unused addresses in a row end a rescan.
    ///
    /// # Errors
    /// [`WalletError::GapRange`] for 0 and above [`MAX_GAP_LIMIT`].
    pub fn set_gap_limit(&mut self, gap: u32) -> Result<(), WalletError> {
        if !(1..=MAX_GAP_LIMIT).contains(&gap) {
            return Err(WalletError::GapRange { got: gap, limit: MAX_GAP_LIMIT });
        }
        self.book.gap = gap;
        Ok(self.book.derive_ahead()?)
    }

    /// Unused addresses in a row that end a rescan.
    pub fn gap_limit(&self) -> u32 {
        self.book.gap
    }

    /// The chain.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The accounts; none in a wallet that watches one address.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountPublic> {
        self.book.accounts.iter().map(|account| &account.key)
    }

    /// The best block when the wallet last looked; `None` before the first time.
    pub fn tip(&self) -> Option<ChainTip> {
        self.tip
    }

    /// The first receiving address of the first account that was neither used nor handed out. Stays the same until
    /// it is used or [`new_address`](Self::new_address) hands it out.
    pub fn next_address(&self) -> Address {
        self.book.single.unwrap_or_else(|| self.book.next(0, Branch::Receive).0)
    }

    /// Hands out [`next_address`](Self::next_address): the next call gives another. Save the wallet afterwards, or
    /// it will hand the address out again.
    ///
    /// # Errors
    /// [`WalletError::Gap`] when that many were handed out since the last that was used.
    pub fn new_address(&mut self) -> Result<Address, WalletError> {
        self.hand_out(0)
    }

    /// As [`new_address`](Self::new_address), of the first account with this purpose.
    ///
    /// # Errors
    /// [`WalletError::NoSuchAccount`], and those of [`new_address`](Self::new_address).
    pub fn new_address_of(&mut self, purpose: Purpose) -> Result<Address, WalletError> {
        let of_purpose = |account: &book::Account| account.key.purpose() == purpose;
        let account = self.book.accounts.iter().position(of_purpose);
        self.hand_out(account.ok_or(WalletError::NoSuchAccount { purpose })?)
    }

    fn hand_out(&mut self, account: usize) -> Result<Address, WalletError> {
        if let Some(address) = self.book.single {
            return Ok(address);
        }
        let chain = self.book.accounts[account].chain(Branch::Receive);
        if chain.next >= chain.used.saturating_add(self.book.gap) {
            return Err(WalletError::Gap { limit: self.book.gap });
        }
        let (address, index) = self.book.next(account, Branch::Receive);
        self.book.set_next(account, Branch::Receive, index + 1);
        self.book.derive_ahead()?;
        Ok(address)
    }

    /// The addresses handed out or used, by account, receiving before change.
    pub fn addresses(&self) -> Vec<WalletAddress> {
        self.book.list()
    }

    /// Whether an output with this script pays to the wallet: to an address handed out or used, or to one of those
    /// the gap limit looks ahead to.
    pub fn owns(&self, script: &Script) -> bool {
        self.book.owns(script)
    }

    /// The unspent outputs that pay to the wallet, by outpoint. Outputs spent by an unconfirmed transaction are spent.
    pub fn coins(&self) -> Vec<OwnedCoin> {
        self.ledger.coins(&self.book, self.tip, self.spec.limits.coinbase_maturity)
    }

    /// What the wallet holds.
    pub fn balance(&self) -> Balance {
        ledger::balance(&self.coins())
    }

    /// A transaction of the wallet.
    pub fn transaction(&self, txid: &Txid) -> Option<&Transaction> {
        self.ledger.records.get(txid).map(|record| &record.tx)
    }

    /// Notes a transaction that was sent, so that its coins are not spent again before the next
    /// [`sync`](Self::sync), which forgets it if the source does not know it then. Known unconfirmed transactions
    /// that spend the same coins, as one that was replaced, are forgotten.
    ///
    /// False, and nothing is noted, when a block holds a spend of one of its coins.
    ///
    /// # Errors
    /// [`WalletError::Derive`], which cannot be met in practice.
    pub fn record_sent(&mut self, tx: &Transaction) -> Result<bool, WalletError> {
        if !self.ledger.add_unconfirmed(tx.clone()) {
            return Ok(false);
        }
        for output in tx.outputs() {
            if let Some(place) = self.book.place(&output.script_pubkey) {
                self.book.mark_used(place);
            }
        }
        self.book.derive_ahead()?;
        Ok(true)
    }
}

impl fmt::Debug for Wallet {
    /// The chain, the tip and how much there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet")
            .field("chain", &self.spec.chain.name)
            .field("tip", &self.tip)
            .field("accounts", &self.book.accounts.len())
            .field("transactions", &self.ledger.records.len())
            .finish_non_exhaustive()
    }
}
