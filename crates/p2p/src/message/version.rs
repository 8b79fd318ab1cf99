//! The first message of either side.

use std::fmt;

use cairn_primitives::codec::put_var_bytes;
use cairn_primitives::{Decode, DecodeError, Encode, Height, Reader, Sink};
use thiserror::Error;

use super::address::{PeerEndpoint, Services};
use crate::limits::MAX_USER_AGENT;

/// What a program calls itself, for example `/Cairn:0.1.0/` (BIP14): at most [`MAX_USER_AGENT`] bytes, which need
/// not be text.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct UserAgent(Vec<u8>);

/// Why bytes cannot be a user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UserAgentError {
    /// Too many bytes.
    #[error("a user agent of {got} bytes is above the limit of {limit}")]
    TooLong {
        /// How many.
        got: usize,
        /// [`MAX_USER_AGENT`].
        limit: usize,
    },
}

impl UserAgent {
    /// The user agent with these bytes.
    ///
    /// # Errors
    /// [`UserAgentError::TooLong`] above [`MAX_USER_AGENT`] bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, UserAgentError> {
        let bytes = bytes.into();
        match bytes.len() {
            got if got > MAX_USER_AGENT => Err(UserAgentError::TooLong { got, limit: MAX_USER_AGENT }),
            _ => Ok(Self(bytes)),
        }
    }

    /// The bytes as the peer sent them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Safe to print: every byte that is not printable ASCII shows as `?`.
impl fmt::Display for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self
            .0
            .iter()
            .map(|&byte| if matches!(byte, 0x20..=0x7e) { char::from(byte) } else { '?' })
            .collect();
        f.pad(&shown)
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserAgent(\"{self}\")")
    }
}

/// The payload of `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The protocol the sender speaks; 70016 is the one with `wtxidrelay`.
    pub protocol: i32,
    /// What the sender can do.
    pub services: Services,
    /// The sender's clock in seconds since 1970. Any value can come.
    pub timestamp: i64,
    /// Where the sender sees the receiver.
    pub receiver: PeerEndpoint,
    /// Where the sender thinks itself to be; nodes of today send [`PeerEndpoint::NONE`].
    pub sender: PeerEndpoint,
    /// A random number by which a node knows a connection to itself.
    pub nonce: u64,
    /// What program sends this.
    pub user_agent: UserAgent,
    /// The height of the sender's best block, as it says. Any value can come; see [`height`](Self::height).
    pub start_height: i32,
    /// Whether the sender wants transactions announced (BIP37). Absent on the wire means yes.
    pub relay: bool,
}

impl Version {
    /// The height the sender claims; a negative one counts as the genesis block's.
    pub fn height(&self) -> Height {
        u32::try_from(self.start_height).map_or(Height::GENESIS, Height::new)
    }
}

impl Encode for Version {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.protocol.to_le_bytes());
        sink.put(&self.services.to_bits().to_le_bytes());
        sink.put(&self.timestamp.to_le_bytes());
        self.receiver.encode(sink);
        self.sender.encode(sink);
        sink.put(&self.nonce.to_le_bytes());
        put_var_bytes(sink, self.user_agent.as_bytes());
        sink.put(&self.start_height.to_le_bytes());
        sink.put(&[u8::from(self.relay)]);
    }
}

/// Reads the known fields and leaves what follows them unread. The relay flag may be absent, and any byte but zero
/// means yes.
impl Decode for Version {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            protocol: reader.i32_le()?,
            services: Services::from_bits(reader.u64_le()?),
            timestamp: reader.i64_le()?,
            receiver: PeerEndpoint::decode(reader)?,
            sender: PeerEndpoint::decode(reader)?,
            nonce: reader.u64_le()?,
            user_agent: {
                let length = reader.list_len(1, MAX_USER_AGENT)?;
                UserAgent(reader.take(length)?.to_vec())
            },
            start_height: reader.i32_le()?,
            relay: reader.is_empty() || reader.u8()? != 0,
        })
    }
}
