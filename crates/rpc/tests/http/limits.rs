//! Each limit of `HttpConfig`: what still passes, and what no longer does.

use std::io::{BufReader, Read, Write};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use cairn_rpc::{HttpConfig, MineRequest};
use serde_json::json;

use crate::fake::address;
use crate::wire::{Answer, PATIENCE, TOKEN, TestServer, pause, request};

fn few(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

/// A JSON body of exactly `length` bytes.
fn padded(body: &str, length: usize) -> String {
    format!("{body}{}", " ".repeat(length - body.len()))
}

#[test]
fn bodies_are_limited() {
    let config = HttpConfig { max_body_bytes: 300, max_block_body_bytes: 1000, ..HttpConfig::default() };
    let server = TestServer::with(config);
    let mine = json!({ "address": address(1), "blocks": 1 }).to_string();
    assert_eq!(server.post_admin("/mine", &padded(&mine, 300)).status, 200);
    assert_eq!(server.post_admin("/mine", &padded(&mine, 301)).error(413), "body-too-large");
    let submit = r#"{"block_hex":"00"}"#;
    assert_eq!(server.post("/mining/submit", &padded(submit, 1000)).error(400), "bad-parameter");
    assert_eq!(server.post("/mining/submit", &padded(submit, 1001)).error(413), "body-too-large");
    assert_eq!(server.post("/mining/submit", &padded(submit, 100_000)).error(413), "body-too-large");
    // The same without a length told in advance.
    let chunk = padded(submit, 1001);
    let chunked = format!(
        "POST /mining/submit HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{chunk}\r\n0\r\n\r\n",
        chunk.len()
    );
    assert_eq!(server.raw(chunked.as_bytes()).unwrap().error(413), "body-too-large");
}

#[test]
fn a_body_has_to_arrive_in_time() {
    let server =
        TestServer::with(HttpConfig { request_timeout: Duration::from_millis(100), ..HttpConfig::default() });
    let mut stream = server.connect();
    stream
        .write_all(b"POST /mining/submit HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\n{")
        .unwrap();
    assert_eq!(Answer::read(&mut BufReader::new(stream)).unwrap().error(408), "body-timeout");
}

#[test]
fn headers_are_limited_and_have_to_arrive_in_time() {
    let config = HttpConfig {
        max_header_bytes: 8192,
        header_read_timeout: Duration::from_millis(200),
        ..HttpConfig::default()
    };
    let server = TestServer::with(config);
    let with = |length: usize| {
        let bare = request("GET", "/health", &[("x", "")], b"").len();
        server.raw(&request("GET", "/health", &[("x", &"a".repeat(length - bare))], b"")).unwrap().status
    };
    assert_eq!(with(8000), 200);
    assert_eq!(with(8193), 431);
    for sent in ["", "GET /health HT", "GET /health HTTP/1.1\r\nhost: loc"] {
        let started = Instant::now();
        let mut stream = server.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(started.elapsed() < PATIENCE, "{sent:?}");
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{sent:?}");
    }
}

#[test]
fn each_client_has_a_rate() {
    let config = HttpConfig { requests_per_second: few(1), request_burst: few(5), ..HttpConfig::default() };
    let server = TestServer::with(config);
    for _ in 0..5 {
        assert_eq!(server.get("/health").status, 200);
    }
    // A slow machine gives back one or two of them meanwhile.
    let answer = (0..100).map(|_| server.get("/health")).find(|answer| answer.status != 200);
    let answer = answer.expect("a hundred at once are too many");
    assert_eq!(answer.error(429), "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let lost = (0..100).map(|_| server.get("/no/such/path")).find(|answer| answer.status != 404);
    assert_eq!(lost.expect("paths that lead nowhere count too").error(429), "rate-limited");
}

#[test]
fn connections_are_limited_for_each_client_and_in_all() {
    for config in [
        HttpConfig { max_connections: 2, ..HttpConfig::default() },
        HttpConfig { max_connections_per_client: 2, ..HttpConfig::default() },
    ] {
        let server = TestServer::with(config);
        let mut open: Vec<_> = (0..2).map(|_| server.connect()).collect();
        for stream in &mut open {
            stream.write_all(&request("GET", "/health", &[], b"")).unwrap();
            assert_eq!(Answer::read(&mut BufReader::new(stream)).unwrap().status, 200);
        }
        let refused = server.get("/health");
        assert_eq!(refused.error(503), "too-many-connections");
        assert_eq!(refused.header("connection"), Some("close"));
        drop(open.pop());
        let deadline = Instant::now() + PATIENCE;
        while server.raw(&request("GET", "/health", &[], b"")).map_or(503, |answer| answer.status) != 200 {
            assert!(Instant::now() < deadline, "the place never came back");
            pause();
        }
    }
}

#[test]
fn a_node_that_does_not_answer_is_not_waited_for() {
    let config = HttpConfig {
        request_timeout: Duration::from_millis(100),
        max_concurrent_calls: 1,
        ..HttpConfig::default()
    };
    let server = TestServer::with(config);
    server.node.close_gate(true);
    assert_eq!(server.get("/status").error(503), "node-timeout");
    // The first call still has the only place: the next one does not even reach the node.
    assert_eq!(server.get("/status").error(503), "node-timeout");
    assert_eq!(server.node.calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(server.get("/health").status, 200, "the server itself answers on");
    server.node.close_gate(false);
    let deadline = Instant::now() + PATIENCE;
    while server.get("/status").status != 200 {
        assert!(Instant::now() < deadline, "the place never came back");
        pause();
    }
}

#[test]
fn mining_ends_with_its_time() {
    let server =
        TestServer::with(HttpConfig { mine_timeout: Duration::from_millis(100), ..HttpConfig::default() });
    let order = serde_json::to_string(&MineRequest { address: address(9), blocks: 1 }).unwrap();
    let mined = server.post_admin("/mine", &order).json();
    assert_eq!((&mined["requested"], &mined["mined"]), (&json!(1), &json!(0)));
}

#[test]
fn a_client_that_does_not_read_loses_its_connection() {
    let config = HttpConfig {
        write_stall_timeout: Duration::from_millis(200),
        max_connections: 1,
        ..HttpConfig::default()
    };
    let server = TestServer::with(config);
    let mut deaf = server.connect();
    // Many answers to one connection, none of them read; the connection breaks before all are sent.
    let questions = request("GET", "/assets/app.js", &[], b"").repeat(2_000);
    let _ = deaf.set_write_timeout(Some(PATIENCE));
    let _ = deaf.write_all(&questions);
    let deadline = Instant::now() + PATIENCE;
    while server.raw(&request("GET", "/health", &[], b"")).map_or(503, |answer| answer.status) != 200 {
        assert!(Instant::now() < deadline, "its connection was never closed");
        pause();
    }
    assert_eq!(TOKEN.len(), 64);
}
