//! A chain that begins with another node's coins, with the real programs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::{ChainState, ChainStateConfig};
use cairn_params::presets;
use cairn_primitives::{Block, BlockTime};
use cairn_testkit::{Forge, TestKey};
use serde_json::Value;

use crate::support::{Node, last_json, run, stderr};

/// Longest a node may take to catch up, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(240);

/// Blocks of regtest, which take no work.
fn blocks(count: usize) -> Vec<Block> {
    let mut forge = Forge::new(Arc::new(presets::regtest()));
    let script = TestKey::new(1).p2pkh();
    let mut tip = forge.genesis();
    let next = |_| {
        tip = forge.extend(tip, 1, &script);
        forge.block(tip).clone()
    };
    (0..count).map(next).collect()
}

/// Gives the blocks to the chain of a node that is not running.
fn give(datadir: &Path, blocks: &[Block]) {
    let config = ChainStateConfig::new(datadir.join("regtest"));
    let mut chain = ChainState::open(Arc::new(presets::regtest()), &config).unwrap();
    for block in blocks {
        chain.submit_block(block.clone(), BlockTime::new(2_000_000_000)).unwrap();
    }
    chain.close().unwrap();
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    last_json(&output)
}

#[test]
fn a_node_begins_with_anothers_coins_and_checks_them_against_its_blocks() {
    let blocks = blocks(15);
    let (below, above) = blocks.split_at(12);
    let (first, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, headers) = (dir.path().join("coins.dat"), dir.path().join("headers.bin"));
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (other, own) = (path(first.path()), path(dir.path()));
    let (file_name, headers_name) = (path(&file), path(&headers));
    let at = |datadir: &str| ["--chain", "regtest", "--datadir", datadir, "--json"].map(str::to_owned);

    give(first.path(), below);
    let place = at(&other);
    let place: Vec<_> = place.iter().map(String::as_str).collect();
    let dump = json(&[&["snapshot", "dump", &file_name], &place[..]].concat());
    let base = below[11].hash().to_string();
    assert_eq!((dump["height"].as_u64(), dump["hash"].as_str()), (Some(12), Some(base.as_str())));
    assert_eq!(dump["coins"], 12);
    let again = run(&[&["snapshot", "dump", &file_name], &place[..]].concat());
    assert_eq!(again.status.code(), Some(1), "{}", stderr(&again));
    let raw: Vec<u8> = below.iter().flat_map(|block| block.header.to_array()).collect();
    std::fs::write(&headers, raw).unwrap();
    give(first.path(), above);

    let place = at(&own);
    let place: Vec<_> = place.iter().map(String::as_str).collect();
    let hash = dump["hash_serialized_3"].as_str().unwrap();
    let load = [&["snapshot", "load", &file_name, "--coins-hash", hash], &place[..]].concat();
    let early = run(&load);
    assert_eq!(early.status.code(), Some(1));
    assert!(stderr(&early).contains("import --headers"), "{}", stderr(&early));
    json(&[&["import", "--headers", &headers_name], &place[..]].concat());
    let blind = run(&[&["snapshot", "load", &file_name], &place[..]].concat());
    assert!(stderr(&blind).contains("--coins-hash"), "{}", stderr(&blind));
    let loaded = json(&load);
    assert_eq!((loaded["height"].as_u64(), loaded["coins"].as_u64()), (Some(12), dump["coins"].as_u64()));

    let start = |args: &[&str]| {
        let all = ["--chain", "regtest", "--datadir", &own, "--txindex", "--coinstatsindex"];
        Node::start(&[&all, args].concat())
    };
    let alone = start(&[]);
    let (_, status) = alone.get("/status");
    assert_eq!((status["height"].as_u64(), status["background"]["height"].as_u64()), (Some(12), Some(0)));
    assert_eq!(status["background"]["target"], 12);
    alone.signal("TERM");

    let mut whole = Node::start(&["--chain", "regtest", "--datadir", &other, "--listen", "127.0.0.1:0"]);
    let p2p = whole.wait_for_line(|line| line.starts_with("peers on "));
    let second = start(&["--connect", p2p.trim_start_matches("peers on ")]);
    wait_until("the tip of the other node, and all blocks below checked", || {
        let (_, status) = second.get("/status");
        status["height"].as_u64() == Some(15) && status["background"].is_null()
    });
    assert_eq!(second.get("/status").1["best_hash"], above[2].hash().to_string());
    wait_until("the indexes over all blocks", || {
        let (_, status) = second.get("/status");
        status["indexes"].as_array().unwrap().iter().all(|index| index["height"].as_u64() == Some(15))
    });
    let (status, block) = second.get("/block/3");
    assert_eq!((status, block["height"].as_u64()), (200, Some(3)));
    assert!(second.signal("TERM").0.success());
    assert!(whole.signal("TERM").0.success());
    assert!(!dir.path().join("regtest/coins-background").exists());
    // Both nodes have the same coins, one having begun with them.
    let stats = |datadir: &str| {
        let place = at(datadir);
        let place: Vec<_> = place.iter().map(String::as_str).collect();
        json(&[&["db", "stats"], &place[..]].concat())["coins"].clone()
    };
    assert_eq!(stats(&own), stats(&other));
    assert_eq!(json(&[&["db", "check", "--deep"], &place[..]].concat())["ok"], true);
}
