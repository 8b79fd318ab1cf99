//! A hash of a set that is kept up as the set changes: MuHash3072, as Bitcoin Core hashes the unspent coins
//! (`crypto/muhash.h`; the scheme is Bellare and Micciancio's, "A new paradigm for collision-free hashing").
//!
//! Each element stands for a number modulo the prime 2^3072 - 1103717. A set is the product of its elements, so
//! their order does not matter, and taking one out divides it away again. Two sets with the same hash cannot be
//! found as long as discrete logarithms of this size are hard.

mod inverse;
mod num3072;

use std::fmt;
use std::str::FromStr;

use cairn_primitives::hash::sha256;
use cairn_primitives::hex::{self, HexError};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

use num3072::Num3072;

/// The running hash of a set of byte strings.
///
/// An element may be put in more than once and counts as often; one that is taken out before it was put in counts
/// as minus one until then.
///
/// ```
/// use cairn_crypto::MuHash;
///
/// let mut set = MuHash::new();
/// set.insert(b"one");
/// set.insert(b"two");
/// set.remove(b"one");
/// let mut other = MuHash::new();
/// other.insert(b"two");
/// assert_eq!(set.digest(), other.digest());
/// ```
#[derive(Debug, Clone)]
pub struct MuHash {
    numerator: Num3072,
    /// What was taken out. Dividing takes as long as some twenty elements, so it waits until someone looks.
    denominator: Num3072,
}

impl MuHash {
    /// Bytes of [`to_bytes`](Self::to_bytes).
    pub const SIZE: usize = num3072::SIZE;

    /// The empty set.
    pub const fn new() -> Self {
        MuHash { numerator: Num3072::ONE, denominator: Num3072::ONE }
    }

    /// Puts an element in.
    pub fn insert(&mut self, element: &[u8]) {
        self.numerator.multiply(&number(element));
    }

    /// Takes an element out.
    pub fn remove(&mut self, element: &[u8]) {
        self.denominator.multiply(&number(element));
    }

    /// Puts all elements of `other` in.
    pub fn insert_all(&mut self, other: &MuHash) {
        self.numerator.multiply(&other.numerator);
        self.denominator.multiply(&other.denominator);
    }

    /// Takes all elements of `other` out.
    pub fn remove_all(&mut self, other: &MuHash) {
        self.numerator.multiply(&other.denominator);
        self.denominator.multiply(&other.numerator);
    }

    /// Does the division that waits, so that looking twice costs it once.
    pub fn settle(&mut self) {
        if self.denominator != Num3072::ONE {
            let inverse = inverse::invert(&self.denominator);
            self.numerator.multiply(&inverse);
            self.denominator = Num3072::ONE;
        }
    }

    /// The set as one number below the prime, little-endian. Equal sets have equal bytes.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut settled = self.clone();
        settled.settle();
        settled.numerator.to_bytes()
    }

    /// The set that [`to_bytes`](Self::to_bytes) gave. Any bytes are a set: a number that is not below the prime
    /// stands for its remainder.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        MuHash { numerator: Num3072::from_bytes(bytes), denominator: Num3072::ONE }
    }

    /// The hash of the set: SHA-256 of [`to_bytes`](Self::to_bytes).
    pub fn digest(&self) -> MuHashDigest {
        MuHashDigest(sha256(&self.to_bytes()))
    }
}

impl Default for MuHash {
    fn default() -> Self {
        Self::new()
    }
}

/// The number that stands for an element: the first 3072 bits, little-endian, of the ChaCha20 key stream (RFC 8439,
/// nonce and counter zero) under the element's SHA-256.
fn number(element: &[u8]) -> Num3072 {
    let mut stream = [0; num3072::SIZE];
    ChaCha20::new(&sha256(element).into(), &[0; 12].into()).apply_keystream(&mut stream);
    Num3072::from_bytes(&stream)
}

/// The hash of a set. Shown with its bytes reversed, as Bitcoin Core shows `muhash`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MuHashDigest([u8; 32]);

impl MuHashDigest {
    /// The digest with these bytes, in the order SHA-256 gave them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        MuHashDigest(bytes)
    }

    /// The bytes, in the order SHA-256 gave them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for MuHashDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0;
        bytes.reverse();
        f.write_str(&hex::encode(&bytes))
    }
}

impl fmt::Debug for MuHashDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MuHashDigest({self})")
    }
}

impl FromStr for MuHashDigest {
    type Err = HexError;

    /// Reads the form that is shown: 64 hex digits, bytes reversed.
    fn from_str(text: &str) -> Result<Self, HexError> {
        let mut bytes = hex::decode_array(text)?;
        bytes.reverse();
        Ok(MuHashDigest(bytes))
    }
}
