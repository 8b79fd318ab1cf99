//! Blocks for tests: real proof of work on regtest's limit, coins that need no key.

use std::sync::Arc;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Header, LockTime, MerkleRoot, OutPoint, Script, ScriptBuilder,
    Sequence, Transaction, TxIn, TxOut, Witness, op,
};

/// Late enough for every block a test makes.
pub(crate) const NOW: BlockTime = BlockTime::new(2_000_000_000);

/// Regtest with coinbases that mature after three blocks.
pub(crate) fn spec() -> Arc<ChainSpec> {
    let mut spec = presets::regtest();
    spec.limits.coinbase_maturity = 3;
    Arc::new(spec)
}

/// A script that anyone may spend with an empty input script; each number gives another one.
pub(crate) fn open_script(number: u64) -> Script {
    let builder = ScriptBuilder::new().push_slice(&number.to_le_bytes());
    builder.push_opcode(op::OP_DROP).push_opcode(op::OP_1).into_script()
}

/// A script that nobody may spend.
pub(crate) fn shut_script() -> Script {
    ScriptBuilder::new().push_opcode(op::OP_0).into_script()
}

/// What a block shall hold besides its place.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) payout: Script,
    /// More than subsidy and fees, if the block shall be invalid.
    pub(crate) overpay: u64,
    pub(crate) fees: u64,
    pub(crate) txs: Vec<Transaction>,
}

impl Plan {
    pub(crate) fn paying(number: u64) -> Self {
        Plan { payout: open_script(number), overpay: 0, fees: 0, txs: Vec::new() }
    }
}

/// Makes blocks on any header it made before.
pub(crate) struct Maker {
    tree: HeaderTree,
    made: u64,
}

impl Maker {
    pub(crate) fn new(spec: Arc<ChainSpec>) -> Self {
        Maker { tree: HeaderTree::new(spec), made: 0 }
    }

    pub(crate) fn height(&self, hash: BlockHash) -> u32 {
        self.tree.height(self.tree.get(&hash).expect("made here")).to_u32()
    }

    pub(crate) fn block(&mut self, parent: BlockHash, plan: &Plan) -> Block {
        self.made += 1;
        let parent = self.tree.get(&parent).expect("the parent was made here");
        let time = self.tree.header(parent).time.saturating_add(60);
        let next = self.tree.next_block(parent, time);
        let script_sig = ScriptBuilder::new()
            .push_int(i64::from(next.height.to_u32()))
            .push_slice(&self.made.to_le_bytes())
            .into_script();
        let value = Amount::from_sat(next.subsidy.to_sat() + plan.fees + plan.overpay);
        let coinbase = transaction(
            vec![input(OutPoint::NULL, script_sig)],
            vec![TxOut { value, script_pubkey: plan.payout.clone() }],
        );
        let mut transactions = vec![coinbase];
        transactions.extend(plan.txs.iter().cloned());
        self.seal(parent, transactions)
    }

    /// A block on `parent` with just these transactions.
    pub(crate) fn with_transactions(&mut self, parent: BlockHash, transactions: Vec<Transaction>) -> Block {
        let parent = self.tree.get(&parent).expect("the parent was made here");
        self.seal(parent, transactions)
    }

    fn seal(&mut self, parent: NodeId, transactions: Vec<Transaction>) -> Block {
        let time = self.tree.header(parent).time.saturating_add(60);
        let next = self.tree.next_block(parent, time);
        let header = Header {
            version: 0x2000_0000,
            prev: next.prev,
            merkle_root: MerkleRoot::ZERO,
            time: next.time,
            bits: next.bits,
            nonce: 0,
        };
        let block = cairn_testkit::reseal(Block { header, transactions });
        self.tree.insert(block.header, NOW).expect("the maker keeps the header rules");
        block
    }

    /// The headers from the first block to this one.
    pub(crate) fn headers_to(&self, hash: BlockHash) -> Vec<Header> {
        let id = self.tree.get(&hash).expect("made here");
        let plan = self.tree.plan(self.tree.genesis(), id);
        plan.connect.into_iter().map(|id| *self.tree.header(id)).collect()
    }

    /// `count` blocks on `parent` with nothing but a coinbase.
    pub(crate) fn chain(&mut self, parent: BlockHash, count: usize) -> Vec<Block> {
        let mut tip = parent;
        let plan = Plan::paying(0);
        let mut blocks = Vec::new();
        for _ in 0..count {
            let block = self.block(tip, &plan);
            tip = block.hash();
            blocks.push(block);
        }
        blocks
    }
}

fn input(previous: OutPoint, script_sig: Script) -> TxIn {
    TxIn { previous, script_sig, sequence: Sequence::FINAL, witness: Witness::default() }
}

fn transaction(inputs: Vec<TxIn>, outputs: Vec<TxOut>) -> Transaction {
    Transaction::new(2, inputs, outputs, LockTime::ZERO)
}

/// Spends open coins without a signature.
pub(crate) fn spend(coins: &[OutPoint], outputs: Vec<(u64, Script)>) -> Transaction {
    let outputs = outputs
        .into_iter()
        .map(|(value, script_pubkey)| TxOut { value: Amount::from_sat(value), script_pubkey })
        .collect();
    transaction(coins.iter().map(|coin| input(*coin, Script::new())).collect(), outputs)
}
