//! What a node answers: [`NodeApi`] for questions and orders, [`EventFeed`] for what happens by itself.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cairn_primitives::{BlockHash, Height, Txid};
use tokio::sync::broadcast;

use crate::dto::{
    Balance, BlockInfo, BlockPage, ChainStatus, Event, EventSpan, FeeEstimate, FilterInfo, History,
    MempoolPage, MineRequest, Mined, MinerStatus, MiningTemplate, PeerAddRequest, PeerAdded, PeerList,
    PoolEvent, Readiness, SendRequest, Sent, SpecDocument, Status, Stopping, Submission, SubmitRequest,
    Supply, SyncStarted, TxDetail, TxProof, UtxoPage, WalletSendRequest, WalletSent, WalletStatus,
};
use crate::error::ApiError;

/// Everything a node can be asked, one method an endpoint.
///
/// The node implements it in process with [`ApiError`]; [`Client`](crate::Client) implements it over HTTP with
/// [`ClientError`](crate::ClientError), so a program can be written once for both.
///
/// Methods block: they may read the disk or wait for the chain's writer. The server runs each on a thread that
/// may block and never on its reactor. Every method may be called from many threads at once.
pub trait NodeApi: Send + Sync + 'static {
    /// Why an answer cannot be given.
    type Error: std::error::Error + Send + Sync + 'static;

    /// `GET /status`.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn status(&self) -> Result<Status, Self::Error>;

    /// `GET /supply`.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn supply(&self) -> Result<Supply, Self::Error>;

    /// `GET /blocks`: the active chain from the tip downwards, empty past genesis.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn blocks(&self, page: Page) -> Result<BlockPage, Self::Error>;

    /// `GET /block/{id}/filter`: the compact filter of a block of the active chain.
    ///
    /// # Errors
    /// Not found, also for a block of another branch; index disabled when the node keeps no block filters; not ready while
    /// they are being made.
    fn block_filter(&self, id: BlockId) -> Result<FilterInfo, Self::Error>;

    /// `GET /block/{id}`: by height on the active chain, or by hash on any branch.
    ///
    /// # Errors
    /// Not found when no such block is stored.
    fn block(&self, id: BlockId) -> Result<BlockInfo, Self::Error>;

    /// `GET /tx/{txid}`: in the pool or in a block.
    ///
    /// # Errors
    /// Not found; index disabled when it is not in the pool and the node keeps no transaction index.
    fn transaction(&self, txid: Txid) -> Result<TxDetail, Self::Error>;

    /// `GET /tx/{txid}/proof`.
    ///
    /// # Errors
    /// Not found, also while the transaction is in no block; index disabled when the node keeps no transaction index.
    fn transaction_proof(&self, txid: Txid) -> Result<TxProof, Self::Error>;

    /// `GET /balance/{address}`.
    ///
    /// # Errors
    /// Bad address (another chain's included); index disabled when the node keeps no address index.
    fn balance(&self, address: &str) -> Result<Balance, Self::Error>;

    /// `GET /utxo/{address}`: confirmed coins, oldest first.
    ///
    /// # Errors
    /// As [`NodeApi::balance`].
    fn utxos(&self, address: &str, page: Page) -> Result<UtxoPage, Self::Error>;

    /// `GET /address/{address}`: balance and transactions, unconfirmed ones first, newest first among each.
    ///
    /// # Errors
    /// As [`NodeApi::balance`].
    fn history(&self, address: &str, page: Page) -> Result<History, Self::Error>;

    /// `GET /chain`.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn chain(&self) -> Result<ChainStatus, Self::Error>;

    /// `GET /mempool`: totals of the pool, and a page of it, best fee rate first.
    ///
    /// # Errors
    /// Not ready while the node has no pool.
    fn mempool(&self, page: Page) -> Result<MempoolPage, Self::Error>;

    /// `GET /fee-estimate`.
    ///
    /// # Errors
    /// Not ready while the node has no pool.
    fn fee_estimate(&self) -> Result<FeeEstimate, Self::Error>;

    /// `POST /tx/send`: put a transaction into the pool and offer it to the peers.
    ///
    /// # Errors
    /// Rejected, with the rule; not a transaction; not ready while the node has no pool.
    fn send_transaction(&self, request: &SendRequest) -> Result<Sent, Self::Error>;

    /// `GET /peers`.
    ///
    /// # Errors
    /// Not ready while the node has no network.
    fn peers(&self) -> Result<PeerList, Self::Error>;

    /// `POST /peers/add`: connect to an address and stay connected. Returns before the connection is made. The server has
    /// checked that the address has 1 to [`PeerAddRequest::ADDR_MAX`] characters.
    ///
    /// # Errors
    /// Invalid parameter when `addr` is no address; not ready while the node has no network.
    fn add_peer(&self, request: &PeerAddRequest) -> Result<PeerAdded, Self::Error>;

    /// `POST /sync`: ask all peers for headers again. Returns before they answer.
    ///
    /// # Errors
    /// Not ready while the node has no network.
    fn sync(&self) -> Result<SyncStarted, Self::Error>;

    /// `GET /wallet/status`.
    ///
    /// # Errors
    /// Not found unless the node has a wallet of its own, as a development node does.
    fn wallet_status(&self) -> Result<WalletStatus, Self::Error>;

    /// `POST /wallet/send`: pay from the node's own wallet.
    ///
    /// # Errors
    /// Not found unless the node has a wallet; bad address; invalid parameter for an amount that is dust; insufficient funds;
    /// rejected, with the rule.
    fn wallet_send(&self, request: &WalletSendRequest) -> Result<WalletSent, Self::Error>;

    /// `GET /mining/status`.
    ///
    /// # Errors
    /// When the miner cannot be asked.
    fn mining_status(&self) -> Result<MinerStatus, Self::Error>;

    /// `GET /mining/template`: the next block; with an address also a coinbase that pays it and the whole block's bytes.
    ///
    /// # Errors
    /// Bad address; not ready while the node has no usable tip.
    fn mining_template(&self, address: Option<&str>) -> Result<MiningTemplate, Self::Error>;

    /// `POST /mining/submit`: a block that breaks a rule is an answer (`accepted: false`), not an error.
    ///
    /// # Errors
    /// Invalid parameter when `block_hex` is not hex or not a block.
    fn submit_block(&self, request: &SubmitRequest) -> Result<Submission, Self::Error>;

    /// `POST /mine`: mine until done or until `deadline` has passed. The server has checked that `request.blocks` is in
    /// 1..=[`MineRequest::BLOCKS_MAX`].
    ///
    /// # Errors
    /// Bad address; rejected when the node refuses its own block.
    fn mine(&self, request: &MineRequest, deadline: &Deadline) -> Result<Mined, Self::Error>;

    /// `GET /spec`.
    ///
    /// # Errors
    /// When the spec cannot be written as a document.
    fn spec(&self) -> Result<SpecDocument, Self::Error>;

    /// `GET /ready`: an answer either way.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn readiness(&self) -> Result<Readiness, Self::Error>;

    /// `POST /stop`: begin to stop, and return at once.
    ///
    /// # Errors
    /// When the node cannot take the order.
    fn stop(&self) -> Result<Stopping, Self::Error>;
}

/// The node's durable event log and what is added to it.
///
/// Events come in the order of their ids; ids grow and never repeat, across restarts too, but may skip. A node that keeps one log entry
/// for each block connected or disconnected maps them so: each connected block is a `block` event with that entry's
/// id, and each run of disconnected blocks is one `reorg` event with the id of the run's last entry.
pub trait EventFeed: Send + Sync + 'static {
    /// Which ids the log can be resumed from.
    ///
    /// # Errors
    /// When the log cannot be read. Blocks.
    fn span(&self) -> Result<EventSpan, ApiError>;

    /// Up to `limit` events with an id above `since`, lowest first; empty when `since` is the latest.
    ///
    /// # Errors
    /// When the log cannot be read. Blocks.
    fn events_since(&self, since: u64, limit: usize) -> Result<Vec<Event>, ApiError>;

    /// New events from now on, each sent after it is in the log. A receiver that lags reads the log instead.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Event>>;

    /// What happens to the pool from now on. In no log: what a receiver that lags has missed is lost to it.
    fn subscribe_pool(&self) -> broadcast::Receiver<PoolEvent>;
}

/// A block named by its height on the active chain or by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockId {
    /// A height on the active chain.
    Height(Height),
    /// A hash, of any branch.
    Hash(BlockHash),
}

/// A text that is neither a height nor a block hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockIdError {
    /// Not 64 hex digits, and not a decimal number below 2^32.
    #[error("a block is named by a height (0 to 4294967295) or by 64 hex digits")]
    Neither(#[from] ParseIntError),
    /// 64 characters, but not all hex.
    #[error("a block hash has 64 hex digits and nothing else")]
    Hash,
}

impl FromStr for BlockId {
    type Err = BlockIdError;

    fn from_str(text: &str) -> Result<Self, BlockIdError> {
        if text.len() == 64 {
            return text.parse().map(BlockId::Hash).map_err(|_| BlockIdError::Hash);
        }
        // `u32` also reads a leading plus sign, which is no height.
        let digits = text.strip_prefix('+').map_or(text, |_| "");
        Ok(BlockId::Height(Height::new(digits.parse()?)))
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockId::Height(height) => height.fmt(f),
            BlockId::Hash(hash) => hash.fmt(f),
        }
    }
}

/// A window of a list: at most `limit` items after skipping `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    limit: u32,
    offset: u64,
}

/// A page that asks for nothing or for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit is {got}; it must be from 1 to {limit}")]
pub struct PageError {
    /// The limit asked for.
    pub got: u32,
    /// [`Page::LIMIT_MAX`].
    pub limit: u32,
}

impl Page {
    /// The most items a page may have.
    pub const LIMIT_MAX: u32 = 100;
    /// Items on a page when nothing else is said.
    pub const LIMIT_DEFAULT: u32 = 10;

    /// A window of `limit` items after `offset`.
    ///
    /// # Errors
    /// [`PageError`] unless `limit` is in 1..=[`Page::LIMIT_MAX`].
    pub fn new(limit: u32, offset: u64) -> Result<Self, PageError> {
        if limit == 0 || limit > Self::LIMIT_MAX {
            return Err(PageError { got: limit, limit: Self::LIMIT_MAX });
        }
        Ok(Self { limit, offset })
    }

    /// At most this many items.
    #[must_use]
    pub fn limit(self) -> u32 {
        self.limit
    }

    /// After skipping this many.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.offset
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: Self::LIMIT_DEFAULT, offset: 0 }
    }
}

/// When a long call has to give back what it has: at a time, or when the server begins to stop.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    stop: Arc<AtomicBool>,
}

impl Deadline {
    /// Passes after `time`.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self::with_stop(time, Arc::default())
    }

    /// Passes after `time`, or as soon as `stop` is set.
    #[must_use]
    pub fn with_stop(time: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { at: Instant::now() + time, stop }
    }

    /// Whether the caller no longer waits.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    /// The moment at which it passes at the latest.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_named_by_height_or_hash() {
        let hash = "00000000e060cafcd66eb2a4425a5e52a1490fbf6eec4af8ebf1fd94a77528de";
        assert_eq!("0".parse(), Ok(BlockId::Height(Height::GENESIS)));
        assert_eq!("4294967295".parse(), Ok(BlockId::Height(Height::new(u32::MAX))));
        assert_eq!(hash.parse(), Ok(BlockId::Hash(hash.parse().unwrap())));
        assert_eq!(hash.parse::<BlockId>().unwrap().to_string(), hash);
        for bad in ["", "-1", "+1", "++1", "1.0", "0x10", "4294967296", "abc", &hash[1..], "é"] {
            assert!(matches!(bad.parse::<BlockId>(), Err(BlockIdError::Neither(_))), "{bad}");
        }
        assert_eq!("g".repeat(64).parse::<BlockId>(), Err(BlockIdError::Hash));
        assert_eq!("é".repeat(32).parse::<BlockId>(), Err(BlockIdError::Hash));
    }

    #[test]
    fn a_page_has_one_to_a_hundred_items() {
        assert_eq!(Page::new(0, 0), Err(PageError { got: 0, limit: 100 }));
        assert_eq!(Page::new(101, 0), Err(PageError { got: 101, limit: 100 }));
        assert_eq!(Page::new(1, 7).map(Page::offset), Ok(7));
        assert_eq!(Page::new(100, u64::MAX).map(Page::limit), Ok(100));
    }

    #[test]
    fn a_deadline_passes_by_time_or_by_order() {
        assert!(Deadline::after(Duration::ZERO).has_passed());
        let stop = Arc::new(AtomicBool::new(false));
        let deadline = Deadline::with_stop(Duration::from_secs(3600), Arc::clone(&stop));
        assert!(!deadline.has_passed());
        stop.store(true, Ordering::Relaxed);
        assert!(deadline.has_passed());
    }
}
