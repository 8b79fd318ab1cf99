//! Opening a chain: reading back what was saved, and setting right what a crash left.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Height};
use cairn_store::{Store, StoreOptions};

use crate::background::{SecondCoins, refuted};
use crate::candidates::Candidates;
use crate::chain_db::ChainDb;
use crate::check::Progress;
use crate::coins::{CoinDb, settled};
use crate::config::{ChainStateConfig, Indexing, StoreName};
use crate::convert::Exchange;
use crate::error::{ChainStateError, OtherChain};
use crate::events::EventId;
use crate::flatfile::{Appender, FRAME, Files, MAX_BLOCK_FILE};
use crate::index::{IndexDb, Indexer};
use crate::layout::{BlockRow, DISK_FORM, Identity, PrunedRow, StateRow};
use crate::live::{Assumed, Live, Shared};
use crate::lock::DirLock;
use crate::rebuild::Note;
use crate::scripts::ScriptPool;
use crate::snapshot::{SnapshotRow, Standing};
use crate::state::{ChainState, Pending, SinceFlush};
use crate::storage::{Disk, FileId, Memory, Storage};
use crate::undo_file::CHECKSUM;

/// Name of the directory for the coins of the blocks below a snapshot.
const SECOND_COINS: &str = "coins-background";

/// The places a chain lives in, opened.
#[derive(Debug)]
pub(crate) struct Places {
    /// How to name the whole in a message.
    pub(crate) dir: PathBuf,
    pub(crate) chain: Store,
    pub(crate) coins: Store,
    /// For the coins of the blocks below a snapshot.
    pub(crate) second: SecondCoins,
    pub(crate) index: Store,
    pub(crate) files: Arc<dyn Storage>,
    pub(crate) lock: Option<DirLock>,
    /// Size at which a new block file is begun.
    pub(crate) roll_over: u64,
}

impl Places {
    /// The places in `config.dir`, which nobody else may have open.
    pub(crate) fn on_disk(config: &ChainStateConfig) -> Result<Self, ChainStateError> {
        Self::with_lock(config, DirLock::take(&config.dir)?)
    }

    /// The places in `config.dir`, of which the lock is held.
    pub(crate) fn with_lock(config: &ChainStateConfig, lock: DirLock) -> Result<Self, ChainStateError> {
        let dir = config.dir.clone();
        Exchange::of(&dir).settle()?;
        let engine = config.engine_in_use()?;
        let lock = Some(lock);
        let store = |name: StoreName| {
            let options = StoreOptions { engine, cache_bytes: config.page_cache_bytes(name) };
            Store::open(&dir.join(name.dir()), options)
        };
        let (chain, coins, index) =
            (store(StoreName::Chain)?, store(StoreName::Coins)?, store(StoreName::Index)?);
        let files = Arc::new(Disk::open(&dir.join("blocks"))?);
        let options = StoreOptions { engine, cache_bytes: config.page_cache_bytes(StoreName::Coins) };
        let second = SecondCoins::Dir(dir.join(SECOND_COINS), options);
        sync_dirs(&dir)?;
        Ok(Places { dir, chain, coins, second, index, files, lock, roll_over: config.block_file_bytes })
    }
}

impl ChainState {
    /// Opens the chain in `config.dir`, and begins it with genesis if nothing is there. Sets right what a crash
    /// left: cuts torn ends of block files, takes up whole blocks behind the last commit, redoes coin changes
    /// that were not flushed. Needs no network and asks for no rebuild. Indexes are brought up by a thread of their own
    /// from here on ([`Indexing`]), which dropping the chain ends.
    ///
    /// # Errors
    /// [`ChainStateError::InUse`] while another process has the directory, [`ChainStateError::OtherChain`] if it
    /// holds another chain, [`ChainStateError::OtherEngine`] if its stores have another engine than the one asked for,
    /// [`ChainStateError::DiskForm`] if another version wrote it, and what disk and stores
    /// report.
    pub fn open(spec: Arc<ChainSpec>, config: &ChainStateConfig) -> Result<Self, ChainStateError> {
        let places = Places::on_disk(config)?;
        let note = Note::of(&config.dir);
        if !note.is_salvage() {
            // From here on the coins are not only those of a rebuild.
            note.remove()?;
            return Self::start(spec, places, config);
        }
        let this = Self::start_as(spec, places, config, true)?;
        note.remove()?;
        Ok(this)
    }

    /// A new chain in memory, with all indexes, kept up by the caller's thread, which also checks its scripts. For tests and
    /// simulations; nothing of it outlives the process.
    pub fn in_memory(spec: Arc<ChainSpec>) -> Self {
        let places = Places {
            dir: PathBuf::from("memory"),
            chain: Store::memory(),
            coins: Store::memory(),
            second: SecondCoins::Memory,
            index: Store::memory(),
            files: Arc::new(Memory::default()),
            lock: None,
            roll_over: MAX_BLOCK_FILE,
        };
        let config = ChainStateConfig {
            txindex: true,
            addrindex: true,
            coinstatsindex: true,
            blockfilterindex: true,
            script_threads: 1,
            indexing: Indexing::WithCommits,
            ..ChainStateConfig::new("")
        };
        Self::start(spec, places, &config).expect("empty stores in memory hold nothing that could be wrong")
    }

    pub(crate) fn start(
        spec: Arc<ChainSpec>,
        places: Places,
        config: &ChainStateConfig,
    ) -> Result<Self, ChainStateError> {
        Self::start_as(spec, places, config, false)
    }

    fn start_as(
        spec: Arc<ChainSpec>,
        places: Places,
        config: &ChainStateConfig,
        salvages: bool,
    ) -> Result<Self, ChainStateError> {
        let mut this = Self::assemble(spec, places, config)?;
        this.salvages = salvages;
        this.recover(&mut |_| {})?;
        this.salvages = false;
        if this.indexing == Indexing::Background {
            this.indexer = Indexer::start(&this.shared)?;
        }
        Ok(this)
    }

    /// What was saved, before anything of it is set right.
    pub(crate) fn assemble(
        spec: Arc<ChainSpec>,
        places: Places,
        config: &ChainStateConfig,
    ) -> Result<Self, ChainStateError> {
        let chain = ChainDb::open(places.chain.clone())?;
        let state = identify(&chain, &spec, &places.dir)?;
        if let Some(error) = chain.snapshot()?.as_ref().and_then(refuted) {
            return Err(error);
        }
        let live = load(&chain, &spec, &state)?;
        let files = Files::new(places.files.clone(), spec.network.magic);
        let appender = Appender::new(files.clone(), places.roll_over, ends(&live));
        let index = IndexDb::open(places.index, config.indexes(), config.indexing)?;
        let coins = CoinDb::open(places.coins)?;
        let (saved_headers, genesis) = (live.tree.len(), live.tree.genesis());
        let shared = Arc::new(Shared::new(spec, live, chain, coins, index, files));
        Ok(ChainState {
            candidates: Candidates::default(),
            pending: Pending::default(),
            saved_headers,
            last_event: state.last_event,
            coins_at: genesis,
            since_flush: SinceFlush::default(),
            scripts: ScriptPool::new(config.script_threads)?,
            background: None,
            second: places.second,
            cache_budget: config.coin_cache_bytes(),
            bulk: false,
            halted: false,
            indexing: config.indexing,
            indexer: None,
            prune: config.prune,
            dips: Vec::new(),
            repairs_undo: false,
            salvages: false,
            undo_repaired: 0,
            files: appender,
            shared,
            _lock: places.lock,
        })
    }

    /// From what was saved to a chain that is as far as its blocks allow.
    pub(crate) fn recover(&mut self, watch: Watch<'_>) -> Result<(), ChainStateError> {
        self.settle_load()?;
        let coins = match self.shared.coins.state()? {
            Some(state) => state,
            None if self.with_live(|live| live.assumed.is_some()) => return Err(self.unvalidated()),
            None if self.shared.coins.is_empty()? => {
                let start = settled(self.shared.spec.genesis_hash());
                failpoint::around("coins.begin", || self.shared.coins.set_state(&start))?;
                self.shared.coins.begins_empty();
                start
            }
            None => return Err(ChainStateError::SavedState { table: "coins" }),
        };
        self.redo(coins, watch)?;
        self.finish_pruning()?;
        self.begin_background()?;
        self.shared.index.check(&self.shared)?;
        self.indexes_can_be_built()?;
        self.note_old_dips()?;
        if self.indexing == Indexing::WithCommits {
            self.shared.index.catch_up(&self.shared, watch)?;
        }
        self.add_saved_blocks();
        self.read_tails()?;
        self.store_genesis()?;
        self.bulk = true;
        self.activate(None)?;
        self.bulk = false;
        self.commit()?;
        self.keep_pace()
    }

    /// Counts the saved blocks in: those of the best chain, which were connected once, also where they are not here any
    /// more; then the others in the order they arrived, which is that in which they lie in the files. Below a snapshot
    /// that is not validated none counts.
    pub(crate) fn add_saved_blocks(&mut self) {
        let live = self.shared.read();
        let first = live.assumed.map_or(Height::GENESIS, |assumed| live.tree.height(assumed.base));
        for id in &live.active[first.to_u32() as usize..] {
            self.candidates.add_connected(&live.tree, *id);
        }
        let rows = live.tree.ids().filter_map(|id| Some((live.row(id)?.block, id)));
        let mut arrived: Vec<_> = rows.collect();
        arrived.sort_unstable();
        for (_, id) in arrived {
            self.candidates.add_block(&live.tree, id);
        }
    }

    fn unvalidated(&self) -> ChainStateError {
        self.with_live(|live| match live.assumed {
            Some(assumed) => ChainStateError::SnapshotUnvalidated { base: live.tree.hash(assumed.base) },
            None => ChainStateError::SavedState { table: "coins" },
        })
    }

    /// Genesis is written like any other block, so that a block file begins as everywhere else.
    fn store_genesis(&mut self) -> Result<(), ChainStateError> {
        let genesis = self.with_live(|live| live.tree.genesis());
        if self.with_live(|live| live.row(genesis).is_some() || live.was_pruned(genesis)) {
            return Ok(());
        }
        let written = self.files.append_block(&self.shared.spec.genesis_block());
        let block = self.or_halt(written)?;
        self.add_row(genesis, BlockRow { block, undo: None });
        self.candidates.add_block(&self.shared.read().tree, genesis);
        Ok(())
    }
}

/// Makes the names of the directory and of what lies in it durable: nothing that is synced in it later counts before.
fn sync_dirs(dir: &Path) -> Result<(), ChainStateError> {
    let above = match dir.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => dir,
    };
    for dir in [dir, above] {
        // A directory can be synced where it can be opened as a file, which is where it is needed.
        let Ok(handle) = File::open(dir) else { continue };
        failpoint::around("dir.sync", || handle.sync_all())
            .map_err(|source| ChainStateError::Io { path: dir.to_owned(), source })?;
    }
    Ok(())
}

/// Makes sure that the directory holds this chain, without opening its coins and indexes, and tells how far its blocks
/// were pruned. The lock must be held.
pub(crate) fn identified(
    spec: &ChainSpec,
    config: &ChainStateConfig,
) -> Result<Option<PrunedRow>, ChainStateError> {
    Ok(identified_store(spec, config)?.0.pruned()?)
}

/// As [`identified`], and reads all that is saved of headers, positions and marks.
pub(crate) fn readable(
    spec: &Arc<ChainSpec>,
    config: &ChainStateConfig,
) -> Result<Option<PrunedRow>, ChainStateError> {
    let (chain, state) = identified_store(spec, config)?;
    load(&chain, spec, &state)?;
    Ok(chain.pruned()?)
}

fn identified_store(
    spec: &ChainSpec,
    config: &ChainStateConfig,
) -> Result<(ChainDb, StateRow), ChainStateError> {
    Exchange::of(&config.dir).settle()?;
    let engine = config.engine_in_use()?;
    let [dir, ..] = config.store_dirs();
    let cache_bytes = config.page_cache_bytes(StoreName::Chain);
    let chain = ChainDb::open(Store::open(&dir, StoreOptions { engine, cache_bytes })?)?;
    if chain.identity()?.is_none() {
        return Err(ChainStateError::NothingThere { dir: config.dir.clone() });
    }
    let state = identify(&chain, spec, &config.dir)?;
    match chain.snapshot()? {
        Some(SnapshotRow { base, standing: Standing::Unvalidated, .. }) => {
            return Err(ChainStateError::SnapshotUnvalidated { base });
        }
        snapshot => snapshot.as_ref().and_then(refuted).map_or(Ok(()), Err)?,
    }
    Ok((chain, state))
}

/// Told how far a long piece of work has come.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Progress);

/// Makes sure that the directory holds this chain in this version's form, or begins it.
pub(crate) fn identify(chain: &ChainDb, spec: &ChainSpec, dir: &Path) -> Result<StateRow, ChainStateError> {
    let genesis = spec.genesis_hash();
    let dir = || dir.to_owned();
    match (chain.identity()?, chain.state()?) {
        (None, _) => {
            let state = StateRow { tip: genesis, last_event: EventId::NONE };
            let identity = Identity { form: DISK_FORM, genesis, chain: spec.chain.name.clone() };
            chain.create(&identity, &state)?;
            Ok(state)
        }
        (Some(Identity { form, .. }), _) if form != DISK_FORM => {
            Err(ChainStateError::DiskForm { dir: dir(), got: form, expected: DISK_FORM })
        }
        (Some(found), _) if found.genesis != genesis => {
            Err(ChainStateError::OtherChain(Box::new(OtherChain {
                dir: dir(),
                found: found.chain,
                found_genesis: found.genesis,
                expected: spec.chain.name.clone(),
                expected_genesis: genesis,
            })))
        }
        (Some(_), Some(state)) => Ok(state),
        (Some(_), None) => Err(ChainStateError::SavedState { table: "state" }),
    }
}

/// Headers, positions, marks and the best chain as they were saved.
pub(crate) fn load(
    chain: &ChainDb,
    spec: &Arc<ChainSpec>,
    state: &StateRow,
) -> Result<Live, ChainStateError> {
    let mut live = Live::new(HeaderTree::new(spec.clone()));
    for row in chain.headers.iter() {
        let (index, row) = row?;
        let inserted = live.tree.insert_trusted(row.0);
        let id = inserted.map_err(|source| ChainStateError::SavedHeader { index, source })?;
        if id.index() != index as usize {
            return Err(ChainStateError::SavedState { table: "headers" });
        }
    }
    let ids: Vec<NodeId> = live.tree.ids().collect();
    let id_of =
        |index: u32, table| ids.get(index as usize).copied().ok_or(ChainStateError::SavedState { table });
    live.pruned = chain.pruned()?;
    let kept_from = live.pruned.map_or(0, |pruned| pruned.files);
    for row in chain.blocks.iter() {
        let (index, row) = row?;
        if row.block.file < kept_from {
            continue;
        }
        live.set_row(id_of(index, "blocks")?, row);
    }
    for row in chain.invalid.iter() {
        live.tree.mark_invalid(id_of(row?.0, "invalid")?);
    }
    live.last_event = state.last_event;
    live.active = active_chain(&live.tree, state.tip)?;
    live.note_missing();
    live.assumed = match chain.snapshot()? {
        Some(SnapshotRow { base, coins_hash, standing: Standing::Unvalidated }) => {
            let base = live.tree.get(&base).ok_or(ChainStateError::SavedState { table: "snapshot" })?;
            Some(Assumed { base, coins_hash })
        }
        _ => None,
    };
    Ok(live)
}

fn active_chain(tree: &HeaderTree, tip: BlockHash) -> Result<Vec<NodeId>, ChainStateError> {
    let mut at = tree.get(&tip).ok_or(ChainStateError::SavedState { table: "state" })?;
    let mut chain = vec![at];
    while let Some(parent) = tree.parent(at) {
        chain.push(parent);
        at = parent;
    }
    chain.reverse();
    Ok(chain)
}

/// Where the last saved record of each file ends.
pub(crate) fn ends(live: &Live) -> BTreeMap<FileId, u64> {
    let mut ends = BTreeMap::new();
    let mut reach = |file: FileId, end: u64| {
        let known = ends.entry(file).or_insert(0);
        *known = end.max(*known);
    };
    for row in live.tree.ids().filter_map(|id| live.row(id)) {
        let block = row.block;
        reach(FileId::blocks(block.file), u64::from(block.offset) + FRAME as u64 + u64::from(block.len));
        if let Some(undo) = row.undo {
            let end = u64::from(undo.offset) + (FRAME + CHECKSUM) as u64 + u64::from(undo.len);
            reach(FileId::undo(block.file), end);
        }
    }
    ends
}
