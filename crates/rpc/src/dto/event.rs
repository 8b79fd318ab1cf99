//! What `/events` tells.

use cairn_primitives::{BlockHash, BlockTime, Height};
use serde::{Deserialize, Serialize};

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
