//! How the driver deals with sockets.

use std::net::SocketAddr;
use std::time::Duration;

/// How the driver deals with sockets. Whom to call and whom to let in is [`PeerConfig`](crate::PeerConfig)'s matter.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Where to listen for connections; port 0 takes a free one. Default: nowhere.
    pub listen: Option<SocketAddr>,
    /// How long opening a connection may take. Default 5 seconds (Core's `DEFAULT_CONNECT_TIMEOUT`).
    pub connect_timeout: Duration,
    /// How long a peer may take not one byte while some are waiting for it; then the connection is closed. Default 60
    /// seconds.
    pub write_timeout: Duration,
    /// How long looking up a name may take. Default 10 seconds.
    pub resolve_timeout: Duration,
    /// Bytes waiting for a peer from which on nothing is read from it: who asks and does not listen is not asked on.
    /// Default 1 MB (Core's `DEFAULT_MAXSENDBUFFER`).
    pub send_high_water: usize,
    /// Most bytes that may wait for a peer; with more the connection is closed. Default 8 MB; never less than two
    /// messages of the longest kind.
    pub send_limit: usize,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            listen: None,
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(60),
            resolve_timeout: Duration::from_secs(10),
            send_high_water: 1_000_000,
            send_limit: 8_000_000,
        }
    }
}
