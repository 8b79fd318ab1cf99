//! The first block, built from the spec.

use cairn_primitives::{
    Block, BlockHash, Header, LockTime, MerkleRoot, OutPoint, ScriptBuilder, Sequence, Transaction, TxIn, TxOut,
    Witness,
};

use crate::spec::ChainSpec;

/// The number Bitcoin's genesis coinbase begins with: the bits 1d00ffff.
const COINBASE_NUMBER: i64 = 0x1d00_ffff;

impl ChainSpec {
    /// The first block: a coinbase of Bitcoin's form (the number 486,604,799, the number 4 in one byte, the
    /// message) that pays the reward to the output script, under the spec's header.
    ///
    /// The hash is whatever it comes to; [`check`](Self::check) compares it with the pinned one.
    pub fn genesis_block(&self) -> Block {
        let genesis = &self.genesis;
        let coinbase = self.genesis_coinbase();
        let header = Header {
            version: genesis.version,
            prev: BlockHash::ZERO,
            merkle_root: MerkleRoot::from_bytes(coinbase.txid().to_bytes()),
            time: genesis.time,
            bits: genesis.bits,
            nonce: genesis.nonce,
        };
        Block { header, transactions: vec![coinbase] }
    }

    /// The pinned hash of the first block.
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis.hash
    }

    fn genesis_coinbase(&self) -> Transaction {
        let genesis = &self.genesis;
        let script_sig = ScriptBuilder::new()
            .push_int(COINBASE_NUMBER)
            .push_bytes(&[4])
            .push_bytes(genesis.message.as_bytes())
            .into_script();
        let input =
            TxIn { previous: OutPoint::NULL, script_sig, sequence: Sequence::FINAL, witness: Witness::default() };
        let output = TxOut { value: genesis.reward, script_pubkey: genesis.output_script.clone() };
        Transaction::new(1, vec![input], vec![output], LockTime::ZERO)
    }
}
