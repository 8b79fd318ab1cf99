//! The server's limits, each with a name and a default.

use std::num::NonZeroU32;
use std::time::Duration;

/// What the server allows from outside.
///
/// A client is one IPv4 address, or one IPv6 /64 network: whoever has one address of such a network has them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Open connections in all; the next one is answered 503 and closed.
    pub max_connections: usize,
    /// Open connections of one client; the next one is answered 503 and closed.
    pub max_connections_per_client: usize,
    /// Requests a second of one client, in the long run; more are answered 429.
    pub requests_per_second: NonZeroU32,
    /// Requests one client may send at once before `requests_per_second` holds it.
    pub request_burst: NonZeroU32,
    /// Bytes of a request's first line and headers together, 8,192 at least; more are answered 431.
    pub max_header_bytes: usize,
    /// Bytes of a request body where no block is sent; more are answered 413.
    pub max_body_bytes: usize,
    /// Bytes of a `POST /tx/send` body: two hex digits for each byte of a transaction.
    pub max_tx_body_bytes: usize,
    /// Bytes of a `POST /mining/submit` body: two hex digits for each byte of a block.
    pub max_block_body_bytes: usize,
    /// Node calls that run at once; others wait their turn.
    pub max_concurrent_calls: usize,
    /// Open `/events` streams in all; the next one is answered 503.
    pub max_subscriptions: usize,
    /// Open `/events` streams of one client; the next one is answered 429.
    pub max_subscriptions_per_client: usize,
    /// Events that wait for one slow subscriber.
    pub subscription_buffer: usize,
    /// How long a subscriber may leave its full buffer alone before its stream is cut off.
    pub subscription_stall_timeout: Duration,
    /// How long a client may leave the bytes sent to it alone before its connection is cut off.
    pub write_stall_timeout: Duration,
    /// Silence on a stream after which a `ping` is sent.
    pub ping_interval: Duration,
    /// How long a connection may take to send a request's headers, the pause before the request included.
    pub header_read_timeout: Duration,
    /// How long a request's body may take to arrive (then 408), and the node to answer it (then 503).
    pub request_timeout: Duration,
    /// How long one `POST /mine` may mine; what was found by then is the answer.
    pub mine_timeout: Duration,
    /// How long open requests may take to end once the server stops; under 5 s in all.
    pub drain_timeout: Duration,
    /// Host names, without port, that requests may name besides `localhost` and loopback addresses when the server is bound to
    /// loopback. Bound elsewhere an empty list allows every name, any other list only its own names and IP addresses.
    pub allowed_hosts: Vec<String>,
    /// Whether the page at `/` may pay from the node's own wallet without the admin token; for development nodes, whose coins
    /// are worth nothing. The server then takes `POST /wallet/send` without a token from whom all of this holds: it comes over a
    /// loopback connection to a server bound to loopback, names a loopback `Host`, carries an `Origin` equal to that host and the
    /// header `X-Cairn-Page: 1`, and has not passed a proxy that says so. A page of another site fails at `Origin`, which a browser
    /// sets itself; a program on this machine can pass all of it.
    pub wallet_from_page: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        const fn at_least_one(value: u32) -> NonZeroU32 {
            match NonZeroU32::new(value) {
                Some(value) => value,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            max_connections: 512,
            max_connections_per_client: 256,
            requests_per_second: const { at_least_one(500) },
            request_burst: const { at_least_one(1_000) },
            max_header_bytes: 16 * 1024,
            max_body_bytes: 64 * 1024,
            max_tx_body_bytes: 1024 * 1024,
            max_block_body_bytes: 8 * 1024 * 1024,
            max_concurrent_calls: 16,
            max_subscriptions: 256,
            max_subscriptions_per_client: 64,
            subscription_buffer: 64,
            subscription_stall_timeout: Duration::from_secs(10),
            write_stall_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(15),
            header_read_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            mine_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(3),
            allowed_hosts: Vec::new(),
            wallet_from_page: false,
        }
    }
}
