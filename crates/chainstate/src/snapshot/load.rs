//! Beginning a chain with a snapshot.
//!
//! The file is read twice: first to see that every coin is well-formed and that the coins have the hash that was asked
//! for, then to write them. So a file that is refused leaves no trace. Before the first coin is written a marker is put
//! into the coin store, which voids its coins until the chain's own store says, in one batch, that the chain stands at the
//! snapshot's block. A crash before that leaves a chain where it was, whose next start empties the coin store and makes
//! the coins of its few blocks again; a crash after it leaves a chain that was loaded.

use std::path::Path;
use std::sync::Arc;

use cairn_consensus::NodeId;
use cairn_params::ChainSpec;
use cairn_primitives::{Height, Sha256d};

use super::error::SnapshotError;
use super::file::Bounds;
use super::read::SnapshotFile;
use super::row::{SnapshotRow, Standing};
use crate::candidates::Candidates;
use crate::coin_cache::CoinCache;
use crate::coins::settled;
use crate::config::ChainStateConfig;
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::layout::{EventRow, PrunedRow, StateRow};
use crate::live::Assumed;
use crate::state::{ChainState, SinceFlush, Tip};

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// The snapshot's block, which is the tip now.
    pub base: Tip,
    /// Coins loaded.
    pub coins: u64,
    /// Their hash.
    pub coins_hash: Sha256d,
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    /// What is done now.
    pub step: LoadStep,
    /// Coins done.
    pub done: u64,
    /// Coins to do.
    pub total: u64,
}

/// A part of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadStep {
    /// Reading and hashing.
    Check,
    /// Writing them to the store.
    Write,
}

/// Coins between two calls of a progress callback, and in one batch of the store.
const TELL_EVERY: u64 = 4_096;

/// Begins the chain in `config.dir`, which no other process may have open, with the snapshot
/// in the file `path`. See [`ChainState::load_snapshot`].
///
/// # Errors
/// As [`ChainState::load_snapshot`] and [`ChainState::open`].
pub fn load(
    spec: Arc<ChainSpec>,
    config: &ChainStateConfig,
    path: &Path,
    coins_hash: Option<Sha256d>,
    progress: impl FnMut(LoadProgress),
) -> Result<Loaded, SnapshotError> {
    let mut chain = ChainState::open(spec, config)?;
    let loaded = chain.load_snapshot(path, coins_hash, progress)?;
    chain.close()?;
    Ok(loaded)
}

impl ChainState {
    /// Begins the chain with the coins in the file `path`: its tip is then the snapshot's block, whose header must be
    /// known. The coins must have the hash that the spec names for that block, or else `coins_hash`.
    ///
    /// From then on the chain grows as always, and the blocks up to the tip that are not here are
    /// [wanted](crate::ChainReader::wanted); as they come they are checked in the background
    /// ([`validate_next`](Self::validate_next)). The `connected` events up to the tip are in the log at once, with nobody
    /// told: subscribe afterwards.
    ///
    /// # Errors
    /// [`SnapshotError::NotBelow`] if the tip is not below the snapshot's block, [`SnapshotError::Begun`] in a chain that
    /// began with a snapshot and has not validated it; [`SnapshotError::UnknownBase`],
    /// [`SnapshotError::InvalidBase`], [`SnapshotError::NotListed`] and [`SnapshotError::CoinsHash`] for the block and the
    /// hash; [`SnapshotError::File`] with an offset for a file that is none of this form and network, damaged or cut
    /// short; [`SnapshotError::Io`] and [`SnapshotError::State`] when the disk refuses. The chain stays as it was, but
    /// after an error of the disk, when it is halted.
    pub fn load_snapshot(
        &mut self,
        path: &Path,
        coins_hash: Option<Sha256d>,
        mut progress: impl FnMut(LoadProgress),
    ) -> Result<Loaded, SnapshotError> {
        self.check_running()?;
        let magic = self.shared.spec.network.magic;
        let file = SnapshotFile::open(path, magic)?;
        let header = file.header;
        let (base, height) = self.snapshot_base(header.base)?;
        let expected = self.expected_hash(header.base, coins_hash)?;
        let bounds = Bounds::new(&self.shared.spec, height);
        let mut tell = Teller { total: header.coins, done: 0, step: LoadStep::Check, tell: &mut progress };
        let got = file.read(&bounds, |_, _| {
            tell.one();
            Ok(())
        })?;
        if got != expected {
            return Err(SnapshotError::CoinsHash { got, expected });
        }
        // Its headers must be durable before the tip is one of them.
        self.flush()?;
        let mut tell = Teller { total: header.coins, done: 0, step: LoadStep::Write, tell: &mut progress };
        let written = self.write_snapshot(path, &bounds, expected, &mut tell);
        // With an error the coin store is void: the next start makes it anew.
        self.halted |= written.is_err();
        written?;
        let row = SnapshotRow { base: header.base, coins_hash: expected, standing: Standing::Unvalidated };
        let begun = self.begin_with(base, row);
        self.or_halt(begun)?;
        Ok(Loaded { base: self.tip(), coins: header.coins, coins_hash: expected })
    }

    /// The header that a snapshot is of, in a chain that can begin with it.
    fn snapshot_base(&self, hash: cairn_primitives::BlockHash) -> Result<(NodeId, Height), SnapshotError> {
        let live = self.shared.read();
        if live.assumed.is_some() {
            return Err(SnapshotError::Begun);
        }
        if let Some(PrunedRow { height, .. }) = live.pruned {
            return Err(ChainStateError::RebuildPruned { height }.into());
        }
        let base = live.tree.get(&hash).ok_or(SnapshotError::UnknownBase { hash })?;
        if live.tree.is_invalid(base) {
            return Err(SnapshotError::InvalidBase { hash });
        }
        let (tip, height) = (live.tip(), live.tree.height(base));
        if tip == base || live.tree.ancestor(base, live.tree.height(tip)) != Some(tip) {
            return Err(SnapshotError::NotBelow { height: live.tree.height(tip), base: height });
        }
        Ok((base, height))
    }

    fn expected_hash(
        &self,
        base: cairn_primitives::BlockHash,
        given: Option<Sha256d>,
    ) -> Result<Sha256d, SnapshotError> {
        let known = self.shared.spec.assume.snapshots.iter().find(|known| known.hash == base);
        match (known.map(|known| known.coins_hash), given) {
            (Some(expected), Some(got)) if got != expected => Err(SnapshotError::CoinsHash { got, expected }),
            (Some(expected), _) | (None, Some(expected)) => Ok(expected),
            (None, None) => Err(SnapshotError::NotListed { hash: base }),
        }
    }

    fn write_snapshot(
        &self,
        path: &Path,
        bounds: &Bounds,
        expected: Sha256d,
        tell: &mut Teller<'_>,
    ) -> Result<(), SnapshotError> {
        let file = SnapshotFile::open(path, self.shared.spec.network.magic)?;
        let base = file.header.base;
        let mut loading = self.shared.coins.begin_load()?;
        let got = file.read(bounds, |outpoint, coin| {
            tell.one();
            Ok(loading.put(outpoint, coin)?)
        })?;
        // The file is another one than it was a moment ago.
        if got != expected {
            return Err(SnapshotError::CoinsHash { got, expected });
        }
        Ok(loading.finish(&settled(base))?)
    }

    /// The chain stands at `base` from here on: events and tip on disk first, then in memory.
    fn begin_with(&mut self, base: NodeId, row: SnapshotRow) -> Result<(), ChainStateError> {
        let shared = self.shared.clone();
        let mut writer = shared.chain.writer();
        let mut last = self.last_event;
        let path = {
            let live = shared.read();
            let mut path: Vec<_> = std::iter::successors(Some(base), |id| live.tree.parent(*id)).collect();
            path.reverse();
            for id in path.iter().skip(live.active.len()) {
                last = last.next();
                let (height, hash) = (live.tree.height(*id), live.tree.hash(*id));
                let event = EventRow { kind: EventKind::Connected, height, hash };
                shared.chain.put_event(&mut writer, last, &event)?;
            }
            path
        };
        shared.chain.begin_with(writer, &row, &StateRow { tip: row.base, last_event: last })?;
        shared.coins.end_load()?;
        {
            let mut live = shared.write();
            live.active = path;
            live.cache = CoinCache::default();
            live.last_event = last;
            live.assumed = Some(Assumed { base, coins_hash: row.coins_hash });
            live.note_missing();
        }
        (self.last_event, self.coins_at) = (last, base);
        self.since_flush = SinceFlush::default();
        self.candidates = Candidates::default();
        self.add_saved_blocks();
        self.begin_background()?;
        self.activate(None)?;
        self.commit()?;
        self.keep_pace()
    }

    /// What a load that was cut short left in the coin store: it counts if the chain stands on it, and else it goes.
    pub(crate) fn settle_load(&self) -> Result<(), ChainStateError> {
        let coins = &self.shared.coins;
        if !coins.is_loading()? {
            return Ok(());
        }
        let base = self.shared.chain.snapshot()?.map(|row| row.base);
        if base.is_some() && base == coins.state()?.map(|state| state.at) {
            return Ok(coins.end_load()?);
        }
        tracing::info!("a snapshot was not loaded to its end: emptying the coin store");
        Ok(coins.clear()?)
    }
}

/// Tells how far a load has come, now and then.
struct Teller<'a> {
    step: LoadStep,
    done: u64,
    total: u64,
    tell: &'a mut dyn FnMut(LoadProgress),
}

impl Teller<'_> {
    fn one(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(TELL_EVERY) || self.done == self.total {
            let Teller { step, done, total, .. } = *self;
            (self.tell)(LoadProgress { step, done, total });
        }
    }
}
