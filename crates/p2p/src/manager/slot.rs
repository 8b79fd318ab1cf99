//! One connection.

use std::net::SocketAddr;
use std::time::Duration;

use super::budget::Budget;
use super::ping::Pings;
use crate::handshake::{Direction, Handshake, Peer};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Someone called us.
    Inbound,
    /// One of those we keep by our own choice.
    Outbound,
    /// The operator asked for it.
    Manual,
    /// To see whether someone is there.
    Feeler,
}

impl Purpose {
    pub(super) const fn direction(self) -> Direction {
        match self {
            Self::Inbound => Direction::Inbound,
            Self::Outbound | Self::Manual | Self::Feeler => Direction::Outbound,
        }
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) addr: SocketAddr,
    pub(super) purpose: Purpose,
    pub(super) opened: Duration,
    pub(super) handshake: Handshake,
    /// The number in our `version`.
    pub(super) nonce: u64,
    /// What the handshake told; `None` before it is over.
    pub(super) info: Option<Peer>,
    pub(super) score: u32,
    pub(super) budget: Budget,
    pub(super) pings: Pings,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

impl Slot {
    /// When something is due on this connection.
    pub(super) fn deadline(&self) -> Duration {
        match self.info {
            Some(_) => self.pings.deadline(),
            None => self.handshake.deadline().unwrap_or(Duration::MAX),
        }
    }
}
