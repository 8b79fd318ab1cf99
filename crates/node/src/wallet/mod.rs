//! Wallets on disk, and the one of `--dev`.

mod chain;
mod dev;
mod files;

pub(crate) use chain::OwnChainError;
pub use dev::{DEV_WALLET, DevWalletError};
pub(crate) use dev::{DevWallet, Held, Paid, PayError};
pub use files::{MAX_WALLET_NAME, WalletFiles, WalletLock};
