//! The pool: its page, its transactions among those of the chain, sending, and its events.

use cairn_primitives::{Amount, Transaction};
use cairn_rpc::{
    ClientError, FeeRate, FeeSource, HttpConfig, MempoolEvent, NodeApi, Page, PoolEvent, SendRequest,
    TxRemoval, TxRemovedEvent,
};
use serde_json::json;

use crate::fake::{FakeNode, POOL_TIME, address, child, payment};
use crate::same;
use crate::wire::{Stream, TestServer};

/// Puts transactions with these fees into the pool; each spends the coinbase of another block to owner 5.
fn fill(node: &FakeNode, fees: &[u64]) -> Vec<Transaction> {
    let spent = |place: usize| node.height().to_u32() - place as u32;
    let sent: Vec<Transaction> =
        fees.iter().enumerate().map(|(place, fee)| payment(node, spent(place), 5, *fee)).collect();
    for tx in &sent {
        node.send_transaction(&SendRequest::new(tx)).unwrap();
    }
    sent
}

#[test]
fn the_pool_is_paged_from_the_best_fee_rate() {
    let server = TestServer::start();
    let empty = server.get("/mempool").json();
    assert_eq!(
        empty,
        json!({
            "count": 0, "vsize": 0, "total_fee": 0, "min_fee_rate": 1000, "limit": 10, "offset": 0,
            "transactions": []
        })
    );
    let sent = fill(&server.node, &[500, 900, 700]);
    let page = same!(server, mempool(Page::default()));
    let order: Vec<_> = page.transactions.iter().map(|tx| tx.txid).collect();
    assert_eq!(order, [sent[1].txid(), sent[2].txid(), sent[0].txid()]);
    assert_eq!((page.count, page.total_fee), (3, Amount::from_sat(2_100)));
    let second = same!(server, mempool(Page::new(1, 1).unwrap()));
    assert_eq!((second.count, second.transactions.len()), (3, 1), "totals are the pool's, not the page's");
    assert_eq!(second.transactions[0].txid, sent[2].txid());
    assert!(same!(server, mempool(Page::new(100, u64::MAX).unwrap())).transactions.is_empty());

    let first = &server.get("/mempool?limit=1").json()["transactions"][0];
    let tx = &sent[1];
    assert_eq!(
        first,
        &json!({
            "txid": tx.txid().to_string(), "wtxid": tx.wtxid().to_string(), "vsize": tx.vsize(),
            "weight": tx.weight().to_u64(), "fee": 900, "fee_rate": 900_000 / tx.vsize(), "time": POOL_TIME + 1,
            "ancestors": 1, "descendants": 1, "depends": []
        })
    );
    for query in ["limit=101", "limit=0", "offset=-1", "sort=fee"] {
        assert_eq!(server.get(&format!("/mempool?{query}")).error(400), "bad-query", "{query}");
    }
    assert_eq!(same!(server, status()).mempool, 3);
}

#[test]
fn a_transaction_that_rests_on_another_names_it() {
    let server = TestServer::start();
    let parent = fill(&server.node, &[500]).remove(0);
    let child = child(&parent, 6, 400);
    server.client().send_transaction(&SendRequest::new(&child)).unwrap();
    let page = same!(server, mempool(Page::default()));
    let entry = |tx: &Transaction| page.transactions.iter().find(|entry| entry.txid == tx.txid()).unwrap();
    assert_eq!((entry(&child).ancestors, entry(&child).depends.clone()), (2, vec![parent.txid()]));
    assert_eq!((entry(&parent).descendants, entry(&parent).depends.len()), (2, 0));
}

#[test]
fn fee_estimates_state_their_unit_and_source() {
    let server = TestServer::start();
    let estimate = same!(server, fee_estimate());
    assert!(estimate.fast >= estimate.standard && estimate.standard >= estimate.slow);
    assert_eq!((estimate.source, estimate.slow), (FeeSource::Mempool, FeeRate::from_sat_per_kvb(1_000)));
    let expected =
        json!({"slow": 1000, "standard": 1500, "fast": 20_000, "unit": "sat/kvB", "source": "mempool"});
    assert_eq!(server.get("/fee-estimate").json(), expected);
}

#[test]
fn what_was_sent_is_found_before_it_is_confirmed() {
    let server = TestServer::start();
    let tx = payment(&server.node, 9, 5, 1_000);
    let body = json!({ "raw_tx": SendRequest::new(&tx).raw_tx }).to_string();
    let sent = server.post("/tx/send", &body).json();
    assert_eq!(sent, json!({"txid": tx.txid().to_string(), "status": "accepted"}));

    let found = same!(server, transaction(tx.txid()));
    assert_eq!((found.info.fee, found.hex), (Some(Amount::from_sat(1_000)), SendRequest::new(&tx).raw_tx));
    let status = server.get(&format!("/tx/{}", tx.txid())).json()["status"].clone();
    assert_eq!(status, json!({"confirmed": false, "height": null, "block_hash": null, "confirmations": 0}));
    assert_eq!(server.get(&format!("/tx/{}/proof", tx.txid())).error(404), "tx-not-found");
    // The pool needs no index.
    server.node.indexed.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(server.get(&format!("/tx/{}", tx.txid())).status, 200);
    assert_eq!(server.get(&format!("/tx/{}", "f".repeat(64))).error(501), "index-disabled");
}

#[test]
fn addresses_show_what_is_unconfirmed_first() {
    let server = TestServer::start();
    let sent = fill(&server.node, &[500, 900]);
    let receiver = same!(server, history(&address(5), Page::default()));
    assert_eq!((receiver.balance.balance_satoshi, receiver.total), (Amount::ZERO, 2));
    let paid: u64 = sent.iter().map(|tx| tx.outputs()[0].value.to_sat()).sum();
    assert_eq!(receiver.balance.unconfirmed_satoshi, paid as i64);
    assert_eq!(receiver.history[0].txid, sent[1].txid(), "newest first");

    // Owner 1 has every coinbase of the chain and loses two of them.
    let sender = server.get(&format!("/address/{}?limit=3", address(1))).json();
    assert_eq!(sender["unconfirmed_satoshi"], -10_000_000_000_i64);
    let entries = sender["history"].as_array().unwrap();
    assert_eq!(
        entries[0],
        json!({
            "txid": sent[1].txid().to_string(), "height": null, "block_hash": null, "timestamp": POOL_TIME + 1,
            "confirmations": 0
        })
    );
    assert_eq!((&entries[1]["height"], &entries[2]["height"]), (&json!(null), &json!(11)));
    // A page begins and ends anywhere.
    let second = same!(server, history(&address(1), Page::new(2, 1).unwrap()));
    assert_eq!((second.history[0].txid, second.history[1].confirmations), (sent[0].txid(), 1));
}

#[test]
fn a_refused_transaction_is_told_which_rule() {
    let server = TestServer::start();
    let refused = |raw_tx: &str, code: &str, reason: &str| {
        let answer = server.post("/tx/send", &json!({ "raw_tx": raw_tx }).to_string());
        assert_eq!(answer.error(400), code, "{reason}");
        assert_eq!(answer.json()["reject_reason"], reason);
    };
    let tx = payment(&server.node, 9, 5, 1_000);
    let raw = SendRequest::new(&tx).raw_tx;
    for bad in ["", "zz", "0", "00", &raw[2..], &format!("{raw}00"), &raw[..raw.len() - 2]] {
        refused(bad, "bad-transaction", "tx-decode-failed");
    }
    refused(&"0".repeat(2 * SendRequest::TX_BYTES_MAX), "bad-transaction", "tx-decode-failed");
    refused(&"0".repeat(2 * SendRequest::TX_BYTES_MAX + 2), "rejected", "tx-size");

    refused(&SendRequest::new(&payment(&server.node, 9, 5, 1)).raw_tx, "rejected", "min relay fee not met");
    let orphan = SendRequest::new(&child(&tx, 6, 1_000));
    refused(&orphan.raw_tx, "rejected", "bad-txns-inputs-missingorspent");
    server.client().send_transaction(&SendRequest::new(&tx)).unwrap();
    match server.client().send_transaction(&SendRequest::new(&tx)) {
        Err(ClientError::Refused { status: 400, body }) => {
            assert_eq!(body.reject_reason.as_deref(), Some("txn-already-in-mempool"));
            assert_eq!(body.error, "refused: the transaction is in the pool");
        }
        other => panic!("{other:?}"),
    }
    for body in ["", "{}", "[]", r#"{"raw_tx":1}"#, r#"{"raw_tx":"","x":1}"#] {
        assert_eq!(server.post("/tx/send", body).error(400), "bad-json", "{body}");
    }
    let small = TestServer::with(HttpConfig { max_tx_body_bytes: 100, ..HttpConfig::default() });
    let padded = |length: usize| format!("{:<length$}", r#"{"raw_tx":"00"}"#);
    assert_eq!(small.post("/tx/send", &padded(100)).error(400), "bad-transaction");
    assert_eq!(small.post("/tx/send", &padded(101)).error(413), "body-too-large");
}

fn removed(tx: &Transaction) -> PoolEvent {
    PoolEvent::TxRemoved(TxRemovedEvent { txid: tx.txid(), reason: TxRemoval::SizeLimit })
}

#[test]
fn pool_events_come_live_and_without_an_id() {
    let server = TestServer::start();
    let mut stream = Stream::open(&server, "/events", None);
    assert_eq!(stream.expect("snapshot").id, Some(11));
    let tx = fill(&server.node, &[500]).remove(0);
    let sent = stream.expect("tx");
    assert_eq!(sent.id, None, "a reconnecting browser resumes at the last block");
    assert_eq!(
        sent.data,
        json!({
            "txid": tx.txid().to_string(), "wtxid": tx.wtxid().to_string(), "fee": 500, "vsize": tx.vsize(),
            "fee_rate": 500_000 / tx.vsize()
        })
    );
    server.node.tell_pool(removed(&tx));
    let gone = stream.expect("tx_removed");
    assert_eq!(gone.data, json!({"txid": tx.txid().to_string(), "reason": "sizelimit"}));
    let min_fee_rate = FeeRate::from_sat_per_kvb(1_234);
    server.node.tell_pool(PoolEvent::Mempool(MempoolEvent { count: 7, vsize: 900, min_fee_rate }));
    let pool = stream.expect("mempool");
    assert_eq!((pool.id, pool.data), (None, json!({"count": 7, "vsize": 900, "min_fee_rate": 1234})));
    server.node.extend(1);
    assert_eq!(stream.expect("block").id, Some(12));
    // Who resumes hears of the block and not of what was in no log.
    let mut late = Stream::open(&server, "/events?since=11", None);
    assert_eq!(late.expect("block").id, Some(12));
    server.node.extend(1);
    assert_eq!(late.expect("block").id, Some(13));
}

#[test]
fn pool_events_come_to_those_who_asked_for_them() {
    let server = TestServer::start();
    let mut blocks = Stream::open(&server, "/events?types=block", Some(11));
    let mut left = Stream::open(&server, "/events?types=tx_removed,block", Some(11));
    let tx = fill(&server.node, &[500]).remove(0);
    server.node.tell_pool(removed(&tx));
    assert_eq!(left.expect("tx_removed").data["reason"], "sizelimit");
    server.node.extend(1);
    assert_eq!(blocks.expect("block").id, Some(12));
}

#[test]
fn a_slow_subscriber_loses_pool_events_and_no_blocks() {
    let config = HttpConfig { subscription_buffer: 1, ..HttpConfig::default() };
    let server = TestServer::with(config);
    let mut stream = Stream::open(&server, "/events", None);
    stream.expect("snapshot");
    // Nobody reads: the sockets fill up, and the node's channel, which holds eight pool events, runs over.
    for _ in 0..6 {
        server.node.long_reorg(30_000);
    }
    for count in 0..1_000 {
        let min_fee_rate = FeeRate::default();
        server.node.tell_pool(PoolEvent::Mempool(MempoolEvent { count, vsize: 0, min_fee_rate }));
    }
    server.node.extend(20);
    let (mut told, mut next) = (0, 12);
    while next <= 37 {
        let sent = stream.read().unwrap();
        match sent.event.as_str() {
            "mempool" => told += 1,
            "ping" => {}
            _ => {
                assert_eq!(sent.id, Some(next), "{}", sent.event);
                next += 1;
            }
        }
    }
    assert!(told < 1_000, "{told} of 1000 came");
}
