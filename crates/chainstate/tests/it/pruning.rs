//! Old blocks go, and nothing else does.

use cairn_chainstate::check::{Depth, check};
use cairn_chainstate::simulate::{PowerCut, SimDisk, TailDamage};
use cairn_chainstate::{
    ChainReader, ChainState, ChainStateConfig, ChainStateError, CoinStats, IndexKind, Indexing, KEEP_BLOCKS,
    Prune, SubmitError, Submitted, script_hash,
};
use cairn_primitives::{Block, BlockHash, Height};
use cairn_store::StoreError;
use proptest::prelude::*;

use crate::compare;
use crate::maker::{Maker, NOW, open_script, spec};

fn config(target_bytes: u64, keep_blocks: u32) -> ChainStateConfig {
    ChainStateConfig {
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        blockfilterindex: true,
        script_threads: 1,
        indexing: Indexing::WithCommits,
        prune: Some(Prune { target_bytes, keep_blocks }),
        ..ChainStateConfig::new("")
    }
}

fn give(chain: &mut ChainState, blocks: &[Block]) {
    for block in blocks {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
}

/// The blocks of the best chain that are here, by height.
fn here(reader: &ChainReader) -> Vec<u32> {
    let tip = reader.tip().height.to_u32();
    let has = |height: &u32| {
        let hash = reader.block_hash_at(Height::new(*height)).unwrap();
        let block = reader.block(&hash).unwrap();
        assert_eq!(block.is_some(), reader.header(&hash).unwrap().has_block);
        assert_eq!(block.is_none(), reader.header(&hash).unwrap().pruned, "height {height}");
        assert!(block.is_none() || *height == 0 || reader.undo(&hash).unwrap().is_some());
        block.is_some()
    };
    (0..=tip).filter(has).collect()
}

fn genesis() -> BlockHash {
    spec().genesis_hash()
}

#[test]
fn files_go_when_all_their_blocks_are_old_enough() {
    // Five blocks of some 250 bytes in each file.
    let disk = SimDisk::with_roll_over(1_300);
    let mut chain = disk.open(spec(), &config(0, 20)).unwrap();
    let mut maker = Maker::new(spec());
    let blocks = maker.chain(genesis(), 60);
    for (block, height) in blocks.iter().zip(1_u32..) {
        chain.submit_block(block.clone(), NOW).unwrap();
        let reader = chain.reader();
        let here = here(&reader);
        let lowest = here[0];
        assert_eq!(here, (lowest..=height).collect::<Vec<_>>(), "no gap");
        assert_eq!(reader.pruned_to().map_or(0, |pruned| pruned.to_u32() + 1), lowest);
        // At the limit a block goes, one above it stays: the indexes keep as far below the tip as the chain does.
        assert!(height < 20 || lowest <= height - 20 + 1, "{lowest} of {height}");
        assert!(
            height < 40 || lowest > height - 30,
            "a file is not kept longer than it must: {lowest} of {height}"
        );
    }
    let reader = chain.reader();
    let old = blocks[0].transactions[0].txid();
    assert!(matches!(reader.tx(&old), Err(ChainStateError::NoData { hash }) if hash == blocks[0].hash()));
    assert_eq!(reader.tx(&blocks[59].transactions[0].txid()).unwrap().unwrap().height.to_u32(), 60);
    assert_eq!(reader.address_history(&script_hash(&open_script(0)), 0, 99).unwrap().total, 60);
    // An old block that comes again changes nothing.
    assert_eq!(chain.submit_block(blocks[0].clone(), NOW).unwrap(), Submitted::AlreadyKnown);
    assert!(!reader.header(&blocks[0].hash()).unwrap().has_block);
}

#[test]
fn files_stay_while_they_are_within_the_target() {
    let disk = SimDisk::with_roll_over(1_300);
    let mut chain = disk.open(spec(), &config(6_000, 10)).unwrap();
    let mut maker = Maker::new(spec());
    give(&mut chain, &maker.chain(genesis(), 15));
    assert_eq!(here(&chain.reader()).len(), 16, "small enough");
    let tip = chain.tip().hash;
    give(&mut chain, &maker.chain(tip, 60));
    let bytes: usize = here(&chain.reader())
        .into_iter()
        .map(|height| {
            let hash = chain.reader().block_hash_at(Height::new(height)).unwrap();
            chain.reader().block_bytes(&hash).unwrap().unwrap().len()
        })
        .sum();
    assert!((3_000..=6_000).contains(&bytes), "{bytes} bytes are kept");
}

/// A reorganisation as deep as what is kept works; one that is deeper is refused with the reason.
#[test]
fn the_kept_blocks_can_be_taken_off() {
    let disk = SimDisk::with_roll_over(20_000);
    let mut chain = disk.open(spec(), &config(0, KEEP_BLOCKS)).unwrap();
    let mut maker = Maker::new(spec());
    let main = maker.chain(genesis(), 700);
    give(&mut chain, &main);
    let pruned = chain.reader().pruned_to().unwrap().to_u32();
    assert!((300..=700 - KEEP_BLOCKS).contains(&pruned), "{pruned}");
    let fork = main[700 - KEEP_BLOCKS as usize - 1].hash();
    let side = maker.chain(fork, KEEP_BLOCKS as usize + 1);
    give(&mut chain, &side);
    assert_eq!(chain.tip().hash, side.last().unwrap().hash());
    assert_eq!(chain.tip().height.to_u32(), 701);
    compare::events(&chain.reader());
    // From a block that is gone: its branch could only be connected with what was pruned.
    let fork = main[usize::try_from(pruned).unwrap() - 2].hash();
    let deep = maker.chain(fork, 705 - pruned as usize);
    let refused = deep.iter().find_map(|block| chain.submit_block(block.clone(), NOW).err()).unwrap();
    assert!(
        matches!(&refused, SubmitError::State(ChainStateError::ForkPruned { fork, height })
            if fork.to_u32() == pruned - 1 && height.to_u32() >= pruned),
        "{refused:?}"
    );
    assert_eq!(chain.tip().hash, side.last().unwrap().hash());
}

#[test]
fn what_would_need_the_blocks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |prune, addrindex| ChainStateConfig {
        dir: dir.path().join("chain"),
        cache_bytes: 4 << 20,
        addrindex,
        prune,
        ..config(0, 0)
    };
    let prune = Some(Prune { target_bytes: 0, keep_blocks: 5 });
    let mut chain = ChainState::open(spec(), &at(prune, false)).unwrap();
    let mut maker = Maker::new(spec());
    give(&mut chain, &maker.chain(genesis(), 30));
    // One file of the usual size: nothing can go.
    assert_eq!(chain.reader().pruned_to(), None);
    chain.close().unwrap();
    let report = check(spec(), &at(prune, false), Depth::Full, |_| {}).unwrap();
    assert_eq!((report.pruned, report.damaged), (None, 0), "{:?}", report.damage);
}

#[test]
fn an_index_that_is_behind_holds_pruning_back_and_one_switched_on_late_is_refused() {
    let disk = SimDisk::with_roll_over(1_300);
    let without = ChainStateConfig { addrindex: false, ..config(0, 5) };
    let mut chain = disk.open(spec(), &without).unwrap();
    let mut maker = Maker::new(spec());
    give(&mut chain, &maker.chain(genesis(), 40));
    let pruned = chain.reader().pruned_to().unwrap();
    let tip = chain.tip();
    chain.close().unwrap();
    let refused = disk.open(spec(), &config(0, 5)).unwrap_err();
    assert!(
        matches!(refused, ChainStateError::IndexNeedsPruned { index: IndexKind::Address, height } if height == pruned),
        "{refused:?}"
    );
    // Off again all is as before; and an index that is off keeps nothing.
    let off = ChainStateConfig { txindex: false, ..without.clone() };
    let mut chain = disk.open(spec(), &off).unwrap();
    assert_eq!(chain.tip(), tip);
    give(&mut chain, &maker.chain(tip.hash, 4));
    chain.close().unwrap();
    // Its blocks are all here still, so it goes on.
    let mut chain = disk.open(spec(), &without).unwrap();
    assert_eq!(chain.reader().index_status(IndexKind::Tx).unwrap().hash, chain.tip().hash);
    let tip = chain.tip().hash;
    give(&mut chain, &maker.chain(tip, 1));
    chain.close().unwrap();
    let mut chain = disk.open(spec(), &off).unwrap();
    let tip = chain.tip().hash;
    give(&mut chain, &maker.chain(tip, 40));
    chain.close().unwrap();
    let refused = disk.open(spec(), &without).unwrap_err();
    assert!(matches!(refused, ChainStateError::IndexNeedsPruned { index: IndexKind::Tx, .. }), "{refused:?}");
}

/// What a random walk does.
#[derive(Debug, Clone)]
enum Step {
    Grow(usize),
    Fork {
        depth: usize,
        more: usize,
    },
    Flush,
    Close,
    /// The machine stops after so many writes while a branch grows, then comes back.
    Stop {
        writes: u64,
        cut: u8,
        grow: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..12).prop_map(Step::Grow),
        2 => (1_usize..9, 1_usize..4).prop_map(|(depth, more)| Step::Fork { depth, more }),
        1 => Just(Step::Flush),
        1 => Just(Step::Close),
        4 => (0_u64..60, 0_u8..4, 1_usize..14).prop_map(|(writes, cut, grow)| Step::Stop { writes, cut, grow }),
    ]
}

const CUTS: [PowerCut; 4] = [
    PowerCut { commits_kept: usize::MAX, tails: TailDamage::None },
    PowerCut { commits_kept: 0, tails: TailDamage::Cut },
    PowerCut { commits_kept: 1, tails: TailDamage::Scrambled },
    PowerCut { commits_kept: 2, tails: TailDamage::Zeroed },
];

/// Blocks that a reorganisation of the walk can take off.
const KEEP: u32 = 10;

/// A chain that prunes beside one that never does.
struct Walk {
    disk: SimDisk,
    config: ChainStateConfig,
    pruned: Option<ChainState>,
    whole: ChainState,
    maker: Maker,
    chain: Vec<Block>,
}

impl Walk {
    fn new(target: u64, roll_over: u64, background: bool) -> Self {
        let disk = SimDisk::with_roll_over(roll_over);
        let indexing = if background { Indexing::Background } else { Indexing::WithCommits };
        let config = ChainStateConfig { cache_bytes: 30_000, indexing, ..config(target, KEEP) };
        let pruned = Some(disk.open(spec(), &config).unwrap());
        let (whole, maker) = (ChainState::in_memory(spec()), Maker::new(spec()));
        let mut walk = Walk { disk, config, pruned, whole, maker, chain: Vec::new() };
        walk.grow(25);
        walk
    }

    fn grow(&mut self, count: usize) {
        let parent = self.chain.last().map_or(genesis(), Block::hash);
        let blocks = self.maker.chain(parent, count);
        self.take(&blocks);
    }

    fn take(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.pruned.as_mut().unwrap().submit_block(block.clone(), NOW).unwrap();
            self.whole.submit_block(block.clone(), NOW).unwrap();
            self.chain.push(block.clone());
        }
    }

    fn fork(&mut self, depth: usize, more: usize) {
        let at = self.chain.len() - depth;
        let blocks = self.maker.chain(self.chain[at - 1].hash(), depth + more);
        self.chain.truncate(at);
        self.take(&blocks);
    }

    fn stop(&mut self, writes: u64, cut: PowerCut, grow: usize) {
        let parent = self.chain.last().map_or(genesis(), Block::hash);
        let blocks = self.maker.chain(parent, grow);
        self.disk.fuse().allow(writes);
        let mut chain = self.pruned.take().unwrap();
        for block in &blocks {
            match chain.submit_block(block.clone(), NOW) {
                Ok(_) => {}
                Err(SubmitError::State(
                    ChainStateError::Store(StoreError::Stopped) | ChainStateError::Halted,
                )) => break,
                Err(error) => panic!("{error:?}"),
            }
        }
        drop(chain);
        self.disk.cut_power(cut);
        self.pruned = Some(self.disk.open(spec(), &self.config).unwrap());
        self.take(&blocks);
    }

    fn restart(&mut self) {
        self.pruned.take().unwrap().close().unwrap();
        self.disk.cut_power(PowerCut::default());
        self.pruned = Some(self.disk.open(spec(), &self.config).unwrap());
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Grow(count) => self.grow(count),
            Step::Fork { depth, more } => self.fork(depth, more),
            Step::Flush => self.pruned.as_mut().unwrap().flush().unwrap(),
            Step::Close => self.restart(),
            Step::Stop { writes, cut, grow } => self.stop(writes, CUTS[usize::from(cut)], grow),
        }
    }

    fn check(&self) {
        let (pruned, whole) = (self.pruned.as_ref().unwrap().reader(), self.whole.reader());
        assert_eq!(pruned.tip(), whole.tip());
        assert_eq!(coins(&pruned), coins(&whole));
        compare::events(&pruned);
        let tip = whole.tip().height;
        for height in (0..=tip.to_u32()).map(Height::new) {
            assert_eq!(pruned.supply_stats(height).unwrap(), whole.supply_stats(height).unwrap());
        }
        for height in (0..=tip.to_u32()).map(Height::new) {
            let hash = whole.block_hash_at(height).unwrap();
            assert_eq!(pruned.filter_header(&hash).unwrap(), whole.filter_header(&hash).unwrap());
        }
        let script = script_hash(&open_script(0));
        assert_eq!(pruned.address_coins(&script).unwrap(), whole.address_coins(&script).unwrap());
        let all = |reader: &ChainReader| reader.address_history(&script, 0, usize::MAX).unwrap();
        assert_eq!(all(&pruned), all(&whole));
        let here = here(&pruned);
        let newest = tip.to_u32().saturating_sub(KEEP - 1)..=tip.to_u32();
        assert!(here.ends_with(&newest.collect::<Vec<_>>()), "the last blocks are here: {here:?} of {tip}");
    }
}

fn coins(reader: &ChainReader) -> CoinStats {
    reader.coin_stats().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_pruned_chain_is_the_same_chain(
        target in 0_u64..8_000,
        roll_over in 300_u64..3_000,
        background: bool,
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let mut walk = Walk::new(target, roll_over, background);
        walk.check();
        for step in &steps {
            walk.step(step);
            walk.check();
        }
    }
}
