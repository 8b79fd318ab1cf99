//! A machine that can lose power: a chain on disks in memory, for simulations and crash tests.
//!
//! ```
//! use std::sync::Arc;
//! use cairn_chainstate::simulate::{PowerCut, SimDisk};
//! use cairn_chainstate::{ChainStateConfig, ChainStateError};
//! use cairn_params::presets;
//!
//! # fn main() -> Result<(), ChainStateError> {
//! let disk = SimDisk::new();
//! let config = ChainStateConfig { script_threads: 1, ..ChainStateConfig::new("") };
//! let chain = disk.open(Arc::new(presets::dev()), &config)?;
//! drop(chain);
//! disk.cut_power(PowerCut::default());
//! let chain = disk.open(Arc::new(presets::dev()), &config)?;
//! assert_eq!(chain.tip().height.to_u32(), 0);
//! # Ok(())
//! # }
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_store::Engine;
use cairn_store::simulate::{Fuse, MemoryDisk};

use crate::background::SecondCoins;
use crate::config::ChainStateConfig;
use crate::convert::Converted;
use crate::error::ChainStateError;
use crate::flatfile::MAX_BLOCK_FILE;
use crate::open::Places;
use crate::state::ChainState;
use crate::storage::Memory;

/// The disks of one simulated machine.
#[derive(Debug, Clone)]
pub struct SimDisk {
    fuse: Fuse,
    chain: MemoryDisk,
    coins: MemoryDisk,
    second: MemoryDisk,
    index: MemoryDisk,
    files: Memory,
    roll_over: u64,
}

/// What a power cut does to the bytes of a file that were written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailDamage {
    /// They are all there.
    None,
    /// The file ends after half of them.
    Cut,
    /// The file keeps its length, the second half of them is zero.
    Zeroed,
    /// The file keeps its length, the second half of them is garbage.
    Scrambled,
}

/// What is lost when the power goes, of all that was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerCut {
    /// Commits to each store that survive, counted from its last sync.
    pub commits_kept: usize,
    /// What happens to the ends of block and undo files.
    pub tails: TailDamage,
}

impl Default for PowerCut {
    /// Everything that was not synced is lost; files are cut.
    fn default() -> Self {
        PowerCut { commits_kept: 0, tails: TailDamage::Cut }
    }
}

impl PowerCut {
    /// Nothing is lost: the process was killed and the machine went on.
    pub fn killed() -> Self {
        PowerCut { commits_kept: usize::MAX, tails: TailDamage::None }
    }
}

impl SimDisk {
    /// Empty disks.
    pub fn new() -> Self {
        Self::with_roll_over(MAX_BLOCK_FILE)
    }

    /// Empty disks on which a new block file is begun at `bytes`.
    pub fn with_roll_over(bytes: u64) -> Self {
        let fuse = Fuse::default();
        let disk = || MemoryDisk::new(fuse.clone());
        let (chain, coins, second, index) = (disk(), disk(), disk(), disk());
        SimDisk { chain, coins, second, index, files: Memory::new(fuse.clone()), fuse, roll_over: bytes }
    }

    /// The fuse through which every write of every disk goes: commits, appends, cuts and syncs count one each.
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
    }

    /// Opens the chain on these disks, as [`ChainState::open`] does in a directory. Open one at a time.
    ///
    /// # Errors
    /// As [`ChainState::open`], and [`StoreError::Stopped`](cairn_store::StoreError::Stopped) once the fuse is
    /// blown.
    pub fn open(
        &self,
        spec: Arc<ChainSpec>,
        config: &ChainStateConfig,
    ) -> Result<ChainState, ChainStateError> {
        let places = Places {
            dir: PathBuf::from("simulated"),
            chain: self.chain.open(),
            coins: self.coins.open(),
            second: SecondCoins::Simulated(self.second.clone()),
            index: self.index.open(),
            files: Arc::new(self.files.clone()),
            lock: None,
            roll_over: self.roll_over,
        };
        ChainState::start(spec, places, config)
    }

    /// Ends what is left of the machine; call it when nothing is open.
    pub fn cut_power(&self, cut: PowerCut) {
        for disk in [&self.chain, &self.coins, &self.second, &self.index] {
            disk.lose_unsynced(cut.commits_kept);
        }
        self.files.lose_unsynced(cut.tails);
        self.fuse.allow(u64::MAX);
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

/// Converts the stores in `config.dir` as [`convert`](crate::convert::convert) does, and stops like a killed process at
/// the instant that comes after `instants` others. The instants: before and after each copy, around the note that all
/// are whole, after each rename, and before the old stores are removed.
///
/// # Errors
/// As [`convert`](crate::convert::convert), and [`StoreError::Stopped`](cairn_store::StoreError::Stopped) when there
/// are more instants.
pub fn convert_until(
    spec: &ChainSpec,
    config: &ChainStateConfig,
    to: Engine,
    instants: usize,
) -> Result<Converted, ChainStateError> {
    crate::convert::convert_until(spec, config, to, instants)
}
