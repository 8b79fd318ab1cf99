//! Every limit: taken at it, refused past it, in both directions.

use cairn_p2p::limits::{
    MAX_ADDR, MAX_ADDRV2_ADDRESS, MAX_HEADERS, MAX_INV, MAX_LOCATOR, MAX_USER_AGENT, MAX_VERSION_PAYLOAD,
};
use cairn_p2p::{
    AddressV1, AddressV2, BlockRequest, Codec, CodecError, Command, CommandError, EncodeError, Inventory,
    Message, NetworkAddress, PeerEndpoint, Services, UnixTime, UserAgent, UserAgentError, Version,
};
use cairn_params::presets;
use cairn_primitives::{BlockHash, DecodeError, Encode};

use crate::support::{frame, header};

fn decode(command: &str, payload: &[u8]) -> Result<Message, CodecError> {
    let bytes = frame(command, payload);
    let decoded = Codec::for_chain(&presets::bitcoin()).decode(&mut &bytes[..])?;
    Ok(decoded.expect("a whole frame"))
}

fn malformed(command: &str, payload: &[u8]) -> DecodeError {
    match decode(command, payload) {
        Err(CodecError::Malformed { error, .. }) => error,
        other => panic!("{command}: {other:?}"),
    }
}

fn entry_v1() -> AddressV1 {
    AddressV1 { last_seen: UnixTime::new(1), endpoint: PeerEndpoint::NONE }
}

fn entry_v2() -> AddressV2 {
    AddressV2 {
        last_seen: UnixTime::new(1),
        services: Services::NONE,
        address: NetworkAddress::TorV3([7; 32]),
        port: 8_333,
    }
}

fn request(count: usize) -> BlockRequest {
    BlockRequest { protocol: 70_016, locator: vec![BlockHash::ZERO; count], stop: BlockHash::ZERO }
}

/// Each list as a message of `count` entries.
fn lists(count: usize) -> Vec<Message> {
    let inventory = vec![Inventory::new(2, [3; 32]); count];
    vec![
        Message::Addr(vec![entry_v1(); count]),
        Message::AddrV2(vec![entry_v2(); count]),
        Message::Inv(inventory.clone()),
        Message::GetData(inventory.clone()),
        Message::NotFound(inventory),
        Message::GetHeaders(request(count)),
        Message::GetBlocks(request(count)),
        Message::Headers(vec![header(); count]),
    ]
}

fn limit_of(message: &Message) -> usize {
    match message {
        Message::Addr(_) | Message::AddrV2(_) => 1_000,
        Message::GetHeaders(_) | Message::GetBlocks(_) => 101,
        Message::Headers(_) => 2_000,
        _ => 50_000,
    }
}

#[test]
fn the_limits_are_those_of_core() {
    assert_eq!((MAX_ADDR, MAX_INV, MAX_HEADERS, MAX_LOCATOR), (1_000, 50_000, 2_000, 101));
    assert_eq!((MAX_USER_AGENT, MAX_ADDRV2_ADDRESS), (256, 512));
    assert_eq!(Codec::new([0; 4]).max_payload(), 4_000_000);
}

#[test]
fn lists_pass_at_the_limit_and_not_past_it() {
    let codec = Codec::for_chain(&presets::bitcoin());
    for limit in [101, 1_000, 2_000, 50_000] {
        for message in lists(limit).into_iter().filter(|message| limit_of(message) == limit) {
            let bytes = codec.encode(&message).unwrap();
            assert_eq!(codec.clone().decode(&mut &bytes[..]), Ok(Some(message)));
        }
        for message in lists(limit + 1).into_iter().filter(|message| limit_of(message) == limit) {
            let command = message.command();
            assert_eq!(codec.encode(&message), Err(EncodeError::TooMany { command, got: limit + 1, limit }));
        }
    }
}

/// A count past the limit is refused even where the payload's length alone would let it through, and before the
/// entries are looked at.
#[test]
fn a_count_past_the_limit_is_refused_as_such() {
    for (command, at, limit) in [
        ("addr", 0, 1_000u16),
        ("addrv2", 0, 1_000),
        ("inv", 0, 50_000),
        ("getdata", 0, 50_000),
        ("notfound", 0, 50_000),
        ("headers", 0, 2_000),
    ] {
        let count = |count: u16| [&[0xfd][..], &count.to_le_bytes()].concat();
        let limit_exceeded =
            DecodeError::LimitExceeded { offset: at, got: u64::from(limit) + 1, limit: u64::from(limit) };
        assert_eq!(malformed(command, &count(limit + 1)), limit_exceeded, "{command}");
        assert!(matches!(malformed(command, &count(limit)), DecodeError::UnexpectedEnd { .. }), "{command}");
    }
    for command in ["getheaders", "getblocks"] {
        let over = [&[0; 4][..], &[102], &[0; 64]].concat();
        assert_eq!(malformed(command, &over), DecodeError::LimitExceeded { offset: 4, got: 102, limit: 101 });
        let at = [&[0; 4][..], &[101], &[0; 64]].concat();
        assert!(matches!(malformed(command, &at), DecodeError::UnexpectedEnd { .. }));
    }
}

#[test]
fn payloads_past_their_command_are_fatal_before_they_are_read() {
    let block_limit = 4_000_000;
    for (command, limit) in [
        ("version", MAX_VERSION_PAYLOAD),
        ("verack", 0),
        ("getaddr", 0),
        ("mempool", 0),
        ("sendheaders", 0),
        ("sendaddrv2", 0),
        ("wtxidrelay", 0),
        ("ping", 8),
        ("pong", 8),
        ("feefilter", 8),
        ("addr", 3 + 1_000 * 30),
        ("addrv2", 3 + 1_000 * 531),
        ("inv", 3 + 50_000 * 36),
        ("getdata", 3 + 50_000 * 36),
        ("notfound", 3 + 50_000 * 36),
        ("getheaders", 4 + 1 + 102 * 32),
        ("getblocks", 4 + 1 + 102 * 32),
        ("headers", 3 + 2_000 * 81),
        ("block", block_limit),
        ("tx", block_limit),
        ("cmpctblock", block_limit),
    ] {
        let mut bytes = frame(command, &[]);
        let mut announce = |length: usize| {
            bytes[16..20].copy_from_slice(&(length as u32).to_le_bytes());
            let mut codec = Codec::for_chain(&presets::bitcoin());
            let result = codec.decode(&mut &bytes[..]);
            (codec, result)
        };
        let (mut codec, past) = announce(limit + 1);
        let error = past.unwrap_err();
        assert!(error.is_fatal());
        match error {
            CodecError::PayloadTooLong { got, limit: stated, .. } => {
                assert_eq!((got, stated), (limit + 1, limit), "{command}");
            }
            other => panic!("{command}: {other}"),
        }
        assert_eq!(codec.decode(&mut &frame("verack", &[])[..]), Err(error), "{command}: the error stays");
        let (codec, at) = announce(limit);
        assert_eq!(codec.buffered(), 0);
        assert!(limit == 0 || at == Ok(None), "{command}");
    }
}

#[test]
fn a_chain_with_heavier_blocks_has_longer_payloads() {
    let mut spec = presets::mini();
    spec.limits.block_weight = 1_000_000;
    assert_eq!(Codec::for_chain(&spec).max_payload(), 4_000_000);
    spec.limits.block_weight = 8_000_000;
    assert_eq!(Codec::for_chain(&spec).max_payload(), 8_000_000);
}

fn version(agent: usize) -> Version {
    Version {
        protocol: 70_016,
        services: Services::NETWORK,
        timestamp: 0,
        receiver: PeerEndpoint::NONE,
        sender: PeerEndpoint::NONE,
        nonce: 1,
        user_agent: UserAgent::new(vec![b'a'; agent]).expect("within the limit"),
        start_height: -1,
        relay: false,
    }
}

#[test]
fn user_agents_end_at_256_bytes() {
    assert_eq!(UserAgent::new(vec![b'a'; 257]), Err(UserAgentError::TooLong { got: 257, limit: 256 }));
    let mut payload = version(256).to_bytes();
    assert!(decode("version", &payload).is_ok());
    // The length stands at byte 80, behind its marker.
    assert_eq!(payload[80..83], [0xfd, 0x00, 0x01]);
    payload[81] = 0x01;
    assert_eq!(
        malformed("version", &payload),
        DecodeError::LimitExceeded { offset: 80, got: 257, limit: 256 }
    );
    assert_eq!(UserAgent::new(*b"/a\n\xff/").unwrap().to_string(), "/a??/");
}

#[test]
fn version_reads_over_what_later_protocols_add_and_nothing_else_does() {
    let mut payload = version(0).to_bytes();
    payload.extend([9; 20]);
    assert_eq!(decode("version", &payload), Ok(Message::Version(Box::new(version(0)))));
    assert_eq!(version(0).height().to_u32(), 0, "a negative height counts as zero");

    let mut feefilter = vec![0; 8];
    assert!(decode("feefilter", &feefilter).is_ok());
    feefilter.pop();
    assert!(matches!(malformed("feefilter", &feefilter), DecodeError::UnexpectedEnd { .. }));
    assert_eq!(malformed("inv", &[0, 0]), DecodeError::TrailingBytes { offset: 1, count: 1 });
}

#[test]
fn headers_are_followed_by_a_count_of_zero() {
    let mut payload = vec![1];
    payload.extend(header().to_array());
    payload.push(0);
    assert_eq!(decode("headers", &payload), Ok(Message::Headers(vec![header()])));
    payload[81] = 1;
    let error = DecodeError::InvalidValue { offset: 81, field: "transaction count", got: 1 };
    assert_eq!(malformed("headers", &payload), error);
}

/// One `addrv2` entry with this network and address.
fn addrv2(network: u8, address: &[u8]) -> Vec<u8> {
    let mut payload = vec![1, 0, 0, 0, 0, 0, network];
    cairn_primitives::codec::put_var_bytes(&mut payload, address);
    payload.extend([0x20, 0x8d]);
    payload
}

fn addresses(network: u8, address: &[u8]) -> Vec<NetworkAddress> {
    match decode("addrv2", &addrv2(network, address)) {
        Ok(Message::AddrV2(entries)) => entries.into_iter().map(|entry| entry.address).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn addrv2_networks_have_their_lengths() {
    for (network, length) in [(1, 4), (2, 16), (4, 32), (5, 32), (6, 16)] {
        let mut address = vec![0xfc; length];
        let [known] = addresses(network, &address)[..] else { panic!("network {network} is known") };
        assert_eq!(known.network_id(), network);
        for wrong in [length - 1, length + 1] {
            address.resize(wrong, 0xfc);
            let error = malformed("addrv2", &addrv2(network, &address));
            let got = wrong as u64;
            assert_eq!(error, DecodeError::InvalidValue { offset: 7, field: "length of an address", got });
        }
    }
}

#[test]
fn addrv2_skips_what_it_does_not_know() {
    // Tor v2 (3) is gone; 0, 7 and 255 mean nothing yet.
    for (network, length) in [(3, 10), (0, 0), (7, 40), (255, 512)] {
        assert_eq!(addresses(network, &vec![1; length]), []);
    }
    let error = malformed("addrv2", &addrv2(255, &[1; 513]));
    assert_eq!(error, DecodeError::LimitExceeded { offset: 7, got: 513, limit: 512 });
    // IPv4 and Tor v2 inside IPv6, CJDNS outside fc00::/8.
    assert_eq!(addresses(2, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4]), []);
    assert_eq!(addresses(2, &[0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), []);
    assert_eq!(addresses(6, &[0xfd; 16]), []);
}

#[test]
fn commands_are_printable_and_padded_with_zeros() {
    assert_eq!(Command::from_bytes(*b"abcdefghijkl").unwrap().as_str(), "abcdefghijkl");
    assert_eq!(
        Command::from_bytes(*b"ping\x1f\0\0\0\0\0\0\0"),
        Err(CommandError::NotPrintable { got: 0x1f, position: 4 })
    );
    assert_eq!(
        Command::from_bytes(*b"ping\x7f\0\0\0\0\0\0\0"),
        Err(CommandError::NotPrintable { got: 0x7f, position: 4 })
    );
    assert_eq!(
        Command::from_bytes(*b"ping\0x\0\0\0\0\0\0"),
        Err(CommandError::AfterEnd { got: b'x', position: 5 })
    );
    assert!(Command::from_bytes(*b" ~\0\0\0\0\0\0\0\0\0\0").is_ok());
}
