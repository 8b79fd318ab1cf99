//! Each endpoint, asked rightly and wrongly.

use std::sync::atomic::Ordering;

use cairn_primitives::{Amount, Height, hex, merkle};
use cairn_rpc::{BlockId, ClientError, MineRequest, NodeApi, Page, SendRequest, SubmitRequest};
use serde_json::json;

use crate::fake::{GENESIS, GENESIS_HASH, GENESIS_TXID, address};
use crate::same;
use crate::wire::TestServer;

#[test]
fn status_has_every_field_and_the_ticker() {
    let server = TestServer::start();
    same!(server, status());
    let status = server.get("/status").json();
    let names = [
        "version",
        "network",
        "height",
        "headers",
        "best_hash",
        "ibd",
        "progress",
        "difficulty",
        "bits_hex",
        "chain_work",
        "mempool",
        "peers",
        "supply_fake",
        "block_reward",
        "next_halving",
        "miner",
        "uptime_s",
        "ts",
    ];
    let mut got: Vec<&String> = status.as_object().unwrap().keys().collect();
    let mut expected = names.to_vec();
    got.sort();
    expected.sort_unstable();
    assert_eq!(got, expected);
    assert_eq!(status["height"], 11);
    assert_eq!(status["supply_fake"].as_f64(), Some(600.0));
    assert_eq!(status["bits_hex"], "1d00ffff");
    let miner: Vec<&String> = status["miner"].as_object().unwrap().keys().collect();
    assert_eq!(
        miner,
        ["blocks_found", "hashrate", "hashrate_hps", "mining", "threads", "total_hashes"],
        "serde_json sorts keys"
    );
    let text = String::from_utf8(server.get("/status").body).unwrap();
    assert!(text.contains("\"supply_fake\":600.00000000,"), "all digits are written: {text}");
    // Twelve blocks of the vito spec's published work each.
    assert_eq!(status["chain_work"], format!("{:064x}", 12u64 * 4_295_032_833));
}

#[test]
fn supply_spec_chain_and_mining_status_are_the_nodes_own() {
    let server = TestServer::start();
    let supply = same!(server, supply());
    assert_eq!(supply.max_supply.value.unwrap().to_string(), "20999999.9769");
    let supply = server.get("/supply").json();
    assert_eq!(supply["circulating_satoshi"], 60_000_000_000_u64);
    assert_eq!(supply["current_subsidy_fake"].as_f64(), Some(50.0));
    same!(server, spec());
    assert_eq!(server.get("/spec").json()["chain"]["ticker"], "FAKE");
    same!(server, chain());
    same!(server, mining_status());
    assert_eq!(server.get("/mining/status").json()["hashrate"], "7.21 MH/s");
    assert_eq!(server.get("/health").json(), json!({"status": "ok"}));
}

#[test]
fn readiness_is_told_by_status_too() {
    let server = TestServer::start();
    assert_eq!(server.get("/ready").status, 200);
    same!(server, readiness());
    server.node.ready.store(false, Ordering::SeqCst);
    let answer = server.get("/ready");
    assert_eq!((answer.status, answer.json()["ready"].clone()), (503, json!(false)));
    same!(server, readiness());
}

#[test]
fn blocks_are_paged_from_the_tip() {
    let server = TestServer::start();
    let page = same!(server, blocks(Page::default()));
    assert_eq!((page.total, page.blocks.len()), (12, 10));
    assert_eq!(page.blocks[0].height, Height::new(11));
    let last = same!(server, blocks(Page::new(100, 10).unwrap()));
    assert_eq!(last.blocks.last().unwrap().hash.to_string(), GENESIS_HASH);
    assert_eq!(last.blocks.len(), 2);
    assert!(same!(server, blocks(Page::new(1, u64::MAX).unwrap())).blocks.is_empty());
    assert_eq!(server.get("/blocks?limit=100&offset=0").json()["limit"], 100);
    assert_eq!(server.get("/blocks?limit=&offset=").json()["limit"], 10);
    for query in [
        "limit=101",
        "limit=0",
        "limit=-1",
        "limit=x",
        "offset=-1",
        "offset=1e3",
        "limit=1&limit=2",
        "page=1",
        "%ff=1",
    ] {
        assert_eq!(server.get(&format!("/blocks?{query}")).error(400), "bad-query", "{query}");
    }
}

#[test]
fn a_block_is_found_by_height_and_by_hash() {
    let server = TestServer::start();
    let genesis = server.get("/block/0").json();
    assert_eq!(genesis, server.get(&format!("/block/{GENESIS_HASH}")).json());
    assert_eq!(genesis["hash"], GENESIS_HASH);
    assert_eq!(
        genesis["header"],
        json!({
            "version": 1, "prev_hash": "0".repeat(64), "merkle_root": GENESIS_TXID, "timestamp": 1_231_006_505,
            "bits": 0x1d00_ffff, "bits_hex": "1d00ffff", "nonce": 2_083_236_893, "difficulty": 1.0
        })
    );
    assert_eq!((&genesis["size"], &genesis["weight"]), (&json!(285), &json!(1140)));
    assert_eq!(genesis["work"], format!("{:064x}", 4_295_032_833_u64));
    assert_eq!((&genesis["tx_count"], &genesis["confirmations"]), (&json!(1), &json!(12)));
    let tx = &genesis["transactions"][0];
    assert_eq!(
        (&tx["txid"], &tx["fee"], &tx["inputs"][0]["txid"]),
        (&json!(GENESIS_TXID), &json!(null), &json!(null))
    );
    let output = &tx["outputs"][0];
    assert_eq!((&output["value"], &output["type"]), (&json!(5_000_000_000_u64), &json!("pubkey")));
    assert_eq!((output["value_fake"].as_f64(), &output["address"]), (Some(50.0), &json!(null)));

    let block = same!(server, block(BlockId::Height(Height::new(5))));
    assert_eq!(block.transactions.len(), 2);
    assert_eq!(block.transactions[1].fee, Some(Amount::from_sat(1_000)));
    assert_eq!(block.transactions[1].inputs[0].witness, ["010203", ""]);
    assert_eq!(block.transactions[1].inputs[0].address, Some(address(1)));
    same!(server, block(BlockId::Hash(block.summary.hash)));

    server.node.reorg(1, 2);
    let stale = server.node.chain().unwrap().tips[1].hash;
    assert_eq!(same!(server, block(BlockId::Hash(stale))).summary.confirmations, -1);
}

#[test]
fn block_names_that_are_none_are_refused() {
    let server = TestServer::start();
    let filter = same!(server, block_filter(BlockId::Height(Height::new(5))));
    assert_eq!(filter.filter, "019dfca8");
    assert_eq!(server.get("/block/x/filter").error(400), "bad-path");
    assert_eq!(server.get("/block/12").error(404), "block-not-found");
    assert_eq!(server.get("/block/4294967295").error(404), "block-not-found");
    assert_eq!(server.get(&format!("/block/{}", "f".repeat(64))).error(404), "block-not-found");
    for name in ["-1", "+1", "4294967296", "x", "1.0", "%20", "%00", &"g".repeat(64), &"f".repeat(63), "0x10"]
    {
        assert_eq!(server.get(&format!("/block/{name}")).error(400), "bad-path", "{name}");
    }
    assert_eq!(server.get("/block/%ff").error(400), "bad-path");
    for path in ["/block", "/block/", "/block/1/2"] {
        assert_eq!(server.get(path).error(404), "unknown-route", "{path}");
    }
    let upper = GENESIS_HASH.to_uppercase();
    assert_eq!(server.get(&format!("/block/{upper}")).json()["hash"], GENESIS_HASH);
}

#[test]
fn transactions_and_their_proofs() {
    let server = TestServer::start();
    let block = server.node.block_at(7);
    for (pos, tx) in block.transactions.iter().enumerate() {
        let info = same!(server, transaction(tx.txid()));
        let hex = SendRequest::new(tx).raw_tx;
        assert_eq!(info.hex, hex);
        let info = info.info;
        assert_eq!((info.status.height, info.status.confirmations), (Some(Height::new(7)), 5));
        assert_eq!((info.wtxid, info.vsize), (tx.wtxid(), tx.vsize()));
        let proof = same!(server, transaction_proof(tx.txid()));
        assert_eq!(proof.header_hex.len(), 160);
        let branch: Vec<[u8; 32]> = proof.merkle.iter().map(|hash| hash.to_bytes()).collect();
        let root = merkle::root_from_branch(tx.txid().to_bytes(), &branch, pos);
        assert_eq!(root, block.header.merkle_root.to_bytes());
    }
    assert_eq!(server.get(&format!("/tx/{}", "0".repeat(64))).error(404), "tx-not-found");
    assert_eq!(server.get(&format!("/tx/{}/proof", "0".repeat(64))).error(404), "tx-not-found");
    for txid in ["0", "x", &"g".repeat(64), &"0".repeat(65), "%fe"] {
        assert_eq!(server.get(&format!("/tx/{txid}")).error(400), "bad-path", "{txid}");
        assert_eq!(server.get(&format!("/tx/{txid}/proof")).error(400), "bad-path", "{txid}");
    }
}

#[test]
fn addresses_hold_coins_and_a_history() {
    let server = TestServer::start();
    let one = same!(server, balance(&address(1)));
    // Eleven coinbases, of which blocks 3 to 11 spent the one before.
    assert_eq!(one.balance_satoshi, Amount::from_sat(2 * 5_000_000_000));
    assert_eq!((one.utxo_count, one.immature_satoshi), (2, one.balance_satoshi));
    let two = server.get(&format!("/balance/{}", address(2))).json();
    assert_eq!(two["balance_satoshi"], 9 * 4_999_999_000_u64);
    assert_eq!(two["balance_fake"].as_f64(), Some(449.99991));
    assert_eq!((&two["immature_satoshi"], &two["unconfirmed_satoshi"]), (&json!(0), &json!(0)));

    let utxos = same!(server, utxos(&address(2), Page::new(4, 5).unwrap()));
    assert_eq!((utxos.total, utxos.utxos.len()), (9, 4));
    assert!(same!(server, utxos(&address(3), Page::default())).utxos.is_empty());
    let history = same!(server, history(&address(1), Page::new(2, 0).unwrap()));
    assert_eq!((history.total, history.history.len()), (20, 2));
    assert_eq!(history.history[0].height, Some(Height::new(11)));
    for path in ["/utxo", "/address"] {
        let bad = format!("{path}/{}?limit=101", address(1));
        assert_eq!(server.get(&bad).error(400), "bad-query");
    }
}

#[test]
fn foreign_addresses_are_refused() {
    let server = TestServer::start();
    let bitcoin = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
    for text in
        ["x", bitcoin, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", &"V".repeat(5000), "%20", "a%2Fb"]
    {
        for path in ["balance", "utxo", "address"] {
            assert_eq!(server.get(&format!("/{path}/{text}")).error(400), "bad-address", "{path} {text}");
        }
    }
    assert_eq!(server.get("/balance/%ff").error(400), "bad-path");
    assert_eq!(server.get("/mining/template?address=x").error(400), "bad-address");
    match server.client().balance("a/../b ?é") {
        Err(ClientError::Refused { status: 400, body }) => assert_eq!(body.code, "bad-address"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_an_index_its_endpoints_say_so() {
    let server = TestServer::start();
    server.node.indexed.store(false, Ordering::SeqCst);
    let tx = format!("/tx/{GENESIS_TXID}");
    for path in
        [&tx, &format!("{tx}/proof"), &format!("/balance/{}", address(1)), &format!("/utxo/{}", address(1))]
    {
        assert_eq!(server.get(path).error(501), "index-disabled");
    }
    assert_eq!(server.get("/block/1/filter").error(501), "index-disabled");
    let answer = server.get(&format!("/address/{}", address(1)));
    assert!(answer.json()["error"].as_str().unwrap().contains("--addrindex"), "{answer:?}");
}

#[test]
fn templates_are_mined_and_submitted() {
    let server = TestServer::start();
    let bare = same!(server, mining_template(None));
    assert_eq!((bare.coinbase_hex, bare.block_hex), (None, None));
    assert_eq!(server.get("/mining/template?address=").status, 200);
    assert_eq!(server.get("/mining/template?addr=x").error(400), "bad-query");
    let template = same!(server, mining_template(Some(&address(1))));
    assert_eq!(template.transactions[0].fee, Amount::from_sat(1_000));
    let request = SubmitRequest { block_hex: template.block_hex.unwrap() };
    let submission = server.client().submit_block(&request).unwrap();
    assert!(submission.accepted);
    assert_eq!((submission.height, server.node.height()), (Some(Height::new(12)), Height::new(12)));

    let stale = server.client().submit_block(&SubmitRequest { block_hex: GENESIS.to_owned() }).unwrap();
    assert_eq!((stale.accepted, stale.reason.as_deref()), (false, Some("prev-blk-not-found")));
    assert_eq!(stale.hash.to_string(), GENESIS_HASH);
    for block_hex in ["", "zz", "00", &hex::encode(&[7; 200])] {
        let body = json!({ "block_hex": block_hex }).to_string();
        assert_eq!(server.post("/mining/submit", &body).error(400), "bad-parameter", "{block_hex}");
    }
    for body in ["", "{", "[]", "null", "{}", r#"{"block_hex":1}"#, r#"{"block_hex":"","x":1}"#, "\u{0}"] {
        assert_eq!(server.post("/mining/submit", body).error(400), "bad-json", "{body}");
    }
}

#[test]
fn what_does_not_exist_is_not_there() {
    let server = TestServer::start();
    for path in [
        "/mempool/",
        "/fee",
        "/peers/1",
        "/nothing",
        "/status/",
        "//status",
        "/Status",
        "/assets/",
        "/%2e%2e/x",
    ] {
        assert_eq!(server.get(path).error(404), "unknown-route", "{path}");
    }
    for path in ["/tx", "/mempool", "/peers", "/wallet", "/"] {
        let answer = server.post(path, "{}");
        assert!([404, 405].contains(&answer.status), "{path}: {answer:?}");
        answer.json();
    }
    for path in ["/market", "/market/price", "/market/volume"] {
        assert_eq!(server.get(path).error(501), "no-price-source");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let server = TestServer::start();
    for (method, path, allow) in [
        ("POST", "/status", "GET,HEAD"),
        ("DELETE", "/block/1", "GET,HEAD"),
        ("OPTIONS", "/mine", "POST"),
        ("GET", "/mine", "POST"),
        ("GET", "/stop", "POST"),
        ("PUT", "/mining/submit", "POST"),
        ("BREW", "/status", "GET,HEAD"),
    ] {
        let answer = server.ask(method, path, &[], b"");
        assert_eq!(answer.error(405), "method-not-allowed", "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn metrics_count_requests_and_tell_the_chain() {
    let server = TestServer::start();
    server.get("/block/1");
    server.get("/block/99");
    server.get("/nothing/at/all");
    let answer = server.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    for line in [
        r#"cairn_http_requests_total{method="GET",route="/block/{id}",status="200"} 1"#,
        r#"cairn_http_requests_total{method="GET",route="/block/{id}",status="404"} 1"#,
        r#"cairn_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        "cairn_chain_height 11",
        "cairn_peers 2",
        "cairn_miner_hashes_total 123456",
        "# TYPE cairn_chain_height gauge",
    ] {
        assert!(answer.text().lines().any(|got| got == line), "no {line} in\n{}", answer.text());
    }
    let open = answer.text().lines().find_map(|line| line.strip_prefix("cairn_http_connections "));
    assert!(open.unwrap().parse::<f64>().unwrap() >= 1.0, "this connection at least is open");
}

#[test]
fn mining_on_order_has_its_bounds() {
    let server = TestServer::start();
    let order = |blocks: u32| json!({ "address": address(1), "blocks": blocks }).to_string();
    let mined = server.post_admin("/mine", &order(3)).json();
    assert_eq!((&mined["requested"], &mined["mined"], &mined["height"]), (&json!(3), &json!(3), &json!(14)));
    assert_eq!(mined["hashes"][2], server.node.block_at(14).hash().to_string());
    assert_eq!(server.post_admin("/mine", &order(0)).error(400), "bad-parameter");
    assert_eq!(server.post_admin("/mine", &order(MineRequest::BLOCKS_MAX + 1)).error(400), "bad-parameter");
    assert_eq!(server.post_admin("/mine", &order(MineRequest::BLOCKS_MAX)).json()["mined"], 1000);
    for body in ["", "{}", r#"{"address":"x","blocks":-1}"#, r#"{"address":"x","blocks":4294967296}"#] {
        assert_eq!(server.post_admin("/mine", body).error(400), "bad-json", "{body}");
    }
    assert_eq!(server.post_admin("/mine", r#"{"address":"x","blocks":1}"#).error(400), "bad-address");
}
