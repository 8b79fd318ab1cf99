//! A block under construction.

use std::sync::Arc;

use cairn_consensus::{COMMITMENT_PREFIX, NextBlock, witness_commitment};
use cairn_params::ChainSpec;
use cairn_primitives::{
    Amount, Block, BlockTime, Header, LockTime, MerkleRoot, OutPoint, Script, ScriptBuilder, Sequence,
    Transaction, TxIn, TxOut, Witness,
};

/// A block under construction: valid unless a setter makes it otherwise.
#[derive(Debug, Clone)]
pub struct Draft {
    spec: Arc<ChainSpec>,
    next: NextBlock,
    version: i32,
    time: BlockTime,
    payout: Script,
    value: Amount,
    extra: u64,
    transactions: Vec<Transaction>,
}

impl Draft {
    /// A block of a coinbase alone at the place `next`, which tells of one under the rules of `spec`.
    pub fn new(spec: Arc<ChainSpec>, next: NextBlock) -> Self {
        Self {
            spec,
            version: 0x2000_0000,
            time: next.time,
            payout: Script::op_return(b"testkit"),
            value: next.subsidy,
            extra: 0,
            transactions: Vec::new(),
            next,
        }
    }

    /// Where the block will stand.
    pub fn place(&self) -> &NextBlock {
        &self.next
    }

    /// Sets the script the coinbase pays to.
    #[must_use]
    pub fn pay_to(mut self, script: Script) -> Self {
        self.payout = script;
        self
    }

    /// Adds a transaction whose fee the coinbase collects.
    #[must_use]
    pub fn add(mut self, tx: Transaction, fee: Amount) -> Self {
        self.transactions.push(tx);
        self.value = self.value.checked_add(fee).expect("test amounts are small");
        self
    }

    /// Sets the value the coinbase pays out, right or wrong.
    #[must_use]
    pub fn coinbase_value(mut self, value: Amount) -> Self {
        self.value = value;
        self
    }

    /// Sets the header time, right or wrong. The bits stay those of the place.
    #[must_use]
    pub fn time(mut self, time: BlockTime) -> Self {
        self.time = time;
        self
    }

    /// Sets the header version, right or wrong.
    #[must_use]
    pub fn version(mut self, version: i32) -> Self {
        self.version = version;
        self
    }

    /// A number in the coinbase, so that two blocks on the same parent differ.
    #[must_use]
    pub fn extra(mut self, extra: u64) -> Self {
        self.extra = extra;
        self
    }

    /// Builds the coinbase, the commitments and the proof of work.
    ///
    /// # Panics
    /// If no nonce gives a proof of work: use a spec whose limit is easy.
    pub fn seal(self) -> Block {
        let mut transactions = vec![self.coinbase(None)];
        transactions.extend(self.transactions.iter().cloned());
        if transactions.iter().any(Transaction::has_witness) && self.next.witness_commitment {
            transactions[0] = self.coinbase(Some(&transactions));
        }
        let header = Header {
            version: self.version,
            prev: self.next.prev,
            merkle_root: MerkleRoot::ZERO,
            time: self.time,
            bits: self.next.bits,
            nonce: 0,
        };
        reseal(Block { header, transactions })
    }

    fn coinbase(&self, commit_to: Option<&[Transaction]>) -> Transaction {
        let mut outputs = vec![TxOut { value: self.value, script_pubkey: self.payout.clone() }];
        let mut witness = Witness::default();
        if let Some(transactions) = commit_to {
            const NONCE: [u8; 32] = [0; 32];
            let block =
                Block { header: self.spec.genesis_block().header, transactions: transactions.to_vec() };
            let commitment = witness_commitment(&block.witness_merkle_root(), &NONCE);
            let script = [COMMITMENT_PREFIX.as_slice(), commitment.as_bytes()].concat();
            outputs.push(TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) });
            witness = Witness::new(vec![NONCE.to_vec()]);
        }
        let script_sig = ScriptBuilder::new()
            .push_int(i64::from(self.next.height.to_u32()))
            .push_slice(&self.extra.to_le_bytes())
            .into_script();
        let input = TxIn { previous: OutPoint::NULL, script_sig, sequence: Sequence::FINAL, witness };
        Transaction::new(1, vec![input], outputs, LockTime::ZERO)
    }
}

/// Sets the merkle root to that of the transactions and searches a new proof of work, for blocks that
/// were changed by hand.
///
/// # Panics
/// If no nonce gives a proof of work.
pub fn reseal(mut block: Block) -> Block {
    block.header.merkle_root = block.merkle_root();
    let target = block.header.bits.to_target().expect("a test spec has sane bits");
    let nonce = (0..=u32::MAX).find(|&nonce| {
        block.header.nonce = nonce;
        target.is_met_by(block.header.hash())
    });
    block.header.nonce = nonce.expect("a test spec has an easy limit");
    block
}
