//! Single situations: what each kind of block does, what restarts keep, what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cairn_chainstate::simulate::SimDisk;
use cairn_chainstate::{
    BranchStatus, ChainState, ChainStateConfig, ChainStateError, Engine, EventId, EventKind, IndexKind,
    Indexing, OtherChain, SubmitError, Submitted, script_hash,
};
use cairn_consensus::{HeaderError, Verdict};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Block, BlockHash, Height, OutPoint};

use crate::compare;
use crate::maker::{Maker, NOW, Plan, open_script, shut_script, spec, spend};
use crate::model::Model;

/// The hash of genesis, which every chain here begins with.
fn genesis() -> BlockHash {
    spec().genesis_hash()
}

fn setup() -> (ChainState, Maker) {
    (ChainState::in_memory(spec()), Maker::new(spec()))
}

fn give(chain: &mut ChainState, blocks: &[Block]) -> Vec<Submitted> {
    blocks.iter().map(|block| chain.submit_block(block.clone(), NOW).unwrap()).collect()
}

fn grow(chain: &mut ChainState, maker: &mut Maker, parent: BlockHash, count: usize) -> Vec<Block> {
    let blocks = maker.chain(parent, count);
    give(chain, &blocks);
    blocks
}

fn hash(blocks: &[Block], at: usize) -> BlockHash {
    blocks[at].hash()
}

fn coinbase(block: &Block) -> OutPoint {
    OutPoint { txid: block.transactions[0].txid(), vout: 0 }
}

#[test]
fn the_chain_grows_forks_and_turns() {
    let (mut chain, mut maker) = setup();
    let main = grow(&mut chain, &mut maker, genesis(), 3);
    assert_eq!(chain.submit_block(main[1].clone(), NOW).unwrap(), Submitted::AlreadyKnown);
    let side = maker.chain(hash(&main, 0), 4);
    assert_eq!(give(&mut chain, &side[..2]), [Submitted::Stored, Submitted::Stored]);
    let turned = chain.submit_block(side[2].clone(), NOW).unwrap();
    let fork = Height::new(1);
    let tip = chain.tip();
    assert_eq!(turned, Submitted::Reorged { tip, fork, disconnected: 2, connected: 3 });
    assert_eq!(tip.hash, hash(&side, 2));
    let grown = chain.submit_block(side[3].clone(), NOW).unwrap();
    assert_eq!(grown, Submitted::Connected { tip: chain.tip(), blocks: 1 });

    let kinds: Vec<_> = compare::events(&chain.reader()).iter().map(|event| event.kind).collect();
    use EventKind::{Connected as On, Disconnected as Off};
    assert_eq!(kinds, [On, On, On, Off, Off, On, On, On, On]);
    let statuses: Vec<_> = chain.reader().tips().iter().map(|tip| (tip.status, tip.length)).collect();
    assert_eq!(statuses, [(BranchStatus::ValidFork, 2), (BranchStatus::Active, 0)]);
}

#[test]
fn a_block_without_a_known_parent_is_refused() {
    let (mut chain, mut maker) = setup();
    let blocks = maker.chain(genesis(), 2);
    let refused = chain.submit_block(blocks[1].clone(), NOW).unwrap_err();
    assert!(
        matches!(refused, SubmitError::Header(HeaderError::UnknownParent { prev }) if prev == hash(&blocks, 0))
    );
    assert_eq!((refused.code(), refused.verdict()), ("prev-blk-not-found", Verdict::Premature));
    assert_eq!(chain.reader().header(&hash(&blocks, 1)), None);
}

#[test]
fn blocks_wait_for_those_below_them() {
    let (mut chain, mut maker) = setup();
    let blocks = maker.chain(genesis(), 4);
    for block in &blocks {
        assert_eq!(chain.submit_header(block.header, NOW), Ok(true));
        assert_eq!(chain.submit_header(block.header, NOW), Ok(false));
    }
    assert_eq!(chain.reader().best_header().hash, hash(&blocks, 3));
    let waiting = [blocks[3].clone(), blocks[1].clone(), blocks[2].clone()];
    assert_eq!(give(&mut chain, &waiting), [Submitted::Stored; 3]);
    assert_eq!(chain.reader().tips()[0].status, BranchStatus::Active);
    assert_eq!(chain.reader().tips()[1].status, BranchStatus::HeadersOnly);
    let all = chain.submit_block(blocks[0].clone(), NOW).unwrap();
    assert_eq!(all, Submitted::Connected { tip: chain.tip(), blocks: 4 });
}

#[test]
fn an_invalid_block_is_marked_and_so_is_all_above_it() {
    let (mut chain, mut maker) = setup();
    let main = grow(&mut chain, &mut maker, genesis(), 3);
    let bad = maker.block(genesis(), &Plan { overpay: 1, ..Plan::paying(0) });
    let above = maker.chain(bad.hash(), 3);
    assert_eq!(chain.submit_block(bad.clone(), NOW).unwrap(), Submitted::Stored, "not looked into yet");
    assert_eq!(give(&mut chain, &above[..2]), [Submitted::Stored; 2]);
    let refused = chain.submit_block(above[2].clone(), NOW).unwrap_err();
    assert!(matches!(&refused, SubmitError::Ancestor { hash, .. } if *hash == bad.hash()), "{refused}");
    assert_eq!((refused.code(), refused.verdict()), ("bad-prevblk", Verdict::Invalid));
    assert_eq!(chain.tip().hash, hash(&main, 2));
    assert_eq!(chain.reader().tips()[1].status, BranchStatus::Invalid);
    assert!(chain.reader().header(&hash(&above, 0)).unwrap().invalid);
    assert_eq!(chain.reader().events(EventId::NONE).count(), 3, "the attempt left no event");
    let again = chain.submit_block(bad, NOW).unwrap_err();
    assert_eq!(again.code(), "duplicate-invalid");
    let child = maker.block(hash(&above, 2), &Plan::paying(0));
    assert_eq!(chain.submit_block(child, NOW).unwrap_err().code(), "bad-prevblk");
}

#[test]
fn the_rule_an_invalid_block_breaks_is_told() {
    let (mut chain, mut maker) = setup();
    let main = grow(&mut chain, &mut maker, genesis(), 4);
    let tip = hash(&main, 3);
    let ripe = coinbase(&main[0]);
    let shut = spend(&[ripe], vec![(1, shut_script())]);
    let opened = spend(&[OutPoint { txid: shut.txid(), vout: 0 }], vec![(1, open_script(0))]);
    let twice = [spend(&[ripe], vec![(1, open_script(0))]), spend(&[ripe], vec![(2, open_script(0))])];
    let young = spend(&[coinbase(&main[3])], vec![(1, open_script(0))]);
    let cases = [
        (Plan { overpay: 1, ..Plan::paying(0) }, "bad-cb-amount"),
        (Plan { txs: vec![shut, opened], ..Plan::paying(0) }, "mandatory-script-verify-flag-failed"),
        (Plan { txs: twice.to_vec(), ..Plan::paying(0) }, "bad-txns-inputs-missingorspent"),
        (Plan { txs: vec![young], ..Plan::paying(0) }, "bad-txns-premature-spend-of-coinbase"),
    ];
    for (plan, code) in cases {
        let refused = chain.submit_block(maker.block(tip, &plan), NOW).unwrap_err();
        let got = refused.code();
        assert!(got.starts_with(code), "{got} for {code}");
        assert_eq!(refused.verdict(), Verdict::Invalid);
        assert_eq!(chain.tip().hash, tip);
    }
    grow(&mut chain, &mut maker, tip, 1);
}

#[test]
fn invalid_marks_survive_a_restart_and_are_taken_back() {
    let disk = SimDisk::new();
    let config =
        ChainStateConfig { script_threads: 1, indexing: Indexing::WithCommits, ..ChainStateConfig::new("") };
    let mut chain = disk.open(spec(), &config).unwrap();
    let mut maker = Maker::new(spec());
    let main = grow(&mut chain, &mut maker, genesis(), 4);
    let side = maker.chain(hash(&main, 0), 2);
    give(&mut chain, &side);
    chain.invalidate(&hash(&main, 1)).unwrap();
    assert_eq!(chain.tip().hash, hash(&side, 1), "less work, but valid");
    drop(chain);
    let mut chain = disk.open(spec(), &config).unwrap();
    assert_eq!(chain.tip().hash, hash(&side, 1));
    assert!(chain.reader().header(&hash(&main, 3)).unwrap().invalid);
    chain.reconsider(&hash(&main, 2)).unwrap();
    assert_eq!(chain.tip().hash, hash(&main, 3));
    drop(chain);
    let mut chain = disk.open(spec(), &config).unwrap();
    assert_eq!(chain.tip().hash, hash(&main, 3));
    let events = compare::events(&chain.reader());
    assert_eq!(events.len(), 4 + (3 + 2) + (2 + 3), "on, off to the side branch, back");

    assert!(matches!(chain.invalidate(&spec().genesis_hash()), Err(ChainStateError::Genesis)));
    let unknown = BlockHash::from_bytes([1; 32]);
    assert!(
        matches!(chain.invalidate(&unknown), Err(ChainStateError::UnknownBlock { hash }) if hash == unknown)
    );
}

#[test]
fn the_tip_stays_when_everything_above_genesis_is_invalidated() {
    let (mut chain, mut maker) = setup();
    let main = grow(&mut chain, &mut maker, genesis(), 3);
    chain.invalidate(&hash(&main, 0)).unwrap();
    assert_eq!(chain.tip().height, Height::GENESIS);
    assert_eq!(chain.reader().view().coins().unwrap(), []);
    chain.reconsider(&hash(&main, 0)).unwrap();
    assert_eq!(chain.tip().hash, hash(&main, 2));
}

#[test]
fn subscribers_hear_what_is_durable() {
    let (mut chain, mut maker) = setup();
    let early = chain.subscribe();
    let main = grow(&mut chain, &mut maker, genesis(), 3);
    let late = chain.reader().subscribe();
    give(&mut chain, &maker.chain(hash(&main, 1), 2));
    let heard: Vec<_> = early.try_iter().collect();
    assert_eq!(heard, compare::events(&chain.reader()));
    assert_eq!(late.try_iter().collect::<Vec<_>>(), heard[3..]);
    let resumed: Vec<_> = chain.reader().events(heard[3].id).map(Result::unwrap).collect();
    assert_eq!(resumed, heard[4..]);
    assert_eq!(chain.reader().events(EventId::new(99)).count(), 0);
}

#[test]
fn an_index_switched_on_late_catches_up() {
    let disk = SimDisk::new();
    let off =
        ChainStateConfig { script_threads: 1, indexing: Indexing::WithCommits, ..ChainStateConfig::new("") };
    let mut chain = disk.open(spec(), &off).unwrap();
    let mut maker = Maker::new(spec());
    let mut model = Model::new(spec().genesis_block());
    let mut blocks = grow(&mut chain, &mut maker, genesis(), 6);
    let side = maker.chain(hash(&blocks, 3), 4);
    give(&mut chain, &side);
    blocks.extend(side);
    for block in &blocks {
        model.submit(block.clone(), maker.height(block.hash()), true);
    }
    let txid = blocks[0].transactions[0].txid();
    let refused = chain.reader().tx(&txid);
    assert!(matches!(refused, Err(ChainStateError::IndexOff { index: IndexKind::Tx })));
    let refused = chain.reader().address_balance(&script_hash(&open_script(0)));
    assert!(matches!(refused, Err(ChainStateError::IndexOff { index: IndexKind::Address })));
    let refused = chain.reader().supply_stats(Height::GENESIS);
    assert!(matches!(refused, Err(ChainStateError::IndexOff { index: IndexKind::CoinStats })));
    drop(chain);
    let tx_only = ChainStateConfig { txindex: true, ..off.clone() };
    let chain = disk.open(spec(), &tx_only).unwrap();
    assert!(chain.reader().tx(&txid).unwrap().is_some());
    drop(chain);
    // Off again while the chain moves on, then all on.
    let mut chain = disk.open(spec(), &off).unwrap();
    let more = maker.chain(model.tip(), 2);
    give(&mut chain, &more);
    for block in more {
        model.submit(block.clone(), maker.height(block.hash()), true);
    }
    drop(chain);
    let all = ChainStateConfig { txindex: true, addrindex: true, coinstatsindex: true, ..off };
    let chain = disk.open(spec(), &all).unwrap();
    for index in [IndexKind::Tx, IndexKind::Address, IndexKind::CoinStats] {
        assert_eq!(chain.reader().index_status(index).unwrap().hash, chain.tip().hash);
    }
    compare::same(&chain.reader(), &model);
}

#[test]
fn history_is_paged_from_the_newest() {
    let (mut chain, mut maker) = setup();
    grow(&mut chain, &mut maker, genesis(), 7);
    let script = script_hash(&open_script(0));
    let heights = |skip, limit| -> Vec<u32> {
        let page = chain.reader().address_history(&script, skip, limit).unwrap();
        assert_eq!(page.total, 7);
        page.entries.iter().map(|entry| entry.height.to_u32()).collect()
    };
    assert_eq!(heights(0, 3), [7, 6, 5]);
    assert_eq!(heights(3, 3), [4, 3, 2]);
    assert_eq!(heights(6, 3), [1]);
    assert_eq!(heights(9, 3), [0; 0]);
}

#[test]
fn headers_tell_where_they_stand() {
    let (mut chain, mut maker) = setup();
    let main = grow(&mut chain, &mut maker, genesis(), 3);
    let side = maker.chain(hash(&main, 0), 1);
    give(&mut chain, &side);
    let reader = chain.reader();
    let info = reader.header(&hash(&main, 1)).unwrap();
    assert_eq!((info.height.to_u32(), info.confirmations, info.next), (2, Some(2), Some(hash(&main, 2))));
    assert!(info.has_block && !info.invalid);
    let tip = reader.header(&hash(&main, 2)).unwrap();
    assert_eq!((tip.confirmations, tip.next), (Some(1), None));
    let off = reader.header(&hash(&side, 0)).unwrap();
    assert_eq!((off.height.to_u32(), off.confirmations, off.next), (2, None, None));
    assert_eq!(reader.block(&hash(&side, 0)).unwrap().unwrap(), side[0]);
    assert_eq!(reader.block(&BlockHash::ZERO).unwrap(), None);
    assert_eq!(reader.block(&spec().genesis_hash()).unwrap().unwrap(), spec().genesis_block());
    assert_eq!(reader.supply().to_sat(), 4 * 50 * 100_000_000);
    assert_eq!(reader.next_block(NOW).height, Height::new(4));
}

/// Scripts are skipped below the assumed-valid block and nowhere else; other rules are never skipped. One block
/// here is worth more than the two weeks of work that must lie above.
#[test]
fn an_assumed_valid_block_skips_scripts_and_nothing_else() {
    let mut maker = Maker::new(spec());
    let mut blocks = maker.chain(genesis(), 4);
    let ripe = coinbase(&blocks[0]);
    let shut = spend(&[ripe], vec![(1, shut_script())]);
    let opened = spend(&[OutPoint { txid: shut.txid(), vout: 0 }], vec![(1, open_script(0))]);
    blocks.push(maker.block(hash(&blocks, 3), &Plan { txs: vec![shut, opened], ..Plan::paying(0) }));
    blocks.extend(maker.chain(hash(&blocks, 4), 2));
    let overpaid = maker.block(hash(&blocks, 3), &Plan { overpay: 1, ..Plan::paying(0) });

    let assuming = |valid: Option<BlockHash>| {
        let mut spec = ChainSpec::clone(&spec());
        spec.pow.spacing = 14 * 24 * 60 * 60 + 1;
        spec.assume.assumed_valid = valid;
        let mut chain = ChainState::in_memory(Arc::new(spec));
        for block in &blocks {
            chain.submit_header(block.header, NOW).unwrap();
        }
        give(&mut chain, &blocks[..4]);
        chain
    };
    let bad = blocks[4].clone();
    for valid in [None, Some(hash(&blocks, 3)), Some(overpaid.hash()), Some(BlockHash::ZERO)] {
        assert!(assuming(valid).submit_block(bad.clone(), NOW).is_err(), "{valid:?}");
    }
    for valid in [Some(hash(&blocks, 4)), Some(hash(&blocks, 6))] {
        let mut chain = assuming(valid);
        chain.submit_block(bad.clone(), NOW).unwrap();
        assert_eq!(chain.tip().hash, bad.hash());
    }
    let mut spec = ChainSpec::clone(&spec());
    spec.assume.assumed_valid = Some(overpaid.hash());
    let mut chain = ChainState::in_memory(Arc::new(spec));
    give(&mut chain, &blocks[..4]);
    assert_eq!(chain.submit_block(overpaid, NOW).unwrap_err().code(), "bad-cb-amount");
}

/// Whoever reads sees a tip with exactly its coins, while the writer reorganises.
#[test]
fn readers_see_one_moment() {
    let (mut chain, mut maker) = setup();
    let mut model = Model::new(spec().genesis_block());
    let mut rounds = Vec::new();
    let mut base = genesis();
    for _ in 0..30 {
        let old = maker.chain(base, 3);
        let new = maker.chain(base, 4);
        base = hash(&new, 1);
        for block in old.iter().chain(&new) {
            model.submit(block.clone(), maker.height(block.hash()), true);
        }
        rounds.push([old, new].concat());
    }
    let reader = chain.reader();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = || {
            let mut height = 0;
            while !done.load(Ordering::SeqCst) {
                let (tip, coins) = {
                    let view = reader.view();
                    (view.tip(), view.coins().unwrap())
                };
                assert!(coins == model.coins(tip.hash).into_iter().collect::<Vec<_>>());
                assert!(tip.height.to_u32() >= height, "the tip never loses work");
                height = tip.height.to_u32();
            }
        };
        scope.spawn(watch);
        scope.spawn(watch);
        for round in &rounds {
            give(&mut chain, round);
        }
        done.store(true, Ordering::SeqCst);
    });
    compare::same(&reader, &model);
}

fn a_directory_is_kept_and_guarded(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig {
        engine: Some(engine),
        cache_bytes: 8 << 20,
        txindex: true,
        addrindex: true,
        ..ChainStateConfig::new(dir.path().join("dev"))
    };
    let mut model = Model::new(spec().genesis_block());
    let mut maker = Maker::new(spec());
    let mut chain = ChainState::open(spec(), &config).unwrap();
    let second = ChainState::open(spec(), &config);
    assert!(matches!(second, Err(ChainStateError::InUse { dir }) if dir == config.dir));
    for round in 0..4 {
        let parent = model.below_tip(2);
        for block in maker.chain(parent, 5) {
            chain.submit_block(block.clone(), NOW).unwrap();
            model.submit(block.clone(), maker.height(block.hash()), true);
        }
        compare::same(&chain.reader(), &model);
        // Closed, or just dropped.
        if round % 2 == 0 {
            chain.close().unwrap();
        } else {
            drop(chain);
        }
        chain = ChainState::open(spec(), &config).unwrap();
        compare::same(&chain.reader(), &model);
    }
    drop(chain);
    let names = |dir: &str| {
        let mut names: Vec<_> = std::fs::read_dir(config.dir.join(dir))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["LOCK", "blocks", "chain", "coins", "index"]);
    assert_eq!(names("blocks"), ["blk00000.dat", "rev00000.dat"]);

    let other = ChainState::open(Arc::new(presets::bitcoin()), &config);
    let Err(ChainStateError::OtherChain(other)) = other else {
        panic!("another chain's directory was opened")
    };
    let OtherChain { found, expected, .. } = &*other;
    assert_eq!((found.as_str(), expected.as_str()), ("regtest", "bitcoin"));
    assert!(other.to_string().contains("holds the chain regtest"));
    ChainState::open(spec(), &config).unwrap();
}

/// Blocks written and not committed are found in their file; a torn end is cut.
fn the_end_of_a_block_file_is_taken_up_or_cut(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let config =
        ChainStateConfig { engine: Some(engine), cache_bytes: 8 << 20, ..ChainStateConfig::new(dir.path()) };
    let mut maker = Maker::new(spec());
    let blocks = maker.chain(genesis(), 6);
    let mut chain = ChainState::open(spec(), &config).unwrap();
    give(&mut chain, &blocks[..2]);
    chain.close().unwrap();
    let file = dir.path().join("blocks/blk00000.dat");
    let mut bytes = std::fs::read(&file).unwrap();
    let committed = bytes.len();
    let mut record = |block: &Block| {
        use cairn_primitives::Encode;
        bytes.extend(spec().network.magic);
        bytes.extend((block.total_size() as u32).to_le_bytes());
        bytes.extend(block.to_bytes());
        bytes.len()
    };
    // A child before its parent, then the parent, then a block of which the last byte is missing.
    record(&blocks[3]);
    let whole = record(&blocks[2]);
    let torn = record(&blocks[4]) - 1;
    for (len, height, kept) in [(committed + 3, 2, committed), (torn, 4, whole)] {
        std::fs::write(&file, &bytes[..len]).unwrap();
        let chain = ChainState::open(spec(), &config).unwrap();
        assert_eq!(chain.tip().height.to_u32(), height);
        assert_eq!(std::fs::metadata(&file).unwrap().len(), kept as u64);
        drop(chain);
    }
}

/// The block files are the truth: whatever else is lost is made again from them.
fn stores_are_rebuilt_from_the_block_files(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig {
        engine: Some(engine),
        cache_bytes: 8 << 20,
        txindex: true,
        addrindex: true,
        ..ChainStateConfig::new(dir.path())
    };
    let mut maker = Maker::new(spec());
    let mut model = Model::new(spec().genesis_block());
    let mut chain = ChainState::open(spec(), &config).unwrap();
    for depth in [0, 2, 3] {
        for block in maker.chain(model.below_tip(depth), 5) {
            chain.submit_block(block.clone(), NOW).unwrap();
            model.submit(block.clone(), maker.height(block.hash()), true);
        }
    }
    let last = chain.reader().last_event();
    chain.close().unwrap();
    for lost in
        [&["coins"][..], &["index"], &["coins", "index"], &["chain", "coins", "index"], &["chain", "coins"]]
    {
        for store in lost {
            std::fs::remove_dir_all(dir.path().join(store)).unwrap();
        }
        let chain = ChainState::open(spec(), &config).unwrap();
        compare::same(&chain.reader(), &model);
        assert!(lost.contains(&"chain") || chain.reader().last_event() == last);
        chain.close().unwrap();
        compare::same(&ChainState::open(spec(), &config).unwrap().reader(), &model);
    }
    // Without the headers nobody knows where the coins stand.
    std::fs::remove_dir_all(dir.path().join("chain")).unwrap();
    let refused = ChainState::open(spec(), &config);
    assert!(matches!(refused, Err(ChainStateError::CoinsDetached { at }) if at == model.tip()));
}

on_every_engine!(
    a_directory_is_kept_and_guarded,
    the_end_of_a_block_file_is_taken_up_or_cut,
    stores_are_rebuilt_from_the_block_files,
);
