//! Runs a whole node inside another program: its chain, its miner and its HTTP interface. Ends after three blocks.
//!
//! ```text
//! cargo run --release -p cairn-examples --example embed_node
//! ```
#![allow(clippy::print_stdout)] // a program that prints

use std::error::Error;

use cairn_node::{Config, Mode, NodeBuilder, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let datadir = tempfile::tempdir()?;
    let settings = Settings { rpc_bind: Some("127.0.0.1:0".parse()?), ..Settings::default() };
    let config = Config::resolve(settings, Mode::Dev, datadir.path().to_owned())?;

    let mut node = NodeBuilder::new(config).start()?;
    println!("explorer on http://{}/", node.http_addr());
    let stop = node.stop_handle();
    node.on_block(move |block| {
        println!("{block}");
        if block.height.to_u32() >= 3 {
            stop.ask();
        }
    })?;
    let reader = node.reader();
    node.run()?;
    println!("stopped at height {}", reader.tip().height);
    Ok(())
}
