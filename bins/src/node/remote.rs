//! Commands that talk to a running node.

use std::path::PathBuf;

use cairn_rpc::{AdminToken, Client, NodeApi};

use crate::Failure;
use crate::output::{json, line};

/// Which node to talk to.
#[derive(Debug)]
pub struct Remote {
    /// Where it answers, `http://host:port`.
    pub url: String,
    /// Its data directory, for the admin token; `.cairn` in the home directory if none is named.
    pub datadir: Option<PathBuf>,
    /// Print JSON.
    pub json: bool,
}

/// Prints the state of a running node.
///
/// # Errors
/// A URL that is none, a node that does not answer.
pub fn status(remote: &Remote) -> Result<(), Failure> {
    let status = connect(remote)?.status().map_err(Failure::new)?;
    if remote.json {
        return json(&status);
    }
    line(format_args!("network     {}", status.network));
    line(format_args!("height      {} of {} headers", status.height, status.headers));
    line(format_args!("best block  {}", status.best_hash));
    line(format_args!("chain work  {}", status.chain_work));
    line(format_args!("difficulty  {} (bits {})", status.difficulty, status.bits_hex));
    line(format_args!("progress    {:.2} %", status.progress * 100.0));
    let miner = &status.miner;
    match miner.mining {
        true => line(format_args!(
            "mining      {} on {} threads, {} blocks found",
            miner.hashrate, miner.threads, miner.blocks_found
        )),
        false => line("mining      no"),
    }
    line(format_args!("up          {} s, version {}", status.uptime_s, status.version));
    Ok(())
}

/// Asks a running node to stop.
///
/// # Errors
/// As [`status`]; no admin token in the data directory, or another node's.
pub fn stop(remote: &Remote) -> Result<(), Failure> {
    let client = connect(remote)?;
    let network = client.status().map_err(Failure::new)?.network;
    let datadir = super::datadir(remote.datadir.clone())?;
    let token = AdminToken::read_from(&datadir.join(network).join(cairn_node::TOKEN_FILE))
        .map_err(|error| Failure::new(format!("{error}; name the node's data directory with --datadir")))?;
    let answer = client.with_token(token).stop().map_err(Failure::new)?;
    if remote.json {
        return json(&answer);
    }
    line("stopping");
    Ok(())
}

fn connect(remote: &Remote) -> Result<Client, Failure> {
    Client::new(&remote.url).map_err(Failure::usage)
}
