//! What the scenarios share.

use std::time::Duration;

use cairn_testkit::network::{HostId, Network};

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn minutes(count: u64) -> Duration {
    seconds(60 * count)
}

/// All running nodes have one tip and, of the coins, the same.
pub(crate) fn assert_agreed(network: &Network) {
    let tips = network.tips();
    assert!(network.is_agreed(), "tips differ: {:?}", summary(network));
    let expected = network.coin_set_hash(tips[0].0);
    for (host, _) in tips {
        assert_eq!(network.coin_set_hash(host), expected, "{host} has other coins");
    }
}

/// Lets the nodes come to one tip, within `limit`. Two branches of the same work are no disagreement that talking could
/// end, so a tie that lasts for two minutes is ended by a block.
pub(crate) fn come_to_agree(network: &mut Network, limit: Duration) {
    let end = network.now() + limit;
    while !network.run_until(minutes(2), Network::is_agreed) {
        assert!(network.now() < end, "tips differ: {:?}", summary(network));
        let tips = network.tips();
        if tips.windows(2).all(|pair| pair[0].1.work == pair[1].1.work) {
            network.mine(tips[0].0, 1);
        }
    }
}

/// Height and first hash bytes of each tip, for messages.
pub(crate) fn summary(network: &Network) -> Vec<(usize, u32, String)> {
    let tips = network.tips().into_iter();
    tips.map(|(host, tip)| (host.place(), tip.height.to_u32(), tip.hash.to_string()[..12].to_owned()))
        .collect()
}

/// No node has banned or held anything that costs a ban against another node.
pub(crate) fn assert_honest_unbanned(network: &Network) {
    let nodes = network.nodes();
    for node in &nodes {
        let wronged: Vec<HostId> =
            network.bans(*node).into_iter().filter(|host| nodes.contains(host)).collect();
        assert!(wronged.is_empty(), "{node} banned honest {wronged:?} for {:?}", network.misbehaved(*node));
    }
}

/// The places of a range of hosts.
pub(crate) fn hosts(range: std::ops::Range<usize>) -> Vec<HostId> {
    range.map(HostId::new).collect()
}
