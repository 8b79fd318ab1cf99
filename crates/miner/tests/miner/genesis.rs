//! The search for a first block.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cairn_miner::kernel::best;
use cairn_miner::{
    GenesisError, GenesisProgress, HeaderJob, Kernel, NonceRange, SearchResult, search_genesis,
};
use cairn_params::genesis::Unmined;
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{BlockTime, CompactTarget, Header};

use crate::support::portable;

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// A chain of one's own: its first block is not mined.
fn unmined() -> ChainSpec {
    let mut spec = presets::dev();
    spec.genesis.message = "a chain that nobody has mined".into();
    spec.genesis.bits = CompactTarget::from_bits(0x1f7f_ffff);
    spec
}

#[test]
fn one_thread_finds_the_lowest_nonce() {
    let unmined = Unmined::new(unmined()).unwrap();
    let (header, target) = (unmined.header(), unmined.target());
    let lowest = (0..).find(|&nonce| target.is_met_by(Header { nonce, ..header }.hash())).unwrap();
    let spec = search_genesis(unmined, best(), threads(1), |_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!((spec.genesis.time, spec.genesis.nonce), (header.time, lowest));
    assert_eq!(spec.check(), Ok(()));
    assert_eq!(spec.genesis_block().hash(), spec.genesis_hash());
}

#[test]
fn several_threads_find_a_block_that_the_spec_takes() {
    let unmined = Unmined::new(unmined()).unwrap();
    let spec = search_genesis(unmined, portable(), threads(3), |_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!(spec.check(), Ok(()));
}

#[test]
fn a_search_can_be_cancelled_and_tells_how_far_it_has_come() {
    // Bitcoin's difficulty: not within the first look at the clock.
    let mut spec = presets::vito();
    spec.genesis.message = "a chain that takes a while".into();
    let cancel = AtomicBool::new(false);
    let mut seen = Vec::new();
    let progress = |progress: GenesisProgress| {
        seen.push(progress);
        cancel.store(progress.hashes > 0, Ordering::Relaxed);
    };
    let result = search_genesis(Unmined::new(spec).unwrap(), portable(), threads(1), progress, &cancel);
    assert!(matches!(result, Err(GenesisError::Cancelled)), "{result:?}");
    // Nothing is heard after the first look that saw the cancel.
    assert_eq!(seen.iter().filter(|progress| progress.hashes > 0).count(), 1);
    assert!(seen[0].elapsed > Duration::ZERO && seen.is_sorted_by_key(|progress| progress.elapsed));
}

/// Claims to have tried every nonce, and found none.
struct Blind;

impl Kernel for Blind {
    fn name(&self) -> &'static str {
        "blind"
    }

    fn search(&self, _: &HeaderJob, nonces: NonceRange, _: &AtomicBool) -> SearchResult {
        SearchResult { found: None, hashes: nonces.len() }
    }
}

#[test]
fn the_search_ends_where_time_ends() {
    let mut spec = unmined();
    spec.genesis.time = BlockTime::new(u32::MAX - 2);
    let unmined = Unmined::new(spec).unwrap();
    let result = search_genesis(unmined, Arc::new(Blind), threads(2), |_| {}, &AtomicBool::new(false));
    assert!(matches!(result, Err(GenesisError::Exhausted)), "{result:?}");
}
