//! Which bits the next block must carry.

use cairn_params::{Fork, MinDifficulty, Retarget};
use cairn_primitives::{BlockTime, CompactTarget, Height, Target};

use crate::tree::{HeaderTree, NodeId};

/// How far the first block of a period may lie before its parent under BIP94, in seconds.
const MAX_TIMEWARP: u32 = 600;

/// # Consensus
/// A block's bits follow from the blocks below it alone (and, on test networks, from its own time).
/// Source: Core's `GetNextWorkRequired`.
pub(crate) fn next_bits(tree: &HeaderTree, parent: NodeId, time: BlockTime) -> CompactTarget {
    match tree.spec().pow.retarget {
        Retarget::None => tree.header(parent).bits,
        Retarget::Asert { half_life } => asert(tree, parent, half_life),
        Retarget::Epoch { window, clamp, from_first } => {
            let height = tree.height(parent).next().to_u32();
            match height % window {
                0 => epoch(tree, parent, Epoch { window, clamp, from_first }),
                _ => inside_epoch(tree, parent, time, window),
            }
        }
    }
}

/// The earliest time BIP94 allows a block on `parent`, if the rule holds there.
///
/// # Consensus
/// The first block of a retarget period must not be more than 600 s before its parent, which
/// closes the time-warp attack. Source: BIP94, Core's `ContextualCheckBlockHeader`.
pub(crate) fn timewarp_limit(tree: &HeaderTree, parent: NodeId) -> Option<BlockTime> {
    let height = tree.height(parent).next();
    let Retarget::Epoch { window, .. } = tree.spec().pow.retarget else { return None };
    let rule_holds = height.to_u32().is_multiple_of(window) && tree.holds_on(parent, Fork::Bip94);
    rule_holds.then(|| tree.header(parent).time.saturating_sub(MAX_TIMEWARP))
}

struct Epoch {
    window: u32,
    clamp: u32,
    from_first: bool,
}

/// # Consensus
/// Every `window` blocks the target is scaled by the time the last `window` blocks took over the
/// time they should have taken, at most by `clamp` either way, and never above the limit. The time
/// is measured over `window - 1` intervals, from the first block of the period to its last: the
/// off-by-one is part of the rule. Source: Core's `CalculateNextWorkRequired`; BIP94 scales the
/// first block's target rather than the last one's.
fn epoch(tree: &HeaderTree, parent: NodeId, rule: Epoch) -> CompactTarget {
    let pow = &tree.spec().pow;
    let last = tree.header(parent);
    let first_height = tree.height(parent).to_u32() + 1 - rule.window;
    let first_id =
        tree.ancestor(parent, Height::new(first_height)).expect("a period lies below its last block");
    let first = tree.header(first_id);

    let ideal = u64::from(pow.spacing) * u64::from(rule.window);
    let clamp = u64::from(rule.clamp);
    let taken = u64::from(last.time.to_u32()).saturating_sub(u64::from(first.time.to_u32()));
    let taken = taken.clamp(ideal / clamp, ideal.saturating_mul(clamp));

    let base = if rule.from_first { first.bits } else { last.bits };
    let scaled = target_in_tree(base).saturating_mul_div(taken, ideal);
    scaled.min(pow.limit).to_compact()
}

/// # Consensus
/// Between retargets the bits stay. On test networks a block more than twice the spacing after its
/// parent must carry the limit, and the blocks after it go back to the last bits that were not such
/// an exception. Source: Core's `GetNextWorkRequired`, `fPowAllowMinDifficultyBlocks`.
fn inside_epoch(tree: &HeaderTree, parent: NodeId, time: BlockTime, window: u32) -> CompactTarget {
    let pow = &tree.spec().pow;
    let limit = pow.limit.to_compact();
    match pow.min_difficulty {
        MinDifficulty::Never => tree.header(parent).bits,
        MinDifficulty::AfterTwiceSpacing => {
            let latest = u64::from(tree.header(parent).time.to_u32()) + 2 * u64::from(pow.spacing);
            if u64::from(time.to_u32()) > latest {
                return limit;
            }
            let mut at = parent;
            while let Some(below) = tree.parent(at) {
                let opens_period = tree.height(at).to_u32().is_multiple_of(window);
                if opens_period || tree.header(at).bits != limit {
                    break;
                }
                at = below;
            }
            tree.header(at).bits
        }
    }
}

/// # Consensus
/// The target doubles for every `half_life` seconds the chain is behind its schedule and halves for
/// every one it is ahead. The schedule starts at genesis, one block every `spacing` seconds: the
/// specification `aserti3-2d` with genesis as its anchor, whose parent counts as made one spacing
/// before it.
fn asert(tree: &HeaderTree, parent: NodeId, half_life: u32) -> CompactTarget {
    let pow = &tree.spec().pow;
    let anchor = tree.header(tree.genesis());
    let elapsed = i128::from(tree.header(parent).time.seconds_since(anchor.time));
    let scheduled = i128::from(pow.spacing) * i128::from(tree.height(parent).to_u32());
    let rule = Asert { half_life, limit: pow.limit };
    rule.scale(target_in_tree(anchor.bits), elapsed - scheduled).to_compact()
}

struct Asert {
    half_life: u32,
    limit: Target,
}

impl Asert {
    /// `target` × 2^(`behind` / half-life), at least 1 and at most the limit.
    ///
    /// `behind` is in seconds. The exponent is in 16-bit fixed point, rounded towards zero, and the
    /// power of two a cubic in its fraction, as the specification has them.
    fn scale(&self, target: Target, behind: i128) -> Target {
        let exponent = behind * 65_536 / i128::from(self.half_life);
        let (whole, fraction) = (exponent >> 16, (exponent & 0xffff) as u128);
        let cubic = 195_766_423_245_049 * fraction
            + 971_821_376 * fraction.pow(2)
            + 5_127 * fraction.pow(3)
            + (1 << 47);
        let factor = 65_536 + (cubic >> 48) as u64;
        // Past 2^±400 the result has long met one of its bounds.
        let whole = whole.clamp(-400, 400) as i32;
        target.saturating_mul_pow2(factor, whole - 16).min(self.limit).max(Target::from_be_bytes(ONE))
    }
}

/// The hardest target there is: 1.
const ONE: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[31] = 1;
    bytes
};

/// The target of bits that a header in the tree carries.
fn target_in_tree(bits: CompactTarget) -> Target {
    bits.to_target().expect("a header in the tree has bits that are a target")
}

#[cfg(test)]
mod tests;
