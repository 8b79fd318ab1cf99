//! Who may make admin calls, and which hosts and origins the server answers to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_rpc::{AdminToken, ClientError, Deadline, HttpConfig, MineRequest, NodeApi};

use crate::fake::address;
use crate::wire::{TOKEN, TestServer};

#[test]
fn admin_calls_need_the_token() {
    let server = TestServer::start();
    for path in ["/stop", "/mine", "/peers/add", "/sync", "/wallet/send"] {
        let answer = server.post(path, "{}");
        assert_eq!(answer.error(401), "token-missing");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let wrong = format!("Bearer {}", "0".repeat(64));
        for (value, code) in [
            (wrong.as_str(), "token-wrong"),
            ("Bearer", "token-missing"),
            ("Bearer x", "token-wrong"),
            ("Basic dXNlcjpwYXNz", "token-missing"),
            (TOKEN, "token-missing"),
        ] {
            let answer = server.ask("POST", path, &[("authorization", value)], b"{}");
            assert_eq!(answer.error(401), code, "{value}");
        }
    }
    assert!(!server.node.stopped.load(Ordering::SeqCst));
    assert_eq!(server.post_admin("/stop", "").json()["stopping"], true);
    assert!(server.node.stopped.load(Ordering::SeqCst));
}

#[test]
fn the_client_carries_the_token() {
    let server = TestServer::start();
    assert!(matches!(server.client().stop(), Err(ClientError::NoToken)));
    let wrong = server.client().with_token(AdminToken::generate().unwrap());
    match wrong.stop() {
        Err(ClientError::Refused { status: 401, body }) => assert_eq!(body.code, "token-wrong"),
        other => panic!("{other:?}"),
    }
    let request = MineRequest { address: address(1), blocks: 2 };
    let mined = server.admin().mine(&request, &Deadline::after(Duration::from_secs(60))).unwrap();
    assert_eq!(mined.mined, 2);
    assert!(server.admin().stop().unwrap().stopping);
}

#[test]
fn a_page_of_another_origin_may_not_change_anything() {
    let server = TestServer::start();
    let bearer = format!("Bearer {TOKEN}");
    let post = |path: &str, name: &str, value: &str| {
        server.ask("POST", path, &[("authorization", &bearer), (name, value)], b"{}")
    };
    for path in ["/stop", "/mine", "/mining/submit", "/tx/send", "/peers/add", "/sync", "/wallet/send"] {
        assert_eq!(post(path, "origin", "http://evil.example").error(403), "cross-origin");
        assert_eq!(post(path, "origin", "null").error(403), "cross-origin");
        assert_eq!(post(path, "sec-fetch-site", "cross-site").error(403), "cross-origin");
    }
    assert!(!server.node.stopped.load(Ordering::SeqCst));
    assert_eq!(post("/stop", "origin", "http://localhost").status, 200);
    let read = server.ask("GET", "/status", &[("origin", "http://evil.example")], b"");
    assert_eq!(read.status, 200);
    assert_eq!(read.header("access-control-allow-origin"), None, "a foreign page cannot read the answer");
}

#[test]
fn a_rebound_host_name_is_refused() {
    let server = TestServer::start();
    let rebound = format!("evil.example:{}", server.address.port());
    for (method, path) in [("GET", "/status"), ("GET", "/"), ("GET", "/events"), ("POST", "/stop")] {
        let answer = server.ask(method, path, &[("host", &rebound)], b"");
        assert_eq!(answer.error(403), "host-not-allowed", "{method} {path}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:6333", "LocalHost:80"] {
        assert_eq!(server.ask("GET", "/status", &[("host", host)], b"").status, 200, "{host}");
    }
    assert_eq!(server.raw(b"GET /status HTTP/1.0\r\n\r\n").unwrap().error(403), "host-not-allowed");
    let named = TestServer::with(HttpConfig {
        allowed_hosts: vec!["Node.Example".to_owned()],
        ..HttpConfig::default()
    });
    assert_eq!(named.ask("GET", "/status", &[("host", "node.example:443")], b"").status, 200);
    assert_eq!(named.ask("GET", "/status", &[("host", "evil.example")], b"").error(403), "host-not-allowed");
}
