//! SHA-256 over bytes that arrive in pieces.

use bitcoin_hashes::{HashEngine, sha256};

use crate::Sink;

/// A running SHA-256. Cloning it keeps the state, so a common prefix is hashed once.
#[derive(Debug, Clone, Default)]
pub struct Sha256Engine {
    inner: sha256::HashEngine,
}

impl Sha256Engine {
    /// An engine that has seen nothing.
    pub const fn new() -> Self {
        Self { inner: sha256::HashEngine::new() }
    }

    /// The SHA-256 of everything put so far.
    pub fn finish(self) -> [u8; 32] {
        self.inner.finalize().to_byte_array()
    }

    /// The SHA-256 of the SHA-256 of everything put so far.
    pub fn finish_double(self) -> [u8; 32] {
        super::sha256(&self.finish())
    }
}

impl Sink for Sha256Engine {
    fn put(&mut self, bytes: &[u8]) {
        self.inner.input(bytes);
    }
}
