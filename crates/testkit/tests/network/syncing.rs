//! Nodes that come late.

use std::time::Instant;

use cairn_chainstate::simulate::PowerCut;
use cairn_testkit::network::adversary::{Stalling, Tampering};
use cairn_testkit::network::{HostId, Network, NetworkConfig, NodeOptions};

use crate::support::{assert_agreed, minutes, seconds, summary};

const DAY: u64 = 24 * 60 * 60;

/// One node with a chain of this length, whose genesis is days old.
fn veteran(seed: u64, blocks: usize) -> (Network, HostId) {
    let mut config = NetworkConfig::new(seed);
    config.start += seconds(3 * DAY);
    let mut network = Network::new(config);
    let veteran = network.add_node(NodeOptions::default());
    network.give_history(blocks);
    (network, veteran)
}

#[test]
fn a_fresh_node_syncs_5000_blocks_past_a_stalling_and_a_tampering_peer() {
    let (mut network, veteran) = veteran(1, 5_000);
    let stalling = network.add_adversary(Stalling, []);
    let tampering = network.add_adversary(Tampering::new(700), []);
    let begun = (Instant::now(), network.now());
    let options = NodeOptions { max_outbound: 3, ..NodeOptions::knowing([veteran, stalling, tampering]) };
    let fresh = network.add_node(options);
    assert!(network.run_until(minutes(60), Network::is_agreed), "{:?}", summary(&network));
    let (real, virtual_time) = (begun.0.elapsed().as_secs_f64(), (network.now() - begun.1).as_secs_f64());
    eprintln!(
        "5,000 blocks in {virtual_time:.0} s of virtual time; {:.0} blocks per real second",
        5_000.0 / real
    );
    assert_agreed(&network);
    assert!(network.is_banned(fresh, tampering));
    assert!(!network.is_banned(fresh, veteran));
    let left_it = network.disconnects(fresh).iter().any(|gone| gone.host == Some(stalling));
    assert!(left_it, "the stalling peer was kept: {:?}", network.disconnects(fresh));
}

#[test]
fn a_node_that_loses_power_while_it_syncs_goes_on_where_it_was() {
    let (mut network, veteran) = veteran(2, 2_000);
    let fresh = network.add_node(NodeOptions::knowing([veteran]));
    let mut crashes = 0;
    for height in [300, 900, 1_500] {
        let reached = |network: &Network| network.tip(fresh).height.to_u32() >= height;
        assert!(network.run_until(minutes(30), reached), "{:?}", summary(&network));
        crashes += usize::from(!network.is_agreed());
        network.crash(fresh, PowerCut::default());
        network.run_for(seconds(20));
        network.start(fresh);
    }
    assert!(crashes > 0, "it had synced before the first crash");
    assert!(network.run_until(minutes(30), Network::is_agreed), "{:?}", summary(&network));
    assert_agreed(&network);
    assert_eq!(network.bans(veteran), []);
    assert_eq!(network.bans(fresh), []);
}
