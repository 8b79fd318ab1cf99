//! The command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::ours::StoreName;

/// Measures the import of a generated chain, beside Bitcoin Core's engine.
#[derive(Debug, Parser)]
#[command(name = "ibd")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) mode: Mode,
    /// Cargo adds it to every bench.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Our import and that of Core's engine side by side
    Import(ImportArgs),
    /// Time for a block and memory over height, for chains of several lengths
    Growth(GrowthArgs),
    /// How long answers out of the indexes take
    Queries(QueryArgs),
    /// A change of branch over many full blocks
    Reorg(ReorgArgs),
    /// One case; the bench starts itself with this
    #[command(hide = true)]
    Child {
        /// The case, as JSON
        job: String,
    },
}

/// The chain that is measured on.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ChainArgs {
    /// Blocks of the chain
    #[arg(long, default_value_t = 2_000)]
    pub(crate) blocks: u32,
    /// Payments in a block, where there are coins enough
    #[arg(long, default_value_t = 1_000)]
    pub(crate) payments: u32,
    /// The number the chain is drawn from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Take the first blocks of this block file (regtest, genesis first) instead of making a chain
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// Directory for chains and for the data of the cases, some gigabytes [default: target/ibd]
    #[arg(long)]
    pub(crate) work: Option<PathBuf>,
}

/// What a case may use.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Means {
    /// MiB of cache for ours; Core's engine always takes 450
    #[arg(long, default_value_t = 450)]
    pub(crate) cache: usize,
    /// Threads for scripts
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
}

/// Arguments of the comparison.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) means: Means,
    /// The cases
    #[arg(long, value_delimiter = ',', default_values_t = Case::ALL)]
    pub(crate) cases: Vec<Case>,
    /// With all scripts, and with the last block assumed valid
    #[arg(long, value_delimiter = ',', default_values_t = [Pass::Scripts, Pass::Assumed])]
    pub(crate) passes: Vec<Pass>,
    /// Repetitions of each case
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Markdown instead of columns
    #[arg(long)]
    pub(crate) markdown: bool,
    /// One JSON object a row instead of columns, with every repetition
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
}

/// Arguments of the lengths.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct GrowthArgs {
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) means: Means,
    /// The lengths, in blocks
    #[arg(long, value_delimiter = ',', default_values_t = [500, 1_000, 2_000, 4_000])]
    pub(crate) sizes: Vec<u32>,
    /// The case
    #[arg(long, default_value_t = Case::SecpSled)]
    pub(crate) case: Case,
    /// Which rules are run
    #[arg(long, default_value_t = Pass::Scripts)]
    pub(crate) pass: Pass,
    /// Blocks between two samples
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: u32,
    /// Write the samples here
    #[arg(long)]
    pub(crate) csv: Option<PathBuf>,
    /// Write a picture here
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
    /// Markdown instead of columns
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Arguments of the questions.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) means: Means,
    /// The stores
    #[arg(long, value_delimiter = ',', default_values_t = [StoreName::Sled, StoreName::Fjall])]
    pub(crate) stores: Vec<StoreName>,
    /// Questions of each kind
    #[arg(long, default_value_t = 10_000)]
    pub(crate) asked: usize,
    /// Markdown instead of columns
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Arguments of the change of branch.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ReorgArgs {
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) means: Means,
    /// The cases
    #[arg(long, value_delimiter = ',', default_values_t = [Case::SecpSled, Case::SecpFjall, Case::Core])]
    pub(crate) cases: Vec<Case>,
    /// Blocks that come off; at most the maturity of coinbases, whose coins the other branch has not got
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) depth: u32,
    /// Repetitions of each case
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Markdown instead of columns
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// An engine with its back end for signatures and its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    K256Sled,
    K256Fjall,
    SecpSled,
    SecpFjall,
    /// Core's engine, each block handed over as a peer's would be
    Core,
    /// Core's engine, reading the file itself
    CoreFile,
}

impl Case {
    const ALL: [Case; 6] =
        [Case::K256Sled, Case::K256Fjall, Case::SecpSled, Case::SecpFjall, Case::Core, Case::CoreFile];
}

/// Which rules are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pass {
    /// Every rule
    Scripts,
    /// All but the scripts: the last block is assumed valid, and more than two weeks of headers lie above it
    Assumed,
}

/// Shown as on the command line.
macro_rules! shown_as_typed {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.to_possible_value().expect("no value is skipped").get_name())
            }
        }
    )*};
}

shown_as_typed!(Case Pass StoreName);
