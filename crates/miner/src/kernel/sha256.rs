//! What a nonce does not change of a header's hash, in the terms of [`cairn_primitives::hash::rounds`].

use cairn_primitives::Header;
use cairn_primitives::hash::rounds::compress;
pub(super) use cairn_primitives::hash::rounds::{
    END_BIT, HASH_BITS, INITIAL, K, extend, round, small_sigma0, small_sigma1,
};

/// Length of a header in bits, the last word of its second block.
pub(super) const HEADER_BITS: u32 = 8 * Header::SIZE as u32;

/// What SHA-256 of a header comes to before its nonce: the state after the first 64 bytes, and the three words
/// between them and the nonce (the tail of the merkle root, the time, the bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Midstate {
    pub(super) state: [u32; 8],
    pub(super) tail: [u32; 3],
}

impl Midstate {
    /// The midstate of `header`.
    pub(crate) fn new(header: &Header) -> Self {
        let bytes = header.to_array();
        let word = |i: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|offset| bytes[4 * i + offset]);
            u32::from_be_bytes([a, b, c, d])
        };
        Self { state: compress(&INITIAL, &std::array::from_fn(word)), tail: [word(16), word(17), word(18)] }
    }
}
