//! The node's hold on the driver.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_primitives::Block;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::clock::Clock;
use crate::address_book::PeersFile;
use crate::event::Event;
use crate::manager::{PeerInfo, PeerManager};

/// Events of the node that may wait to be handled.
pub(super) const COMMANDS: usize = 4_096;
/// Blocks that may be kept in memory for [`Event::TipChanged`] events that wait.
const MAX_PINNED: usize = 64;

/// What the node tells the engine.
#[derive(Debug)]
pub(super) enum Command {
    Event(Event),
    /// [`Event::TipChanged`] whose blocks are counted.
    Tip(Vec<Arc<Block>>),
}

/// What the engine and the handles have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) manager: Mutex<PeerManager>,
    pub(super) clock: Clock,
    pub(super) listen: Option<SocketAddr>,
    pub(super) stop: Notify,
    /// The tip changed and there was no room to say it in its place.
    pub(super) tip: Notify,
    /// Blocks in waiting commands.
    pub(super) pinned: AtomicUsize,
}

impl Shared {
    /// The manager. Held for one event or one question at a time.
    pub(super) fn manager(&self) -> MutexGuard<'_, PeerManager> {
        self.manager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EventError {
    /// Too many wait to be handled. The event is lost unless it is told again.
    #[error("too many events wait to be handled")]
    Busy,
    /// The driver has stopped.
    #[error("the network has stopped")]
    Stopped,
    /// Connections and checks are reported by the driver itself.
    #[error("this event is the driver's own to report")]
    NotYours,
}

/// The node's hold on the driver: tells it what happens in the node, and asks about peers.
///
/// Any thread may use it, and no call waits longer than it takes to handle one event. A caller must not hold a lock that
/// the [`Host`](super::Host)'s views need. When the last handle is dropped, the driver stops.
#[derive(Clone, Debug)]
pub struct NetHandle {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

impl NetHandle {
    pub(super) fn new(commands: mpsc::Sender<Command>, shared: Arc<Shared>) -> Self {
        Self { commands, shared }
    }

    /// Tells of something that happened in the node: [`Event::TipChanged`], [`Event::PoolAdded`], [`Event::Resync`],
    /// [`Event::AddNode`], [`Event::RemoveNode`], [`Event::Ban`] or [`Event::Unban`]. Never waits.
    ///
    /// At most 4,096 events wait. A change of the tip is never lost: without room it is told without its blocks, as it is
    /// when more than 64 blocks wait to be looked at.
    ///
    /// # Errors
    /// [`EventError::Busy`] when too many wait, [`EventError::Stopped`] when nobody listens any more, and
    /// [`EventError::NotYours`] for the events that the driver reports.
    pub fn event(&self, event: Event) -> Result<(), EventError> {
        match event {
            Event::TipChanged { connected } => self.tip_changed(connected),
            Event::PoolAdded { .. }
            | Event::AddNode { .. }
            | Event::RemoveNode { .. }
            | Event::Ban { .. }
            | Event::Unban { .. }
            | Event::Resync => self.commands.try_send(Command::Event(event)).map_err(|error| match error {
                TrySendError::Full(_) => EventError::Busy,
                TrySendError::Closed(_) => EventError::Stopped,
            }),
            Event::Opened { .. }
            | Event::Unreachable { .. }
            | Event::Closed { .. }
            | Event::Received { .. }
            | Event::Malformed { .. }
            | Event::Sent { .. }
            | Event::BlockSent { .. }
            | Event::HeadersChecked { .. }
            | Event::BlockChecked { .. }
            | Event::TxChecked { .. }
            | Event::SeedsResolved { .. }
            | Event::Tick => Err(EventError::NotYours),
        }
    }

    fn tip_changed(&self, mut connected: Vec<Arc<Block>>) -> Result<(), EventError> {
        let count = connected.len();
        let before = self.shared.pinned.fetch_add(count, Ordering::Relaxed);
        if before + count > MAX_PINNED {
            self.shared.pinned.fetch_sub(count, Ordering::Relaxed);
            connected = Vec::new();
        }
        let (kept, sent) = (connected.len(), self.commands.try_send(Command::Tip(connected)));
        if sent.is_err() {
            self.shared.pinned.fetch_sub(kept, Ordering::Relaxed);
        }
        match sent {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                self.shared.tip.notify_one();
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(EventError::Stopped),
        }
    }

    /// Keeps a connection to this node open from now on.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn add_node(&self, addr: SocketAddr) -> Result<(), EventError> {
        self.event(Event::AddNode { addr })
    }

    /// Takes [`add_node`](Self::add_node) back; a connection that is open stays.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn remove_node(&self, addr: SocketAddr) -> Result<(), EventError> {
        self.event(Event::RemoveNode { addr })
    }

    /// Drops an address and does not speak to it for some time.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn ban(&self, ip: IpAddr, time: Duration) -> Result<(), EventError> {
        self.event(Event::Ban { ip, time })
    }

    /// Takes a ban back.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn unban(&self, ip: IpAddr) -> Result<(), EventError> {
        self.event(Event::Unban { ip })
    }

    /// The peers whose handshake is over, the oldest connection first. After a stop: those there were.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.shared.manager().peers()
    }

    /// Number of connections, handshakes that are not over included.
    pub fn connections(&self) -> usize {
        self.shared.manager().connections()
    }

    /// Blocks that peers were asked for and that are not here yet.
    pub fn blocks_in_flight(&self) -> usize {
        self.shared.manager().blocks_in_flight()
    }

    /// The bans that have not ended: address, and the end as time since 1970.
    pub fn bans(&self) -> Vec<(IpAddr, Duration)> {
        let now = self.shared.clock.now();
        self.shared.manager().bans().list(now)
    }

    /// The bytes of a `peers.dat` with what is known now, for [`PeersFile::from_bytes`]. Also works after a stop.
    pub fn save(&self) -> Vec<u8> {
        let (book, bans) = {
            let manager = self.shared.manager();
            (manager.book().clone(), manager.bans().clone())
        };
        PeersFile::to_bytes(&book, &bans)
    }

    /// Where connections are taken, with the port that was chosen; `None` if nowhere.
    pub fn listen_addr(&self) -> Option<SocketAddr> {
        self.shared.listen
    }

    /// Closes every connection and ends the driver's tasks, which the join handle of [`Net::start`](super::Net::start)
    /// waits for.
    pub fn stop(&self) {
        self.shared.stop.notify_one();
    }
}
