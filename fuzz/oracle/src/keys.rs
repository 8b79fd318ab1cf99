//! Keys made from numbers.

use std::sync::LazyLock;

use cairn_crypto::{Parity, SecretKey};
use cairn_primitives::hash;

/// How many keys the generators use.
const COUNT: usize = 24;

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| (0..COUNT as u64).map(Key::new).collect());

/// A secret key and the forms of its public key.
pub struct Key {
    /// The secret key.
    pub secret: SecretKey,
    /// 33 bytes.
    pub compressed: [u8; 33],
    /// 65 bytes, `04` in front.
    pub uncompressed: [u8; 65],
    /// 32 bytes.
    pub x_only: [u8; 32],
    /// Which Y the point has.
    pub parity: Parity,
}

impl Key {
    fn new(number: u64) -> Self {
        let bytes = hash::sha256(&[b"cairn oracle key ".as_slice(), &number.to_le_bytes()].concat());
        let secret = SecretKey::from_bytes(bytes).expect("a hash is a valid key but for one in 2^128");
        let public = secret.public_key();
        let (x_only, parity) = public.to_x_only();
        Self {
            secret,
            compressed: public.to_compressed(),
            uncompressed: public.to_uncompressed(),
            x_only: x_only.to_bytes(),
            parity,
        }
    }
}

/// The key that belongs to `number`; numbers repeat after 24.
pub fn key(number: usize) -> &'static Key {
    &KEYS[number % COUNT]
}
