//! What a node tells by itself, over connections that come and go.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::stream::{EventStream, EventsStop, Frame};
use super::{Client, ClientError};
use crate::dto::{BlockEvent, EventType, MempoolEvent, ReorgEvent, Status, TxEvent, TxRemovedEvent};

/// The first wait before a new connection.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest: each wait without an answer is twice the one before.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its place in the node's log; `None` for what is in no log.
    pub id: Option<u64>,
    /// What it says.
    pub told: Told,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The node's state: the stream starts here, and what was before is not told.
    Snapshot(Box<Status>),
    /// A block was connected.
    Block(BlockEvent),
    /// Blocks made room for a better branch.
    Reorg(ReorgEvent),
    /// A transaction came into the pool.
    Tx(TxEvent),
    /// A transaction left the pool.
    TxRemoved(TxRemovedEvent),
    /// The pool as a whole.
    Mempool(MempoolEvent),
    /// Nothing happened for a while.
    Ping {
        /// The node's clock, Unix seconds.
        ts: u64,
    },
}

/// A node's events, one after the other, as long as they are wanted.
///
/// Each item blocks until something comes. An error is one connection that failed; the next item waits, from one second up to
/// half a minute, connects anew and goes on after the last id: nothing of the log is lost or told twice. (What happens to the pool
/// meanwhile is lost.) The iterator ends once it is stopped, and never by itself.
pub struct Events {
    base: String,
    types: Vec<EventType>,
    last_id: Option<u64>,
    stream: Option<EventStream>,
    wait: Option<Duration>,
    retry: (Duration, Duration),
    stop: EventsStop,
}

impl Client {
    /// The node's events of these types (none: all), after the id `since` or from now on. Connects with the first item.
    #[must_use]
    pub fn events(&self, types: &[EventType], since: Option<u64>) -> Events {
        Events {
            base: self.base().to_owned(),
            types: types.to_vec(),
            last_id: since,
            stream: None,
            wait: None,
            retry: (RETRY_MIN, RETRY_MAX),
            stop: EventsStop::default(),
        }
    }
}

impl Events {
    /// The same with other waits before new connections: the first, and the longest.
    #[must_use]
    pub fn with_retry(mut self, first: Duration, longest: Duration) -> Self {
        self.retry = (first, longest);
        self
    }

    /// The same, ended by `stop`.
    pub(super) fn stopped_by(mut self, stop: EventsStop) -> Self {
        self.stop = stop;
        self
    }

    /// What ends the stream from another thread.
    #[must_use]
    pub fn stopper(&self) -> EventsStop {
        self.stop.clone()
    }

    /// Id of the last event of the log that was told.
    #[must_use]
    pub fn last_id(&self) -> Option<u64> {
        self.last_id
    }

    fn path(&self) -> String {
        let names: Vec<&str> = self.types.iter().map(|kind| kind.name()).collect();
        if names.is_empty() { "/events".to_owned() } else { format!("/events?types={}", names.join(",")) }
    }

    /// Events up to the next one that this version knows.
    fn read(&mut self) -> Result<Received, ClientError> {
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => EventStream::open(&self.base, &self.path(), self.last_id, &self.stop)?,
            };
            let frame = stream.next()?;
            self.wait = None;
            self.last_id = frame.id.or(self.last_id);
            let told =
                told(&frame).map_err(|_| ClientError::NotANode { base: self.base.clone(), status: 200 })?;
            self.stream = Some(stream);
            if let Some(told) = told {
                // A ping repeats the last id and is itself in no log.
                let id = if matches!(told, Told::Ping { .. }) { None } else { frame.id };
                return Ok(Received { id, told });
            }
        }
    }
}

impl Iterator for Events {
    type Item = Result<Received, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stop.wait(if self.stream.is_none() { self.wait.unwrap_or_default() } else { Duration::ZERO })
        {
            return None;
        }
        let received = self.read();
        if received.is_err() {
            if self.stop.is_stopped() {
                return None;
            }
            let (first, longest) = self.retry;
            self.wait = Some(self.wait.map_or(first, |wait| wait.saturating_mul(2)).min(longest));
        }
        Some(received)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("base", &self.base)
            .field("types", &self.types)
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}

/// What a frame says; `None` for an id alone and for types of a later version.
fn told(frame: &Frame) -> Result<Option<Told>, serde_json::Error> {
    fn read<T: DeserializeOwned>(frame: &Frame) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&frame.data)
    }
    #[derive(Deserialize)]
    struct Ping {
        ts: u64,
    }
    let Some(kind) = EventType::named(&frame.event) else { return Ok(None) };
    Ok(Some(match kind {
        EventType::Snapshot => Told::Snapshot(read(frame)?),
        EventType::Block => Told::Block(read(frame)?),
        EventType::Reorg => Told::Reorg(read(frame)?),
        EventType::Tx => Told::Tx(read(frame)?),
        EventType::TxRemoved => Told::TxRemoved(read(frame)?),
        EventType::Mempool => Told::Mempool(read(frame)?),
        EventType::Ping => Told::Ping { ts: read::<Ping>(frame)?.ts },
    }))
}

impl ClientError {
    pub(super) fn of_io(base: &str, error: &io::Error) -> Self {
        let base = base.to_owned();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Timeout { base },
            kind => ClientError::Broken { base, kind },
        }
    }
}
