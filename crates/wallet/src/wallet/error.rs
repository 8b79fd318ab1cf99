//! What can go wrong with a wallet as such.

use thiserror::Error;

use crate::keys::{AccountError, DeriveError, ExtendedKeyError, Purpose};

/// Why a wallet cannot be made, or cannot give an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalletError {
    /// A wallet has at least one account.
    #[error("a wallet needs at least one account")]
    NoAccount,
    /// More accounts than a wallet takes.
    #[error("{got} accounts, a wallet has at most {limit}")]
    TooManyAccounts {
        /// The number of accounts.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// Two accounts of the same purpose and number, or with the same key.
    #[error("account {account} of purpose {} is given twice", purpose.number())]
    DuplicateAccount {
        /// Its purpose.
        purpose: Purpose,
        /// Its number.
        account: u32,
    },
    /// No account of the wallet has this purpose.
    #[error("no account of purpose {}", purpose.number())]
    NoSuchAccount {
        /// The purpose asked for.
        purpose: Purpose,
    },
    /// A gap limit of zero finds nothing, and a large one asks too much of a source.
    #[error("a gap limit is 1 to {limit}, not {got}")]
    GapRange {
        /// The gap limit asked for.
        got: u32,
        /// The largest.
        limit: u32,
    },
    /// So many addresses were handed out without a payment to any of them that a wallet restored from its words
    /// would not look further.
    #[error(
        "{limit} addresses in a row have not been paid to; one more could not be found by a restored wallet"
    )]
    Gap {
        /// The gap limit.
        limit: u32,
    },
    /// The text is not an extended public key of this chain.
    #[error(transparent)]
    Key(#[from] ExtendedKeyError),
    /// The key is not that of an account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// An address cannot be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}
