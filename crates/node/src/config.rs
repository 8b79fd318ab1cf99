//! What a node is told: settings from several places, resolved into one configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_chainstate::{ChainStateConfig, Engine, Prune};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::Address;
use serde::Deserialize;

use crate::error::ConfigError;

/// Name of the settings file in the data directory.
pub const SETTINGS_FILE: &str = "cairn.toml";

/// Largest settings or spec file that is read, bytes.
pub const MAX_TEXT_FILE: u64 = 1 << 20;

/// Memory for coins between two flushes when nothing is said, MiB.
pub const DEFAULT_DBCACHE_MIB: u64 = 256;

/// Memory for what scripts passed before when nothing is said, MiB (Core's `-maxsigcachesize`).
pub const DEFAULT_SIGCACHE_MIB: u64 = 32;

/// Most memory for that, MiB (Core's `MAX_MAX_SIG_CACHE_SIZE`).
pub const MAX_SIGCACHE_MIB: u64 = 16_384;

/// Least size of block files that may be asked for, MiB (Core's `MIN_DISK_SPACE_FOR_BLOCK_FILES`): 288 full blocks and
/// some files.
pub const MIN_PRUNE_MIB: u64 = 550;

/// Most mining or script threads that can be asked for.
pub const MAX_THREADS: usize = 1024;

/// Most nodes that can be named with `connect`, and with `addnode`.
pub const MAX_NAMED_NODES: usize = 128;

/// What may be set, each entry optional. The same names stand in `cairn.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A preset's name, or the path of a spec file.
    pub chain: Option<String>,
    /// Where the HTTP interface listens.
    pub rpc_bind: Option<SocketAddr>,
    /// Where other nodes may connect.
    pub listen: Option<SocketAddr>,
    /// Connect to these nodes alone.
    pub connect: Option<Vec<SocketAddr>>,
    /// Keep connections to these nodes besides others.
    pub addnode: Option<Vec<SocketAddr>>,
    /// Mine, and pay to this address.
    pub mine: Option<String>,
    /// Mining threads.
    pub threads: Option<usize>,
    /// Keep an index of transactions by txid.
    pub txindex: Option<bool>,
    /// Keep an index of coins and transactions by address.
    pub addrindex: Option<bool>,
    /// Keep the sums and the hash of the coins after each block.
    pub coinstatsindex: Option<bool>,
    /// Keep the compact filters of the blocks (BIP158).
    pub blockfilterindex: Option<bool>,
    /// The engine of the stores, `sled` or `fjall`.
    pub store: Option<String>,
    /// Size of block files above which the oldest are removed, MiB.
    pub prune: Option<u64>,
    /// Memory for coins between two flushes, MiB.
    pub dbcache: Option<u64>,
    /// Memory for signatures and transactions that were found valid, MiB; 0 for none.
    pub sigcache: Option<u64>,
    /// What is logged, as a filter such as `info` or `cairn_chainstate=debug`.
    pub log: Option<String>,
    /// Log as JSON lines.
    pub log_json: Option<bool>,
}

impl Settings {
    /// Reads `cairn.toml` from a data directory; a missing file sets nothing.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], [`ConfigError::TooLarge`], [`ConfigError::Settings`].
    pub fn read(datadir: &Path) -> Result<Self, ConfigError> {
        let path = datadir.join(SETTINGS_FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = read_text(&path)?;
        toml::from_str(&text).map_err(|source| ConfigError::Settings { path, source: Box::new(source) })
    }

    /// These settings, and where they say nothing, the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            chain: self.chain.or(other.chain),
            rpc_bind: self.rpc_bind.or(other.rpc_bind),
            listen: self.listen.or(other.listen),
            connect: self.connect.or(other.connect),
            addnode: self.addnode.or(other.addnode),
            mine: self.mine.or(other.mine),
            threads: self.threads.or(other.threads),
            txindex: self.txindex.or(other.txindex),
            addrindex: self.addrindex.or(other.addrindex),
            coinstatsindex: self.coinstatsindex.or(other.coinstatsindex),
            blockfilterindex: self.blockfilterindex.or(other.blockfilterindex),
            store: self.store.or(other.store),
            prune: self.prune.or(other.prune),
            dbcache: self.dbcache.or(other.dbcache),
            sigcache: self.sigcache.or(other.sigcache),
            log: self.log.or(other.log),
            log_json: self.log_json.or(other.log_json),
        }
    }
}

/// A private chain to try things on, rather than a chain from a preset or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The chain that the settings name.
    #[default]
    Normal,
    /// The `dev` preset: mines by itself, indexes on.
    Dev,
}

/// The resolved configuration of a node.
#[derive(Debug, Clone)]
pub struct Config {
    /// The chain.
    pub spec: Arc<ChainSpec>,
    /// Holds a folder for each chain.
    pub datadir: PathBuf,
    /// Whether this is the private chain of `--dev`.
    pub mode: Mode,
    /// Where the HTTP interface listens.
    pub rpc_bind: SocketAddr,
    /// Where other nodes may connect; `None` if none may.
    pub listen: Option<SocketAddr>,
    /// Connect to these nodes alone, if any is named.
    pub connect: Vec<SocketAddr>,
    /// Keep connections to these nodes besides others.
    pub addnode: Vec<SocketAddr>,
    /// Where mined coins go; `None` if the node does not mine (in dev mode: to a wallet of its own).
    pub mine: Option<Address>,
    /// Mining threads.
    pub threads: NonZeroUsize,
    /// Keep an index of transactions by txid.
    pub txindex: bool,
    /// Keep an index of coins and transactions by address.
    pub addrindex: bool,
    /// Keep the sums and the hash of the coins after each block.
    pub coinstatsindex: bool,
    /// Keep the compact filters of the blocks (BIP158).
    pub blockfilterindex: bool,
    /// The engine of the stores; `None` for the one that is there, or the default in a new directory.
    pub store: Option<Engine>,
    /// How many old blocks are kept; `None` for all.
    pub prune: Option<Prune>,
    /// Memory for coins between two flushes, bytes.
    pub cache_bytes: usize,
    /// Memory for signatures and transactions that were found valid, bytes; 0 for none.
    pub sigcache_bytes: usize,
}

impl Config {
    /// Puts settings, mode and data directory together and fills in the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] for a chain that cannot be found or read, an address that is not of that chain, an unknown
    /// store, or a number out of range.
    pub fn resolve(settings: Settings, mode: Mode, datadir: PathBuf) -> Result<Self, ConfigError> {
        let dev = mode == Mode::Dev;
        let spec = match (mode, settings.chain) {
            (Mode::Dev, None) => presets::dev(),
            (Mode::Dev, Some(chain)) if chain == "dev" => presets::dev(),
            (Mode::Dev, Some(chain)) => return Err(ConfigError::DevWithChain { chain }),
            (Mode::Normal, Some(chain)) => load_chain(&chain)?,
            (Mode::Normal, None) => return Err(ConfigError::NoChain),
        };
        let mine = settings.mine.map(|text| parse_address(&text, &spec)).transpose()?;
        let got = settings.threads.unwrap_or(1);
        let threads = NonZeroUsize::new(got).filter(|threads| threads.get() <= MAX_THREADS);
        let threads = threads.ok_or(ConfigError::Threads { got, limit: MAX_THREADS })?;
        let store = settings.store.map(|name| name.parse()).transpose();
        let store = store.map_err(|source| ConfigError::Store { source })?;
        let mib = settings.dbcache.unwrap_or(DEFAULT_DBCACHE_MIB);
        let cache_bytes = usize::try_from(mib).ok().and_then(|mib| mib.checked_mul(1 << 20));
        let sigcache_bytes = sigcache_bytes(settings.sigcache.unwrap_or(DEFAULT_SIGCACHE_MIB))?;
        let prune = settings.prune.map(prune_to).transpose()?;
        let connect = within_limit("connect", settings.connect.unwrap_or_default())?;
        let addnode = within_limit("addnode", settings.addnode.unwrap_or_default())?;
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), spec.network.http_port);
        Ok(Self {
            rpc_bind: settings.rpc_bind.unwrap_or(loopback),
            spec: Arc::new(spec),
            datadir,
            mode,
            listen: settings.listen,
            connect,
            addnode,
            mine,
            threads,
            txindex: settings.txindex.unwrap_or(dev),
            addrindex: settings.addrindex.unwrap_or(dev),
            coinstatsindex: settings.coinstatsindex.unwrap_or(false),
            blockfilterindex: settings.blockfilterindex.unwrap_or(false),
            store,
            prune,
            cache_bytes: cache_bytes.ok_or(ConfigError::Cache { got: mib })?,
            sigcache_bytes,
        })
    }

    /// The folder of this chain: `<datadir>/<chain>`.
    pub fn chain_dir(&self) -> PathBuf {
        self.datadir.join(&self.spec.chain.name)
    }

    /// Whether the node has to do with other nodes: the private chain of `--dev` only when told to.
    pub fn has_network(&self) -> bool {
        self.mode == Mode::Normal
            || self.listen.is_some()
            || !self.connect.is_empty()
            || !self.addnode.is_empty()
    }

    /// How the chain is opened.
    pub(crate) fn chain_state(&self) -> ChainStateConfig {
        ChainStateConfig {
            engine: self.store,
            cache_bytes: self.cache_bytes,
            txindex: self.txindex,
            addrindex: self.addrindex,
            coinstatsindex: self.coinstatsindex,
            blockfilterindex: self.blockfilterindex,
            prune: self.prune,
            ..ChainStateConfig::new(self.chain_dir())
        }
    }
}

fn prune_to(mib: u64) -> Result<Prune, ConfigError> {
    let bytes = mib.checked_mul(1 << 20).filter(|_| mib >= MIN_PRUNE_MIB);
    bytes.map(Prune::to).ok_or(ConfigError::Prune { got: mib, limit: MIN_PRUNE_MIB })
}

fn sigcache_bytes(mib: u64) -> Result<usize, ConfigError> {
    let bytes = usize::try_from(mib).ok().and_then(|mib| mib.checked_mul(1 << 20));
    let within = bytes.filter(|_| mib <= MAX_SIGCACHE_MIB);
    within.ok_or(ConfigError::SigCache { got: mib, limit: MAX_SIGCACHE_MIB })
}

fn within_limit(name: &'static str, nodes: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ConfigError> {
    let (got, limit) = (nodes.len(), MAX_NAMED_NODES);
    if got > limit { Err(ConfigError::Nodes { name, got, limit }) } else { Ok(nodes) }
}

/// The data directory when none is named: `.cairn` in the home directory.
///
/// # Errors
/// [`ConfigError::NoHome`] when the environment names no home directory.
pub fn default_datadir() -> Result<PathBuf, ConfigError> {
    std::env::home_dir()
        .filter(|home| !home.as_os_str().is_empty())
        .map(|home| home.join(".cairn"))
        .ok_or(ConfigError::NoHome)
}

/// A chain by the name of its preset, or from a spec file if the name ends in `.toml`.
///
/// # Errors
/// [`ConfigError::UnknownChain`], [`ConfigError::Unreadable`], [`ConfigError::TooLarge`],
/// [`ConfigError::Spec`].
pub fn load_chain(name: &str) -> Result<ChainSpec, ConfigError> {
    if let Some(spec) = ChainSpec::preset(name) {
        return Ok(spec);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(ConfigError::UnknownChain { name: name.to_owned() });
    }
    let text = read_text(path)?;
    ChainSpec::from_toml(&text)
        .map_err(|source| ConfigError::Spec { path: path.to_owned(), source: Box::new(source) })
}

/// An address of `spec`'s chain.
///
/// # Errors
/// [`ConfigError::Address`].
pub fn parse_address(text: &str, spec: &ChainSpec) -> Result<Address, ConfigError> {
    Address::parse(text, &spec.address).map_err(|source| ConfigError::Address {
        text: text.to_owned(),
        chain: spec.chain.name.clone(),
        source,
    })
}

/// A text file of at most [`MAX_TEXT_FILE`] bytes.
///
/// # Errors
/// [`ConfigError::Unreadable`], [`ConfigError::TooLarge`].
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_TEXT_FILE {
        return Err(ConfigError::TooLarge { path: path.to_owned(), got: size, limit: MAX_TEXT_FILE });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}
