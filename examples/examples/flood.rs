//! Abuses a running node, to see what it bears: announcements, addresses, headers, pings, oversized frames, connections that
//! say nothing, and answers nobody reads.
//!
//! ```text
//! cargo run --release -p cairn-examples --example flood -- 127.0.0.1:6344 mini inv 60
//! ```
//!
//! Arguments: where the node listens for peers, a preset, a kind of flood or `all`, seconds for each. Use it on nodes of your
//! own alone.
#![allow(clippy::print_stdout)] // a program prints

use std::net::SocketAddr;
use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_testkit::flood::{Flood, flood};

fn main() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("missing argument: {what}"));
    let target: SocketAddr = next("address of the node")?.parse().map_err(|_| "that is no address")?;
    let chain = next("preset")?;
    let spec = ChainSpec::preset(&chain).ok_or_else(|| format!("there is no preset {chain:?}"))?;
    let kind = next("kind of flood")?;
    let seconds: u64 = next("seconds")?.parse().map_err(|_| "seconds are a number")?;

    let kinds = match kind.as_str() {
        "all" => Flood::ALL.to_vec(),
        name => vec![name.parse::<Flood>().map_err(|_| format!("there is no flood {name:?}"))?],
    };
    for kind in kinds {
        let report = flood(kind, target, &spec, Duration::from_secs(seconds));
        println!(
            "{:<12} {:>8} connections {:>10} messages {:>14} bytes taken",
            kind.name(),
            report.connections,
            report.messages,
            report.bytes
        );
    }
    Ok(())
}
