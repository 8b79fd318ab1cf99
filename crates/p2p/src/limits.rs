//! Every limit on what a peer may send, in one place.
//!
//! Where Core has the limit, its name is given. The payload limits of single commands follow from the list limits
//! and field sizes; Core has only the general one.

use cairn_primitives::Header;

/// Longest payload of any message in bytes (Core's `MAX_PROTOCOL_MESSAGE_LENGTH`), unless the chain's blocks may be
/// heavier (see [`Codec::for_chain`](crate::Codec::for_chain)).
pub const MAX_PAYLOAD: usize = 4_000_000;
/// Most headers in one `headers` (Core's `MAX_HEADERS_RESULTS`).
pub const MAX_HEADERS: usize = 2_000;
/// Most entries in one `inv`, `getdata` or `notfound` (Core's `MAX_INV_SZ`).
pub const MAX_INV: usize = 50_000;
/// Most entries in one `addr` or `addrv2` (Core's `MAX_ADDR_TO_SEND`).
pub const MAX_ADDR: usize = 1_000;
/// Most hashes in the locator of a `getheaders` or `getblocks` (Core's `MAX_LOCATOR_SZ`).
pub const MAX_LOCATOR: usize = 101;
/// Longest user agent in bytes (Core's `MAX_SUBVERSION_LENGTH`).
pub const MAX_USER_AGENT: usize = 256;
/// Longest address of an `addrv2` entry in bytes, whatever its network (BIP155; Core's `MAX_ADDRV2_SIZE`).
pub const MAX_ADDRV2_ADDRESS: usize = 512;

/// Longest `version` in bytes. The known fields take at most 345; the rest is room for fields to come, which are
/// read over.
pub const MAX_VERSION_PAYLOAD: usize = 1_024;

/// Encoded length of one `inv` entry: kind and hash.
pub(crate) const INVENTORY_LEN: usize = 4 + 32;
/// Encoded length of one `addr` entry: time, services, address, port.
pub(crate) const ADDRESS_V1_LEN: usize = 4 + 8 + 16 + 2;
/// Least encoded length of one `addrv2` entry: time, services, network, empty address, port.
pub(crate) const ADDRESS_V2_MIN_LEN: usize = 4 + 1 + 1 + 1 + 2;
/// Encoded length of one `headers` entry: the header and a transaction count of zero.
pub(crate) const HEADER_ENTRY_LEN: usize = Header::SIZE + 1;
/// Bytes of a compact size that counts up to 65,535.
const COUNT_LEN: usize = 3;

/// Longest `addr` in bytes.
pub const MAX_ADDR_PAYLOAD: usize = COUNT_LEN + MAX_ADDR * ADDRESS_V1_LEN;
/// Longest `addrv2` in bytes: services of nine bytes, an address of the longest kind.
pub const MAX_ADDRV2_PAYLOAD: usize = COUNT_LEN + MAX_ADDR * (4 + 9 + 1 + 3 + MAX_ADDRV2_ADDRESS + 2);
/// Longest `inv`, `getdata` or `notfound` in bytes.
pub const MAX_INV_PAYLOAD: usize = COUNT_LEN + MAX_INV * INVENTORY_LEN;
/// Longest `getheaders` or `getblocks` in bytes.
pub const MAX_LOCATOR_PAYLOAD: usize = 4 + 1 + (MAX_LOCATOR + 1) * 32;
/// Longest `headers` in bytes.
pub const MAX_HEADERS_PAYLOAD: usize = COUNT_LEN + MAX_HEADERS * HEADER_ENTRY_LEN;
