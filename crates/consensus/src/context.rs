//! What a block must keep at its place in the chain, coins aside: the second validity level.

use cairn_params::Fork;
use cairn_primitives::{Block, Script, ScriptBuilder, Sha256d, Transaction, hash};

use crate::block::CheckedBlock;
use crate::error::BlockError;
use crate::locks::check_final;
use crate::place::Place;
use crate::tree::{HeaderTree, NodeId};

/// First bytes of the output that commits to the witnesses: `OP_RETURN`, a push of 36 bytes and the
/// four bytes of BIP141.
pub const COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// Least length of that output's script: the prefix and 32 bytes of commitment.
pub const COMMITMENT_SCRIPT_LEN: usize = 38;

/// Checks a block against the rules that depend on its height and on the headers below it.
///
/// `id` is the block's own header in `tree`.
///
/// # Errors
/// The first [`BlockError`] in the order of Core's `ContextualCheckBlock`: lock times, coinbase
/// height, witness commitment, weight; before them [`BlockError::WrongBlock`] if `id` is another
/// block's header.
pub fn check_context(tree: &HeaderTree, id: NodeId, block: &CheckedBlock) -> Result<(), BlockError> {
    if tree.hash(id) != block.hash() {
        return Err(BlockError::WrongBlock { got: block.hash(), expected: tree.hash(id) });
    }
    match Place::in_tree(tree, id) {
        Some(place) => check_in_place(&place, block),
        None => Ok(()),
    }
}

/// [`check_context`] of a block that is known to stand at this place.
pub(crate) fn check_in_place(place: &Place<'_>, checked: &CheckedBlock) -> Result<(), BlockError> {
    let block = checked.block();
    check_lock_times(place, block)?;
    check_coinbase_height(place, block)?;
    check_witness_commitment(place, checked)?;
    check_weight(place, block)
}

/// # Consensus
/// Every transaction is final at the block's height, and at the parent's median time past where
/// BIP113 holds, else at the block's own time.
fn check_lock_times(place: &Place<'_>, block: &Block) -> Result<(), BlockError> {
    let height = place.height;
    let cutoff = match place.holds(Fork::Csv) {
        true => place.median_time_past(),
        false => block.header.time,
    };
    for tx in &block.transactions {
        check_final(tx, height, cutoff).map_err(|error| BlockError::Tx { txid: tx.txid(), error })?;
    }
    Ok(())
}

/// # Consensus
/// The coinbase script begins with the block's height, pushed as a script number in its shortest
/// form. Source: BIP34.
fn check_coinbase_height(place: &Place<'_>, block: &Block) -> Result<(), BlockError> {
    let height = place.height;
    if !place.holds(Fork::Bip34) {
        return Ok(());
    }
    let expected = ScriptBuilder::new().push_int(i64::from(height.to_u32())).into_script();
    let script = coinbase_script(block);
    if !script.as_bytes().starts_with(expected.as_bytes()) {
        return Err(BlockError::CoinbaseHeight { expected: height });
    }
    Ok(())
}

/// # Consensus
/// Where segwit holds and the coinbase has a commitment output (the last one counts), the coinbase
/// witness is one item of 32 bytes, and the double hash of witness merkle root and item equals the
/// commitment. Without a commitment no transaction may carry a witness. Source: BIP141, Core's
/// `CheckWitnessMalleation`.
fn check_witness_commitment(place: &Place<'_>, checked: &CheckedBlock) -> Result<(), BlockError> {
    let block = checked.block();
    let active = place.holds(Fork::Segwit);
    let Some(got) = active.then(|| find_commitment(block)).flatten() else {
        return match block.transactions.iter().position(|tx| tx.has_witness()) {
            Some(index) => Err(BlockError::UnexpectedWitness { index }),
            None => Ok(()),
        };
    };
    let witness = &block.transactions[0].inputs()[0].witness;
    let nonce: [u8; 32] = match witness.get(0) {
        Some(item) if witness.len() == 1 => item.try_into().map_err(|_| BlockError::WitnessNonceSize)?,
        _ => return Err(BlockError::WitnessNonceSize),
    };
    let expected = witness_commitment(&checked.witness_merkle_root(), &nonce);
    if got != expected {
        return Err(BlockError::WitnessCommitment { got, expected });
    }
    Ok(())
}

/// The commitment to put into the coinbase: the double SHA-256 of the witness merkle root and the
/// coinbase's 32-byte witness item (BIP141).
pub fn witness_commitment(root: &Sha256d, nonce: &[u8; 32]) -> Sha256d {
    let mut joined = [0; 64];
    joined[..32].copy_from_slice(root.as_bytes());
    joined[32..].copy_from_slice(nonce);
    Sha256d::from_bytes(hash::sha256d(&joined))
}

/// The commitment of the last coinbase output that has one.
fn find_commitment(block: &Block) -> Option<Sha256d> {
    let coinbase = block.transactions.first()?;
    let script = coinbase.outputs()[find_commitment_output(coinbase)?].script_pubkey.as_bytes();
    script[COMMITMENT_PREFIX.len()..COMMITMENT_SCRIPT_LEN].try_into().ok().map(Sha256d::from_bytes)
}

/// Index of the last output that commits to the witnesses. Its script has at least
/// [`COMMITMENT_SCRIPT_LEN`] bytes.
pub(crate) fn find_commitment_output(coinbase: &Transaction) -> Option<usize> {
    coinbase.outputs().iter().rposition(|output| {
        let script = output.script_pubkey.as_bytes();
        script.len() >= COMMITMENT_SCRIPT_LEN && script.starts_with(&COMMITMENT_PREFIX)
    })
}

/// # Consensus
/// The block's weight stays within the limit. Checked after the commitment, because witness bytes
/// that nothing commits to can be added by anyone.
fn check_weight(place: &Place<'_>, block: &Block) -> Result<(), BlockError> {
    let (got, limit) = (block.weight().to_u64(), place.spec.limits.block_weight);
    if got > limit { Err(BlockError::Weight { got, limit }) } else { Ok(()) }
}

fn coinbase_script(block: &Block) -> &Script {
    &block.transactions[0].inputs()[0].script_sig
}
