//! The task that owns every connection and does what the manager says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::connection::{Connection, Room, Wiring};
use super::handle::{Command, Shared};
use super::host::{Reply, block_lost, headers_lost, tx_lost};
use super::jobs;
use super::outgoing::Frame;
use crate::codec::CodecError;
use crate::event::{Action, Event, PeerId};
use crate::handshake::Direction;
use crate::message::Message;
use crate::ports::Local;

/// Inputs that may wait to be handled.
pub(super) const INBOX: usize = 1_024;
/// Blocks that may be read from the disk at a time.
pub(super) const READS: usize = 4;
/// Least time between two ticks, whatever the manager asks for.
const MIN_TICK: Duration = Duration::from_millis(5);
/// Most time between two ticks.
const MAX_TICK: Duration = Duration::from_secs(60);

/// What the other tasks report. Who reports waits while too much waits to be handled.
#[derive(Debug)]
pub(super) enum Input {
    /// From a connection.
    Peer(PeerId, PeerInput),
    /// Someone opened a connection.
    Accepted { stream: TcpStream, addr: SocketAddr, _permit: OwnedSemaphorePermit },
    /// A call was answered, or not.
    Called { addr: SocketAddr, stream: Option<TcpStream> },
    /// What names stand for.
    Resolved(Vec<SocketAddr>),
}

/// What a connection reports.
#[derive(Debug)]
pub(super) enum PeerInput {
    /// A message came.
    Message { message: Message, bytes: usize, room: Room },
    /// Bytes came that are no message.
    Malformed { error: CodecError, room: Room },
    /// So many bytes have gone out.
    Sent(usize),
    /// A block has gone out, or could not be read.
    BlockSent,
    /// The connection has ended.
    Closed,
}

/// Where the engine takes its work from.
pub(super) struct Feeds {
    pub(super) inbox: mpsc::Receiver<Input>,
    /// Outcomes of checks. Not bounded by itself: there is at most one for each check that the manager asked for, and
    /// it bounds those.
    pub(super) checked: mpsc::UnboundedReceiver<Event>,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// The task that owns every connection.
pub(super) struct Engine {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) wiring: Wiring,
    pub(super) checked: mpsc::UnboundedSender<Event>,
    pub(super) connections: BTreeMap<PeerId, Connection>,
    pub(super) opened: u64,
    /// Tasks that answer later.
    pub(super) jobs: JoinSet<()>,
}

impl Engine {
    /// Works until it is stopped or the last handle is gone; then every connection is closed.
    pub(super) async fn run(mut self, mut feeds: Feeds) {
        let shared = self.shared.clone();
        self.handle(Event::Tick);
        loop {
            let wake = self.wake();
            tokio::select! {
                () = shared.stop.notified() => break,
                Some(input) = feeds.inbox.recv() => self.take(input),
                Some(event) = feeds.checked.recv() => self.handle(event),
                command = feeds.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                () = shared.tip.notified() => self.handle(Event::TipChanged { connected: Vec::new() }),
                () = sleep_until(wake) => self.handle(Event::Tick),
            }
            while self.jobs.try_join_next().is_some() {}
        }
        self.connections.clear();
        self.jobs.shutdown().await;
    }

    /// When to tick next.
    fn wake(&self) -> Instant {
        let due = self.shared.manager().deadline();
        Instant::now() + due.saturating_sub(self.clock.now()).clamp(MIN_TICK, MAX_TICK)
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Event(event) => self.handle(event),
            Command::Tip(connected) => {
                self.shared.pinned.fetch_sub(connected.len(), Ordering::Relaxed);
                self.handle(Event::TipChanged { connected });
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Peer(peer, input) => self.take_from(peer, input),
            Input::Accepted { stream, addr, .. } => self.open(stream, addr, Direction::Inbound),
            Input::Called { addr, stream: Some(stream) } => self.open(stream, addr, Direction::Outbound),
            Input::Called { addr, stream: None } => self.handle(Event::Unreachable { addr }),
            Input::Resolved(addrs) => self.handle(Event::SeedsResolved { addrs }),
        }
    }

    /// Takes what a connection reports, unless it has been closed meanwhile.
    fn take_from(&mut self, peer: PeerId, input: PeerInput) {
        if !self.connections.contains_key(&peer) {
            return;
        }
        match input {
            PeerInput::Message { message, bytes, room } => {
                self.handle(Event::Received { peer, message, bytes });
                drop(room);
            }
            PeerInput::Malformed { error, room } => {
                self.handle(Event::Malformed { peer, error });
                drop(room);
            }
            PeerInput::Sent(bytes) => self.handle(Event::Sent { peer, bytes }),
            PeerInput::BlockSent => self.handle(Event::BlockSent { peer }),
            PeerInput::Closed => {
                self.connections.remove(&peer);
                self.handle(Event::Closed { peer });
            }
        }
    }

    fn open(&mut self, stream: TcpStream, addr: SocketAddr, direction: Direction) {
        self.opened += 1;
        let peer = PeerId::new(self.opened);
        self.connections.insert(peer, Connection::open(peer, stream, &self.wiring));
        self.handle(Event::Opened { peer, addr, direction });
    }

    /// Tells the manager what happened and does what it says, and so on with what comes of that: connections that cannot
    /// take a message, each of which ends once, and blocks that cannot be sent, each of which was asked for.
    fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let local = Local { chain: self.wiring.host.chain(), pool: self.wiring.host.pool() };
            let actions = self.shared.manager().on_event(self.clock.now(), event, local);
            for action in actions {
                events.extend(self.act(action));
            }
        }
    }

    /// Does what the manager says; what happened on the spot, if something did.
    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Connect { addr } => {
                let patience = self.wiring.config.connect_timeout;
                self.jobs.spawn(jobs::call(addr, patience, self.wiring.inbox.clone()));
            }
            Action::Send { peer, message } => return self.send(peer, &message),
            Action::SendBlock { peer, hash, witness } => {
                let refused = self.connections.get(&peer).is_some_and(|to| !to.send_block(hash, witness));
                return refused.then_some(Event::BlockSent { peer });
            }
            Action::Throttle { peer, time } => {
                if let Some(connection) = self.connections.get(&peer) {
                    connection.throttle(time);
                }
            }
            Action::Disconnect { peer, reason } => {
                self.connections.remove(&peer);
                self.wiring.host.disconnected(peer, reason);
            }
            Action::CheckHeaders { peer, headers } => {
                let done = self.reply(headers_lost, move |outcome| Event::HeadersChecked { peer, outcome });
                self.wiring.host.check_headers(peer, headers, done);
            }
            Action::CheckBlock { peer, block } => {
                let hash = block.hash();
                let done = self.reply(block_lost, move |outcome| Event::BlockChecked { peer, hash, outcome });
                self.wiring.host.check_block(peer, block, done);
            }
            Action::CheckTx { peer, tx } => {
                let about = tx.clone();
                let done = self.reply(tx_lost, move |outcome| Event::TxChecked { peer, tx: about, outcome });
                self.wiring.host.check_tx(peer, tx, done);
            }
            Action::ResolveSeeds { hosts, port } => {
                let patience = self.wiring.config.resolve_timeout;
                self.jobs.spawn(jobs::resolve(hosts, port, patience, self.wiring.inbox.clone()));
            }
            Action::Notice(notice) => self.wiring.host.notice(notice),
        }
        None
    }

    /// Sends a message. A connection that cannot take it is closed: the peer does not take what it is sent, or would
    /// miss a message that it waits for.
    fn send(&mut self, peer: PeerId, message: &Message) -> Option<Event> {
        let connection = self.connections.get(&peer)?;
        let frame = self.wiring.codec.encode(message).ok();
        let sent =
            frame.is_some_and(|bytes| connection.outgoing.push(Frame { bytes, is_block: false }).is_ok());
        if sent {
            return None;
        }
        self.connections.remove(&peer);
        Some(Event::Closed { peer })
    }

    fn reply<T>(&self, lost: fn() -> T, event: impl FnOnce(T) -> Event + Send + 'static) -> Reply<T> {
        let checked = self.checked.clone();
        Reply::new(lost, move |outcome| {
            // Nobody wants to know once the engine has stopped.
            let _ = checked.send(event(outcome));
        })
    }
}
