//! The 64 bytes every key of a wallet comes from (BIP39).

use core::fmt;

use bitcoin_hashes::{Hash, HashEngine, HmacEngine, sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::mnemonic::nfkd;

/// Rounds of HMAC-SHA512 between words and seed (BIP39).
const ROUNDS: u32 = 2048;

/// What BIP39 puts before the passphrase.
const SALT: &[u8] = b"mnemonic";

/// The root of all keys: 64 bytes. Wiped from memory when dropped; `Debug` does not show them.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; Seed::SIZE]>);

impl Seed {
    /// Bytes of a seed.
    pub const SIZE: usize = 64;

    /// Takes the bytes as they are.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The seed of any text: words are not looked up and no checksum is checked.
    ///
    /// For mnemonics from lists that [`Language`](crate::Language) does not have; with words of those lists,
    /// [`Mnemonic::to_seed`](crate::Mnemonic::to_seed) gives the same and finds mistakes. White space between words
    /// counts as one space. Both texts are hashed in Unicode form NFKD.
    ///
    /// Source: BIP39, PBKDF2-HMAC-SHA512 with 2,048 rounds and the salt `mnemonic` + passphrase.
    pub fn from_phrase(phrase: &str, passphrase: &str) -> Self {
        let phrase = nfkd(phrase);
        // As long as it gets, so that it never moves and leaves a copy behind.
        let mut words = Zeroizing::new(String::with_capacity(phrase.len()));
        for word in phrase.split_whitespace() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        Self(pbkdf2(words.as_bytes(), nfkd(passphrase).as_bytes()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

/// HMAC-SHA512 of the parts, one after the other.
pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut engine = HmacEngine::<sha512::HashEngine>::new(key);
    parts.iter().for_each(|part| engine.input(part));
    Zeroizing::new(engine.finalize().to_byte_array())
}

/// The first block of PBKDF2, which is as long as a seed.
fn pbkdf2(password: &[u8], salt: &[u8]) -> Zeroizing<[u8; 64]> {
    let mut keyed = HmacEngine::<sha512::HashEngine>::new(password);
    let mut first = keyed.clone();
    [SALT, salt, &1u32.to_be_bytes()].into_iter().for_each(|part| first.input(part));
    let mut round = Zeroizing::new(first.finalize().to_byte_array());
    let mut sum = round.clone();
    for _ in 1..ROUNDS {
        let mut next = keyed.clone();
        next.input(&*round);
        let mut output = next.finalize().to_byte_array();
        round.copy_from_slice(&output);
        output.zeroize();
        sum.iter_mut().zip(round.iter()).for_each(|(sum, byte)| *sum ^= byte);
    }
    keyed.non_secure_erase();
    sum
}
