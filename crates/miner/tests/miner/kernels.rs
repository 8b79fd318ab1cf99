//! Every kernel against the reference, and against headers that real miners solved.

use std::sync::atomic::AtomicBool;

use cairn_miner::kernel::{Portable, Reference, best, kernels};
use cairn_miner::{HeaderJob, Kernel, NonceRange, SearchResult};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Header, MerkleRoot, Target};
use proptest::prelude::*;

use crate::support::{all_kernels, headers};

static GO: AtomicBool = AtomicBool::new(false);

fn header() -> impl Strategy<Value = Header> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<(i32, u32, u32, u32)>()).prop_map(
        |(prev, merkle_root, (version, time, bits, nonce))| Header {
            version,
            prev: BlockHash::from_bytes(prev),
            merkle_root: MerkleRoot::from_bytes(merkle_root),
            time: BlockTime::new(time),
            bits: CompactTarget::from_bits(bits),
            nonce,
        },
    )
}

/// Targets met once in 1 to some 2,000 hashes, with any low bits.
fn target() -> impl Strategy<Value = Target> {
    (any::<[u8; 32]>(), 0..=11_u32).prop_map(|(mut bytes, zeros)| {
        let top = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        bytes[..4].copy_from_slice(&((top | 0x8000_0000) >> zeros).to_be_bytes());
        Target::from_be_bytes(bytes)
    })
}

/// All nonces of the range that solve the job, found one after the other, and the hashes it took.
fn every_solution(kernel: &dyn Kernel, job: &HeaderJob, range: NonceRange) -> (Vec<u32>, u64) {
    let (mut solutions, mut hashes) = (Vec::new(), 0);
    let mut left = range;
    while !left.is_empty() {
        let result = kernel.search(job, left, &GO);
        hashes += result.hashes;
        left.take_front(result.hashes);
        solutions.extend(result.found);
    }
    (solutions, hashes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn kernels_find_what_the_reference_finds(
        header in header(), target in target(), first: u32, count in 0_u64..1500,
    ) {
        let job = HeaderJob::new(header, target);
        let range = NonceRange::new(first, count);
        let expected = every_solution(&Reference, &job, range);
        prop_assert_eq!(expected.1, range.len());
        for kernel in all_kernels() {
            prop_assert_eq!(&every_solution(kernel.as_ref(), &job, range), &expected, "{}", kernel.name());
        }
    }
}

#[test]
fn the_end_of_the_nonce_space_is_searched() {
    let header = Header {
        version: 1,
        prev: BlockHash::ZERO,
        merkle_root: MerkleRoot::ZERO,
        time: BlockTime::new(1),
        bits: CompactTarget::from_bits(0x207f_ffff),
        nonce: 0,
    };
    // The hash at the highest nonce as the target: nothing before it in the range may be lower.
    let at_the_end =
        HeaderJob::new(Header { nonce: u32::MAX, ..header }, Target::MAX).header(u32::MAX).hash();
    let mut bytes = *at_the_end.as_bytes();
    bytes.reverse();
    let job = HeaderJob::new(header, Target::from_be_bytes(bytes));
    let lower = (0..1000).find(|back| job.is_solved_by(u32::MAX - 1 - back)).unwrap_or(1000);
    let range = NonceRange::new(u32::MAX - lower, u64::MAX);
    for kernel in all_kernels() {
        let expected = SearchResult { found: Some(u32::MAX), hashes: range.len() };
        assert_eq!(kernel.search(&job, range, &GO), expected, "{}", kernel.name());
    }
}

/// Searches up to `around` nonces before the header's own and as many after it: its own alone solves it.
fn finds_the_real_nonce(kernel: &dyn Kernel, header: &Header, around: u32) {
    let job = HeaderJob::new(*header, header.bits.to_target().unwrap());
    let first = header.nonce.saturating_sub(around);
    let before = u64::from(header.nonce - first);
    let range = NonceRange::new(first, before + 1 + u64::from(around));
    let (solutions, hashes) = every_solution(kernel, &job, range);
    assert_eq!((solutions, hashes), (vec![header.nonce], range.len()), "{} {}", kernel.name(), header.hash());
}

#[test]
fn kernels_find_exactly_the_nonces_of_real_headers() {
    let name = "kernels_find_exactly_the_nonces_of_real_headers";
    for file in ["headers/mainnet-000000-010236.bin", "headers/testnet3-000001-000546.bin"] {
        let Some(headers) = headers(name, file) else { continue };
        assert!(headers.len() >= 546);
        for (i, header) in headers.iter().step_by(97).enumerate() {
            for kernel in all_kernels() {
                finds_the_real_nonce(kernel.as_ref(), header, 100 + i as u32);
            }
        }
    }
}

#[test]
fn the_first_block_is_found_in_a_wide_range() {
    let Some(headers) =
        headers("the_first_block_is_found_in_a_wide_range", "headers/mainnet-000000-010236.bin")
    else {
        return;
    };
    assert_eq!(headers[0].nonce, 2_083_236_893);
    for kernel in all_kernels() {
        finds_the_real_nonce(kernel.as_ref(), &headers[0], 50_000);
    }
}

#[test]
fn the_tenth_block_of_vito_is_found() {
    let header = Header {
        version: 2,
        prev: "000000003c218be4e1c22268a5ef00ecc468d56313126ba94240c795c4bd62cb".parse().unwrap(),
        merkle_root: "0f30bb164cbfc0db676d47cef352992ab543e8c349fd00fa1d566d7c1e121e9e".parse().unwrap(),
        time: BlockTime::new(1_775_706_303),
        bits: CompactTarget::from_bits(0x1d00_ffff),
        nonce: 3_242_755_474,
    };
    for kernel in all_kernels() {
        finds_the_real_nonce(kernel.as_ref(), &header, 1000);
    }
}

#[test]
fn the_first_blocks_of_the_presets_are_found() {
    for name in presets::NAMES {
        let header = ChainSpec::preset(name).unwrap().genesis_block().header;
        let target = header.bits.to_target().unwrap();
        let job = HeaderJob::new(header, target);
        for kernel in all_kernels() {
            let result = kernel.search(&job, NonceRange::new(header.nonce, 1), &GO);
            assert_eq!(result.found, Some(header.nonce), "{name}");
        }
    }
}

#[test]
fn a_stopped_search_tries_nothing() {
    let header = header_of_zeros();
    let job = HeaderJob::new(header, Target::MAX);
    let stop = AtomicBool::new(true);
    for kernel in all_kernels() {
        assert_eq!(kernel.search(&job, NonceRange::FULL, &stop), SearchResult { found: None, hashes: 0 });
    }
    assert_eq!(Reference.search(&job, NonceRange::FULL, &stop).hashes, 0);
}

#[test]
fn an_empty_range_is_exhausted() {
    let job = HeaderJob::new(header_of_zeros(), Target::MAX);
    for kernel in all_kernels() {
        assert_eq!(kernel.search(&job, NonceRange::new(5, 0), &GO), SearchResult::default());
        assert_eq!(
            kernel.search(&job, NonceRange::new(5, 1), &GO),
            SearchResult { found: Some(5), hashes: 1 }
        );
    }
}

#[test]
fn kernels_have_names_of_their_own_and_the_best_comes_first() {
    let names: Vec<_> = kernels().iter().map(|kernel| kernel.name()).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    assert_eq!(names.last(), Some(&Portable.name()));
    assert_eq!(best().name(), names[0]);
}

fn header_of_zeros() -> Header {
    Header {
        version: 0,
        prev: BlockHash::ZERO,
        merkle_root: MerkleRoot::ZERO,
        time: BlockTime::new(0),
        bits: CompactTarget::from_bits(0),
        nonce: 0,
    }
}
