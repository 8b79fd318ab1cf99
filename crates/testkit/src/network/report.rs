//! What can be asked of a simulated network: who holds what against whom, and what the nodes agree on.

use std::time::Duration;

use cairn_chainstate::{ChainReader, ChainStateError};
use cairn_p2p::{DisconnectReason, Misbehaviour};
use cairn_primitives::hash::Sha256Engine;
use cairn_primitives::{Encode, Sha256, Sink, Txid};

use super::HostId;

/// A node closed a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disconnected {
    /// When, since 1970.
    pub at: Duration,
    /// Who was at the other end; `None` if the node was started anew since.
    pub host: Option<HostId>,
    /// Why.
    pub reason: DisconnectReason,
}

/// A node held something against a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Misbehaved {
    /// When, since 1970.
    pub at: Duration,
    /// Who; `None` if the node was started anew since.
    pub host: Option<HostId>,
    /// What.
    pub what: Misbehaviour,
    /// All points of that connection.
    pub score: u32,
}

/// What a node reported over all its lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) established: u64,
    pub(super) disconnected: Vec<Disconnected>,
    pub(super) misbehaved: Vec<Misbehaved>,
    pub(super) banned: Vec<(Duration, HostId)>,
}

/// The transactions that spend one coin, as one node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spends {
    /// On the best chain, with how many there are; more than one would be a broken chain.
    pub confirmed: Vec<Txid>,
    /// In the pool.
    pub pool: Option<Txid>,
}

/// A hash over all unspent coins: of outpoint, height, coinbase mark, value and script of each, in order of the
/// outpoints. Two chains with the same coins have the same.
///
/// Reads the whole coin set.
///
/// # Errors
/// What the coin store reports.
pub fn coin_set_hash(chain: &ChainReader) -> Result<Sha256, ChainStateError> {
    let mut engine = Sha256Engine::new();
    for (outpoint, coin) in chain.view().coins()? {
        outpoint.encode(&mut engine);
        engine.put(&coin.height.to_u32().to_le_bytes());
        engine.put(&[u8::from(coin.coinbase)]);
        coin.output.encode(&mut engine);
    }
    Ok(Sha256::from_bytes(engine.finish()))
}
