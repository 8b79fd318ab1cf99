//! A SHA-256 that counts, for tests of how much is hashed.

use std::cell::Cell;

use cairn_primitives::Sink;
use cairn_primitives::hash::Sha256Engine;

thread_local! {
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that this thread put into engines during `work`.
pub(super) fn bytes_hashed<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let before = BYTES.get();
    let result = work();
    (result, BYTES.get() - before)
}

/// Stands in for [`Sha256Engine`].
#[derive(Clone)]
pub(super) struct Engine(Sha256Engine);

impl Engine {
    pub(super) fn new() -> Self {
        Self(Sha256Engine::new())
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finish()
    }

    pub(super) fn finish_double(self) -> [u8; 32] {
        self.0.finish_double()
    }
}

impl Sink for Engine {
    fn put(&mut self, bytes: &[u8]) {
        BYTES.set(BYTES.get() + bytes.len() as u64);
        self.0.put(bytes);
    }
}
