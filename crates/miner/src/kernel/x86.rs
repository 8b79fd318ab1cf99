//! Kernels for what x86-64 processors have beyond the baseline, found out at run time.
//!
//! Calling a function that uses such instructions is the one thing here that the compiler cannot check; it happens
//! only through types that [`kernels`] makes after it has asked the processor. Every kernel is tested against the
//! reference.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si32, _mm_setr_epi32, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi32, _mm_unpackhi_epi64,
    _mm_unpacklo_epi64,
};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::lanes::{self, Prepared};
use super::sha256::{END_BIT, HASH_BITS, HEADER_BITS, INITIAL, K, Midstate};
use super::{Kernel, SearchResult, search_in_batches};
use crate::{HeaderJob, NonceRange};

/// The kernels this processor can run, the fastest first.
pub(super) fn kernels() -> Vec<Arc<dyn Kernel>> {
    let mut kernels: Vec<Arc<dyn Kernel>> = Vec::new();
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
        kernels.push(Arc::new(Avx512(())));
    }
    if is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") {
        kernels.push(Arc::new(ShaNi(())));
    }
    if is_x86_feature_detected!("avx2") {
        kernels.push(Arc::new(Avx2(())));
    }
    kernels
}

/// Sixteen lanes. Exists only where AVX-512 F and BW do.
struct Avx512(());

/// Eight lanes. Exists only where AVX2 does.
struct Avx2(());

/// The SHA extensions: two rounds an instruction. Exists only where they and SSE4.1 do.
struct ShaNi(());

impl Kernel for Avx512 {
    fn name(&self) -> &'static str {
        "avx512"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        let prepared = Prepared::new(job.midstate());
        search_in_batches(job, nonces, stop, |first, count| {
            // SAFETY: `self` was made after the processor said that it has AVX-512 F and BW.
            unsafe { sweep_avx512(&prepared, first, count, job.top_word()) }
        })
    }
}

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        let prepared = Prepared::new(job.midstate());
        search_in_batches(job, nonces, stop, |first, count| {
            // SAFETY: `self` was made after the processor said that it has AVX2.
            unsafe { sweep_avx2(&prepared, first, count, job.top_word()) }
        })
    }
}

impl Kernel for ShaNi {
    fn name(&self) -> &'static str {
        "sha-ni"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        search_in_batches(job, nonces, stop, |first, count| {
            // SAFETY: `self` was made after the processor said that it has the SHA extensions and SSE4.1.
            unsafe { sweep_sha_ni(job.midstate(), first, count, job.top_word()) }
        })
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn sweep_avx512(prepared: &Prepared, first: u32, count: u32, limit: u32) -> Option<u32> {
    lanes::sweep(prepared, first, count, limit)
}

#[target_feature(enable = "avx2")]
fn sweep_avx2(prepared: &Prepared, first: u32, count: u32, limit: u32) -> Option<u32> {
    lanes::sweep(prepared, first, count, limit)
}

/// Hashes computed side by side, so that one's instructions fill the waits of another's.
const WAYS: usize = 4;

/// The working variables as the SHA extensions want them: f e b a and h g d c, lowest lane first.
#[derive(Clone, Copy)]
struct Pair {
    feba: __m128i,
    hgdc: __m128i,
}

/// The sixteen latest words of one way's message schedule, four to a vector.
type Ring = [__m128i; 4];

/// As [`lanes::sweep`], for [`WAYS`] nonces at a time.
#[target_feature(enable = "sha,sse4.1")]
fn sweep_sha_ni(midstate: &Midstate, first: u32, count: u32, limit: u32) -> Option<u32> {
    let start = pair(&midstate.state);
    let initial = pair(&INITIAL);
    let [merkle_tail, time, bits] = midstate.tail;
    // Rounds 0 and 1 come before the nonce. They turn h g d c into the next f e b a.
    let words = _mm_add_epi32(quad([merkle_tail, time, 0, 0]), constants(0));
    let opened = Pair { feba: _mm_sha256rnds2_epu32(start.hgdc, start.feba, words), hgdc: start.feba };
    let end = quad([END_BIT, 0, 0, 0]);
    let header_length = quad([0, 0, 0, HEADER_BITS]);
    let hash_length = quad([0, 0, 0, HASH_BITS]);

    let mut done = 0;
    while done < count {
        let heads: [__m128i; WAYS] = std::array::from_fn(|way| {
            let nonce = first.wrapping_add(done).wrapping_add(way as u32);
            quad([merkle_tail, time, bits, nonce.swap_bytes()])
        });
        let mut words = heads.map(|head| [head, end, _mm_setzero_si128(), header_length]);
        let mut state = [start; WAYS];
        for (state, head) in state.iter_mut().zip(heads) {
            let word = _mm_shuffle_epi32::<0x0e>(_mm_add_epi32(head, constants(0)));
            state.feba = _mm_sha256rnds2_epu32(opened.hgdc, opened.feba, word);
            state.hgdc = opened.feba;
        }
        macro_rules! step {
            ($t:literal) => {
                if $t >= 4 {
                    extend_quad(&mut words, $t);
                }
                four_rounds(&mut state, &words, $t);
            };
        }
        each!(step: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (state, ring) in state.iter_mut().zip(&mut words) {
            let feba = _mm_add_epi32(state.feba, start.feba);
            let hgdc = _mm_add_epi32(state.hgdc, start.hgdc);
            let abcd = _mm_shuffle_epi32::<0xb1>(_mm_unpackhi_epi64(feba, hgdc));
            let efgh = _mm_shuffle_epi32::<0xb1>(_mm_unpacklo_epi64(feba, hgdc));
            *ring = [abcd, efgh, end, hash_length];
            *state = initial;
        }
        each!(step: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        extend_quad(&mut words, 15);
        for (way, state) in state.iter().enumerate() {
            // Rounds 60 and 61. The hash's last word is e after round 60, so f after round 61.
            let last = _mm_add_epi32(words[way][3], constants(15));
            let feba = _mm_sha256rnds2_epu32(state.hgdc, state.feba, last);
            let top_word = (_mm_cvtsi128_si32(feba) as u32).wrapping_add(INITIAL[7]).swap_bytes();
            if top_word <= limit {
                let distance = done + way as u32;
                return (distance < count).then_some(distance);
            }
        }
        done += WAYS as u32;
    }
    None
}

/// Rounds `4 * t` to `4 * t + 3` of each way.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn four_rounds(state: &mut [Pair; WAYS], words: &[Ring; WAYS], t: usize) {
    let constants = constants(t);
    let words = words.map(|ring| _mm_add_epi32(ring[t % 4], constants));
    for (state, word) in state.iter_mut().zip(words) {
        state.hgdc = _mm_sha256rnds2_epu32(state.hgdc, state.feba, word);
    }
    for (state, word) in state.iter_mut().zip(words) {
        state.feba = _mm_sha256rnds2_epu32(state.feba, state.hgdc, _mm_shuffle_epi32::<0x0e>(word));
    }
}

/// Replaces words `4 * t - 16` to `4 * t - 13` of each way's ring by words `4 * t` to `4 * t + 3`.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn extend_quad(words: &mut [Ring; WAYS], t: usize) {
    for ring in words {
        let [oldest, second, third, newest] = [0, 1, 2, 3].map(|i| ring[(t + i) % 4]);
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, second), _mm_alignr_epi8::<4>(newest, third));
        ring[t % 4] = _mm_sha256msg2_epu32(sum, newest);
    }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn pair(state: &[u32; 8]) -> Pair {
    let [a, b, c, d, e, f, g, h] = *state;
    Pair { feba: quad([f, e, b, a]), hgdc: quad([h, g, d, c]) }
}

/// Round constants `4 * t` to `4 * t + 3`.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn constants(t: usize) -> __m128i {
    quad([K[4 * t], K[4 * t + 1], K[4 * t + 2], K[4 * t + 3]])
}

/// Four words, the first in the lowest lane.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn quad(words: [u32; 4]) -> __m128i {
    let [a, b, c, d] = words.map(|word| word as i32);
    _mm_setr_epi32(a, b, c, d)
}
