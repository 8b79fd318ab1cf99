//! What a simulated network is made of.

use std::sync::Arc;
use std::time::Duration;

use cairn_params::{ChainSpec, presets};

use super::HostId;
use super::link::LinkConfig;

/// Weight units of the transactions in a mined block, unless chosen otherwise: small blocks keep simulations fast.
const BLOCK_WEIGHT: u64 = 400_000;

/// What a simulated network is made of.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// The chain. Its limit must be easy enough to mine by trial.
    pub spec: Arc<ChainSpec>,
    /// Feeds every choice: the same seed gives the same trace.
    pub seed: u64,
    /// Where the clock starts, since 1970.
    pub start: Duration,
    /// How bytes fare.
    pub link: LinkConfig,
    /// Most weight units of the transactions in a mined block.
    pub block_weight: u64,
}

impl NetworkConfig {
    /// A network on [`simulation_spec`], one hour after its genesis.
    pub fn new(seed: u64) -> Self {
        Self::for_chain(Arc::new(simulation_spec()), seed)
    }

    /// A network on a chain of your own, one hour after its genesis.
    pub fn for_chain(spec: Arc<ChainSpec>, seed: u64) -> Self {
        let start = Duration::from_secs(u64::from(spec.genesis.time.to_u32()) + 3_600);
        Self { spec, seed, start, link: LinkConfig::default(), block_weight: BLOCK_WEIGHT }
    }
}

/// A chain for simulations: two hashes find a block, blocks come ten seconds apart, coinbases can be spent after ten,
/// every fork holds.
pub fn simulation_spec() -> ChainSpec {
    let mut spec = presets::dev();
    spec.chain.name = "simulation".to_owned();
    spec.pow.spacing = 10;
    spec
}

/// How a simulated node deals with its peers.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Hosts whose addresses the node's address book begins with. They may be added later.
    pub known: Vec<HostId>,
    /// Hosts to which the operator wants a connection kept open.
    pub named: Vec<HostId>,
    /// Connections to keep open by its own choice.
    pub max_outbound: usize,
    /// Most connections that others opened.
    pub max_inbound: usize,
}

impl Default for NodeOptions {
    /// Core's figures, and nobody known.
    fn default() -> Self {
        Self { known: Vec::new(), named: Vec::new(), max_outbound: 8, max_inbound: 117 }
    }
}

impl NodeOptions {
    /// A node whose address book begins with these.
    pub fn knowing(known: impl IntoIterator<Item = HostId>) -> Self {
        Self { known: known.into_iter().collect(), ..Self::default() }
    }

    /// A node that keeps connections open to these alone.
    pub fn calling(named: impl IntoIterator<Item = HostId>) -> Self {
        Self { named: named.into_iter().collect(), max_outbound: 0, ..Self::default() }
    }
}
