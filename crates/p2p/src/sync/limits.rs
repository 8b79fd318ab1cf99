//! Every time-out and bound of the sync, in one place. Where Core has the figure, its name is given.

use std::time::Duration;

/// A header older than this says that the chain is still catching up (Core's `nMaxTipAge`, and the age above which one
/// peer at a time is asked for headers).
pub(super) const RECENT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a peer may take to answer `getheaders`. Core waits two minutes before it asks again.
pub(super) const HEADERS_ANSWER: Duration = Duration::from_secs(60);
/// Longest pause before a peer that does not answer `getheaders` is asked again; the pause doubles up to it.
pub(super) const HEADERS_RETRY_MAX: Duration = Duration::from_secs(16 * 60);
/// How long one peer may take for all headers (Core's `HEADERS_DOWNLOAD_TIMEOUT_BASE`), plus
/// [`HEADERS_SYNC_PER_HEADER`] for each header that is expected.
pub(super) const HEADERS_SYNC_BASE: Duration = Duration::from_secs(15 * 60);
/// Core's `HEADERS_DOWNLOAD_TIMEOUT_PER_HEADER`.
pub(super) const HEADERS_SYNC_PER_HEADER: Duration = Duration::from_millis(1);
/// Answers in a row that do not connect before it is held against the peer (Core's
/// `MAX_NUM_UNCONNECTING_HEADERS_MSGS`).
pub(super) const MAX_UNCONNECTED: u32 = 10;
/// Peers that are asked for headers at once while the chain is catching up: one, and one that announced a block.
pub(super) const MAX_CATCHING_UP: usize = 2;
/// Batches of headers a peer may have waiting behind the one that is being checked.
pub(super) const MAX_WAITING_BATCHES: usize = 2;
/// Batches of headers being checked, those of peers that have gone included.
pub(super) const MAX_HEADER_CHECKS: usize = 256;
/// Block hashes of one `inv` that are looked at: as many as the answer to `getblocks` has.
pub(super) const MAX_BLOCK_INV: usize = MAX_GET_BLOCKS;

/// Blocks above the last common one that are asked for (Core's `BLOCK_DOWNLOAD_WINDOW`).
pub(super) const WINDOW: u32 = 1_024;
/// Blocks in flight from one peer (Core's `MAX_BLOCKS_IN_TRANSIT_PER_PEER`).
pub(super) const MAX_IN_FLIGHT_PER_PEER: usize = 16;
/// Blocks in flight from all peers.
pub(super) const MAX_IN_FLIGHT: usize = 128;
/// Old blocks in flight from one peer: so few that what is new need not wait long behind them.
pub(super) const MAX_WANTED_PER_PEER: usize = 8;
/// Old blocks that are looked at: as many as can be in flight and under check, and some to ask for.
pub(super) const WANTED: usize = MAX_IN_FLIGHT + MAX_CHECKING + 64;
/// Blocks being checked above which none is asked for.
pub(super) const MAX_CHECKING: usize = 64;
/// Bytes of the blocks being checked above which none is asked for.
pub(super) const MAX_CHECKING_BYTES: usize = 32 << 20;
/// How long a peer may send no block while some are in flight from it. Core takes one block spacing; this must also
/// fit chains with blocks of a second.
pub(super) const BLOCK_BASE: Duration = Duration::from_secs(60);
/// Added to [`BLOCK_BASE`] for each other peer that blocks are in flight from, as they share the line.
pub(super) const BLOCK_PER_PEER: Duration = Duration::from_secs(30);
/// A block is taken over by a peer with nothing else to fetch after its holder has sent nothing for so long.
pub(super) const SLOW_BLOCK: Duration = Duration::from_secs(10);
/// How long a peer that holds the window up has at first (Core's `BLOCK_STALLING_TIMEOUT_DEFAULT`).
pub(super) const STALLING_MIN: Duration = Duration::from_secs(2);
/// How long at most (Core's `BLOCK_STALLING_TIMEOUT_MAX`).
pub(super) const STALLING_MAX: Duration = Duration::from_secs(64);
/// How long a peer is not asked for blocks after it failed with one.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long a block is not asked for again after it could not be judged.
pub(super) const BLOCK_RETRY: Duration = Duration::from_secs(60);
/// Blocks that wait for [`BLOCK_RETRY`].
pub(super) const MAX_DELAYED: usize = 1_024;
/// Blocks that were taken away from a peer and may still come from it.
pub(super) const MAX_LATE: usize = 64;
/// Blocks above the tip whose senders are remembered.
pub(super) const MAX_SOURCES: usize = 4_096;
/// Blocks a peer with limited history serves (Core's `NODE_NETWORK_LIMITED_MIN_BLOCKS`).
pub(super) const LIMITED_BLOCKS: u32 = 288;

/// Hashes in the answer to `getblocks`.
pub(super) const MAX_GET_BLOCKS: usize = 500;
/// Blocks on their way to one peer at once.
pub(super) const MAX_SENDING: usize = 2;
/// Age up to which blocks beside the best chain are served (Core's `STALE_RELAY_AGE_LIMIT`) ...
pub(super) const STALE_AGE_SECONDS: i64 = 30 * 24 * 60 * 60;
/// ... or depth below the tip, whatever their age.
pub(super) const STALE_DEPTH: u32 = 144;
/// Blocks of tip work by which a branch may be behind our tip and still be looked at (Core's anti-DoS buffer).
pub(super) const WORK_BUFFER: u64 = 144;

/// Headers in one announcement (Core's `MAX_BLOCKS_TO_ANNOUNCE`).
pub(super) const MAX_ANNOUNCED: usize = 8;

/// How long a peer's chain may be behind ours before it is asked (Core's `CHAIN_SYNC_TIMEOUT`).
pub(super) const BEHIND: Duration = Duration::from_secs(20 * 60);
/// How long it then has to answer (Core's `HEADERS_RESPONSE_TIME`).
pub(super) const BEHIND_ANSWER: Duration = Duration::from_secs(2 * 60);
/// Outbound peers with a good chain that are never dropped for being behind (Core's
/// `MAX_OUTBOUND_PEERS_TO_PROTECT_FROM_DISCONNECT`).
pub(super) const MAX_PROTECTED: usize = 4;
