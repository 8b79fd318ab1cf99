//! The commands of `cairn-wallet`.

mod keys;
mod money;
mod pay;
mod secrets;
mod session;
mod setup;
mod show;
mod sign;
mod source;

use std::path::PathBuf;

use cairn_wallet::{Purpose, Speed, WordCount};

pub use keys::{backup, dump};
pub use pay::{bump, send};
pub use setup::{create, import, restore};
pub use show::{address, balance, history, list, utxos};
pub use sign::{broadcast, sign};

/// Which wallet, of which chain, and through which node.
#[derive(Debug)]
pub struct Context {
    /// A preset's name or the path of a spec file; what `cairn.toml` names if `None`.
    pub chain: Option<String>,
    /// The data directory; `.cairn` in the home directory if none is named.
    pub datadir: Option<PathBuf>,
    /// The wallet's name.
    pub wallet: String,
    /// Where the node answers, `http://host:port`.
    pub node: String,
    /// A file whose first line is the passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// Unused addresses in a row after which a rescan stops; what the wallet remembers if `None`.
    pub gap_limit: Option<u32>,
    /// Do not ask the node, show what is known.
    pub offline: bool,
    /// Print JSON.
    pub json: bool,
}

/// What a new wallet is to be like.
#[derive(Debug)]
pub struct NewWallet {
    /// How many words a fresh mnemonic has.
    pub words: WordCount,
    /// A file whose first line is the BIP39 passphrase.
    pub bip39_passphrase_file: Option<PathBuf>,
    /// The kind of its addresses.
    pub purpose: Purpose,
    /// For `restore`: a file with the words; asked for, or read from standard input, if `None`.
    pub words_file: Option<PathBuf>,
}

/// What a wallet without secrets watches.
#[derive(Debug)]
pub enum Watched {
    /// The account of an extended public key.
    Xpub {
        /// Its text form.
        xpub: String,
        /// The kind of its addresses.
        purpose: Purpose,
    },
    /// One address.
    Address(String),
}

/// What a transaction pays for its size.
#[derive(Debug)]
pub enum Rate {
    /// Smallest units for a virtual byte, as a decimal.
    PerVb(String),
    /// What the node holds right for this speed.
    Speed(Speed),
}

/// A payment.
#[derive(Debug)]
pub struct SendCommand {
    /// Whom.
    pub address: String,
    /// How much, in coins; everything if `None`.
    pub amount: Option<String>,
    /// What for.
    pub rate: Rate,
    /// Whether it may be replaced later.
    pub replaceable: bool,
    /// What becomes of it.
    pub how: Delivery,
}

/// A transaction that replaces another.
#[derive(Debug)]
pub struct BumpCommand {
    /// The transaction that waits.
    pub txid: String,
    /// What the new one pays.
    pub rate: Rate,
    /// What becomes of it.
    pub how: Delivery,
}

/// What becomes of a transaction that was put together.
#[derive(Debug)]
pub enum Delivery {
    /// It is signed and sent.
    Send,
    /// It is shown, and nothing happens.
    DryRun,
    /// It is written to this file (`-`: standard output) for a signer elsewhere.
    Psbt(PathBuf),
}
