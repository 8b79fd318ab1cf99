//! Which bits come next, against Core's own examples and an independent model.

use cairn_consensus::{HeaderTree, NodeId};
use cairn_params::{ChainSpec, MinDifficulty, Retarget, presets};
use cairn_primitives::{BlockTime, CompactTarget, Header, MerkleRoot, Target};
use proptest::prelude::*;

use crate::support::{bits, easy, height, time, tree, with_epochs};

/// Adds a header without proof of work.
fn put(tree: &mut HeaderTree, parent: NodeId, time: BlockTime, bits: CompactTarget) -> NodeId {
    let prev = tree.hash(parent);
    let header = Header { version: 4, prev, merkle_root: MerkleRoot::ZERO, time, bits, nonce: 0 };
    tree.insert_trusted(header).unwrap()
}

/// Mainnet's second period with these times at its ends and these bits throughout, and the bits after it.
fn after_period(first: u32, last: u32, each: u32) -> CompactTarget {
    let mut tree = tree(presets::bitcoin());
    let mut tip = tree.genesis();
    for at in 1..4_032 {
        let when = if at == 4_031 { last } else { first };
        tip = put(&mut tree, tip, time(when), bits(each));
    }
    assert_eq!(tree.height(tip), height(4_031));
    tree.next_bits(tip, time(0))
}

/// Core's `pow_tests`: an adjustment within bounds, one cut off at the limit, and one at each clamp.
#[test]
fn cores_four_examples() {
    assert_eq!(after_period(1_261_130_161, 1_262_152_739, 0x1d00_ffff), bits(0x1d00_d86a));
    assert_eq!(after_period(1_231_006_505, 1_233_061_996, 0x1d00_ffff), bits(0x1d00_ffff));
    assert_eq!(after_period(1_279_008_237, 1_279_297_671, 0x1c05_a3f4), bits(0x1c01_68fd));
    assert_eq!(after_period(1_263_163_443, 1_269_211_443, 0x1c38_7f6f), bits(0x1d00_e1fd));
}

/// 2,015 intervals are measured against the time of 2,016.
#[test]
fn the_off_by_one_is_part_of_the_rule() {
    // On schedule for 2,015 intervals, the target falls by 1/2016.
    let on_schedule = 1_231_006_505 + 2_015 * 600;
    assert_eq!(after_period(1_231_006_505, on_schedule, 0x1c00_ffff), bits(0x1c00_ffde));
    let a_block_late = on_schedule + 600;
    assert_eq!(after_period(1_231_006_505, a_block_late, 0x1c00_ffff), bits(0x1c00_ffff));
}

#[test]
fn both_clamps_bind_at_four_times() {
    let start = 1_500_000_000;
    let after = |seconds: u32| after_period(start, start + seconds, 0x1b00_8000);
    let two_weeks = 2_016 * 600;
    assert_eq!(after(two_weeks), bits(0x1b00_8000));
    assert_eq!(after(two_weeks / 4), bits(0x1a20_0000));
    assert_eq!(after(two_weeks / 4 - 1), bits(0x1a20_0000));
    assert_eq!(after(0), bits(0x1a20_0000));
    assert_eq!(after(two_weeks / 4 + 1), bits(0x1a20_0006));
    assert_eq!(after(two_weeks * 4), bits(0x1b02_0000));
    assert_eq!(after(two_weeks * 4 + 1), bits(0x1b02_0000));
    assert_eq!(after(two_weeks * 4 - 600), bits(0x1b01_ffef));
    // Times may run backwards; that counts as no time at all.
    assert_eq!(after_period(start, start - 1, 0x1b00_8000), bits(0x1a20_0000));
}

/// A tree whose genesis opens a first period of four blocks, and the last of them.
fn four_blocks(spec: ChainSpec, each: [u32; 3], times: [u32; 3]) -> (HeaderTree, NodeId) {
    let mut tree = tree(spec);
    let start = tree.header(tree.genesis()).time;
    let tip = each.into_iter().zip(times).fold(tree.genesis(), |tip, (each, seconds)| {
        put(&mut tree, tip, start.saturating_add(seconds), bits(each))
    });
    (tree, tip)
}

/// BIP94 scales the bits of a period's first block, which minimum-difficulty blocks cannot touch.
#[test]
fn bip94_scales_the_first_blocks_bits() {
    let each = [0x207f_ffff, 0x1f00_8000, 0x1e00_8000];
    for (from_first, expected) in [(false, 0x1e00_8000), (true, 0x207f_ffff)] {
        let (tree, tip) = four_blocks(with_epochs(4, 4, from_first), each, [600, 1_200, 2_400]);
        assert_eq!(tree.next_bits(tip, time(0)), bits(expected), "from first: {from_first}");
    }
}

fn testnet(window: u32) -> ChainSpec {
    let mut spec = with_epochs(window, 4, false);
    spec.pow.min_difficulty = MinDifficulty::AfterTwiceSpacing;
    spec
}

const LIMIT: u32 = 0x207f_ffff;

#[test]
fn a_block_is_late_after_twice_the_spacing() {
    let (tree, tip) = four_blocks(testnet(8), [0x2000_8000; 3], [600, 1_200, 1_800]);
    let parent = tree.header(tip).time;
    let next = |seconds| tree.next_bits(tip, parent.saturating_add(seconds));
    assert_eq!(next(0), bits(0x2000_8000));
    assert_eq!(next(1_200), bits(0x2000_8000));
    assert_eq!(next(1_201), bits(LIMIT));
    // Without the exception the time does not matter.
    let (tree, tip) = four_blocks(with_epochs(8, 4, false), [0x2000_8000; 3], [600, 1_200, 1_800]);
    assert_eq!(tree.next_bits(tip, time(u32::MAX)), bits(0x2000_8000));
}

#[test]
fn a_period_opens_without_exception() {
    let (tree, tip) = four_blocks(testnet(4), [0x2000_8000; 3], [600, 1_200, 2_400]);
    assert_eq!(tree.next_bits(tip, time(u32::MAX)), bits(0x2000_8000));
}

#[test]
fn after_an_exception_the_last_other_bits_return() {
    for (each, expected) in [
        ([0x2000_8000, LIMIT, LIMIT], 0x2000_8000),
        ([0x2000_8000, 0x2000_7000, LIMIT], 0x2000_7000),
        // Down to genesis, which opens a period.
        ([LIMIT, LIMIT, LIMIT], LIMIT),
    ] {
        let (tree, tip) = four_blocks(testnet(8), each, [600, 1_200, 1_800]);
        assert_eq!(tree.next_bits(tip, tree.header(tip).time), bits(expected));
    }
}

/// The block that opens a period ends the way back even if it carries the limit itself.
#[test]
fn the_way_back_ends_where_the_period_opens() {
    let mut tree = tree(testnet(4));
    let start = tree.header(tree.genesis()).time;
    let each = [0x2000_8000, 0x2000_8000, 0x2000_8000, LIMIT, LIMIT, LIMIT];
    let tip = (1..).zip(each).fold(tree.genesis(), |tip, (at, each)| {
        put(&mut tree, tip, start.saturating_add(600 * at), bits(each))
    });
    // Height 7 asks; heights 6, 5 and 4 carry the limit, and 4 opens the period.
    assert_eq!(tree.next_bits(tip, tree.header(tip).time), bits(LIMIT));
}

#[test]
fn without_retarget_the_parents_bits_stay() {
    let (tree, tip) = four_blocks(easy(), [0x2000_8000, 0x1f00_8000, 0x1e00_8000], [0, 0, u32::MAX / 2]);
    assert_eq!(tree.next_bits(tip, time(u32::MAX)), bits(0x1e00_8000));
}

/// The schedule starts at genesis: on it the bits stay, a half-life behind they double.
#[test]
fn the_exponential_schedule_starts_at_genesis() {
    let mut spec = easy();
    spec.pow.retarget = Retarget::Asert { half_life: 3_600 };
    spec.genesis.bits = bits(0x2000_8000);
    spec.genesis.nonce = {
        let header = crate::support::mined(Header { nonce: 0, ..spec.genesis_block().header });
        header.nonce
    };
    spec.genesis.hash = spec.genesis_block().hash();
    let after = |seconds: i64| {
        let mut tree = tree(spec.clone());
        let start = i64::from(tree.header(tree.genesis()).time.to_u32());
        let genesis = tree.genesis();
        let tip = put(&mut tree, genesis, time((start + seconds) as u32), bits(0x2000_8000));
        tree.next_bits(tip, time(0))
    };
    assert_eq!(after(600), bits(0x2000_8000));
    assert_eq!(after(600 + 3_600), bits(0x2001_0000));
    assert_eq!(after(600 - 3_600), bits(0x1f40_0000));
    assert_eq!(after(600 + 100 * 3_600), bits(LIMIT));
}

/// Targets small enough for plain 128-bit arithmetic.
fn small(target: u128) -> Target {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&target.to_be_bytes());
    Target::from_be_bytes(bytes)
}

proptest! {
    /// Against the rule written out with 128-bit numbers.
    #[test]
    fn epochs_follow_the_plain_arithmetic(
        (window, clamp, spacing) in (2u32..20, 1u32..9, 1u32..1_000),
        (base, limit) in (1u128..1 << 64, 1u128..1 << 66),
        end in 0u32..40_000,
        from_first: bool,
    ) {
        prop_assume!(u64::from(clamp) <= u64::from(spacing) * u64::from(window));
        let limit = limit.max(base);
        let mut spec = with_epochs(window, clamp, from_first);
        spec.pow.spacing = spacing;
        // The tree is not asked to check anything, so genesis need not fit the limit.
        spec.pow.limit = small(limit);
        let mut tree = HeaderTree::new(spec.into());
        let start = tree.header(tree.genesis()).time;
        let base = small(base).to_compact();
        let mut tip = tree.genesis();
        for at in 1..2 * window {
            let seconds = if at + 1 == 2 * window { end } else { 7 };
            tip = put(&mut tree, tip, start.saturating_add(seconds), base);
        }

        let kept = base.to_target().unwrap();
        let kept = u128::from_be_bytes(kept.to_be_bytes()[16..].try_into().unwrap());
        let ideal = u128::from(spacing) * u128::from(window);
        // The second period: its first block is 7 seconds after genesis.
        let taken = u128::from(end.saturating_sub(7)).clamp(ideal / u128::from(clamp), ideal * u128::from(clamp));
        let expected = small((kept * taken / ideal).min(limit));
        prop_assert_eq!(tree.next_bits(tip, time(0)), expected.to_compact());
    }
}
