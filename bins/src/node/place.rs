//! The arguments that name a data directory.

use std::path::PathBuf;

use cairn_node::{Mode, Settings};
use clap::Args;

use super::Place;

/// Which chain, where its data is, and what is kept of it: the arguments of every command that works on a data directory.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// A preset (bitcoin, testnet3, testnet4, signet, regtest, vito, mini, dev) or the path of a spec file.
    #[arg(long, env = "CAIRN_CHAIN", value_name = "NAME|PATH.toml")]
    pub chain: Option<String>,
    /// Where data is kept, in a folder for each chain [default: .cairn in the home directory].
    #[arg(long, env = "CAIRN_DATADIR", value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// The engine of the stores: sled or fjall [default: the one that is there; sled in a new directory].
    #[arg(long, env = "CAIRN_STORE", value_name = "sled|fjall")]
    pub store: Option<String>,
    /// Memory for coins between two flushes [default: 256].
    #[arg(long, env = "CAIRN_DBCACHE", value_name = "MIB")]
    pub dbcache: Option<u64>,
    /// Memory for signatures and transactions that were found valid; 0 for none [default: 32].
    #[arg(long, env = "CAIRN_SIGCACHE", value_name = "MIB")]
    pub sigcache: Option<u64>,
    /// Keep an index of transactions by txid.
    #[arg(long, env = "CAIRN_TXINDEX", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub txindex: Option<bool>,
    /// Keep an index of coins and transactions by address.
    #[arg(long, env = "CAIRN_ADDRINDEX", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub addrindex: Option<bool>,
    /// Keep the sums and the hash (muhash) of the coins after each block.
    #[arg(long, env = "CAIRN_COINSTATSINDEX", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub coinstatsindex: Option<bool>,
    /// Keep the compact filters of the blocks (BIP158).
    #[arg(long, env = "CAIRN_BLOCKFILTERINDEX", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub blockfilterindex: Option<bool>,
    /// Remove the oldest blocks when block files are larger than this; at least 550, and 288 blocks are always kept
    /// [default: all blocks are kept].
    #[arg(long, env = "CAIRN_PRUNE", value_name = "MIB")]
    pub prune: Option<u64>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as cairn_chainstate=debug [default: info].
    #[arg(long, env = "CAIRN_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Log as JSON lines.
    #[arg(long, env = "CAIRN_LOG_JSON", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub log_json: Option<bool>,
}

impl PlaceArgs {
    /// What they say.
    pub fn place(&self) -> Place {
        let settings = Settings {
            chain: self.chain.clone(),
            store: self.store.clone(),
            dbcache: self.dbcache,
            sigcache: self.sigcache,
            txindex: self.txindex,
            addrindex: self.addrindex,
            coinstatsindex: self.coinstatsindex,
            blockfilterindex: self.blockfilterindex,
            prune: self.prune,
            log: self.log.clone(),
            log_json: self.log_json,
            ..Settings::default()
        };
        Place { settings, mode: Mode::Normal, datadir: self.datadir.clone() }
    }
}
