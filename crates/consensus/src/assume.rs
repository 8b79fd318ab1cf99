//! When scripts need not be run because the chain is known to be valid.

use crate::tree::{HeaderTree, NodeId};

/// How long the work on top of a block must take at the present difficulty before its scripts may be
/// left out, in seconds: two weeks. It keeps a recent block from passing unchecked whatever is assumed.
const BURIED_SECONDS: u64 = 14 * 24 * 60 * 60;

/// Whether the scripts of this block may be left unrun. Every other rule is checked all the same.
///
/// # Consensus
/// Scripts are left out in the spec's assumed-valid block and in the blocks below it, and there only if
/// they also lie below the best header, the best header has the work the chain is known to have, and
/// its work on top of the block takes more than [`BURIED_SECONDS`] at the best header's difficulty.
/// Source: Core's `ConnectBlock` and `GetBlockProofEquivalentTime`.
pub(crate) fn is_assumed_valid(tree: &HeaderTree, id: NodeId) -> bool {
    let assume = &tree.spec().assume;
    let Some(assumed) = assume.assumed_valid.and_then(|hash| tree.get(&hash)) else { return false };
    let best = tree.best_header();
    let height = tree.height(id);
    let lies_below = |tip| tree.ancestor(tip, height) == Some(id);
    lies_below(assumed)
        && lies_below(best)
        && tree.work(best) >= assume.min_chain_work
        && is_buried(tree, id, best)
}

/// Whether floor(work on top × spacing / work of one block) is above [`BURIED_SECONDS`].
fn is_buried(tree: &HeaderTree, id: NodeId, best: NodeId) -> bool {
    let Some(on_top) = tree.work(best).checked_sub(tree.work(id)) else { return false };
    let Ok(target) = tree.header(best).bits.to_target() else { return false };
    let got = on_top.checked_mul(u64::from(tree.spec().pow.spacing));
    let least = target.to_work().checked_mul(BURIED_SECONDS + 1);
    matches!((got, least), (Some(got), Some(least)) if got >= least)
}
