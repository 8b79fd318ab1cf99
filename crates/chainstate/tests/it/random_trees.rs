//! Random trees of blocks, held against the model at every step.

use std::collections::BTreeMap;

use cairn_chainstate::simulate::{PowerCut, SimDisk};
use cairn_chainstate::{ChainEvent, ChainState, ChainStateConfig, EventId, EventKind, Indexing, SubmitError};
use cairn_consensus::Verdict;
use cairn_primitives::{Block, BlockHash, Coin, OutPoint, Txid};
use proptest::prelude::*;

use crate::compare;
use crate::maker::{Maker, NOW, Plan, open_script, shut_script, spec, spend};
use crate::model::Model;

#[derive(Debug, Clone, Copy)]
enum Fault {
    Overpaid,
    MissingCoin,
    SpentTwice,
    TooYoung,
    BadScript,
}

#[derive(Debug, Clone)]
enum Step {
    /// Blocks on the tip.
    Grow {
        count: usize,
        spends: u8,
    },
    /// A branch that forks off below the tip, perhaps long enough to win.
    Fork {
        depth: usize,
        length: usize,
        spends: u8,
    },
    /// A branch with a bad block in the middle.
    BadFork {
        depth: usize,
        before: usize,
        fault: Fault,
        after: usize,
    },
    /// A branch whose headers come first and whose blocks come in any order.
    Shuffled {
        depth: usize,
        length: usize,
        seed: u64,
    },
    /// A damaged copy of a block, then the block.
    Damaged {
        depth: usize,
    },
    /// A block whose parent is not known.
    Orphan,
    Close,
    Kill,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Overpaid),
        Just(Fault::MissingCoin),
        Just(Fault::SpentTwice),
        Just(Fault::TooYoung),
        Just(Fault::BadScript),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly short forks; now and then one of up to fifty blocks.
    let depth = || prop_oneof![6 => 1_usize..5, 1 => 20_usize..=50];
    prop_oneof![
        4 => (1_usize..6, 0_u8..4).prop_map(|(count, spends)| Step::Grow { count, spends }),
        4 => (depth(), 0_usize..3, 0_u8..4).prop_map(|(depth, more, spends)| Step::Fork {
            depth,
            length: depth + more,
            spends
        }),
        3 => (depth(), fault(), 0_usize..4).prop_map(|(depth, fault, after)| Step::BadFork {
            depth,
            before: depth / 2,
            fault,
            after: depth - depth / 2 + after,
        }),
        2 => (depth(), 0_usize..3, any::<u64>()).prop_map(|(depth, more, seed)| Step::Shuffled {
            depth,
            length: depth + more,
            seed
        }),
        1 => (0_usize..3).prop_map(|depth| Step::Damaged { depth }),
        1 => Just(Step::Orphan),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
    ]
}

struct Run {
    disk: SimDisk,
    config: ChainStateConfig,
    chain: Option<ChainState>,
    maker: Maker,
    model: Model,
    events: Vec<ChainEvent>,
    /// What a consumer of the events keeps.
    coins: BTreeMap<OutPoint, Coin>,
    last: EventId,
}

impl Run {
    fn new() -> Self {
        // Little memory and short files, so that flushes and new files happen all the time.
        let disk = SimDisk::with_roll_over(6_000);
        let config = ChainStateConfig {
            cache_bytes: 24_000,
            txindex: true,
            addrindex: true,
            coinstatsindex: true,
            blockfilterindex: true,
            script_threads: 1,
            indexing: Indexing::WithCommits,
            ..ChainStateConfig::new("")
        };
        let chain = Some(disk.open(spec(), &config).unwrap());
        let (maker, model) = (Maker::new(spec()), Model::new(spec().genesis_block()));
        let mut run = Run {
            disk,
            config,
            chain,
            maker,
            model,
            events: Vec::new(),
            coins: BTreeMap::new(),
            last: EventId::NONE,
        };
        run.grow(run.model.tip(), 55, 0);
        run
    }

    fn chain(&mut self) -> &mut ChainState {
        self.chain.as_mut().unwrap()
    }

    /// Gives a block to both; what the chain answers must fit what the model knows.
    fn give(&mut self, block: &Block, valid: bool) -> Result<(), SubmitError> {
        let height = self.maker.height(block.hash());
        let result = self.chain().submit_block(block.clone(), NOW);
        self.model.submit(block.clone(), height, valid);
        result.map(|_| ())
    }

    fn make(&mut self, parent: BlockHash, spends: u8) -> Block {
        let mut plan = Plan::paying(spends.into());
        let next = self.maker.height(parent) + 1;
        let coins = self.model.coins(parent);
        let ripe = coins.iter().filter(|(_, coin)| !coin.coinbase || coin.height.to_u32() + 3 <= next);
        for (outpoint, coin) in ripe.take(spends.into()) {
            let value = coin.output.value.to_sat();
            let (first, fee) = (value / 3, value % 7);
            let outputs = vec![(first, open_script(value % 3)), (value - first - fee, open_script(5))];
            let tx = spend(&[*outpoint], outputs);
            // A coin made and spent in the same block.
            if value % 2 == 0 && first > 0 {
                let own = OutPoint { txid: tx.txid(), vout: 0 };
                plan.txs.push(tx);
                plan.txs.push(spend(&[own], vec![(first, open_script(6))]));
            } else {
                plan.txs.push(tx);
            }
            plan.fees += fee;
        }
        self.maker.block(parent, &plan)
    }

    fn grow(&mut self, parent: BlockHash, count: usize, spends: u8) -> BlockHash {
        let mut tip = parent;
        for _ in 0..count {
            let block = self.make(tip, spends);
            tip = block.hash();
            self.give(&block, true).unwrap();
        }
        tip
    }

    fn bad_block(&mut self, parent: BlockHash, fault: Fault) -> Block {
        let coins = self.model.coins(parent);
        let next = self.maker.height(parent) + 1;
        let mut plan = Plan::paying(1);
        let free = coins.iter().find(|(_, coin)| !coin.coinbase || coin.height.to_u32() + 3 <= next);
        let young = coins.iter().find(|(_, coin)| coin.coinbase && coin.height.to_u32() + 3 > next);
        let missing = OutPoint { txid: Txid::from_bytes([9; 32]), vout: 0 };
        match (fault, free, young) {
            (Fault::SpentTwice, Some((outpoint, _)), _) => {
                plan.txs.push(spend(&[*outpoint], vec![(1, open_script(1))]));
                plan.txs.push(spend(&[*outpoint], vec![(2, open_script(1))]));
            }
            (Fault::TooYoung, _, Some((outpoint, _))) => {
                plan.txs.push(spend(&[*outpoint], vec![(1, open_script(1))]));
            }
            (Fault::BadScript, Some((outpoint, _)), _) => {
                let shut = spend(&[*outpoint], vec![(1, shut_script())]);
                let own = OutPoint { txid: shut.txid(), vout: 0 };
                plan.txs.push(shut);
                plan.txs.push(spend(&[own], vec![(1, open_script(1))]));
            }
            (Fault::MissingCoin, _, _) => plan.txs.push(spend(&[missing], vec![(1, open_script(1))])),
            _ => plan.overpay = 1,
        }
        self.maker.block(parent, &plan)
    }

    fn bad_fork(&mut self, depth: usize, before: usize, fault: Fault, after: usize) {
        let fork = self.model.below_tip(depth);
        let good = self.grow(fork, before, 2);
        let bad = self.bad_block(good, fault);
        let mut tip = bad.hash();
        let mut refused = self.give(&bad, false).is_err();
        for _ in 0..after {
            let block = self.maker.block(tip, &Plan::paying(3));
            tip = block.hash();
            match self.give(&block, true) {
                Ok(()) => assert!(!refused, "a block on one known to be invalid was taken"),
                Err(error) => {
                    // The header of a refused block is not kept, so a child of it has no parent.
                    let orphan = refused && error.verdict() == Verdict::Premature;
                    assert!(orphan || error.verdict() == Verdict::Invalid, "{error}");
                    refused = true;
                }
            }
        }
    }

    fn shuffled(&mut self, depth: usize, length: usize, seed: u64) {
        let mut tip = self.model.below_tip(depth);
        let mut blocks = Vec::new();
        for _ in 0..length {
            let block = self.maker.block(tip, &Plan::paying(4));
            tip = block.hash();
            assert_eq!(self.chain().submit_header(block.header, NOW), Ok(true));
            blocks.push(block);
        }
        blocks.sort_by_key(|block| {
            let bytes = block.hash().to_bytes();
            u64::from_le_bytes(bytes[..8].try_into().unwrap()) ^ seed
        });
        for block in &blocks {
            self.give(block, true).unwrap();
        }
    }

    fn damaged(&mut self, depth: usize) {
        let parent = self.model.below_tip(depth);
        let block = self.make(parent, 2);
        let mut copy = block.clone();
        let coinbase = copy.transactions[0].clone();
        copy.transactions.push(coinbase);
        let refused = self.chain().submit_block(copy, NOW).unwrap_err();
        assert_eq!(refused.verdict(), Verdict::Mutated, "{refused}");
        self.give(&block, true).unwrap();
    }

    fn restart(&mut self, close: bool) {
        let chain = self.chain.take().unwrap();
        if close {
            chain.close().unwrap();
            self.disk.cut_power(PowerCut::default());
        } else {
            drop(chain);
            self.disk.cut_power(PowerCut::killed());
        }
        self.chain = Some(self.disk.open(spec(), &self.config).unwrap());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Grow { count, spends } => {
                self.grow(self.model.tip(), count, spends);
            }
            Step::Fork { depth, length, spends } => {
                self.grow(self.model.below_tip(depth), length, spends);
            }
            Step::BadFork { depth, before, fault, after } => self.bad_fork(depth, before, fault, after),
            Step::Shuffled { depth, length, seed } => self.shuffled(depth, length, seed),
            Step::Damaged { depth } => self.damaged(depth),
            Step::Orphan => {
                let parent = self.maker.block(self.model.tip(), &Plan::paying(0));
                let orphan = self.maker.block(parent.hash(), &Plan::paying(0));
                let refused = self.chain().submit_block(orphan, NOW).unwrap_err();
                assert_eq!((refused.code(), refused.verdict()), ("prev-blk-not-found", Verdict::Premature));
            }
            Step::Close => self.restart(true),
            Step::Kill => self.restart(false),
        }
    }

    /// Brings the consumer's own coins up by the events alone.
    fn follow(&mut self) {
        let reader = self.chain().reader();
        for event in reader.events(self.last) {
            let event = event.unwrap();
            let change = reader.change(&event).unwrap();
            if event.kind == EventKind::Connected {
                self.coins.extend(change.created());
                change.spent().for_each(|(outpoint, _)| assert!(self.coins.remove(&outpoint).is_some()));
            } else {
                self.coins.extend(change.spent().map(|(outpoint, coin)| (outpoint, coin.clone())));
                change.created().for_each(|(outpoint, _)| assert!(self.coins.remove(&outpoint).is_some()));
            }
            self.last = event.id;
        }
        assert!(reader.view().coins().unwrap() == self.coins.clone().into_iter().collect::<Vec<_>>());
    }

    fn check(&mut self) {
        let reader = self.chain().reader();
        compare::same(&reader, &self.model);
        self.follow();
        let events = compare::events(&reader);
        assert!(events.starts_with(&self.events), "told events never change");
        self.events = events;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn chain_and_model_agree_at_every_step(steps in prop::collection::vec(step(), 1..14)) {
        let mut run = Run::new();
        run.check();
        for step in steps {
            run.step(step);
            run.check();
        }
    }
}
