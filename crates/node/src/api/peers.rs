//! The node's network.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cairn_p2p::Event;
use cairn_p2p::handshake::Direction;
use cairn_p2p::net::{EventError, NetHandle};
use cairn_rpc::{ApiError, PeerAddRequest, PeerAdded, PeerInfo, PeerList, Services, SyncStarted, Transport};

use super::Service;

const NO_NETWORK: ApiError = ApiError::NotReady { why: "the network is not running" };

impl Service {
    /// How many peers are connected.
    pub(super) fn peer_count(&self) -> u64 {
        self.network.peers().map_or(0, |peers| peers.len() as u64)
    }

    /// The peers, longest connected first.
    pub(super) fn peer_list(&self) -> Result<PeerList, ApiError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let peers = self.network.peers().unwrap_or_default();
        Ok(PeerList { peers: peers.iter().map(|peer| told(peer, now)).collect() })
    }

    /// Connects to an address and stays connected.
    pub(super) fn peer_add(&self, request: &PeerAddRequest) -> Result<PeerAdded, ApiError> {
        let network = self.running_network()?;
        let addr = self.resolve(&request.addr)?;
        let known = self.network.peers().unwrap_or_default();
        let added = !known.iter().any(|peer| peer.addr == addr && peer.manual);
        network.add_node(addr).map_err(busy)?;
        Ok(PeerAdded { addr: addr.to_string(), added })
    }

    /// Asks all peers for headers again.
    pub(super) fn peer_sync(&self) -> Result<SyncStarted, ApiError> {
        self.running_network()?.event(Event::Resync).map_err(busy)?;
        let view = self.reader.view();
        let (height, headers) = (view.tip().height, view.best_header().height);
        drop(view);
        Ok(SyncStarted { height, headers, peers: self.peer_count() })
    }

    fn running_network(&self) -> Result<&NetHandle, ApiError> {
        self.network.handle().ok_or(NO_NETWORK)
    }

    /// An address, or the first that a name stands for; with the chain's own port where none is given.
    fn resolve(&self, text: &str) -> Result<SocketAddr, ApiError> {
        let port = self.spec().network.p2p_port;
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(addr);
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, port));
        }
        let bad = |_| ApiError::InvalidParameter {
            name: "addr",
            rule: "must be an address or a name that can be looked up",
        };
        let found = if text.contains(':') { text.to_socket_addrs() } else { (text, port).to_socket_addrs() };
        let unknown = std::io::Error::from(std::io::ErrorKind::NotFound);
        found.and_then(|mut addrs| addrs.next().ok_or(unknown)).map_err(bad)
    }
}

fn busy(error: EventError) -> ApiError {
    match error {
        EventError::Stopped => ApiError::Stopping,
        EventError::Busy | EventError::NotYours => ApiError::NotReady { why: "the network is busy" },
    }
}

fn told(peer: &cairn_p2p::PeerInfo, now: Duration) -> PeerInfo {
    PeerInfo {
        id: peer.id.to_u64(),
        addr: peer.addr.to_string(),
        inbound: peer.direction == Direction::Inbound,
        version: u32::try_from(peer.protocol).ok(),
        user_agent: Some(peer.user_agent.to_string()),
        services: Some(Services::from_bits(peer.services.to_bits())),
        height: Some(peer.height),
        ban_score: peer.score,
        uptime: now.saturating_sub(peer.opened).as_secs(),
        latency_ms: peer.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        bytes_sent: peer.bytes_sent,
        bytes_recv: peer.bytes_received,
        transport: Transport::V1,
    }
}
