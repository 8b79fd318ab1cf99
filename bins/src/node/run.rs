//! `cairn-node run`.

use cairn_node::{Mode, NodeBuilder, Stop};

use super::Place;
use crate::Failure;
use crate::output::line;

/// Runs the node until it is told to stop. Prints where its page is and, on the chain of `--dev`, a line for each block.
///
/// # Errors
/// A bad setting, a directory or port that cannot be used, a part of the node that fails.
pub fn run(place: Place) -> Result<(), Failure> {
    let mode = place.mode;
    let mut node = NodeBuilder::new(place.configure()?).stop(Stop::on_signals()?).start()?;
    line(format_args!("chain {} at height {}", node.spec().chain.name, node.reader().tip().height));
    line(format_args!("explorer on http://{}/", node.http_addr()));
    if let Some(addr) = node.p2p_addr() {
        line(format_args!("peers on {addr}"));
    }
    if let Some(address) = node.mining_address() {
        line(format_args!("mining to {address}"));
    }
    if let Some(words) = node.take_new_seed() {
        line(format_args!("seed phrase (shown once): {}", words.phrase().as_str()));
    }
    if mode == Mode::Dev {
        node.on_block(line)?;
    }
    Ok(node.run()?)
}
