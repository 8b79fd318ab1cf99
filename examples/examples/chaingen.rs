//! Writes a chain of the shape of mainnet's, under the rules of regtest, as one of Bitcoin Core's block files.
//!
//! ```text
//! cargo run --release -p cairn-examples --example chaingen -- chain.dat 2000 1000 1
//! ```
//!
//! Arguments: the file, blocks, payments in a block, the number all is drawn from, and `p2pkh` for a chain of that kind alone.
//! The file can be read by `cairn-node import --chain regtest`.
#![allow(clippy::print_stdout)] // a program that prints

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use cairn_testkit::chaingen::{ChainGen, ChainGenConfig, Mix, SpendKind, write_blk};
use indicatif::{ProgressBar, ProgressIterator, ProgressStyle};

const USAGE: &str = "usage: chaingen FILE BLOCKS PAYMENTS_PER_BLOCK SEED [p2pkh]";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, blocks, payments, seed, kinds @ ..] = args.as_slice() else { return Err(USAGE.into()) };
    let mix = match kinds {
        [] => Mix::MAINNET,
        [kind] if kind == "p2pkh" => Mix::only(SpendKind::P2pkh),
        _ => return Err(USAGE.into()),
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let (blocks, txs_per_block, seed) = (blocks.parse()?, payments.parse()?, seed.parse()?);
    let config = ChainGenConfig { blocks, txs_per_block, seed, mix, threads };

    let start = Instant::now();
    let mut chain = ChainGen::new(config);
    let spec = Arc::clone(chain.spec());
    let style = "{wide_bar} {pos}/{len} blocks  {per_sec}  {eta} left";
    let bar = ProgressBar::new(config.blocks.into()).with_style(ProgressStyle::with_template(style)?);
    let mut out = BufWriter::new(File::create(path)?);
    let bytes = write_blk(&mut out, &spec, chain.by_ref().progress_with(bar.clone()))?;
    bar.finish_and_clear();

    let totals = chain.totals();
    println!("{} blocks, {} payments, {} inputs", totals.blocks, totals.payments, totals.inputs);
    println!(
        "{} signatures, {} coins of {} in all",
        totals.signatures,
        totals.coins,
        totals.value.display(8)
    );
    println!("{bytes} bytes in {:.1} s on {threads} threads", start.elapsed().as_secs_f64());
    Ok(())
}
