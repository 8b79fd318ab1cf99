//! A node under abuse keeps its memory, answers others, and takes blocks from those who behave.

use std::time::Duration;

use cairn_params::presets;
use cairn_testkit::flood::{Flood, flood};

use crate::network::{Peer, eventually};

/// Time for each kind of abuse.
const TIME: Duration = Duration::from_secs(2);
/// What a node may grow by, all kinds together: the queues and tables of its peers, full.
const MAX_GROWTH: u64 = 400 << 20;

#[test]
fn abuse_costs_a_bounded_amount_of_memory_and_harms_nobody_else() {
    let node = Peer::start(&[]);
    let honest = Peer::start(&["--connect", &node.p2p.to_string()]);
    eventually("an honest peer", || honest.node.get("/status").1["peers"] == 1);
    let before = node.node.memory();
    for kind in Flood::ALL {
        let report = flood(kind, node.p2p, &presets::mini(), TIME);
        assert!(report.connections > 0, "{}: {report:?}", kind.name());
        assert_eq!(node.node.get("/health").0, 200, "after {}", kind.name());
    }
    let after = node.node.memory();
    assert!(after < before + MAX_GROWTH, "memory grew from {before} to {after} bytes");

    node.mine(&crate::network::address(1), 2);
    eventually("the block at the honest peer", || honest.tip() == node.tip());
    assert_eq!(honest.tip().0, 2);
}
