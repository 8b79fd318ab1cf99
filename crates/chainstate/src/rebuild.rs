//! Making coins and indexes again from the block files, and all stores where that of the headers is lost.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_consensus::{NodeId, TxUndo, Undo};
use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_primitives::{Block, Coin, Height, OutPoint};

use crate::check::Progress;
use crate::config::{ChainStateConfig, Indexing, StoreName};
use crate::error::ChainStateError;
use crate::layout::BlockRow;
use crate::lock::DirLock;
use crate::open::Places;
use crate::salvage;
use crate::state::{ChainState, Tip};

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// The tip, which is where it was.
    pub tip: Tip,
    /// Undo records that could not be read and were made again.
    pub undo_repaired: u64,
    /// Whether headers, positions and the event log were lost and made again too. Events are then numbered from 1 anew.
    pub from_block_files: bool,
}

impl ChainState {
    /// Drops coins and indexes in `config.dir` and makes them again from the block files: the coins, the indexes that
    /// are on in `config`, and on the way the undo records of the best chain that cannot be read. Rules are not
    /// checked again.
    ///
    /// Where the store `chain` (headers, positions, events) is gone or cannot be read, it is made again too: every block
    /// file is searched for blocks, and they are taken in like new ones, with all rules and into an event log that begins
    /// anew. Damaged records are passed over; the tip is then that of the blocks there are.
    ///
    /// Stopped at any instant it leaves a chain that opens as always; started again it goes on where it was.
    ///
    /// # Errors
    /// [`ChainStateError::NothingThere`] without data; [`ChainStateError::RebuildPruned`] if blocks were pruned; [`ChainStateError::RecordDamaged`] and
    /// [`ChainStateError::RecordUndecodable`] with file and offset for a block that cannot be read, as nothing here can
    /// replace it; and as [`open`](Self::open).
    pub fn rebuild(
        spec: Arc<ChainSpec>,
        config: &ChainStateConfig,
        mut progress: impl FnMut(Progress),
    ) -> Result<Rebuilt, ChainStateError> {
        let note = Note::of(&config.dir);
        if !note.is_salvage() && !salvage::has_block_files(&config.dir) {
            config.must_exist()?;
        }
        let lock = DirLock::take(&config.dir)?;
        // Nothing is dropped of what is not this chain's.
        let salvages = note.is_salvage() || !salvage::is_usable(&spec, config)?;
        if salvages {
            salvage::is_of_chain(&spec, &config.dir)?;
        }
        let engine = Some(config.engine_in_use()?);
        note.begin(salvages)?;
        let config = &ChainStateConfig { indexing: Indexing::WithCommits, engine, ..config.clone() };
        let mut chain = Self::assemble(spec, Places::with_lock(config, lock)?, config)?;
        (chain.repairs_undo, chain.salvages) = (true, salvages);
        chain.recover(&mut progress)?;
        chain.flush()?;
        let rebuilt =
            Rebuilt { tip: chain.tip(), undo_repaired: chain.undo_repaired, from_block_files: salvages };
        note.remove()?;
        chain.close()?;
        Ok(rebuilt)
    }

    /// Makes the undo data of a block again if it cannot be read. The coins must stand below the block.
    pub(crate) fn repair_undo(&mut self, id: NodeId, block: &Block) -> Result<(), ChainStateError> {
        if !self.repairs_undo {
            return Ok(());
        }
        let (row, hash, height) =
            self.with_live(|live| (live.row(id), live.tree.hash(id), live.tree.height(id)));
        let row = row.ok_or(ChainStateError::NoData { hash })?;
        let number = row.block.file;
        if row.undo.is_some_and(|at| self.shared.files.read_whole_undo(number, at, hash).is_ok()) {
            return Ok(());
        }
        let undo = self.undo_from_coins(block, height)?;
        let written = self.files.append_undo(row.block.file, hash, &undo);
        let written = self.or_halt(written)?;
        self.add_row(id, BlockRow { undo: Some(written), ..row });
        self.undo_repaired += 1;
        Ok(())
    }

    fn undo_from_coins(&self, block: &Block, height: Height) -> Result<Undo, ChainStateError> {
        let live = self.shared.read();
        let mut own: HashMap<OutPoint, Coin> = HashMap::new();
        let mut undo = Undo::default();
        for tx in &block.transactions {
            let coinbase = tx.is_coinbase();
            if !coinbase {
                let mut coins = Vec::with_capacity(tx.inputs().len());
                for input in tx.inputs() {
                    let outpoint = input.previous;
                    let coin = match own.remove(&outpoint) {
                        Some(coin) => Some(coin),
                        None => self.shared.coin(&live, &outpoint)?,
                    };
                    let missing = || ChainStateError::CoinMissing { hash: block.hash(), outpoint };
                    coins.push(coin.ok_or_else(missing)?);
                }
                undo.txs.push(TxUndo { coins });
            }
            for (vout, output) in tx.outputs().iter().enumerate() {
                let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
                own.insert(outpoint, Coin { output: output.clone(), height, coinbase });
            }
        }
        Ok(undo)
    }
}

/// A file in the directory that says that a rebuild is under way, and how far the dropping is.
#[derive(Debug)]
pub(crate) struct Note {
    dir: PathBuf,
}

/// Name of the note.
const NOTE: &str = "rebuilding";

/// What it says while the old stores are being dropped.
const DROPPING: &[u8] = b"dropping\n";

/// What it says once they are gone: what is there now is new.
const BUILDING: &[u8] = b"building\n";

/// What it says while all stores are dropped, and made again from the block files alone.
const DROPPING_ALL: &[u8] = b"dropping all\n";
const BUILDING_ALL: &[u8] = b"building all\n";

impl Note {
    pub(crate) fn of(dir: &Path) -> Self {
        Note { dir: dir.to_owned() }
    }

    /// Whether a rebuild of all stores was begun and is not through.
    pub(crate) fn is_salvage(&self) -> bool {
        std::fs::read(self.path()).is_ok_and(|text| text == BUILDING_ALL || text == DROPPING_ALL)
    }

    /// Drops the stores of coins and indexes, and with `all` that of the headers, unless an earlier rebuild already did.
    fn begin(&self, all: bool) -> Result<(), ChainStateError> {
        let (dropping, building) = if all { (DROPPING_ALL, BUILDING_ALL) } else { (DROPPING, BUILDING) };
        if std::fs::read(self.path()).is_ok_and(|text| text == building) {
            tracing::info!("going on with a rebuild that was cut short");
            return Ok(());
        }
        self.write(dropping)?;
        let names = [StoreName::Coins, StoreName::Index, StoreName::Chain];
        for name in names.into_iter().take(if all { 3 } else { 2 }) {
            let (store, old) = self.store(name);
            remove_dir(&old)?;
            // Half a store must never stand under its name.
            match failpoint::around("rebuild.set-aside", || std::fs::rename(&store, &old)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(&store, error)),
                _ => remove_dir(&old)?,
            }
        }
        self.write(building)
    }

    /// Takes the note away, and what a rebuild that was cut short had not dropped yet.
    pub(crate) fn remove(&self) -> Result<(), ChainStateError> {
        if !self.stands() {
            return Ok(());
        }
        for name in [StoreName::Coins, StoreName::Index, StoreName::Chain] {
            remove_dir(&self.store(name).1)?;
        }
        failpoint::around("rebuild.note-remove", || std::fs::remove_file(self.path()))
            .map_err(|error| io(&self.path(), error))
    }

    /// Whether a rebuild is under way or was cut short.
    pub(crate) fn stands(&self) -> bool {
        self.path().exists()
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NOTE)
    }

    fn store(&self, name: StoreName) -> (PathBuf, PathBuf) {
        (self.dir.join(name.dir()), self.dir.join(format!("{}.old", name.dir())))
    }

    fn write(&self, text: &[u8]) -> Result<(), ChainStateError> {
        let (path, new) = (self.path(), self.dir.join("rebuilding.new"));
        let write = || {
            let mut file = File::create(&new)?;
            failpoint::write_all("rebuild.note-write", &mut file, text)?;
            failpoint::around("rebuild.note-sync", || file.sync_all())?;
            failpoint::around("rebuild.note-rename", || std::fs::rename(&new, &path))?;
            // A directory can be synced where it can be opened as a file, which is where it is needed.
            let sync = |dir: File| failpoint::around("rebuild.dir-sync", || dir.sync_all());
            File::open(&self.dir).map_or(Ok(()), sync)
        };
        write().map_err(|error| io(&path, error))
    }
}

fn remove_dir(dir: &Path) -> Result<(), ChainStateError> {
    match failpoint::around("rebuild.remove-old", || std::fs::remove_dir_all(dir)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(dir, error)),
        _ => Ok(()),
    }
}

fn io(path: &Path, source: std::io::Error) -> ChainStateError {
    ChainStateError::Io { path: path.to_owned(), source }
}
