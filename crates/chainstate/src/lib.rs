//! Makes consensus decisions durable: block and undo files, coins, tip, indexes, events.
//!
//! [`ChainState`] is the one writer of a chain. It takes headers and blocks, has `cairn-consensus` judge them,
//! keeps every block in files and every unspent coin in a store behind a cache, and moves its tip to the best
//! chain whose blocks are all here and valid. Everyone else holds a [`ChainReader`], which answers from one
//! moment, or follows the [`ChainEvent`]s: numbered, without gaps, durable before they are told.
//!
//! # What survives what
//! Whatever the machine does, a chain opens again without the network and without a rebuild. Blocks are truth:
//! headers, coins and indexes are always at a known place behind them and are brought up from there. How that
//! is done stands with [`ChainState`] (when things become durable) and [`ChainState::open`] (what is set right).
//!
//! What is damaged later is found by [`check`], and what can be is made again by [`ChainState::rebuild`]; a block that
//! cannot be read is taken again from whoever has it. Whether two nodes have the same coins is told by [`CoinStats::muhash`].
//!
//! # What it does not do
//! It decides no rule, knows no peer and reads no clock: the time comes in with each header and block. It does
//! not hold unconfirmed transactions, and does not evaluate what `cairn-consensus` refuses to.
//!
//! ```
//! use std::sync::Arc;
//! use cairn_chainstate::{ChainState, EventId};
//! use cairn_params::presets;
//! use cairn_primitives::Height;
//!
//! let spec = Arc::new(presets::dev());
//! let chain = ChainState::in_memory(spec.clone());
//! let reader = chain.reader();
//! assert_eq!(reader.tip().height, Height::GENESIS);
//! assert_eq!(reader.block_hash_at(Height::GENESIS), Some(spec.genesis_hash()));
//! assert_eq!(reader.events(EventId::NONE).count(), 0);
//! ```

mod activate;
mod background;
mod block_filter;
mod candidates;
mod chain_db;
pub mod check;
mod coin_cache;
mod coin_codec;
mod coin_stats;
mod coins;
mod coins_hash;
mod config;
pub mod convert;
mod error;
mod events;
mod flatfile;
mod flight;
mod flush;
pub mod import;
mod index;
mod layout;
mod live;
mod lock;
mod open;
mod prune;
mod reader;
mod rebuild;
mod repair;
mod salvage;
mod scripts;
pub mod simulate;
pub mod snapshot;
mod state;
mod storage;
mod submit;
mod tail;
mod undo_file;

pub use background::{Validation, ValidationStep};
pub use block_filter::{BlockFilter, FilterError};
pub use coin_stats::{CoinStats, coin_element};
pub use coins_hash::CoinsHasher;
pub use config::{ChainStateConfig, DEFAULT_CACHE_BYTES, Indexing};
pub use error::{ChainStateError, OtherChain, Refutation, SubmitError};
pub use events::{ChainEvent, Change, EventId, EventKind, Events, SUBSCRIPTION_BUFFER};
pub use index::{
    AddressBalance, AddressCoin, AddressHistory, FRESH_EVENTS, FRESH_WAIT, HistoryEntry, IndexKind,
    IndexStatus, SupplyStats, TxInfo, UnknownIndex, Unspendable, drop_index, indexes, script_hash,
};
pub use prune::{KEEP_BLOCKS, Prune};
pub use reader::{BranchStatus, BranchTip, ChainReader, ChainView, HeaderInfo};
pub use rebuild::Rebuilt;
pub use state::{COMMIT_BLOCKS, COMMIT_BYTES, ChainState, FLUSH_BLOCKS, FLUSH_BYTES, Tip};
pub use submit::Submitted;

pub use cairn_store::{Engine, Rows, UnknownEngine};
