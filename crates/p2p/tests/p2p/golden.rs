//! Bytes that others published: the Bitcoin wiki's protocol documentation, rust-bitcoin's and Bitcoin Core's tests.

use std::net::{Ipv4Addr, Ipv6Addr};

use cairn_p2p::{
    AddressV1, AddressV2, BlockRequest, Codec, Command, HEADER_LEN, Message, NetworkAddress, PeerEndpoint,
    Services, UnixTime, Version,
};
use cairn_primitives::{BlockHash, Height, hex};

const MAINNET: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

fn one(bytes: &[u8]) -> Message {
    let mut input = bytes;
    let message = Codec::new(MAINNET).decode(&mut input).expect("a good frame").expect("a whole frame");
    assert!(input.is_empty());
    message
}

fn version(message: Message) -> Version {
    match message {
        Message::Version(version) => *version,
        other => panic!("{other:?} is no version"),
    }
}

/// Protocol documentation, "version": a node of release 0.7.2, which sent no relay flag.
#[test]
fn version_of_the_protocol_documentation() {
    let bytes = hex::decode(concat!(
        "f9beb4d976657273696f6e000000000064000000358d4932",
        "62ea0000010000000000000011b2d05000000000010000000000000000000000000000000000ffff000000000000000000000000",
        "000000000000000000000000ffff0000000000003b2eb35d8ce617650f2f5361746f7368693a302e372e322fc03e0300",
    ))
    .unwrap();
    let message = one(&bytes);
    let version = version(message.clone());
    assert_eq!(version.protocol, 60_002);
    assert_eq!(version.services, Services::NETWORK);
    assert_eq!(version.timestamp, 0x50d0_b211);
    assert_eq!(version.receiver.ip, Ipv4Addr::UNSPECIFIED);
    assert_eq!(version.nonce, 0x6517_e68c_5db3_2e3b);
    assert_eq!(version.user_agent.to_string(), "/Satoshi:0.7.2/");
    assert_eq!(version.start_height, 212_672);
    assert_eq!(version.height(), Height::new(212_672));
    assert!(version.relay);

    // We write the flag: one byte more, the payload otherwise the same.
    let ours = Codec::new(MAINNET).encode(&message).unwrap();
    assert_eq!(ours[HEADER_LEN..ours.len() - 1], bytes[HEADER_LEN..]);
    assert_eq!(ours.last(), Some(&1));
}

/// rust-bitcoin, `version_message_test`: a node of release 0.9.99.
#[test]
fn version_with_a_relay_flag() {
    let payload = hex::decode(concat!(
        "721101000100000000000000e6e0845300000000010000000000000000000000000000000000ffff000000000000010000000000",
        "0000fd87d87eeb4364f22cf54dca59412db7208d47d920cffce83ee8102f5361746f7368693a302e392e39392f2c9f040001",
    ))
    .unwrap();
    let message = Message::decode(command(b"version\0\0\0\0\0"), &payload).unwrap();
    let frame = Codec::new(MAINNET).encode(&message).unwrap();
    assert_eq!(frame[HEADER_LEN..], payload);
    let version = version(message);
    assert_eq!((version.protocol, version.timestamp), (70_002, 1_401_217_254));
    assert_eq!(version.nonce, 16_735_069_437_859_780_935);
    assert_eq!(version.user_agent.as_bytes(), b"/Satoshi:0.9.99/");
    assert_eq!(version.start_height, 302_892);
    assert!(version.relay);
}

fn command(bytes: &[u8; 12]) -> Command {
    Command::from_bytes(*bytes).expect("a known command")
}

/// Protocol documentation, "verack".
#[test]
fn verack() {
    let bytes = hex::decode("f9beb4d976657261636b000000000000000000005df6e0e2").unwrap();
    assert_eq!(one(&bytes), Message::Verack);
    assert_eq!(Codec::new(MAINNET).encode(&Message::Verack).unwrap(), bytes);
}

/// Protocol documentation, "addr": one node at 10.0.0.1:8333.
#[test]
fn addr() {
    let bytes = hex::decode(concat!(
        "f9beb4d96164647200000000000000001f000000ed52399b",
        "01e215104d010000000000000000000000000000000000ffff0a000001208d",
    ))
    .unwrap();
    let entry = AddressV1 {
        last_seen: UnixTime::new(0x4d10_15e2),
        endpoint: PeerEndpoint {
            services: Services::NETWORK,
            ip: Ipv4Addr::new(10, 0, 0, 1).into(),
            port: 8_333,
        },
    };
    let message = Message::Addr(vec![entry]);
    assert_eq!(one(&bytes), message);
    assert_eq!(Codec::new(MAINNET).encode(&message).unwrap(), bytes);
}

/// rust-bitcoin, `getheaders_message_test` and `getblocks_message_test`: the same payload for both.
#[test]
fn requests_for_blocks() {
    let zeros = "0".repeat(64);
    let text = format!("72110100014a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b{zeros}");
    let payload = hex::decode(&text).unwrap();
    let hash = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
    let request = BlockRequest {
        protocol: 70_002,
        locator: vec![BlockHash::from_bytes(hex::decode_array(hash).unwrap())],
        stop: BlockHash::ZERO,
    };
    for (name, message) in [
        (b"getheaders\0\0", Message::GetHeaders(request.clone())),
        (b"getblocks\0\0\0", Message::GetBlocks(request.clone())),
    ] {
        assert_eq!(Message::decode(command(name), &payload).unwrap(), message);
        assert_eq!(Codec::new(MAINNET).encode(&message).unwrap()[HEADER_LEN..], payload);
    }
}

/// Core, `netbase_tests.cpp`, `stream_addrv1_hex` and `stream_addrv2_hex`: the same three nodes in both forms.
#[test]
fn three_nodes_in_both_forms() {
    let nodes = [(0x4966_bc61, 0, 0), (0x8376_6279, 1, 0x00f1), (0xffff_ffff, 0x0448, 0xf1f2)];
    let v1 = nodes.map(|(seen, bits, port)| AddressV1 {
        last_seen: UnixTime::new(seen),
        endpoint: PeerEndpoint { services: Services::from_bits(bits), ip: Ipv6Addr::LOCALHOST.into(), port },
    });
    let v2 = nodes.map(|(seen, bits, port)| AddressV2 {
        last_seen: UnixTime::new(seen),
        services: Services::from_bits(bits),
        address: NetworkAddress::Ipv6(Ipv6Addr::LOCALHOST),
        port,
    });
    let localhost = "00000000000000000000000000000001";
    let v1_bytes = hex::decode(&format!(
        "03\
         61bc66490000000000000000{localhost}0000\
         796276830100000000000000{localhost}00f1\
         ffffffff4804000000000000{localhost}f1f2"
    ))
    .unwrap();
    let v2_bytes = hex::decode(&format!(
        "03\
         61bc6649000210{localhost}0000\
         79627683010210{localhost}00f1\
         fffffffffd48040210{localhost}f1f2"
    ))
    .unwrap();
    for (name, bytes, message) in [
        (b"addr\0\0\0\0\0\0\0\0", v1_bytes, Message::Addr(v1.to_vec())),
        (b"addrv2\0\0\0\0\0\0", v2_bytes, Message::AddrV2(v2.to_vec())),
    ] {
        assert_eq!(Message::decode(command(name), &bytes).unwrap(), message);
        assert_eq!(Codec::new(MAINNET).encode(&message).unwrap()[HEADER_LEN..], bytes);
    }
}
