//! Looking over the data of a stopped chain, damaging it, and making it again.

use std::path::{Path, PathBuf};

use cairn_chainstate::check::{Depth, Progress, Report, Task, check, stats};
use cairn_chainstate::{ChainState, ChainStateConfig, ChainStateError, Engine, IndexKind, Indexing, Rebuilt};
use cairn_primitives::{Block, BlockHash, OutPoint};
use cairn_store::{Batch, Store, StoreOptions, TableDef};

use crate::compare;
use crate::crash_bulk::copy_dir;
use crate::maker::{Maker, NOW, Plan, open_script, spec, spend};
use crate::model::Model;

fn config(dir: &Path) -> ChainStateConfig {
    ChainStateConfig {
        cache_bytes: 4 << 20,
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        blockfilterindex: true,
        script_threads: 1,
        indexing: Indexing::WithCommits,
        ..ChainStateConfig::new(dir)
    }
}

/// A chain with spends and a branch that lost, closed.
pub(crate) struct Closed {
    _dir: tempfile::TempDir,
    pub(crate) config: ChainStateConfig,
    pub(crate) model: Model,
    pub(crate) tip: BlockHash,
}

pub(crate) fn closed() -> Closed {
    closed_in(None)
}

/// With stores of the engine given, or of the default.
pub(crate) fn closed_in(engine: Option<Engine>) -> Closed {
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig { engine, ..config(&dir.path().join("chain")) };
    let mut chain = ChainState::open(spec(), &config).unwrap();
    let (mut maker, mut model) = (Maker::new(spec()), Model::new(spec().genesis_block()));
    let mut give = |block: Block, maker: &Maker| {
        chain.submit_block(block.clone(), NOW).unwrap();
        model.submit(block.clone(), maker.height(block.hash()), true);
        block
    };
    let first = maker.block(spec().genesis_hash(), &Plan::paying(1));
    let mut coin = OutPoint { txid: first.transactions[0].txid(), vout: 0 };
    let mut tip = give(first, &maker).hash();
    for block in maker.chain(tip, 4) {
        tip = give(block, &maker).hash();
    }
    for block in maker.chain(tip, 2) {
        give(block, &maker);
    }
    for value in (1..=6).rev() {
        let tx = spend(&[coin], vec![(value * 1000, open_script(value)), (5, open_script(0))]);
        coin = OutPoint { txid: tx.txid(), vout: 0 };
        tip = give(maker.block(tip, &Plan { txs: vec![tx], ..Plan::paying(2) }), &maker).hash();
    }
    chain.close().unwrap();
    Closed { _dir: dir, config, model, tip }
}

impl Closed {
    pub(crate) fn check(&self, depth: Depth) -> Report {
        check(spec(), &self.config, depth, |_| {}).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.config.dir.join("blocks").join(name)
    }

    /// Flips a bit at `offset`, counted from the end of the file.
    pub(crate) fn flip(&self, name: &str, from_end: usize) -> u64 {
        let mut bytes = std::fs::read(self.file(name)).unwrap();
        let at = bytes.len() - from_end;
        bytes[at] ^= 4;
        std::fs::write(self.file(name), bytes).unwrap();
        at as u64
    }

    pub(crate) fn rebuild(&self) -> Result<Rebuilt, ChainStateError> {
        ChainState::rebuild(spec(), &self.config, |_| {})
    }

    pub(crate) fn opens_as_it_was(&self) {
        let chain = ChainState::open(spec(), &self.config).unwrap();
        assert_eq!(chain.tip().hash, self.tip);
        compare::same(&chain.reader(), &self.model);
    }
}

fn what_is_whole_is_found_whole_and_left_alone(engine: Engine) {
    let closed = closed_in(Some(engine));
    let mut tasks = Vec::new();
    let full = check(spec(), &closed.config, Depth::Full, |Progress { task, done, total }| {
        assert!(done <= total);
        tasks.push(task);
    });
    let full = full.unwrap();
    assert!(full.damage.is_empty() && full.damaged == 0, "{:?}", full.damage);
    assert_eq!((full.tip.hash, full.coins_at.1, full.headers), (closed.tip, closed.tip, 14));
    assert_eq!((full.blocks, full.undo, full.unsaved_bytes), (14, 13, 0));
    assert_eq!(full.indexes.iter().map(|state| state.index).collect::<Vec<_>>(), IndexKind::ALL);
    assert!(tasks.contains(&Task::Records) && tasks.contains(&Task::Coins));
    let stats = stats(spec(), &closed.config).unwrap();
    assert_eq!(stats.coins, full.coins);
    assert_eq!(stats.supply.unwrap().coins, stats.coins.unwrap());
    assert_eq!(stats.sizes.blocks, std::fs::metadata(closed.file("blk00000.dat")).unwrap().len());
    assert!(stats.sizes.undo > 0 && stats.sizes.coins > 0 && stats.sizes.chain > 0 && stats.sizes.index > 0);
    closed.opens_as_it_was();
}

#[test]
fn a_damaged_block_is_named_and_cannot_be_made_again() {
    let closed = closed();
    closed.flip("blk00000.dat", 3);
    for depth in [Depth::Records, Depth::Full] {
        let report = closed.check(depth);
        assert_eq!(report.damaged, 1);
        let (path, offset) = report.damage[0].place().unwrap();
        assert_eq!(path, closed.file("blk00000.dat"));
        let last = closed.model.replay(closed.tip).last().unwrap().total_size() as u64 + 8;
        assert_eq!(offset, std::fs::metadata(path).unwrap().len() - last);
    }
    assert!(
        matches!(closed.rebuild(), Err(ChainStateError::RecordDamaged { hash, .. }) if hash == closed.tip)
    );
    // With the byte back, what was begun is finished.
    closed.flip("blk00000.dat", 3);
    closed.rebuild().unwrap();
    assert_eq!(closed.check(Depth::Full).damaged, 0);
    closed.opens_as_it_was();
}

#[test]
fn a_frame_that_does_not_fit_is_damage() {
    let closed = closed();
    let mut bytes = std::fs::read(closed.file("blk00000.dat")).unwrap();
    bytes[4] ^= 1;
    std::fs::write(closed.file("blk00000.dat"), bytes).unwrap();
    let report = closed.check(Depth::Records);
    assert!(matches!(report.damage.as_slice(), [ChainStateError::RecordDamaged { offset: 0, .. }]));
}

#[test]
fn damaged_undo_data_is_named_and_made_again() {
    let closed = closed();
    // In the last three records, and in the frame of the first: block 1 spends nothing, so it is 13 bytes long.
    for from_end in [2, 60, 110] {
        closed.flip("rev00000.dat", from_end);
    }
    let len = std::fs::metadata(closed.file("rev00000.dat")).unwrap().len() as usize;
    closed.flip("rev00000.dat", len - 5);
    let report = closed.check(Depth::Full);
    assert!(report.damaged >= 2, "{:?}", report.damage);
    for damage in &report.damage {
        assert_eq!(damage.place().unwrap().0, closed.file("rev00000.dat"));
    }
    let rebuilt = closed.rebuild().unwrap();
    assert_eq!((rebuilt.undo_repaired, rebuilt.tip.hash), (report.damaged, closed.tip));
    assert_eq!(closed.check(Depth::Full).damaged, 0);
    closed.opens_as_it_was();
    // The new data takes the blocks off as the old would have.
    let mut chain = ChainState::open(spec(), &closed.config).unwrap();
    let below = closed.model.below_tip(4);
    let first = closed.model.below_tip(3);
    chain.invalidate(&first).unwrap();
    let found: Vec<_> = chain.reader().view().coins().unwrap();
    let left = closed.model.coins(below);
    // Another branch of the same height may have won.
    if chain.tip().hash == below {
        assert_eq!(found, left.into_iter().collect::<Vec<_>>());
    }
    chain.reconsider(&first).unwrap();
    compare::same(&chain.reader(), &closed.model);
}

/// Changes one row of a store behind the chain's back.
fn drop_first_row(engine: Engine, store: &Path, table: u8, name: &'static str) {
    let store = Store::open(store, StoreOptions { engine, ..StoreOptions::default() }).unwrap();
    let table = store.table(TableDef::<Vec<u8>, Vec<u8>>::new(table, name)).unwrap();
    let (key, _) = table.first().unwrap().unwrap();
    let mut batch = Batch::new();
    batch.delete(&table, &key).unwrap();
    store.commit(batch).unwrap();
    store.sync().unwrap();
}

fn a_lost_coin_and_lost_index_rows_are_found_and_made_again(engine: Engine) {
    let cases: [(&str, u8, &'static str, Option<IndexKind>); 5] = [
        ("coins", 1, "coins", None),
        ("index", 2, "txs", Some(IndexKind::Tx)),
        ("index", 3, "history", Some(IndexKind::Address)),
        ("index", 4, "address-coins", Some(IndexKind::Address)),
        ("index", 5, "coin-stats", Some(IndexKind::CoinStats)),
    ];
    for (store, table, name, index) in cases {
        let closed = closed_in(Some(engine));
        drop_first_row(engine, &closed.config.dir.join(store), table, name);
        if name == "coin-stats" {
            // The row of genesis, which no block makes.
            drop_first_row(engine, &closed.config.dir.join(store), table, name);
        }
        assert_eq!(closed.check(Depth::Records).damaged, 0, "{name}: takes a full check");
        let report = closed.check(Depth::Full);
        match (index, report.damage.as_slice()) {
            (None, [ChainStateError::CoinsDiffer { got, expected }]) => {
                assert_eq!(got.coins + 1, expected.coins);
            }
            (Some(index), [ChainStateError::IndexDiffers { index: found, .. }]) => assert_eq!(index, *found),
            (_, damage) => panic!("{name}: {damage:?}"),
        }
        closed.rebuild().unwrap();
        assert_eq!(closed.check(Depth::Full).damaged, 0, "{name}");
        closed.opens_as_it_was();
    }
}

/// Copies of the directory in the middle of a rebuild open as they are, and can be rebuilt to the end.
fn a_rebuild_may_stop_anywhere(engine: Engine) {
    let closed = closed_in(Some(engine));
    let copies = tempfile::tempdir().unwrap();
    let mut taken = Vec::new();
    ChainState::rebuild(spec(), &closed.config, |progress| {
        if progress.done % 4 == 1 {
            let copy = copies.path().join(taken.len().to_string());
            copy_dir(&closed.config.dir, &copy);
            taken.push(copy);
        }
    })
    .unwrap();
    assert!(taken.len() > 4, "{}", taken.len());
    for (number, copy) in taken.iter().enumerate() {
        let config = config(copy);
        if number % 2 == 0 {
            let rebuilt = ChainState::rebuild(spec(), &config, |_| {}).unwrap();
            assert_eq!(rebuilt.tip.hash, closed.tip);
        }
        let chain = ChainState::open(spec(), &config).unwrap();
        compare::same(&chain.reader(), &closed.model);
        chain.close().unwrap();
        assert_eq!(check(spec(), &config, Depth::Full, |_| {}).unwrap().damaged, 0);
        assert!(!copy.join("rebuilding").exists());
    }
    // Stopped while the old stores were being dropped.
    std::fs::rename(closed.config.dir.join("coins"), closed.config.dir.join("coins.old")).unwrap();
    std::fs::write(closed.config.dir.join("rebuilding"), "dropping\n").unwrap();
    closed.opens_as_it_was();
    assert!(!closed.config.dir.join("coins.old").exists());
}

#[test]
fn a_directory_without_a_chain_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir.path().join("nothing"));
    let nothing = |error| matches!(error, ChainStateError::NothingThere { dir } if dir == config.dir);
    assert!(nothing(check(spec(), &config, Depth::Records, |_| {}).unwrap_err()));
    assert!(nothing(stats(spec(), &config).unwrap_err()));
    assert!(nothing(ChainState::rebuild(spec(), &config, |_| {}).unwrap_err()));
    assert!(!config.dir.exists());
}

on_every_engine!(
    what_is_whole_is_found_whole_and_left_alone,
    a_lost_coin_and_lost_index_rows_are_found_and_made_again,
    a_rebuild_may_stop_anywhere,
);
