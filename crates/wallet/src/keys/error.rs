//! What can be wrong with a path, a text that claims to be an extended key, or a step down the tree.

use cairn_crypto::{PublicKeyError, SecretKeyError};
use cairn_primitives::base58::Base58Error;
use thiserror::Error;

use super::ChildNumber;

/// Why a number is no child number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("child number {got} is above {limit}")]
pub struct ChildNumberError {
    /// The number given.
    pub got: u32,
    /// The highest number, 2^31 - 1.
    pub limit: u32,
}

/// Why a text is no derivation path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// The text does not begin with `m`.
    #[error("a derivation path begins with m")]
    NoRoot,
    /// More steps than an extended key can count.
    #[error("{got} steps, a derivation path has at most {limit}")]
    TooLong {
        /// Steps in the text.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// A step is not a decimal number with an optional `'`, `h` or `H` behind it.
    #[error("step {position} of the derivation path is not a number")]
    NotANumber {
        /// Which step, counted from 1.
        position: usize,
    },
    /// A step's number is too large.
    #[error("step {position} of the derivation path is above {limit}")]
    TooLarge {
        /// Which step, counted from 1.
        position: usize,
        /// The highest number, 2^31 - 1.
        limit: u32,
    },
}

/// Why a key has no such child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeriveError {
    /// A hardened child has no public derivation (BIP32): the secret key is needed.
    #[error("child {got} is hardened: only the secret key has it")]
    Hardened {
        /// The child asked for.
        got: ChildNumber,
    },
    /// The key is as deep as its text form can say.
    #[error("a key of depth {limit} has no children")]
    TooDeep {
        /// The greatest depth.
        limit: u8,
    },
    /// The index is a hardened one, or there is none so high.
    #[error("index {got} is above {limit}")]
    Index {
        /// The index asked for.
        got: u32,
        /// The highest index, 2^31 - 1.
        limit: u32,
    },
    /// BIP32 makes no key here; the next child has one. Cannot be met in practice (probability 2^-127).
    #[error("BIP32 makes no key at child {got}")]
    NoKey {
        /// The child asked for.
        got: ChildNumber,
    },
    /// BIP32 makes no key from this seed. Cannot be met in practice (probability 2^-127).
    #[error("BIP32 makes no key from this seed")]
    NoMaster,
    /// Too few or too many bytes of seed.
    #[error("{got} bytes of seed, BIP32 takes {min} to {limit}")]
    SeedLength {
        /// Bytes given.
        got: usize,
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        limit: usize,
    },
}

/// Why a text is no extended key of this chain and kind (BIP32). No part of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtendedKeyError {
    /// Not Base58Check.
    #[error("not an extended key: {0}")]
    Base58(#[from] Base58Error),
    /// Base58Check of too few or too many bytes.
    #[error("{got} bytes where an extended key has {expected}")]
    Length {
        /// Bytes decoded, checksum excluded.
        got: usize,
        /// Bytes of an extended key.
        expected: usize,
    },
    /// An extended secret key where a public one is wanted.
    #[error("this is an extended secret key; give the public one and keep this to yourself")]
    IsSecret,
    /// An extended public key where a secret one is wanted.
    #[error("this is an extended public key; the secret one is needed")]
    IsPublic,
    /// The version belongs to another chain, or to another use of the key.
    #[error("extended key version {got:08x} is not of this chain: expected {expected:08x}")]
    Version {
        /// The version found, read big-endian.
        got: u32,
        /// This chain's version.
        expected: u32,
    },
    /// A root key that claims to have a parent or a place among its children.
    #[error("a root key that claims to have a parent")]
    RootWithParent,
    /// A secret key does not begin with a zero byte.
    #[error("secret key prefix {got:#04x}, expected {expected:#04x}")]
    SecretPrefix {
        /// The byte found.
        got: u8,
        /// Always zero.
        expected: u8,
    },
    /// The secret key is out of range.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    /// The public key is malformed or on no curve.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
}

/// Why an extended key is no account, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// Account keys stand at depth 3: `m / purpose' / coin_type' / account'` (BIP44).
    #[error("a key of depth {got} is no account key, which has depth {expected}")]
    Depth {
        /// The key's depth.
        got: u8,
        /// Always 3.
        expected: u8,
    },
    /// Account keys are hardened children (BIP44).
    #[error("child {got} is no account key, which is hardened")]
    NotHardened {
        /// The key's child number.
        got: ChildNumber,
    },
    /// The account's number, or the chain's coin type, is no child number.
    #[error(transparent)]
    ChildNumber(#[from] ChildNumberError),
    /// A step down the tree failed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}
