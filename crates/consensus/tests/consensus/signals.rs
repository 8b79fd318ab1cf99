//! The states of forks that blocks signal for: Core's own scenario, BIP8's rules, and a model that walks every header.

use std::sync::Arc;

use cairn_consensus::DeploymentState::{self, Active, Defined, Failed, LockedIn, MustSignal, Started};
use cairn_consensus::{HeaderError, HeaderTree, NodeId};
use cairn_params::{Activation, ChainSpec, Fork, Schedule, Signalling};
use cairn_primitives::{Header, MerkleRoot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{LATE, child, easy, height, mined, time, tree};

/// BIP9's high bits.
const TOP: i32 = 0x2000_0000;

/// A chain on which taproot is signalled for by bit 8 and CSV by `csv`.
fn spec_with(taproot: Signalling, csv: Option<Signalling>) -> ChainSpec {
    let mut spec = easy();
    spec.deployments.taproot = Activation::Signalled(taproot);
    spec.deployments.csv = csv.map_or(Activation::Always, Activation::Signalled);
    spec
}

/// Bit 8, four blocks a period, three of which decide, from 4 to 16.
fn by_height(lock_in_on_timeout: bool) -> Signalling {
    let schedule = Schedule::Heights { start: height(4), timeout: height(16), lock_in_on_timeout };
    Signalling { bit: 8, schedule, threshold: 3, window: 4, min_activation_height: height(0) }
}

/// Adds a header with this version and time, unchecked.
fn add(tree: &mut HeaderTree, parent: NodeId, version: i32, seconds: u32) -> NodeId {
    let merkle_root = MerkleRoot::from_bytes([tree.len() as u8; 32]);
    let header = Header { version, time: time(seconds), merkle_root, ..child(tree, parent) };
    tree.insert_trusted(header).unwrap()
}

/// One block in ten minutes, as Core's test has them.
const fn at(block: u32) -> u32 {
    1_415_926_536 + 600 * block
}

/// Blocks up to this number of them, with this time and version, and then the state of the next.
type Step = (u32, u32, i32, DeploymentState);

const YES: i32 = 0x100;

/// Core's `versionbits_tests`: bit 8, 900 of 1,000 blocks, from block time 10,000 to 20,000. The versions are without BIP9's
/// high bits there, which the test's chain adds.
const CORE_SCENARIOS: &[(&str, &[Step])] = &[
    (
        "the start and the timeout in one period: it still starts, and fails a period later",
        &[
            (1, at(1), YES, Defined),
            (11, at(11), YES, Defined),
            (989, at(989), YES, Defined),
            (999, at(20_000), YES, Defined),
            (1000, at(20_000), 0, Started),
            (1999, at(30_001), 0, Started),
            (2000, at(30_002), YES, Failed),
            (2001, at(30_003), YES, Failed),
            (2999, at(30_004), YES, Failed),
            (3000, at(30_005), YES, Failed),
            (4000, at(30_006), YES, Failed),
        ],
    ),
    (
        "one block short of the threshold at the timeout",
        &[
            (1, at(1), 0, Defined),
            (1000, at(10_000) - 1, YES, Defined),
            (2000, at(10_000), YES, Started),
            (2051, at(10_010), 0, Started),
            (2950, at(10_020), YES, Started),
            (3000, at(20_000), 0, Failed),
            (4000, at(20_010), YES, Failed),
        ],
    ),
    (
        "locked in after the timeout has passed",
        &[
            (1, at(1), 0, Defined),
            (1000, at(10_000) - 1, 0x101, Defined),
            (2000, at(10_000), 0x101, Started),
            (2999, at(30_000), YES, Started),
            (3000, at(30_000), YES, LockedIn),
            (3999, at(30_001), 0, LockedIn),
            (4000, at(30_002), 0, Active),
            (14_333, at(30_003), 0, Active),
            (24_000, at(40_000), 0, Active),
        ],
    ),
    (
        "exactly at the threshold, before the timeout",
        &[
            (1, at(1), 0, Defined),
            (1000, at(10_000) - 1, 0x101, Defined),
            (2000, at(10_000), 0x101, Started),
            (2050, at(10_010), 0x200, Started),
            (2950, at(10_020), YES, Started),
            (2999, at(19_999), 0x200, Started),
            (3000, at(29_999), 0x200, LockedIn),
            (3999, at(30_001), 0, LockedIn),
            (4000, at(30_002), 0, Active),
            (14_333, at(30_003), 0, Active),
            (15_000, at(40_000), 0, Active),
        ],
    ),
    (
        "several periods each",
        &[
            (999, at(999), 0, Defined),
            (1000, at(1000), 0, Defined),
            (2000, at(2000), 0, Defined),
            (3000, at(10_000), 0, Started),
            (4000, at(10_000), 0, Started),
            (5000, at(10_000), 0, Started),
            (5999, at(20_000), 0, Started),
            (6000, at(20_000), 0, Failed),
            (7000, at(20_000), YES, Failed),
            (12_000, at(20_000), YES, Failed),
        ],
    ),
];

#[test]
fn cores_scenarios_give_cores_states() {
    let schedule = Schedule::Times { start: time(at(10_000)), timeout: time(at(20_000)) };
    let prompt =
        Signalling { bit: 8, schedule, threshold: 900, window: 1000, min_activation_height: height(0) };
    let delayed = Signalling { min_activation_height: height(15_000), ..prompt };
    for &(name, steps) in CORE_SCENARIOS {
        for signalling in [prompt, delayed] {
            let mut tree = tree(spec_with(signalling, None));
            let mut tip = tree.genesis();
            for &(blocks, seconds, version, expected) in steps {
                while (tree.len() as u32) < blocks {
                    tip = add(&mut tree, tip, TOP | version, seconds);
                }
                let waits = signalling == delayed && expected == Active && blocks < 15_000;
                let expected = if waits { LockedIn } else { expected };
                let got = tree.deployment_state(tip, Fork::Taproot);
                assert_eq!(got, Some(expected), "{name}: {blocks} blocks");
                assert_eq!(tree.holds_on(tip, Fork::Taproot), expected == Active);
                let asked = matches!(expected, Started | LockedIn);
                let version = if asked { TOP | 0x100 } else { TOP };
                assert_eq!(tree.next_block(tip, LATE).version, version, "{name}: {blocks} blocks");
            }
        }
    }
}

/// The states of blocks 0, 4, 8, ... on a chain whose n-th period has `signals[n]` signalling blocks, up to the first header
/// that is refused.
fn states(signalling: Signalling, signals: &[u32]) -> Vec<DeploymentState> {
    let mut tree = tree(spec_with(signalling, None));
    let mut tip = tree.genesis();
    let mut states = vec![Defined];
    for (period, count) in signals.iter().enumerate() {
        for place in u32::from(period == 0)..4 {
            let version = if place < *count { TOP | 0x100 } else { TOP };
            let header = mined(Header { version, ..child(&tree, tip) });
            match tree.insert(header, LATE) {
                Ok(inserted) => tip = inserted.id,
                Err(HeaderError::SignalMissing { height: at, bit, got, limit }) => {
                    assert_eq!((at.to_u32(), bit), (period as u32 * 4 + place, 8));
                    assert_eq!((got, limit), (2, 1));
                    return states;
                }
                Err(error) => panic!("{error}"),
            }
        }
        states.push(tree.deployment_state(tip, Fork::Taproot).unwrap());
    }
    states
}

#[test]
fn without_lock_in_on_timeout_a_fork_fails_at_its_timeout() {
    // From 4 on; the threshold is 3 of 4; the timeout is at 16.
    let fork = by_height(false);
    assert_eq!(states(fork, &[4, 3, 0]), [Defined, Started, LockedIn, Active]);
    assert_eq!(
        states(fork, &[0, 2, 2, 3, 0, 0]),
        [Defined, Started, Started, Started, LockedIn, Active, Active]
    );
    assert_eq!(states(fork, &[0, 2, 2, 2, 4]), [Defined, Started, Started, Started, Failed, Failed]);
}

#[test]
fn with_lock_in_on_timeout_the_last_period_must_signal() {
    let fork = by_height(true);
    assert_eq!(states(fork, &[0, 3, 0]), [Defined, Started, LockedIn, Active]);
    let reached = [Defined, Started, Started, MustSignal, LockedIn, Active];
    assert_eq!(states(fork, &[0, 2, 2, 3, 0]), reached);
    assert_eq!(states(fork, &[0, 2, 2, 4, 0]), reached);
    // One short of the threshold: the second block without the bit is refused.
    assert_eq!(states(fork, &[0, 2, 2, 2]), [Defined, Started, Started, MustSignal]);
}

#[test]
fn a_fork_that_is_locked_in_waits_for_its_least_height() {
    for (least, waits) in [(0, 0), (12, 0), (13, 1), (16, 1), (17, 2)] {
        let fork = Signalling { min_activation_height: height(least), ..by_height(false) };
        let mut expected = vec![Defined, Started, LockedIn];
        expected.extend(vec![LockedIn; waits]);
        expected.push(Active);
        let signals: Vec<u32> = [0, 3].into_iter().chain(vec![0; waits + 1]).collect();
        assert_eq!(states(fork, &signals), expected, "not before {least}");
        assert!(fork.earliest_height().to_u32() == 12 + 4 * waits as u32);
    }
}

#[test]
fn a_bit_counts_behind_bip9s_high_bits_alone() {
    for (version, counts) in [
        (TOP | 0x100, true),
        (0x3fff_ffff, true),
        (0x100, false),
        (0x4000_0100, false),
        (0x6000_0100, false),
        (i32::MIN | 0x100, false),
        (-1, false),
        (TOP | 0x80, false),
    ] {
        assert_eq!(by_height(false).is_signalled_by(version), counts, "{version:#x}");
    }
}

/// The rules of BIP9 and BIP8 as they are written there: each state from the last by a walk over all blocks.
struct Model<'a> {
    tree: &'a HeaderTree,
    signalling: Signalling,
}

impl Model<'_> {
    fn signals(&self, id: NodeId) -> bool {
        let version = self.tree.header(id).version as u32;
        version >> 29 == 1 && version >> self.signalling.bit & 1 == 1
    }

    /// The state of a block of this height on `parent`.
    fn state(&self, parent: NodeId) -> DeploymentState {
        let Signalling { schedule, threshold, window, min_activation_height, .. } = self.signalling;
        let at = self.tree.height(parent).to_u32() + 1;
        if at < window {
            return Defined;
        }
        if !at.is_multiple_of(window) {
            return self.state(self.tree.parent(parent).unwrap());
        }
        let mut walk = Some(parent);
        let (mut blocks, mut count) = (0, 0);
        while let (Some(block), true) = (walk, blocks < window) {
            count += u32::from(self.signals(block));
            (walk, blocks) = (self.tree.parent(block), blocks + 1);
        }
        // The parent of the period's first block; none below genesis.
        let last = walk.map_or(Defined, |below| self.state(below));
        let median = self.tree.median_time_past(parent).to_u32();
        let (started, over, forced) = match schedule {
            Schedule::Times { start, timeout } => {
                (median >= start.to_u32(), median >= timeout.to_u32(), false)
            }
            Schedule::Heights { start, timeout, lock_in_on_timeout } => {
                let end = timeout.to_u32();
                (at >= start.to_u32(), at >= end, lock_in_on_timeout && at + window >= end)
            }
        };
        match last {
            Defined => [Defined, Started][usize::from(started)],
            Started if count >= threshold => LockedIn,
            Started if forced => MustSignal,
            Started => [Started, Failed][usize::from(over)],
            MustSignal => LockedIn,
            LockedIn => [LockedIn, Active][usize::from(at >= min_activation_height.to_u32())],
            Active | Failed => last,
        }
    }

    /// Whether BIP8 lets a block of this version stand on `parent`.
    fn allows(&self, parent: NodeId, version: i32) -> bool {
        if self.state(parent) != MustSignal {
            return true;
        }
        let Signalling { threshold, window, .. } = self.signalling;
        let mut missing = u32::from(!self.signalling.is_signalled_by(version));
        let mut walk = parent;
        while self.tree.height(walk).to_u32() % window != window - 1 {
            missing += u32::from(!self.signals(walk));
            walk = self.tree.parent(walk).unwrap();
        }
        missing + threshold <= window
    }
}

fn any_signalling(bit: u8) -> impl Strategy<Value = Signalling> {
    let times = (0..40_u32, 1..60_u32).prop_map(|(start, more)| {
        let start = 1_296_688_602 + 600 * start;
        Schedule::Times { start: time(start), timeout: time(start + 600 * more) }
    });
    let heights = (0..4_u32, 2..6_u32, any::<bool>()).prop_map(|(start, more, lock_in_on_timeout)| {
        // In periods; scaled below.
        Schedule::Heights { start: height(start), timeout: height(start.max(1) + more), lock_in_on_timeout }
    });
    (prop_oneof![times, heights], 1..6_u32, any::<Index>(), 0..40_u32).prop_map(
        move |(schedule, window, threshold, least)| {
            let schedule = match schedule {
                Schedule::Heights { start, timeout, lock_in_on_timeout } => Schedule::Heights {
                    start: height(start.to_u32() * window),
                    timeout: height(timeout.to_u32() * window),
                    lock_in_on_timeout,
                },
                times => times,
            };
            let threshold = threshold.index(window as usize) as u32 + 1;
            Signalling { bit, schedule, threshold, window, min_activation_height: height(least) }
        },
    )
}

/// Where the next header goes: how far below the newest, whether it signals for each fork, and how late it is.
fn any_headers() -> impl Strategy<Value = Vec<(usize, u8, u32)>> {
    let below = prop_oneof![9 => Just(0_usize), 1 => 1..30_usize];
    vec((below, 0..8_u8, 1..1200_u32), 1..120)
}

/// Bits 8 and 3, mostly with BIP9's high bits.
fn version(choice: u8) -> i32 {
    let bits = i32::from(choice & 1) << 8 | i32::from(choice >> 1 & 1) << 3;
    if choice == 7 { bits } else { TOP | bits }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_branch_has_the_models_states(
        taproot in any_signalling(8),
        csv in any_signalling(3),
        headers in any_headers(),
    ) {
        let mut tree = tree(spec_with(taproot, Some(csv)));
        let mut refused = 0;
        for (below, choice, later) in headers {
            let parent = tree.ids().rev().nth(below.min(tree.len() - 1)).unwrap();
            let seconds = tree.median_time_past(parent).to_u32() + later;
            let version = version(choice);
            let mut header = Header { version, time: time(seconds), ..child(&tree, parent) };
            // Two siblings may agree in everything else.
            header.merkle_root = MerkleRoot::from_bytes([(tree.len() + refused) as u8; 32]);
            let fine = [taproot, csv].into_iter()
                .all(|signalling| Model { tree: &tree, signalling }.allows(parent, version));
            let inserted = tree.insert(mined(header), LATE);
            match inserted {
                Ok(_) => prop_assert!(fine),
                Err(error) => {
                    let lacking = matches!(error, HeaderError::SignalMissing { .. });
                    prop_assert!(lacking && !fine, "{}", error);
                    refused += 1;
                }
            }
        }
        let mut reloaded = HeaderTree::new(Arc::clone(tree.spec()));
        for id in tree.ids().skip(1) {
            reloaded.insert_trusted(*tree.header(id)).unwrap();
        }
        for id in tree.ids() {
            for (fork, signalling) in [(Fork::Taproot, taproot), (Fork::Csv, csv)] {
                let expected = Model { tree: &tree, signalling }.state(id);
                prop_assert_eq!(tree.deployment_state(id, fork), Some(expected));
                prop_assert_eq!(reloaded.deployment_state(id, fork), Some(expected));
                prop_assert_eq!(tree.holds_on(id, fork), expected == Active);
                let early = tree.height(id).next() < signalling.earliest_height();
                prop_assert!(!(early && expected == Active));
            }
        }
    }
}

/// Forks with the same figures are one deployment, and those with a height have no state.
#[test]
fn forks_may_share_a_deployment() {
    let mut tree = tree(spec_with(by_height(false), Some(by_height(false))));
    let mut tip = tree.genesis();
    for _ in 1..12 {
        let seconds = at(tree.len() as u32);
        tip = add(&mut tree, tip, TOP | 0x100, seconds);
    }
    for fork in [Fork::Taproot, Fork::Csv] {
        assert_eq!(tree.deployment_state(tip, fork), Some(Active));
    }
    assert_eq!(tree.deployment_state(tip, Fork::Segwit), None);
    assert!(tree.holds_on(tip, Fork::Segwit));
}
