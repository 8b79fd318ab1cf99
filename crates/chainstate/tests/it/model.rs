//! The naive model: all blocks in a list, the chain replayed from genesis whenever it is asked about.

use std::collections::{BTreeMap, HashMap, VecDeque};

use cairn_primitives::{Block, BlockHash, Coin, Height, OutPoint, Script, Txid};

/// A block the model was given.
#[derive(Debug, Clone)]
struct Known {
    block: Block,
    height: u32,
    /// Whether it keeps every rule by itself: the test knows, because it made it.
    valid: bool,
    /// When its chain of blocks became complete.
    ready: Option<usize>,
}

/// A chain that takes every block it is given and knows which are good.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    genesis: BlockHash,
    known: HashMap<BlockHash, Known>,
    arrived: Vec<BlockHash>,
    ready: usize,
    tip: BlockHash,
}

impl Model {
    pub(crate) fn new(genesis: Block) -> Self {
        let hash = genesis.hash();
        let known = Known { block: genesis, height: 0, valid: true, ready: Some(0) };
        Model {
            genesis: hash,
            known: HashMap::from([(hash, known)]),
            arrived: vec![hash],
            ready: 1,
            tip: hash,
        }
    }

    pub(crate) fn tip(&self) -> BlockHash {
        self.tip
    }

    /// All blocks in the order they came.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.arrived.iter().map(|hash| &self.known[hash].block)
    }

    /// Takes a block of height `height`, valid or not, and moves to the best chain.
    pub(crate) fn submit(&mut self, block: Block, height: u32, valid: bool) {
        let hash = block.hash();
        if self.known.contains_key(&hash) {
            return;
        }
        self.known.insert(hash, Known { block, height, valid, ready: None });
        self.arrived.push(hash);
        self.number_from(hash);
        self.choose();
    }

    /// Takes a valid block on the tip: as [`submit`](Self::submit), without looking at all the others.
    pub(crate) fn submit_next(&mut self, block: Block, height: u32) {
        let hash = block.hash();
        assert_eq!(block.header.prev, self.tip);
        self.known.insert(hash, Known { block, height, valid: true, ready: Some(self.ready) });
        self.arrived.push(hash);
        self.ready += 1;
        self.tip = hash;
    }

    /// The block of the best chain at `height`.
    pub(crate) fn at(&self, height: u32) -> BlockHash {
        let top = self.known[&self.tip].height;
        self.below_tip((top - height) as usize)
    }

    /// Numbers the blocks that are complete now, breadth first, children in the order they came.
    fn number_from(&mut self, first: BlockHash) {
        let mut queue = VecDeque::from([first]);
        while let Some(hash) = queue.pop_front() {
            let parent = self.known[&hash].block.header.prev;
            if self.known.get(&parent).is_none_or(|parent| parent.ready.is_none()) {
                continue;
            }
            self.known.get_mut(&hash).expect("it came").ready = Some(self.ready);
            self.ready += 1;
            let children = self.arrived.iter().filter(|child| self.known[*child].block.header.prev == hash);
            queue.extend(children.copied());
        }
    }

    /// The highest complete and valid chain; the tip before others, then the one complete first.
    fn choose(&mut self) {
        let good = self.arrived.iter().filter(|hash| {
            self.known[*hash].ready.is_some() && self.chain(**hash).all(|block| self.known[&block].valid)
        });
        let rank = |hash: &&BlockHash| {
            let known = &self.known[*hash];
            (known.height, **hash == self.tip, std::cmp::Reverse(known.ready))
        };
        self.tip = *good.max_by_key(rank).expect("genesis is good");
    }

    /// From `tip` down to genesis.
    fn chain(&self, tip: BlockHash) -> impl Iterator<Item = BlockHash> {
        let mut at = Some(tip);
        std::iter::from_fn(move || {
            let here = at?;
            at = (here != self.genesis).then(|| self.known[&here].block.header.prev);
            Some(here)
        })
    }

    /// The blocks from genesis to `tip`.
    pub(crate) fn replay(&self, tip: BlockHash) -> Vec<&Block> {
        let mut blocks: Vec<_> = self.chain(tip).map(|hash| &self.known[&hash].block).collect();
        blocks.reverse();
        blocks
    }

    /// The block `depth` below the tip, or genesis.
    pub(crate) fn below_tip(&self, depth: usize) -> BlockHash {
        self.chain(self.tip).nth(depth).unwrap_or(self.genesis)
    }

    /// Replays from genesis to `tip`.
    pub(crate) fn coins(&self, tip: BlockHash) -> BTreeMap<OutPoint, Coin> {
        let mut coins = BTreeMap::new();
        for (height, block) in self.replay(tip).into_iter().enumerate().skip(1) {
            for tx in &block.transactions {
                for input in tx.inputs() {
                    coins.remove(&input.previous);
                }
                for (vout, output) in tx.outputs().iter().enumerate() {
                    let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
                    let height = Height::new(height as u32);
                    coins.insert(
                        outpoint,
                        Coin { output: output.clone(), height, coinbase: tx.is_coinbase() },
                    );
                }
            }
        }
        coins
    }

    /// Where each transaction of the chain to `tip` is: height and place.
    pub(crate) fn txs(&self, tip: BlockHash) -> HashMap<Txid, (u32, u32)> {
        let mut txs = HashMap::new();
        for (height, block) in self.replay(tip).into_iter().enumerate().skip(1) {
            for (index, tx) in block.transactions.iter().enumerate() {
                txs.insert(tx.txid(), (height as u32, index as u32));
            }
        }
        txs
    }

    /// All scripts that ever received something, on any branch.
    pub(crate) fn scripts(&self) -> Vec<Script> {
        let blocks =
            self.arrived.iter().filter(|hash| **hash != self.genesis).map(|hash| &self.known[hash].block);
        let outputs = blocks.flat_map(|block| &block.transactions).flat_map(|tx| tx.outputs());
        let mut scripts: Vec<_> = outputs.map(|output| output.script_pubkey.clone()).collect();
        scripts.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        scripts.dedup();
        scripts
    }
}
