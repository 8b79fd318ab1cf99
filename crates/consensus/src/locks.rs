//! Absolute and relative lock times.

use cairn_primitives::{BlockTime, Coin, Height, RelativeLock, Transaction};

use crate::error::TxError;
use crate::place::Place;
use crate::tree::{HeaderTree, NodeId};

/// Lock times below this are heights, the others Unix seconds (Core's `LOCKTIME_THRESHOLD`).
pub const LOCKTIME_THRESHOLD: u32 = 500_000_000;

/// Lowest transaction version whose sequence numbers are relative locks (BIP68).
const BIP68_VERSION: u32 = 2;

/// # Consensus
/// A lock time has passed when it is lower than the block's height, or than `cutoff` if it is a
/// time; a transaction whose inputs are all final has no lock. `cutoff` is the parent's median time
/// past under BIP113 and the block's own time before. Source: Core's `IsFinalTx`.
///
/// # Errors
/// [`TxError::NonFinal`].
pub fn check_final(tx: &Transaction, height: Height, cutoff: BlockTime) -> Result<(), TxError> {
    let lock = tx.lock_time().to_u32();
    let reached = match lock < LOCKTIME_THRESHOLD {
        true => height.to_u32(),
        false => cutoff.to_u32(),
    };
    if lock == 0 || lock < reached || tx.inputs().iter().all(|input| input.sequence.is_final()) {
        return Ok(());
    }
    Err(TxError::NonFinal { lock_time: tx.lock_time(), height })
}

/// # Consensus
/// From version 2 on, an input's sequence number may ask that its coin be a number of blocks, or of
/// 512-second units of median time past, old. Both count from the coin's block: the age in blocks
/// from its height, the age in time from the median time past of the block before it. Source:
/// BIP68, Core's `CalculateSequenceLocks` and `EvaluateSequenceLocks`.
///
/// `parent` is the block below the one the transaction is, or would be, part of.
///
/// # Errors
/// [`TxError::SequenceLocked`].
pub fn check_sequence_locks(
    tx: &Transaction,
    coins: &[Coin],
    tree: &HeaderTree,
    parent: NodeId,
) -> Result<(), TxError> {
    check_sequence_locks_at(tx, coins, &Place::above(tree, parent))
}

/// [`check_sequence_locks`] for a block at this place. A lock in units of time is taken to have passed where the
/// chain is not at hand to tell.
pub(crate) fn check_sequence_locks_at(
    tx: &Transaction,
    coins: &[Coin],
    place: &Place<'_>,
) -> Result<(), TxError> {
    // The version is compared without its sign, as Core does.
    if (tx.version() as u32) < BIP68_VERSION {
        return Ok(());
    }
    let height = place.height;
    let locked = tx.inputs().iter().zip(coins).any(|(input, coin)| match input.sequence.relative_lock() {
        RelativeLock::Disabled => false,
        RelativeLock::Blocks(blocks) => {
            let open_from = u64::from(coin.height.to_u32()) + u64::from(blocks);
            u64::from(height.to_u32()) < open_from
        }
        RelativeLock::Units512s(units) => {
            let below_coin = Height::new(coin.height.to_u32().saturating_sub(1));
            place.median_time_past_at(below_coin).is_some_and(|counted_from| {
                let open_from = u64::from(counted_from.to_u32()) + (u64::from(units) << 9);
                u64::from(place.median_time_past().to_u32()) < open_from
            })
        }
    });
    if locked { Err(TxError::SequenceLocked { height }) } else { Ok(()) }
}
