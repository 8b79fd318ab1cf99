//! Hashes that all inputs of a transaction share.

use cairn_primitives::hash::sha256;
use cairn_primitives::{Encode, Sink, Transaction};

use super::Engine;

/// Single SHA-256 hashes over all inputs and all outputs (BIP341).
pub(super) struct Common {
    /// Of the outpoints spent.
    pub(super) prevouts: [u8; 32],
    /// Of the sequence numbers.
    pub(super) sequences: [u8; 32],
    /// Of the outputs.
    pub(super) outputs: [u8; 32],
    /// Hashed for all this.
    pub(super) bytes: u64,
}

impl Common {
    pub(super) fn new(tx: &Transaction) -> Self {
        let mut bytes = 0;
        Self {
            prevouts: hash_all(tx.inputs(), &mut bytes, |sink, input| input.previous.encode(sink)),
            sequences: hash_all(tx.inputs(), &mut bytes, |sink, input| {
                sink.put(&input.sequence.to_u32().to_le_bytes());
            }),
            outputs: hash_all(tx.outputs(), &mut bytes, |sink, output| output.encode(sink)),
            bytes,
        }
    }

    /// The double hashes of the same (BIP143).
    pub(super) fn doubled(&self) -> Self {
        Self {
            prevouts: sha256(&self.prevouts),
            sequences: sha256(&self.sequences),
            outputs: sha256(&self.outputs),
            bytes: self.bytes,
        }
    }
}

/// SHA-256 of what `put` writes for each item; counts it in `bytes`.
pub(super) fn hash_all<T>(items: &[T], bytes: &mut u64, put: impl Fn(&mut Counting<'_>, &T)) -> [u8; 32] {
    let mut sink = Counting { engine: Engine::new(), bytes };
    items.iter().for_each(|item| put(&mut sink, item));
    sink.engine.finish()
}

/// An engine beside a count of what it was given.
pub(super) struct Counting<'b> {
    engine: Engine,
    bytes: &'b mut u64,
}

impl Sink for Counting<'_> {
    fn put(&mut self, bytes: &[u8]) {
        *self.bytes += bytes.len() as u64;
        self.engine.put(bytes);
    }
}
