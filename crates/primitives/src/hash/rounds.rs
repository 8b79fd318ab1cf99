//! The SHA-256 compression function (FIPS 180-4) in pieces, for those who compute many hashes side by side.
//!
//! The eight working variables stay where they are and their names move: before round `t`, variable number `i`
//! (a = 0 … h = 7) is `state[(i + 64 - t) % 8]`. After 64 rounds every name is back at its place. All of it is arithmetic
//! that the compiler can turn into vector code when it stands in a loop.

/// The state before the first block.
pub const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// The round constants.
#[rustfmt::skip]
pub const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The bit that ends every message, as the first bit of a word.
pub const END_BIT: u32 = 0x8000_0000;

/// Length of a hash in bits, the last word of the block that hashes it again.
pub const HASH_BITS: u32 = 256;

/// σ₀ of the message schedule.
#[inline(always)]
pub fn small_sigma0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

/// σ₁ of the message schedule.
#[inline(always)]
pub fn small_sigma1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}

#[inline(always)]
fn big_sigma0(x: u32) -> u32 {
    x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22)
}

#[inline(always)]
fn big_sigma1(x: u32) -> u32 {
    x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25)
}

/// Replaces word `t - 16` of the message schedule, in its ring of 16, by word `t`.
#[inline(always)]
pub fn extend(words: &mut [u32; 16], t: usize) {
    let sigma0 = small_sigma0(words[(t + 1) % 16]);
    let sigma1 = small_sigma1(words[(t + 14) % 16]);
    words[t % 16] = words[t % 16].wrapping_add(words[(t + 9) % 16]).wrapping_add(sigma0).wrapping_add(sigma1);
}

/// Round `t`, for the schedule word `word`. `a_xor_b` is `b ^ c` of this round, and is left as `a ^ b`, which is
/// the same of the next: the majority of three costs two operations less that way.
#[inline(always)]
pub fn round(state: &mut [u32; 8], a_xor_b: &mut u32, t: usize, word: u32) {
    let at = |i: usize| (i + 64 - t) % 8;
    let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| state[at(i)]);
    let _ = c;
    let choice = g ^ (e & (f ^ g));
    let temp = h.wrapping_add(word.wrapping_add(K[t])).wrapping_add(choice).wrapping_add(big_sigma1(e));
    let b_xor_c = *a_xor_b;
    *a_xor_b = a ^ b;
    let majority = b ^ (*a_xor_b & b_xor_c);
    state[at(3)] = d.wrapping_add(temp);
    state[at(7)] = temp.wrapping_add(big_sigma0(a)).wrapping_add(majority);
}

/// The state after one more block of 16 words.
pub fn compress(before: &[u32; 8], block: &[u32; 16]) -> [u32; 8] {
    let mut words = *block;
    let mut state = *before;
    let mut a_xor_b = state[1] ^ state[2];
    for t in 0..64 {
        if t >= 16 {
            extend(&mut words, t);
        }
        round(&mut state, &mut a_xor_b, t, words[t % 16]);
    }
    std::array::from_fn(|i| state[i].wrapping_add(before[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn compressing_a_padded_message_is_sha256(message in proptest::collection::vec(any::<u8>(), 0..=55)) {
            let mut block = [0; 64];
            block[..message.len()].copy_from_slice(&message);
            block[message.len()] = 0x80;
            block[56..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
            let words = std::array::from_fn(|i| {
                u32::from_be_bytes(block[4 * i..4 * i + 4].try_into().unwrap())
            });
            let state = compress(&INITIAL, &words);
            let bytes: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
            prop_assert_eq!(bytes, hash::sha256(&message));
        }
    }
}
