//! Why a node cannot start, each with what to do about it.

use std::path::PathBuf;

use cairn_chainstate::import::ImportError;
use cairn_chainstate::snapshot::SnapshotError;
use cairn_chainstate::{ChainStateError, UnknownEngine};
use cairn_params::{SpecError, presets};
use cairn_primitives::AddressError;

use crate::wallet::DevWalletError;

/// A setting that makes no sense. The exit code for these is 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No chain was named.
    #[error("no chain is named: add --chain with one of {names}, a spec file, or use --dev", names = presets::NAMES.join(", "))]
    NoChain,
    /// The name is no preset and does not look like a file.
    #[error("there is no chain {name:?}: use one of {names}, or the path of a .toml spec file", names = presets::NAMES.join(", "))]
    UnknownChain {
        /// The name given.
        name: String,
    },
    /// `--dev` together with another chain.
    #[error("--dev runs its own chain and cannot run {chain:?}: leave out one of the two")]
    DevWithChain {
        /// The chain named.
        chain: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}; check the path and its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A text file is larger than any such file should be.
    #[error("{path} has {got} bytes, at most {limit} are read; check that it is the file you meant", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The settings file does not parse.
    #[error("{path}: {source}; correct the line or remove it", path = path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: Box<toml::de::Error>,
    },
    /// A file that is to be changed is not TOML.
    #[error("{path}: {source}; correct it first", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: Box<toml_edit::TomlError>,
    },
    /// A spec file is refused.
    #[error("{path}: {source}; correct it and run `cairn-node chain check`", path = path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// The line, the field and the rule.
        source: Box<SpecError>,
    },
    /// An address does not belong to the chain.
    #[error("{text:?} is no address of chain {chain}: {source}; give an address of that chain")]
    Address {
        /// What was given.
        text: String,
        /// The chain's name.
        chain: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// A thread count out of range.
    #[error("{got} threads make no sense: use 1 to {limit}")]
    Threads {
        /// The count given.
        got: usize,
        /// The largest count.
        limit: usize,
    },
    /// Too many nodes named.
    #[error("{got} nodes are named with --{name}, at most {limit} may be: leave some out")]
    Nodes {
        /// The setting.
        name: &'static str,
        /// How many.
        got: usize,
        /// The most.
        limit: usize,
    },
    /// No store engine has this name.
    #[error("{source}: use --store sled or --store fjall")]
    Store {
        /// The name given.
        source: UnknownEngine,
    },
    /// A cache size that this machine cannot address.
    #[error("a cache of {got} MiB cannot be addressed on this machine: use a smaller --dbcache")]
    Cache {
        /// The size given, MiB.
        got: u64,
    },
    /// Fewer bytes of blocks than may be asked for, or more than can be counted.
    #[error(
        "pruning to {got} MiB keeps too little or is no size, the limit is at least {limit}: use a larger --prune"
    )]
    Prune {
        /// The number given, MiB.
        got: u64,
        /// The smallest allowed, MiB.
        limit: u64,
    },
    /// A signature cache larger than allowed, or than this machine can address.
    #[error("a signature cache of {got} MiB is too large, the limit is {limit}: use a smaller --sigcache")]
    SigCache {
        /// The size given, MiB.
        got: u64,
        /// The largest, MiB.
        limit: u64,
    },
    /// A wallet's name that could be taken for something else in a path.
    #[error("{got:?} is no name for a wallet: use 1 to {limit} ASCII letters, digits, - and _")]
    WalletName {
        /// The name given.
        got: String,
        /// The longest name, bytes.
        limit: usize,
    },
    /// The environment names no home directory.
    #[error("no home directory is known: name a data directory with --datadir")]
    NoHome,
}

/// Why a node cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or directory of the node cannot be written.
    #[error("cannot write {path}: {source}; check its permissions and the free space, or name another --datadir", path = path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file that would be overwritten.
    #[error("{path} exists already: choose another name, or add --force to replace it", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The chain's data cannot be opened or written.
    #[error(transparent)]
    Chain(#[from] ChainStateError),
    /// The HTTP interface cannot listen.
    #[error(transparent)]
    Bind(#[from] cairn_rpc::BindError),
    /// Other nodes cannot connect where they should.
    #[error("cannot listen for peers on {addr}: {source}; name another address with --listen")]
    Listen {
        /// The address.
        addr: std::net::SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system has no random bytes for a key: {0}")]
    NoRandomness(getrandom::Error),
    /// The wallet of a private chain cannot be made or read.
    #[error("the wallet of the private chain cannot be used: {0}; move its files away to get a new one")]
    DevWallet(#[from] DevWalletError),
    /// The admin token cannot be made or written.
    #[error("{0}; check the permissions of the data directory")]
    Token(#[from] cairn_rpc::TokenError),
    /// Signal handlers cannot be set.
    #[error("cannot handle signals: {0}")]
    Signals(ctrlc::Error),
    /// A snapshot was not written or not taken.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// An import stopped at a record it could not use.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// A search was interrupted before it found anything.
    #[error("interrupted before a solution was found; start it again to go on searching")]
    Interrupted,
    /// No genesis can be found for a spec.
    #[error("{0}; change the spec's time or bits")]
    Genesis(cairn_miner::GenesisError),
    /// A part of the node stopped by itself.
    #[error("the {part} stopped: {reason}; see the log above, then start again")]
    Part {
        /// Which one.
        part: &'static str,
        /// What it said.
        reason: String,
    },
}

impl NodeError {
    /// 2 for bad usage, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Unwritable { .. }
            | Self::Chain(_)
            | Self::Snapshot(_)
            | Self::Bind(_)
            | Self::Listen { .. }
            | Self::Exists { .. }
            | Self::NoRandomness(_)
            | Self::DevWallet(_)
            | Self::Token(_)
            | Self::Signals(_)
            | Self::Import(_)
            | Self::Interrupted
            | Self::Genesis(_)
            | Self::Part { .. } => 1,
        }
    }
}
