//! Checks a file of raw 80-byte headers against every header rule of a chain, with no disk, clock or network of the library's own.
//!
//! ```text
//! cargo run --release -p cairn-examples --example validate_headers -- bitcoin headers.bin
//! ```
#![allow(clippy::print_stdout)] // a program that prints

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use cairn_consensus::HeaderTree;
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{BlockTime, Decode, Header};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(chain), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: validate_headers CHAIN FILE".into());
    };
    let spec = ChainSpec::preset(&chain)
        .ok_or_else(|| format!("no chain {chain}; there are {:?}", presets::NAMES))?;
    let bytes = std::fs::read(&file)?;

    let start = Instant::now();
    let mut tree = HeaderTree::new(Arc::new(spec));
    // The clock is the caller's: here far in the future, as these headers are old.
    let now = BlockTime::new(u32::MAX);
    for (index, record) in bytes.chunks(Header::SIZE).enumerate() {
        let header =
            <Header as Decode>::from_bytes(record).map_err(|error| format!("record {index}: {error}"))?;
        tree.insert(header, now).map_err(|error| format!("record {index}: {error} ({})", error.code()))?;
    }
    let best = tree.best_header();
    println!("height {} at {}", tree.height(best), tree.hash(best));
    println!("work   {}", tree.work(best));
    println!("{} headers in {:.1} ms", tree.len(), start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
