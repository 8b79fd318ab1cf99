//! Several nodes on loopback: they find each other, agree, and come to agree again after a cut and a kill.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_chainstate::{ChainState, ChainStateConfig};
use cairn_params::presets;
use cairn_primitives::{Encode, hash};
use cairn_testkit::TestKey;
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::support::{Node, PATIENCE, http, run};

/// A node of the chain `mini` that listens and keeps all indexes.
pub(crate) struct Peer {
    pub(crate) node: Node,
    pub(crate) p2p: SocketAddr,
    dir: tempfile::TempDir,
    args: Vec<String>,
}

fn start_in(dir: &Path, args: &[String]) -> (Node, SocketAddr) {
    let dir = dir.to_str().unwrap();
    let mut all = vec!["--chain", "mini", "--datadir", dir, "--txindex", "--addrindex"];
    all.extend(args.iter().map(String::as_str));
    let mut node = Node::start(&all);
    let p2p = node.wait_for_line(|line| line.starts_with("peers on "));
    let p2p = p2p.trim_start_matches("peers on ").parse().unwrap();
    (node, p2p)
}

impl Peer {
    pub(crate) fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args: Vec<String> =
            ["--listen", "127.0.0.1:0"].iter().chain(args).map(ToString::to_string).collect();
        let (node, p2p) = start_in(dir.path(), &args);
        Self { node, p2p, dir, args }
    }

    /// SIGKILL, and a start on the same data.
    fn kill_and_restart(self) -> Self {
        let Self { node, dir, args, .. } = self;
        node.kill();
        let (node, p2p) = start_in(dir.path(), &args);
        Self { node, p2p, dir, args }
    }

    /// The same node on the same data, which no longer mines.
    fn restart_without_mining(mut self) -> Self {
        let at = self.args.iter().position(|arg| arg == "--mine").expect("it mined");
        self.args.drain(at..at + 2);
        self.kill_and_restart()
    }

    /// Mines on this node and nowhere else, a block a request, so that no answer takes long.
    pub(crate) fn mine(&self, address: &str, blocks: u64) {
        let token = std::fs::read_to_string(self.dir.path().join("mini/admin-token")).unwrap();
        let line = format!(
            "POST /mine HTTP/1.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json",
            token.trim()
        );
        for _ in 0..blocks {
            let body = json!({"address": address, "blocks": 1}).to_string();
            let (status, body) = http(self.node.addr, &line, &body);
            assert_eq!(status, 200, "{body}");
            let mined: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(mined["mined"], 1, "{mined}");
        }
    }

    pub(crate) fn tip(&self) -> (u64, String) {
        let status = self.node.get("/status").1;
        (status["height"].as_u64().unwrap(), status["best_hash"].as_str().unwrap().to_owned())
    }

    /// Stops the node and hashes all its coins, each with its outpoint, in order.
    fn coin_set_hash(self) -> (u64, [u8; 32]) {
        let (status, _) = self.node.signal("TERM");
        assert!(status.success(), "{status}");
        let config = ChainStateConfig::new(self.dir.path().join("mini"));
        let chain = ChainState::open(Arc::new(presets::mini()), &config).unwrap();
        let coins = chain.reader().view().coins().unwrap();
        let mut bytes = Vec::new();
        for (outpoint, coin) in &coins {
            bytes.extend(outpoint.to_bytes());
            bytes.extend(coin.height.to_u32().to_le_bytes());
            bytes.push(u8::from(coin.coinbase));
            bytes.extend(coin.output.to_bytes());
        }
        (coins.len() as u64, hash::sha256d(&bytes))
    }
}

/// Waits until the condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE * 2;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn address(key: u64) -> String {
    let script = TestKey::new(key).p2pkh();
    let address = cairn_primitives::Address::from_script(&script).expect("a standard script");
    address.encode(&presets::mini().address)
}

fn agree(peers: &[&Peer]) {
    eventually("one tip on all nodes", || {
        let tips: Vec<_> = peers.iter().map(|peer| peer.tip()).collect();
        tips.windows(2).all(|pair| pair[0] == pair[1])
    });
}

/// Runs `cairn-wallet` on the chain `mini` against a node, and gives its last line as JSON.
fn wallet(dir: &Path, name: &str, node: &Peer, args: &[&str]) -> Value {
    let url = format!("http://{}", node.node.addr);
    let mut command = crate::support::program(env!("CARGO_BIN_EXE_cairn-wallet"));
    command.env("CAIRN_PASSPHRASE", "not for real coins");
    command.args([
        "--chain",
        "mini",
        "--datadir",
        dir.to_str().unwrap(),
        "--wallet",
        name,
        "--node",
        &url,
        "--json",
    ]);
    let output = command.args(args).stdin(Stdio::piped()).output().expect("the program starts");
    assert!(output.status.success(), "{args:?}: {}", crate::support::stderr(&output));
    crate::support::last_json(&output)
}

/// Runs `cairn-miner` until the node has taken so many blocks.
fn mine_from_outside(node: &Peer, address: &str, blocks: u64) {
    let url = format!("http://{}", node.node.addr);
    let mut command = crate::support::program(env!("CARGO_BIN_EXE_cairn-miner"));
    let output =
        command.args(["--node", &url, "--address", address, "--blocks", &blocks.to_string()]).output();
    let output = output.expect("the program starts");
    assert!(output.status.success(), "{}", crate::support::stderr(&output));
}

/// Where the transaction is, as a node sees it: `None` if nowhere, else whether it is in a block.
fn confirmed(node: &Peer, txid: &str) -> Option<bool> {
    let (status, body) = node.node.get(&format!("/tx/{txid}"));
    (status == 200).then(|| body["status"]["confirmed"] == true)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

#[test]
fn three_nodes_pay_and_agree_through_a_cut_and_kills() {
    let first = Peer::start(&[]);
    let second = Peer::start(&["--addnode", &first.p2p.to_string()]);
    let wire = Proxy::to(second.p2p);
    // It knows the others through the wire alone.
    let mut third = Peer::start(&["--connect", &wire.addr.to_string()]);
    eventually("a peer", || third.node.get("/status").1["peers"] == 1);

    let wallets = tempfile::tempdir().unwrap();
    let alice = text(&wallet(wallets.path(), "alice", &first, &["create"]), "address");
    let created = wallet(wallets.path(), "bob", &first, &["create"]);
    let (bob, words) = (text(&created, "address"), text(&created, "mnemonic"));
    mine_from_outside(&first, &alice, 12);
    agree(&[&first, &second, &third]);
    assert_eq!(third.tip().0, 12);

    // From wallet to wallet, and seen at the far end.
    let paid = text(&wallet(wallets.path(), "alice", &first, &["send", &bob, "1.5"]), "txid");
    eventually("the payment in the third pool", || confirmed(&third, &paid) == Some(false));
    mine_from_outside(&first, &alice, 1);
    eventually("the payment in a block", || confirmed(&third, &paid) == Some(true));

    // Cut off, the third node confirms a payment that the others do not know of.
    wire.cut();
    eventually("the cut", || third.node.get("/status").1["peers"] == 0);
    let lost = text(&wallet(wallets.path(), "alice", &third, &["send", &bob, "2"]), "txid");
    third.mine(&address(3), 1);
    assert_eq!((confirmed(&third, &lost), confirmed(&first, &lost)), (Some(true), None));
    first.mine(&address(2), 3);
    agree(&[&first, &second]);
    assert_eq!((first.tip().0, third.tip().0), (16, 14));

    wire.heal();
    agree(&[&first, &second, &third]);
    assert_eq!(third.tip().0, 16);
    let events = crate::support::events(third.node.addr, "/events?since=0&types=reorg", 1);
    assert_eq!(events[0]["fork_height"], 13);
    eventually("the payment back in a pool", || confirmed(&third, &lost) == Some(false));
    eventually("the payment in the first pool", || confirmed(&first, &lost) == Some(false));
    mine_from_outside(&first, &alice, 1);
    for node in [&first, &second, &third] {
        eventually("the payment in a block again", || confirmed(node, &lost) == Some(true));
    }
    restores_elsewhere(wallets.path(), &words, &second);

    // Killed in the middle of work, several times.
    for round in 0..3 {
        first.mine(&address(2), 1);
        third = third.kill_and_restart();
        eventually("a peer after the kill", || third.node.get("/status").1["peers"] != 0);
        agree(&[&first, &second, &third]);
        assert!(third.tip().0 >= 18 + round);
    }
    let coins: Vec<_> = [first, second, third].into_iter().map(Peer::coin_set_hash).collect();
    assert!(coins[0].0 > 16, "{} coins", coins[0].0);
    assert!(coins.windows(2).all(|pair| pair[0] == pair[1]), "{coins:?}");
}

/// Bob's words give the same balance and history on another machine, against another node.
fn restores_elsewhere(wallets: &Path, words: &str, node: &Peer) {
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("words");
    std::fs::write(&file, words).unwrap();
    wallet(other.path(), "restored", node, &["restore", "--words-file", file.to_str().unwrap()]);
    let balance = wallet(wallets, "bob", node, &["balance"]);
    assert_eq!(balance["total_satoshi"], 350_000_000, "{balance}");
    let restored = wallet(other.path(), "restored", node, &["balance"]);
    for field in ["balance_satoshi", "immature_satoshi", "unconfirmed_satoshi", "total_satoshi", "coins"] {
        assert_eq!(restored[field], balance[field], "{field}");
    }
    assert_eq!(
        wallet(other.path(), "restored", node, &["history"]),
        wallet(wallets, "bob", node, &["history"])
    );
}

#[test]
fn a_node_that_syncs_and_mines_survives_kills() {
    let first = Peer::start(&[]);
    first.mine(&address(1), 19);
    let mut late = Peer::start(&["--connect", &first.p2p.to_string(), "--mine", &address(2)]);
    for _ in 0..3 {
        late = late.kill_and_restart();
    }
    eventually("the chain of the other", || late.tip().0 >= 19);
    late = late.kill_and_restart();
    // Both go on; the miner may find one between two looks, so the two are compared at rest.
    let late = late.restart_without_mining();
    eventually("one tip", || first.tip() == late.tip());
    assert_eq!(first.coin_set_hash(), late.coin_set_hash());
}

#[test]
fn a_node_is_added_while_it_runs_and_listed() {
    let first = Peer::start(&[]);
    let second = Peer::start(&[]);
    assert_eq!(second.node.get("/peers"), (200, json!({"peers": []})));
    let url = format!("http://{}", second.node.addr);
    let datadir = second.dir.path().to_str().unwrap();
    let added = run(&["peers", "add", &first.p2p.to_string(), "--url", &url, "--datadir", datadir, "--json"]);
    assert!(added.status.success(), "{}", crate::support::stderr(&added));
    eventually("the new peer", || second.node.get("/status").1["peers"] == 1);
    let peer = second.node.get("/peers").1["peers"][0].clone();
    assert_eq!((&peer["addr"], &peer["inbound"]), (&json!(first.p2p.to_string()), &json!(false)));
    let listed = crate::support::stdout(&run(&["peers", "--url", &url]));
    assert!(listed.contains(&first.p2p.to_string()), "{listed}");
    let synced = run(&["sync", "--url", &url, "--datadir", datadir]);
    assert!(crate::support::stdout(&synced).contains("asked 1 peers"), "{synced:?}");
}
