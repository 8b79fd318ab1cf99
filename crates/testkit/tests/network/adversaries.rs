//! One adversary at a time against a few honest nodes.

use cairn_p2p::Misbehaviour;
use cairn_testkit::network::adversary::{
    BadBlocks, Behaviour, BlockFault, DoubleSpender, Flood, FloodKind, HeightLiar, LowWork, Oversized,
    Silent, Slow, Stalling, Unrequested,
};
use cairn_testkit::network::{HostId, Network, NetworkConfig, NodeOptions};

use crate::support::{assert_agreed, assert_honest_unbanned, come_to_agree, hosts, minutes, seconds};

/// Four nodes that know each other and the adversary, which calls two of them; blocks come and go for some minutes.
fn meet(seed: u64, behaviour: impl Behaviour + 'static) -> (Network, HostId) {
    let mut network = Network::new(NetworkConfig::new(seed));
    for _ in 0..4 {
        network.add_node(NodeOptions::knowing(hosts(0..5)));
    }
    network.give_history(30);
    let adversary = network.add_adversary(behaviour, hosts(0..2));
    network.start_mining(seconds(10), []);
    network.run_for(minutes(10));
    network.stop_mining();
    come_to_agree(&mut network, minutes(5));
    assert_agreed(&network);
    assert_honest_unbanned(&network);
    assert!(network.tip(hosts(0..1)[0]).height.to_u32() > 60);
    (network, adversary)
}

/// Whoever held enough against the adversary banned it, and it is connected to none of them.
fn assert_banned(network: &Network, adversary: HostId) {
    let banned: Vec<HostId> =
        network.nodes().into_iter().filter(|node| network.is_banned(*node, adversary)).collect();
    assert!(!banned.is_empty(), "nobody banned it; {:?}", network.misbehaved(hosts(0..1)[0]));
    for (node, _) in network.connections(adversary) {
        assert!(!banned.contains(&node), "{node} talks to whom it banned");
    }
}

fn assert_never_banned(network: &Network, adversary: HostId) {
    for node in network.nodes() {
        assert_eq!(network.points(node, adversary), 0, "{node}: {:?}", network.misbehaved(node));
    }
}

#[test]
fn a_silent_peer_is_dropped_when_the_handshake_takes_too_long() {
    let (network, adversary) = meet(1, Silent);
    assert_never_banned(&network, adversary);
    let dropped = network.disconnects(hosts(0..1)[0]).iter().filter(|gone| gone.host == Some(adversary));
    assert!(dropped.count() >= 2);
}

#[test]
fn a_slow_peer_does_not_hold_the_others_up() {
    let (network, adversary) = meet(2, Slow::new(seconds(30)));
    assert_never_banned(&network, adversary);
}

#[test]
fn a_liar_about_its_height_changes_nothing() {
    let (network, adversary) = meet(3, HeightLiar);
    assert_never_banned(&network, adversary);
}

#[test]
fn a_stalling_peer_does_not_hold_the_others_up() {
    let (network, adversary) = meet(4, Stalling);
    assert_never_banned(&network, adversary);
}

#[test]
fn low_work_headers_are_not_kept() {
    let (network, _) = meet(5, LowWork::new(20_000));
    for node in network.nodes() {
        let tips = network.chain(node).tips();
        assert!(tips.len() < 10, "{node} keeps {} branches", tips.len());
    }
}

#[test]
fn bad_blocks_get_their_sender_banned() {
    for (seed, fault) in [(6, BlockFault::Coinbase), (7, BlockFault::Twice), (8, BlockFault::Other)] {
        let (network, adversary) = meet(seed, BadBlocks::new(fault));
        assert_banned(&network, adversary);
        for held in network.nodes().iter().flat_map(|node| network.misbehaved(*node)) {
            let fits = match held.what {
                Misbehaviour::InvalidBlock { code } => {
                    fault == BlockFault::Coinbase && code == "bad-cb-amount"
                }
                Misbehaviour::MutatedBlock { .. } => fault != BlockFault::Coinbase,
                _ => false,
            };
            assert!(fits, "{fault:?} was called {:?}", held.what);
        }
    }
}

#[test]
fn unrequested_blocks_get_their_sender_banned() {
    let (network, adversary) = meet(10, Unrequested::default());
    assert_banned(&network, adversary);
}

#[test]
fn an_oversized_frame_gets_its_sender_banned() {
    let (network, adversary) = meet(11, Oversized);
    assert_banned(&network, adversary);
}

#[test]
fn floods_change_nothing_for_the_others() {
    for (seed, kind, messages) in [
        (12, FloodKind::Inv, 1),
        (13, FloodKind::Addr, 5),
        (14, FloodKind::Headers, 2),
        (15, FloodKind::Ping, 1_000),
    ] {
        let (network, adversary) = meet(seed, Flood::new(kind, messages));
        assert!(network.points(hosts(0..1)[0], adversary) > 0, "{kind:?} costs nothing");
        assert_banned(&network, adversary);
    }
}

#[test]
fn a_double_spender_gets_one_spend_into_the_chain() {
    let mut network = Network::new(NetworkConfig::new(16));
    for _ in 0..6 {
        network.add_node(NodeOptions::knowing(hosts(0..6)));
    }
    network.give_history(30);
    network.run_for(minutes(2));
    let race = network.double_spend(hosts(0..1)[0]).expect("there are coins");
    network.add_adversary(DoubleSpender::new(&race), hosts(0..6));
    network.run_for(minutes(1));
    let spenders: Vec<_> =
        network.nodes().iter().map(|node| network.pool(*node).spender(&race.coin)).collect();
    assert!(spenders.iter().all(Option::is_some), "{spenders:?}");
    assert!(spenders.windows(2).any(|pair| pair[0] != pair[1]), "the race was none");
    network.mine(hosts(0..1)[0], 1);
    assert!(network.run_until(minutes(2), Network::is_agreed));
    for node in network.nodes() {
        let spends = network.spends_of(node, &race.coin);
        assert_eq!((spends.confirmed.len(), spends.pool), (1, None), "{node}");
    }
    assert_honest_unbanned(&network);
}
