//! One node API, served over HTTP and spoken by a typed client.
//!
//! [`NodeApi`] is everything a node can be asked and [`EventFeed`] what it tells by itself. [`Server`] puts both on a
//! socket: JSON endpoints, server-sent events that resume from any id, Prometheus metrics, an OpenAPI document and a page
//! at `/`, with every limit a field of [`HttpConfig`]. [`Client`] implements [`NodeApi`] over HTTP, so that a program
//! is written once for a node in its own process and for one elsewhere.
//!
//! A client reads the node's events too ([`Client::events`]), over connections that come and go. [`NodeTemplates`] makes it a
//! miner's source of templates, [`NodeChain`] a wallet's view of the chain.
//!
//! # What is not here
//! No chain, no pool, no index, no network and no miner: a node brings them, behind the traits. No TLS, no users and no trust in proxy
//! headers: a reverse proxy does that. No long poll for templates: new tips are told at `/events`. No JSON-RPC and no WebSocket.
//! No global state, so several servers live in one process.
//!
//! ```
//! use cairn_rpc::{BlockId, Client, ClientError, NodeApi};
//!
//! /// Works with a node in process and with one over HTTP.
//! fn transactions_in_tip<N: NodeApi>(node: &N) -> Result<usize, N::Error> {
//!     let tip = node.status()?.best_hash;
//!     Ok(node.block(BlockId::Hash(tip))?.transactions.len())
//! }
//!
//! let nobody = Client::new("http://127.0.0.1:1")?;
//! assert!(matches!(transactions_in_tip(&nobody), Err(ClientError::Unreachable { .. })));
//! # Ok::<(), ClientError>(())
//! ```

mod api;
mod client;
mod config;
mod dto;
mod error;
mod metrics;
mod openapi;
mod server;
mod token;

pub use api::{BlockId, BlockIdError, Deadline, EventFeed, NodeApi, Page, PageError};
pub use client::{
    Client, ClientError, Events, EventsStop, HISTORY_MAX, NodeChain, NodeChainError, NodeTemplates, Received,
    Told,
};
pub use config::HttpConfig;
pub use dto::{
    BackgroundProgress, Balance, BalanceCoins, BlockEvent, BlockHeader, BlockInfo, BlockPage, BlockRef,
    BlockSummary, ChainStatus, ChainTip, CirculatingCoins, CoinbaseCoins, Currency, CurrencyError,
    DECIMALS_MAX, Decimal, DecimalError, ErrorBody, Event, EventKind, EventSpan, EventType, FeeEstimate,
    FeeRate, FeeSource, FeeUnit, FieldName, FilterInfo, History, HistoryEntry, IndexProgress, MaxSupplyCoins,
    MempoolEvent, MempoolPage, MempoolTx, MineRequest, Mined, MinerStatus, MiningTemplate, Notation,
    PeerAddRequest, PeerAdded, PeerInfo, PeerList, PoolEvent, Readiness, ReorgEvent, SendRequest, Sent,
    SentStatus, Services, SpecDocument, SpecDocumentError, Status, Stopping, Submission, SubmitRequest,
    SubsidyCoins, Supply, SupplyCoins, SyncStarted, TICKER_MAX, TemplateLimits, TemplateTx, TickerField,
    TipStatus, Transport, TxDetail, TxEvent, TxInfo, TxInput, TxOutput, TxProof, TxRemoval, TxRemovedEvent,
    TxStatus, Utxo, UtxoPage, ValueCoins, WalletSendRequest, WalletSent, WalletStatus,
};
pub use error::{ApiError, Index, Resource};
pub use metrics::Metrics;
pub use openapi::document as openapi_document;
pub use server::{BindError, RouteInfo, Server};
pub use token::{AdminToken, TokenError};
