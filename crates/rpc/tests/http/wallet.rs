//! The wallet of a development node: what it tells, and from whom it takes orders.

use std::sync::atomic::Ordering;

use cairn_primitives::Amount;
use cairn_rpc::{ClientError, FeeRate, HttpConfig, NodeApi, WalletSendRequest};
use serde_json::json;

use crate::fake::{WALLET_FEE, address};
use crate::same;
use crate::wire::{Answer, TOKEN, TestServer};

/// A server whose page may send.
fn trusting() -> TestServer {
    TestServer::with(HttpConfig {
        wallet_from_page: true,
        allowed_hosts: vec!["node.example".to_owned()],
        ..HttpConfig::default()
    })
}

fn order() -> WalletSendRequest {
    WalletSendRequest { address: address(2), amount: Amount::from_sat(10_000), fee_rate: None }
}

/// What the page sends, with some headers changed; an empty value leaves the header out.
fn from_page(server: &TestServer, changes: &[(&str, &str)]) -> Answer {
    let mut headers = vec![
        ("host", "localhost:6333"),
        ("origin", "http://localhost:6333"),
        ("x-cairn-page", "1"),
        ("sec-fetch-site", "same-origin"),
    ];
    for change in changes {
        headers.retain(|(name, _)| *name != change.0);
        headers.push(*change);
    }
    headers.retain(|(_, value)| !value.is_empty());
    let body = serde_json::to_string(&order()).unwrap();
    server.ask("POST", "/wallet/send", &headers, body.as_bytes())
}

#[test]
fn a_node_without_a_wallet_says_so() {
    let server = trusting();
    assert_eq!(same!(server, wallet_status()).balance_satoshi, Amount::from_sat(1_000_000));
    let told = server.get("/wallet/status").json();
    assert_eq!((&told["balance_fake"], &told["unconfirmed_satoshi"]), (&json!(0.01), &json!(-5)));
    server.node.has_wallet.store(false, Ordering::SeqCst);
    assert_eq!(server.get("/wallet/status").error(404), "no-wallet");
    let body = serde_json::to_string(&order()).unwrap();
    assert_eq!(server.post_admin("/wallet/send", &body).error(404), "no-wallet");
}

#[test]
fn the_token_pays_from_anywhere() {
    let server = TestServer::start();
    let sent = server.admin().wallet_send(&order()).unwrap();
    assert_eq!(sent.fee, WALLET_FEE);
    let rated = WalletSendRequest { fee_rate: Some(FeeRate::from_sat_per_kvb(2_500)), ..order() };
    server.admin().wallet_send(&rated).unwrap();
    assert_eq!(*server.node.payments.read().unwrap(), [order(), rated]);
    assert!(matches!(server.client().wallet_send(&order()), Err(ClientError::NoToken)));
    let body = serde_json::to_string(&order()).unwrap();
    assert_eq!(server.post("/wallet/send", &body).error(401), "token-missing");
}

#[test]
fn the_own_page_pays_where_that_is_allowed_and_nowhere_else() {
    let server = trusting();
    assert_eq!(from_page(&server, &[]).status, 200);
    assert_eq!(from_page(&server, &[("sec-fetch-site", "")]).status, 200, "an old browser");
    let loopback = [("host", "127.0.0.1:1"), ("origin", "http://127.0.0.1:1")];
    assert_eq!(from_page(&server, &loopback).status, 200);
    assert_eq!(server.node.payments.read().unwrap().len(), 3);

    // By default the page needs the token as everyone does.
    assert_eq!(from_page(&TestServer::start(), &[]).error(401), "token-missing");
    assert_eq!(server.node.payments.read().unwrap().len(), 3);
}

#[test]
fn what_only_looks_like_the_own_page_is_refused() {
    let server = trusting();
    for missing in [
        &[("x-cairn-page", "")][..],
        &[("x-cairn-page", "0")],
        &[("origin", "")],
        &[("host", "node.example"), ("origin", "http://node.example")],
        &[("x-forwarded-for", "192.0.2.1")],
        &[("forwarded", "for=192.0.2.1")],
        &[("x-real-ip", "192.0.2.1")],
        &[("via", "1.1 proxy")],
    ] {
        assert_eq!(from_page(&server, missing).error(401), "token-missing", "{missing:?}");
    }
    for foreign in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://localhost:6334")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(from_page(&server, foreign).error(403), "cross-origin", "{foreign:?}");
    }
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(from_page(&server, &rebound).error(403), "host-not-allowed");
    // A wrong token is not forgiven for the page's sake.
    let wrong = format!("Bearer {}", "0".repeat(64));
    assert_eq!(from_page(&server, &[("authorization", &wrong)]).error(401), "token-wrong");
    assert!(server.node.payments.read().unwrap().is_empty());
    let right = format!("Bearer {TOKEN}");
    assert_eq!(from_page(&server, &[("authorization", &right), ("x-cairn-page", "")]).status, 200);
}

#[test]
fn payments_that_cannot_be_made_are_refused() {
    let server = TestServer::start();
    let pay = |body: serde_json::Value| server.post_admin("/wallet/send", &body.to_string());
    assert_eq!(pay(json!({"address": "x", "amount": 1000})).error(400), "bad-address");
    assert_eq!(pay(json!({"address": address(2), "amount": 545})).error(400), "bad-parameter");
    let spendable = 1_000_000 - WALLET_FEE.to_sat();
    assert_eq!(pay(json!({"address": address(2), "amount": spendable})).status, 200);
    let lacking = pay(json!({"address": address(2), "amount": spendable + 1}));
    assert_eq!(lacking.error(400), "insufficient-funds");
    assert!(lacking.text().contains("lacks 1 units"), "{}", lacking.text());
    for body in [
        json!({}),
        json!({"address": address(2)}),
        json!({"address": address(2), "amount": -1}),
        json!({"address": address(2), "amount": 1.5}),
        json!({"address": address(2), "amount": 1000, "fee_rate": -1}),
        json!({"address": address(2), "amount": 1000, "feerate": 1}),
    ] {
        assert_eq!(pay(body.clone()).error(400), "bad-json", "{body}");
    }
}
