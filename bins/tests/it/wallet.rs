//! `cairn-wallet` and the wallet of `--dev`: real payments between real programs.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::miner::{mine, somebody};
use crate::network::{Peer, eventually};
use crate::support::{Node, http, last_json, program, stderr, stdout};

const COIN: u64 = 100_000_000;
const BITCOIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

/// A data directory with wallets, and the node they ask.
struct Purse<'a> {
    dir: tempfile::TempDir,
    chain: &'static str,
    node: &'a Node,
}

impl<'a> Purse<'a> {
    fn new(node: &'a Node) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), chain: "mini", node }
    }

    /// Runs a command on a wallet whose passphrase is `secret`.
    fn run(&self, wallet: &str, args: &[&str]) -> Output {
        run(self.dir.path(), self.chain, self.node, wallet, Some("secret"), args)
    }

    fn json(&self, wallet: &str, args: &[&str]) -> Value {
        last_json(&self.ok(wallet, &[args, &["--json"]].concat()))
    }

    fn ok(&self, wallet: &str, args: &[&str]) -> Output {
        let output = self.run(wallet, args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        output
    }

    fn fails(&self, wallet: &str, args: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(wallet, args);
        assert_failed(&output, code, parts);
    }

    fn history(&self, wallet: &str) -> Vec<Value> {
        let output = self.ok(wallet, &["history", "--json"]);
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn run(dir: &Path, chain: &str, node: &Node, wallet: &str, secret: Option<&str>, args: &[&str]) -> Output {
    let mut command = program(env!("CARGO_BIN_EXE_cairn-wallet"));
    command.args(["--datadir", dir.to_str().unwrap(), "--chain", chain, "--wallet", wallet]);
    command.args(["--node", &format!("http://{}", node.addr)]).args(args).stdin(Stdio::null());
    if let Some(secret) = secret {
        command.env("CAIRN_PASSPHRASE", secret);
    }
    command.output().unwrap()
}

fn assert_failed(output: &Output, code: i32, parts: &[&str]) {
    let message = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    let errors = message.lines().filter(|line| line.starts_with("error: ")).count();
    assert!(errors == 1 && !message.contains("panicked"), "{message}");
}

fn indexed_node(dir: &Path) -> Node {
    Node::start(&["--chain", "mini", "--datadir", dir.to_str().unwrap(), "--txindex", "--addrindex"])
}

#[test]
fn a_payment_reaches_the_other_wallet_and_the_words_bring_all_of_it_back_elsewhere() {
    let first = Peer::start(&[]);
    let purse = Purse::new(&first.node);
    let made = purse.json("payer", &["create"]);
    assert_eq!(made["mnemonic"].as_str().unwrap().split(' ').count(), 12);
    let to = purse.json("payee", &["create", "--words", "24", "--purpose", "86"]);
    assert_eq!(to["mnemonic"].as_str().unwrap().split(' ').count(), 24);
    let to = to["address"].as_str().unwrap();
    mine(&first.node, made["address"].as_str().unwrap(), 12);

    // Ten blocks make a coinbase mature: the next block may spend those of 1 to 3.
    let balance = purse.json("payer", &["balance"]);
    assert_eq!(balance["balance_satoshi"], 150 * COIN, "{balance}");
    assert_eq!((&balance["immature_satoshi"], &balance["height"]), (&json!(450 * COIN), &json!(12)));
    let short =
        ["insufficient funds", "150.00000000 MINI can be spent", "450.00000000 MINI more", "not mature"];
    purse.fails("payer", &["send", to, "500"], 1, &short);

    let dry = purse.json("payer", &["send", to, "120.5", "--fee-rate", "3", "--dry-run"]);
    assert_eq!((&dry["sent"], &dry["txid"]), (&json!(false), &Value::Null));
    let sent = purse.json("payer", &["send", to, "120.5", "--fee-rate", "3"]);
    let fee = sent["fee"].as_u64().unwrap();
    assert!(fee >= 3 * sent["vsize"].as_u64().unwrap(), "{sent}");
    assert_eq!(sent["change"], 150 * COIN - 12_050_000_000 - fee, "{sent}");
    assert_eq!(first.node.get("/mempool").1["transactions"][0]["txid"], sent["txid"]);
    assert_eq!(purse.history("payee")[0]["confirmations"], 0);
    purse.fails(
        "payee",
        &["send", &somebody(), "1"],
        1,
        &["insufficient funds", "120.50000000", "unconfirmed"],
    );

    let bumped = purse.json("payer", &["bump", sent["txid"].as_str().unwrap(), "--fee-rate", "10"]);
    let fee = bumped["fee"].as_u64().unwrap();
    assert_eq!(bumped["replaces"], sent["txid"], "{bumped}");

    mine(&first.node, &somebody(), 1);
    let received = purse.history("payee");
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!((&received[0]["txid"], &received[0]["height"]), (&bumped["txid"], &json!(13)));
    assert_eq!(purse.json("payee", &["balance"])["balance_satoshi"], 12_050_000_000_u64);
    let paid = purse.history("payer");
    assert_eq!(paid.len(), 13);
    assert_eq!(paid[0]["net_satoshi"].as_i64().unwrap(), -12_050_000_000 - i64::try_from(fee).unwrap());
    assert_eq!(paid[0]["counterparties"], json!([to]));

    // The same words on another machine, with another node.
    let second = Peer::start(&["--connect", &first.p2p.to_string()]);
    eventually("the second node follows", || second.tip() == first.tip());
    let elsewhere = Purse::new(&second.node);
    let words = elsewhere.dir.path().join("words");
    std::fs::write(&words, made["mnemonic"].as_str().unwrap()).unwrap();
    elsewhere.ok("payer", &["restore", "--words-file", words.to_str().unwrap()]);
    let balances = [&purse, &elsewhere].map(|purse| purse.json("payer", &["balance"]));
    assert_eq!(balances[0], balances[1]);
    assert_eq!(purse.history("payer"), elsewhere.history("payer"));
    assert_eq!(elsewhere.json("payer", &["backup"])["mnemonic"], made["mnemonic"]);
}

#[test]
fn a_watching_wallet_builds_what_another_signs() {
    let dir = tempfile::tempdir().unwrap();
    let node = indexed_node(dir.path());
    let purse = Purse::new(&node);
    let made = purse.json("cold", &["create"]);
    mine(&node, made["address"].as_str().unwrap(), 11);
    let dump = purse.json("cold", &["dump"]);
    assert!(dump["accounts"][0]["xprv"].is_null(), "{dump}");
    let xpub = dump["accounts"][0]["xpub"].as_str().unwrap();
    purse.ok("hot", &["import", "--xpub", xpub]);
    assert_eq!(purse.json("hot", &["balance"])["balance_satoshi"], 100 * COIN);
    purse.fails("hot", &["send", &somebody(), "1"], 1, &["watches only", "--psbt"]);

    let file = |name: &str| purse.dir.path().join(name).to_str().unwrap().to_owned();
    purse.ok("hot", &["send", &somebody(), "1", "--psbt", &file("psbt")]);
    assert_eq!(purse.run("cold", &["sign", &file("psbt")]).status.code(), Some(2), "nobody said yes");
    let signed = purse.ok("cold", &["sign", &file("psbt"), "--yes"]);
    std::fs::write(file("signed"), stdout(&signed)).unwrap();
    let sent = purse.json("hot", &["broadcast", &file("signed")]);
    assert_eq!(node.get("/mempool").1["transactions"][0]["txid"], sent["txid"]);

    // The addresses listed are those handed out or paid to.
    purse.ok("cold", &["balance"]);
    let secrets = purse.json("cold", &["dump", "--secrets", "--confirm-secrets"]);
    assert!(secrets["accounts"][0]["xprv"].is_string() && secrets["addresses"][0]["wif"].is_string());
    assert_eq!(purse.run("cold", &["dump", "--secrets"]).status.code(), Some(2));
    let listed = stdout(&purse.ok("cold", &["list"]));
    assert_eq!(listed, "cold\nhot  (watches only)\n");
}

#[test]
fn mistakes_are_named_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--chain", "mini", "--datadir", dir.path().to_str().unwrap()]);
    let purse = Purse::new(&node);
    purse.fails("one", &["balance"], 1, &["no wallet one", "create"]);
    purse.ok("one", &["create"]);
    purse.fails("one", &["create"], 1, &["exists", "--wallet"]);
    let path = purse.dir.path();
    let wrong = |secret, args: &[&str]| run(path, "mini", &node, "one", secret, args);
    assert_failed(&wrong(Some("other"), &["backup"]), 1, &["wrong passphrase"]);
    assert_failed(&wrong(None, &["backup"]), 2, &["passphrase", "CAIRN_PASSPHRASE"]);

    let words = purse.dir.path().join("words");
    let restore = ["restore", "--words-file", words.to_str().unwrap()];
    let good = "abandon ".repeat(11) + "about";
    for (text, part) in [
        (good.replacen("abandon abandon abandon", "abandon abandon abandom", 1), "word 3"),
        ("abandon ".repeat(12), "checksum"),
        ("abandon ".repeat(11), "not 11"),
    ] {
        std::fs::write(&words, text).unwrap();
        purse.fails("two", &restore, 1, &[part]);
        assert!(!stderr(&purse.run("two", &restore)).contains("abando"), "words are not repeated");
    }
    std::fs::write(&words, &good).unwrap();
    purse.ok("two", &restore);

    purse.fails("one", &["send", BITCOIN, "1"], 2, &["looks like", "bitcoin"]);
    purse.fails("one", &["send", "nonsense", "1"], 2, &["nonsense"]);
    purse.fails("one", &["send", &somebody(), "0.000000001"], 2, &["no amount"]);
    purse.fails("one", &["send", &somebody(), "1", "--fee-rate", "x"], 2, &["fee rate"]);
    purse.fails("../one", &["balance"], 2, &["no name for a wallet"]);
    purse.fails("one", &["balance"], 1, &["--txindex --addrindex"]);
    purse.fails("one", &["balance", "--node", "http://127.0.0.1:1"], 1, &["no node answers", "--node"]);
    purse.ok("one", &["balance", "--offline"]);
    let other = Purse { chain: "regtest", ..Purse::new(&node) };
    other.ok("one", &["create"]);
    other.fails("one", &["balance"], 1, &["chain mini", "chain regtest"]);
}

#[test]
fn the_wallet_of_a_private_chain_is_funded_pays_and_opens_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--dev", "--datadir", dir.path().to_str().unwrap()];
    let mut node = Node::start(&args);
    let line = node.wait_for_line(|line| line.starts_with("seed phrase (shown once): "));
    let words = line.split_once(": ").unwrap().1.to_owned();
    eventually("a mature coinbase", || node.get("/wallet/status").1["balance_satoshi"] != 0);
    let token = std::fs::read_to_string(dir.path().join("dev/admin-token")).unwrap();
    let own = |args: &[&str]| run(dir.path(), "dev", &node, "dev", None, args);
    let to = last_json(&own(&["address", "--json"]))["address"].as_str().unwrap().to_owned();
    let head = format!(
        "POST /wallet/send HTTP/1.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json",
        token.trim()
    );
    let pay = |address: &str, amount: u64| {
        let (status, body) =
            http(node.addr, &head, &json!({"address": address, "amount": amount}).to_string());
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (status, paid) = pay(&to, COIN);
    assert_eq!(status, 200, "{paid}");
    assert_eq!(pay(BITCOIN, COIN).0, 400);
    let (status, short) = pay(&to, u64::from(u32::MAX) * COIN / 1_000);
    assert_eq!((status, &short["code"]), (400, &json!("insufficient-funds")), "{short}");

    let known = |txid: &Value| {
        let history = own(&["history", "--json"]);
        assert!(history.status.success(), "{}", stderr(&history));
        stdout(&history).contains(txid.as_str().unwrap())
    };
    assert!(known(&paid["txid"]));
    let sent = own(&["send", &to, "2", "--json"]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(known(&last_json(&sent)["txid"]));
    assert_eq!(last_json(&own(&["backup", "--json"]))["mnemonic"], words);

    node.kill();
    let mut node = Node::start(&args);
    let line = node.wait_for_line(|line| line.starts_with("seed phrase") || line.starts_with("block "));
    assert!(line.starts_with("block "), "the words are shown once");
}
