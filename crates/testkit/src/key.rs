//! Keys made from numbers.

use cairn_crypto::SecretKey;
use cairn_primitives::{Hash160, Script, hash};

/// A secret key that belongs to a number: the same on every run and every machine.
#[derive(Clone)]
pub struct TestKey {
    secret: SecretKey,
    public: [u8; 33],
}

impl TestKey {
    /// The key that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        let bytes = hash::sha256(&[b"cairn test key ".as_slice(), &seed.to_le_bytes()].concat());
        let secret = SecretKey::from_bytes(bytes).expect("a hash is a valid key but for one in 2^128");
        let public = secret.public_key().to_compressed();
        Self { secret, public }
    }

    /// The secret key.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The compressed public key.
    pub fn public(&self) -> &[u8; 33] {
        &self.public
    }

    /// RIPEMD-160 of SHA-256 of the compressed public key.
    pub fn key_hash(&self) -> Hash160 {
        hash::hash160(&self.public)
    }

    /// The script that pays to the hash of this key.
    pub fn p2pkh(&self) -> Script {
        Script::p2pkh(self.key_hash())
    }

    /// The script that pays to this key.
    pub fn p2pk(&self) -> Script {
        Script::p2pk(&self.public)
    }
}
