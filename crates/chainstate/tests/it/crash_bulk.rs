//! Crashes where commits are far apart, halted chains, and directories left behind by a killed process.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use cairn_chainstate::simulate::{PowerCut, SimDisk, TailDamage};
use cairn_chainstate::{
    ChainState, ChainStateConfig, ChainStateError, Engine, Indexing, SubmitError, import,
};
use cairn_primitives::{Block, Encode, Header};

use crate::compare;
use crate::maker::{Maker, NOW, spec};
use crate::model::Model;

fn chain_of(count: usize) -> (Vec<Block>, Model) {
    let mut maker = Maker::new(spec());
    let blocks = maker.chain(spec().genesis_hash(), count);
    let mut model = Model::new(spec().genesis_block());
    for (block, height) in blocks.iter().zip(1..) {
        model.submit_next(block.clone(), height);
    }
    (blocks, model)
}

fn block_file(dir: &Path, blocks: &[Block]) -> PathBuf {
    let mut bytes = Vec::new();
    for block in blocks {
        bytes.extend(spec().network.magic);
        bytes.extend((block.total_size() as u32).to_le_bytes());
        bytes.extend(block.to_bytes());
    }
    let path = dir.join("blk.dat");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn config() -> ChainStateConfig {
    ChainStateConfig {
        txindex: true,
        coinstatsindex: true,
        blockfilterindex: true,
        script_threads: 1,
        indexing: Indexing::WithCommits,
        ..ChainStateConfig::new("")
    }
}

/// An import under way, and what it has done when it ends or stops.
#[derive(Default)]
struct Seen {
    /// Height of the tip when the last record was through.
    height: u32,
    /// The writes in which something became durable before the end of the file.
    commits: Range<u64>,
}

fn import_some(disk: &SimDisk, headers: &[Header], file: &Path) -> Seen {
    let mut seen = Seen::default();
    let Ok(mut chain) = disk.open(spec(), &config()) else { return seen };
    for header in headers {
        chain.submit_header(*header, NOW).unwrap();
    }
    let reader = chain.reader();
    let (mut written, mut event) = (disk.fuse().written(), reader.last_event());
    let _stopped = import::blocks(&mut chain, &[file.to_owned()], NOW, |progress| {
        seen.height = progress.height.to_u32();
        if reader.last_event() > event {
            seen.commits = written..disk.fuse().written();
        }
        (written, event) = (disk.fuse().written(), reader.last_event());
        ControlFlow::Continue(())
    });
    seen
}

/// An import commits every 500 blocks, in several batches, and flushes at the end. Wherever it stops, what is
/// left is whole, a killed process loses no block, and a second run goes through.
#[test]
fn an_import_may_stop_at_any_write() {
    const BLOCKS: usize = 600;
    let (blocks, model) = chain_of(BLOCKS);
    let dir = tempfile::tempdir().unwrap();
    // So many headers that the block rows of the first commit do not all fit the batch they begin in.
    let headers: Vec<Header> = blocks[..555].iter().map(|block| block.header).collect();
    // Not in the order of the headers, as when blocks come from several peers.
    let mixed: Vec<Block> = blocks.chunks(10).flat_map(|part| part.iter().rev().cloned()).collect();
    let file = block_file(dir.path(), &mixed);
    let disk = SimDisk::new();
    let commits = import_some(&disk, &headers, &file).commits;
    let writes = disk.fuse().written();
    assert!(!commits.is_empty() && writes > 2 * BLOCKS as u64);
    let stops = commits.chain(writes - 25..writes).chain((0..writes).step_by(250));
    let cuts = [0, 1, 2].map(|commits_kept| PowerCut { commits_kept, tails: TailDamage::Cut });
    let both = |(stop, cut)| [(stop, cut), (stop, PowerCut::killed())];
    for (stop, cut) in stops.zip(cuts.into_iter().cycle()).flat_map(both) {
        let disk = SimDisk::new();
        disk.fuse().allow(stop);
        let height = import_some(&disk, &headers, &file).height;
        disk.cut_power(cut);
        let mut chain = disk.open(spec(), &config()).unwrap();
        let found = chain.tip();
        assert_eq!(found.hash, model.at(found.height.to_u32()), "write {stop}, {cut:?}");
        assert_eq!(chain.reader().view().coins().unwrap().len(), found.height.to_u32() as usize);
        compare::events(&chain.reader());
        if cut == PowerCut::killed() {
            assert!(found.height.to_u32() >= height, "write {stop}: {} of {height}", found.height);
        }
        let go_on = |_| ControlFlow::Continue(());
        let summary = import::blocks(&mut chain, std::slice::from_ref(&file), NOW, go_on).unwrap();
        assert_eq!((summary.tip.hash, summary.blocks), (model.tip(), BLOCKS as u64));
    }
}

#[test]
fn after_a_failed_write_nothing_is_taken_until_the_chain_is_opened_again() {
    let (blocks, model) = chain_of(3);
    let disk = SimDisk::new();
    let mut chain = disk.open(spec(), &config()).unwrap();
    chain.submit_block(blocks[0].clone(), NOW).unwrap();
    disk.fuse().allow(3);
    let failed = chain.submit_block(blocks[1].clone(), NOW).unwrap_err();
    assert_eq!(failed.code(), "storage-failed");
    disk.fuse().allow(u64::MAX);
    let halted = chain.submit_block(blocks[2].clone(), NOW);
    assert!(matches!(halted, Err(SubmitError::State(ChainStateError::Halted))));
    assert!(matches!(chain.flush(), Err(ChainStateError::Halted)));
    drop(chain);
    let mut chain = disk.open(spec(), &config()).unwrap();
    assert_eq!(chain.tip().hash, blocks[1].hash(), "the block had reached its file");
    chain.submit_block(blocks[2].clone(), NOW).unwrap();
    compare::same(&chain.reader(), &model);
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What lies in a directory while a process works in it is what the process leaves when it is killed.
fn a_killed_process_leaves_a_chain_that_opens(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| ChainStateConfig {
        engine: Some(engine),
        cache_bytes: 4 << 20,
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        blockfilterindex: true,
        script_threads: 1,
        ..ChainStateConfig::new(dir.path().join(name))
    };
    let mut maker = Maker::new(spec());
    let mut model = Model::new(spec().genesis_block());
    let mut chain = ChainState::open(spec(), &at("live")).unwrap();
    for round in 0..8 {
        for block in maker.chain(model.below_tip(2), 4) {
            chain.submit_block(block.clone(), NOW).unwrap();
            model.submit(block.clone(), maker.height(block.hash()), true);
        }
        if round % 3 == 1 {
            chain.flush().unwrap();
        }
        // Files that change while they are copied are no image of any moment.
        compare::settled(&chain.reader());
        let name = format!("copy{round}");
        copy_dir(&dir.path().join("live"), &dir.path().join(&name));
        let left = ChainState::open(spec(), &at(&name)).unwrap();
        compare::same(&left.reader(), &model);
        assert_eq!(compare::events(&left.reader()), compare::events(&chain.reader()));
    }
}

on_every_engine!(a_killed_process_leaves_a_chain_that_opens,);
