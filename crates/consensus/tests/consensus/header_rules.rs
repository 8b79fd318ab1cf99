//! Each rule of a header, at its limit and past it.

use cairn_consensus::{HeaderError, HeaderTree, NodeId, Verdict, check_pow};
use cairn_params::{Activation, ChainSpec, Schedule, Signalling};
use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Header};

use crate::support::{
    LATE, Side, bits, child, child_at, easy, extend, height, mined, rules, time, tree, with_epochs,
};

rules! { HeaderError:
    KnownInvalid "duplicate-invalid" Invalid known_invalid;
    TargetOutOfRange "high-hash" Invalid target_out_of_range;
    HighHash "high-hash" Invalid high_hash;
    UnknownParent "prev-blk-not-found" Premature unknown_parent;
    InvalidParent "bad-prevblk" Invalid invalid_parent;
    WrongBits "bad-diffbits" Invalid wrong_bits;
    Checkpoint "bad-fork-prior-to-checkpoint" Invalid checkpoint;
    BelowCheckpoint "bad-fork-prior-to-checkpoint" Invalid below_checkpoint;
    TimeTooOld "time-too-old" Invalid time_too_old;
    Timewarp "time-timewarp-attack" Invalid timewarp;
    TimeTooNew "time-too-new" Premature time_too_new;
    BadVersion "bad-version" Invalid bad_version;
    SignalMissing "bad-version-bip8-must-signal" Invalid signal_missing;
    TreeFull "header-tree-full" Internal tree_full;
}

type Outcome = Result<(), HeaderError>;

fn insert(tree: &mut HeaderTree, header: Header) -> Outcome {
    let before = tree.len();
    let result = tree.insert(mined(header), LATE);
    assert_eq!(tree.len(), before + usize::from(result.is_ok_and(|inserted| inserted.new)), "all or nothing");
    result.map(|_| ())
}

fn known_invalid(side: Side) -> Outcome {
    let mut tree = tree(easy());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 2);
    let below = tree.parent(tip).unwrap();
    tree.mark_invalid(below);
    if side == Side::At {
        tree.reconsider(tip);
    }
    let again = *tree.header(tip);
    insert(&mut tree, again)
}

fn target_out_of_range(side: Side) -> Outcome {
    let mut spec = easy();
    spec.pow.limit = bits(0x207f_ff00).to_target().unwrap();
    let genesis = spec.genesis_block().header;
    let header = mined(Header { bits: bits(side.pick(0x207f_ff00, 0x207f_ff01)), ..genesis });
    check_pow(&header, header.hash(), &spec)
}

#[test]
fn bits_that_are_no_target_are_out_of_range() {
    let spec = easy();
    let header = spec.genesis_block().header;
    // Negative, zero (four ways), too large.
    for odd in [0x2080_0001, 0, 0x0100_0000, 0x2000_0000, 0x0080_0000, 0x2200_ffff, 0xff7f_ffff] {
        let header = Header { bits: bits(odd), ..header };
        let error = check_pow(&header, BlockHash::ZERO, &spec).unwrap_err();
        assert_eq!(error, HeaderError::TargetOutOfRange { got: bits(odd), limit: bits(0x207f_ffff) });
    }
}

fn high_hash(side: Side) -> Outcome {
    let spec = easy();
    let header = Header { bits: bits(0x1d00_ffff), ..spec.genesis_block().header };
    // The target is ffff × 2^208, the hash read as a little-endian number is as much or one more.
    let mut number = [0; 32];
    number[26..28].fill(0xff);
    number[0] = side.pick(0, 1);
    check_pow(&header, BlockHash::from_bytes(number), &spec)
}

fn unknown_parent(side: Side) -> Outcome {
    let mut other = tree(easy());
    let genesis = other.genesis();
    let tip = extend(&mut other, genesis, 2);
    let mut tree = tree(easy());
    if side == Side::At {
        extend(&mut tree, genesis, 1);
    }
    let orphan = *other.header(tip);
    insert(&mut tree, orphan)
}

fn invalid_parent(side: Side) -> Outcome {
    let mut tree = tree(easy());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 2);
    let orphan = child(&tree, tip);
    let marked = side.pick(extend(&mut tree, genesis, 1), tree.parent(tip).unwrap());
    tree.mark_invalid(marked);
    insert(&mut tree, orphan)
}

fn wrong_bits(side: Side) -> Outcome {
    let mut tree = tree(easy());
    let mut header = child(&tree, tree.genesis());
    header.bits = bits(side.pick(0x207f_ffff, 0x207f_fffe));
    insert(&mut tree, header)
}

/// A spec with a checkpoint at height 2, and the headers up to there.
fn with_checkpoint() -> (ChainSpec, Vec<Header>) {
    let mut spec = easy();
    let mut tree = tree(spec.clone());
    let genesis = tree.genesis();
    let second = extend(&mut tree, genesis, 2);
    let first = tree.parent(second).unwrap();
    spec.assume.checkpoints = vec![(height(2), tree.hash(second)), (height(9), BlockHash::ZERO)];
    (spec, vec![*tree.header(first), *tree.header(second)])
}

fn checkpoint(side: Side) -> Outcome {
    let (spec, headers) = with_checkpoint();
    let mut tree = tree(spec);
    insert(&mut tree, headers[0])?;
    let other = Header { version: 7, ..headers[1] };
    insert(&mut tree, side.pick(headers[1], other))
}

fn below_checkpoint(side: Side) -> Outcome {
    let (spec, headers) = with_checkpoint();
    let mut tree = tree(spec);
    insert(&mut tree, headers[0])?;
    if side == Side::Past {
        insert(&mut tree, headers[1])?;
    }
    insert(&mut tree, Header { version: 7, ..headers[0] })
}

#[test]
fn branches_above_the_highest_known_checkpoint_are_free() {
    let (spec, headers) = with_checkpoint();
    let mut tree = tree(spec);
    insert(&mut tree, headers[0]).unwrap();
    insert(&mut tree, headers[1]).unwrap();
    let tip = tree.best_header();
    for _ in 0..2 {
        let header = child(&tree, tip);
        insert(&mut tree, header).unwrap();
    }
    assert_eq!(tree.tips().len(), 2);
    // Beside the checkpoint itself the checkpoint's own rule speaks.
    let error = insert(&mut tree, Header { version: 7, ..headers[1] }).unwrap_err();
    assert!(matches!(error, HeaderError::Checkpoint { .. }), "{error:?}");
    // What is known stays known.
    assert_eq!(insert(&mut tree, headers[0]), Ok(()));
}

/// Twelve headers on genesis whose times climb by 1, 2, 3, …, so that medians differ from neighbours.
fn climbing(tree: &mut HeaderTree) -> NodeId {
    (1..=12).fold(tree.genesis(), |tip, step| {
        let header = child_at(tree, tip, tree.header(tip).time.saturating_add(step));
        tree.insert(mined(header), LATE).unwrap().id
    })
}

fn time_too_old(side: Side) -> Outcome {
    let mut tree = tree(easy());
    let start = tree.header(tree.genesis()).time;
    let tip = climbing(&mut tree);
    // Heights 2 to 12 count; the median is that of height 7, which lies 1 + … + 7 seconds after genesis.
    let median = start.saturating_add(28);
    assert_eq!(tree.median_time_past(tip), median);
    let header = child_at(&tree, tip, side.pick(median.saturating_add(1), median));
    insert(&mut tree, header)
}

#[test]
fn the_median_of_few_headers_is_their_upper_middle() {
    let mut tree = tree(easy());
    let start = tree.header(tree.genesis()).time;
    assert_eq!(tree.median_time_past(tree.genesis()), start);
    // Times 0, 1, 3, 6 after genesis: of two the second, of three the second, of four the third.
    for (step, median) in [(1, 1), (2, 1), (3, 3)] {
        let tip = tree.best_header();
        let header = child_at(&tree, tip, tree.header(tip).time.saturating_add(step));
        let id = tree.insert(mined(header), LATE).unwrap().id;
        assert_eq!(tree.median_time_past(id), start.saturating_add(median));
    }
}

fn timewarp(side: Side) -> Outcome {
    let mut spec = with_epochs(4, 4, true);
    spec.deployments.bip94 = Activation::Height(height(8));
    let mut tree = tree(spec);
    let genesis = tree.genesis();
    let third = extend(&mut tree, genesis, 6);
    // A late last block of a period leaves room for an early first one.
    let last = mined(child_at(&tree, third, tree.header(third).time.saturating_add(5_000)));
    let last = tree.insert(last, LATE).unwrap().id;
    let time = tree.header(last).time.saturating_sub(side.pick(600, 601));
    let header = child_at(&tree, last, time);
    insert(&mut tree, header)
}

#[test]
fn time_may_warp_inside_a_period_and_before_bip94() {
    for (from, blocks) in [(8, 5), (9, 6)] {
        let mut spec = with_epochs(4, 4, true);
        spec.deployments.bip94 = Activation::Height(height(from));
        let mut tree = tree(spec);
        let genesis = tree.genesis();
        let tip = extend(&mut tree, genesis, blocks);
        let last = mined(child_at(&tree, tip, tree.header(tip).time.saturating_add(5_000)));
        let last = tree.insert(last, LATE).unwrap().id;
        let early = child_at(&tree, last, tree.header(last).time.saturating_sub(601));
        assert_eq!(insert(&mut tree, early), Ok(()), "BIP94 from {from}, height {}", blocks + 2);
    }
}

fn time_too_new(side: Side) -> Outcome {
    let mut tree = tree(easy());
    let header = mined(child(&tree, tree.genesis()));
    let now = header.time.saturating_sub(side.pick(7_200, 7_201));
    tree.insert(header, now).map(|_| ())
}

#[test]
fn a_clock_at_the_end_of_time_does_not_wrap() {
    let mut tree = tree(easy());
    let header = child_at(&tree, tree.genesis(), BlockTime::new(u32::MAX));
    assert!(tree.insert(mined(header), BlockTime::new(u32::MAX - 1)).is_ok());
    let header = child_at(&tree, tree.genesis(), BlockTime::new(u32::MAX));
    let error = tree.insert(mined(header), BlockTime::new(0)).unwrap_err();
    assert_eq!(error, HeaderError::TimeTooNew { got: time(u32::MAX), limit: time(7_200) });
}

/// The floor of each fork, with the height it begins at.
fn with_floors() -> ChainSpec {
    let mut spec = easy();
    spec.deployments.bip34 = Activation::Height(height(2));
    spec.deployments.bip66 = Activation::Height(height(3));
    spec.deployments.bip65 = Activation::Height(height(4));
    spec
}

fn bad_version(side: Side) -> Outcome {
    let mut tree = tree(with_floors());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 3);
    let header = Header { version: side.pick(4, 3), ..child(&tree, tip) };
    insert(&mut tree, header)
}

#[test]
fn each_fork_sets_its_floor_from_its_height_on() {
    let mut tree = tree(with_floors());
    for (at, floor) in [(1, i32::MIN), (2, 2), (3, 3), (4, 4), (5, 4)] {
        let tip = tree.best_header();
        let header = child(&tree, tip);
        let below = [floor.checked_sub(1), floor.checked_sub(2), Some(i32::MIN)];
        for got in below.into_iter().flatten().filter(|version| *version < floor) {
            let error = insert(&mut tree, Header { version: got, ..header }).unwrap_err();
            let HeaderError::BadVersion { height: place, got: version, limit } = error else {
                panic!("{error:?}")
            };
            assert_eq!((place, version), (height(at), got));
            // The first floor broken is named, as the lower ones are older.
            assert!(limit > got && limit <= floor);
        }
        insert(&mut tree, Header { version: floor, ..header }).unwrap();
    }
}

#[test]
fn forks_that_always_held_set_no_floor() {
    let mut tree = tree(easy());
    let header = Header { version: i32::MIN, ..child(&tree, tree.genesis()) };
    assert_eq!(insert(&mut tree, header), Ok(()));
}

/// Three of the four blocks from 8 on must signal, and block 8 does not.
fn signal_missing(side: Side) -> Outcome {
    let schedule = Schedule::Heights { start: height(4), timeout: height(12), lock_in_on_timeout: true };
    let least = height(0);
    let mut spec = easy();
    spec.deployments.taproot = Activation::Signalled(Signalling {
        bit: 1,
        schedule,
        threshold: 3,
        window: 4,
        min_activation_height: least,
    });
    let mut tree = tree(spec);
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 8);
    let header = Header { version: side.pick(0x2000_0002, 0x2000_0000), ..child(&tree, tip) };
    insert(&mut tree, header)
}

fn tree_full(side: Side) -> Outcome {
    let mut tree = HeaderTree::with_max_headers(easy().into(), 3);
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, side.pick(1, 2));
    let header = child(&tree, tip);
    insert(&mut tree, header)
}

/// Broken rules in Core's order: the earlier one is reported.
#[test]
fn the_first_broken_rule_is_reported() {
    let mut spec = with_floors();
    spec.deployments.bip94 = Activation::Always;
    let mut tree = tree(spec);
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 3);
    let early = child_at(&tree, tip, time(1));
    let all_wrong = Header { version: 0, bits: bits(0x207f_fffe), ..early };
    assert!(matches!(insert(&mut tree, all_wrong), Err(HeaderError::WrongBits { .. })));
    let bad_time_and_version = Header { bits: early.bits, ..all_wrong };
    assert!(matches!(insert(&mut tree, bad_time_and_version), Err(HeaderError::TimeTooOld { .. })));
    let bad_version = Header { version: 0, ..child(&tree, tip) };
    let now = bad_version.time.saturating_sub(7_201);
    assert!(matches!(tree.insert(mined(bad_version), now), Err(HeaderError::TimeTooNew { .. })));
    let unmined = Header { bits: CompactTarget::from_bits(0x0301_0000), prev: BlockHash::ZERO, ..all_wrong };
    assert!(matches!(tree.insert(unmined, LATE), Err(HeaderError::HighHash { .. })));
}

/// A header already in the tree is not checked again, whatever the clock says.
#[test]
fn a_known_header_is_found_again() {
    let mut tree = tree(easy());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 1);
    let again = tree.insert(*tree.header(tip), time(0)).unwrap();
    assert_eq!((again.id, again.new), (tip, false));
    let first = tree.insert(*tree.header(genesis), time(0)).unwrap();
    assert_eq!((first.id, first.new), (genesis, false));
}

#[test]
fn trusted_headers_need_a_parent_and_a_target() {
    let mut tree = tree(easy());
    let header = child(&tree, tree.genesis());
    let orphan = Header { prev: BlockHash::ZERO, ..header };
    assert_eq!(tree.insert_trusted(orphan), Err(HeaderError::UnknownParent { prev: BlockHash::ZERO }));
    let error = tree.insert_trusted(Header { bits: bits(0), ..header }).unwrap_err();
    assert!(matches!(error, HeaderError::TargetOutOfRange { .. }));
    assert_eq!(error.verdict(), Verdict::Invalid);
    let id = tree.insert_trusted(header).unwrap();
    assert_eq!(tree.insert_trusted(header), Ok(id));
}
