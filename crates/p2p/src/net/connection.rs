//! One connection: a task that reads it, one that writes it, and one that reads blocks for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::BlockHash;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::config::NetConfig;
use super::engine::{Input, PeerInput};
use super::host::Host;
use super::jobs::{BLOCKS_AHEAD, BlockServer, Wanted};
use super::outgoing::{Outgoing, Waiting, queue};
use crate::codec::{Codec, CodecError};
use crate::event::PeerId;
use crate::message::Message;

/// Bytes read at a time.
const READ_SIZE: usize = 32 * 1024;
/// Messages of one peer that may wait to be handled, so that nobody fills everyone's queue.
const MESSAGES_AHEAD: usize = 16;
/// Unit in which the bytes of waiting messages are counted.
const UNIT: usize = 1024;
/// Units of messages that may wait to be handled, of all peers: 32 MiB. What a reader holds of a message beyond that is
/// not in the queue: at most one message for each connection.
pub(super) const UNITS_AHEAD: usize = 32 * 1024;

/// Room in the queue that a message takes until it has been handled.
#[derive(Debug)]
pub(super) struct Room {
    _of_peer: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// The engine's end of a connection. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) outgoing: Outgoing,
    /// Nothing is read before this time.
    read_from: watch::Sender<Instant>,
    wanted: mpsc::Sender<Wanted>,
    tasks: [AbortHandle; 3],
}

/// What connections have in common.
#[derive(Clone)]
pub(super) struct Wiring {
    pub(super) config: Arc<NetConfig>,
    pub(super) codec: Codec,
    pub(super) host: Arc<dyn Host>,
    pub(super) inbox: mpsc::Sender<Input>,
    /// Room for messages that wait to be handled.
    pub(super) units: Arc<Semaphore>,
    /// Blocks that may be read from the disk at a time.
    pub(super) reads: Arc<Semaphore>,
}

impl Connection {
    /// Starts reading and writing.
    pub(super) fn open(peer: PeerId, stream: TcpStream, wiring: &Wiring) -> Self {
        // Without it small answers wait for the peer's acknowledgement. A socket that refuses works all the same.
        let _ = stream.set_nodelay(true);
        let (read_half, write_half) = stream.into_split();
        let (outgoing, waiting) = queue(wiring.config.send_limit.max(2 * wiring.codec.max_payload()));
        let (read_from, gate) = watch::channel(Instant::now());
        let reader = Reader {
            peer,
            half: read_half,
            codec: wiring.codec.clone(),
            outgoing: outgoing.clone(),
            high_water: wiring.config.send_high_water,
            gate,
            inbox: wiring.inbox.clone(),
            of_peer: Arc::new(Semaphore::new(MESSAGES_AHEAD)),
            of_all: wiring.units.clone(),
        };
        let writer = Writer {
            peer,
            half: write_half,
            waiting,
            patience: wiring.config.write_timeout,
            inbox: wiring.inbox.clone(),
            unreported: 0,
        };
        let (wanted, orders) = mpsc::channel(BLOCKS_AHEAD);
        let server = BlockServer { peer, wanted: orders, outgoing: outgoing.clone(), wiring: wiring.clone() };
        let tasks = [tokio::spawn(reader.run()), tokio::spawn(writer.run()), tokio::spawn(server.run())];
        Self { outgoing, read_from, wanted, tasks: tasks.map(|task| task.abort_handle()) }
    }

    /// Has a block read and sent, behind those before it; whether there was room for one more.
    pub(super) fn send_block(&self, hash: BlockHash, witness: bool) -> bool {
        self.wanted.try_send(Wanted { hash, witness }).is_ok()
    }

    /// Reads nothing for some time.
    pub(super) fn throttle(&self, time: Duration) {
        let now = Instant::now();
        self.read_from.send_replace(now.checked_add(time).unwrap_or(now));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The task that reads.
struct Reader {
    peer: PeerId,
    half: OwnedReadHalf,
    codec: Codec,
    outgoing: Outgoing,
    high_water: usize,
    gate: watch::Receiver<Instant>,
    inbox: mpsc::Sender<Input>,
    of_peer: Arc<Semaphore>,
    of_all: Arc<Semaphore>,
}

/// Why reading ends: the stream ended or cannot be read on, or nobody wants to know any more.
struct Ended;

impl Reader {
    async fn run(mut self) {
        let Err(Ended) = self.read_on().await;
        let _ = self.inbox.send(Input::Peer(self.peer, PeerInput::Closed)).await;
    }

    /// Reads until the end. Bytes are taken from the socket only when what came before has been handed over, the peer
    /// takes what it is sent, and it is not throttled; meanwhile they wait at the peer.
    async fn read_on(&mut self) -> Result<std::convert::Infallible, Ended> {
        let mut buffer = vec![0; READ_SIZE];
        let mut of_message = 0;
        loop {
            self.half.readable().await.map_err(|_| Ended)?;
            self.outgoing.below(self.high_water).await;
            self.pass_gate().await;
            let count = match self.half.try_read(&mut buffer) {
                Ok(0) => return Err(Ended),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return Err(Ended),
            };
            let mut input = &buffer[..count];
            loop {
                let before = input.len();
                let decoded = self.codec.decode(&mut input);
                of_message += before - input.len();
                match decoded {
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        // One read may hold hundreds of requests, each with a long answer.
                        self.outgoing.below(self.high_water).await;
                        self.pass_gate().await;
                        self.hand_over(message, std::mem::take(&mut of_message)).await?;
                    }
                    Err(error) => self.complain(error, std::mem::take(&mut of_message)).await?,
                }
            }
        }
    }

    async fn pass_gate(&mut self) {
        loop {
            let from = *self.gate.borrow_and_update();
            tokio::select! {
                () = sleep_until(from) => return,
                changed = self.gate.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn hand_over(&self, message: Message, bytes: usize) -> Result<(), Ended> {
        let room = self.room(bytes).await?;
        self.send(PeerInput::Message { message, bytes, room }).await
    }

    async fn complain(&self, error: CodecError, bytes: usize) -> Result<(), Ended> {
        let room = self.room(bytes).await?;
        self.send(PeerInput::Malformed { error, room }).await?;
        if error.is_fatal() { Err(Ended) } else { Ok(()) }
    }

    async fn room(&self, bytes: usize) -> Result<Room, Ended> {
        let units = u32::try_from(bytes.div_ceil(UNIT).clamp(1, UNITS_AHEAD)).unwrap_or(u32::MAX);
        let of_peer = self.of_peer.clone().acquire_owned().await.map_err(|_| Ended)?;
        let of_all = self.of_all.clone().acquire_many_owned(units).await.map_err(|_| Ended)?;
        Ok(Room { _of_peer: of_peer, _of_all: of_all })
    }

    async fn send(&self, input: PeerInput) -> Result<(), Ended> {
        self.inbox.send(Input::Peer(self.peer, input)).await.map_err(|_| Ended)
    }
}

/// The task that writes.
struct Writer {
    peer: PeerId,
    half: OwnedWriteHalf,
    waiting: Waiting,
    patience: Duration,
    inbox: mpsc::Sender<Input>,
    /// Bytes gone out that the manager has not been told of.
    unreported: usize,
}

impl Writer {
    async fn run(mut self) {
        while let Some(frame) = self.waiting.next().await {
            if self.write(&frame.bytes).await.is_err() {
                let _ = self.inbox.send(Input::Peer(self.peer, PeerInput::Closed)).await;
                return;
            }
            self.waiting.sent(&frame);
            self.unreported += frame.bytes.len();
            self.report(frame.is_block).await;
        }
    }

    /// Writes all of `bytes`; gives up when the peer takes none for too long.
    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = timeout(self.patience, self.write_some(bytes)).await??;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    async fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.half.writable().await?;
            match self.half.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Tells what went out. The count of bytes can wait for a better time; that a block went out cannot.
    async fn report(&mut self, is_block: bool) {
        if self.inbox.try_send(Input::Peer(self.peer, PeerInput::Sent(self.unreported))).is_ok() {
            self.unreported = 0;
        }
        if is_block {
            let _ = self.inbox.send(Input::Peer(self.peer, PeerInput::BlockSent)).await;
        }
    }
}
