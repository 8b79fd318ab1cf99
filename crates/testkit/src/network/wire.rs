//! Connections between hosts: what is under way on them, who can reach whom.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use cairn_p2p::{Codec, Direction};

use super::HostId;
use super::link::{self, GIVE_UP, LinkConfig, OPENING_TIMEOUT};
use super::pipe::{Payload, Pipe};
use super::timeline::Timeline;

/// Bytes that may be under way or unread on one connection each way.
const WINDOW: usize = 256 * 1_024;
/// Bytes that may wait to be sent on one connection; with more the sender gives the connection up.
const SEND_LIMIT: usize = 8_000_000;
/// First of the ports that callers call from.
const FIRST_CALLING_PORT: u16 = 40_000;

/// One end of a connection: side 0 called, side 1 was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct End {
    pub(super) conn: u64,
    pub(super) side: usize,
}

impl End {
    fn other(self) -> Self {
        Self { side: 1 - self.side, ..self }
    }

    /// A number that no other end of any connection has.
    pub(super) fn number(self) -> u64 {
        self.conn * 2 + self.side as u64
    }

    pub(super) fn from_number(number: u64) -> Self {
        Self { conn: number / 2, side: (number % 2) as usize }
    }
}

/// What happens on the wire at a later time.
#[derive(Clone, Debug)]
pub(super) enum WireEvent {
    /// An opening segment reaches the one who is called.
    Opening { conn: u64 },
    /// Its answer reaches the caller.
    Answer { conn: u64 },
    /// A call was not answered in time, or by a refusal.
    NoAnswer { conn: u64 },
    /// Bytes reach an end.
    Arrival { to: End, number: u64, payload: Payload },
    /// The last byte of a frame has left.
    Departed { from: End, bytes: usize, block: bool },
    /// A sender whose segments are lost since `since` gives the connection up.
    GiveUp { from: End, since: Duration },
    /// A segment was lost too often.
    Broken { conn: u64 },
    /// An end learns that there is nobody at the other.
    Reset { to: End },
    /// An end may read again.
    Resume { end: End },
}

/// What a host is told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Opened { host: HostId, end: End, addr: SocketAddr, direction: Direction },
    NoAnswer { host: HostId, addr: SocketAddr },
    Bytes { host: HostId, end: End, bytes: Vec<u8> },
    Departed { host: HostId, end: End, bytes: usize, block: bool },
    Closed { host: HostId, end: End },
}

impl Told {
    /// Who is told.
    pub(super) fn host(&self) -> HostId {
        match self {
            Self::Opened { host, .. }
            | Self::NoAnswer { host, .. }
            | Self::Bytes { host, .. }
            | Self::Departed { host, .. }
            | Self::Closed { host, .. } => *host,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The call has not been answered.
    Calling,
    Open,
    Over,
}

#[derive(Debug)]
struct Side {
    host: HostId,
    state: State,
    codec: Codec,
    /// Bytes of the frame that is not yet complete.
    partial: usize,
    /// What arrived and was not read: what came before is missing, or the end does not read now.
    unread: BTreeMap<u64, Payload>,
    next_read: u64,
    deaf_until: Option<Duration>,
}

#[derive(Debug)]
struct Conn {
    called: SocketAddr,
    latency: Duration,
    sides: [Side; 2],
    /// The pipe from side 0 and the one from side 1.
    pipes: [Pipe; 2],
}

/// All connections, and who can reach whom.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) link: LinkConfig,
    port: u16,
    codec: Codec,
    conns: BTreeMap<u64, Conn>,
    next: u64,
    groups: Vec<u32>,
    up: Vec<bool>,
}

impl Wire {
    pub(super) fn new(link: LinkConfig, codec: Codec, port: u16) -> Self {
        Self { link, port, codec, conns: BTreeMap::new(), next: 1, groups: Vec::new(), up: Vec::new() }
    }

    /// A host of its own network group, which can be called from now on.
    pub(super) fn add_host(&mut self) -> HostId {
        self.groups.push(0);
        self.up.push(true);
        HostId(self.groups.len() - 1)
    }

    pub(super) fn addr(&self, host: HostId) -> SocketAddr {
        let (high, low) = (host.0 / 200, host.0 % 200);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(50 + high as u8, 1 + low as u8, 7, 1)), self.port)
    }

    /// The host at this address.
    pub(super) fn host_at(&self, ip: IpAddr) -> Option<HostId> {
        let hosts = 0..self.groups.len();
        hosts.map(HostId).find(|host| self.addr(*host).ip() == ip)
    }

    fn reachable(&self, a: HostId, b: HostId) -> bool {
        self.groups[a.0] == self.groups[b.0] && self.up[a.0] && self.up[b.0]
    }

    fn connected(&self, conn: u64) -> bool {
        self.conns.get(&conn).is_some_and(|conn| self.reachable(conn.sides[0].host, conn.sides[1].host))
    }

    pub(super) fn is_open(&self, end: End) -> bool {
        self.conns.get(&end.conn).is_some_and(|conn| conn.sides[end.side].is_open())
    }

    /// The host at an end, and the one at the other.
    pub(super) fn hosts(&self, end: End) -> Option<(HostId, HostId)> {
        let conn = self.conns.get(&end.conn)?;
        Some((conn.sides[end.side].host, conn.sides[1 - end.side].host))
    }

    /// The ends that `host` holds open, with the host at the other end of each.
    pub(super) fn ends_of(&self, host: HostId) -> Vec<(End, HostId)> {
        let sides = self.conns.iter().flat_map(|(id, conn)| {
            [0, 1].map(|side| (End { conn: *id, side }, &conn.sides[side], conn.sides[1 - side].host))
        });
        sides
            .filter(|(_, side, _)| side.host == host && side.is_open())
            .map(|(end, _, other)| (end, other))
            .collect()
    }

    /// Bytes that wait to be sent from this end.
    pub(super) fn waiting(&self, end: End) -> usize {
        self.conns.get(&end.conn).map_or(0, |conn| conn.pipes[end.side].waiting_bytes)
    }

    /// What turns the bytes of this end into messages, and the bytes of its unfinished frame.
    pub(super) fn codec(&mut self, end: End) -> Option<(&mut Codec, &mut usize)> {
        let side = &mut self.conns.get_mut(&end.conn)?.sides[end.side];
        Some((&mut side.codec, &mut side.partial))
    }

    /// Calls an address.
    pub(super) fn dial(&mut self, time: &mut Timeline, from: HostId, called: SocketAddr) {
        let id = self.next;
        self.next += 1;
        let latency = self.link.draw_latency(&mut time.rng);
        let to = self.host_at(called.ip()).filter(|_| called.port() == self.port);
        let side = |host, state| Side {
            host,
            state,
            codec: self.codec.clone(),
            partial: 0,
            unread: BTreeMap::new(),
            next_read: 0,
            deaf_until: None,
        };
        let sides = [side(from, State::Calling), side(to.unwrap_or(from), State::Over)];
        self.conns.insert(id, Conn { called, latency, sides, pipes: Default::default() });
        let opening = self.link.draw_opening(&mut time.rng, latency).filter(|_| to.is_some());
        if let Some(delay) = opening {
            time.at(time.now + delay, WireEvent::Opening { conn: id });
        }
        // Overtaken by the answer if there is one.
        time.at(time.now + OPENING_TIMEOUT, WireEvent::NoAnswer { conn: id });
    }

    /// Sends bytes from an open end; `false` when so many wait already that the connection is to be given up.
    pub(super) fn send(&mut self, time: &mut Timeline, from: End, bytes: Vec<u8>, block: bool) -> bool {
        let Some(conn) = self.conns.get_mut(&from.conn).filter(|conn| conn.sides[from.side].is_open()) else {
            return true;
        };
        let pipe = &mut conn.pipes[from.side];
        pipe.wait(Payload::Bytes(bytes), block);
        let fits = pipe.waiting_bytes <= SEND_LIMIT;
        self.pump(time, from);
        fits
    }

    /// Closes an end: what waits is dropped, the other end hears of it once it has read what was sent.
    pub(super) fn close(&mut self, time: &mut Timeline, end: End) {
        let Some(conn) = self.conns.get_mut(&end.conn).filter(|conn| conn.sides[end.side].is_open()) else {
            return;
        };
        let side = &mut conn.sides[end.side];
        side.state = State::Over;
        side.unread.clear();
        conn.pipes[end.side].drop_waiting();
        conn.pipes[end.side].wait(Payload::End, false);
        self.pump(time, end);
        self.forget_if_over(end.conn);
    }

    /// Lets an end read nothing until a moment.
    pub(super) fn throttle(&mut self, time: &mut Timeline, end: End, until: Duration) {
        if let Some(conn) = self.conns.get_mut(&end.conn) {
            conn.sides[end.side].deaf_until = Some(until);
            time.at(until, WireEvent::Resume { end });
        }
    }

    pub(super) fn is_deaf(&self, end: End, now: Duration) -> bool {
        let side = self.conns.get(&end.conn).map(|conn| &conn.sides[end.side]);
        side.is_some_and(|side| side.deaf_until.is_some_and(|until| now < until))
    }

    /// Takes back the rest of what an end was given to read.
    pub(super) fn put_back(&mut self, end: End, bytes: Vec<u8>) {
        let Some(conn) = self.conns.get_mut(&end.conn).filter(|_| !bytes.is_empty()) else { return };
        conn.pipes[1 - end.side].under_way += bytes.len();
        let side = &mut conn.sides[end.side];
        side.next_read -= 1;
        side.unread.insert(side.next_read, Payload::Bytes(bytes));
    }

    /// Puts hosts into groups that cannot exchange segments; hosts without a group are in group 0.
    pub(super) fn cut(&mut self, groups: &[(HostId, u32)]) {
        self.groups.fill(0);
        for (host, group) in groups {
            self.groups[host.0] = *group;
        }
    }

    /// Switches a host off or on. Those connected to it are told nothing.
    pub(super) fn set_up(&mut self, host: HostId, up: bool) {
        self.up[host.0] = up;
    }

    /// Ends all connections of a host without a word.
    pub(super) fn forget_host(&mut self, host: HostId) {
        for (end, _) in self.ends_of(host) {
            if let Some(conn) = self.conns.get_mut(&end.conn) {
                conn.shut(end.side);
            }
            self.forget_if_over(end.conn);
        }
    }

    /// Lets what waits go on where the hosts can reach each other again.
    pub(super) fn retry(&mut self, time: &mut Timeline) {
        for id in self.conns.keys().copied().collect::<Vec<_>>() {
            if !self.connected(id) {
                continue;
            }
            for side in [0, 1] {
                let conn = self.conns.get_mut(&id).expect("nothing is removed here");
                let latency = conn.latency;
                let pipe = &mut conn.pipes[side];
                let Some(since) = pipe.stalled.take() else { continue };
                let arrival = (link::next_retransmission(since, time.now) + latency).max(pipe.last_arrival);
                pipe.last_arrival = arrival;
                let to = End { conn: id, side }.other();
                for (number, payload) in std::mem::take(&mut pipe.lost) {
                    time.at(arrival, WireEvent::Arrival { to, number, payload });
                }
                self.pump(time, End { conn: id, side });
            }
        }
    }

    /// Hands to the network what the window has room for.
    fn pump(&mut self, time: &mut Timeline, from: End) {
        let reachable = self.connected(from.conn);
        let link = self.link;
        let Some(conn) = self.conns.get_mut(&from.conn) else { return };
        let (latency, pipe) = (conn.latency, &mut conn.pipes[from.side]);
        if !reachable {
            if !pipe.is_idle() {
                pipe.stall(time, from);
            }
            return;
        }
        while pipe.under_way < WINDOW && !pipe.broken {
            let Some(flight) = pipe.take_flight() else { return };
            let length = flight.payload.len();
            let departure = pipe.busy_until.max(time.now) + link.transmission(length);
            pipe.busy_until = departure;
            pipe.under_way += length;
            let Some(delay) = link.draw_delay(&mut time.rng, length) else {
                pipe.broken = true;
                time.at(departure + GIVE_UP, WireEvent::Broken { conn: from.conn });
                return;
            };
            pipe.last_arrival = pipe.last_arrival.max(departure + latency + delay);
            let number = pipe.next_number;
            pipe.next_number += 1;
            let arrival = WireEvent::Arrival { to: from.other(), number, payload: flight.payload };
            time.at(pipe.last_arrival, arrival);
            if let Some(bytes) = flight.frame {
                let departed = WireEvent::Departed { from, bytes, block: flight.block };
                time.at(departure, departed);
            }
        }
    }

    fn forget_if_over(&mut self, id: u64) {
        let over = |conn: &Conn| conn.sides.iter().all(|side| side.state == State::Over);
        if self.conns.get(&id).is_some_and(over) {
            self.conns.remove(&id);
        }
    }

    /// What hosts are to be told of what happens.
    pub(super) fn handle(&mut self, time: &mut Timeline, event: WireEvent) -> Vec<Told> {
        match event {
            WireEvent::Opening { conn } => self.opening(time, conn),
            WireEvent::Answer { conn } => self.answer(conn),
            WireEvent::NoAnswer { conn } => self.no_answer(conn),
            WireEvent::Arrival { to, number, payload } => self.arrival(time, to, number, payload),
            WireEvent::Departed { from, bytes, block } => {
                let open = self.hosts(from).filter(|_| self.is_open(from));
                open.map(|(host, _)| Told::Departed { host, end: from, bytes, block }).into_iter().collect()
            }
            WireEvent::GiveUp { from, since } => {
                let stalled = |conn: &Conn| conn.pipes[from.side].stalled == Some(since);
                if self.conns.get(&from.conn).is_some_and(stalled) { self.lose(from) } else { Vec::new() }
            }
            WireEvent::Broken { conn } => {
                let mut told = self.lose(End { conn, side: 0 });
                told.extend(self.lose(End { conn, side: 1 }));
                told
            }
            WireEvent::Reset { to } => self.lose(to),
            WireEvent::Resume { end } => {
                let Some(conn) = self.conns.get_mut(&end.conn) else { return Vec::new() };
                let side = &mut conn.sides[end.side];
                if side.deaf_until.is_some_and(|until| until <= time.now) {
                    side.deaf_until = None;
                }
                self.read(time, end)
            }
        }
    }

    fn opening(&mut self, time: &mut Timeline, id: u64) -> Vec<Told> {
        let reachable = self.connected(id);
        let link = self.link;
        let caller = self.conns.get(&id).map(|conn| self.addr(conn.sides[0].host).ip());
        let (Some(conn), Some(ip), true) = (self.conns.get_mut(&id), caller, reachable) else {
            return Vec::new();
        };
        let Some(delay) = link.draw_opening(&mut time.rng, conn.latency) else { return Vec::new() };
        conn.sides[1].state = State::Open;
        conn.pipes[1].last_arrival = time.now + delay;
        time.at(time.now + delay, WireEvent::Answer { conn: id });
        let port = FIRST_CALLING_PORT + (id % 20_000) as u16;
        let addr = SocketAddr::new(ip, port);
        let host = conn.sides[1].host;
        vec![Told::Opened { host, end: End { conn: id, side: 1 }, addr, direction: Direction::Inbound }]
    }

    fn answer(&mut self, id: u64) -> Vec<Told> {
        let reachable = self.connected(id);
        let Some(conn) =
            self.conns.get_mut(&id).filter(|conn| reachable && conn.sides[0].state == State::Calling)
        else {
            return Vec::new();
        };
        conn.sides[0].state = State::Open;
        let (host, addr) = (conn.sides[0].host, conn.called);
        vec![Told::Opened { host, end: End { conn: id, side: 0 }, addr, direction: Direction::Outbound }]
    }

    fn no_answer(&mut self, id: u64) -> Vec<Told> {
        let calling = |conn: &&mut Conn| conn.sides[0].state == State::Calling;
        let Some(conn) = self.conns.get_mut(&id).filter(calling) else { return Vec::new() };
        conn.sides[0].state = State::Over;
        let told = vec![Told::NoAnswer { host: conn.sides[0].host, addr: conn.called }];
        self.forget_if_over(id);
        told
    }

    fn arrival(&mut self, time: &mut Timeline, to: End, number: u64, payload: Payload) -> Vec<Told> {
        let reachable = self.connected(to.conn);
        let Some(conn) = self.conns.get_mut(&to.conn) else { return Vec::new() };
        if !reachable {
            let pipe = &mut conn.pipes[1 - to.side];
            pipe.lost.insert(number, payload);
            pipe.stall(time, to.other());
            return Vec::new();
        }
        if !conn.sides[to.side].is_open() {
            if conn.sides[1 - to.side].is_open() {
                time.at(time.now + conn.latency, WireEvent::Reset { to: to.other() });
            }
            return Vec::new();
        }
        conn.sides[to.side].unread.insert(number, payload);
        self.read(time, to)
    }

    /// What an end reads of what has arrived.
    fn read(&mut self, time: &mut Timeline, end: End) -> Vec<Told> {
        let Some(conn) = self.conns.get_mut(&end.conn).filter(|conn| conn.sides[end.side].is_open()) else {
            return Vec::new();
        };
        let side = &mut conn.sides[end.side];
        if side.deaf_until.is_some_and(|until| time.now < until) {
            return Vec::new();
        }
        let Some(payload) = side.unread.remove(&side.next_read) else { return Vec::new() };
        side.next_read += 1;
        let host = side.host;
        conn.pipes[1 - end.side].under_way -= payload.len();
        let more = conn.sides[end.side].unread.contains_key(&conn.sides[end.side].next_read);
        if more {
            // One at a time: what the host does about this may change whether it reads on.
            time.at(time.now, WireEvent::Resume { end });
        }
        self.pump(time, end.other());
        match payload {
            Payload::Bytes(bytes) => vec![Told::Bytes { host, end, bytes }],
            Payload::End => self.lose(end),
        }
    }

    /// An end hears that the connection is gone.
    fn lose(&mut self, end: End) -> Vec<Told> {
        let Some(conn) = self.conns.get_mut(&end.conn) else { return Vec::new() };
        let (host, told) = (conn.sides[end.side].host, conn.sides[end.side].is_open());
        conn.shut(end.side);
        self.forget_if_over(end.conn);
        if told { vec![Told::Closed { host, end }] } else { Vec::new() }
    }
}

impl Side {
    fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

impl Conn {
    /// This side neither sends nor reads any more.
    fn shut(&mut self, side: usize) {
        self.sides[side].state = State::Over;
        self.sides[side].unread.clear();
        let pipe = &mut self.pipes[side];
        pipe.drop_waiting();
        pipe.lost.clear();
        pipe.stalled = None;
    }
}
