//! Looking over the data of a chain that no process has open. Nothing is changed.
//!
//! What a start takes on trust is read here: each block and undo record with its checksum and its header, and with
//! [`Depth::Full`] every block against the rules it must keep alone, the coins against the blocks that made them, and
//! each index against both.

mod coins;
mod records;

use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Height};

use crate::chain_db::ChainDb;
use crate::coin_stats::CoinStats;
use crate::coins::CoinDb;
use crate::config::{ChainStateConfig, Indexing};
use crate::error::ChainStateError;
use crate::flatfile::Files;
use crate::index::{IndexDb, IndexKind, IndexStatus};
use crate::live::Shared;
use crate::lock::DirLock;
use crate::open::{Places, identify, load};
use crate::state::Tip;
use crate::storage::FileId;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Records and their checksums, the places of coins and indexes, and that each coin can be read.
    Records,
    /// All of that; and the coins and indexes are worked out again from block and undo files, in little memory and
    /// about the time of an import without scripts.
    Full,
}

/// How far a check or a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done now.
    pub task: Task,
    /// Blocks done.
    pub done: u64,
    /// Blocks to do.
    pub total: u64,
}

/// A part of a check or a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Reading records.
    Records,
    /// Working out the coins.
    Coins,
    /// Working out the indexes.
    Indexes,
}

/// Where an index stands that has something on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexState {
    /// The index.
    pub index: IndexKind,
    /// How far it has come.
    pub status: IndexStatus,
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    /// The last block of the best chain, as it was saved.
    pub tip: Tip,
    /// Headers, genesis included.
    pub headers: u64,
    /// Block records read.
    pub blocks: u64,
    /// Undo records read.
    pub undo: u64,
    /// The highest block that was removed because it was old; `None` if none was. Coins and indexes are then not worked
    /// out again, as the blocks they were made from are gone.
    pub pruned: Option<Height>,
    /// Bytes behind the last saved record of each file: the next start reads or cuts them.
    pub unsaved_bytes: u64,
    /// The block that the stored coins belong to; the next start brings them to the tip.
    pub coins_at: (Height, BlockHash),
    /// The coins at that block; `None` if a flush was cut short, which the next start finishes.
    pub coins: Option<CoinStats>,
    /// The indexes that have something on disk.
    pub indexes: Vec<IndexState>,
    /// What is wrong, at most [`MAX_NAMED`] of it.
    pub damage: Vec<ChainStateError>,
    /// How much is wrong.
    pub damaged: u64,
}

/// Most damaged places that a report names. A disk that is worse than that needs no longer list.
pub const MAX_NAMED: usize = 100;

impl Report {
    fn add(&mut self, damage: ChainStateError) {
        self.damaged += 1;
        if self.damage.len() < MAX_NAMED {
            self.damage.push(damage);
        }
    }
}

/// Sizes, in bytes on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Block files.
    pub blocks: u64,
    /// Undo files.
    pub undo: u64,
    /// The store of headers, positions and events.
    pub chain: u64,
    /// The store of coins.
    pub coins: u64,
    /// The store of indexes.
    pub index: u64,
}

/// What lies in a directory.
#[derive(Debug)]
pub struct Stats {
    /// The last block of the best chain, as it was saved.
    pub tip: Tip,
    /// Headers, genesis included.
    pub headers: u64,
    /// Blocks whose transactions are here, on any branch.
    pub blocks: u64,
    /// The highest block that was removed because it was old; `None` if none was.
    pub pruned: Option<Height>,
    /// The block that the stored coins belong to.
    pub coins_at: (Height, BlockHash),
    /// The coins at that block; `None` if a flush was cut short.
    pub coins: Option<CoinStats>,
    /// The indexes that have something on disk.
    pub indexes: Vec<IndexState>,
    /// What became of the supply up to the block that the index of coin statistics has reached; `None` without it.
    pub supply: Option<crate::SupplyStats>,
    /// Bytes on disk.
    pub sizes: Sizes,
}

/// Checks the data in `config.dir`. Damage is no error: it is in the report.
///
/// # Errors
/// [`ChainStateError::NothingThere`] without data; [`ChainStateError::InUse`], [`ChainStateError::OtherChain`] and
/// [`ChainStateError::DiskForm`] as [`ChainState::open`](crate::ChainState::open); and what makes it impossible to look
/// any further: headers that do not link up, a store or a disk that fails.
pub fn check(
    spec: Arc<ChainSpec>,
    config: &ChainStateConfig,
    depth: Depth,
    mut progress: impl FnMut(Progress),
) -> Result<Report, ChainStateError> {
    let look = Look::open(spec, config)?;
    let mut report = look.report()?;
    look.records(depth, &mut report, &mut progress)?;
    look.coins(depth, &mut report, &mut progress)?;
    Ok(report)
}

/// Tells what lies in `config.dir`; reads every coin.
///
/// # Errors
/// As [`check`], and what is wrong with a coin.
pub fn stats(spec: Arc<ChainSpec>, config: &ChainStateConfig) -> Result<Stats, ChainStateError> {
    let look = Look::open(spec, config)?;
    let Report { tip, headers, pruned, coins_at, indexes, .. } = look.report()?;
    let coins = look.stored_coins(coins_at)?;
    let reached = indexes.iter().find(|state| state.index == IndexKind::CoinStats);
    let supply = match reached {
        Some(state) => look.shared.index.supply_stats(&look.shared, state.status.height)?,
        None => None,
    };
    let blocks = {
        let live = look.shared.read();
        live.tree.ids().filter(|id| live.row(*id).is_some()).count() as u64
    };
    let sizes = look.sizes(config)?;
    Ok(Stats { tip, headers, blocks, pruned, coins_at, coins, indexes, supply, sizes })
}

/// A chain opened for looking.
pub(crate) struct Look {
    shared: Shared,
    _lock: Option<DirLock>,
}

impl Look {
    pub(crate) fn open(spec: Arc<ChainSpec>, config: &ChainStateConfig) -> Result<Self, ChainStateError> {
        config.must_exist()?;
        let places = Places::on_disk(config)?;
        let chain = ChainDb::open(places.chain.clone())?;
        if chain.identity()?.is_none() {
            return Err(ChainStateError::NothingThere { dir: config.dir.clone() });
        }
        let state = identify(&chain, &spec, &places.dir)?;
        let live = load(&chain, &spec, &state)?;
        let files = Files::new(places.files, spec.network.magic);
        // Whatever is on disk is looked at, also what is switched off now.
        let index = IndexDb::open(places.index, IndexKind::ALL.to_vec(), Indexing::WithCommits)?;
        let shared = Shared::new(spec, live, chain, CoinDb::open(places.coins)?, index, files);
        Ok(Look { shared, _lock: places.lock })
    }

    /// The indexes that have something on disk.
    pub(crate) fn indexes(&self) -> Result<Vec<IndexState>, ChainStateError> {
        let found = self.shared.index.on_disk(&self.shared)?.into_iter();
        Ok(found.map(|(index, status)| IndexState { index, status }).collect())
    }

    fn report(&self) -> Result<Report, ChainStateError> {
        let live = self.shared.read();
        let genesis = (Height::GENESIS, self.shared.spec.genesis_hash());
        let coins_at = match self.shared.coins.state()? {
            Some(state) => {
                let id = live.tree.get(&state.at);
                let id = id.ok_or(ChainStateError::CoinsDetached { at: state.at })?;
                (live.tree.height(id), state.at)
            }
            None => genesis,
        };
        let tip = Tip::of(&live.tree, live.tip());
        let headers = live.tree.len() as u64;
        let pruned = live.pruned.map(|pruned| pruned.height);
        drop(live);
        let indexes = self.indexes()?;
        Ok(Report {
            tip,
            headers,
            blocks: 0,
            undo: 0,
            pruned,
            unsaved_bytes: 0,
            coins_at,
            coins: None,
            indexes,
            damage: Vec::new(),
            damaged: 0,
        })
    }

    fn sizes(&self, config: &ChainStateConfig) -> Result<Sizes, ChainStateError> {
        let storage = self.shared.files.storage();
        let mut sizes = Sizes::default();
        let first = self.shared.read().pruned.map_or(0, |pruned| pruned.files);
        for number in first.. {
            let blocks = storage.len(FileId::blocks(number))?;
            if blocks == 0 {
                break;
            }
            sizes.blocks += blocks;
            sizes.undo += storage.len(FileId::undo(number))?;
        }
        let [chain, coins, index] = config.store_dirs();
        let bytes = |dir: &std::path::PathBuf| {
            directory_bytes(dir).map_err(|source| ChainStateError::Io { path: dir.clone(), source })
        };
        (sizes.chain, sizes.coins, sizes.index) = (bytes(&chain)?, bytes(&coins)?, bytes(&index)?);
        Ok(sizes)
    }
}

fn directory_bytes(dir: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
