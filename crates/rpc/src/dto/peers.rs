//! `/peers`, `/peers/add`, `/sync`.

use std::fmt;

use cairn_primitives::Height;
use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// `GET /peers`: whom the node is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerList {
    /// The peers, longest connected first.
    pub peers: Vec<PeerInfo>,
}

/// One peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// The connection's number; no other connection of this run of the node has it.
    pub id: u64,
    /// The peer's address and port, as the connection shows them.
    pub addr: String,
    /// Whether the peer made the connection.
    pub inbound: bool,
    /// Its protocol version; null until it has said.
    pub version: Option<u32>,
    /// What it calls itself; null until it has said.
    pub user_agent: Option<String>,
    /// What it offers; null until it has said.
    pub services: Option<Services>,
    /// The best height known of it; null until it has said.
    pub height: Option<Height>,
    /// Points against it; it is banned at 100.
    pub ban_score: u32,
    /// Seconds since the connection was made.
    pub uptime: u64,
    /// Time of its last answer to a ping, in milliseconds; null before the first.
    pub latency_ms: Option<u64>,
    /// Bytes sent to it.
    pub bytes_sent: u64,
    /// Bytes received from it.
    pub bytes_recv: u64,
    /// How the connection frames its messages.
    pub transport: Transport,
}

/// What a node offers, as bits of the `version` message (`NODE_NETWORK` is bit 0); 16 hex digits in JSON, as Bitcoin Core
/// writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Services(u64);

impl Services {
    /// The services with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Services {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| de::Error::custom("services are 16 hex digits"))
    }
}

/// How a connection frames its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// In the open: magic, command, length, checksum.
    V1,
}

/// `POST /peers/add`: connect to this address and stay connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerAddRequest {
    /// An IP address or host name; `:port` behind it where the port is not the chain's own.
    pub addr: String,
}

impl PeerAddRequest {
    /// The most characters of `addr`: the longest host name (RFC 1035) and a port.
    pub const ADDR_MAX: usize = 255 + 6;
}

/// The address is one the node connects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAdded {
    /// The address with its port.
    pub addr: String,
    /// Whether it is new; false when the node was to connect to it already.
    pub added: bool,
}

/// `POST /sync`: the peers have been asked for headers again. What they answer comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStarted {
    /// Height of the last connected block.
    pub height: Height,
    /// Height of the best header known.
    pub headers: Height,
    /// Peers that were asked.
    pub peers: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_sixteen_hex_digits() {
        let services = Services::from_bits(0x409);
        let text = serde_json::to_string(&services).unwrap();
        assert_eq!(text, "\"0000000000000409\"");
        assert_eq!(serde_json::from_str::<Services>(&text).unwrap(), services);
        for bad in ["\"409\"", "1033", "\"+000000000000409\"", "\"00000000000004099\""] {
            assert!(serde_json::from_str::<Services>(bad).is_err(), "{bad}");
        }
    }
}
