//! Whom the manager calls, and how many it lets in.

use std::time::Duration;

use super::support::{Bench, at, called, closed};
use crate::event::{Action, DisconnectReason, Event};
use crate::handshake::Direction::{Inbound, Outbound};
use crate::manager::connections::EXTRA_TRIAL;
use crate::message::Message;

#[test]
fn named_nodes_are_called_again_ever_later() {
    let mut bench = Bench::new(|config| config.connect = vec![at("10.0.0.9:8333")]);
    assert_eq!(called(&bench.event(Event::Tick)), [at("10.0.0.9:8333")]);
    assert_eq!(called(&bench.pass(Duration::from_secs(3600))), [], "one call at a time");
    let mut waits = Vec::new();
    for _ in 0..9 {
        let failed = bench.now;
        bench.event(Event::Unreachable { addr: at("10.0.0.9:8333") });
        while called(&bench.event(Event::Tick)).is_empty() {
            bench.now += Duration::from_millis(50);
        }
        waits.push((bench.now - failed).as_secs_f64());
    }
    for (index, wait) in waits.iter().enumerate() {
        let least = f64::from(1 << index.min(6));
        assert!((least..=least * 1.25 + 0.1).contains(wait), "wait {index} is {wait}");
    }
}

#[test]
fn a_node_that_is_named_again_is_called_at_once() {
    let mut bench = Bench::new(|config| config.connect = vec![at("10.0.0.9:8333")]);
    bench.event(Event::Tick);
    for _ in 0..6 {
        bench.event(Event::Unreachable { addr: at("10.0.0.9:8333") });
        bench.pass(Duration::from_secs(100));
    }
    bench.event(Event::Unreachable { addr: at("10.0.0.9:8333") });
    assert_eq!(called(&bench.event(Event::Tick)), []);
    bench.event(Event::AddNode { addr: at("10.0.0.9:8333") });
    assert_eq!(called(&bench.event(Event::Tick)), [at("10.0.0.9:8333")]);
    bench.event(Event::Unreachable { addr: at("10.0.0.9:8333") });
    bench.event(Event::RemoveNode { addr: at("10.0.0.9:8333") });
    assert_eq!(called(&bench.pass(Duration::from_secs(3600))), []);
}

#[test]
fn one_connection_to_one_place() {
    let mut bench = Bench::new(|config| config.connect = vec![at("10.0.0.9:8333")]);
    bench.event(Event::Tick);
    let first = bench.meet("10.0.0.9:8333", Outbound);
    assert!(bench.manager.peers()[0].manual);
    let (second, actions) = bench.open("10.0.0.9:8333", Outbound);
    assert_eq!(closed(&actions), Some((second, DisconnectReason::Duplicate)));
    assert!(bench.knows(first));
}

#[test]
fn inbound_connections_have_a_limit_each_address_its_own() {
    let mut bench = Bench::new(|config| {
        config.max_inbound = 40;
        config.max_per_ip = 2;
    });
    bench.meet("10.0.0.1:1", Inbound);
    bench.meet("10.0.0.1:2", Inbound);
    let (third, actions) = bench.open("10.0.0.1:3", Inbound);
    assert_eq!(closed(&actions), Some((third, DisconnectReason::Full)));

    for number in 2..=39 {
        bench.now += Duration::from_secs(1);
        bench.meet(&format!("10.0.{number}.1:1"), Inbound);
    }
    assert_eq!(bench.manager.connections(), 40);
    let (newest, actions) = bench.open("10.1.0.1:1", Inbound);
    let (evicted, reason) = closed(&actions).expect("one makes room");
    assert_eq!(reason, DisconnectReason::Full);
    assert_ne!(evicted, newest);
    assert_eq!(bench.manager.connections(), 40);
}

#[test]
fn who_does_not_shake_hands_makes_room_first() {
    let mut bench = Bench::new(|config| config.max_inbound = 3);
    let first = bench.meet("10.0.0.1:1", Inbound);
    let (silent, _) = bench.open("10.0.1.1:1", Inbound);
    bench.now += Duration::from_secs(1);
    let (later, _) = bench.open("10.0.2.1:1", Inbound);
    for expected in [silent, later] {
        bench.now += Duration::from_secs(1);
        let (_, actions) = bench.open("10.0.3.1:1", Inbound);
        assert_eq!(closed(&actions), Some((expected, DisconnectReason::Full)));
    }
    assert!(bench.knows(first));
}

#[test]
fn with_few_and_old_connections_the_newcomer_has_no_room() {
    let mut bench = Bench::new(|config| config.max_inbound = 2);
    bench.meet("10.0.0.1:1", Inbound);
    bench.meet("10.0.1.1:1", Inbound);
    let (newest, actions) = bench.open("10.0.2.1:1", Inbound);
    assert_eq!(closed(&actions), Some((newest, DisconnectReason::Full)));
}

#[test]
fn seeds_are_asked_when_nobody_is_known_and_called_when_they_answer() {
    let mut bench = Bench::new(|config| {
        let mut spec = (*config.spec).clone();
        spec.network.fixed_seeds = vec!["10.3.0.1:18444".to_owned(), "[2001:db8::1]:99".to_owned()];
        config.spec = spec.into();
        config.local_addresses = true;
    });
    let actions = bench.event(Event::Tick);
    let asked = actions.iter().filter_map(|action| match action {
        Action::ResolveSeeds { hosts, port } => Some((hosts[0].clone(), *port)),
        _ => None,
    });
    let expected = [("10.3.0.1".to_owned(), 18_444), ("2001:db8::1".to_owned(), 99)];
    assert_eq!(asked.collect::<Vec<_>>(), expected);
    bench.event(Event::SeedsResolved { addrs: vec![at("10.3.0.1:18444")] });
    assert_eq!(called(&bench.pass(Duration::from_secs(20))), [at("10.3.0.1:18444")]);
}

#[test]
fn now_and_then_one_connection_more_is_tried_and_the_least_useful_dropped() {
    let mut bench = Bench::new(|config| {
        config.max_outbound = 2;
        config.local_addresses = true;
    });
    let nodes: Vec<_> = (1..=6).map(|number| at(&format!("10.{number}.0.1:8333"))).collect();
    bench.event(Event::SeedsResolved { addrs: nodes });
    let mut met = Vec::new();
    let mut dropped = Vec::new();
    let begun = bench.now;
    while dropped.is_empty() {
        assert!(bench.now - begun < Duration::from_secs(3600), "none is tried");
        let actions = bench.pass(Duration::from_secs(1));
        for action in &actions {
            if let Action::Send { peer, message: Message::Ping(nonce) } = action {
                bench.say(*peer, Message::Pong(*nonce));
            }
        }
        for addr in called(&actions) {
            // A call to see whether someone is there ends by itself.
            let peer = bench.meet(&addr.to_string(), Outbound);
            bench.say(peer, Message::Headers(Vec::new()));
            met.push(peer);
        }
        met.retain(|peer| bench.knows(*peer));
        assert!(met.len() <= 3, "one more and no more");
        if met.len() == 3 {
            let actions = bench.pass(EXTRA_TRIAL - Duration::from_secs(1));
            assert!(closed(&actions).is_none_or(|(_, reason)| reason != DisconnectReason::Full));
            dropped.extend(closed(&bench.pass(Duration::from_secs(2))));
        }
    }
    assert_eq!(dropped, [(met[2], DisconnectReason::Full)], "nobody brought a block, so the youngest goes");
    assert!(bench.manager.deadline() > bench.now);
}
