//! An import that works on many blocks at a time, held against blocks submitted one after the other.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use cairn_chainstate::import::{self, ImportFault};
use cairn_chainstate::simulate::SimDisk;
use cairn_chainstate::{ChainReader, ChainState, ChainStateConfig, EventId, SubmitError};
use cairn_primitives::{Block, BlockHash, BlockTime, OutPoint};
use proptest::prelude::*;

use crate::maker::{Maker, NOW, Plan, open_script, shut_script, spec, spend};
use crate::model::Model;

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Script,
    Overpaid,
    SpentTwice,
}

/// A branch: where it begins below the tip, how long it is, what is wrong with which of its blocks.
#[derive(Debug, Clone)]
struct Branch {
    depth: usize,
    length: usize,
    spends: usize,
    bad: Option<(usize, Fault)>,
}

fn branch() -> impl Strategy<Value = Branch> {
    let fault =
        prop_oneof![3 => Just(Fault::Script), 1 => Just(Fault::Overpaid), 1 => Just(Fault::SpentTwice)];
    let bad = prop_oneof![3 => Just(None), 1 => (0_usize..12, fault).prop_map(Some)];
    // Mostly on the tip, where blocks are in flight; now and then a fork, which may win.
    let depth = prop_oneof![4 => Just(0_usize), 1 => 1_usize..6];
    (depth, 1_usize..12, 0_usize..9, bad).prop_map(|(depth, length, spends, bad)| Branch {
        depth,
        length,
        spends,
        bad,
    })
}

struct Tree {
    maker: Maker,
    model: Model,
    blocks: Vec<Block>,
}

impl Tree {
    /// Sixty blocks, and a branch for each of `branches`.
    fn new(branches: &[Branch]) -> Self {
        let (maker, model) = (Maker::new(spec()), Model::new(spec().genesis_block()));
        let mut tree = Tree { maker, model, blocks: Vec::new() };
        let trunk = Branch { depth: 0, length: 60, spends: 0, bad: None };
        for branch in std::iter::once(&trunk).chain(branches) {
            let mut tip = tree.model.below_tip(branch.depth);
            for at in 0..branch.length {
                let fault = branch.bad.filter(|(bad, _)| *bad == at).map_or(Fault::None, |(_, fault)| fault);
                tip = tree.add(tip, branch.spends, fault);
            }
        }
        tree
    }

    /// Whatever is wrong with a block, the model takes it: what it spends is there as far as the block tells.
    fn add(&mut self, parent: BlockHash, spends: usize, fault: Fault) -> BlockHash {
        let next = self.maker.height(parent) + 1;
        let mut plan = Plan::paying(spends as u64);
        let coins = self.model.coins(parent);
        let open = coins.iter().filter(|(_, coin)| coin.output.script_pubkey != shut_script());
        let ripe = open.filter(|(_, coin)| !coin.coinbase || coin.height.to_u32() + 3 <= next);
        let ripe: Vec<_> = ripe.collect();
        // Young ones too: those that blocks just below made.
        for (outpoint, coin) in ripe.iter().rev().take(spends) {
            let value = coin.output.value.to_sat();
            let outputs = vec![(value / 2, open_script(value % 3)), (value - value / 2, open_script(5))];
            plan.txs.push(spend(&[**outpoint], outputs));
        }
        match (fault, ripe.first()) {
            (Fault::Overpaid, _) => plan.overpay = 1,
            (Fault::Script, Some((outpoint, _))) => {
                let shut = spend(&[**outpoint], vec![(1, shut_script())]);
                let own = OutPoint { txid: shut.txid(), vout: 0 };
                plan.txs.extend([shut, spend(&[own], vec![(1, open_script(1))])]);
            }
            (Fault::SpentTwice, Some((outpoint, _))) => {
                for value in [1, 2] {
                    plan.txs.push(spend(&[**outpoint], vec![(value, open_script(1))]));
                }
            }
            (Fault::None | Fault::Script | Fault::SpentTwice, _) => {}
        }
        let block = self.maker.block(parent, &plan);
        let valid = matches!(fault, Fault::None);
        self.model.submit(block.clone(), next, valid);
        self.blocks.push(block.clone());
        block.hash()
    }

    fn write(&self, dir: &Path) -> std::path::PathBuf {
        let path = dir.join("blk.dat");
        let records = self.blocks.iter().flat_map(|block| crate::import::record(&spec(), block));
        std::fs::write(&path, records.collect::<Vec<u8>>()).unwrap();
        path
    }
}

fn config(script_threads: usize, cache_bytes: usize) -> ChainStateConfig {
    ChainStateConfig {
        script_threads,
        cache_bytes,
        txindex: true,
        coinstatsindex: true,
        ..ChainStateConfig::new("")
    }
}

/// All that can be seen of a chain, but which headers are known.
fn seen(reader: &ChainReader, blocks: &[Block]) -> impl PartialEq + std::fmt::Debug + use<> {
    let coins: BTreeMap<_, _> = reader.view().coins().unwrap().into_iter().collect();
    let events: Vec<_> = reader.events(EventId::NONE).map(Result::unwrap).collect();
    let stored: Vec<_> = blocks.iter().map(|block| reader.block_bytes(&block.hash()).unwrap()).collect();
    let undo: Vec<_> = blocks.iter().map(|block| reader.undo(&block.hash()).ok().flatten()).collect();
    let marked = |block: &Block| {
        let view = reader.view();
        view.tree().get(&block.hash()).is_some_and(|id| view.tree().is_marked(id))
    };
    let marks: Vec<_> = blocks.iter().map(marked).collect();
    (reader.tip(), coins, events, stored, undo, (marks, reader.coin_stats().unwrap()))
}

/// Blocks in this order until one is refused: its number, and why.
fn one_by_one(chain: &mut ChainState, blocks: &[Block]) -> Option<(usize, SubmitError)> {
    blocks.iter().enumerate().find_map(|(at, block)| {
        let refused = chain.submit_block(block.clone(), NOW).err()?;
        Some((at, refused))
    })
}

fn compare(tree: &Tree, script_threads: usize, cache_bytes: usize) {
    let mut plain = SimDisk::new().open(spec(), &config(1, cache_bytes)).unwrap();
    let refused = one_by_one(&mut plain, &tree.blocks);
    plain.flush().unwrap();

    let dir = tempfile::tempdir().unwrap();
    let path = tree.write(dir.path());
    let mut piped = SimDisk::new().open(spec(), &config(script_threads, cache_bytes)).unwrap();
    let mut heights = Vec::new();
    let outcome = import::blocks(&mut piped, std::slice::from_ref(&path), NOW, |progress| {
        heights.push(progress.blocks);
        ControlFlow::Continue(())
    });
    match (&refused, &outcome) {
        (None, Ok(summary)) => assert_eq!(summary.blocks, tree.blocks.len() as u64),
        (Some((at, refused)), Err(error)) => {
            let before: usize = tree.blocks[..*at].iter().map(|block| 8 + block.total_size()).sum();
            assert_eq!(error.offset, before as u64, "{error}");
            assert_eq!(error.height, plain.tip().height);
            let ImportFault::Block(fault) = &*error.fault else { panic!("{error}") };
            assert_eq!(format!("{fault:?}"), format!("{refused:?}"));
        }
        other => panic!("{other:?}"),
    }
    in_a_batch(tree, &plain, refused.as_ref().map(|(at, _)| *at), &config(script_threads, cache_bytes));
    let taken = refused.map_or(tree.blocks.len(), |(at, _)| at);
    assert_eq!(heights, (1..=taken as u64).collect::<Vec<_>>());
    assert_eq!(seen(&piped.reader(), &tree.blocks), seen(&plain.reader(), &tree.blocks));
}

/// The blocks up to the first that is refused, and some more, all at once: the chain is that of blocks one by one.
fn in_a_batch(tree: &Tree, plain: &ChainState, refused: Option<usize>, config: &ChainStateConfig) {
    let mut batch = SimDisk::new().open(spec(), config).unwrap();
    let mut outcomes = Vec::new();
    let last = refused.map_or(tree.blocks.len(), |at| at + 1);
    batch.submit_blocks(tree.blocks[..last].to_vec(), NOW, |at, outcome, tip| {
        assert_eq!(at, outcomes.len());
        outcomes.push((outcome.is_ok(), tip.hash));
    });
    batch.flush().unwrap();
    assert_eq!(outcomes.len(), last);
    assert_eq!(outcomes.iter().position(|(ok, _)| !ok), refused);
    assert_eq!(seen(&batch.reader(), &tree.blocks), seen(&plain.reader(), &tree.blocks));
}

/// With more blocks behind one that is refused, each gets the answer it would have got.
#[test]
fn a_batch_goes_on_behind_a_bad_block() {
    let on_tip = |length, bad| Branch { depth: 0, length, spends: 8, bad };
    let tree = Tree::new(&[on_tip(9, Some((3, Fault::Script))), on_tip(30, None)]);
    let mut plain = SimDisk::new().open(spec(), &config(1, 1 << 20)).unwrap();
    // As in a download: headers first.
    let mut batch = SimDisk::new().open(spec(), &config(4, 1 << 20)).unwrap();
    for block in &tree.blocks {
        plain.submit_header(block.header, NOW).unwrap();
        batch.submit_header(block.header, NOW).unwrap();
    }
    let expected: Vec<_> =
        tree.blocks.iter().map(|block| format!("{:?}", plain.submit_block(block.clone(), NOW))).collect();
    let mut got = Vec::new();
    batch.submit_blocks(tree.blocks.clone(), NOW, |_, outcome, _| got.push(format!("{outcome:?}")));
    assert_eq!(got, expected);
    assert_eq!(expected.iter().filter(|outcome| outcome.starts_with("Err")).count(), 6);
    plain.flush().unwrap();
    batch.flush().unwrap();
    assert_eq!(seen(&batch.reader(), &tree.blocks), seen(&plain.reader(), &tree.blocks));
}

/// Blocks that waited for one below them are connected together once it comes.
#[test]
fn blocks_that_waited_fly_too() {
    for bad in [None, Some((20, Fault::Script)), Some((20, Fault::Overpaid))] {
        let tree = Tree::new(&[Branch { depth: 0, length: 40, spends: 8, bad }]);
        let (first, rest) = tree.blocks[60..].split_first().unwrap();
        let run = |threads, reversed: bool| {
            let mut chain = SimDisk::new().open(spec(), &config(threads, 1 << 20)).unwrap();
            assert!(one_by_one(&mut chain, &tree.blocks[..60]).is_none());
            tree.blocks[60..]
                .iter()
                .for_each(|block| assert!(chain.submit_header(block.header, NOW).unwrap()));
            let mut outcomes = Vec::new();
            if reversed {
                rest.iter().for_each(|block| assert!(chain.submit_block(block.clone(), NOW).is_ok()));
                outcomes.push(format!("{:?}", chain.submit_block(first.clone(), NOW).is_ok()));
            } else {
                let _ = one_by_one(&mut chain, &tree.blocks[60..]);
                outcomes.push("true".to_owned());
            }
            chain.flush().unwrap();
            let reader = chain.reader();
            let coins: BTreeMap<_, _> = reader.view().coins().unwrap().into_iter().collect();
            let events: Vec<_> = reader.events(EventId::NONE).map(Result::unwrap).collect();
            (outcomes, reader.tip(), coins, events)
        };
        assert_eq!(run(4, true), run(1, false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn many_at_a_time_end_where_one_by_one_do(
        branches in prop::collection::vec(branch(), 1..8),
        threads in prop_oneof![Just(1_usize), Just(2), Just(4)],
        cache_bytes in prop_oneof![Just(24_000_usize), Just(1 << 20)],
    ) {
        compare(&Tree::new(&branches), threads, cache_bytes);
    }
}

/// A bad script with sound blocks on it, deep in what is in flight.
#[test]
fn a_bad_script_takes_what_is_above_it_along() {
    let on_tip = |length, bad| Branch { depth: 0, length, spends: 8, bad };
    for at in [0, 1, 7] {
        let branches = [on_tip(9, Some((at, Fault::Script))), on_tip(30, None)];
        let tree = Tree::new(&branches);
        compare(&tree, 4, 1 << 20);
    }
}

#[test]
fn an_import_that_is_stopped_drops_what_is_in_flight() {
    let tree = Tree::new(&[Branch { depth: 0, length: 40, spends: 6, bad: None }]);
    let dir = tempfile::tempdir().unwrap();
    let path = tree.write(dir.path());
    let mut chain = SimDisk::new().open(spec(), &config(4, 1 << 20)).unwrap();
    let stop = |progress: import::Progress| match progress.blocks {
        70 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let summary = import::blocks(&mut chain, std::slice::from_ref(&path), NOW, stop).unwrap();
    assert_eq!((summary.blocks, summary.tip.hash, summary.stopped), (70, tree.blocks[69].hash(), true));
    assert_eq!(chain.reader().block(&tree.blocks[70].hash()).unwrap(), None);
    let rest = import::blocks(&mut chain, &[path], NOW, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((rest.blocks, rest.new, rest.tip.hash), (100, 30, tree.blocks[99].hash()));
}

/// Below the assumed-valid block scripts are left out, also of blocks on their way to the chain, and nothing else is.
#[test]
fn assumed_valid_blocks_skip_scripts_and_nothing_else() {
    let run = |fault| {
        let mut tree = Tree::new(&[Branch { depth: 0, length: 3, spends: 6, bad: Some((1, fault)) }]);
        let mut tip = tree.blocks.last().unwrap().hash();
        let known = tree.blocks.len();
        for _ in 0..2 {
            tip = tree.maker.block(tip, &Plan::paying(0)).hash();
        }
        let mut spec = cairn_params::ChainSpec::clone(&spec());
        // One block is worth more than the two weeks of work that must lie above.
        spec.pow.spacing = 14 * 24 * 60 * 60 + 1;
        spec.assume.assumed_valid = Some(tree.blocks[known - 1].hash());
        let mut chain = SimDisk::new().open(std::sync::Arc::new(spec), &config(4, 1 << 20)).unwrap();
        for header in tree.maker.headers_to(tip) {
            chain.submit_header(header, BlockTime::new(u32::MAX)).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let path = tree.write(dir.path());
        let outcome = import::blocks(&mut chain, &[path], NOW, |_| ControlFlow::Continue(()));
        outcome.map(|summary| summary.blocks).map_err(|error| error.fault.code())
    };
    assert_eq!(run(Fault::None), Ok(63));
    assert_eq!(run(Fault::Script), Ok(63));
    assert_eq!(run(Fault::Overpaid), Err("bad-cb-amount"));
    assert_eq!(run(Fault::SpentTwice), Err("bad-txns-inputs-missingorspent"));
}
