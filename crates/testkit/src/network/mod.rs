//! A simulated network: real nodes under a virtual clock, with faults on the wire and adversaries among them.
//!
//! A [`Network`] holds nodes and adversaries. A node is what a real one is made of: a `cairn_p2p::PeerManager`, a
//! `cairn_mempool::Mempool` and a `cairn_chainstate::ChainState` on a simulated disk. In place of sockets stands a wire
//! that carries the very bytes of `cairn_p2p::Codec`, with latency, bandwidth, loss and partitions; in place of the
//! clock one that jumps from event to event. Everything runs on the caller's thread, and every choice comes from one
//! seed: the same seed gives the same [`trace`](Network::trace), event for event and byte for byte.
//!
//! # What a fault does
//! - **Loss** delays and never drops, because TCP lies below the messages: see [`LinkConfig`].
//! - **A partition** ([`partition`](Network::partition)) lets no segment pass between groups. Connections across it hang;
//!   what was sent is sent again after [`heal`](Network::heal), unless that takes longer than a sender waits (51 s):
//!   then that side gives the connection up, and the other finds out when it next sends. Calls across it fail after 5 s.
//! - **A node can be switched off** in good order ([`stop`](Network::stop)), keeping chain, pool and addresses, or lose
//!   power ([`crash`](Network::crash)), keeping of its chain what was synced; [`start`](Network::start) brings it back.
//! - **Adversaries** ([`adversary`]) speak on the same wire and do what their [`Behaviour`](adversary::Behaviour) says.
//!
//! # What is not here
//! Nodes do not forward bytes for others, there is no route but the direct one, and clocks do not differ. A node's checks
//! take a fixed time each. Names are not resolved.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use cairn_testkit::network::{Network, NetworkConfig, NodeOptions};
//!
//! let mut network = Network::new(NetworkConfig::new(7));
//! let first = network.add_node(NodeOptions::default());
//! let second = network.add_node(NodeOptions::calling([first]));
//! network.run_for(Duration::from_secs(5));
//! network.mine(first, 3);
//! assert!(network.run_until(Duration::from_secs(60), Network::is_agreed));
//! assert_eq!(network.tip(second).height.to_u32(), 3);
//! assert_eq!(network.coin_set_hash(first), network.coin_set_hash(second));
//! ```

pub mod adversary;
mod config;
mod fault;
mod link;
mod node;
mod pipe;
mod queue;
mod report;
mod sim;
mod timeline;
mod traffic;
mod view;
mod wire;
mod work;

use std::fmt;

pub use config::{NetworkConfig, NodeOptions, simulation_spec};
pub use link::LinkConfig;
pub use report::{Disconnected, Misbehaved, Spends, coin_set_hash};
pub use sim::Network;
pub use traffic::DoubleSpend;

/// A node or an adversary of a network, by its place in the order of adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) usize);

impl HostId {
    /// The host that is or will be added as number `place`, counted from 0.
    pub const fn new(place: usize) -> Self {
        Self(place)
    }

    /// Its place in the order of adding, counted from 0.
    pub const fn place(self) -> usize {
        self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.0)
    }
}
