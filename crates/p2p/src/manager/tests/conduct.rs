//! What peers may do, and what becomes of them when they do more.

use std::time::Duration;

use super::support::{Bench, START, at, closed};
use crate::codec::CodecError;
use crate::event::{Action, DisconnectReason, Event, Notice};
use crate::handshake::Direction::{Inbound, Outbound};
use crate::handshake::Refusal;
use crate::manager::ping::{PING_INTERVAL, PING_TIMEOUT};
use crate::message::Message;
use crate::misbehaviour::Misbehaviour;

const FATAL: CodecError = CodecError::WrongMagic { got: [0; 4], expected: [1; 4] };

#[test]
fn a_peer_is_known_once_it_shook_hands() {
    let mut bench = Bench::new(|_| {});
    let (peer, _) = bench.open("10.0.0.1:9000", Inbound);
    assert!(bench.manager.peers().is_empty());
    let hello = bench.version(77);
    bench.say(peer, hello);
    let actions = bench.say(peer, Message::Verack);
    assert!(actions.iter().any(|action| matches!(action, Action::Notice(Notice::Established { .. }))));
    let info = bench.manager.peers().remove(0);
    assert_eq!((info.id, info.addr, info.direction), (peer, at("10.0.0.1:9000"), Inbound));
    assert_eq!((info.height.to_u32(), info.score, info.manual), (12, 0, false));
    assert_eq!(info.bytes_received, 200);
    bench.event(Event::Sent { peer, bytes: 50 });
    assert_eq!(bench.manager.peers()[0].bytes_sent, 50);
    bench.event(Event::Closed { peer });
    assert_eq!(bench.manager.connections(), 0);
}

#[test]
fn a_handshake_that_takes_too_long_is_ended() {
    let mut bench = Bench::new(|config| config.handshake_timeout = Duration::from_secs(5));
    let (peer, _) = bench.open("10.0.0.1:9000", Inbound);
    assert_eq!(closed(&bench.pass(Duration::from_millis(4_999))), None);
    let reason = DisconnectReason::Handshake(Refusal::Timeout { limit: Duration::from_secs(5) });
    assert_eq!(closed(&bench.pass(Duration::from_millis(1))), Some((peer, reason)));
}

#[test]
fn a_call_to_ourselves_is_seen_on_both_ends() {
    let mut bench = Bench::new(|config| config.add_nodes = vec![at("10.0.0.9:8333")]);
    bench.event(Event::Tick);
    let (_, actions) = bench.open("10.0.0.9:8333", Outbound);
    let [Action::Send { message: hello @ Message::Version(_), .. }, ..] = actions.as_slice() else {
        panic!("a caller speaks first: {actions:?}");
    };
    let (inbound, _) = bench.open("10.0.0.9:50000", Inbound);
    let actions = bench.say(inbound, hello.clone());
    let reason = DisconnectReason::Handshake(Refusal::SelfConnection);
    assert_eq!(closed(&actions), Some((inbound, reason)));
}

#[test]
fn points_add_up_to_a_ban_that_ends() {
    let mut bench = Bench::new(|config| config.ban_time = Duration::from_secs(600));
    let peer = bench.meet("10.0.0.1:9000", Inbound);
    let (other, _) = bench.open("10.0.0.1:9001", Inbound);
    let mild = CodecError::WrongChecksum {
        command: crate::Command::from_bytes(*b"ping\0\0\0\0\0\0\0\0").expect("a good name"),
        got: [0; 4],
        expected: [1; 4],
    };
    for score in [20, 40, 60, 80] {
        assert_eq!(closed(&bench.event(Event::Malformed { peer, error: mild })), None);
        assert_eq!(bench.manager.peers()[0].score, score);
    }
    let actions = bench.event(Event::Malformed { peer, error: mild });
    assert_eq!(closed(&actions), Some((peer, DisconnectReason::Misbehaved(Misbehaviour::Malformed(mild)))));
    assert!(actions.iter().any(|action| matches!(action, Action::Notice(Notice::Banned { .. }))));
    assert_eq!(bench.manager.connections(), 1, "only {other} is left");

    let (third, actions) = bench.open("10.0.0.1:9002", Inbound);
    assert_eq!(closed(&actions), Some((third, DisconnectReason::Banned)));
    bench.now += Duration::from_secs(600);
    assert_eq!(closed(&bench.open("10.0.0.1:9003", Inbound).1), None);
}

#[test]
fn this_machine_and_named_nodes_are_dropped_but_not_banned() {
    let mut bench = Bench::new(|config| config.add_nodes = vec![at("10.0.0.9:8333")]);
    bench.event(Event::Tick);
    for (addr, direction) in [("127.0.0.1:9000", Inbound), ("10.0.0.9:8333", Outbound)] {
        let peer = bench.meet(addr, direction);
        let actions = bench.event(Event::Malformed { peer, error: FATAL });
        assert_eq!(closed(&actions).map(|(closed, _)| closed), Some(peer), "{addr}");
        assert!(!bench.manager.bans().is_banned(bench.now, at(addr).ip()), "{addr}");
    }
}

#[test]
fn an_operator_bans_and_takes_it_back() {
    let mut bench = Bench::new(|_| {});
    let peer = bench.meet("10.0.0.1:9000", Inbound);
    let ip = at("10.0.0.1:9000").ip();
    let actions = bench.event(Event::Ban { ip, time: Duration::from_secs(60) });
    assert_eq!(closed(&actions), Some((peer, DisconnectReason::Operator)));
    assert!(closed(&bench.open("10.0.0.1:9001", Inbound).1).is_some());
    bench.event(Event::Unban { ip });
    assert_eq!(closed(&bench.open("10.0.0.1:9002", Inbound).1), None);
}

#[test]
fn pings_are_answered_and_silence_ends_the_connection() {
    let mut bench = Bench::new(|_| {});
    let peer = bench.meet("10.0.0.1:9000", Inbound);
    let pings = |actions: &[Action]| -> Vec<u64> {
        let sent = actions.iter().filter_map(|action| match action {
            Action::Send { message: Message::Ping(nonce), .. } => Some(*nonce),
            _ => None,
        });
        sent.collect()
    };
    let first = pings(&bench.event(Event::Tick));
    assert_eq!(first.len(), 1);
    bench.now += Duration::from_millis(30);
    bench.say(peer, Message::Pong(first[0]));
    assert_eq!(bench.manager.peers()[0].latency, Some(Duration::from_millis(30)));
    let answer = bench.say(peer, Message::Ping(5));
    assert!(matches!(answer.as_slice(), [Action::Send { message: Message::Pong(5), .. }]), "{answer:?}");

    assert_eq!(pings(&bench.pass(PING_INTERVAL)).len(), 1);
    let actions = bench.pass(PING_TIMEOUT);
    assert_eq!(closed(&actions), Some((peer, DisconnectReason::PingTimeout)));
    assert!(bench.now > START);
}

#[test]
fn a_flood_is_slowed_down_and_then_ended() {
    let mut bench = Bench::new(|_| {});
    let peer = bench.meet("10.0.0.1:9000", Inbound);
    let mut throttled = 0;
    for _ in 0..100_000 {
        let actions = bench.say(peer, Message::Ping(1));
        throttled += actions.iter().filter(|action| matches!(action, Action::Throttle { .. })).count();
        if let Some((_, reason)) = closed(&actions) {
            assert_eq!(reason, DisconnectReason::Misbehaved(Misbehaviour::OverBudget));
            assert!(throttled > 1_000);
            return;
        }
    }
    panic!("a hundred thousand pings at one moment are a flood");
}
