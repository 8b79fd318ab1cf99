//! Binding, failing and stopping.

use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cairn_rpc::{AdminToken, BindError, Client, ClientError, HttpConfig, NodeApi, Server};

use crate::fake::{FakeNode, address};
use crate::wire::{Answer, Stream, TOKEN, TestServer, pause, request};

fn bind(address: &str) -> Result<Server<FakeNode>, BindError> {
    let token = AdminToken::parse(TOKEN).unwrap();
    Server::bind(address.parse().unwrap(), FakeNode::new(1), token, HttpConfig::default())
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(&address.to_string()).err().expect("the port is taken");
    assert!(matches!(error, BindError::InUse { address: named } if named == address), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("port {} on 127.0.0.1 is in use", address.port())), "{text}");
    assert!(text.contains("--rpc-bind"), "{text}");
}

#[test]
fn a_foreign_address_is_named() {
    // TEST-NET-1 (RFC 5737) belongs to no machine.
    let error = bind("192.0.2.1:6333").err().expect("not an address of this machine");
    assert!(matches!(error, BindError::NotLocal { .. }), "{error:?}");
    assert!(error.to_string().contains("192.0.2.1 is not an address of this machine"), "{error}");
}

#[test]
fn a_panic_in_the_node_is_an_internal_error_and_no_more() {
    let server = TestServer::start();
    server.node.panics.store(true, Ordering::SeqCst);
    assert_eq!(server.get("/status").error(500), "internal");
    assert_eq!(server.get("/metrics").error(500), "internal");
    server.node.panics.store(false, Ordering::SeqCst);
    assert_eq!(server.get("/status").status, 200);
}

#[test]
fn a_connection_answers_one_request_after_another() {
    let server = TestServer::start();
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/status", &[], b"").repeat(3)).unwrap();
    let mut reader = BufReader::new(stream);
    for _ in 0..3 {
        assert_eq!(Answer::read(&mut reader).unwrap().status, 200);
    }
}

#[test]
fn head_is_get_without_a_body() {
    let server = TestServer::start();
    let mut stream = server.connect();
    stream.write_all(&request("HEAD", "/status", &[("connection", "close")], b"")).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    assert!(text.contains("content-length: "), "{text}");
}

#[test]
fn stopping_ends_streams_idle_connections_and_mining_at_once() {
    let mut server = TestServer::start();
    let mut stream = Stream::open(&server, "/events", None);
    stream.expect("snapshot");
    let mut idle = server.connect();
    idle.write_all(&request("GET", "/health", &[], b"")).unwrap();
    let mut idle = BufReader::new(idle);
    assert_eq!(Answer::read(&mut idle).unwrap().status, 200);
    let (admin, node) = (server.admin(), server.node.clone());
    let miner = std::thread::spawn(move || {
        let order = cairn_rpc::MineRequest { address: address(9), blocks: 1 };
        admin.mine(&order, &cairn_rpc::Deadline::after(Duration::from_secs(60))).unwrap().mined
    });
    while node.mines.load(Ordering::SeqCst) == 0 {
        pause();
    }
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(stream.read(), None, "the stream ends in order");
    assert_eq!(miner.join().unwrap(), 0, "the miner hears what it has");
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert!(matches!(server.client().status(), Err(ClientError::Unreachable { .. })));
}

#[test]
fn stopping_does_not_wait_for_a_node_that_hangs() {
    let mut server =
        TestServer::with(HttpConfig { drain_timeout: Duration::from_millis(300), ..HttpConfig::default() });
    server.node.close_gate(true);
    let mut stuck = server.connect();
    stuck.write_all(&request("GET", "/status", &[], b"")).unwrap();
    while server.node.calls.load(Ordering::SeqCst) == 0 {
        pause();
    }
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    server.node.close_gate(false);
}

#[test]
fn a_client_knows_a_node_when_it_sees_one() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(&format!("http://{}", other.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            stream.write_all(page.as_bytes()).unwrap();
        }
    });
    assert!(matches!(client.status(), Err(ClientError::NotANode { status: 200, .. })));
    assert!(matches!(client.readiness(), Err(ClientError::NotANode { status: 200, .. })));
    server.join().unwrap();
}
