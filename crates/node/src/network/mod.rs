//! The node among others: the network driver, and what ties it to the chain and the pool.

mod host;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cairn_chainstate::ChainReader;
use cairn_p2p::net::{EventError, Net, NetConfig, NetHandle};
use cairn_p2p::{AddressBook, BanList, Event, PeerConfig, PeerInfo, PeersFile, Services};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tracing::{debug, info};

use crate::config::Config;
use crate::error::NodeError;
use crate::files::{self, PEERS_FILE};
use crate::pool::{Added, Pool};
use crate::writer::{TipMove, WriterHandle};
use host::NodeHost;

/// The node's network, which may not run: a private chain has none, and at the start and the end of a node there is none yet
/// or any more.
#[derive(Debug, Default)]
pub(crate) struct Network {
    running: OnceLock<Running>,
}

#[derive(Debug)]
struct Running {
    handle: NetHandle,
    dir: PathBuf,
}

/// The task of a running network.
pub(crate) type NetworkTask = JoinHandle<()>;

impl Network {
    /// Begins to listen and to call. Transactions of peers are judged on the thread that `spawn` starts.
    pub(crate) fn start(
        &self,
        config: &Config,
        reader: ChainReader,
        pool: &Arc<Pool>,
        writer: WriterHandle,
        runtime: &Runtime,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> Result<(), NodeError>,
    ) -> Result<NetworkTask, NodeError> {
        let dir = config.chain_dir();
        let saved = files::load(&dir, PEERS_FILE, PeersFile::from_bytes);
        let saved = saved.map_or_else(fresh, Ok)?;
        let (host, offers) = NodeHost::new(reader.clone(), Arc::clone(pool), writer);
        // Below a snapshot the old blocks are not here yet either.
        let pruned = config.prune.is_some() || reader.pruned_to().is_some() || reader.validation().is_some();
        let judge = Arc::clone(pool);
        spawn(Box::new(move || host::judge(&judge, &reader, &offers)))?;

        let net = NetConfig { listen: config.listen, ..NetConfig::default() };
        let started = Net::start(net, peer_config(config, pruned), saved, random()?, Arc::new(host));
        let (handle, task) = runtime.block_on(started).map_err(|source| NodeError::Listen {
            addr: config.listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
            source,
        })?;
        if let Some(addr) = handle.listen_addr() {
            info!(%addr, "listening for peers");
        }
        let relay = handle.clone();
        pool.announce_to(move |added| announce(&relay, added));
        // Set a second time only if two callers raced, and there is one caller.
        let _ = self.running.set(Running { handle, dir });
        Ok(task)
    }

    pub(crate) fn handle(&self) -> Option<&NetHandle> {
        self.running.get().map(|running| &running.handle)
    }

    /// The peers; `None` without a network.
    pub(crate) fn peers(&self) -> Option<Vec<PeerInfo>> {
        Some(self.handle()?.peers())
    }

    /// Tells the peers of a new tip.
    pub(crate) fn tip_moved(&self, change: &TipMove) {
        if let Some(handle) = self.handle() {
            // Stopped means that there is nobody to tell.
            let _ = handle.event(Event::TipChanged { connected: change.connected.clone() });
        }
    }

    /// Writes `peers.dat`.
    pub(crate) fn save(&self) {
        if let Some(Running { handle, dir }) = self.running.get() {
            files::save(dir, PEERS_FILE, &handle.save());
        }
    }

    pub(crate) fn stop(&self) {
        if let Some(handle) = self.handle() {
            handle.stop();
        }
    }
}

fn announce(handle: &NetHandle, added: &Added) {
    let event = Event::PoolAdded { txid: added.tx.txid(), wtxid: added.tx.wtxid(), rate: added.rate };
    if handle.event(event) == Err(EventError::Busy) {
        debug!(txid = %added.tx.txid(), "too busy to announce a transaction");
    }
}

fn peer_config(config: &Config, pruned: bool) -> PeerConfig {
    let spec = Arc::clone(&config.spec);
    // A chain nobody can find by itself lives on one machine or in one network.
    let local = spec.network.dns_seeds.is_empty() && spec.network.fixed_seeds.is_empty();
    PeerConfig {
        connect: config.connect.clone(),
        add_nodes: config.addnode.clone(),
        external: config.listen.filter(|addr| local && !addr.ip().is_unspecified() && addr.port() != 0),
        local_addresses: local,
        services: services(pruned),
        ..PeerConfig::new(spec)
    }
}

/// A pruned node serves the last 288 blocks and says so (BIP159).
fn services(pruned: bool) -> Services {
    let blocks = if pruned { Services::NETWORK_LIMITED } else { Services::NETWORK };
    blocks.union(Services::WITNESS)
}

fn fresh() -> Result<PeersFile, NodeError> {
    Ok(PeersFile { book: AddressBook::new(random()?), bans: BanList::default() })
}

fn random() -> Result<[u8; 32], NodeError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(NodeError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP159: a node that may lack old blocks does not claim to serve the whole chain.
    #[test]
    fn a_pruned_node_says_so() {
        assert!(services(false).contains(Services::NETWORK));
        assert!(!services(false).contains(Services::NETWORK_LIMITED));
        assert!(!services(true).contains(Services::NETWORK));
        assert!(services(true).contains(Services::NETWORK_LIMITED));
        assert!(services(true).contains(Services::WITNESS));
    }
}
