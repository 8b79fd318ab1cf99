//! The command line of `cairn-node`.

use std::net::SocketAddr;
use std::path::PathBuf;

use cairn_bins::node::db::{DbArgs, DbCommand};
use cairn_bins::node::{ExplainCommand, Place, PlaceArgs, Remote, VerifyCommand};
use cairn_node::{Mode, Settings};
use cairn_primitives::Sha256d;
use clap::{Args, Parser, Subcommand};

/// Runs a node of a Bitcoin-style chain.
///
/// A flag wins over its CAIRN_* environment variable, that over cairn.toml in the data directory, and that
/// over the default.
#[derive(Debug, Parser)]
#[command(name = "cairn-node", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node (the default).
    Run(RunArgs),
    /// Show the state of the running node.
    Status(RemoteArgs),
    /// Show the peers of the running node, or connect it to one more.
    Peers(PeersArgs),
    /// Have the running node ask its peers for headers again.
    Sync(RemoteArgs),
    /// Stop the running node.
    Stop(RemoteArgs),
    /// Import blocks (blkNNNNN.dat files) or, with --headers, raw 80-byte headers.
    Import(ImportArgs),
    /// Check, count, rebuild or convert the data of a node that is not running.
    #[command(subcommand)]
    Db(DbCommand),
    /// Write the coins of a node that is not running to a file, or begin a chain with such a file.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Check one block outside a chain, given the coins it spends.
    VerifyBlock(VerifyCommand),
    /// Show step by step why each input of a transaction may be spent, or not.
    ExplainTx(ExplainCommand),
    /// Work with chain spec files.
    #[command(subcommand)]
    Chain(ChainCommand),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A private chain with one-second blocks that mines by itself, with all indexes on.
    #[arg(long, env = "CAIRN_DEV")]
    pub(crate) dev: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Where the HTTP interface listens [default: 127.0.0.1 and the chain's port].
    #[arg(long, env = "CAIRN_RPC_BIND", value_name = "ADDR")]
    pub(crate) rpc_bind: Option<SocketAddr>,
    /// Where other nodes may connect [default: nowhere].
    #[arg(long, env = "CAIRN_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Connect to this node and to no other that is not named; may be given more than once.
    #[arg(long, env = "CAIRN_CONNECT", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) connect: Option<Vec<SocketAddr>>,
    /// Keep a connection to this node besides others; may be given more than once.
    #[arg(long, env = "CAIRN_ADDNODE", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) addnode: Option<Vec<SocketAddr>>,
    /// Mine, and pay the coins to this address.
    #[arg(long, env = "CAIRN_MINE", value_name = "ADDRESS")]
    pub(crate) mine: Option<String>,
    /// Mining threads [default: 1].
    #[arg(long, env = "CAIRN_THREADS", value_name = "N")]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// Where the node answers.
    #[arg(long, env = "CAIRN_RPC_URL", value_name = "URL", default_value = "http://127.0.0.1:6333")]
    pub(crate) url: String,
    /// The node's data directory, for its admin token [default: .cairn in the home directory].
    #[arg(long, env = "CAIRN_DATADIR", value_name = "DIR")]
    pub(crate) datadir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PeersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PeersCommand>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeersCommand {
    /// Connect the node to an address, and keep it connected.
    Add {
        /// An IP address or host name, with `:port` where the port is not the chain's own.
        addr: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files to import, in order.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The files hold raw headers of 80 bytes.
    #[arg(long)]
    pub(crate) headers: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print one line of JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the coins after the tip, in the form of Bitcoin Core's `dumptxoutset`.
    Dump {
        /// The file to write, which must not be there yet.
        file: PathBuf,
        #[command(flatten)]
        args: DbArgs,
    },
    /// Begin a chain with the coins in a file; the blocks below are checked afterwards, while the node runs.
    Load {
        /// The file.
        file: PathBuf,
        /// Their hash, where the chain spec names none: Core's `hash_serialized_3`, from a source you trust.
        #[arg(long, value_name = "HEX")]
        coins_hash: Option<Sha256d>,
        #[command(flatten)]
        args: DbArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// Write a new, commented spec file.
    New {
        /// The file to write.
        path: PathBuf,
        /// The preset to start from.
        #[arg(long, value_name = "PRESET", default_value = "mini")]
        extends: String,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Check a spec file against every rule.
    Check {
        /// A spec file or the name of a preset.
        chain: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a spec in full.
    Show {
        /// A spec file or the name of a preset.
        chain: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Search a genesis header that meets the spec's bits, and print it.
    MineGenesis {
        /// The spec file.
        path: PathBuf,
        /// Search threads [default: all cores].
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
        /// Write nonce, time and hash into the file.
        #[arg(long)]
        write: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl RunArgs {
    pub(crate) fn place(self) -> Place {
        let mode = if self.dev { Mode::Dev } else { Mode::Normal };
        let Place { settings, datadir, .. } = self.place.place();
        let settings = Settings {
            rpc_bind: self.rpc_bind,
            listen: self.listen,
            connect: self.connect,
            addnode: self.addnode,
            mine: self.mine,
            threads: self.threads,
            ..settings
        };
        Place { settings, mode, datadir }
    }
}

impl RemoteArgs {
    pub(crate) fn remote(self) -> Remote {
        Remote { url: self.url, datadir: self.datadir, json: self.json }
    }
}
