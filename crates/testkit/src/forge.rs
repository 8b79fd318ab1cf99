//! A tree of valid blocks in memory.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{BlockError, HeaderTree, check_block, connect};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, BlockTime, Coin, Height, OutPoint, Script};

use crate::draft::Draft;

struct Entry {
    block: Block,
    coins: HashMap<OutPoint, Coin>,
}

/// A tree of valid blocks in memory, with the coins at each of them.
pub struct Forge {
    spec: Arc<ChainSpec>,
    tree: HeaderTree,
    entries: HashMap<BlockHash, Entry>,
}

impl Forge {
    /// A forge that knows the genesis block. The spec's limit must be easy enough to mine by trial:
    /// regtest's is.
    pub fn new(spec: Arc<ChainSpec>) -> Self {
        let block = spec.genesis_block();
        let genesis = Entry { block: block.clone(), coins: HashMap::new() };
        let tree = HeaderTree::new(Arc::clone(&spec));
        Self { spec, tree, entries: HashMap::from([(block.header.hash(), genesis)]) }
    }

    /// The chain's rules.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The tree of headers accepted so far.
    pub fn tree(&self) -> &HeaderTree {
        &self.tree
    }

    /// Hash of the first block.
    pub fn genesis(&self) -> BlockHash {
        self.tree.hash(self.tree.genesis())
    }

    /// Begins a block on `parent`, one spacing after it.
    ///
    /// # Panics
    /// If `parent` was not accepted before.
    pub fn draft(&self, parent: BlockHash) -> Draft {
        let id = self.tree.get(&parent).expect("the parent was accepted before");
        let time = self.tree.header(id).time.saturating_add(self.spec.pow.spacing);
        Draft::new(Arc::clone(&self.spec), self.tree.next_block(id, time))
    }

    /// Checks a block in full, scripts included, and keeps it.
    ///
    /// The clock is taken to stand at the block's own time.
    ///
    /// # Errors
    /// The first rule broken; the forge is then unchanged but for the header, which stays if it was valid.
    pub fn accept(&mut self, block: Block) -> Result<BlockHash, BlockError> {
        let checked = Arc::new(check_block(block, &self.spec)?);
        let header = checked.block().header;
        let id = self.tree.insert(header, header.time)?.id;
        let below = &self.entries[&header.prev].coins;
        let connection = connect(&self.tree, id, Arc::clone(&checked), below)?;
        connection.scripts().run_all()?;
        let mut coins = below.clone();
        connection.into_parts().0.apply(&mut coins);
        self.entries.insert(checked.hash(), Entry { block: checked.block().clone(), coins });
        Ok(checked.hash())
    }

    /// Mines `count` blocks that hold nothing but a coinbase to `script`, and returns the last.
    pub fn extend(&mut self, parent: BlockHash, count: usize, script: &Script) -> BlockHash {
        (0..count).fold(parent, |tip, _| {
            let block = self.draft(tip).pay_to(script.clone()).seal();
            self.accept(block).expect("an empty block on a valid parent is valid")
        })
    }

    /// The block with this hash.
    ///
    /// # Panics
    /// If it was not accepted, as do the following.
    pub fn block(&self, hash: BlockHash) -> &Block {
        &self.entries[&hash].block
    }

    /// Height of the block with this hash.
    pub fn height(&self, hash: BlockHash) -> Height {
        self.tree.height(self.tree.get(&hash).expect("the block was accepted before"))
    }

    /// Header time of the block with this hash.
    pub fn time(&self, hash: BlockHash) -> BlockTime {
        self.entries[&hash].block.header.time
    }

    /// The unspent coins after the block with this hash.
    pub fn coins(&self, hash: BlockHash) -> &HashMap<OutPoint, Coin> {
        &self.entries[&hash].coins
    }

    /// The coins with this script that a block on `tip` may spend, oldest first.
    pub fn spendable(&self, tip: BlockHash, script: &Script) -> Vec<(OutPoint, Coin)> {
        let next = self.height(tip).next().to_u32();
        let maturity = self.spec.limits.coinbase_maturity;
        let ripe = |coin: &Coin| !coin.coinbase || next - coin.height.to_u32() >= maturity;
        let mut found: Vec<_> = self
            .coins(tip)
            .iter()
            .filter(|(_, coin)| coin.output.script_pubkey == *script && ripe(coin))
            .map(|(outpoint, coin)| (*outpoint, coin.clone()))
            .collect();
        found.sort_by_key(|(outpoint, coin)| (coin.height, *outpoint));
        found
    }

    /// All blocks from the one after genesis up to `tip`, in order.
    pub fn chain(&self, tip: BlockHash) -> Vec<&Block> {
        let mut blocks = Vec::new();
        let mut at = tip;
        while at != self.genesis() {
            let block = self.block(at);
            blocks.push(block);
            at = block.header.prev;
        }
        blocks.reverse();
        blocks
    }
}
