//! Few nodes, one thing at a time.

use cairn_testkit::network::{Network, NetworkConfig, NodeOptions};

use crate::support::{assert_agreed, hosts, seconds, summary};

fn ring(seed: u64, count: usize) -> Network {
    let mut network = Network::new(NetworkConfig::new(seed));
    for place in 0..count {
        network.add_node(NodeOptions::calling(hosts(0..place).into_iter().rev().take(2)));
    }
    network.run_for(seconds(10));
    network
}

#[test]
fn nodes_shake_hands_over_the_wire() {
    let network = ring(1, 3);
    for node in network.nodes() {
        assert_eq!(network.connections(node).len(), 2, "{node}");
        assert_eq!(network.misbehaved(node), [], "{node}");
    }
}

#[test]
fn a_block_reaches_everyone() {
    let mut network = ring(2, 5);
    network.mine(hosts(0..1)[0], 1);
    assert!(network.run_until(seconds(60), Network::is_agreed), "{:?}", summary(&network));
    assert_agreed(&network);
}

#[test]
fn a_payment_reaches_every_pool_and_then_the_chain() {
    let mut network = ring(3, 5);
    network.give_history(20);
    let txid = network.pay(hosts(0..1)[0]).expect("there are coins").expect("it is a fair payment");
    let everywhere =
        |network: &Network| network.nodes().iter().all(|node| network.pool(*node).get(&txid).is_some());
    assert!(network.run_until(seconds(120), everywhere));
    network.mine(hosts(4..5)[0], 1);
    let mined = |network: &Network| network.nodes().iter().all(|node| network.pool(*node).is_empty());
    assert!(network.run_until(seconds(60), mined));
    assert_agreed(&network);
}
