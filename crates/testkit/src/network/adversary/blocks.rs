//! Adversaries that send blocks they should not.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_p2p::{Inventory, Message};
use cairn_primitives::{Amount, Block, BlockHash, BlockTime, Height};
use rand::RngExt;

use super::{Behaviour, Line, Stage};
use crate::draft::Draft;

/// How often a new bad block is made.
const BAD_BLOCK_EVERY: Duration = Duration::from_secs(15);
/// How often an old block is sent.
const OLD_BLOCK_EVERY: Duration = Duration::from_secs(2);

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFault {
    /// Its coinbase pays more than it may: the block is invalid for good.
    Coinbase,
    /// A transaction comes twice, which leaves the merkle root as it was (CVE-2012-2459): this copy is damaged.
    Twice,
    /// Its transactions are not those of its merkle root: this copy is damaged.
    Other,
}

/// Announces a block on the best tip, with proof of work, and sends it with a fault when asked. Answers for the rest of
/// the chain as an honest node does.
#[derive(Debug)]
pub struct BadBlocks {
    fault: BlockFault,
    made: BTreeMap<BlockHash, Block>,
    awake: bool,
}

impl BadBlocks {
    /// One whose blocks have this fault.
    pub const fn new(fault: BlockFault) -> Self {
        Self { fault, made: BTreeMap::new(), awake: false }
    }

    fn make(&mut self, stage: &mut Stage<'_>) -> Block {
        let now = BlockTime::new(u32::try_from(stage.now.as_secs()).unwrap_or(u32::MAX));
        let next = stage.chain.next_block(now);
        let value = match self.fault {
            BlockFault::Coinbase => next.subsidy.saturating_add(Amount::from_sat(1)),
            BlockFault::Twice | BlockFault::Other => next.subsidy,
        };
        let draft = Draft::new(stage.spec.clone(), next).coinbase_value(value).extra(stage.rng.random());
        let mut block = draft.seal();
        let announced = block.clone();
        match self.fault {
            BlockFault::Coinbase => {}
            BlockFault::Twice => block.transactions.push(block.transactions[0].clone()),
            BlockFault::Other => block.transactions = stage.spec.genesis_block().transactions,
        }
        self.made.insert(block.hash(), block);
        announced
    }
}

impl Behaviour for BadBlocks {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, line: Line) {
        let block = self.make(stage);
        stage.send(line, Message::Headers(vec![block.header]));
        if !std::mem::replace(&mut self.awake, true) {
            stage.wake_in(BAD_BLOCK_EVERY);
        }
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        if let Message::GetData(wanted) = &message {
            for wanted in wanted {
                if let Inventory::Block(hash) | Inventory::WitnessBlock(hash) = wanted
                    && let Some(block) = self.made.get(hash)
                {
                    stage.send(line, Message::Block(Box::new(block.clone())));
                }
            }
        }
        for message in super::headers::answer(stage.chain, &message, true) {
            stage.send(line, message);
        }
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        let lines = stage.lines();
        self.awake = !lines.is_empty();
        if !self.awake {
            return;
        }
        let block = self.make(stage);
        for line in lines {
            stage.send(line, Message::Headers(vec![block.header]));
        }
        stage.wake_in(BAD_BLOCK_EVERY);
    }
}

/// Answers as an honest node does, but damages each block it is asked for at a height of a multiple of some number.
#[derive(Clone, Copy, Debug)]
pub struct Tampering {
    every: u32,
}

impl Tampering {
    /// One that damages one in `every` blocks.
    pub const fn new(every: u32) -> Self {
        Self { every }
    }
}

impl Behaviour for Tampering {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        for mut answer in super::headers::answer(stage.chain, &message, true) {
            if let Message::Block(block) = &mut answer {
                let height = stage.chain.header(&block.hash()).map_or(0, |info| info.height.to_u32());
                if height.is_multiple_of(self.every) {
                    block.transactions.push(block.transactions[0].clone());
                }
            }
            stage.send(line, answer);
        }
    }
}

/// Sends old blocks of the best chain that nobody asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unrequested {
    awake: bool,
}

impl Behaviour for Unrequested {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, _: Line) {
        if !std::mem::replace(&mut self.awake, true) {
            stage.wake_in(OLD_BLOCK_EVERY);
        }
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        let tip = stage.chain.tip().height.to_u32();
        let lines = stage.lines();
        self.awake = !lines.is_empty();
        if !self.awake {
            return;
        }
        for line in lines {
            let height = Height::new(stage.rng.random_range(0..=tip));
            let hash = stage.chain.block_hash_at(height);
            let block = hash.and_then(|hash| stage.chain.block(&hash).expect("memory can be read"));
            if let Some(block) = block {
                stage.send(line, Message::Block(Box::new(block)));
            }
        }
        stage.wake_in(OLD_BLOCK_EVERY);
    }
}
