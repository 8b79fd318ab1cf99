//! What a block must keep by itself: the first validity level.

use std::sync::OnceLock;

use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, MerkleRoot, Sha256d};

use crate::error::BlockError;
use crate::header;
use crate::signet;
use crate::sigops::legacy_sigops;
use crate::tx::{WITNESS_SCALE_FACTOR, check_transaction};

/// Length in bytes of what an inner node of the merkle tree is the hash of.
const MERKLE_PAIR_LEN: usize = 64;

/// A block that keeps every rule that can be checked without the chain below it.
///
/// Only [`check_block`] makes one, so holding it is the proof. The proof is for the spec it was
/// checked under.
#[derive(Debug, Clone)]
pub struct CheckedBlock {
    block: Block,
    hash: BlockHash,
    /// Computed when it is first asked for.
    witness_root: OnceLock<Sha256d>,
}

impl PartialEq for CheckedBlock {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

impl Eq for CheckedBlock {}

impl CheckedBlock {
    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Its hash.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The merkle root of the block's wtxids, as [`Block::witness_merkle_root`] computes it; once, whoever asks first.
    pub fn witness_merkle_root(&self) -> Sha256d {
        *self.witness_root.get_or_init(|| self.block.witness_merkle_root())
    }

    /// Gives the block back, and the proof up.
    pub fn into_block(self) -> Block {
        self.block
    }
}

/// Checks a block against every rule that needs neither its parent nor any coin.
///
/// # Errors
/// The first [`BlockError`] in the order of Core's `CheckBlock`: proof of work, merkle root, repeated
/// tail, size, coinbase, the block's signature on a signet, each transaction, signature operations. The
/// signature stands further back than in Core's `CheckBlock`, so that damage in transit is told from it.
pub fn check_block(block: Block, spec: &ChainSpec) -> Result<CheckedBlock, BlockError> {
    let hash = block.header.hash();
    header::check_pow(&block.header, hash, spec)?;
    check_merkle_root(&block)?;
    check_length(&block, spec)?;
    check_one_coinbase(&block)?;
    signet::check_solution(&block, hash, spec)?;
    for tx in &block.transactions {
        check_transaction(tx, spec).map_err(|error| BlockError::Tx { txid: tx.txid(), error })?;
    }
    check_legacy_sigops(&block, spec)?;
    Ok(CheckedBlock { block, hash, witness_root: OnceLock::new() })
}

/// # Consensus
/// The txids hash to the merkle root in the header, and the list is not one with its tail repeated,
/// which would hash to the same root (CVE-2012-2459). Source: Core's `CheckMerkleRoot`.
fn check_merkle_root(block: &Block) -> Result<(), BlockError> {
    let computed = block.merkle();
    let got = MerkleRoot::from_bytes(computed.root);
    if got != block.header.merkle_root {
        return Err(BlockError::MerkleRoot { got, expected: block.header.merkle_root });
    }
    if computed.mutated {
        return Err(BlockError::DuplicateTail);
    }
    Ok(())
}

/// # Consensus
/// A block has at least one transaction; four times their number and four times its size without
/// witness stay within the weight limit; and a chain may limit their number further.
fn check_length(block: &Block, spec: &ChainSpec) -> Result<(), BlockError> {
    let limit = spec.limits.block_weight;
    let (txs, base_size) = (block.transactions.len(), block.base_size());
    let within = |units: usize| units as u64 * WITNESS_SCALE_FACTOR <= limit;
    if txs == 0 || !within(txs) || !within(base_size) {
        return Err(BlockError::Length { txs, base_size, limit });
    }
    match spec.limits.block_txs {
        Some(limit) if txs > limit as usize => Err(BlockError::TxCount { got: txs, limit }),
        _ => Ok(()),
    }
}

/// # Consensus
/// The first transaction is a coinbase and no other one is.
///
/// Two nodes of the merkle tree side by side are 64 bytes and may read as a transaction, so a good block
/// can be passed on with a level of its tree in place of its transactions, under the same root. No
/// coinbase leads such a list but with some 2^224 tries, which tells it from a bad block. Source: Core's
/// `IsBlockMutated`.
fn check_one_coinbase(block: &Block) -> Result<(), BlockError> {
    let mut txs = block.transactions.iter().enumerate();
    if !txs.next().is_some_and(|(_, first)| first.is_coinbase()) {
        return match block.transactions.iter().position(|tx| tx.base_size() == MERKLE_PAIR_LEN) {
            Some(index) => Err(BlockError::MerkleNodes { index }),
            None => Err(BlockError::CoinbaseMissing),
        };
    }
    match txs.find(|(_, tx)| tx.is_coinbase()) {
        Some((index, _)) => Err(BlockError::CoinbaseMultiple { index }),
        None => Ok(()),
    }
}

/// # Consensus
/// The signature operations visible without coins, four for one, stay within the limit.
fn check_legacy_sigops(block: &Block, spec: &ChainSpec) -> Result<(), BlockError> {
    let limit = spec.limits.sigop_cost;
    let got = block.transactions.iter().map(legacy_sigops).sum::<u64>() * WITNESS_SCALE_FACTOR;
    if got > limit {
        return Err(BlockError::Sigops { got, limit });
    }
    Ok(())
}
