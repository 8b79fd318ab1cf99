//! Makes a chain that never existed before: a spec of a few lines, a genesis with proof of work, five blocks.
//!
//! ```text
//! cargo run --release -p cairn-examples --example custom_chain
//! ```
#![allow(clippy::print_stdout)] // a program that prints

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cairn_chainstate::ChainState;
use cairn_miner::{BlockTemplate, Job, kernel, search_genesis, solve, system_clock};
use cairn_params::genesis::Unmined;
use cairn_primitives::{Address, Hash160};

const SPEC: &str = r#"
extends = "dev"

[chain]
name = "pebble"
ticker = "PEB"

[genesis]
message = "Every cairn begins with a pebble"

[subsidy]
kind = "constant"
amount = 100000000
"#;

fn main() -> Result<(), Box<dyn Error>> {
    // A new message makes a new first block, which needs a proof of work of its own.
    let never = AtomicBool::new(false);
    let unmined = Unmined::from_toml(SPEC)?;
    let spec = Arc::new(search_genesis(unmined, kernel::best(), NonZeroUsize::MIN, |_| {}, &never)?);
    println!("chain {} begins with {}", spec.chain.name, spec.genesis_hash());

    let mut chain = ChainState::in_memory(Arc::clone(&spec));
    let reader = chain.reader();
    let payee = Address::P2pkh(Hash160::from_bytes([7; 20]));
    let clock = system_clock();
    for extranonce in 0..5 {
        let next = reader.next_block(clock());
        let template = Arc::new(BlockTemplate::new(&spec, &next, &payee.script_pubkey(), &[])?);
        let job = Job::new(template, extranonce);
        let solution =
            solve(&job, kernel::best().as_ref(), || clock(), &never)?.ok_or("nothing stops this search")?;
        chain.submit_block(job.block(&solution), clock())?;
        let tip = chain.tip();
        println!("block {} {} pays {}", tip.height, tip.hash, payee.encode(&spec.address));
    }
    println!("supply {} {}", reader.supply().display(spec.chain.decimals), spec.chain.ticker);
    Ok(())
}
