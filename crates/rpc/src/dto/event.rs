//! What `/events` tells.

use cairn_primitives::{BlockHash, BlockTime, Height};
use serde::{Deserialize, Serialize};

use super::mempool::PoolEvent;

/// The types of what `/events` sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// The node's state, for who has no place in the log yet.
    Snapshot,
    /// A block was connected.
    Block,
    /// Blocks made room for a better branch.
    Reorg,
    /// A transaction came into the pool.
    Tx,
    /// A transaction left the pool.
    TxRemoved,
    /// The pool as a whole.
    Mempool,
    /// Nothing happened for a while.
    Ping,
}

impl EventType {
    /// Every type.
    pub const ALL: [EventType; 7] = [
        EventType::Snapshot,
        EventType::Block,
        EventType::Reorg,
        EventType::Tx,
        EventType::TxRemoved,
        EventType::Mempool,
        EventType::Ping,
    ];

    /// The type's name in the stream and in `types=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EventType::Snapshot => "snapshot",
            EventType::Block => "block",
            EventType::Reorg => "reorg",
            EventType::Tx => "tx",
            EventType::TxRemoved => "tx_removed",
            EventType::Mempool => "mempool",
            EventType::Ping => "ping",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl From<&EventKind> for EventType {
    fn from(kind: &EventKind) -> Self {
        match kind {
            EventKind::Block(_) => EventType::Block,
            EventKind::Reorg(_) => EventType::Reorg,
        }
    }
}

impl From<&PoolEvent> for EventType {
    fn from(event: &PoolEvent) -> Self {
        match event {
            PoolEvent::Tx(_) => EventType::Tx,
            PoolEvent::TxRemoved(_) => EventType::TxRemoved,
            PoolEvent::Mempool(_) => EventType::Mempool,
        }
    }
}

/// A change of the chain with its durable id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the node's event log: grows, never repeats, may skip.
    pub id: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to the active chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A block was connected. After a reorganisation each newly connected block has its own event too.
    Block(BlockEvent),
    /// Blocks were disconnected to make room for a better branch; told before that branch's `block` events.
    Reorg(ReorgEvent),
}

/// Data of a `block` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockEvent {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Hash of the block before.
    pub prev_hash: BlockHash,
    /// The block's time, Unix seconds.
    pub timestamp: BlockTime,
    /// Number of transactions; null where the block is no longer kept.
    pub tx_count: Option<u32>,
}

/// Data of a `reorg` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorgEvent {
    /// Height of the last block both branches share.
    pub fork_height: Height,
    /// Blocks that left the active chain, highest first.
    pub disconnected: Vec<BlockRef>,
    /// Blocks that took their place, lowest first.
    pub connected: Vec<BlockRef>,
}

/// A block named by hash and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRef {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
}

/// Which ids the event log can be resumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpan {
    /// Smallest `since` that misses nothing: the id before the oldest event kept, 0 if none was ever dropped.
    pub oldest: u64,
    /// Id of the newest event, 0 if there is none.
    pub latest: u64,
}
