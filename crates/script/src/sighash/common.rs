//! Hashes that all inputs of a transaction share.

use cairn_primitives::hash::{Sha256Engine, sha256};
use cairn_primitives::{Encode, Sink, Transaction};

/// Single SHA-256 hashes over all inputs and all outputs (BIP341).
pub(super) struct Common {
    /// Of the outpoints spent.
    pub(super) prevouts: [u8; 32],
    /// Of the sequence numbers.
    pub(super) sequences: [u8; 32],
    /// Of the outputs.
    pub(super) outputs: [u8; 32],
}

impl Common {
    pub(super) fn new(tx: &Transaction) -> Self {
        Self {
            prevouts: hash_all(tx.inputs(), |engine, input| input.previous.encode(engine)),
            sequences: hash_all(tx.inputs(), |engine, input| {
                engine.put(&input.sequence.to_u32().to_le_bytes());
            }),
            outputs: hash_all(tx.outputs(), |engine, output| output.encode(engine)),
        }
    }

    /// The double hashes of the same (BIP143).
    pub(super) fn doubled(&self) -> Self {
        Self {
            prevouts: sha256(&self.prevouts),
            sequences: sha256(&self.sequences),
            outputs: sha256(&self.outputs),
        }
    }
}

/// SHA-256 of what `put` writes for each item.
pub(super) fn hash_all<T>(items: &[T], put: impl Fn(&mut Sha256Engine, &T)) -> [u8; 32] {
    let mut engine = Sha256Engine::new();
    items.iter().for_each(|item| put(&mut engine, item));
    engine.finish()
}
