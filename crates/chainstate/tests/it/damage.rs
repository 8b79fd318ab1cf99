//! Damage to what is on disk: it is named with file and offset, and set right from copies or from the block files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cairn_chainstate::check::Depth;
use cairn_chainstate::{ChainState, ChainStateError, EventId, Submitted, import};
use cairn_primitives::{Block, Encode};

use crate::check::{Closed, closed};
use crate::compare;
use crate::crash_bulk::copy_dir;
use crate::maker::{NOW, spec};

fn block_file(path: &Path, blocks: &[&Block]) -> PathBuf {
    let mut bytes = Vec::new();
    for block in blocks {
        bytes.extend(spec().network.magic);
        bytes.extend((block.total_size() as u32).to_le_bytes());
        bytes.extend(block.to_bytes());
    }
    std::fs::write(path, bytes).unwrap();
    path.to_owned()
}

fn go_on(_: import::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn is_whole(closed: &Closed) {
    assert_eq!(closed.check(Depth::Full).damaged, 0);
    closed.opens_as_it_was();
}

#[test]
fn a_damaged_block_is_named_on_every_path_and_written_again_when_it_comes() {
    let closed = closed();
    let blocks = closed.model.replay(closed.tip);
    let last = *blocks.last().unwrap();
    let at = std::fs::metadata(closed.file("blk00000.dat")).unwrap().len() - (last.total_size() as u64 + 8);
    closed.flip("blk00000.dat", 3);
    let mut chain = ChainState::open(spec(), &closed.config).unwrap();
    let reader = chain.reader();
    let place = |error: ChainStateError| error.place().map(|(path, offset)| (path.to_owned(), offset));
    let expected = Some((closed.file("blk00000.dat"), at));
    // Nobody has read it yet, so the chain takes it for whole.
    assert_eq!(chain.submit_block(last.clone(), NOW).unwrap(), Submitted::AlreadyKnown);
    assert!(reader.damaged().is_empty());
    assert_eq!(place(reader.block(&closed.tip).unwrap_err()), expected);
    assert_eq!(place(reader.block_bytes(&closed.tip).unwrap_err()), expected);
    assert_eq!(place(chain.invalidate(&closed.tip).unwrap_err()), expected, "a reorganisation reads it");
    let height = chain.tip().height;
    assert_eq!(reader.damaged(), [(height, closed.tip)]);
    chain.reconsider(&closed.tip).unwrap();
    // Another block with the same header does not fit.
    let mut other = last.clone();
    other.transactions.pop();
    assert_eq!(chain.submit_block(other, NOW).unwrap(), Submitted::AlreadyKnown);
    assert_eq!(reader.damaged().len(), 1);
    let last_event = reader.last_event();
    assert_eq!(chain.submit_block(last.clone(), NOW).unwrap(), Submitted::Stored);
    assert!(reader.damaged().is_empty());
    assert_eq!(reader.block(&closed.tip).unwrap().as_ref(), Some(last));
    assert_eq!((reader.last_event(), chain.tip().hash), (last_event, closed.tip), "nothing else happened");
    drop(reader);
    chain.close().unwrap();
    is_whole(&closed);
}

#[test]
fn an_import_writes_damaged_records_again() {
    let closed = closed();
    let blocks = closed.model.replay(closed.tip);
    // In the last record, in one in the middle, and in the frame of the first.
    for from_end in [3, 700] {
        closed.flip("blk00000.dat", from_end);
    }
    let mut bytes = std::fs::read(closed.file("blk00000.dat")).unwrap();
    bytes[5] ^= 1;
    std::fs::write(closed.file("blk00000.dat"), bytes).unwrap();
    let damaged = closed.check(Depth::Full).damaged;
    assert_eq!(damaged, 3);
    let files = [block_file(&closed.config.dir.join("good.dat"), &blocks)];
    let mut chain = ChainState::open(spec(), &closed.config).unwrap();
    let summary = import::blocks(&mut chain, &files, NOW, go_on).unwrap();
    assert_eq!((summary.repaired, summary.new), (3, 0));
    let again = import::blocks(&mut chain, &files, NOW, go_on).unwrap();
    assert_eq!((again.repaired, again.new), (0, 0));
    chain.close().unwrap();
    is_whole(&closed);
}

#[test]
fn a_chain_that_does_not_open_for_a_damaged_block_is_repaired_from_a_file() {
    let closed = closed();
    let blocks = closed.model.replay(closed.tip);
    // Without coins the start has to read all blocks.
    std::fs::remove_dir_all(closed.config.dir.join("coins")).unwrap();
    closed.flip("blk00000.dat", 3);
    let refused = ChainState::open(spec(), &closed.config).unwrap_err();
    assert!(matches!(refused, ChainStateError::RecordDamaged { hash, .. } if hash == closed.tip));
    let files = [block_file(&closed.config.dir.join("good.dat"), &blocks)];
    assert_eq!(ChainState::repair(spec(), &closed.config, &files).unwrap(), 1);
    assert_eq!(ChainState::repair(spec(), &closed.config, &files).unwrap(), 0);
    closed.opens_as_it_was();
    is_whole(&closed);
}

/// Whatever lies in the stores, the block files are enough.
#[test]
fn all_stores_are_made_again_from_the_block_files() {
    type Harm = fn(&Path);
    let harms: [Harm; 4] = [
        |dir| {
            ["chain", "coins", "index"]
                .iter()
                .for_each(|name| std::fs::remove_dir_all(dir.join(name)).unwrap())
        },
        |dir| std::fs::remove_dir_all(dir.join("chain")).unwrap(),
        |dir| ["chain", "coins", "index"].iter().for_each(|name| scramble(&dir.join(name).join("db"))),
        |dir| std::fs::write(dir.join("chain/db"), b"").unwrap(),
    ];
    let closed = closed();
    for (number, harm) in harms.into_iter().enumerate() {
        let mut one = crate::check::closed();
        harm(&one.config.dir);
        let rebuilt = one.rebuild().unwrap();
        assert!(rebuilt.from_block_files, "{number}");
        assert_eq!(rebuilt.tip.hash, one.tip, "{number}");
        assert!(!one.config.dir.join("rebuilding").exists() && !one.config.dir.join("chain.old").exists());
        is_whole(&one);
        let chain = ChainState::open(spec(), &one.config).unwrap();
        let first = chain.reader().events(EventId::NONE).next().unwrap().unwrap();
        assert_eq!((first.id, first.height.to_u32()), (EventId::new(1), 1), "the log begins anew");
        drop(chain);
        one.tip = closed.tip;
        assert!(!one.rebuild().unwrap().from_block_files, "there is nothing to find a second time");
    }
}

fn scramble(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte ^= (at as u32).wrapping_mul(0x9e37_79b1).to_be_bytes()[0] | 1;
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_lies_behind_a_damaged_record_is_found_and_nothing_is_cut() {
    let closed = closed();
    let len = std::fs::metadata(closed.file("blk00000.dat")).unwrap().len();
    let blocks = closed.model.replay(closed.tip);
    std::fs::remove_dir_all(closed.config.dir.join("chain")).unwrap();
    // In a block of the best chain, five below the tip.
    let behind: usize = blocks.iter().rev().take(6).map(|block| block.total_size() + 8).sum();
    closed.flip("blk00000.dat", behind - 100);
    let rebuilt = closed.rebuild().unwrap();
    assert!(rebuilt.from_block_files);
    assert_eq!(std::fs::metadata(closed.file("blk00000.dat")).unwrap().len(), len, "nothing is thrown away");
    // With that block the ones above it are good for something again.
    let mut chain = ChainState::open(spec(), &closed.config).unwrap();
    let missing = blocks[blocks.len() - 6];
    assert!(chain.reader().block(&missing.hash()).unwrap().is_none());
    let height = chain.tip().height;
    for block in blocks.iter().skip(1) {
        chain.submit_block((*block).clone(), NOW).unwrap();
    }
    assert!(chain.tip().height > height);
    compare::same(&chain.reader(), &closed.model);
}

#[test]
fn a_rebuild_of_all_stores_may_stop_anywhere() {
    let closed = closed();
    let copies = tempfile::tempdir().unwrap();
    std::fs::remove_dir_all(closed.config.dir.join("chain")).unwrap();
    let before = copies.path().join("before");
    copy_dir(&closed.config.dir, &before);
    // As the notes stand between two steps.
    for note in ["dropping all\n", "building all\n"] {
        let copy = copies.path().join(note.trim_end());
        copy_dir(&before, &copy);
        std::fs::remove_dir_all(copy.join("coins")).unwrap();
        std::fs::remove_dir_all(copy.join("index")).unwrap();
        std::fs::write(copy.join("rebuilding"), note).unwrap();
        let config = cairn_chainstate::ChainStateConfig { dir: copy.clone(), ..closed.config.clone() };
        let chain = ChainState::open(spec(), &config).unwrap();
        compare::same(&chain.reader(), &closed.model);
        assert!(!copy.join("rebuilding").exists());
    }
}

#[test]
fn block_files_of_another_chain_are_left_alone() {
    let closed = closed();
    std::fs::remove_dir_all(closed.config.dir.join("chain")).unwrap();
    let before = std::fs::read(closed.file("blk00000.dat")).unwrap();
    let other = std::sync::Arc::new(cairn_params::presets::dev());
    let refused = ChainState::rebuild(other, &closed.config, |_| {}).unwrap_err();
    assert!(matches!(refused, ChainStateError::OtherChain(_)), "{refused:?}");
    assert_eq!(std::fs::read(closed.file("blk00000.dat")).unwrap(), before);
    assert!(closed.config.dir.join("coins").exists());
    closed.rebuild().unwrap();
    is_whole(&closed);
}
