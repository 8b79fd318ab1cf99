//! What the killed process is busy with: the same blocks in the same order each time, and what must come of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Coin, Header, Height, LockTime, MerkleRoot, OutPoint, Script,
    ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Witness, op,
};

/// Late enough for every block here.
pub(crate) const NOW: BlockTime = BlockTime::new(2_000_000_000);

/// A block spends what the block so many below it made.
const SPEND_DEPTH: u32 = 5;

/// Outputs of the block that is made so that its coins and index rows do not fit one batch.
const MANY: u64 = 1_050;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Reads block file number so and so with `import::blocks`.
    Import(usize),
    /// Reads the file of headers.
    Headers,
    /// Gives a block to the chain; `soft` if so many headers are known above it that it is not durable on return.
    Submit {
        block: Box<Block>,
        soft: bool,
    },
    Flush,
    /// Closes the chain and opens it.
    Reopen,
    /// Lets go of the chain without closing it, and opens it.
    Drop,
    /// As `Drop`, with half records at the ends of the newest files in between.
    Torn,
    /// Closes the chain and opens it with the address index on or off.
    AddressIndex(bool),
    Invalidate(BlockHash),
    Reconsider(BlockHash),
    /// Closes the chain, makes coins and indexes anew, and opens it.
    Rebuild,
}

/// A block of the workload and where it stands.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) block: Block,
    pub(crate) height: u32,
    pub(crate) valid: bool,
    /// What the block spending it shall spend.
    spare: Vec<(OutPoint, u64)>,
}

/// All that is done, and all that there is to know about it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) actions: Vec<Action>,
    /// The blocks of each file to import.
    pub(crate) files: Vec<Vec<Block>>,
    pub(crate) headers: Vec<Header>,
    known: HashMap<BlockHash, Known>,
    genesis: BlockHash,
    /// Numbers that make each block another one.
    made: u64,
}

/// Regtest with coinbases that mature after three blocks.
fn spec() -> Arc<ChainSpec> {
    let mut spec = presets::regtest();
    spec.limits.coinbase_maturity = 3;
    Arc::new(spec)
}

/// A script that anyone may spend with an empty input script; each number gives another one.
pub(crate) fn open_script(number: u64) -> Script {
    let builder = ScriptBuilder::new().push_slice(&number.to_le_bytes());
    builder.push_opcode(op::OP_DROP).push_opcode(op::OP_1).into_script()
}

impl Workload {
    /// Makes it; the same each time.
    pub(crate) fn new() -> Self {
        let spec = spec();
        let (block, genesis) = (spec.genesis_block(), spec.genesis_hash());
        let root = Known { block, height: 0, valid: true, spare: Vec::new() };
        let mut this = Workload {
            spec,
            actions: Vec::new(),
            files: Vec::new(),
            headers: Vec::new(),
            known: HashMap::from([(genesis, root)]),
            genesis,
            made: 0,
        };
        this.script();
        this
    }

    /// The story. Each part ends with one best chain and no rival as long as it.
    fn script(&mut self) {
        let tip = self.import(self.genesis, 30);
        let tip = self.grow(tip, 3);
        let tip = self.submit(tip, MANY, true);
        self.actions.push(Action::Flush);
        let tip = self.grow(tip, SPEND_DEPTH as usize + 1);
        self.actions.push(Action::Flush);
        let tip = self.grow(self.below(tip, 3), 4);
        let tip = self.grow(self.below(tip, 12), 13);
        self.actions.push(Action::Flush);
        let rival = self.grow(self.below(tip, 1), 1);
        self.submit(rival, 2, false);
        self.actions.push(Action::Reopen);
        let tip = self.grow(tip, 3);
        let disliked = self.below(tip, 1);
        self.actions.push(Action::Invalidate(disliked));
        self.grow(self.below(disliked, 1), 1);
        self.actions.push(Action::Reconsider(disliked));
        self.actions.push(Action::Drop);
        let tip = self.grow(tip, 3);
        self.actions.push(Action::Torn);
        let tip = self.grow(tip, 2);
        self.actions.push(Action::AddressIndex(false));
        let tip = self.grow(tip, 3);
        self.actions.push(Action::AddressIndex(true));
        let tip = self.import(self.below(tip, 5), 20);
        let tip = self.grow(tip, 1);
        self.actions.push(Action::Rebuild);
        let tip = self.grow(tip, 2);
        self.headers_first(tip);
        self.actions.push(Action::Flush);
    }

    fn grow(&mut self, parent: BlockHash, count: usize) -> BlockHash {
        (0..count).fold(parent, |tip, _| self.submit(tip, 3, true))
    }

    fn submit(&mut self, parent: BlockHash, outputs: u64, valid: bool) -> BlockHash {
        let block = self.make(parent, outputs, valid);
        let hash = block.hash();
        self.actions.push(Action::Submit { block: Box::new(block), soft: false });
        hash
    }

    fn import(&mut self, parent: BlockHash, count: usize) -> BlockHash {
        let mut tip = parent;
        let mut blocks = Vec::new();
        for _ in 0..count {
            blocks.push(self.make(tip, 3, true));
            tip = blocks[blocks.len() - 1].hash();
        }
        self.actions.push(Action::Import(self.files.len()));
        self.files.push(blocks);
        tip
    }

    /// More headers than fit a batch, and only the first few of their blocks.
    fn headers_first(&mut self, tip: BlockHash) {
        let mut tip = tip;
        let mut blocks = Vec::new();
        for _ in 0..8 {
            let block = self.make(tip, 3, true);
            tip = block.hash();
            self.headers.push(block.header);
            blocks.push(block);
        }
        for _ in 0..1_005 {
            let last = self.headers[self.headers.len() - 1];
            let header = Header { prev: last.hash(), time: last.time.saturating_add(60), ..last };
            // The merkle root is anything: no such block is ever shown.
            let target = header.bits.to_target().expect("regtest's bits are sane");
            let found = (0..).map(|nonce| Header { nonce, ..header });
            let sealed = found.into_iter().find(|header| target.is_met_by(header.hash()));
            self.headers.push(sealed.expect("regtest's limit is easy"));
        }
        self.actions.push(Action::Headers);
        for block in blocks {
            self.actions.push(Action::Submit { block: Box::new(block), soft: true });
        }
    }

    fn make(&mut self, parent: BlockHash, outputs: u64, valid: bool) -> Block {
        self.made += 1;
        let below = &self.known[&parent];
        let (height, prev) = (below.height + 1, below.block.header);
        let subsidy = self.spec.subsidy.at(Height::new(height)).to_sat();
        let value = subsidy + u64::from(!valid);
        let script_sig = ScriptBuilder::new()
            .push_int(i64::from(height))
            .push_slice(&self.made.to_le_bytes())
            .into_script();
        let coinbase = transaction(vec![input(OutPoint::NULL, script_sig)], vec![pay(value, self.made % 7)]);
        let mut spare = vec![(OutPoint { txid: coinbase.txid(), vout: 0 }, value)];
        let mut transactions = vec![coinbase];
        let spent = height.checked_sub(SPEND_DEPTH).filter(|height| *height > 0);
        if spent.is_some() {
            let coins = self.known[&self.below(parent, SPEND_DEPTH as usize - 1)].spare.clone();
            let (tx, more) = self.spend(&coins, outputs);
            spare.extend(more);
            // What stands last in it is spent in the same block, to a script that nobody can spend from.
            let last = OutPoint { txid: tx.txid(), vout: outputs as u32 };
            let to = TxOut { value: Amount::from_sat(400), script_pubkey: Script::op_return(b"gone") };
            let second = transaction(vec![input(last, Script::new())], vec![pay(600, self.made), to]);
            transactions.extend([tx, second]);
        }
        let header = Header {
            version: 0x2000_0000,
            prev: parent,
            merkle_root: MerkleRoot::ZERO,
            time: prev.time.saturating_add(60),
            bits: prev.bits,
            nonce: 0,
        };
        let block = cairn_testkit::reseal(Block { header, transactions });
        let known = Known { block: block.clone(), height, valid, spare };
        self.known.insert(block.hash(), known);
        block
    }

    /// Spends `coins` to `outputs` coins that will be spent, and one of 1,000 behind them.
    fn spend(&self, coins: &[(OutPoint, u64)], outputs: u64) -> (Transaction, Vec<(OutPoint, u64)>) {
        let total: u64 = coins.iter().map(|(_, value)| value).sum();
        let each = (total - 1_000) / outputs;
        let mut values = vec![each; outputs as usize];
        values[0] += total - 1_000 - each * outputs;
        let mut paid: Vec<_> = (0..).zip(&values).map(|(n, value)| pay(*value, n % 11)).collect();
        paid.push(pay(1_000, 5));
        let tx = transaction(coins.iter().map(|(coin, _)| input(*coin, Script::new())).collect(), paid);
        let txid = tx.txid();
        let spare = (0..).zip(values).map(|(vout, value)| (OutPoint { txid, vout }, value)).collect();
        (tx, spare)
    }

    pub(crate) fn known(&self, hash: &BlockHash) -> Option<&Known> {
        self.known.get(hash)
    }

    pub(crate) fn genesis(&self) -> BlockHash {
        self.genesis
    }

    /// The block `depth` below `hash`.
    fn below(&self, hash: BlockHash, depth: usize) -> BlockHash {
        (0..depth).fold(hash, |at, _| self.known[&at].block.header.prev)
    }

    /// The tip after all is done: the highest block on which nothing is wrong.
    pub(crate) fn best(&self) -> BlockHash {
        let top = self.known.values().filter(|known| known.valid).map(|known| known.height).max();
        let mut highest = self.known.values().filter(|known| known.valid && Some(known.height) == top);
        let best = highest.next().expect("genesis is valid").block.hash();
        assert!(highest.next().is_none(), "one chain wins");
        best
    }

    /// The blocks from genesis to `tip`.
    pub(crate) fn chain(&self, tip: BlockHash) -> Vec<&Block> {
        let mut blocks = vec![&self.known[&tip].block];
        while blocks[blocks.len() - 1].hash() != self.genesis {
            blocks.push(&self.known[&blocks[blocks.len() - 1].header.prev].block);
        }
        blocks.reverse();
        blocks
    }

    /// All coins after `tip`, by replaying its chain.
    pub(crate) fn coins(&self, tip: BlockHash) -> BTreeMap<OutPoint, Coin> {
        let mut coins = BTreeMap::new();
        for (height, block) in (0..).zip(self.chain(tip)).skip(1) {
            for tx in &block.transactions {
                for input in tx.inputs() {
                    coins.remove(&input.previous);
                }
                for (vout, output) in (0..).zip(tx.outputs()) {
                    if !output.script_pubkey.is_unspendable() {
                        let coin = Coin {
                            output: output.clone(),
                            height: Height::new(height),
                            coinbase: tx.is_coinbase(),
                        };
                        coins.insert(OutPoint { txid: tx.txid(), vout }, coin);
                    }
                }
            }
        }
        coins
    }
}

fn pay(value: u64, script: u64) -> TxOut {
    TxOut { value: Amount::from_sat(value), script_pubkey: open_script(script) }
}

fn input(previous: OutPoint, script_sig: Script) -> TxIn {
    TxIn { previous, script_sig, sequence: Sequence::FINAL, witness: Witness::default() }
}

fn transaction(inputs: Vec<TxIn>, outputs: Vec<TxOut>) -> Transaction {
    Transaction::new(2, inputs, outputs, LockTime::ZERO)
}
