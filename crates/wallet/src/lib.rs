//! Keys, coins, coin selection and signing; owns no network.

mod keys;
mod mnemonic;
mod seed;

pub use keys::{
    AccountError, AccountPublic, AccountSecret, Branch, ChildNumber, ChildNumberError, DerivationPath,
    DeriveError, ExtendedKeyError, ExtendedPublic, ExtendedSecret, Fingerprint, PathError, Purpose,
};
pub use mnemonic::{Language, MAX_PHRASE_LEN, Mnemonic, MnemonicError, WordCount};
pub use seed::Seed;
