//! Our import beside Bitcoin Core's engine, each case a process of its own.
//!
//! ```text
//! cargo bench -p cairn-benches --bench ibd -- import --blocks 2000 --payments 1000
//! ```
//!
//! The bench makes a chain (or takes a block file), builds itself once for each back end of the signatures and once with
//! Core's engine, and starts one child for each case: so memory, processor time and disk are those of one import. The order of
//! the cases is turned round from one repetition to the next, and the median of the repetitions is told. Every child must end
//! at the file's last block.
//!
//! `--help` lists the other measurements and the arguments.
#![allow(clippy::print_stdout)] // a program that prints

mod args;
mod build;
mod chain;
mod child;
#[cfg(feature = "kernel")]
mod core;
mod growth;
mod import;
mod measure;
mod ours;
mod plot;
mod queries;
mod records;
mod reorg;
mod table;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Mode};

/// What ends a measurement.
type Failure = Box<dyn Error + Send + Sync>;

#[cfg(all(feature = "kernel", feature = "peer"))]
compile_error!(
    "Core's engine and its script library have functions of the same names: build with one of `kernel`, `peer`"
);

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.mode {
        Mode::Import(args) => import::run(&args),
        Mode::Growth(args) => growth::run(&args),
        Mode::Queries(args) => queries::run(&args),
        Mode::Reorg(args) => reorg::run(&args),
        Mode::Child { job } => child::run(&job),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ibd: {failure}");
            ExitCode::FAILURE
        }
    }
}
