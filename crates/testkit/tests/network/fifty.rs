//! The large scenario: fifty nodes, a fifth of all segments lost, a partition, adversaries.

use cairn_testkit::network::adversary::{
    BadBlocks, BlockFault, Flood, FloodKind, Oversized, Silent, Stalling,
};
use cairn_testkit::network::{HostId, LinkConfig, Network, NetworkConfig, NodeOptions};

use crate::support::{assert_agreed, assert_honest_unbanned, come_to_agree, hosts, minutes, seconds};

const NODES: usize = 50;

fn fifty(seed: u64) -> Network {
    let link = LinkConfig::default().with_loss(0.2);
    let mut network = Network::new(NetworkConfig { link, ..NetworkConfig::new(seed) });
    for place in 0..NODES {
        // Each knows a dozen others and one adversary: the rest they must tell each other.
        let known = (1..=12).map(|step| HostId::new((place + step * step) % NODES));
        network.add_node(NodeOptions::knowing(known.chain([HostId::new(NODES + place % 5)])));
    }
    network.give_history(30);
    network.add_adversary(Silent, hosts(0..10));
    network.add_adversary(BadBlocks::new(BlockFault::Coinbase), hosts(10..20));
    network.add_adversary(Stalling, hosts(20..30));
    network.add_adversary(Flood::new(FloodKind::Inv, 1), hosts(30..40));
    network.add_adversary(Oversized, hosts(40..50));
    network
}

#[test]
fn fifty_nodes_agree_after_loss_partition_and_adversaries() {
    let mut network = fifty(1);
    network.start_mining(seconds(10), []);
    network.start_paying(seconds(5));
    network.run_for(minutes(4));
    network.partition(&[hosts(0..20), hosts(20..55)]);
    network.run_for(minutes(10));
    assert!(!network.is_agreed(), "the partition parted nobody");
    network.heal();
    network.run_for(minutes(3));
    network.stop_mining();
    network.stop_paying();
    come_to_agree(&mut network, minutes(20));
    assert_agreed(&network);
    assert_honest_unbanned(&network);
    for adversary in network.rule_breakers() {
        let met: Vec<HostId> =
            network.nodes().into_iter().filter(|node| dropped(&network, *node, adversary)).collect();
        assert!(!met.is_empty(), "nobody dropped {adversary}");
        let talks = network
            .nodes()
            .into_iter()
            .filter(|node| network.connections(*node).iter().any(|(other, _)| *other == adversary));
        assert_eq!(talks.collect::<Vec<_>>(), [], "{adversary} is still listened to");
    }
    let (events, hash) = network.trace();
    eprintln!(
        "fifty nodes: height {}, {events} events, trace {hash}",
        network.tip(hosts(0..1)[0]).height.to_u32()
    );
}

fn dropped(network: &Network, node: HostId, adversary: HostId) -> bool {
    network.disconnects(node).iter().any(|gone| gone.host == Some(adversary))
}
