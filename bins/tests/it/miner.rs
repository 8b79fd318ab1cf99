//! `cairn-miner` on a node elsewhere.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cairn_params::presets;
use cairn_primitives::Address;
use cairn_testkit::TestKey;
use serde_json::Value;

use crate::support::{Node, PATIENCE, program, stderr, stdout};

/// An address of the chain `mini`.
pub(crate) fn somebody() -> String {
    let address = Address::from_script(&TestKey::new(9).p2pkh()).expect("a standard script");
    address.encode(&presets::mini().address)
}

pub(crate) fn cairn_miner() -> Command {
    program(env!("CARGO_BIN_EXE_cairn-miner"))
}

/// Mines so many blocks to an address.
pub(crate) fn mine(node: &Node, address: &str, blocks: u64) {
    let (url, blocks) = (format!("http://{}", node.addr), blocks.to_string());
    let output = cairn_miner()
        .args(["--node", &url, "--address", address, "--blocks", &blocks])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

struct Running {
    child: Child,
    lines: Receiver<Value>,
    waits: usize,
}

impl Running {
    fn start(node: &Node) -> Self {
        let url = format!("http://{}", node.addr);
        let mut child = cairn_miner()
            .args(["--node", &url, "--address", &somebody(), "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, lines, waits: 0 }
    }

    fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let told = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {event} in time"));
            self.waits += usize::from(told["event"] == "waiting");
            if told["event"] == event {
                return told;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_outlives_a_restart_of_its_node_and_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--chain", "mini", "--datadir", dir.path().to_str().unwrap()];
    let node = Node::start(&args);
    let addr = node.addr;
    let mut miner = Running::start(&node);
    let block = miner.wait_for("block");
    assert_eq!(block["accepted"], true, "{block}");

    node.kill();
    miner.wait_for("waiting");
    let node = Node::start_at(addr, &args);
    let before = node.height();
    miner.wait_for("mining");
    let block = miner.wait_for("block");
    assert!(block["height"].as_u64().unwrap() > before, "{block} at height {before}");
    assert_eq!(miner.waits, 1, "said once");

    let start = Instant::now();
    let pid = miner.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(miner.child.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn it_stops_after_the_blocks_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--chain", "mini", "--datadir", dir.path().to_str().unwrap()]);
    mine(&node, &somebody(), 3);
    assert_eq!(node.height(), 3);
}

#[test]
fn an_address_of_another_chain_and_a_missing_one_are_bad_usage() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--chain", "mini", "--datadir", dir.path().to_str().unwrap()]);
    let url = format!("http://{}", node.addr);
    let foreign = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
    for (args, part) in [(&["--address", foreign][..], foreign), (&[], "--address")] {
        let output = cairn_miner().args(["--node", &url]).args(args).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}
