//! `peers.dat`.

use super::*;

/// The file that holds `body`, its checksum reckoned bit by bit.
fn framed(body: &[u8]) -> Vec<u8> {
    let version = [1, 0, 0, 0];
    let mut crc = u32::MAX;
    for byte in version.iter().chain(body) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    [b"cper", &version[..], &(!crc).to_le_bytes(), body].concat()
}

/// The key, the number of addresses, the addresses, the bans.
fn body(addresses: &[&[u8]], bans: &[u8]) -> Vec<u8> {
    [&[7; 32][..], &[u8::try_from(addresses.len()).unwrap()], addresses.concat().as_slice(), bans].concat()
}

/// 1.2.3.4:8333, a tried one with services 9, told of by 5.6.7.8, seen and answered at 1,800,000,000.
const TRIED: &[u8] = &[
    0, 1, 2, 3, 4, 0xfb, 0x8d, 0x20, // variant V4, octets, port
    9,    // services
    0xfc, 0x00, 0xd2, 0x49, 0x6b, // seen
    0, 5, 6, 7, 8, // source
    1, 0xfc, 0x00, 0xd2, 0x49, 0x6b, // answered
    0,    // attempts
    0,    // no bucket of the new table
];

/// [2a00:1::1]:80 in buckets 3 and 1,023 of the new table, never answered, called in vain twice.
const NEW: &[u8] = &[
    1, 0x2a, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 80, // variant V6, octets, port
    0xfb, 9, 4, // services 1033
    0xfc, 0xff, 0xd1, 0x49, 0x6b, // seen a second earlier
    0, 5, 6, 7, 8, // source
    0, // never answered
    2, // attempts
    2, 3, 0xfb, 0xff, 0x03, // two buckets
];

/// One ban: 9.9.9.9 until 1,800,000,001.
const BAN: &[u8] = &[1, 0, 9, 9, 9, 9, 0xfc, 0x01, 0xd2, 0x49, 0x6b];

#[test]
fn the_bytes_are_pinned() {
    let golden = framed(&body(&[TRIED, NEW], BAN));
    let file = PeersFile::from_bytes(&golden).unwrap();
    check(&file.book);
    let tried = entry(&file.book, SocketAddr::from(([1, 2, 3, 4], 8333)));
    assert!(tried.is_tried());
    assert_eq!(tried.last_success, Some(unix(NOW)));
    let new = entry(&file.book, "[2a00:1::1]:80".parse().unwrap());
    assert_eq!((new.new_slots(), new.attempts, new.services.to_bits()), (2, 2, 1033));
    let banned = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));
    assert_eq!(file.bans.list(NOW), [(banned, NOW + Duration::from_secs(1))]);
    assert_eq!(PeersFile::to_bytes(&file.book, &file.bans), golden);
}

#[test]
fn an_empty_book_reads_back() {
    let bytes = PeersFile::to_bytes(&book(), &BanList::default());
    assert_eq!(bytes, framed(&body(&[], &[0])));
    let file = PeersFile::from_bytes(&bytes).unwrap();
    assert!(file.book.is_empty() && file.bans == BanList::default());
}

#[test]
fn any_damage_is_told() {
    let whole = framed(&body(&[TRIED, NEW], BAN));
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 4;
        match PeersFile::from_bytes(&damaged).unwrap_err() {
            PeersFileError::Magic { expected, .. } => assert!(place < 4 && expected == *b"cper"),
            PeersFileError::Checksum { .. } => assert!(place >= 4),
            other => panic!("{other}"),
        }
        let cut = PeersFile::from_bytes(&whole[..place]).unwrap_err();
        assert!(matches!(cut, PeersFileError::TooShort { limit: 12, .. } | PeersFileError::Checksum { .. }));
    }
    let longer = vec![0; MAX_PEERS_FILE + 1];
    assert!(matches!(PeersFile::from_bytes(&longer), Err(PeersFileError::TooLong { .. })));
}

#[test]
fn another_version_and_bytes_too_many_are_told() {
    let version_2 = [2, 0, 0, 0];
    let newer = [b"cper", &version_2[..], &crc32c::crc32c(&version_2).to_le_bytes()].concat();
    assert!(matches!(PeersFile::from_bytes(&newer), Err(PeersFileError::Version { got: 2, expected: 1 })));
    let more = framed(&[body(&[], &[0]), vec![0]].concat());
    assert!(matches!(PeersFile::from_bytes(&more), Err(PeersFileError::TrailingBytes { count: 1 })));
    let fewer = framed(&body(&[TRIED], &[]));
    assert!(matches!(PeersFile::from_bytes(&fewer), Err(PeersFileError::Body(_))));
    let endless = framed(&[&[7; 32][..], &[0xfd], &[0xff; 8]].concat());
    assert!(matches!(PeersFile::from_bytes(&endless), Err(PeersFileError::Body(_))));
}

#[test]
fn what_stands_where_it_cannot_is_told() {
    let place =
        |addresses: &[&[u8]]| match PeersFile::from_bytes(&framed(&body(addresses, &[0]))).unwrap_err() {
            PeersFileError::Place { index } => index,
            other => panic!("{other}"),
        };
    assert_eq!(place(&[TRIED, TRIED]), 1, "twice");
    let start = &NEW[..NEW.len() - 5];
    assert_eq!(place(&[&[start, &[1, 0xfb, 0x00, 0x04]].concat()]), 0, "bucket 1,024");
    assert_eq!(place(&[&[start, &[2, 3, 3]].concat()]), 0, "one bucket twice");
    assert_eq!(place(&[&[start, &[9, 1, 2, 3, 4, 5, 6, 7, 8, 9]].concat()]), 0, "nine buckets");
    let eight = [start, &[8, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
    assert!(PeersFile::from_bytes(&framed(&body(&[&eight], &[0]))).is_ok());
    let mapped = [&[1; 1][..], &[0; 10], &[0xff, 0xff, 1, 2, 3, 4], &TRIED[5..]].concat();
    assert_eq!(place(&[&mapped]), 0, "IPv4 in IPv6 clothes");
}

#[test]
fn ten_thousand_bans_are_read_and_no_more() {
    let bans = |count: u16| {
        let one = |n: u16| [&[0, 9, 9], &n.to_be_bytes()[..], &[1]].concat();
        framed(&body(
            &[],
            &[vec![0xfb], count.to_le_bytes().to_vec(), (0..count).flat_map(one).collect()].concat(),
        ))
    };
    assert!(PeersFile::from_bytes(&bans(10_000)).is_ok());
    let error = PeersFile::from_bytes(&bans(10_001)).unwrap_err();
    assert!(matches!(error, PeersFileError::TooManyBans { got: 10_001, limit: 10_000 }));
}

#[test]
fn a_full_book_fits_the_file() {
    // Longest forms: every number above its short form, eight buckets.
    let longest = 17 + 3 + 9 + 5 + 17 + 6 + 5 + (1 + 8 * 3);
    let ban = 17 + 9;
    assert!(12 + 32 + 5 + MAX_ADDRESSES * longest + 5 + MAX_BANS * ban < MAX_PEERS_FILE);
}
