//! What surrounds a behaviour: calls, handshakes, frames.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::ChainReader;
use cairn_p2p::handshake::MIN_PROTOCOL;
use cairn_p2p::{Direction, Message, PeerEndpoint, Services, UserAgent, Version};
use cairn_params::ChainSpec;
use rand::RngExt;

use super::{Behaviour, Deed, Line, Stage};
use crate::network::HostId;
use crate::network::timeline::{Happening, Timeline};
use crate::network::wire::{End, Told, Wire};

/// Time between two calls to a target.
const CALL_EVERY: Duration = Duration::from_secs(20);

/// An adversary on the network.
#[derive(Debug)]
pub(in crate::network) struct Puppet {
    id: HostId,
    spec: Arc<ChainSpec>,
    behaviour: Box<dyn Behaviour>,
    targets: Vec<HostId>,
    lines: BTreeMap<End, Hands>,
    /// When to wake the behaviour.
    alarms: BTreeSet<Duration>,
    next_call: Duration,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, Default)]
struct Hands {
    version: bool,
    verack: bool,
}

impl Hands {
    fn shaken(self) -> bool {
        self.version && self.verack
    }
}

/// The clock, the wire and the chain to look at, together.
type World<'w> = (&'w mut Timeline, &'w mut Wire, &'w ChainReader);

impl Puppet {
    pub(in crate::network) fn new(
        id: HostId,
        spec: Arc<ChainSpec>,
        behaviour: Box<dyn Behaviour>,
        targets: Vec<HostId>,
    ) -> Self {
        let (lines, alarms) = (BTreeMap::new(), BTreeSet::new());
        Self { id, spec, behaviour, targets, lines, alarms, next_call: Duration::ZERO }
    }

    pub(in crate::network) fn breaks_rules(&self) -> bool {
        self.behaviour.breaks_rules()
    }

    pub(in crate::network) fn start(&mut self, time: &mut Timeline, wire: &mut Wire, chain: &ChainReader) {
        self.wake(time, wire, chain);
        self.play((time, wire, chain), |behaviour, stage| behaviour.on_wake(stage));
    }

    pub(in crate::network) fn wake(&mut self, time: &mut Timeline, wire: &mut Wire, chain: &ChainReader) {
        if self.next_call <= time.now && !self.targets.is_empty() {
            let connected: BTreeSet<HostId> =
                wire.ends_of(self.id).into_iter().map(|(_, other)| other).collect();
            for target in self.targets.iter().filter(|target| !connected.contains(target)) {
                let addr = wire.addr(*target);
                wire.dial(time, self.id, addr);
            }
            self.next_call = time.now + CALL_EVERY;
            time.at(self.next_call, Happening::Wake { host: self.id, life: 0 });
        }
        while self.alarms.first().is_some_and(|at| *at <= time.now) {
            self.alarms.pop_first();
            self.play((time, wire, chain), |behaviour, stage| behaviour.on_wake(stage));
        }
    }

    pub(in crate::network) fn hear(
        &mut self,
        time: &mut Timeline,
        wire: &mut Wire,
        chain: &ChainReader,
        told: Told,
    ) {
        match told {
            Told::Opened { end, direction, .. } => {
                self.lines.insert(end, Hands::default());
                if direction == Direction::Outbound && self.behaviour.shakes_hands() {
                    self.introduce(time, wire, chain, end);
                }
            }
            Told::Bytes { end, bytes, .. } => self.read(time, wire, chain, end, &bytes),
            Told::Closed { end, .. } => {
                let shaken = self.lines.remove(&end).is_some_and(Hands::shaken);
                if shaken {
                    self.play((time, wire, chain), |behaviour, stage| {
                        behaviour.on_closed(stage, Line(end.number()))
                    });
                }
            }
            Told::NoAnswer { .. } | Told::Departed { .. } => {}
        }
    }

    fn read(
        &mut self,
        time: &mut Timeline,
        wire: &mut Wire,
        chain: &ChainReader,
        end: End,
        mut input: &[u8],
    ) {
        while wire.is_open(end) {
            let Some((codec, _)) = wire.codec(end) else { return };
            match codec.decode(&mut input) {
                Ok(Some(message)) => self.handle((time, wire, chain), end, message),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn handle(&mut self, (time, wire, chain): World<'_>, end: End, message: Message) {
        let Some(hands) = self.lines.get_mut(&end) else { return };
        if hands.shaken() {
            match message {
                Message::Ping(nonce) if self.behaviour.answers_pings() => {
                    send(time, wire, end, &Message::Pong(nonce));
                }
                message => self.play((time, wire, chain), |behaviour, stage| {
                    behaviour.on_message(stage, Line(end.number()), message);
                }),
            }
            return;
        }
        if !self.behaviour.shakes_hands() {
            return;
        }
        match message {
            Message::Version(_) => {
                hands.version = true;
                if end.side == 1 {
                    self.introduce(time, wire, chain, end);
                }
                for message in [Message::WtxidRelay, Message::SendAddrV2, Message::Verack] {
                    send(time, wire, end, &message);
                }
            }
            Message::Verack => hands.verack = true,
            _ => return,
        }
        if self.lines.get(&end).is_some_and(|hands| hands.shaken()) {
            self.play((time, wire, chain), |behaviour, stage| {
                behaviour.on_established(stage, Line(end.number()))
            });
        }
    }

    fn introduce(&self, time: &mut Timeline, wire: &mut Wire, chain: &ChainReader, end: End) {
        let mut version = Version {
            protocol: MIN_PROTOCOL,
            services: Services::NETWORK.union(Services::WITNESS),
            timestamp: i64::try_from(time.now.as_secs()).unwrap_or(i64::MAX),
            receiver: PeerEndpoint::NONE,
            sender: PeerEndpoint::NONE,
            nonce: time.rng.random(),
            user_agent: UserAgent::new(b"/puppet/".as_slice()).expect("it is shorter than the limit"),
            start_height: i32::try_from(chain.tip().height.to_u32()).unwrap_or(i32::MAX),
            relay: true,
        };
        self.behaviour.introduce(&mut version);
        send(time, wire, end, &Message::Version(Box::new(version)));
    }

    /// Lets the behaviour act, and does what it wants done.
    fn play(&mut self, (time, wire, chain): World<'_>, act: impl FnOnce(&mut dyn Behaviour, &mut Stage<'_>)) {
        let shaken = self.lines.iter().filter(|(end, hands)| hands.shaken() && wire.is_open(**end));
        let lines = shaken.map(|(end, _)| (Line(end.number()), wire.waiting(*end))).collect();
        let mut stage =
            Stage { now: time.now, rng: &mut time.rng, spec: &self.spec, chain, lines, deeds: Vec::new() };
        act(self.behaviour.as_mut(), &mut stage);
        for deed in stage.deeds {
            match deed {
                Deed::Send(line, message) => send(time, wire, End::from_number(line.0), &message),
                Deed::SendBytes(line, bytes) => put(time, wire, End::from_number(line.0), bytes),
                Deed::Close(line) => {
                    let end = End::from_number(line.0);
                    self.lines.remove(&end);
                    wire.close(time, end);
                }
                Deed::Wake(at) => {
                    self.alarms.insert(at);
                    time.at(at, Happening::Wake { host: self.id, life: 0 });
                }
            }
        }
    }
}

fn send(time: &mut Timeline, wire: &mut Wire, end: End, message: &Message) {
    let Some((codec, _)) = wire.codec(end) else { return };
    let bytes = codec.encode(message).expect("behaviours send oddities as bytes");
    put(time, wire, end, bytes);
}

fn put(time: &mut Timeline, wire: &mut Wire, end: End, bytes: Vec<u8>) {
    if !wire.send(time, end, bytes, false) {
        wire.close(time, end);
    }
}
