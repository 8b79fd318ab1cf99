//! The composition root: the only crate that sees everything.
//!
//! [`Config`] says what to run, [`NodeBuilder`] puts the parts together, [`Node`] runs until it is told to [`Stop`]. Besides, the
//! library calls behind the commands of `cairn-node`: [`import`], [`snapshot`], [`specs`], [`genesis`].
//!
//! What it does not do: decide anything about the chain. Rules are in `cairn-consensus`, data in `cairn-chainstate`; here are the threads,
//! the clock, the adapters between crates and the order in which things start and stop.
//!
//! # Threads
//! One owns the chain's state (`chain`), one turns its log into events (`events`), one drives the miner (`miner`) with its workers, and a
//! small runtime serves HTTP. They talk over channels; when one fails, all stop.
//!
//! # Example
//! ```
//! use cairn_node::{Config, Mode, NodeBuilder, Settings};
//!
//! let dir = tempfile::tempdir()?;
//! let settings = Settings { rpc_bind: Some("127.0.0.1:0".parse()?), ..Settings::default() };
//! let config = Config::resolve(settings, Mode::Dev, dir.path().to_owned())?;
//! let node = NodeBuilder::new(config).start()?;
//! let stop = node.stop_handle();
//! assert_eq!(node.spec().chain.name, "dev");
//! stop.ask();
//! node.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
mod caches;
pub mod config;
mod datadir;
pub mod db;
mod error;
mod events;
mod files;
pub mod genesis;
mod growth;
pub mod import;
mod keeper;
mod lines;
mod mining;
mod network;
mod node;
mod pace;
mod pool;
pub mod snapshot;
pub mod specs;
mod stop;
pub mod verify;
mod wallet;
mod writer;

pub use config::{Config, Mode, Settings, default_datadir};
pub use error::{ConfigError, NodeError};
pub use lines::BlockLine;
pub use node::{Node, NodeBuilder, TOKEN_FILE};
pub use stop::Stop;
pub use wallet::{DEV_WALLET, DevWalletError, MAX_WALLET_NAME, WalletFiles, WalletLock};
