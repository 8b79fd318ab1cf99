//! The same seed gives the same trace.

use cairn_primitives::Sha256;
use cairn_testkit::network::adversary::{BadBlocks, BlockFault, Slow};
use cairn_testkit::network::{LinkConfig, Network, NetworkConfig, NodeOptions};

use crate::support::{hosts, minutes, seconds};

fn trace(seed: u64) -> (u64, Sha256) {
    let link = LinkConfig::default().with_loss(0.1);
    let mut network = Network::new(NetworkConfig { link, ..NetworkConfig::new(seed) });
    for _ in 0..8 {
        network.add_node(NodeOptions::knowing(hosts(0..10)));
    }
    network.give_history(20);
    network.add_adversary(BadBlocks::new(BlockFault::Coinbase), hosts(0..3));
    network.add_adversary(Slow::new(seconds(20)), hosts(2..5));
    network.start_mining(seconds(10), []);
    network.start_paying(seconds(3));
    network.run_for(minutes(3));
    network.partition(&[hosts(0..4), hosts(4..10)]);
    network.run_for(minutes(3));
    network.heal();
    network.run_for(minutes(3));
    network.trace()
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let first = trace(7);
    assert!(first.0 > 10_000, "only {} events", first.0);
    assert_eq!(trace(7), first);
    assert_ne!(trace(8), first);
}
