//! The hash of the coins in order: Core's `hash_serialized_3`.

use cairn_primitives::hash::Sha256Engine;
use cairn_primitives::{Coin, OutPoint, Sha256d, Sink};

use crate::coin_stats::coin_element;

/// Hashes coins one after another, in order of their outpoints (txid as bytes, then output index).
///
/// The result is the double SHA-256 of all [`coin_element`]s: what Core's `gettxoutsetinfo hash_serialized_3` gives and
/// what the spec's snapshots are known by. Unlike MuHash it depends on the order and can only be worked out from all
/// coins at once.
#[derive(Debug, Clone, Default)]
pub struct CoinsHasher {
    engine: Sha256Engine,
}

impl CoinsHasher {
    /// No coins yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next coin.
    pub fn push(&mut self, outpoint: &OutPoint, coin: &Coin) {
        self.engine.put(&coin_element(outpoint, coin));
    }

    /// The hash of all coins added.
    pub fn finish(self) -> Sha256d {
        Sha256d::from_bytes(self.engine.finish_double())
    }
}
