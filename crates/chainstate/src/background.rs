//! Checking the blocks below a loaded snapshot, while the chain grows above it.
//!
//! The blocks from genesis to the snapshot's are connected one by one in a coin set of their own, with every rule a
//! chain without a snapshot checks, and their undo data is written. At the snapshot's block the hash of that set must be
//! the snapshot's. The set has a store of its own, `coins-background`, flushed like the other: after a crash the blocks
//! since its last flush are simply checked again.

use std::path::PathBuf;
use std::sync::Arc;

use cairn_consensus::{BlockError, CoinDelta, NodeId, Undo};
use cairn_failpoint as failpoint;
use cairn_primitives::{BlockHash, Height, OutPoint};
use cairn_store::simulate::MemoryDisk;
use cairn_store::{Engine, Store, StoreOptions};

use crate::candidates::Candidates;
use crate::coin_cache::{CoinCache, InStore};
use crate::coins::{CoinDb, Coins, StagedCoins, settled};
use crate::coins_hash::CoinsHasher;
use crate::error::{ChainStateError, Refutation};
use crate::flush::put_on;
use crate::layout::BlockRow;
use crate::live::Assumed;
use crate::snapshot::{SnapshotRow, Standing};
use crate::state::{ChainState, FLUSH_BLOCKS, FLUSH_BYTES, SinceFlush};

/// A chain that began with a snapshot, on its way to be a chain like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Height of the snapshot's block.
    pub base_height: Height,
    /// The snapshot's block.
    pub base: BlockHash,
    /// The blocks up to this height were checked.
    pub height: Height,
}

/// What [`ChainState::validate_next`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationStep {
    /// Nothing is to be checked, or the next block is not here.
    Idle,
    /// A block was checked, or some of the coins were hashed.
    Advanced,
    /// The snapshot is true: the chain is one like any other.
    Done,
}

/// Coins hashed in one step at the end.
const HASHED_AT_ONCE: usize = 10_000;

/// Where the second coin store lies.
#[derive(Debug)]
pub(crate) enum SecondCoins {
    Dir(PathBuf, StoreOptions),
    Simulated(MemoryDisk),
    Memory,
}

impl SecondCoins {
    fn open(&self) -> Result<CoinDb, ChainStateError> {
        if let SecondCoins::Dir(dir, options) = self {
            // Made before the chain's stores were given another engine: the blocks are here, it is made again.
            if Engine::of(dir).is_some_and(|found| found != options.engine) {
                self.remove()?;
            }
        }
        Ok(CoinDb::open(match self {
            SecondCoins::Dir(dir, options) => Store::open(dir, *options)?,
            SecondCoins::Simulated(disk) => disk.open(),
            SecondCoins::Memory => Store::memory(),
        })?)
    }

    /// Takes the store away, which nobody may have open.
    fn remove(&self) -> Result<(), ChainStateError> {
        match self {
            SecondCoins::Dir(dir, _) => {
                match failpoint::around("second-coins.remove", || std::fs::remove_dir_all(dir)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(ChainStateError::Io { path: dir.clone(), source: error })
                    }
                    _ => Ok(()),
                }
            }
            SecondCoins::Simulated(_) => Ok(self.open()?.clear()?),
            SecondCoins::Memory => Ok(()),
        }
    }
}

/// The coins of the blocks below the snapshot, as far as they were checked.
#[derive(Debug)]
pub(crate) struct Background {
    base: NodeId,
    /// The last block checked.
    at: NodeId,
    /// The block the store stands at.
    stored: NodeId,
    cache: CoinCache,
    coins: CoinDb,
    since_flush: SinceFlush,
    /// At the snapshot's block: the hash so far, and the last coin in it.
    summing: Option<(CoinsHasher, Option<OutPoint>)>,
}

/// A block that was connected in the background.
struct Checked {
    id: NodeId,
    delta: CoinDelta,
    undo: Arc<Undo>,
    bytes: u64,
}

impl ChainState {
    /// Takes up the work of an earlier run, if a snapshot is to be validated; else takes its remains away.
    pub(crate) fn begin_background(&mut self) -> Result<(), ChainStateError> {
        let Some(Assumed { base, .. }) = self.with_live(|live| live.assumed) else {
            return self.second.remove();
        };
        let coins = self.second.open()?;
        let genesis = self.shared.spec.genesis_hash();
        let state = match coins.state()? {
            Some(state) => state,
            None => {
                coins.set_state(&settled(genesis))?;
                settled(genesis)
            }
        };
        let known = |hash: BlockHash| {
            let id = self.with_live(|live| live.tree.get(&hash));
            id.ok_or(ChainStateError::CoinsDetached { at: hash })
        };
        let at = known(state.at)?;
        let to = state.flushing_to.map(known).transpose()?;
        let (cache, since_flush) = (CoinCache::default(), SinceFlush::default());
        let mut background = Background { base, at, stored: at, cache, coins, since_flush, summing: None };
        if let Some(to) = to {
            self.finish_flush(&mut background, to)?;
        }
        // Both sets of coins have their caches in the memory of one.
        self.cache_budget /= 2;
        self.tell_validation(&background);
        self.background = Some(background);
        Ok(())
    }

    /// A flush that was cut short is done again, from the blocks between its ends.
    fn finish_flush(&self, background: &mut Background, to: NodeId) -> Result<(), ChainStateError> {
        let plan = self.with_live(|live| live.tree.plan(background.at, to));
        for id in plan.connect {
            let height = self.with_live(|live| live.tree.height(id));
            put_on(&mut background.cache, &self.shared.load_block(id)?, height);
        }
        background.at = to;
        self.write_background(background)
    }

    /// Checks the next block below the snapshot that the chain began with, or at its end goes on hashing the coins: a
    /// small piece of work, for whoever has time between blocks. Needs no call where there was no snapshot.
    ///
    /// # Errors
    /// [`ChainStateError::SnapshotRefuted`] if a block breaks a rule or the blocks make other coins: the chain is halted,
    /// and will not open again. Otherwise what the disk reports, and [`ChainStateError::RecordDamaged`] for a block that
    /// cannot be read.
    pub fn validate_next(&mut self) -> Result<ValidationStep, ChainStateError> {
        self.check_running()?;
        let Some(mut background) = self.background.take() else { return Ok(ValidationStep::Idle) };
        let step = match background.at == background.base {
            true => self.sum_up(&mut background),
            false => self.validate_block(&mut background),
        };
        match step {
            Ok(ValidationStep::Done) => {
                drop(background);
                let done = self.end_background();
                self.or_halt(done)?;
            }
            _ => self.background = Some(background),
        }
        let step = step?;
        self.keep_pace()?;
        Ok(step)
    }

    fn validate_block(&mut self, background: &mut Background) -> Result<ValidationStep, ChainStateError> {
        let next = self.with_live(|live| {
            let id = live.at_height(live.tree.height(background.at).next())?;
            live.row(id).map(|row| (id, row))
        });
        let Some((id, row)) = next else { return Ok(ValidationStep::Idle) };
        let checked = match self.connect_background(background, id)? {
            Ok(checked) => checked,
            Err(error) => {
                let hash = self.with_live(|live| live.tree.hash(id));
                tracing::error!(%hash, %error, "a block below the snapshot is invalid");
                return Err(self.refute(Standing::BlockInvalid(hash)));
            }
        };
        if row.undo.is_none() {
            let hash = self.with_live(|live| live.tree.hash(id));
            let written = self.files.append_undo(row.block.file, hash, &checked.undo);
            let undo = Some(self.or_halt(written)?);
            self.add_row(id, BlockRow { undo, ..row });
        }
        background.take(checked);
        let full = background.cache.is_full(self.cache_budget);
        let SinceFlush { blocks, bytes } = background.since_flush;
        if full || blocks >= FLUSH_BLOCKS || bytes >= FLUSH_BYTES || id == background.base {
            // What the coins rest on first.
            self.commit()?;
            let written = self.write_background(background);
            self.or_halt(written)?;
        }
        self.tell_validation(background);
        Ok(ValidationStep::Advanced)
    }

    fn connect_background(
        &self,
        background: &Background,
        id: NodeId,
    ) -> Result<Result<Checked, BlockError>, ChainStateError> {
        let block = self.load_checked(id)?;
        let bytes = block.block().total_size() as u64;
        let connection = {
            let live = self.shared.read();
            let nothing = StagedCoins::default();
            let coins = Coins::new(&nothing, &background.cache, &background.coins);
            match cairn_consensus::connect(&live.tree, id, block, &coins) {
                Ok(connection) => connection,
                Err(error) => {
                    return coins.into_failure().map_or(Ok(Err(error)), |failure| Err(failure.into()));
                }
            }
        };
        if let Err(error) = self.scripts.run(connection.scripts()) {
            return Ok(Err(error));
        }
        let (delta, undo) = connection.into_parts();
        Ok(Ok(Checked { id, delta, undo, bytes }))
    }

    fn write_background(&self, background: &mut Background) -> Result<(), ChainStateError> {
        let (at, to) =
            self.with_live(|live| (live.tree.hash(background.stored), live.tree.hash(background.at)));
        background.coins.flush(at, to, &background.cache)?;
        background.cache = CoinCache::default();
        background.stored = background.at;
        background.since_flush = SinceFlush::default();
        Ok(())
    }

    /// Hashes the next coins, and at the last compares.
    fn sum_up(&mut self, background: &mut Background) -> Result<ValidationStep, ChainStateError> {
        let (hasher, last) = background.summing.get_or_insert_default();
        let coins = background.coins.after(*last, HASHED_AT_ONCE)?;
        for (outpoint, coin) in &coins {
            hasher.push(outpoint, coin);
            *last = Some(*outpoint);
        }
        if coins.len() == HASHED_AT_ONCE {
            return Ok(ValidationStep::Advanced);
        }
        let got = std::mem::take(hasher).finish();
        let expected = self.with_live(|live| live.assumed.map(|assumed| assumed.coins_hash));
        match expected == Some(got) {
            true => Ok(ValidationStep::Done),
            false => Err(self.refute(Standing::CoinsDiffer(got))),
        }
    }

    /// The snapshot is true: what was waiting for that goes on.
    fn end_background(&mut self) -> Result<(), ChainStateError> {
        let Some(row) = self.shared.chain.snapshot()? else { return Ok(()) };
        self.shared.chain.put_snapshot(&SnapshotRow { standing: Standing::Validated, ..row })?;
        self.second.remove()?;
        self.cache_budget *= 2;
        {
            let mut live = self.shared.write();
            (live.assumed, live.validation) = (None, None);
        }
        tracing::info!(base = %row.base, "the snapshot is validated");
        // Branches that leave the chain below the snapshot count from now on.
        self.candidates = Candidates::default();
        self.add_saved_blocks();
        self.activate(None)?;
        self.commit()
    }

    /// The snapshot is false: the chain stops, for good.
    fn refute(&mut self, standing: Standing) -> ChainStateError {
        self.halted = true;
        let row = match self.shared.chain.snapshot() {
            Ok(Some(row)) => SnapshotRow { standing, ..row },
            Ok(None) => return ChainStateError::SavedState { table: "snapshot" },
            Err(error) => return error.into(),
        };
        match self.shared.chain.put_snapshot(&row) {
            Ok(()) => refuted(&row).expect("the standing says so"),
            Err(error) => error.into(),
        }
    }

    fn tell_validation(&self, background: &Background) {
        let mut live = self.shared.write();
        live.validation = Some(Validation {
            base_height: live.tree.height(background.base),
            base: live.tree.hash(background.base),
            height: live.tree.height(background.at),
        });
    }
}

impl Background {
    fn take(&mut self, checked: Checked) {
        let Checked { id, delta, bytes, .. } = checked;
        for outpoint in &delta.spent {
            self.cache.spend(outpoint);
        }
        for (outpoint, coin) in delta.created {
            self.cache.make(outpoint, coin, InStore::Maybe);
        }
        self.at = id;
        self.since_flush.blocks += 1;
        self.since_flush.bytes += bytes;
    }
}

/// The error that says that a snapshot is false, if that was found.
pub(crate) fn refuted(row: &SnapshotRow) -> Option<ChainStateError> {
    let why = match row.standing {
        Standing::Unvalidated | Standing::Validated => return None,
        Standing::CoinsDiffer(got) => Refutation::CoinsDiffer { got, expected: row.coins_hash },
        Standing::BlockInvalid(hash) => Refutation::BlockInvalid { hash },
    };
    Some(ChainStateError::SnapshotRefuted { base: row.base, why })
}
