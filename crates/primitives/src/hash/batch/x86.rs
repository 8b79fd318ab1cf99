//! Ways for what x86-64 processors have beyond the baseline, found out at run time: a message in each lane of a vector.
//!
//! Calling a function that uses such instructions is the one thing here that the compiler cannot check; it happens only after the
//! processor was asked. Each is tested against the safe ways.
#![allow(unsafe_code)]

use std::is_x86_feature_detected;

use super::{Kind, sha256d_64_by_library};

/// Those faster than what the library has: sixteen lanes, where the library has no SHA instructions to use.
pub(super) fn before_library() -> [Option<Kind>; 1] {
    [(has_avx512() && !has_sha()).then_some(Kind::Avx512)]
}

/// Those slower.
pub(super) fn after_library() -> [Option<Kind>; 2] {
    [(has_avx512() && has_sha()).then_some(Kind::Avx512), has_avx2().then_some(Kind::Avx2)]
}

fn has_sha() -> bool {
    is_x86_feature_detected!("sha")
}

fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Sixteen at a time; the rest, and all where there is no AVX-512, by the library.
pub(super) fn avx512(outputs: &mut [[u8; 32]], inputs: &[[u8; 64]]) {
    let mut done = 0;
    if has_avx512() {
        let (rows, _) = outputs.as_chunks_mut::<{ avx512::LANES }>();
        for (row, inputs) in rows.iter_mut().zip(inputs.as_chunks().0) {
            // SAFETY: the processor says that it has AVX-512 F.
            unsafe { avx512::sha256d_64(row, inputs) }
        }
        done = rows.len() * avx512::LANES;
    }
    sha256d_64_by_library(&mut outputs[done..], &inputs[done..]);
}

/// Eight at a time; the rest, and all where there is no AVX2, by the library.
pub(super) fn avx2(outputs: &mut [[u8; 32]], inputs: &[[u8; 64]]) {
    let mut done = 0;
    if has_avx2() {
        let (rows, _) = outputs.as_chunks_mut::<{ avx2::LANES }>();
        for (row, inputs) in rows.iter_mut().zip(inputs.as_chunks().0) {
            // SAFETY: the processor says that it has AVX2.
            unsafe { avx2::sha256d_64(row, inputs) }
        }
        done = rows.len() * avx2::LANES;
    }
    sha256d_64_by_library(&mut outputs[done..], &inputs[done..]);
}

/// Everything but the operations of a vector: `$feature` is what they need.
macro_rules! lanes {
    ($feature:literal, $count:literal) => {
        use super::super::schedule::{HASH_END, MESSAGE_PADDING};
        use crate::hash::rounds::{INITIAL, K};

        /// Messages hashed at a time.
        pub(super) const LANES: usize = $count;

        /// The double SHA-256 of each message.
        #[target_feature(enable = $feature)]
        pub(super) fn sha256d_64(outputs: &mut [[u8; 32]; LANES], inputs: &[[u8; 64]; LANES]) {
            let initial = INITIAL.map(|word| each(word));
            let mut words = [each(0); 16];
            for (t, word) in words.iter_mut().enumerate() {
                *word = load(inputs.each_ref().map(|input| {
                    u32::from_be_bytes([input[4 * t], input[4 * t + 1], input[4 * t + 2], input[4 * t + 3]])
                }));
            }
            let state = compress(initial, words);
            let state = compress_scheduled(state, &MESSAGE_PADDING);
            let mut words = [each(0); 16];
            words[..8].copy_from_slice(&state);
            for (word, end) in words[8..].iter_mut().zip(HASH_END) {
                *word = each(end);
            }
            for (i, row) in compress(initial, words).into_iter().map(|word| store(word)).enumerate() {
                for (output, word) in outputs.iter_mut().zip(row) {
                    output[4 * i..4 * i + 4].copy_from_slice(&word.to_be_bytes());
                }
            }
        }

        /// The state after one more block.
        #[target_feature(enable = $feature)]
        #[inline]
        fn compress(before: [Vector; 8], mut words: [Vector; 16]) -> [Vector; 8] {
            let mut state = before;
            for t in (0..64).step_by(16) {
                macro_rules! steps {
                    ($i:literal $at:tt) => {
                        if t > 0 {
                            let (first, last) = (words[($i + 1) % 16], words[($i + 14) % 16]);
                            let sum = add(words[$i], words[($i + 9) % 16]);
                            words[$i] = add(sum, add(small_sigma0(first), small_sigma1(last)));
                        }
                        round(&mut state, $at, add(words[$i], each(K[t + $i])));
                    };
                }
                steps!(0 [0, 1, 2, 3, 4, 5, 6, 7]);
                steps!(1 [7, 0, 1, 2, 3, 4, 5, 6]);
                steps!(2 [6, 7, 0, 1, 2, 3, 4, 5]);
                steps!(3 [5, 6, 7, 0, 1, 2, 3, 4]);
                steps!(4 [4, 5, 6, 7, 0, 1, 2, 3]);
                steps!(5 [3, 4, 5, 6, 7, 0, 1, 2]);
                steps!(6 [2, 3, 4, 5, 6, 7, 0, 1]);
                steps!(7 [1, 2, 3, 4, 5, 6, 7, 0]);
                steps!(8 [0, 1, 2, 3, 4, 5, 6, 7]);
                steps!(9 [7, 0, 1, 2, 3, 4, 5, 6]);
                steps!(10 [6, 7, 0, 1, 2, 3, 4, 5]);
                steps!(11 [5, 6, 7, 0, 1, 2, 3, 4]);
                steps!(12 [4, 5, 6, 7, 0, 1, 2, 3]);
                steps!(13 [3, 4, 5, 6, 7, 0, 1, 2]);
                steps!(14 [2, 3, 4, 5, 6, 7, 0, 1]);
                steps!(15 [1, 2, 3, 4, 5, 6, 7, 0]);
            }
            sum(state, before)
        }

        /// The state after a block that is the same for all, of which the schedule with the round constants is given.
        #[target_feature(enable = $feature)]
        #[inline]
        fn compress_scheduled(before: [Vector; 8], scheduled: &[u32; 64]) -> [Vector; 8] {
            let mut state = before;
            for words in scheduled.as_chunks::<8>().0 {
                round(&mut state, [0, 1, 2, 3, 4, 5, 6, 7], each(words[0]));
                round(&mut state, [7, 0, 1, 2, 3, 4, 5, 6], each(words[1]));
                round(&mut state, [6, 7, 0, 1, 2, 3, 4, 5], each(words[2]));
                round(&mut state, [5, 6, 7, 0, 1, 2, 3, 4], each(words[3]));
                round(&mut state, [4, 5, 6, 7, 0, 1, 2, 3], each(words[4]));
                round(&mut state, [3, 4, 5, 6, 7, 0, 1, 2], each(words[5]));
                round(&mut state, [2, 3, 4, 5, 6, 7, 0, 1], each(words[6]));
                round(&mut state, [1, 2, 3, 4, 5, 6, 7, 0], each(words[7]));
            }
            sum(state, before)
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn sum(mut state: [Vector; 8], before: [Vector; 8]) -> [Vector; 8] {
            for (after, before) in state.iter_mut().zip(before) {
                *after = add(*after, before);
            }
            state
        }

        /// One round; `at` says where a to h stand, `word` is the schedule's word and the constant.
        #[target_feature(enable = $feature)]
        #[inline]
        fn round(state: &mut [Vector; 8], at: [usize; 8], word: Vector) {
            let [a, b, c, d, e, f, g, h] = at.map(|at| state[at]);
            let first = add(add(h, big_sigma1(e)), add(choice(e, f, g), word));
            state[at[3]] = add(d, first);
            state[at[7]] = add(first, add(big_sigma0(a), majority(a, b, c)));
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn small_sigma0(x: Vector) -> Vector {
            xor(turn::<7, 25>(x), turn::<18, 14>(x), shift::<3>(x))
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn small_sigma1(x: Vector) -> Vector {
            xor(turn::<17, 15>(x), turn::<19, 13>(x), shift::<10>(x))
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn big_sigma0(x: Vector) -> Vector {
            xor(turn::<2, 30>(x), turn::<13, 19>(x), turn::<22, 10>(x))
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn big_sigma1(x: Vector) -> Vector {
            xor(turn::<6, 26>(x), turn::<11, 21>(x), turn::<25, 7>(x))
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn load(words: [u32; LANES]) -> Vector {
            // SAFETY: any bits are a vector, and both have the same size.
            unsafe { std::mem::transmute::<[u32; LANES], Vector>(words) }
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn store(vector: Vector) -> [u32; LANES] {
            // SAFETY: any bits are numbers, and both have the same size.
            unsafe { std::mem::transmute::<Vector, [u32; LANES]>(vector) }
        }
    };
}

mod avx512 {
    use std::arch::x86_64::{
        __m512i as Vector, _mm512_add_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_srli_epi32,
        _mm512_ternarylogic_epi32,
    };

    lanes!("avx512f", 16);

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn each(word: u32) -> Vector {
        _mm512_set1_epi32(word as i32)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn add(x: Vector, y: Vector) -> Vector {
        _mm512_add_epi32(x, y)
    }

    /// To the right by `R` bits; to the left that is by `L`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn turn<const R: i32, const L: u32>(x: Vector) -> Vector {
        _mm512_ror_epi32::<R>(x)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn shift<const R: u32>(x: Vector) -> Vector {
        _mm512_srli_epi32::<R>(x)
    }

    // The third operand of the next three is the truth table, with the first argument as its highest bit.

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn xor(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm512_ternarylogic_epi32::<0b1001_0110>(x, y, z)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn choice(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm512_ternarylogic_epi32::<0b1100_1010>(x, y, z)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn majority(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm512_ternarylogic_epi32::<0b1110_1000>(x, y, z)
    }
}

mod avx2 {
    use std::arch::x86_64::{
        __m256i as Vector, _mm256_add_epi32, _mm256_and_si256, _mm256_or_si256, _mm256_set1_epi32,
        _mm256_slli_epi32, _mm256_srli_epi32, _mm256_xor_si256,
    };

    lanes!("avx2", 8);

    #[target_feature(enable = "avx2")]
    #[inline]
    fn each(word: u32) -> Vector {
        _mm256_set1_epi32(word as i32)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn add(x: Vector, y: Vector) -> Vector {
        _mm256_add_epi32(x, y)
    }

    /// To the right by `R` bits; to the left that is by `L`.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn turn<const R: i32, const L: i32>(x: Vector) -> Vector {
        _mm256_or_si256(_mm256_srli_epi32::<R>(x), _mm256_slli_epi32::<L>(x))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn shift<const R: i32>(x: Vector) -> Vector {
        _mm256_srli_epi32::<R>(x)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn xor(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm256_xor_si256(_mm256_xor_si256(x, y), z)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn choice(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn majority(x: Vector, y: Vector, z: Vector) -> Vector {
        _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)))
    }
}
