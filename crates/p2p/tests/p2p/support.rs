//! Messages to test with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cairn_p2p::{
    AddressV1, AddressV2, BlockRequest, Inventory, Message, NetworkAddress, PeerEndpoint, Services, UnixTime,
    UserAgent, Version,
};
use cairn_params::presets;
use cairn_primitives::{Amount, BlockHash, Header};
use proptest::collection::vec;
use proptest::prelude::*;

/// The header of Bitcoin's first block.
pub(crate) fn header() -> Header {
    presets::bitcoin().genesis_block().header
}

/// A frame of Bitcoin's main network with a right checksum, whatever is in it.
pub(crate) fn frame(command: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xf9, 0xbe, 0xb4, 0xd9];
    let mut name = [0; 12];
    name[..command.len()].copy_from_slice(command.as_bytes());
    bytes.extend(name);
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(&cairn_primitives::hash::sha256d(payload)[..4]);
    bytes.extend(payload);
    bytes
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()),
    ]
}

fn endpoint() -> impl Strategy<Value = PeerEndpoint> {
    (any::<u64>(), ip(), any::<u16>()).prop_map(|(bits, ip, port)| PeerEndpoint {
        services: Services::from_bits(bits),
        ip,
        port,
    })
}

fn version() -> impl Strategy<Value = Message> {
    let numbers = (any::<i32>(), any::<u64>(), any::<i64>(), any::<u64>(), any::<i32>(), any::<bool>());
    (numbers, endpoint(), endpoint(), vec(any::<u8>(), 0..=256)).prop_map(
        |(numbers, receiver, sender, agent)| {
            let (protocol, services, timestamp, nonce, start_height, relay) = numbers;
            let services = Services::from_bits(services);
            let user_agent = UserAgent::new(agent).expect("within the limit");
            Message::Version(Box::new(Version {
                protocol,
                services,
                timestamp,
                receiver,
                sender,
                nonce,
                user_agent,
                start_height,
                relay,
            }))
        },
    )
}

fn network_address() -> impl Strategy<Value = NetworkAddress> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| NetworkAddress::Ipv4(octets.into())),
        any::<[u8; 15]>().prop_map(|rest| {
            let mut octets = [0x20; 16];
            octets[1..].copy_from_slice(&rest);
            NetworkAddress::Ipv6(octets.into())
        }),
        any::<[u8; 32]>().prop_map(NetworkAddress::TorV3),
        any::<[u8; 32]>().prop_map(NetworkAddress::I2p),
        any::<[u8; 15]>().prop_map(|rest| {
            let mut octets = [0xfc; 16];
            octets[1..].copy_from_slice(&rest);
            NetworkAddress::Cjdns(octets.into())
        }),
    ]
}

fn address_v1() -> impl Strategy<Value = AddressV1> {
    (any::<u32>(), endpoint())
        .prop_map(|(seen, endpoint)| AddressV1 { last_seen: UnixTime::new(seen), endpoint })
}

fn address_v2() -> impl Strategy<Value = AddressV2> {
    (any::<u32>(), any::<u64>(), network_address(), any::<u16>()).prop_map(|(seen, bits, address, port)| {
        AddressV2 { last_seen: UnixTime::new(seen), services: Services::from_bits(bits), address, port }
    })
}

fn inventory() -> impl Strategy<Value = Vec<Inventory>> {
    let kind = prop_oneof![0..8u32, 0x4000_0000..0x4000_0004u32, any::<u32>()];
    vec((kind, any::<[u8; 32]>()).prop_map(|(kind, hash)| Inventory::new(kind, hash)), 0..6)
}

fn request() -> impl Strategy<Value = BlockRequest> {
    let hash = || any::<[u8; 32]>().prop_map(BlockHash::from_bytes);
    (any::<u32>(), vec(hash(), 0..=101), hash()).prop_map(|(protocol, locator, stop)| BlockRequest {
        protocol,
        locator,
        stop,
    })
}

/// Any message that can be sent; blocks and transactions are those of the first block.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let genesis = presets::bitcoin().genesis_block();
    let tx = genesis.transactions[0].clone();
    let fixed = prop::sample::select(vec![
        Message::Verack,
        Message::GetAddr,
        Message::SendAddrV2,
        Message::SendHeaders,
        Message::MemPool,
        Message::WtxidRelay,
        Message::Block(Box::new(genesis)),
        Message::Tx(Box::new(tx)),
    ]);
    let headers = vec(any::<(i32, u32)>(), 0..5).prop_map(|fields| {
        let with = |(version, nonce)| Header { version, nonce, ..header() };
        Message::Headers(fields.into_iter().map(with).collect())
    });
    prop_oneof![
        4 => fixed,
        1 => version(),
        1 => any::<u64>().prop_map(Message::Ping),
        1 => any::<u64>().prop_map(Message::Pong),
        1 => vec(address_v1(), 0..5).prop_map(Message::Addr),
        1 => vec(address_v2(), 0..5).prop_map(Message::AddrV2),
        1 => inventory().prop_map(Message::Inv),
        1 => inventory().prop_map(Message::GetData),
        1 => inventory().prop_map(Message::NotFound),
        1 => request().prop_map(Message::GetHeaders),
        1 => headers,
        1 => request().prop_map(Message::GetBlocks),
        1 => any::<u64>().prop_map(|rate| Message::FeeFilter(Amount::from_sat(rate))),
    ]
}
