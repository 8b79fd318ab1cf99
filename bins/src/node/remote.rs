//! Commands that talk to a running node.

use std::path::PathBuf;

use cairn_rpc::{AdminToken, Client, NodeApi, PeerAddRequest};

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
    if let Some(background) = &status.background {
        let (height, target) = (background.height, background.target);
        line(format_args!("background  {height} of {target} blocks below the snapshot checked"));
    }
    line(format_args!("mempool     {} transactions", status.mempool));
    line(format_args!("peers       {}", status.peers));
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

/// Prints the peers of a running node.
///
/// # Errors
/// As [`status`].
pub fn peers(remote: &Remote) -> Result<(), Failure> {
    let list = connect(remote)?.peers().map_err(Failure::new)?;
    if remote.json {
        return json(&list);
    }
    if list.peers.is_empty() {
        line("no peers");
        return Ok(());
    }
    line(format_args!(
        "{:>4} {:<3} {:<24} {:>8} {:>7} {:>5} {:>10} {:>10} {:>8}  agent",
        "id", "dir", "address", "height", "ping ms", "score", "sent", "received", "up s"
    ));
    for peer in &list.peers {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        line(format_args!(
            "{:>4} {:<3} {:<24} {:>8} {:>7} {:>5} {:>10} {:>10} {:>8}  {}",
            peer.id,
            if peer.inbound { "in" } else { "out" },
            peer.addr,
            or_dash(peer.height.map(|height| height.to_string())),
            or_dash(peer.latency_ms.map(|latency| latency.to_string())),
            peer.ban_score,
            peer.bytes_sent,
            peer.bytes_recv,
            peer.uptime,
            or_dash(peer.user_agent.clone()),
        ));
    }
    Ok(())
}

/// Connects a running node to one more peer.
///
/// # Errors
/// As [`stop`]; an address that is none.
pub fn add_peer(remote: &Remote, addr: String) -> Result<(), Failure> {
    let answer = admin(remote)?.add_peer(&PeerAddRequest { addr }).map_err(Failure::new)?;
    if remote.json {
        return json(&answer);
    }
    match answer.added {
        true => line(format_args!("connecting to {}", answer.addr)),
        false => line(format_args!("{} was named before; it is called again now", answer.addr)),
    }
    Ok(())
}

/// Has a running node ask its peers for headers.
///
/// # Errors
/// As [`stop`].
pub fn sync(remote: &Remote) -> Result<(), Failure> {
    let answer = admin(remote)?.sync().map_err(Failure::new)?;
    if remote.json {
        return json(&answer);
    }
    line(format_args!(
        "asked {} peers; at height {} of {} headers",
        answer.peers, answer.height, answer.headers
    ));
    Ok(())
}

/// Asks a running node to stop.
///
/// # Errors
/// As [`status`]; no admin token in the data directory, or another node's.
pub fn stop(remote: &Remote) -> Result<(), Failure> {
    let answer = admin(remote)?.stop().map_err(Failure::new)?;
    if remote.json {
        return json(&answer);
    }
    line("stopping");
    Ok(())
}

/// A client that may give orders: its token is in the node's data directory.
fn admin(remote: &Remote) -> Result<Client, Failure> {
    let client = connect(remote)?;
    let network = client.status().map_err(Failure::new)?.network;
    let datadir = super::datadir(remote.datadir.clone())?;
    let token = AdminToken::read_from(&datadir.join(network).join(cairn_node::TOKEN_FILE))
        .map_err(|error| Failure::new(format!("{error}; name the node's data directory with --datadir")))?;
    Ok(client.with_token(token))
}

fn connect(remote: &Remote) -> Result<Client, Failure> {
    Client::new(&remote.url).map_err(Failure::usage)
}
