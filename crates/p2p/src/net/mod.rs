//! The driver: a thin layer over tokio that owns the sockets, timers and name lookups of a [`PeerManager`]. It decides
//! nothing that the manager could decide.
//!
//! One task owns the connections, tells the manager what happens and does what it says. Each connection has a task
//! that reads, one that writes and one that reads blocks from the disk, with bounded queues between them:
//!
//! - What was read waits in a queue of 1,024 messages and 32 MiB for all peers, 16 messages of one peer. Who finds it full
//!   does not read on, so the bytes wait at the peer.
//! - What is to be sent waits for each peer up to [`NetConfig::send_limit`] bytes; beyond that, or when the peer takes
//!   nothing for [`NetConfig::write_timeout`], the connection is closed. From [`NetConfig::send_high_water`] bytes on
//!   nothing is read from the peer, and no block is read for it.
//! - Connections that others open are taken at a bounded rate, one at a time until the manager has said what it thinks of
//!   them. It closes those whose handshake takes too long.
//!
//! The node is reached through the [`Host`] trait; it reaches the driver through [`NetHandle`].

mod clock;
mod config;
mod connection;
mod engine;
mod handle;
mod host;
mod jobs;
mod listen;
mod outgoing;
mod rate;

pub use config::NetConfig;
pub use handle::{EventError, NetHandle};
pub use host::{Host, Reply};

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use crate::address_book::PeersFile;
use crate::codec::Codec;
use crate::manager::{PeerConfig, PeerManager};
use clock::Clock;
use connection::{UNITS_AHEAD, Wiring};
use engine::{Engine, Feeds, INBOX, READS};
use handle::{COMMANDS, Shared};

/// The driver.
#[derive(Debug)]
pub struct Net;

impl Net {
    /// Starts a [`PeerManager`] over real sockets, on the tokio runtime this is called in. `saved` is what is known from
    /// earlier runs; `seed` feeds the manager's random choices and is to be random itself.
    ///
    /// The task behind the second value ends after [`NetHandle::stop`], or when the last handle is dropped.
    ///
    /// # Errors
    /// When [`NetConfig::listen`] cannot be listened on.
    pub async fn start(
        config: NetConfig,
        peers: PeerConfig,
        saved: PeersFile,
        seed: [u8; 32],
        host: Arc<dyn Host>,
    ) -> io::Result<(NetHandle, JoinHandle<()>)> {
        let clock = Clock::start();
        let listener = match config.listen {
            Some(addr) => Some(TcpListener::bind(addr).await?),
            None => None,
        };
        let listen = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let codec = Codec::for_chain(&peers.spec);
        let manager = PeerManager::new(clock.now(), peers, saved.book, saved.bans, seed);

        let (inbox, inputs) = mpsc::channel(INBOX);
        let (checked, outcomes) = mpsc::unbounded_channel();
        let (commands, orders) = mpsc::channel(COMMANDS);
        let shared = Arc::new(Shared {
            manager: Mutex::new(manager),
            clock,
            listen,
            stop: Notify::new(),
            tip: Notify::new(),
            pinned: AtomicUsize::new(0),
        });
        let mut jobs = JoinSet::new();
        if let Some(listener) = listener {
            jobs.spawn(listen::listen(listener, clock, inbox.clone()));
        }
        let units = Arc::new(Semaphore::new(UNITS_AHEAD));
        let reads = Arc::new(Semaphore::new(READS));
        let engine = Engine {
            shared: shared.clone(),
            clock,
            wiring: Wiring { config: Arc::new(config), codec, host, inbox, units, reads },
            checked,
            connections: BTreeMap::new(),
            opened: 0,
            jobs,
        };
        let task = tokio::spawn(engine.run(Feeds { inbox: inputs, checked: outcomes, commands: orders }));
        Ok((NetHandle::new(commands, shared), task))
    }
}
