//! `cairn-miner`: mines on the templates of a node, or measures what this machine can hash.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use cairn_bins::miner::{self, MineCommand};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

/// A miner for Bitcoin-style chains.
#[derive(Debug, Parser)]
#[command(
    name = "cairn-miner",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    mine: MineArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the hash rate of each kernel this machine can run.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
struct MineArgs {
    /// Where the node answers.
    #[arg(long, env = "CAIRN_RPC_URL", value_name = "URL", default_value = "http://127.0.0.1:6333")]
    node: String,
    /// Whom the coins go to; must be given.
    #[arg(long, env = "CAIRN_MINE", value_name = "ADDRESS")]
    address: Option<String>,
    /// Threads to search on.
    #[arg(long, env = "CAIRN_THREADS", value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// Stop after so many blocks that the node accepted [default: never].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: Option<u64>,
    /// Print a line of JSON for each block, each change of the node's state, and the hash rate.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// Threads to search on.
    #[arg(long, env = "CAIRN_THREADS", value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// Seconds for each kernel, 1 to 3600.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Print one line of JSON for each kernel.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Cli { command, mine } = Cli::parse();
    cairn_bins::exit(match command {
        Some(Command::Bench(args)) => {
            miner::bench(args.threads, Duration::from_secs(args.seconds), args.json)
        }
        None => miner::mine(&mine.command()),
    })
}

impl MineArgs {
    /// Ends the program where no address is given.
    fn command(self) -> MineCommand {
        let Self { node, address, threads, blocks, json } = self;
        let missing =
            || Cli::command().error(ErrorKind::MissingRequiredArgument, "--address ADDRESS must be given");
        let address = address.unwrap_or_else(|| missing().exit());
        MineCommand { node, address, threads, blocks, json }
    }
}
