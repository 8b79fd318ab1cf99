//! Hash functions, and the typed hashes a chain is held together by.
//!
//! SHA-256 uses the processor's SHA instructions where they are found at run time; SHA-1 and RIPEMD-160 do not.

pub mod batch;
mod engine;
mod map;
pub mod rounds;
mod types;

pub use engine::Sha256Engine;
pub use map::{HashMap, HashSet, MapHasher, MapState};
pub use types::{BlockHash, Hash160, MerkleRoot, Sha256, Sha256d, Txid, Wtxid};

use ripemd::{Digest, Ripemd160};

use crate::Sink;

/// SHA-1, for `OP_SHA1` alone: it is broken as a commitment.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    bitcoin_hashes::sha1::Hash::hash(data).to_byte_array()
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    bitcoin_hashes::sha256::Hash::hash(data).to_byte_array()
}

/// SHA-256 of the SHA-256: the hash of headers, transactions and merkle nodes.
pub fn sha256d(data: &[u8]) -> [u8; 32] {
    bitcoin_hashes::sha256d::Hash::hash(data).to_byte_array()
}

/// RIPEMD-160.
pub fn ripemd160(data: &[u8]) -> [u8; 20] {
    Ripemd160::digest(data).into()
}

/// RIPEMD-160 of the SHA-256: the hash of public keys and redeem scripts in addresses.
pub fn hash160(data: &[u8]) -> Hash160 {
    Hash160::from_bytes(ripemd160(&sha256(data)))
}

/// BIP340's tagged hash: SHA-256 of `SHA-256(tag) || SHA-256(tag) || parts[0] || parts[1] || …`.
pub fn tagged(tag: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let tag = sha256(tag);
    let mut engine = Sha256Engine::new();
    engine.put(&tag);
    engine.put(&tag);
    for part in parts {
        engine.put(part);
    }
    engine.finish()
}

/// SipHash-2-4 of `data` under the key halves `k0` and `k1`: compact block short ids (BIP152), block filters (BIP158).
pub fn siphash24(k0: u64, k1: u64, data: &[u8]) -> u64 {
    bitcoin_hashes::siphash24::Hash::hash_to_u64_with_keys(k0, k1, data)
}
