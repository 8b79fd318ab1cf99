//! Bitcoin's peer-to-peer protocol (the unencrypted v1 transport) as values: which messages there are, their exact
//! bytes, how they are framed on a stream, and how two nodes come to know each other.
//!
//! - [`Message`]: every message a full node speaks, with each list limit of Bitcoin Core as a constant in [`limits`],
//!   enforced before memory is reserved.
//! - [`Codec`]: bytes in, messages out, in whatever slices the bytes come; what it holds is bounded.
//! - [`handshake::Handshake`]: events in, actions out; no order of messages loses the peer's height, starts sync twice or skips
//!   it.
//!
//! Nothing here reads a clock, a socket or a random source: time, bytes and nonces come in as arguments.
//!
//! What is *not* here: no connections, no header or block sync, no relay, no address book, no bans and
//! no rate limits; none of the encrypted v2 transport (BIP324), compact blocks (BIP152), filters (BIP37, BIP157) or
//! package relay. `cairn-node` does not use this crate yet.
//!
//! ```
//! use cairn_p2p::{Codec, Message};
//! use cairn_params::presets;
//!
//! let spec = presets::bitcoin();
//! let mut codec = Codec::for_chain(&spec);
//! let bytes = codec.encode(&Message::Ping(7))?;
//!
//! // The first twenty bytes give nothing yet; the rest completes the message.
//! let (mut early, mut late) = bytes.split_at(20);
//! assert_eq!(codec.decode(&mut early)?, None);
//! assert_eq!(codec.decode(&mut late)?, Some(Message::Ping(7)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod handshake;
pub mod limits;
#[cfg(feature = "net")]
pub mod net;

mod address_book;
mod codec;
mod command;
mod event;
mod gossip;
mod manager;
mod message;
mod misbehaviour;
mod outbox;
mod ports;
mod relay;
mod sync;

pub use address_book::{
    AddressBook, BanList, MAX_ADDRESSES, MAX_BANS, MAX_PEERS_FILE, PeersFile, PeersFileError,
};
pub use codec::{Codec, CodecError, EncodeError, HEADER_LEN};
pub use command::{Command, CommandError};
pub use event::{Action, BlockOutcome, DisconnectReason, Event, HeadersOutcome, Notice, PeerId, TxOutcome};
pub use handshake::Direction;
pub use manager::{PeerConfig, PeerInfo, PeerManager};
pub use message::{
    AddressV1, AddressV2, BlockRequest, Inventory, Message, NetworkAddress, PeerEndpoint, Services, UnixTime,
    UserAgent, UserAgentError, Version,
};
pub use misbehaviour::{BAN_SCORE, Misbehaviour};
pub use ports::{ChainPoint, ChainView, HeaderEntry, Local, PoolTx, PoolView, TxRef};
