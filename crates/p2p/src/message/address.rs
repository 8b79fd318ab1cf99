//! Where peers are: `addr` entries, `addrv2` entries (BIP155), and the endpoints inside `version`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cairn_primitives::codec::put_compact_size;
use cairn_primitives::{Decode, DecodeError, Encode, Reader, Sink};

use crate::limits::{ADDRESS_V2_MIN_LEN, MAX_ADDR, MAX_ADDRV2_ADDRESS};

/// What a peer says it can do: one bit each, all sixty-four kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Services(u64);

impl Services {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Serves the whole block chain (`NODE_NETWORK`).
    pub const NETWORK: Self = Self(1);
    /// Serves bloom-filtered connections (`NODE_BLOOM`, BIP111).
    pub const BLOOM: Self = Self(1 << 2);
    /// Serves blocks and transactions with witnesses (`NODE_WITNESS`, BIP144).
    pub const WITNESS: Self = Self(1 << 3);
    /// Serves compact block filters (`NODE_COMPACT_FILTERS`, BIP157).
    pub const COMPACT_FILTERS: Self = Self(1 << 6);
    /// Serves the last 288 blocks (`NODE_NETWORK_LIMITED`, BIP159).
    pub const NETWORK_LIMITED: Self = Self(1 << 10);

    /// The set with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Seconds since 1970 as address messages carry them, in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u32);

impl UnixTime {
    /// The time this many seconds after 1970 began.
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    pub const fn to_u32(self) -> u32 {
        self.0
    }
}

/// An endpoint inside `version`: services, then 16 address bytes (IPv4 as `::ffff:a.b.c.d`), then the port, most
/// significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerEndpoint {
    /// What the node there can do, as far as the sender knows.
    pub services: Services,
    /// Its address. An IPv4 address in IPv6 clothes reads as IPv4.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
}

impl PeerEndpoint {
    /// No endpoint: what a node sends that has nothing to say about its own.
    pub const NONE: Self = Self { services: Services::NONE, ip: IpAddr::V6(Ipv6Addr::UNSPECIFIED), port: 0 };
}

impl Encode for PeerEndpoint {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.services.to_bits().to_le_bytes());
        let v6 = match self.ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        sink.put(&v6.octets());
        sink.put(&self.port.to_be_bytes());
    }
}

impl Decode for PeerEndpoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            services: Services::from_bits(reader.u64_le()?),
            ip: IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)).to_canonical(),
            port: u16::from_be_bytes(reader.array()?),
        })
    }
}

/// One entry of `addr`: 30 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressV1 {
    /// When the node was last seen, as the sender says.
    pub last_seen: UnixTime,
    /// The node.
    pub endpoint: PeerEndpoint,
}

impl Encode for AddressV1 {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.last_seen.to_u32().to_le_bytes());
        self.endpoint.encode(sink);
    }
}

impl Decode for AddressV1 {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { last_seen: UnixTime::new(reader.u32_le()?), endpoint: PeerEndpoint::decode(reader)? })
    }
}

/// An address on one of the networks of BIP155 that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkAddress {
    /// Network 1.
    Ipv4(Ipv4Addr),
    /// Network 2. Not an IPv4 address in IPv6 clothes: peers ignore those (see [`from_ip`](Self::from_ip)).
    Ipv6(Ipv6Addr),
    /// Network 4: the public key of a Tor v3 onion service.
    TorV3([u8; 32]),
    /// Network 5: the SHA-256 of an I2P destination.
    I2p([u8; 32]),
    /// Network 6. Inside `fc00::/8`: peers ignore others.
    Cjdns(Ipv6Addr),
}

impl NetworkAddress {
    const IPV4: u8 = 1;
    const IPV6: u8 = 2;
    const TOR_V3: u8 = 4;
    const I2P: u8 = 5;
    const CJDNS: u8 = 6;

    /// The address of an IP node, IPv4 in IPv6 clothes taken as IPv4.
    pub const fn from_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::Ipv4(v4),
            IpAddr::V6(v6) => Self::Ipv6(v6),
        }
    }

    /// The network's number in BIP155.
    pub const fn network_id(&self) -> u8 {
        match self {
            Self::Ipv4(_) => Self::IPV4,
            Self::Ipv6(_) => Self::IPV6,
            Self::TorV3(_) => Self::TOR_V3,
            Self::I2p(_) => Self::I2P,
            Self::Cjdns(_) => Self::CJDNS,
        }
    }

    /// Reads network, length and address. `None` for an entry to skip: a network not known here (among them
    /// Tor v2, number 3, which is gone), or an address that its network does not have (BIP155: IPv4 or onion
    /// addresses inside IPv6; CJDNS outside `fc00::/8`).
    fn decode(reader: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        let network = reader.u8()?;
        let offset = reader.position();
        let length = reader.list_len(1, MAX_ADDRV2_ADDRESS)?;
        let wrong_length =
            DecodeError::InvalidValue { offset, field: "length of an address", got: length as u64 };
        let bytes = reader.take(length)?;
        let long = || <[u8; 32]>::try_from(bytes).map_err(|_| wrong_length);
        let v6 = || <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from).map_err(|_| wrong_length);
        Ok(match network {
            Self::IPV4 => {
                let octets = <[u8; 4]>::try_from(bytes).map_err(|_| wrong_length)?;
                Some(Self::Ipv4(Ipv4Addr::from(octets)))
            }
            Self::IPV6 => Some(v6()?).filter(|ip| !embeds_other_network(ip)).map(Self::Ipv6),
            Self::TOR_V3 => Some(Self::TorV3(long()?)),
            Self::I2P => Some(Self::I2p(long()?)),
            Self::CJDNS => Some(v6()?).filter(|ip| ip.octets()[0] == 0xfc).map(Self::Cjdns),
            _ => None,
        })
    }
}

impl Encode for NetworkAddress {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&[self.network_id()]);
        let mut put = |bytes: &[u8]| {
            put_compact_size(sink, bytes.len() as u64);
            sink.put(bytes);
        };
        match self {
            Self::Ipv4(ip) => put(&ip.octets()),
            Self::Ipv6(ip) | Self::Cjdns(ip) => put(&ip.octets()),
            Self::TorV3(bytes) | Self::I2p(bytes) => put(bytes),
        }
    }
}

/// Whether an IPv6 address is a wrapper for another network: IPv4-mapped, or the prefix `fd87:d87e:eb43::/48` that
/// once carried Tor v2.
fn embeds_other_network(ip: &Ipv6Addr) -> bool {
    ip.to_ipv4_mapped().is_some() || ip.octets().starts_with(&[0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43])
}

/// One entry of `addrv2` (BIP155).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressV2 {
    /// When the node was last seen, as the sender says.
    pub last_seen: UnixTime,
    /// What it can do.
    pub services: Services,
    /// Where it is.
    pub address: NetworkAddress,
    /// Its port; 0 on networks without ports.
    pub port: u16,
}

impl AddressV2 {
    /// Reads a list of entries and leaves out those of BIP155's other networks.
    pub(super) fn decode_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let count = reader.list_len(ADDRESS_V2_MIN_LEN, MAX_ADDR)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let last_seen = UnixTime::new(reader.u32_le()?);
            let services = Services::from_bits(reader.compact_size()?);
            let address = NetworkAddress::decode(reader)?;
            let port = u16::from_be_bytes(reader.array()?);
            entries.extend(address.map(|address| Self { last_seen, services, address, port }));
        }
        Ok(entries)
    }
}

impl Encode for AddressV2 {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.last_seen.to_u32().to_le_bytes());
        put_compact_size(sink, self.services.to_bits());
        self.address.encode(sink);
        sink.put(&self.port.to_be_bytes());
    }
}
