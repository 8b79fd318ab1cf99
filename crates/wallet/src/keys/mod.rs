//! Keys that grow from a seed: BIP32's tree, and the accounts BIP44, BIP84 and BIP86 place in it.

mod account;
mod error;
mod extended;
mod path;
mod text;

pub use account::{AccountPublic, AccountSecret, Branch, Purpose};
pub use error::{AccountError, ChildNumberError, DeriveError, ExtendedKeyError, PathError};
pub use extended::{ExtendedPublic, ExtendedSecret, Fingerprint};
pub use path::{ChildNumber, DerivationPath};
