//! The handshake under every order of a few messages, and each of its refusals.

use std::time::Duration;

use cairn_p2p::handshake::{
    Action, Event, Fault, HANDSHAKE_TIMEOUT, Handshake, HandshakeConfig, MAX_EARLY_FAULTS, MIN_PROTOCOL,
    Peer, Refusal,
};
use cairn_p2p::{Direction, Message, PeerEndpoint, Services, UserAgent, Version};

const OUR_NONCE: u64 = 1;
const CALLING: u64 = 2;

fn version(height: i32) -> Version {
    Version {
        protocol: MIN_PROTOCOL,
        services: Services::NETWORK.union(Services::WITNESS),
        timestamp: 1_700_000_000,
        receiver: PeerEndpoint::NONE,
        sender: PeerEndpoint::NONE,
        nonce: 99,
        user_agent: UserAgent::new(*b"/peer/").expect("within the limit"),
        start_height: height,
        relay: true,
    }
}

fn wire(version: Version) -> Message {
    Message::Version(Box::new(version))
}

fn config(direction: Direction) -> HandshakeConfig {
    HandshakeConfig {
        direction,
        version: Version { nonce: OUR_NONCE, ..version(7) },
        min_protocol: MIN_PROTOCOL,
        required_services: Services::NETWORK,
        timeout: HANDSHAKE_TIMEOUT,
    }
}

fn run(direction: Direction, messages: &[Message]) -> Vec<Action> {
    let (mut handshake, mut actions) = Handshake::new(Duration::ZERO, config(direction));
    for message in messages {
        let event = Event::Message { message: message.clone(), calling: &[CALLING] };
        actions.extend(handshake.on_event(Duration::from_secs(1), event));
    }
    actions
}

fn peers(actions: &[Action]) -> Vec<&Peer> {
    let mut peers = Vec::new();
    for action in actions {
        if let Action::Established(peer) = action {
            peers.push(&**peer);
        }
    }
    peers
}

fn alphabet() -> Vec<Message> {
    vec![
        wire(version(100)),
        wire(version(200)),
        Message::Verack,
        Message::WtxidRelay,
        Message::SendAddrV2,
        Message::SendHeaders,
        Message::Ping(5),
        wire(Version { protocol: MIN_PROTOCOL - 1, ..version(300) }),
    ]
}

/// What must follow from a sequence, said without a state machine: by where each message stands first.
fn check(direction: Direction, messages: &[Message], actions: &[Action]) {
    let first = |wanted: fn(&Message) -> bool| messages.iter().position(wanted).unwrap_or(usize::MAX);
    let versions = first(|message| matches!(message, Message::Version(_)));
    let verack = first(|message| *message == Message::Verack);
    let obsolete = match messages.get(versions) {
        Some(Message::Version(version)) if version.protocol < MIN_PROTOCOL => versions,
        _ => usize::MAX,
    };
    let late_wish = messages
        .iter()
        .enumerate()
        .position(|(at, message)| at > verack && matches!(message, Message::WtxidRelay | Message::SendAddrV2))
        .unwrap_or(usize::MAX);
    let end = obsolete.min(late_wish);
    let done = versions.max(verack);

    let established = peers(actions);
    assert_eq!(established.len(), usize::from(done < end), "once, and only when both have come");
    if let [peer] = established[..] {
        assert_eq!(wire(peer.version.clone()), messages[versions], "the first version counts");
        let before = |limit: usize, wanted: Message| messages[..limit].contains(&wanted);
        assert_eq!(peer.wtxid_relay, before(verack, Message::WtxidRelay));
        assert_eq!(peer.addr_v2, before(verack, Message::SendAddrV2));
        assert_eq!(peer.send_headers, before(done, Message::SendHeaders));
    }
    let deliver = |message: &&Message| matches!(message, Message::Ping(_) | Message::SendHeaders);
    let delivered = messages.iter().take(end.min(messages.len())).skip(done.saturating_add(1));
    let delivered = delivered.filter(deliver).cloned().map(Action::Deliver);
    let got = actions.iter().filter(|action| matches!(action, Action::Deliver(_))).cloned();
    assert!(delivered.eq(got), "delivered after the end, in order");

    let disconnect = actions.iter().position(|action| matches!(action, Action::Disconnect(_)));
    assert_eq!(disconnect.is_some(), end < usize::MAX);
    assert!(disconnect.is_none_or(|at| at + 1 == actions.len()), "nothing after the end");

    let sent: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Send(message) => Some(message.command().to_string()),
            _ => None,
        })
        .collect();
    let accepted = versions < end;
    let expected: &[&str] = match (direction, accepted) {
        (_, true) => &["version", "wtxidrelay", "sendaddrv2", "verack"],
        (Direction::Outbound, false) => &["version"],
        (Direction::Inbound, false) => &[],
    };
    assert_eq!(sent, expected);
}

#[test]
fn no_order_loses_a_height_or_starts_twice_or_never() {
    let alphabet = alphabet();
    let mut orders = 0;
    for length in 0..=5u32 {
        for number in 0..alphabet.len().pow(length) {
            let digit = |place| number / alphabet.len().pow(place) % alphabet.len();
            let messages: Vec<_> = (0..length).map(|place| alphabet[digit(place)].clone()).collect();
            for direction in [Direction::Inbound, Direction::Outbound] {
                check(direction, &messages, &run(direction, &messages));
            }
            orders += 1;
        }
    }
    assert_eq!(orders, 1 + 8 + 64 + 512 + 4_096 + 32_768);
}

#[test]
fn a_connection_to_ourselves_ends() {
    let own = |nonce| wire(Version { nonce, ..version(1) });
    let refused = Action::Disconnect(Refusal::SelfConnection);
    assert_eq!(run(Direction::Inbound, &[own(CALLING)]), std::slice::from_ref(&refused));
    assert_eq!(run(Direction::Inbound, &[own(OUR_NONCE)]), std::slice::from_ref(&refused));
    assert_eq!(run(Direction::Outbound, &[own(OUR_NONCE)]).last(), Some(&refused));
    // The nonce of another call of ours says nothing about a peer that we called.
    assert!(!run(Direction::Outbound, &[own(CALLING)]).contains(&refused));
}

#[test]
fn old_protocols_and_missing_services_are_refused() {
    let old = wire(Version { protocol: 70_015, ..version(1) });
    let limit = MIN_PROTOCOL;
    assert_eq!(
        run(Direction::Inbound, std::slice::from_ref(&old)),
        [Action::Disconnect(Refusal::Obsolete { got: 70_015, limit })]
    );
    let config = HandshakeConfig { min_protocol: 70_015, ..config(Direction::Inbound) };
    let (mut handshake, _) = Handshake::new(Duration::ZERO, config);
    let actions = handshake.on_event(Duration::ZERO, Event::Message { message: old, calling: &[] });
    let [Action::Send(Message::Version(_)), Action::Send(Message::Verack)] = &actions[..] else {
        panic!("it would not know other words: {actions:?}")
    };

    let bare = wire(Version { services: Services::WITNESS, ..version(1) });
    let missing = Refusal::MissingServices { got: Services::WITNESS, expected: Services::NETWORK };
    assert_eq!(
        run(Direction::Outbound, &[bare.clone(), Message::Verack]).last(),
        Some(&Action::Disconnect(missing))
    );
    assert_eq!(
        peers(&run(Direction::Inbound, &[bare, Message::Verack])).len(),
        1,
        "who calls us owes nothing"
    );
}

#[test]
fn a_slow_handshake_ends_at_its_deadline_and_a_finished_one_has_none() {
    let tick = |handshake: &mut Handshake, now| handshake.on_event(now, Event::Tick);
    let (mut handshake, _) = Handshake::new(Duration::from_secs(5), config(Direction::Outbound));
    let deadline = handshake.deadline().unwrap();
    assert_eq!(deadline, Duration::from_secs(65));
    assert_eq!(tick(&mut handshake, deadline - Duration::from_nanos(1)), []);
    let timeout = Action::Disconnect(Refusal::Timeout { limit: HANDSHAKE_TIMEOUT });
    // A message that comes too late is as good as none.
    let mut late = handshake.clone();
    let event = Event::Message { message: wire(version(1)), calling: &[] };
    assert_eq!(late.on_event(deadline, event), std::slice::from_ref(&timeout));
    assert_eq!(tick(&mut handshake, deadline), [timeout]);
    assert_eq!(tick(&mut handshake, deadline), []);

    let (mut handshake, _) = Handshake::new(Duration::ZERO, config(Direction::Inbound));
    for message in [wire(version(1)), Message::Verack] {
        handshake.on_event(Duration::ZERO, Event::Message { message, calling: &[] });
    }
    assert!(handshake.is_established());
    assert_eq!(handshake.deadline(), None);
    assert_eq!(tick(&mut handshake, Duration::from_secs(1_000)), []);
}

#[test]
fn faults_are_counted_until_the_end_of_the_handshake() {
    let limit = MAX_EARLY_FAULTS;
    let command = Message::Ping(0).command();
    let mut messages = vec![Message::Ping(0); limit as usize];
    let actions = run(Direction::Inbound, &messages);
    assert_eq!(actions, vec![Action::Report(Fault::Early { command }); limit as usize]);
    messages.push(Message::Ping(0));
    let refusal = Refusal::TooManyFaults { got: limit + 1, limit };
    assert_eq!(run(Direction::Inbound, &messages).last(), Some(&Action::Disconnect(refusal)));

    let mut established = vec![wire(version(1)), Message::Verack];
    established.extend(vec![Message::Verack; 40]);
    let repeated = Action::Report(Fault::Repeated { command: Message::Verack.command() });
    assert_eq!(run(Direction::Inbound, &established).last(), Some(&repeated), "later, others judge");
}
