//! The messages and their payloads.

mod address;
mod inventory;
mod version;

use cairn_primitives::codec::{put_compact_size, put_list};
use cairn_primitives::{Amount, Block, Decode, DecodeError, Encode, Header, Reader, Sink, Transaction};

pub use address::{AddressV1, AddressV2, NetworkAddress, PeerEndpoint, Services, UnixTime};
pub use inventory::{BlockRequest, Inventory};
pub use version::{UserAgent, UserAgentError, Version};

use crate::command::Command;
use crate::limits;

/// One message of the protocol.
///
/// Integers are least significant byte first on the wire, ports the other way round. Lists stand behind a compact
/// size that counts them and is held against the limit named here before anything is reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who I am. Bytes after the known fields are read over, so that the protocol can grow.
    Version(Box<Version>),
    /// I accept your version.
    Verack,
    /// Are you there? (BIP31)
    Ping(u64),
    /// I am, and this was your number.
    Pong(u64),
    /// Nodes I know, at most [`limits::MAX_ADDR`].
    Addr(Vec<AddressV1>),
    /// Nodes I know, on any network, at most [`limits::MAX_ADDR`] (BIP155). Entries of networks not known here have
    /// been left out.
    AddrV2(Vec<AddressV2>),
    /// Tell me nodes you know.
    GetAddr,
    /// I would rather have `addrv2` (BIP155). Belongs between `version` and `verack`.
    SendAddrV2,
    /// I have these, at most [`limits::MAX_INV`].
    Inv(Vec<Inventory>),
    /// Send me these, at most [`limits::MAX_INV`].
    GetData(Vec<Inventory>),
    /// I do not have these that you asked for, at most [`limits::MAX_INV`].
    NotFound(Vec<Inventory>),
    /// Which headers follow? The locator holds at most [`limits::MAX_LOCATOR`] hashes.
    GetHeaders(BlockRequest),
    /// These follow, at most [`limits::MAX_HEADERS`]. Each stands before a transaction count that must be zero
    /// (Core reads over it and sends zero).
    Headers(Vec<Header>),
    /// Announce blocks to me by `headers` (BIP130).
    SendHeaders,
    /// Which blocks follow? Answered by `inv`. The locator holds at most [`limits::MAX_LOCATOR`] hashes.
    GetBlocks(BlockRequest),
    /// A block.
    Block(Box<Block>),
    /// A transaction.
    Tx(Box<Transaction>),
    /// Announce to me what your pool holds (BIP35).
    MemPool,
    /// Announce no transaction to me that pays less than this for 1,000 virtual bytes (BIP133). Any value can come.
    FeeFilter(Amount),
    /// Announce transactions to me by wtxid (BIP339). Belongs between `version` and `verack`.
    WtxidRelay,
    /// Something else, read over.
    Unknown {
        /// Its name.
        command: Command,
        /// Length of its payload in bytes.
        length: u32,
    },
}

/// Names a message has in [`command`](Message::command), [`decode`](Message::decode) and the limits.
pub(crate) mod name {
    use crate::command::Command;

    pub(crate) const VERSION: Command = Command::known("version");
    pub(crate) const VERACK: Command = Command::known("verack");
    pub(crate) const PING: Command = Command::known("ping");
    pub(crate) const PONG: Command = Command::known("pong");
    pub(crate) const ADDR: Command = Command::known("addr");
    pub(crate) const ADDRV2: Command = Command::known("addrv2");
    pub(crate) const GETADDR: Command = Command::known("getaddr");
    pub(crate) const SENDADDRV2: Command = Command::known("sendaddrv2");
    pub(crate) const INV: Command = Command::known("inv");
    pub(crate) const GETDATA: Command = Command::known("getdata");
    pub(crate) const NOTFOUND: Command = Command::known("notfound");
    pub(crate) const GETHEADERS: Command = Command::known("getheaders");
    pub(crate) const HEADERS: Command = Command::known("headers");
    pub(crate) const SENDHEADERS: Command = Command::known("sendheaders");
    pub(crate) const GETBLOCKS: Command = Command::known("getblocks");
    pub(crate) const BLOCK: Command = Command::known("block");
    pub(crate) const TX: Command = Command::known("tx");
    pub(crate) const MEMPOOL: Command = Command::known("mempool");
    pub(crate) const FEEFILTER: Command = Command::known("feefilter");
    pub(crate) const WTXIDRELAY: Command = Command::known("wtxidrelay");
}

/// What the payload of a command may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Read into memory; at most this many bytes.
    AtMost(usize),
    /// Read into memory; bounded by what the chain's messages may hold.
    AsChain,
    /// Read over; bounded likewise.
    Unknown,
}

impl Message {
    /// The message's name.
    pub const fn command(&self) -> Command {
        match self {
            Self::Version(_) => name::VERSION,
            Self::Verack => name::VERACK,
            Self::Ping(_) => name::PING,
            Self::Pong(_) => name::PONG,
            Self::Addr(_) => name::ADDR,
            Self::AddrV2(_) => name::ADDRV2,
            Self::GetAddr => name::GETADDR,
            Self::SendAddrV2 => name::SENDADDRV2,
            Self::Inv(_) => name::INV,
            Self::GetData(_) => name::GETDATA,
            Self::NotFound(_) => name::NOTFOUND,
            Self::GetHeaders(_) => name::GETHEADERS,
            Self::Headers(_) => name::HEADERS,
            Self::SendHeaders => name::SENDHEADERS,
            Self::GetBlocks(_) => name::GETBLOCKS,
            Self::Block(_) => name::BLOCK,
            Self::Tx(_) => name::TX,
            Self::MemPool => name::MEMPOOL,
            Self::FeeFilter(_) => name::FEEFILTER,
            Self::WtxidRelay => name::WTXIDRELAY,
            Self::Unknown { command, .. } => *command,
        }
    }

    /// Reads the payload of `command`.
    ///
    /// A command that is not known gives [`Unknown`](Self::Unknown), whatever the payload.
    ///
    /// # Errors
    /// [`DecodeError`] when the payload is not exactly one message, a list or the user agent is above its limit, a
    /// header is followed by a transaction count other than zero, or an address has not its network's length.
    pub fn decode(command: Command, payload: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(payload);
        let message = match command {
            // What follows the known fields is for later versions of the protocol to give a meaning.
            name::VERSION => return Ok(Self::Version(Box::new(Version::decode(reader)?))),
            name::VERACK => Self::Verack,
            name::PING => Self::Ping(reader.u64_le()?),
            name::PONG => Self::Pong(reader.u64_le()?),
            name::ADDR => Self::Addr(reader.list(limits::ADDRESS_V1_LEN, limits::MAX_ADDR)?),
            name::ADDRV2 => Self::AddrV2(AddressV2::decode_list(reader)?),
            name::GETADDR => Self::GetAddr,
            name::SENDADDRV2 => Self::SendAddrV2,
            name::INV => Self::Inv(decode_inventory(reader)?),
            name::GETDATA => Self::GetData(decode_inventory(reader)?),
            name::NOTFOUND => Self::NotFound(decode_inventory(reader)?),
            name::GETHEADERS => Self::GetHeaders(BlockRequest::decode(reader)?),
            name::HEADERS => Self::Headers(decode_headers(reader)?),
            name::SENDHEADERS => Self::SendHeaders,
            name::GETBLOCKS => Self::GetBlocks(BlockRequest::decode(reader)?),
            name::BLOCK => Self::Block(Box::new(Block::decode(reader)?)),
            name::TX => Self::Tx(Box::new(Transaction::decode(reader)?)),
            name::MEMPOOL => Self::MemPool,
            name::FEEFILTER => Self::FeeFilter(Amount::from_sat(reader.u64_le()?)),
            name::WTXIDRELAY => Self::WtxidRelay,
            _ => {
                let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                return Ok(Self::Unknown { command, length });
            }
        };
        reader.finish()?;
        Ok(message)
    }

    /// Writes the payload; nothing for [`Unknown`](Self::Unknown), whose payload is not kept.
    pub(crate) fn encode_payload<S: Sink + ?Sized>(&self, sink: &mut S) {
        match self {
            Self::Version(version) => version.encode(sink),
            Self::Ping(nonce) | Self::Pong(nonce) => sink.put(&nonce.to_le_bytes()),
            Self::Addr(entries) => put_list(sink, entries),
            Self::AddrV2(entries) => put_list(sink, entries),
            Self::Inv(items) | Self::GetData(items) | Self::NotFound(items) => put_list(sink, items),
            Self::GetHeaders(request) | Self::GetBlocks(request) => request.encode(sink),
            Self::Headers(headers) => {
                put_compact_size(sink, headers.len() as u64);
                for header in headers {
                    header.encode(sink);
                    put_compact_size(sink, 0);
                }
            }
            Self::Block(block) => block.encode(sink),
            Self::Tx(tx) => tx.encode(sink),
            Self::FeeFilter(rate) => sink.put(&rate.to_sat().to_le_bytes()),
            Self::Verack
            | Self::GetAddr
            | Self::SendAddrV2
            | Self::SendHeaders
            | Self::MemPool
            | Self::WtxidRelay
            | Self::Unknown { .. } => {}
        }
    }

    /// The list this message carries, as its length and the most it may be.
    pub(crate) fn list_len(&self) -> Option<(usize, usize)> {
        match self {
            Self::Addr(entries) => Some((entries.len(), limits::MAX_ADDR)),
            Self::AddrV2(entries) => Some((entries.len(), limits::MAX_ADDR)),
            Self::Inv(items) | Self::GetData(items) | Self::NotFound(items) => {
                Some((items.len(), limits::MAX_INV))
            }
            Self::GetHeaders(request) | Self::GetBlocks(request) => {
                Some((request.locator.len(), limits::MAX_LOCATOR))
            }
            Self::Headers(headers) => Some((headers.len(), limits::MAX_HEADERS)),
            _ => None,
        }
    }
}

impl Payload {
    /// What the payload of `command` may be.
    pub(crate) fn of(command: Command) -> Self {
        match command {
            name::VERSION => Self::AtMost(limits::MAX_VERSION_PAYLOAD),
            name::VERACK
            | name::GETADDR
            | name::SENDADDRV2
            | name::SENDHEADERS
            | name::MEMPOOL
            | name::WTXIDRELAY => Self::AtMost(0),
            name::PING | name::PONG | name::FEEFILTER => Self::AtMost(8),
            name::ADDR => Self::AtMost(limits::MAX_ADDR_PAYLOAD),
            name::ADDRV2 => Self::AtMost(limits::MAX_ADDRV2_PAYLOAD),
            name::INV | name::GETDATA | name::NOTFOUND => Self::AtMost(limits::MAX_INV_PAYLOAD),
            name::GETHEADERS | name::GETBLOCKS => Self::AtMost(limits::MAX_LOCATOR_PAYLOAD),
            name::HEADERS => Self::AtMost(limits::MAX_HEADERS_PAYLOAD),
            name::BLOCK | name::TX => Self::AsChain,
            _ => Self::Unknown,
        }
    }
}

fn decode_inventory(reader: &mut Reader<'_>) -> Result<Vec<Inventory>, DecodeError> {
    reader.list(limits::INVENTORY_LEN, limits::MAX_INV)
}

fn decode_headers(reader: &mut Reader<'_>) -> Result<Vec<Header>, DecodeError> {
    let count = reader.list_len(limits::HEADER_ENTRY_LEN, limits::MAX_HEADERS)?;
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        headers.push(Header::decode(reader)?);
        let offset = reader.position();
        match reader.compact_size()? {
            0 => {}
            got => return Err(DecodeError::InvalidValue { offset, field: "transaction count", got }),
        }
    }
    Ok(headers)
}
