//! Indexes that are built while the chain goes on.

use std::time::Duration;

use cairn_chainstate::simulate::{PowerCut, SimDisk, TailDamage};
use cairn_chainstate::{
    ChainState, ChainStateConfig, ChainStateError, FRESH_EVENTS, IndexKind, SubmitError, drop_index, indexes,
    script_hash,
};
use cairn_primitives::Block;
use cairn_store::StoreError;

use crate::compare;
use crate::maker::{Maker, NOW, open_script, spec};
use crate::model::Model;

fn config(on: bool) -> ChainStateConfig {
    ChainStateConfig {
        txindex: on,
        addrindex: on,
        coinstatsindex: on,
        blockfilterindex: on,
        script_threads: 1,
        ..ChainStateConfig::new("")
    }
}

/// Some blocks with a reorganisation now and then, and the model of them.
struct Source {
    maker: Maker,
    model: Model,
}

impl Source {
    fn new() -> Self {
        Source { maker: Maker::new(spec()), model: Model::new(spec().genesis_block()) }
    }

    fn next(&mut self, round: usize) -> Vec<Block> {
        let parent = self.model.below_tip(if round % 4 == 3 { 3 } else { 0 });
        let blocks = self.maker.chain(parent, 8);
        for block in &blocks {
            self.model.submit(block.clone(), self.maker.height(block.hash()), true);
        }
        blocks
    }
}

#[test]
fn an_index_switched_on_late_is_built_while_the_chain_goes_on() {
    let disk = SimDisk::new();
    let mut source = Source::new();
    let mut chain = disk.open(spec(), &config(false)).unwrap();
    for round in 0..40 {
        for block in source.next(round) {
            chain.submit_block(block, NOW).unwrap();
        }
    }
    drop(chain);
    // Opened and dropped at once, again and again: each time it goes on where it was.
    for round in 40..44 {
        let mut chain = disk.open(spec(), &config(true)).unwrap();
        for block in source.next(round) {
            chain.submit_block(block, NOW).unwrap();
        }
    }
    let mut chain = disk.open(spec(), &config(true)).unwrap();
    for round in 44..48 {
        for block in source.next(round) {
            chain.submit_block(block, NOW).unwrap();
        }
    }
    let reader = chain.reader();
    compare::settled(&reader);
    // From here on the index is near: whoever asks finds each block, without waiting for anything by itself.
    for round in 48..56 {
        for block in source.next(round) {
            let paid = block.transactions[0].txid();
            chain.submit_block(block, NOW).unwrap();
            let best = chain.tip().hash;
            let found = reader.tx(&paid).unwrap();
            assert!(found.is_none_or(|found| reader.block_hash_at(found.height) == Some(found.block)));
            let top = reader.block(&best).unwrap().unwrap().transactions[0].txid();
            assert_eq!(reader.tx(&top).unwrap().unwrap().block, best);
            reader.address_balance(&script_hash(&open_script(0))).unwrap();
        }
    }
    compare::same(&reader, &source.model);
}

/// The index's thread meets a damaged block: the chain goes on, questions say why there is no answer.
#[test]
fn an_index_that_cannot_go_on_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let at = |on| ChainStateConfig { dir: dir.path().to_owned(), cache_bytes: 4 << 20, ..config(on) };
    let mut maker = Maker::new(spec());
    let blocks = maker.chain(spec().genesis_hash(), FRESH_EVENTS as usize + 50);
    let mut chain = ChainState::open(spec(), &at(false)).unwrap();
    for block in &blocks {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    chain.close().unwrap();
    let file = dir.path().join("blocks/blk00000.dat");
    let whole = std::fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    bytes[400] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let mut chain = ChainState::open(spec(), &at(true)).unwrap();
    let reader = chain.reader();
    let stopped = reader.wait_for_index(IndexKind::Address, Duration::from_secs(60)).unwrap_err();
    let ChainStateError::IndexStopped { index: IndexKind::Address, source } = &stopped else {
        panic!("{stopped:?}")
    };
    assert!(matches!(**source, ChainStateError::RecordDamaged { .. }), "{source:?}");
    let status = reader.index_status(IndexKind::Tx).unwrap();
    assert_eq!((status.height.to_u32(), status.behind()), (0, blocks.len() as u64));
    let refused = reader.address_balance(&script_hash(&open_script(0))).unwrap_err();
    assert!(matches!(refused, ChainStateError::IndexStopped { .. }), "{refused:?}");
    // The block comes back, and with the next commit the index goes on.
    std::fs::write(&file, &whole).unwrap();
    chain.submit_block(maker.chain(chain.tip().hash, 1).remove(0), NOW).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while reader.wait_for_index(IndexKind::Address, Duration::from_secs(60)).is_err() {
        assert!(std::time::Instant::now() < deadline, "the index never went on");
        std::thread::yield_now();
    }
    compare::settled(&reader);
    assert_eq!(reader.address_balance(&script_hash(&open_script(0))).unwrap().coins, blocks.len() as u64 + 1);
}

/// Writes of the indexes' thread and of the chain interleave as they like; wherever the machine stops, it opens.
#[test]
fn a_stop_while_indexes_are_built_is_harmless() {
    let cuts =
        [PowerCut::killed(), PowerCut::default(), PowerCut { commits_kept: 1, tails: TailDamage::Zeroed }];
    for stop in (0..240).step_by(3) {
        let disk = SimDisk::with_roll_over(5_000);
        let mut source = Source::new();
        let mut given = Vec::new();
        let mut chain = disk.open(spec(), &config(false)).unwrap();
        for round in 0..6 {
            for block in source.next(round) {
                chain.submit_block(block.clone(), NOW).unwrap();
                given.push(block);
            }
        }
        drop(chain);
        disk.fuse().allow(stop);
        let mut ended = false;
        if let Ok(mut chain) = disk.open(spec(), &config(true)) {
            for round in 6..10 {
                for block in source.next(round) {
                    match chain.submit_block(block.clone(), NOW) {
                        Ok(_) => {}
                        Err(SubmitError::State(
                            ChainStateError::Store(StoreError::Stopped) | ChainStateError::Halted,
                        )) => ended = true,
                        Err(error) => assert!(ended, "{error:?}"),
                    }
                    given.push(block);
                }
            }
        } else {
            (6..10).for_each(|round| given.extend(source.next(round)));
        }
        disk.cut_power(cuts[stop as usize % cuts.len()]);
        let mut chain = disk.open(spec(), &config(true)).unwrap();
        compare::consistent(&chain.reader(), &source.model);
        for block in given {
            chain.submit_block(block, NOW).unwrap();
        }
        compare::same(&chain.reader(), &source.model);
    }
}

#[test]
fn indexes_are_listed_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig { dir: dir.path().to_owned(), cache_bytes: 4 << 20, ..config(true) };
    let mut source = Source::new();
    let mut chain = ChainState::open(spec(), &config).unwrap();
    for round in 0..5 {
        for block in source.next(round) {
            chain.submit_block(block, NOW).unwrap();
        }
    }
    compare::settled(&chain.reader());
    let refused = drop_index(&config, IndexKind::Tx, |_| {}).unwrap_err();
    assert!(matches!(refused, ChainStateError::InUse { .. }));
    let last = chain.reader().last_event();
    chain.close().unwrap();
    let on_disk = |config: &ChainStateConfig| {
        let found = indexes(spec(), config).unwrap();
        assert!(found.iter().all(|state| state.status.last_event == last));
        found.iter().map(|state| state.index).collect::<Vec<_>>()
    };
    assert_eq!(on_disk(&config), IndexKind::ALL);
    let mut told = 0;
    let rows = drop_index(&config, IndexKind::Tx, |rows| told = rows).unwrap();
    // One transaction in each block of the best chain, genesis aside.
    let height = source.maker.height(source.model.tip());
    assert_eq!((rows, told), (height.into(), height.into()));
    assert_eq!(on_disk(&config), [IndexKind::Address, IndexKind::CoinStats, IndexKind::Filter]);
    assert_eq!(drop_index(&config, IndexKind::Tx, |_| {}).unwrap(), 0);
    let chain = ChainState::open(spec(), &config).unwrap();
    compare::same(&chain.reader(), &source.model);
    assert_eq!("coinstats".parse(), Ok(IndexKind::CoinStats));
    assert!("coin".parse::<IndexKind>().is_err());
}
