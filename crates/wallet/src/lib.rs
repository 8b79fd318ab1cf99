//! Keys, coins, coin selection and signing; owns no network.
//!
//! - Secrets: a [`Mnemonic`] gives a [`Seed`], that an [`AccountSecret`] (BIP32, 44, 84, 86). A [`Keystore`] keeps the
//!   words in an encrypted file.
//! - Money: a [`Wallet`] is made of accounts without their secrets. It follows the chain through a [`ChainSource`],
//!   also over reorganisations, knows addresses, coins, balance and history, and is saved without a secret in it.
//! - Payments: [`Wallet::build`] chooses coins ([`Payment`]) and makes a [`SigningRequest`], [`sign`] signs it, and
//!   [`Wallet::bump_fee`] makes one that replaces a waiting transaction. The signer may be another machine: a
//!   [`Psbt`] takes the request there.
//!
//! Secrets are wiped from memory when dropped, and no `Debug` form shows them. What is asked of the chain, when, and
//! what is done with a signed transaction is for the caller: the wallet owns no thread, clock or socket, and writes
//! only the files it is told to.
//!
//! # What is not here
//! One key spends each coin: no multisig, no scripts behind P2SH or P2WSH, no taproot script paths, no descriptors, and no
//! coins of bare public keys. A PSBT is version 0 and carries a request one way: signatures in it are kept and not
//! read, and the signer gives back the transaction. A wallet that watches a single address builds nothing. Coins
//! cannot be picked by hand. A child that pays for its parent is not made; [`Wallet::bump_fee`] needs a transaction
//! of one's own.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use cairn_params::presets;
//! use cairn_primitives::Amount;
//! use cairn_wallet::{
//!     AccountSecret, BuildError, FeeRate, Mnemonic, Purpose, TxBuilder, Wallet, parse_recipient,
//! };
//!
//! // The words of BIP84's test vectors.
//! let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
//! let spec = Arc::new(presets::bitcoin());
//! let secret = AccountSecret::derive(&Mnemonic::parse(words)?.to_seed(""), Purpose::Bip84, 0, &spec)?;
//! let mut wallet = Wallet::new(Arc::clone(&spec), vec![secret.to_public()?])?;
//! let address = wallet.new_address()?;
//! assert_eq!(address.encode(&spec.address), "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
//!
//! // Nothing was received yet: what is missing is said.
//! let to = parse_recipient("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", &spec)?;
//! let payment = TxBuilder::new(FeeRate::from_sat_per_vb(2)).pay(to, Amount::from_sat(10_000));
//! let Err(BuildError::InsufficientFunds(short)) = wallet.build(&payment) else { panic!() };
//! assert_eq!(short.available, Amount::ZERO);
//!
//! // An address of another chain is recognised.
//! let error = parse_recipient("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", &spec).unwrap_err();
//! assert!(error.to_string().contains("testnet3"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod keys;
mod keystore;
mod language;
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
pub use language::Language;
pub use mnemonic::{MAX_PHRASE_LEN, Mnemonic, MnemonicError, WordCount};
pub use seed::Seed;

mod psbt;
mod rate;
mod recipient;
mod request;
mod select;
mod sign;
mod size;
mod source;
mod wallet;

pub use psbt::{MAX_PSBT_LEN, Psbt, PsbtError, PsbtPart};
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
