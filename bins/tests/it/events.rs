//! The event stream of a real node, over a reorganisation and a kill.

use std::path::Path;
use std::sync::Arc;

use cairn_params::presets;
use cairn_primitives::{Block, Encode, hex};
use cairn_testkit::{Forge, TestKey};
use serde_json::{Value, json};

use crate::support::{Node, events, http};

fn start(dir: &Path) -> Node {
    let datadir = dir.to_str().expect("the path is text");
    Node::start(&["--chain", "regtest", "--datadir", datadir, "--store", "sled", "--txindex"])
}

/// Gives blocks to the node over its HTTP interface.
fn give(node: &Node, blocks: &[&Block]) {
    for block in blocks {
        let body = json!({ "block_hex": hex::encode(&block.to_bytes()) }).to_string();
        let request = "POST /mining/submit HTTP/1.1\r\nContent-Type: application/json";
        let (status, answer) = http(node.addr, request, &body);
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        // A block of a branch that is behind is taken all the same.
        assert_ne!(answer["accepted"], Value::Null, "{answer}");
    }
}

#[test]
fn a_reader_goes_on_where_it_was_over_a_reorganisation_and_a_kill() {
    let mut forge = Forge::new(Arc::new(presets::regtest()));
    let (left, right) = (TestKey::new(1).p2pkh(), TestKey::new(2).p2pkh());
    let fork = forge.extend(forge.genesis(), 2, &left);
    let old = forge.extend(fork, 2, &left);
    let new = forge.extend(fork, 3, &right);
    let (old, new) = (forge.chain(old), forge.chain(new));
    let hash = |block: &Block| Value::String(block.hash().to_string());
    let place = |block: &Block, height: u32| json!({ "hash": hash(block), "height": height });

    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    give(&node, &old);
    let first = events(node.addr, "/events?types=block,reorg&since=0", 4);
    let told: Vec<_> = first.iter().map(|event| event["hash"].clone()).collect();
    assert_eq!(told, old.iter().map(|block| hash(block)).collect::<Vec<_>>());
    assert!(first.iter().all(|event| event["tx_count"] == 1));
    // What was told is durable: the node need not end well.
    node.kill();

    let node = start(dir.path());
    give(&node, &new[2..]);
    let resumed = events(node.addr, "/events?types=block,reorg&since=4", 4);
    let reorg = json!({
        "fork_height": 2,
        "disconnected": [place(old[3], 4), place(old[2], 3)],
        "connected": [place(new[2], 3), place(new[3], 4), place(new[4], 5)],
    });
    assert_eq!(resumed[0], reorg);
    let told: Vec<_> =
        resumed[1..].iter().map(|event| (event["hash"].clone(), event["height"].clone())).collect();
    let expected = (3..).zip(&new[2..]).map(|(height, block)| (hash(block), Value::from(height)));
    assert_eq!(told, expected.collect::<Vec<_>>());
    node.kill();

    // From the start on, as if nothing had been read before: the same numbers, the same story.
    let node = start(dir.path());
    let all = events(node.addr, "/events?types=block,reorg&since=0", 8);
    assert_eq!(all, [first, resumed].concat());
    assert_eq!(node.get("/status").1["best_hash"], hash(new[4]));
    assert!(node.signal("TERM").0.success());
}
