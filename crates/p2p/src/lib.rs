//! Bitcoin's peer-to-peer protocol (the unencrypted v1 transport): messages and frames, peers, sync, relay.
//!
//! - [`Message`] and [`Codec`]: every message a full node speaks and its exact bytes, each list limit a constant in [`limits`],
//!   enforced before memory is reserved.
//! - [`handshake`]: no order of messages loses the peer's height, starts sync twice or skips it.
//! - [`PeerManager`]: one state machine for all peers. [`Event`]s in, [`Action`]s out. Inside it, each a part of its own:
//!   headers first and then blocks from several peers at once, with stalling peers found out and low-work headers kept at a
//!   bounded cost; transactions asked of one peer at a time and announced in trickles; addresses passed on within a rate.
//! - [`AddressBook`] and [`BanList`]: whom to call and whom to leave alone, kept between runs as a [`PeersFile`].
//! - [`net`]: the tokio driver that gives the manager sockets, timers and name lookups. It is the feature `net`, on by
//!   default; without it the crate has no I/O at all.
//!
//! But for `net`, nothing here reads a clock, a socket or a random source: time, bytes and seeds come in as arguments. What it
//! asks of the chain and of the pool stands in [`ChainView`] and [`PoolView`]. The same events with the same seed give the same
//! actions, so a thousand nodes can run in one test.
//!
//! # What is not here
//! The encrypted v2 transport (BIP324), compact blocks (BIP152), filters (BIP37, BIP157), package relay, and networks other
//! than IP: onion, I2P and CJDNS addresses are passed on and never called.
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
