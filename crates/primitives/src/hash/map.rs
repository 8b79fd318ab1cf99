//! Hash maps whose keys are hashes, or hold one.
//!
//! Txids can be chosen by whoever pays for the tries, so a map must not put them where an attacker wants them. Here the
//! place is a sum of products with secret numbers: for two different keys, chosen without knowledge of the secret, it
//! differs as two random numbers do. Source: Lemire and Kaser, "Strongly universal string hashing is fast" (multilinear
//! hashing). That takes a fraction of the time of SipHash, which other maps of the standard library use.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A map from keys of fixed length.
pub type HashMap<K, V> = std::collections::HashMap<K, V, MapState>;

/// A set of keys of fixed length.
pub type HashSet<K> = std::collections::HashSet<K, MapState>;

/// Words of 64 bits that have a secret number of their own.
const WORDS: usize = 8;

/// Of [`WORDS`] and more secret numbers: where a sum begins, and what the sum of the words before counts.
const START: usize = WORDS;
const CARRIED: usize = WORDS + 1;

/// One number for each word, and the two above.
type Secrets = [u128; WORDS + 2];

/// Drawn once for each process, from where the standard library has its own secrets.
static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    let state = RandomState::new();
    let draw = |n: u64| u128::from(state.hash_one(n)) << 64 | u128::from(state.hash_one(!n));
    std::array::from_fn(|n| draw(n as u64))
});

/// Makes [`MapHasher`]s. All of one process have the same secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct MapState;

impl BuildHasher for MapState {
    type Hasher = MapHasher;

    fn build_hasher(&self) -> MapHasher {
        let secrets = &*SECRETS;
        MapHasher { secrets, sum: secrets[START], words: 0 }
    }
}

/// The hash of a key, for [`HashMap`] and [`HashSet`] alone: it is another one in each process.
///
/// Two keys written in pieces of the same lengths hash alike with a chance of about one in 2^63 for each 64 bytes of them.
#[derive(Debug, Clone)]
pub struct MapHasher {
    secrets: &'static Secrets,
    sum: u128,
    /// Words added since the sum began.
    words: usize,
}

impl MapHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        // No word has a secret number that another had: the hash so far is one word of a new sum.
        if self.words == WORDS {
            let carried = self.secrets[CARRIED].wrapping_mul(u128::from(self.finish()));
            self.sum = self.secrets[START].wrapping_add(carried);
            self.words = 0;
        }
        self.sum = self.sum.wrapping_add(self.secrets[self.words].wrapping_mul(u128::from(word)));
        self.words += 1;
    }
}

impl Hasher for MapHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    #[inline]
    fn finish(&self) -> u64 {
        (self.sum >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OutPoint, Txid};

    fn outpoint(n: u64, vout: u32) -> OutPoint {
        let mut bytes = [0; 32];
        bytes[8..16].copy_from_slice(&n.to_le_bytes());
        OutPoint { txid: Txid::from_bytes(bytes), vout }
    }

    #[test]
    fn equal_keys_hash_alike_and_others_do_not() {
        assert_eq!(MapState.hash_one(outpoint(1, 2)), MapState.hash_one(outpoint(1, 2)));
        let all: HashSet<_> =
            (0..100_000).map(|n| MapState.hash_one(outpoint(n / 10, n as u32 % 10))).collect();
        // Among 10^5 random numbers of 64 bits two are equal once in 10^9 runs.
        assert_eq!(all.len(), 100_000);
    }

    #[test]
    fn every_bit_of_a_key_counts() {
        let hash = |bytes: &[u8]| {
            let mut hasher = MapState.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        for len in 1..=100 {
            let mut bytes = vec![0x5a; len];
            let before = hash(&bytes);
            for bit in 0..8 * len {
                bytes[bit / 8] ^= 1 << (bit % 8);
                // A run in 10^14 finds two alike.
                assert_ne!(hash(&bytes), before, "bit {bit} of {len} bytes");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    /// What a table looks at: the low bits for the place, the high seven for a mark.
    #[test]
    fn low_and_high_bits_are_spread() {
        const KEYS: u64 = 1 << 16;
        for part in [|hash: u64| hash % 64, |hash: u64| hash >> 58] {
            let mut counts = [0_u64; 64];
            for n in 0..KEYS {
                let txid = Txid::from_bytes(crate::hash::sha256d(&n.to_le_bytes()));
                counts[part(MapState.hash_one(OutPoint { txid, vout: 0 })) as usize] += 1;
            }
            // 1024 each, give or take 32.
            assert!(counts.iter().all(|&count| (512..2048).contains(&count)), "{counts:?}");
        }
    }
}
