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
mod select;
mod size;
mod source;

pub use rate::FeeRate;
pub use select::{Candidate, LONG_TERM_RATE, Method, Payment, Selection, Shortfall};
pub use size::{DUST_RATE, MAX_TX_WEIGHT, SpendSize, dust_limit};
pub use source::{ChainSource, ChainTip, FeeEstimates, SeenBlock, SeenTx, Speed};
