//! The client's event stream: what it tells, and what it does when the node goes and comes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use cairn_rpc::{
    Client, ClientError, EventType, Events, FeeRate, HttpConfig, MempoolEvent, NodeApi, PoolEvent, Received,
    SendRequest, Told,
};

use crate::fake::payment;
use crate::wire::{PATIENCE, TestServer};

/// The events of a server, retried quickly.
fn events(server: &TestServer, types: &[EventType], since: Option<u64>) -> Events {
    quick(server.client().events(types, since))
}

fn quick(events: Events) -> Events {
    events.with_retry(Duration::from_millis(10), Duration::from_millis(50))
}

fn next(events: &mut Events) -> Received {
    events.next().expect("nobody stops it").unwrap()
}

/// The next event once the node answers again, and how many attempts failed before.
fn next_after_failures(events: &mut Events) -> (Received, usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut failures = 0;
    loop {
        assert!(Instant::now() < deadline, "{failures} attempts failed");
        match events.next().expect("nobody stops it") {
            Ok(received) => return (received, failures),
            Err(_) => failures += 1,
        }
    }
}

#[test]
fn every_type_of_event_is_read() {
    let config = HttpConfig { ping_interval: Duration::from_secs(3), ..HttpConfig::default() };
    let server = TestServer::with(config);
    let mut events = events(&server, &[], None);
    let snapshot = next(&mut events);
    assert_eq!(snapshot.id, Some(11));
    assert_eq!(snapshot.told, Told::Snapshot(Box::new(server.node.status().unwrap())));
    server.node.extend(1);
    let Told::Block(block) = next(&mut events).told else { panic!("no block") };
    assert_eq!(block.hash, server.node.block_at(12).hash());
    let told = server.node.reorg(1, 1);
    assert_eq!(next(&mut events).told, Told::Reorg(told));
    assert!(matches!(next(&mut events).told, Told::Block(_)));
    let tx = payment(&server.node, 9, 2, 1_000);
    server.node.send_transaction(&SendRequest::new(&tx)).unwrap();
    let received = next(&mut events);
    assert!(matches!(received.told, Told::Tx(told) if told.txid == tx.txid()), "{received:?}");
    assert_eq!((received.id, events.last_id()), (None, Some(14)));
    let pool = MempoolEvent { count: 1, vsize: 2, min_fee_rate: FeeRate::from_sat_per_kvb(3) };
    server.node.tell_pool(PoolEvent::Mempool(pool));
    assert_eq!(next(&mut events).told, Told::Mempool(pool));
    let ping = next(&mut events);
    assert!(matches!(ping, Received { id: None, told: Told::Ping { ts } } if ts > 1_700_000_000), "{ping:?}");
}

#[test]
fn only_the_types_asked_for_are_told() {
    let server = TestServer::start();
    let mut events = events(&server, &[EventType::Reorg], Some(3));
    server.node.extend(3);
    let told = server.node.reorg(2, 3);
    assert_eq!(next(&mut events).told, Told::Reorg(told));
}

#[test]
fn a_node_that_comes_back_goes_on_where_it_was() {
    let mut server = TestServer::start();
    let mut events = events(&server, &[EventType::Block], Some(10));
    assert_eq!(next(&mut events).id, Some(11));
    let (address, node) = (server.address, server.node.clone());
    server.stop();
    // The connection's end, then attempts that nobody answers.
    assert!(matches!(events.next(), Some(Err(ClientError::Broken { .. }))));
    for _ in 0..3 {
        assert!(matches!(events.next(), Some(Err(ClientError::Unreachable { .. }))));
    }
    node.extend(3);
    let _server = TestServer::at(address, HttpConfig::default(), node);
    for id in 12..=14 {
        let (received, _) = next_after_failures(&mut events);
        assert_eq!(received.id, Some(id), "none is lost and none comes twice");
    }
}

#[test]
fn the_wait_before_a_new_connection_grows_to_its_limit() {
    let nobody = Client::new("http://127.0.0.1:1").unwrap();
    let (first, longest) = (Duration::from_secs(1), Duration::from_secs(2));
    let mut events = nobody.events(&[], None).with_retry(first, longest);
    let waits: Vec<Duration> = (0..4)
        .map(|_| {
            let started = Instant::now();
            assert!(matches!(events.next(), Some(Err(ClientError::Unreachable { .. }))));
            started.elapsed()
        })
        .collect();
    assert!(waits[0] < first, "{waits:?}");
    for (wait, least) in waits[1..].iter().zip([first, longest, longest]) {
        assert!(*wait >= least, "{waits:?}");
    }
}

#[test]
fn a_stopped_stream_ends_while_it_waits_for_an_event_or_for_the_node() {
    let server = TestServer::start();
    let mut listening = events(&server, &[EventType::Block], None);
    let stop = listening.stopper();
    let waiting = std::thread::spawn(move || listening.next().is_none());
    server.node.extend(0);
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    stop.stop();
    assert!(waiting.join().unwrap());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());

    let nobody = Client::new("http://127.0.0.1:1").unwrap();
    let mut absent = nobody.events(&[], None);
    assert!(absent.next().unwrap().is_err());
    let stop = absent.stopper();
    let waiting = std::thread::spawn(move || absent.next().is_none());
    stop.stop();
    assert!(waiting.join().unwrap());
}

#[test]
fn a_refusal_is_told_as_one() {
    let server = TestServer::with(HttpConfig { max_subscriptions: 0, ..HttpConfig::default() });
    match events(&server, &[], None).next() {
        Some(Err(ClientError::Refused { status: 503, body })) => {
            assert_eq!(body.code, "too-many-subscriptions");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_stream_of_a_node_is_not_taken_for_one() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: ping\n\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n16\r\nevent: ping\ndata: {}\n\n\r\n",
        "SSH-2.0-OpenSSH_9.0\r\n\r\n",
    ] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(&format!("http://{}", other.local_addr().unwrap())).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let first = client.events(&[], None).next();
        assert!(matches!(first, Some(Err(ClientError::NotANode { .. }))), "{answer}: {first:?}");
        server.join().unwrap();
    }
}
