//! Keys made from numbers, and what can be done to their signatures.

use std::sync::LazyLock;

use cairn_crypto::{EcdsaSignature, Parity, SecretKey};
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

/// The other S that verifies.
pub(crate) fn high_s(signature: &EcdsaSignature) -> EcdsaSignature {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
        0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];
    let mut compact = signature.to_compact();
    let mut borrow = 0;
    for i in (0..32).rev() {
        let digit = i16::from(ORDER[i]) - i16::from(compact[32 + i]) - borrow;
        borrow = i16::from(digit < 0);
        compact[32 + i] = digit.to_le_bytes()[0];
    }
    EcdsaSignature::from_compact(compact)
}
