//! How a chain state is opened.

use std::path::PathBuf;

use cairn_store::Engine;

use crate::convert::Exchange;
use crate::error::ChainStateError;
use crate::flatfile::MAX_BLOCK_FILE;
use crate::index::IndexKind;
use crate::prune::Prune;

/// Where a chain lies on disk and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStateConfig {
    /// The chain's own directory, by custom `<datadir>/<chain>`; made if it is not there.
    pub dir: PathBuf,
    /// The engine of the three stores; `None` for the one that is there, or the default in a new directory.
    pub engine: Option<Engine>,
    /// Bytes of memory for coins and for the pages of the stores, together.
    pub cache_bytes: usize,
    /// Whether to keep the index from txid to transaction.
    pub txindex: bool,
    /// Whether to keep the index from script to history and coins.
    pub addrindex: bool,
    /// Whether to keep the sums and the hash of the coins after each block.
    pub coinstatsindex: bool,
    /// Whether to keep the compact filters of the blocks (BIP158).
    pub blockfilterindex: bool,
    /// Size at which a new block file is begun, in bytes; a block that is larger has a file to itself.
    pub block_file_bytes: u64,
    /// Threads for script checks; 0 for one on each core.
    pub script_threads: usize,
    /// Who brings the indexes up.
    pub indexing: Indexing,
    /// How many old blocks are kept; `None` for all.
    pub prune: Option<Prune>,
}

/// Who brings the indexes up to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Indexing {
    /// A thread of their own, from the opening of the chain to its closing. Questions wait for it near the tip.
    #[default]
    Background,
    /// The chain's writer, in [`ChainState::open`](crate::ChainState::open) and after each commit: the same writes in
    /// the same order each time. For simulations and tests.
    WithCommits,
}

/// Bytes of memory unless asked otherwise: Core's default for `-dbcache`.
pub const DEFAULT_CACHE_BYTES: usize = 450 << 20;

impl ChainStateConfig {
    /// The directory `dir` with the engine it has or the default, 450 MiB of memory, no index,
    /// block files of 128 MiB as Core has, and a thread on each core.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        ChainStateConfig {
            dir: dir.into(),
            engine: None,
            cache_bytes: DEFAULT_CACHE_BYTES,
            txindex: false,
            addrindex: false,
            coinstatsindex: false,
            blockfilterindex: false,
            block_file_bytes: MAX_BLOCK_FILE,
            script_threads: 0,
            indexing: Indexing::Background,
            prune: None,
        }
    }

    /// The indexes that are on.
    pub(crate) fn indexes(&self) -> Vec<IndexKind> {
        let all = [
            (self.txindex, IndexKind::Tx),
            (self.addrindex, IndexKind::Address),
            (self.coinstatsindex, IndexKind::CoinStats),
            (self.blockfilterindex, IndexKind::Filter),
        ];
        all.into_iter().filter(|(on, _)| *on).map(|(_, index)| index).collect()
    }

    /// The directories of the stores: chain, coins, index.
    pub(crate) fn store_dirs(&self) -> [PathBuf; 3] {
        StoreName::ALL.map(|name| self.dir.join(name.dir()))
    }

    /// Refuses a directory without a chain, before anything is made in it.
    pub(crate) fn must_exist(&self) -> Result<(), ChainStateError> {
        if self.dir.join(StoreName::Chain.dir()).is_dir() || Exchange::of(&self.dir).stands() {
            return Ok(());
        }
        Err(ChainStateError::NothingThere { dir: self.dir.clone() })
    }

    /// The engine that made the directory, or the one for a new directory. Refuses another than the one asked for.
    pub(crate) fn engine_in_use(&self) -> Result<Engine, ChainStateError> {
        // One of them may be gone.
        let found = StoreName::ALL.iter().find_map(|name| Engine::of(&self.dir.join(name.dir())));
        match (found, self.engine) {
            (Some(got), Some(expected)) if got != expected => {
                Err(ChainStateError::OtherEngine { dir: self.dir.clone(), got, expected })
            }
            (Some(got), _) => Ok(got),
            (None, asked) => Ok(asked.unwrap_or_default()),
        }
    }

    /// Bytes for the coin cache: three quarters.
    pub(crate) fn coin_cache_bytes(&self) -> usize {
        self.cache_bytes / 4 * 3
    }

    /// Bytes for the pages of one store: coins an eighth, the other two a sixteenth each.
    pub(crate) fn page_cache_bytes(&self, store: StoreName) -> u64 {
        let part = match store {
            StoreName::Coins => 8,
            StoreName::Chain | StoreName::Index => 16,
        };
        (self.cache_bytes / part).max(MIN_PAGE_CACHE) as u64
    }
}

/// Below this an engine would read the same page again and again.
const MIN_PAGE_CACHE: usize = 1 << 20;

/// The three stores of a chain; also the names of their directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreName {
    Chain,
    Coins,
    Index,
}

impl StoreName {
    pub(crate) const ALL: [StoreName; 3] = [StoreName::Chain, StoreName::Coins, StoreName::Index];

    pub(crate) const fn dir(self) -> &'static str {
        match self {
            StoreName::Chain => "chain",
            StoreName::Coins => "coins",
            StoreName::Index => "index",
        }
    }
}
