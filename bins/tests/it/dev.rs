//! `cairn-node --dev`, as the README promises it.

use std::time::Duration;

use crate::support::{Node, http, raw_http, run, stderr};

/// The promise of the README: ten blocks within this time of starting.
const TEN_BLOCKS: Duration = Duration::from_secs(120);

fn start(dir: &std::path::Path) -> Node {
    Node::start(&["--dev", "--datadir", dir.to_str().unwrap()])
}

#[test]
fn mines_ten_blocks_and_goes_on_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    let before = node.wait_for_height(10, TEN_BLOCKS);
    let (status, body) = node.get("/status");
    assert_eq!(status, 200);
    assert_eq!(body["network"], "dev");
    assert_eq!(body["miner"]["mining"], true);
    let tenth = node.get("/block/10").1["hash"].clone();
    assert!(tenth.is_string(), "block 10 is there: {tenth}");
    node.kill();

    let node = start(dir.path());
    let after = node.height();
    assert!(after + 1 >= before, "height {after} after the kill, it was {before}");
    assert_eq!(node.get("/block/10").1["hash"], tenth, "the chain is the same one");
    node.wait_for_height(before + 2, TEN_BLOCKS);
}

#[test]
fn prints_a_line_for_each_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start(dir.path());
    for height in 1..=3 {
        let line = node.wait_for_line(|line| line.contains("block"));
        assert!(line.contains(&format!("block {height} ")), "{line:?}");
    }
}

#[test]
fn both_signals_stop_it_without_waiting() {
    for signal in ["INT", "TERM"] {
        let dir = tempfile::tempdir().unwrap();
        let node = start(dir.path());
        node.wait_for_height(1, TEN_BLOCKS);
        let (status, took) = node.signal(signal);
        assert!(status.success(), "SIG{signal}: {status}");
        // Five seconds are promised on a machine that does nothing else; the longest wait inside has a minute.
        assert!(took < Duration::from_secs(30), "SIG{signal} took {took:?}");
    }
}

#[test]
fn a_second_node_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    let path = dir.path().to_str().unwrap();
    let second = run(&["--dev", "--datadir", path, "--rpc-bind", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    let message = stderr(&second);
    assert!(message.contains("another process"), "{message}");
    assert!(message.contains(path), "{message}");
    drop(node);
}

#[test]
fn a_port_in_use_is_named() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let node = start(dirs[0].path());
    let second =
        run(&["--dev", "--datadir", dirs[1].path().to_str().unwrap(), "--rpc-bind", &node.addr.to_string()]);
    assert_eq!(second.status.code(), Some(1));
    let message = stderr(&second);
    assert!(message.contains(&node.addr.port().to_string()) && message.contains("--rpc-bind"), "{message}");
}

#[test]
fn status_and_stop_talk_to_the_running_node() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    node.wait_for_height(1, TEN_BLOCKS);
    let url = format!("http://{}", node.addr);
    let status = run(&["status", "--url", &url, "--json"]);
    assert!(status.status.success(), "{}", stderr(&status));
    assert_eq!(crate::support::last_json(&status)["network"], "dev");
    let plain = run(&["status", "--url", &url]);
    assert!(crate::support::stdout(&plain).contains("height"), "{}", crate::support::stdout(&plain));

    let stop = run(&["stop", "--url", &url, "--datadir", dir.path().to_str().unwrap()]);
    assert!(stop.status.success(), "{}", stderr(&stop));
    assert!(node.wait().success());
    let gone = run(&["status", "--url", &url]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains(&url), "{}", stderr(&gone));
}

#[test]
fn stop_without_the_token_is_refused() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let node = start(dirs[0].path());
    let url = format!("http://{}", node.addr);
    let stop = run(&["stop", "--url", &url, "--datadir", dirs[1].path().to_str().unwrap()]);
    assert_eq!(stop.status.code(), Some(1));
    assert_eq!(http(node.addr, "POST /stop HTTP/1.1", "").0, 401);
    assert_eq!(node.get("/health").0, 200);
}

#[test]
fn the_admin_token_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _node = start(dir.path());
    let token = dir.path().join("dev/admin-token");
    assert_eq!(std::fs::metadata(token).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn mined_coins_are_seen_at_the_address_that_earned_them() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    // An index answers as of the last commit: by the fourth block the third is in it.
    node.wait_for_height(4, TEN_BLOCKS);
    let block = node.get("/block/2").1;
    let coinbase = &block["transactions"][0];
    assert_eq!(coinbase["is_coinbase"], true);
    let output = &coinbase["outputs"][0];
    let address = output["address"].as_str().expect("the coinbase pays an address");
    let balance = node.get(&format!("/balance/{address}")).1;
    assert!(
        balance["immature_satoshi"].as_u64().unwrap() >= 3 * output["value"].as_u64().unwrap(),
        "{balance}"
    );
    let txid = coinbase["txid"].as_str().unwrap();
    assert_eq!(node.get(&format!("/tx/{txid}")).1["status"]["height"], 2);
    let proof = node.get(&format!("/tx/{txid}/proof")).1;
    assert_eq!(proof["pos"], 0);
}

#[test]
fn the_page_and_every_read_endpoint_answer() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    node.wait_for_height(2, TEN_BLOCKS);
    let (status, page) = http(node.addr, "GET / HTTP/1.1", "");
    assert_eq!(status, 200);
    assert!(page.contains("<html"), "{page}");
    for path in
        ["/supply", "/blocks?limit=2", "/block/1", "/chain", "/mining/status", "/mining/template", "/spec"]
    {
        let (status, body) = node.get(path);
        assert_eq!(status, 200, "{path}: {body}");
    }
    for path in ["/health", "/ready", "/metrics", "/openapi.json"] {
        assert_eq!(node.get(path).0, 200, "{path}");
    }
    assert_eq!(node.get("/market").0, 501);
    let supply = node.get("/supply").1;
    assert!(
        supply
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.starts_with("circulating_") && key != "circulating_satoshi")
    );
}

#[test]
fn bad_requests_get_an_error_and_the_node_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    for (path, expected) in [
        ("/block/99999999", 404),
        ("/block/xyz", 400),
        ("/blocks?limit=101", 400),
        ("/nothing", 404),
        ("/balance/x", 400),
    ] {
        let (status, body) = node.get(path);
        assert_eq!(status, expected, "{path}: {body}");
        assert!(body["error"].is_string() && body["code"].is_string(), "{path}: {body}");
    }
    assert_eq!(raw_http(node.addr, "\u{1}\u{2} nonsense\r\n\r\n").0, 400);
    assert_eq!(node.get("/health").0, 200);
}

#[test]
fn events_are_streamed_and_resume_where_the_reader_left_off() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    node.wait_for_height(2, TEN_BLOCKS);
    let first = crate::support::events(node.addr, "/events?types=block&since=0", 2);
    assert_eq!(first[0]["height"], 1);
    assert_eq!(first[1]["height"], 2);
    let resumed = crate::support::events(node.addr, "/events?types=block&since=1", 2);
    assert_eq!(resumed[0], first[1]);
    assert_eq!(resumed[1]["prev_hash"], resumed[0]["hash"]);
}

#[test]
fn a_mined_block_can_be_asked_for_and_a_bad_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path());
    node.wait_for_height(1, TEN_BLOCKS);
    let token = std::fs::read_to_string(dir.path().join("dev/admin-token")).unwrap();
    let address =
        node.get("/block/1").1["transactions"][0]["outputs"][0]["address"].as_str().unwrap().to_owned();
    let body = format!("{{\"address\":\"{address}\",\"blocks\":3}}");
    let request = format!(
        "POST /mine HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        node.addr,
        token.trim(),
        body.len()
    );
    let (status, answer) = raw_http(node.addr, &request);
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["mined"], 3, "{answer}");

    // A template's block has no proof of work yet: most nonces fail, and the node says why.
    let template = node.get(&format!("/mining/template?address={address}")).1;
    let mut block = template["block_hex"].as_str().unwrap().to_owned();
    block.replace_range(72..136, &"ab".repeat(32));
    let body = format!("{{\"block_hex\":\"{block}\"}}");
    let (status, answer) =
        http(node.addr, "POST /mining/submit HTTP/1.1\r\nContent-Type: application/json", &body);
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["accepted"], false, "{answer}");
    assert!(["high-hash", "bad-txnmrklroot"].contains(&answer["reason"].as_str().unwrap()), "{answer}");
}
