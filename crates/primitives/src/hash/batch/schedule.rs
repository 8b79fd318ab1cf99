//! What is known of the messages before they are: their padding.

use super::super::rounds::{END_BIT, HASH_BITS};
#[cfg(target_arch = "x86_64")]
use super::super::rounds::{K, extend};

/// Length of a message in bits.
const MESSAGE_BITS: u32 = 512;

/// The block behind a message of 64 bytes.
const PADDING: [u32; 16] = [END_BIT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, MESSAGE_BITS];

/// Behind the eight words of a hash, in the block that hashes it again.
pub(super) const HASH_END: [u32; 8] = [END_BIT, 0, 0, 0, 0, 0, 0, HASH_BITS];

/// For each round, the schedule's word of [`PADDING`] and the round's constant together.
#[cfg(target_arch = "x86_64")]
pub(super) static MESSAGE_PADDING: std::sync::LazyLock<[u32; 64]> = std::sync::LazyLock::new(|| {
    let mut words = PADDING;
    std::array::from_fn(|t| {
        if t >= 16 {
            extend(&mut words, t);
        }
        words[t % 16].wrapping_add(K[t])
    })
});

/// The double SHA-256 of one message, without any library.
pub(super) fn portable(input: &[u8; 64]) -> [u8; 32] {
    use super::super::rounds::{INITIAL, compress};
    let (bytes, _) = input.as_chunks::<4>();
    let message = std::array::from_fn(|t| u32::from_be_bytes(bytes[t]));
    let first = compress(&compress(&INITIAL, &message), &PADDING);
    let again = std::array::from_fn(|t| if t < 8 { first[t] } else { HASH_END[t - 8] });
    let mut output = [0; 32];
    for (bytes, word) in output.as_chunks_mut::<4>().0.iter_mut().zip(compress(&INITIAL, &again)) {
        *bytes = word.to_be_bytes();
    }
    output
}
