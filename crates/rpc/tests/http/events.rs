//! `/events`: what comes, in which order, from where on, and for whom not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cairn_rpc::{HttpConfig, NodeApi};
use serde_json::json;

use crate::wire::{PATIENCE, Stream, TestServer, pause};

#[test]
fn a_fresh_stream_begins_with_a_snapshot_and_goes_on_live() {
    let server = TestServer::start();
    let mut stream = Stream::open(&server, "/events", None);
    let snapshot = stream.expect("snapshot");
    assert_eq!(snapshot.id, Some(11));
    assert_eq!(snapshot.data, serde_json::to_value(server.node.status().unwrap()).unwrap());
    server.node.extend(2);
    for height in [12, 13] {
        let sent = stream.expect("block");
        let block = server.node.block_at(height);
        assert_eq!(sent.id, Some(height.into()));
        assert_eq!(
            sent.data,
            json!({
                "hash": block.hash().to_string(), "height": height, "prev_hash": block.header.prev.to_string(),
                "timestamp": block.header.time.to_u32(), "tx_count": 2
            })
        );
    }
}

#[test]
fn a_reorganisation_is_told_before_its_new_blocks() {
    let server = TestServer::start();
    let mut stream = Stream::open(&server, "/events?types=block,reorg", Some(11));
    let reorg = server.node.reorg(2, 3);
    let sent = stream.expect("reorg");
    assert_eq!(sent.data, serde_json::to_value(&reorg).unwrap());
    assert_eq!((&sent.data["fork_height"], sent.id), (&json!(9), Some(13)));
    assert_eq!(sent.data["disconnected"][0]["height"], 11);
    for height in [10, 11, 12] {
        assert_eq!(stream.expect("block").data["height"], height);
    }
}

#[test]
fn a_stream_resumes_after_any_id() {
    let server = TestServer::start();
    server.node.extend(100);
    for since in [0, 1, 60, 110] {
        let mut stream = Stream::open(&server, &format!("/events?since={since}"), None);
        for id in since + 1..=111 {
            assert_eq!(stream.expect("block").id, Some(id));
        }
    }
    // The header is what a reconnecting browser sends beside the old address.
    let mut stream = Stream::open(&server, "/events?since=3", Some(109));
    assert_eq!(stream.expect("block").id, Some(110));
    let mut stream = Stream::open(&server, "/events?since=&types=", None);
    assert_eq!(stream.expect("snapshot").id, Some(111));
}

#[test]
fn what_comes_while_the_log_is_read_does_not_come_twice() {
    let config = HttpConfig { ping_interval: Duration::from_secs(2), ..HttpConfig::default() };
    let server = TestServer::with(config);
    // The stream listens already when it waits for the log.
    server.node.close_gate(true);
    let mut stream = Stream::open(&server, "/events?since=11", None);
    server.node.extend(3);
    server.node.close_gate(false);
    for id in 12..=14 {
        assert_eq!(stream.expect("block").id, Some(id));
    }
    // What was heard as well would come before the silence.
    stream.expect("ping");
}

#[test]
fn what_a_slow_subscriber_missed_comes_from_the_log() {
    let config = HttpConfig { subscription_buffer: 1, ..HttpConfig::default() };
    let server = TestServer::with(config);
    let mut stream = Stream::open(&server, "/events", None);
    stream.expect("snapshot");
    // Nobody reads yet: some of these fill the sockets, and then the live channel, which holds four, runs over.
    for _ in 0..6 {
        server.node.long_reorg(30_000);
    }
    server.node.extend(20);
    for id in 12..=17 {
        let reorg = stream.expect("reorg");
        assert_eq!((reorg.id, reorg.data["disconnected"].as_array().unwrap().len()), (Some(id), 30_000));
    }
    for id in 18..=37 {
        assert_eq!(stream.expect("block").id, Some(id));
    }
}

#[test]
fn where_the_log_does_not_reach_a_snapshot_does() {
    let server = TestServer::start();
    server.node.forget_events(5);
    let mut old = Stream::open(&server, "/events?since=4", None);
    assert_eq!(old.expect("snapshot").id, Some(11));
    let mut kept = Stream::open(&server, "/events?since=5", None);
    assert_eq!(kept.expect("block").id, Some(6));
    let mut future = Stream::open(&server, "/events?since=12", None);
    assert_eq!(future.expect("snapshot").id, Some(11));
    let mut latest = Stream::open(&server, "/events?since=11", None);
    server.node.extend(1);
    assert_eq!(latest.expect("block").id, Some(12));
}

#[test]
fn only_the_types_asked_for_come() {
    let server =
        TestServer::with(HttpConfig { ping_interval: Duration::from_millis(50), ..HttpConfig::default() });
    let mut stream = Stream::open(&server, "/events?types=reorg", None);
    let first = stream.read().unwrap();
    assert_eq!((first.event.as_str(), first.id), ("", Some(11)), "an id without an event");
    server.node.extend(1);
    server.node.reorg(1, 1);
    let mut quiet = 0;
    let reorg = loop {
        let sent = stream.read().unwrap();
        if !sent.comment {
            break sent;
        }
        quiet += 1;
    };
    assert_eq!(reorg.event, "reorg", "after {quiet} comments");
    assert!(stream.read().unwrap().comment, "silence is broken by a comment");

    // Events that were not asked for are silence too.
    let (node, done) = (server.node.clone(), Arc::new(AtomicBool::new(false)));
    let until = done.clone();
    let busy = std::thread::spawn(move || {
        while !until.load(Ordering::SeqCst) {
            node.extend(1);
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert!(stream.read().unwrap().comment);
    assert!(stream.read().unwrap().comment);
    done.store(true, Ordering::SeqCst);
    busy.join().unwrap();

    let mut pings = Stream::open(&server, "/events?types=ping", Some(0));
    let ping = pings.expect("ping");
    assert_eq!(ping.id, Some(server.node.last_id()), "a ping moves the id past what was not asked for");
    assert!(ping.data["ts"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn bad_questions_are_refused() {
    let server = TestServer::start();
    for path in [
        "/events?types=peer",
        "/events?types=block,",
        "/events?types=BLOCK",
        "/events?since=x",
        "/events?since=-1",
        "/events?since=18446744073709551616",
        "/events?from=1",
        "/events?types=block&types=reorg",
    ] {
        assert_eq!(server.get(path).error(400), "bad-query", "{path}");
    }
    for id in ["x", "-1", "18446744073709551616"] {
        let answer = server.ask("GET", "/events", &[("last-event-id", id)], b"");
        assert_eq!(answer.error(400), "bad-header", "{id}");
    }
}

#[test]
fn streams_are_limited_for_each_client_and_in_all() {
    let config = HttpConfig { max_subscriptions: 2, ..HttpConfig::default() };
    subscribe_to_the_limit(config, 503);
    let config = HttpConfig { max_subscriptions_per_client: 2, ..HttpConfig::default() };
    subscribe_to_the_limit(config, 429);
}

/// Two streams fit, a third does not, and one that ends makes room.
fn subscribe_to_the_limit(config: HttpConfig, status: u16) {
    let server = TestServer::with(config);
    let mut first = Stream::open(&server, "/events", None);
    let mut second = Stream::open(&server, "/events", None);
    first.expect("snapshot");
    second.expect("snapshot");
    let refused = Stream::try_open(&server, "/events", None).err().expect("the third stream");
    assert_eq!(refused.error(status), "too-many-subscriptions");
    drop(first);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Stream::try_open(&server, "/events", None) {
            Ok(_) => return,
            Err(answer) => assert_eq!(answer.error(status), "too-many-subscriptions"),
        }
        assert!(Instant::now() < deadline, "the place never came back");
        pause();
    }
}

#[test]
fn a_subscriber_that_takes_nothing_is_cut_off() {
    let config = HttpConfig {
        subscription_stall_timeout: Duration::from_millis(200),
        subscription_buffer: 2,
        max_subscriptions: 1,
        ..HttpConfig::default()
    };
    let server = TestServer::with(config);
    let mut deaf = Stream::open(&server, "/events", None);
    deaf.expect("snapshot");
    // It reads no more: the sockets' buffers fill up, then the subscription's own.
    for _ in 0..8 {
        server.node.long_reorg(30_000);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut next = loop {
        match Stream::try_open(&server, "/events", None) {
            Ok(stream) => break stream,
            Err(answer) => assert_eq!(answer.error(503), "too-many-subscriptions"),
        }
        assert!(Instant::now() < deadline, "its place never came free");
        pause();
    };
    next.expect("snapshot");
    let metrics = server.get("/metrics");
    assert!(metrics.text().contains("\ncairn_http_subscriptions_cut_off_total 1\n"), "{}", metrics.text());
}
