//! Jobs: one header after another.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cairn_consensus::NextBlock;
use cairn_miner::{BlockTemplate, Job, NonceRange, RollError, Solution, Work, solve};
use cairn_params::presets;
use cairn_primitives::{BlockTime, CompactTarget};
use proptest::prelude::*;

use crate::support::{NOW, easy_template, hopeless_template, payout, place, portable, unrelated};

proptest! {
    #[test]
    fn every_roll_is_the_header_of_its_block(first: u64, roll: u64, nonce: u32, seconds in 0_u32..1000) {
        let spec = presets::regtest();
        let template = BlockTemplate::new(&spec, &place(&spec), &payout(), &unrelated(5)).unwrap();
        let job = Job::new(Arc::new(template), first);
        let now = NOW.saturating_add(seconds);
        let header = job.header(roll, now).unwrap().header(nonce);
        let block = job.block(&Solution { roll, header });
        prop_assert_eq!((block.header, block.merkle_root()), (header, header.merkle_root));
        prop_assert_eq!((header.time, header.nonce), (now, nonce));
    }
}

#[test]
fn rolls_differ_and_wrap_around() {
    let job = Job::new(Arc::new(easy_template()), u64::MAX - 1);
    let roots: HashSet<_> =
        (0..100).map(|roll| job.header(roll, NOW).unwrap().header(0).merkle_root).collect();
    assert_eq!(roots.len(), 100);
    let from_zero = Job::new(Arc::new(easy_template()), 0);
    assert_eq!(job.header(2, NOW).unwrap().header(0), from_zero.header(0, NOW).unwrap().header(0));
}

#[test]
fn a_block_too_far_ahead_is_not_mined_yet() {
    let spec = presets::regtest();
    let next = NextBlock { min_time: BlockTime::new(10_000), ..place(&spec) };
    let job = Job::new(Arc::new(BlockTemplate::new(&spec, &next, &payout(), &[]).unwrap()), 0);
    let early = RollError::TooEarly { earliest: BlockTime::new(2_800) };
    assert_eq!(job.header(0, BlockTime::new(2_799)).unwrap_err(), early);
    assert!(job.header(0, BlockTime::new(2_800)).is_ok());
    let solved = solve(&job, portable().as_ref(), || BlockTime::new(2_799), &AtomicBool::new(false));
    assert_eq!(solved, Err(early));
}

#[test]
fn the_extranonce_rolls_when_the_nonces_are_exhausted() {
    let spec = presets::regtest();
    // One hash in 4,096 will do, and there is one nonce to a header.
    let next = NextBlock { bits: CompactTarget::from_bits(0x1f10_0000), ..place(&spec) };
    let template = Arc::new(BlockTemplate::new(&spec, &next, &payout(), &[]).unwrap());
    let job = Job::new(Arc::clone(&template), 5).with_nonces(NonceRange::new(77, 1));
    let go = AtomicBool::new(false);
    let solution = solve(&job, portable().as_ref(), || NOW, &go).unwrap().unwrap();
    // By hand: the first extranonce from 5 on whose header has proof of work.
    let expected = (5..).find(|&extranonce| {
        let header = cairn_primitives::Header { nonce: 77, ..template.header(extranonce, NOW) };
        template.target().is_met_by(header.hash())
    });
    assert!(solution.roll > 0);
    assert_eq!(Some(solution.roll + 5), expected);
    assert!(template.target().is_met_by(job.block(&solution).hash()));
}

#[test]
fn a_stopped_solve_finds_nothing() {
    let job = Job::new(Arc::new(hopeless_template()), 0);
    assert_eq!(solve(&job, portable().as_ref(), || NOW, &AtomicBool::new(true)), Ok(None));
}
