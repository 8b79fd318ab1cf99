//! Partitions, reorganisations, races, restarts.

use cairn_testkit::network::{LinkConfig, Network, NetworkConfig, NodeOptions};

use crate::support::{assert_agreed, assert_honest_unbanned, hosts, minutes, seconds, summary};

fn crowd(seed: u64, count: usize, loss: f64) -> Network {
    let link = LinkConfig::default().with_loss(loss);
    let mut network = Network::new(NetworkConfig { link, ..NetworkConfig::new(seed) });
    for _ in 0..count {
        network.add_node(NodeOptions::knowing(hosts(0..count)));
    }
    network.give_history(30);
    network.run_for(minutes(2));
    network
}

#[test]
fn more_than_a_hundred_blocks_are_given_up_for_a_longer_branch() {
    let mut network = crowd(1, 10, 0.02);
    let (left, right) = (hosts(0..5), hosts(5..10));
    let fork = network.tip(left[0]).height.to_u32();
    network.partition(&[left.clone(), right.clone()]);
    for _ in 0..11 {
        for _ in 0..4 {
            // The same coin may be spent on either side.
            let _ = network.pay(left[1]);
            let _ = network.pay(right[1]);
        }
        network.mine(left[0], 10);
        network.mine(right[0], 11);
        network.run_for(seconds(60));
    }
    assert_eq!(network.tip(left[4]).height.to_u32(), fork + 110);
    assert_eq!(network.tip(right[4]).height.to_u32(), fork + 121);
    network.heal();
    assert!(network.run_until(minutes(20), Network::is_agreed), "{:?}", summary(&network));
    assert_eq!(network.tip(left[0]).height.to_u32(), fork + 121);
    assert_agreed(&network);
    assert_honest_unbanned(&network);
}

#[test]
fn of_two_spends_of_one_coin_exactly_one_is_confirmed() {
    let mut network = crowd(2, 12, 0.0);
    let race = network.double_spend(hosts(0..1)[0]).expect("there are coins");
    for (node, spend) in [(0, 0), (11, 1)] {
        let node = hosts(node..node + 1)[0];
        network.submit_tx(node, race.spends[spend].clone()).expect("either spend is fair");
    }
    network.run_for(minutes(1));
    let pools: Vec<_> =
        network.nodes().iter().filter_map(|node| network.pool(*node).spender(&race.coin)).collect();
    assert_eq!(pools.len(), 12, "everyone heard of one of them");
    assert!(pools.windows(2).any(|pair| pair[0] != pair[1]), "both spends found believers");
    network.mine(hosts(11..12)[0], 1);
    assert!(network.run_until(minutes(2), Network::is_agreed), "{:?}", summary(&network));
    for node in network.nodes() {
        let spends = network.spends_of(node, &race.coin);
        assert_eq!((spends.confirmed, spends.pool), (vec![race.spends[1].txid()], None), "{node}");
    }
    assert_honest_unbanned(&network);
}

#[test]
fn a_partition_leaves_connections_hanging_and_calls_unanswered() {
    let mut network = crowd(3, 4, 0.0);
    let before = network.connections(hosts(0..1)[0]);
    network.partition(&[hosts(0..2), hosts(2..4)]);
    network.mine(hosts(0..1)[0], 1);
    network.run_for(seconds(40));
    assert_eq!(network.connections(hosts(0..1)[0]), before, "nobody has given up yet");
    assert_ne!(network.tip(hosts(0..1)[0]), network.tip(hosts(3..4)[0]));
    network.heal();
    assert!(network.run_until(seconds(30), Network::is_agreed), "what was sent is sent again");

    network.partition(&[hosts(0..2), hosts(2..4)]);
    network.mine(hosts(0..1)[0], 1);
    network.run_for(seconds(60));
    assert!(network.connections(hosts(0..1)[0]).len() < before.len(), "the sender has given up");
    network.heal();
    assert!(network.run_until(minutes(10), Network::is_agreed), "{:?}", summary(&network));
}

#[test]
fn a_restarted_node_keeps_its_chain_and_its_pool() {
    let mut network = crowd(4, 4, 0.0);
    let txid = network.pay(hosts(0..1)[0]).expect("there are coins").expect("it is a fair payment");
    network.run_for(minutes(1));
    let node = hosts(3..4)[0];
    assert!(network.pool(node).get(&txid).is_some());
    let before = network.tip(node);
    network.stop(node);
    network.mine(hosts(0..1)[0], 1);
    network.run_for(minutes(1));
    network.start(node);
    assert_eq!(network.tip(node), before);
    assert!(network.pool(node).get(&txid).is_some());
    assert!(network.run_until(minutes(3), Network::is_agreed), "{:?}", summary(&network));
    assert!(network.pool(node).get(&txid).is_none(), "it was mined meanwhile");
    assert_honest_unbanned(&network);
}
