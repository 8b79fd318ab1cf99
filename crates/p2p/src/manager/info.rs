//! What there is to tell of a peer.

use std::net::SocketAddr;
use std::time::Duration;

use cairn_primitives::Height;

use crate::event::PeerId;
use crate::handshake::Direction;
use crate::message::{Services, UserAgent};

/// What there is to tell of a peer whose handshake is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The connection.
    pub id: PeerId,
    /// Where the peer is.
    pub addr: SocketAddr,
    /// Who opened the connection.
    pub direction: Direction,
    /// Whether the operator asked for this connection.
    pub manual: bool,
    /// The protocol that is spoken: the lower of both sides'.
    pub protocol: i32,
    /// What the peer calls itself.
    pub user_agent: UserAgent,
    /// What it offers.
    pub services: Services,
    /// Height of the best block it is known to have; of what it claimed at first, while nothing is known.
    pub height: Height,
    /// Points against it; at [`BAN_SCORE`](crate::BAN_SCORE) it is dropped.
    pub score: u32,
    /// When the connection was opened, since 1970.
    pub opened: Duration,
    /// How long its last answer to a ping took.
    pub latency: Option<Duration>,
    /// Bytes that went out on this connection.
    pub bytes_sent: u64,
    /// Bytes that came in.
    pub bytes_received: u64,
}
