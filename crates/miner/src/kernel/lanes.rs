//! The portable kernel, and the loop that the vector kernels share with it.
//!
//! The loop is plain arithmetic over a row of nonces, one straight line of instructions for each and nothing that
//! one nonce has to do with another. The compiler turns it into vector code for whatever vectors the function it
//! is inlined into may use: four lanes with SSE2 or NEON, eight with AVX2, sixteen with AVX-512.

use super::sha256::{
    END_BIT, HASH_BITS, HEADER_BITS, INITIAL, Midstate, extend, round, small_sigma0, small_sigma1,
};
use super::{Kernel, SearchResult, search_in_batches};
use crate::{HeaderJob, NonceRange};
use std::sync::atomic::AtomicBool;

/// Nonces hashed in one go. A multiple of every vector's lanes, and more of them than the compiler unrolls.
const ROW: usize = 64;

/// The kernel for any processor: safe code without a word about vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        let prepared = Prepared::new(job.midstate());
        search_in_batches(job, nonces, stop, |first, count| sweep(&prepared, first, count, job.top_word()))
    }
}

/// All of the two hashes that does not depend on the nonce.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    /// The state after the first block, to be added at the end of the second.
    midstate: [u32; 8],
    /// The working variables after round 3, for a nonce of zero: of that round's results, a and e grow by the nonce.
    after_round_3: [u32; 8],
    /// Schedule words 16 to 19; the last two are what they are without their terms in the nonce.
    words_16_to_19: [u32; 4],
}

impl Prepared {
    pub(super) fn new(midstate: &Midstate) -> Self {
        let [merkle_tail, time, bits] = midstate.tail;
        let mut words = [merkle_tail, time, bits, 0, END_BIT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, HEADER_BITS];
        let mut state = midstate.state;
        let mut a_xor_b = state[1] ^ state[2];
        for (t, &word) in words[..4].iter().enumerate() {
            round(&mut state, &mut a_xor_b, t, word);
        }
        extend(&mut words, 16);
        extend(&mut words, 17);
        // W18 = σ1(W16) + W11 + σ0(nonce) + bits and W19 = σ1(W17) + W12 + σ0(W4) + nonce; W11 and W12 are padding.
        let word_18 = small_sigma1(words[0]).wrapping_add(bits);
        let word_19 = small_sigma1(words[1]).wrapping_add(small_sigma0(END_BIT));
        Self {
            midstate: midstate.state,
            after_round_3: state,
            words_16_to_19: [words[0], words[1], word_18, word_19],
        }
    }

    /// The SHA-256 of the header with this nonce.
    #[inline(always)]
    fn first_hash(&self, nonce: u32) -> [u32; 8] {
        // The nonce stands in the header with its lowest byte first, SHA-256 reads words highest byte first.
        let nonce = nonce.swap_bytes();
        let mut words = [0, 0, 0, 0, END_BIT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, HEADER_BITS];
        let mut state = self.after_round_3;
        // Before round 4, a is at place 4 and e at place 0.
        state[4] = state[4].wrapping_add(nonce);
        state[0] = state[0].wrapping_add(nonce);
        let mut a_xor_b = state[5] ^ state[6];
        macro_rules! step {
            ($t:literal) => {
                if $t >= 20 {
                    extend(&mut words, $t);
                }
                round(&mut state, &mut a_xor_b, $t, words[$t % 16]);
            };
        }
        each!(step: 4 5 6 7 8 9 10 11 12 13 14 15);
        let [word_16, word_17, word_18, word_19] = self.words_16_to_19;
        words[0] = word_16;
        words[1] = word_17;
        words[2] = word_18.wrapping_add(small_sigma0(nonce));
        words[3] = word_19.wrapping_add(nonce);
        each!(step: 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
        each!(step: 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
        let [a, b, c, d, e, f, g, h] = state;
        let [ma, mb, mc, md, me, mf, mg, mh] = self.midstate;
        [
            a.wrapping_add(ma),
            b.wrapping_add(mb),
            c.wrapping_add(mc),
            d.wrapping_add(md),
            e.wrapping_add(me),
            f.wrapping_add(mf),
            g.wrapping_add(mg),
            h.wrapping_add(mh),
        ]
    }

    /// The 32 most significant bits of the header's hash, as a target counts them, with this nonce.
    #[inline(always)]
    fn top_word(&self, nonce: u32) -> u32 {
        let [a, b, c, d, e, f, g, h] = self.first_hash(nonce);
        let mut words = [a, b, c, d, e, f, g, h, END_BIT, 0, 0, 0, 0, 0, 0, HASH_BITS];
        let mut state = INITIAL;
        let mut a_xor_b = INITIAL[1] ^ INITIAL[2];
        macro_rules! step {
            ($t:literal) => {
                if $t >= 16 {
                    extend(&mut words, $t);
                }
                round(&mut state, &mut a_xor_b, $t, words[$t % 16]);
            };
        }
        each!(step: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30);
        each!(step: 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60);
        // The last word of the hash is h after round 63, and that is e after round 60: the last three rounds would
        // only move it. Before round 61, e is at place 7.
        state[7].wrapping_add(INITIAL[7]).swap_bytes()
    }
}

/// The distance from `first` to the first of `count` nonces whose hash has at most `limit` in its most significant
/// 32 bits.
#[inline(always)]
pub(super) fn sweep(prepared: &Prepared, first: u32, count: u32, limit: u32) -> Option<u32> {
    let mut row = [0; ROW];
    let mut done = 0;
    while done < count {
        let start = first.wrapping_add(done);
        for (i, top_word) in row.iter_mut().enumerate() {
            *top_word = prepared.top_word(start.wrapping_add(i as u32));
        }
        let lowest = row.iter().fold(u32::MAX, |lowest, &word| lowest.min(word));
        if lowest <= limit
            && let Some(i) = row.iter().position(|&word| word <= limit)
        {
            let distance = done + i as u32;
            // The last row may reach past the range; what is found there does not count.
            return (distance < count).then_some(distance);
        }
        done += ROW as u32;
    }
    None
}
