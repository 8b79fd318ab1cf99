//! Scripts are left out deep below the assumed-valid block and nowhere else.

use std::sync::Arc;

use cairn_consensus::{BlockError, Connection, HeaderTree, NodeId, check_block, connect};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, Coin, Header, OutPoint, Script, Work, op};
use cairn_testkit::{Forge, Spend};

use crate::support::{LATE, child, easy, extend, mined, sat};

/// Two weeks of ten-minute blocks.
const TWO_WEEKS: usize = 2_016;

/// A chain of three blocks, the third with a script that fails, and `above` headers on top of it.
struct Chain {
    spec: ChainSpec,
    block: Block,
    coins: std::collections::HashMap<OutPoint, Coin>,
    tree: HeaderTree,
    id: NodeId,
}

impl Chain {
    fn new(above: usize) -> Self {
        let spec = easy();
        let mut forge = Forge::new(Arc::new(spec.clone()));
        let locked = Script::from_bytes(vec![op::OP_0]);
        let tip = forge.extend(forge.genesis(), 2, &locked);
        let (outpoint, coin) = forge.spendable(tip, &locked).remove(0);
        let value = coin.output.value;
        let spend = Spend::new().from(outpoint, coin).to(value, locked).unsigned();
        let block = forge.draft(tip).add(spend, sat(0)).seal();
        assert!(matches!(forge.accept(block.clone()), Err(BlockError::Script { .. })));
        let mut tree = forge.tree().clone();
        let id = tree.get(&block.hash()).unwrap();
        extend(&mut tree, id, above);
        Self { spec, block, coins: forge.coins(tip).clone(), tree, id }
    }

    /// The hash `blocks` above the block.
    fn above(&self, blocks: u32) -> BlockHash {
        let at = self.tree.height(self.id).checked_add(blocks).unwrap();
        self.tree.hash(self.tree.ancestor(self.tree.best_header(), at).unwrap())
    }

    /// Connects the block under what is assumed, with `more` headers in the tree.
    fn connect(&self, assumed: BlockHash, min_work: Work, more: &[Header]) -> Connection {
        let mut spec = self.spec.clone();
        spec.assume.assumed_valid = Some(assumed);
        spec.assume.min_chain_work = min_work;
        let mut tree = HeaderTree::new(Arc::new(spec.clone()));
        for id in self.tree.ids().skip(1) {
            tree.insert_trusted(*self.tree.header(id)).unwrap();
        }
        for header in more {
            tree.insert(*header, LATE).unwrap();
        }
        let block = check_block(self.block.clone(), &spec).unwrap();
        connect(&tree, self.id, Arc::new(block), &self.coins).unwrap()
    }

    fn skips(&self, assumed: BlockHash, min_work: Work, more: &[Header]) -> bool {
        let connection = self.connect(assumed, min_work, more);
        let skips = connection.scripts_assumed_valid();
        assert_eq!(connection.scripts().is_empty(), skips);
        assert_eq!(connection.scripts().run_all().is_ok(), skips, "the script fails if it is run");
        skips
    }
}

#[test]
fn two_weeks_of_work_must_lie_above() {
    // Each block's work is worth one spacing: 2,016 of them make two weeks, which is not yet more.
    for (above, skips) in [(TWO_WEEKS, false), (TWO_WEEKS + 1, true)] {
        let chain = Chain::new(above);
        assert_eq!(chain.skips(chain.block.hash(), Work::ZERO, &[]), skips, "{above} headers above");
    }
}

#[test]
fn the_block_lies_on_the_assumed_chain() {
    let chain = Chain::new(TWO_WEEKS + 1);
    for blocks in [0, 1, 100, 2_017] {
        assert!(chain.skips(chain.above(blocks), Work::ZERO, &[]), "{blocks} blocks above");
    }
    let parent = chain.block.header.prev;
    assert!(!chain.skips(parent, Work::ZERO, &[]), "the block is above the assumed one");
    assert!(!chain.skips(BlockHash::ZERO, Work::ZERO, &[]), "the assumed block is not known");

    // An assumed block on another branch says nothing about this one.
    let rival = mined(child(&chain.tree, chain.tree.get(&parent).unwrap()));
    assert!(!chain.skips(rival.hash(), Work::ZERO, &[rival]));
    let rival_above = mined(child(&chain.tree, chain.id));
    assert!(chain.skips(chain.above(1), Work::ZERO, &[rival_above]));
}

#[test]
fn the_best_header_has_the_work_the_chain_is_known_to_have() {
    let chain = Chain::new(TWO_WEEKS + 1);
    let work = chain.tree.work(chain.tree.best_header());
    let more = work.checked_add(Work::from_u128(1)).unwrap();
    assert!(chain.skips(chain.block.hash(), work, &[]));
    assert!(!chain.skips(chain.block.hash(), more, &[]));
}

#[test]
fn the_block_lies_below_the_best_header() {
    let chain = Chain::new(TWO_WEEKS + 1);
    let mut spec = chain.spec.clone();
    spec.assume.assumed_valid = Some(chain.above(5));
    let mut tree = HeaderTree::new(Arc::new(spec.clone()));
    for id in chain.tree.ids().skip(1) {
        tree.insert_trusted(*chain.tree.header(id)).unwrap();
    }
    // A longer branch from genesis becomes best.
    let genesis = tree.genesis();
    extend(&mut tree, genesis, TWO_WEEKS + 5);
    assert!(tree.ancestor(tree.best_header(), tree.height(chain.id)) != Some(chain.id));
    let block = Arc::new(check_block(chain.block.clone(), &spec).unwrap());
    let connection = connect(&tree, chain.id, Arc::clone(&block), &chain.coins).unwrap();
    assert!(!connection.scripts_assumed_valid() && !connection.scripts().is_empty());
    // And once that branch turns out to be invalid, the first is best again.
    let first = tree.ancestor(tree.best_header(), tree.height(genesis).next()).unwrap();
    tree.mark_invalid(first);
    assert!(connect(&tree, chain.id, block, &chain.coins).unwrap().scripts_assumed_valid());
}

/// What is assumed is the scripts and nothing else.
#[test]
fn every_other_rule_is_checked() {
    let chain = Chain::new(TWO_WEEKS + 1);
    let skipped = chain.connect(chain.block.hash(), Work::ZERO, &[]);
    let checked = chain.connect(BlockHash::ZERO, Work::ZERO, &[]);
    assert_eq!(skipped.delta(), checked.delta());
    assert_eq!(skipped.undo(), checked.undo());
    assert_eq!((skipped.fees(), skipped.sigop_cost()), (checked.fees(), checked.sigop_cost()));
    assert_eq!((skipped.scripts().len(), skipped.scripts().inputs()), (0, 0));

    let missing = Chain { coins: Default::default(), ..chain };
    let mut spec = missing.spec.clone();
    spec.assume.assumed_valid = Some(missing.block.hash());
    let block = Arc::new(check_block(missing.block.clone(), &spec).unwrap());
    let error = connect(&missing.tree, missing.id, block, &missing.coins).unwrap_err();
    assert_eq!(error.code(), "bad-txns-inputs-missingorspent");
}
