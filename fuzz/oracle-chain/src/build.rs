//! Blocks, built from their parts with real proof of work.

use std::sync::Arc;

use cairn_consensus::{COMMITMENT_PREFIX, witness_commitment};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, CompactTarget, Header, LockTime, MerkleRoot, OutPoint, Script,
    ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Witness,
};

use crate::ledger::{Id, Ledger};
use crate::lock::Lock;
use crate::sign::pay;

/// The bits of every block on regtest.
pub(crate) const BITS: u32 = 0x207f_ffff;

/// Whether the coinbase commits to the witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// No.
    Never,
    /// If there is a witness.
    IfNeeded,
    /// Yes.
    Always,
}

/// The parts of a block: right until changed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) version: i32,
    pub(crate) prev: BlockHash,
    pub(crate) time: u32,
    pub(crate) bits: u32,
    pub(crate) height: u32,
    /// The script of the coinbase input.
    pub(crate) script: Vec<u8>,
    /// The locks among which the coinbase divides `claim`.
    pub(crate) payouts: Vec<Arc<Lock>>,
    /// What the coinbase takes.
    pub(crate) claim: u64,
    /// Outputs of the coinbase beside the payouts, before the commitment.
    pub(crate) extra: Vec<TxOut>,
    pub(crate) commit: Commit,
    /// The witness of the coinbase where it commits.
    pub(crate) nonce: Vec<Vec<u8>>,
    pub(crate) txs: Vec<Transaction>,
}

impl Plan {
    /// An empty block on `parent`. `extra` makes its coinbase unlike others'.
    pub(crate) fn new(ledger: &Ledger, parent: Id, time: u32, extra: u64) -> Self {
        let height = ledger.height(parent) + 1;
        Self {
            version: 0x2000_0000,
            prev: ledger.hash(parent),
            time,
            bits: BITS,
            height,
            script: [
                height_push(height),
                ScriptBuilder::new().push_slice(&extra.to_le_bytes()).into_script(),
            ]
            .iter()
            .flat_map(|script| script.as_bytes().to_vec())
            .collect(),
            payouts: Vec::new(),
            claim: subsidy(height),
            extra: Vec::new(),
            commit: Commit::IfNeeded,
            nonce: vec![vec![0; 32]],
            txs: Vec::new(),
        }
    }

    /// Adds a transaction, whose fee the coinbase takes.
    pub(crate) fn add(&mut self, tx: Transaction, spent: u64) {
        let out: u64 = tx.outputs().iter().map(|output| output.value.to_sat()).sum();
        self.claim += spent.saturating_sub(out);
        self.txs.push(tx);
    }

    /// The block, with its proof of work.
    pub(crate) fn block(&self) -> Block {
        mine(self.block_without_work())
    }

    /// The block without proof of work.
    pub(crate) fn block_without_work(&self) -> Block {
        let mut transactions = vec![self.coinbase(None)];
        transactions.extend(self.txs.iter().cloned());
        let needed = self.txs.iter().any(Transaction::has_witness);
        if self.commit == Commit::Always || (self.commit == Commit::IfNeeded && needed) {
            transactions[0] = self.coinbase(Some(commitment(&transactions, &self.nonce)));
        }
        let header = Header {
            version: self.version,
            prev: self.prev,
            merkle_root: MerkleRoot::ZERO,
            time: BlockTime::new(self.time),
            bits: CompactTarget::from_bits(self.bits),
            nonce: 0,
        };
        with_root(Block { header, transactions })
    }

    fn coinbase(&self, commitment: Option<TxOut>) -> Transaction {
        let share = self.claim / self.payouts.len().max(1) as u64;
        let mut left = self.claim;
        let mut outputs: Vec<TxOut> = Vec::new();
        for (index, lock) in self.payouts.iter().enumerate() {
            let value = if index + 1 == self.payouts.len() { left } else { share };
            left -= value;
            outputs.push(pay(value, lock));
        }
        outputs.extend(self.extra.iter().cloned());
        let witness = match &commitment {
            Some(_) => Witness::new(self.nonce.clone()),
            None => Witness::default(),
        };
        outputs.extend(commitment);
        let script_sig = Script::from_bytes(self.script.clone());
        let input = TxIn { previous: OutPoint::NULL, script_sig, sequence: Sequence::FINAL, witness };
        Transaction::new(1, vec![input], outputs, LockTime::ZERO)
    }
}

/// The output that commits to the witnesses of all transactions but the first. A nonce of the wrong size commits like
/// one of zeros.
pub(crate) fn commitment(transactions: &[Transaction], nonce: &[Vec<u8>]) -> TxOut {
    let header = Header {
        version: 0,
        prev: BlockHash::ZERO,
        merkle_root: MerkleRoot::ZERO,
        time: BlockTime::new(0),
        bits: CompactTarget::from_bits(0),
        nonce: 0,
    };
    let block = Block { header, transactions: transactions.to_vec() };
    let nonce = nonce.first().and_then(|nonce| nonce.as_slice().try_into().ok()).unwrap_or([0; 32]);
    let hash = witness_commitment(&block.witness_merkle_root(), &nonce);
    let script = [COMMITMENT_PREFIX.as_slice(), hash.as_bytes()].concat();
    TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) }
}

/// The height as the coinbase script must begin with it.
pub(crate) fn height_push(height: u32) -> Script {
    ScriptBuilder::new().push_int(i64::from(height)).into_script()
}

/// What a block of this height may make: 50 coins, halved every 150 blocks.
pub(crate) fn subsidy(height: u32) -> u64 {
    5_000_000_000_u64.checked_shr(height / 150).unwrap_or(0)
}

/// The block with the merkle root of its transactions.
pub(crate) fn with_root(mut block: Block) -> Block {
    block.header.merkle_root = block.merkle_root();
    block
}

/// The block with a nonce that proves work.
pub(crate) fn mine(block: Block) -> Block {
    grind(block, true)
}

/// The block with the first nonce that proves work, or that does not.
pub(crate) fn grind(mut block: Block, proves: bool) -> Block {
    let target = block.header.bits.to_target().expect("the bits are a target");
    let found = (0..u32::MAX).find(|nonce| {
        block.header.nonce = *nonce;
        target.is_met_by(block.header.hash()) == proves
    });
    block.header.nonce = found.expect("regtest's target is easy");
    block
}

/// The transaction with other inputs, signatures as they are.
pub(crate) fn with_inputs(tx: &Transaction, change: impl FnOnce(&mut Vec<TxIn>)) -> Transaction {
    let (version, mut inputs, outputs, lock_time) = tx.clone().into_parts();
    change(&mut inputs);
    Transaction::new(version, inputs, outputs, lock_time)
}
