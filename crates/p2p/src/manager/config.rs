//! How a node deals with its peers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_params::ChainSpec;

use crate::handshake::HANDSHAKE_TIMEOUT;
use crate::message::{Services, UserAgent};

/// How a node deals with its peers. The defaults are Bitcoin Core's.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The chain.
    pub spec: Arc<ChainSpec>,
    /// What this node calls itself.
    pub user_agent: UserAgent,
    /// What this node offers.
    pub services: Services,
    /// Connections to keep open by our own choice. Default 8.
    pub max_outbound: usize,
    /// Most connections that others opened. Default 117.
    pub max_inbound: usize,
    /// Most connections from one address. Default 16; the loopback address has no such limit.
    pub max_per_ip: usize,
    /// Connect to these alone and to nobody else (`--connect`).
    pub connect: Vec<SocketAddr>,
    /// Keep connections to these besides others (`--addnode`).
    pub add_nodes: Vec<SocketAddr>,
    /// Where this node can be reached from outside, if it can; told to peers.
    pub external: Option<SocketAddr>,
    /// Whether to ask the spec's DNS seeds when too few addresses are known.
    pub dns_seeds: bool,
    /// How long a ban lasts. Default one day.
    pub ban_time: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Whether addresses that cannot be reached from the whole internet (loopback, private) are taken in and passed on:
    /// for chains that live on one machine or in one network.
    pub local_addresses: bool,
}

impl PeerConfig {
    /// Core's figures, this crate's name, everything offered.
    pub fn new(spec: Arc<ChainSpec>) -> Self {
        Self {
            spec,
            user_agent: UserAgent::new(concat!("/Cairn:", env!("CARGO_PKG_VERSION"), "/").as_bytes())
                .expect("it is shorter than 256 bytes"),
            services: Services::NETWORK.union(Services::WITNESS),
            max_outbound: 8,
            max_inbound: 117,
            max_per_ip: 16,
            connect: Vec::new(),
            add_nodes: Vec::new(),
            external: None,
            dns_seeds: true,
            ban_time: Duration::from_secs(24 * 60 * 60),
            handshake_timeout: HANDSHAKE_TIMEOUT,
            local_addresses: false,
        }
    }
}
