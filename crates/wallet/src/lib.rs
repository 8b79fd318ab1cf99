//! Keys, coins, coin selection and signing; owns no network.

mod keys;
mod keystore;
mod mnemonic;
mod seed;

pub use keys::{
    AccountError, AccountPublic, AccountSecret, Branch, ChildNumber, ChildNumberError, DerivationPath,
    DeriveError, ExtendedKeyError, ExtendedPublic, ExtendedSecret, Fingerprint, PathError, Purpose,
};
pub use keystore::{
    Damage, FileStep, KdfError, KdfParams, Keystore, KeystoreError, MAX_KEYSTORE_LEN, MAX_PASSPHRASE_LEN,
    Unlocked, fresh_mnemonic,
};
pub use mnemonic::{Language, MAX_PHRASE_LEN, Mnemonic, MnemonicError, WordCount};
pub use seed::Seed;

mod rate;
mod recipient;
mod request;
mod select;
mod sign;
mod size;
mod source;
mod wallet;

pub use rate::FeeRate;
pub use recipient::{ChainNames, RecipientError, parse_recipient};
pub use request::{RequestInput, SigningRequest};
pub use select::{Candidate, LONG_TERM_RATE, Method, Payment, Selection, Shortfall};
pub use sign::{SignError, sign};
pub use size::{DUST_RATE, MAX_TX_WEIGHT, SpendSize, dust_limit};
pub use source::{ChainSource, ChainTip, FeeEstimates, SeenBlock, SeenTx, Speed};
pub use wallet::{
    Balance, BuildError, BumpError, CoinStatus, DEFAULT_GAP_LIMIT, FILE_VERSION, FileError, HistoryEntry,
    InsufficientFunds, KeyOrigin, MAX_ACCOUNTS, MAX_ADDRESSES, MAX_FEE_SHARE, MAX_FILE_LEN, MAX_GAP_LIMIT,
    MAX_TRANSACTIONS, NetAmount, OwnedCoin, SyncError, SyncProgress, SyncReport, TxBuilder, Wallet,
    WalletAddress, WalletError,
};
