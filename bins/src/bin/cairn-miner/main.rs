//! `cairn-miner`: what this machine can hash.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use cairn_bins::miner;
use clap::{Args, Parser, Subcommand};

/// A miner for Bitcoin-style chains.
#[derive(Debug, Parser)]
#[command(name = "cairn-miner", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the hash rate of each kernel this machine can run.
    Bench(BenchArgs),
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
    let Command::Bench(args) = Cli::parse().command;
    cairn_bins::exit(miner::bench(args.threads, Duration::from_secs(args.seconds), args.json))
}
