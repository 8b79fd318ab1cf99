//! Taking a chain's three stores from one engine to another.
//!
//! The rows are copied into new stores beside the old ones, read back and compared; only then are the directories
//! exchanged. A process killed at any instant leaves a chain that opens: with its old stores up to the note that all
//! copies are whole, with the new ones from then on, as whoever opens the directory next finishes the exchange.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_store::{Engine, Rows, Store, StoreError, StoreOptions};

use crate::config::{ChainStateConfig, StoreName};
use crate::error::ChainStateError;
use crate::lock::DirLock;
use crate::open::identified;
use crate::rebuild::Note;

/// What was converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The engine the stores had.
    pub from: Engine,
    /// The engine they have.
    pub to: Engine,
    /// The rows of each store, by the name of its directory; none where nothing was to be done.
    pub stores: Vec<(&'static str, Rows)>,
}

/// How far a conversion has come in one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvertProgress {
    /// The store, by the name of its directory: `chain`, `coins` or `index`.
    pub store: &'static str,
    /// What is being done with it.
    pub step: ConvertStep,
    /// Rows so far.
    pub done: u64,
    /// Rows in all; 0 while they are being counted.
    pub total: u64,
}

/// The steps for each store, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvertStep {
    /// The rows of the old store are counted and hashed.
    Count,
    /// They are copied.
    Copy,
    /// The new store is read back and compared.
    Verify,
}

/// Gives the stores of the chain in `config.dir` the engine `to`. Nothing is done where they have it already.
///
/// Needs as much free space as the new stores take; the old ones are removed at the end. The block files are not
/// touched. A conversion that is cut short leaves the old stores as they were, or the new ones in their place.
///
/// # Errors
/// [`ChainStateError::NothingThere`] without data, [`ChainStateError::Rebuilding`] when a rebuild was cut short,
/// [`ChainStateError::CopyDiffers`] when what was written is not what is read back,
/// [`NotBuiltIn`](StoreError::NotBuiltIn) when this program lacks the engine; and as
/// [`ChainState::open`](crate::ChainState::open).
pub fn convert(
    spec: &ChainSpec,
    config: &ChainStateConfig,
    to: Engine,
    mut progress: impl FnMut(ConvertProgress),
) -> Result<Converted, ChainStateError> {
    Conversion { spec, config, to, progress: &mut progress, point: &mut |_| Ok(()) }.run()
}

/// As [`convert`], but fails with [`StoreError::Stopped`] at the instant that comes after `instants` others.
pub(crate) fn convert_until(
    spec: &ChainSpec,
    config: &ChainStateConfig,
    to: Engine,
    instants: usize,
) -> Result<Converted, ChainStateError> {
    let mut left = instants;
    let mut point = |_: &'static str| match left.checked_sub(1) {
        Some(fewer) => {
            left = fewer;
            Ok(())
        }
        None => Err(StoreError::Stopped.into()),
    };
    Conversion { spec, config, to, progress: &mut |_| (), point: &mut point }.run()
}

/// Called at each instant at which a conversion may be cut short, with what comes next or is done.
type Point<'a> = &'a mut dyn FnMut(&'static str) -> Result<(), ChainStateError>;

struct Conversion<'a> {
    spec: &'a ChainSpec,
    config: &'a ChainStateConfig,
    to: Engine,
    progress: &'a mut dyn FnMut(ConvertProgress),
    point: Point<'a>,
}

impl Conversion<'_> {
    fn run(&mut self) -> Result<Converted, ChainStateError> {
        let to = self.to;
        if !to.is_built_in() {
            return Err(StoreError::NotBuiltIn { engine: to }.into());
        }
        self.config.must_exist()?;
        let _lock = DirLock::take(&self.config.dir)?;
        identified(self.spec, self.config)?;
        let dir = &self.config.dir;
        if Note::of(dir).stands() {
            return Err(ChainStateError::Rebuilding { dir: dir.clone() });
        }
        let from = self.config.engine_in_use()?;
        if from == to {
            return Ok(Converted { from, to, stores: Vec::new() });
        }
        let exchange = Exchange::of(dir);
        exchange.begin()?;
        let mut stores = Vec::new();
        for name in StoreName::ALL {
            (self.point)("begin store")?;
            // A store that was deleted is made again at the next start.
            if dir.join(name.dir()).is_dir() {
                stores.push((name.dir(), self.copy(name, from, &exchange)?));
            }
        }
        (self.point)("all copied")?;
        exchange.note()?;
        (self.point)("noted")?;
        exchange.finish(self.point)?;
        Ok(Converted { from, to, stores })
    }

    /// Copies one store and reads the copy back.
    fn copy(&mut self, name: StoreName, from: Engine, exchange: &Exchange) -> Result<Rows, ChainStateError> {
        let open = |path: &Path, engine| {
            Store::open(path, StoreOptions { engine, cache_bytes: self.config.page_cache_bytes(name) })
        };
        let new = exchange.new_store(name);
        let old = open(&self.config.dir.join(name.dir()), from)?;
        let mut told = |step, done, total| {
            (self.progress)(ConvertProgress { store: name.dir(), step, done, total });
        };
        let total = old.rows(&mut |done| told(ConvertStep::Count, done, 0))?.count;
        let copy = open(&new, self.to)?;
        let rows = old.copy_to(&copy, &mut |done| told(ConvertStep::Copy, done, total))?;
        drop(copy);
        (self.point)("copied")?;
        let copy = open(&new, self.to)?;
        let copied = copy.rows(&mut |done| told(ConvertStep::Verify, done, total))?;
        if copied == rows { Ok(rows) } else { Err(ChainStateError::CopyDiffers { store: name.dir() }) }
    }
}

/// The exchange of the old stores for new ones.
#[derive(Debug)]
pub(crate) struct Exchange {
    dir: PathBuf,
}

/// The directory in which the new stores are made.
const NEW: &str = "convert.new";

/// The directory into which the old stores go.
const OLD: &str = "convert.old";

/// A file that says that the new stores are whole and take the place of the old ones.
const NOTE: &str = "converting";

impl Exchange {
    pub(crate) fn of(dir: &Path) -> Self {
        Exchange { dir: dir.to_owned() }
    }

    /// Whether the new stores are to take the place of the old ones, and have not all done so.
    pub(crate) fn stands(&self) -> bool {
        self.path(NOTE).exists()
    }

    /// Finishes an exchange that was cut short, and takes away copies that did not become whole. The directory's lock
    /// must be held.
    pub(crate) fn settle(&self) -> Result<(), ChainStateError> {
        if self.stands() {
            tracing::info!("finishing a conversion that was cut short");
            return self.finish(&mut |_| Ok(()));
        }
        remove_dir(&self.path(NEW))?;
        remove_dir(&self.path(OLD))
    }

    fn begin(&self) -> Result<(), ChainStateError> {
        remove_dir(&self.path(NEW))?;
        remove_dir(&self.path(OLD))?;
        let new = self.path(NEW);
        failpoint::around("convert.dir-create", || std::fs::create_dir(&new)).map_err(|error| io(&new, error))
    }

    fn new_store(&self, name: StoreName) -> PathBuf {
        self.path(NEW).join(name.dir())
    }

    /// Says, durably, that all new stores are whole.
    fn note(&self) -> Result<(), ChainStateError> {
        for name in StoreName::ALL {
            sync_dir(&self.new_store(name))?;
        }
        sync_dir(&self.path(NEW))?;
        sync_dir(&self.dir)?;
        let (note, new) = (self.path(NOTE), self.path("converting.new"));
        let write = || {
            let mut file = File::create(&new)?;
            failpoint::write_all("convert.note-write", &mut file, b"the stores in convert.new are whole\n")?;
            failpoint::around("convert.note-sync", || file.sync_all())?;
            failpoint::around("convert.note-rename", || std::fs::rename(&new, &note))
        };
        write().map_err(|error| io(&note, error))?;
        sync_dir(&self.dir)
    }

    /// Puts each new store in the place of the old one. Done again from any place at which it was cut short, it goes
    /// on there: a store that is no longer among the new ones is in its place.
    fn finish(&self, point: Point<'_>) -> Result<(), ChainStateError> {
        let old = self.path(OLD);
        failpoint::around("convert.dir-create", || std::fs::create_dir_all(&old))
            .map_err(|error| io(&old, error))?;
        for name in StoreName::ALL {
            let (from, to) = (self.new_store(name), self.path(name.dir()));
            if from.is_dir() {
                // Absent where the last attempt came this far.
                if to.is_dir() {
                    rename(&to, &old.join(name.dir()))?;
                }
                point("old moved away")?;
                rename(&from, &to)?;
                point("new moved in")?;
            }
        }
        sync_dir(&self.path(NEW))?;
        sync_dir(&self.dir)?;
        point("exchanged")?;
        remove_dir(&self.path(NEW))?;
        let note = self.path(NOTE);
        failpoint::around("convert.note-remove", || std::fs::remove_file(&note))
            .map_err(|error| io(&note, error))?;
        sync_dir(&self.dir)?;
        point("note removed")?;
        remove_dir(&old)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), ChainStateError> {
    failpoint::around("convert.exchange", || std::fs::rename(from, to)).map_err(|error| io(from, error))
}

fn remove_dir(dir: &Path) -> Result<(), ChainStateError> {
    match failpoint::around("convert.remove-old", || std::fs::remove_dir_all(dir)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(dir, error)),
        _ => Ok(()),
    }
}

/// Makes renames in `dir` durable: where a directory can be opened as a file, which is where it is needed.
fn sync_dir(dir: &Path) -> Result<(), ChainStateError> {
    let sync = |open: File| failpoint::around("convert.dir-sync", || open.sync_all());
    File::open(dir).map_or(Ok(()), sync).map_err(|error| io(dir, error))
}

fn io(path: &Path, source: std::io::Error) -> ChainStateError {
    ChainStateError::Io { path: path.to_owned(), source }
}
