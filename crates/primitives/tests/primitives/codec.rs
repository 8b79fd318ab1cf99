//! The reader and the compact size at their limits.

use cairn_primitives::codec::{MAX_SIZE, compact_size_len, put_compact_size, put_list, put_var_bytes};
use cairn_primitives::{Amount, Decode, DecodeError, Encode, Reader, Script, Sink, Txid, Witness};

fn compact(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_compact_size(&mut bytes, value);
    bytes
}

/// Boundaries with the bytes that Bitcoin's protocol documentation gives them.
const COMPACT_SIZES: &[(u64, &[u8])] = &[
    (0, &[0]),
    (252, &[0xfc]),
    (253, &[0xfd, 0xfd, 0]),
    (255, &[0xfd, 0xff, 0]),
    (0xffff, &[0xfd, 0xff, 0xff]),
    (0x1_0000, &[0xfe, 0, 0, 1, 0]),
    (0xffff_ffff, &[0xfe, 0xff, 0xff, 0xff, 0xff]),
    (0x1_0000_0000, &[0xff, 0, 0, 0, 0, 1, 0, 0, 0]),
    (u64::MAX, &[0xff; 9]),
];

#[test]
fn compact_sizes_take_their_shortest_form() {
    for (value, bytes) in COMPACT_SIZES {
        assert_eq!(compact(*value), *bytes);
        assert_eq!(compact_size_len(*value), bytes.len());
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.compact_size(), Ok(*value));
        assert!(reader.is_empty());
    }
}

#[test]
fn compact_sizes_in_a_longer_form_are_refused() {
    let cases: &[(&[u8], u64)] = &[
        (&[0xfd, 0xfc, 0], 252),
        (&[0xfd, 0, 0], 0),
        (&[0xfe, 0xff, 0xff, 0, 0], 0xffff),
        (&[0xfe, 0, 0, 0, 0], 0),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 0xffff_ffff),
        (&[0xff, 0, 0, 0, 0, 0, 0, 0, 0], 0),
    ];
    for (bytes, value) in cases {
        let framed = [&[9, 9], *bytes].concat();
        let mut reader = Reader::new(&framed);
        reader.take(2).unwrap();
        let error = DecodeError::NonMinimalCompactSize { offset: 2, value: *value };
        assert_eq!(reader.compact_size(), Err(error));
    }
}

#[test]
fn compact_sizes_cut_short_are_refused() {
    for (_, bytes) in COMPACT_SIZES.iter().filter(|(_, bytes)| bytes.len() > 1) {
        for length in 1..bytes.len() {
            let error = DecodeError::UnexpectedEnd {
                offset: 1,
                needed: bytes.len() as u64 - 1,
                available: length - 1,
            };
            assert_eq!(Reader::new(&bytes[..length]).compact_size(), Err(error));
        }
    }
    let error = DecodeError::UnexpectedEnd { offset: 0, needed: 1, available: 0 };
    assert_eq!(Reader::new(&[]).compact_size(), Err(error));
}

#[test]
fn integers_are_little_endian() {
    let bytes: Vec<u8> = (1..=31).chain([0xff; 12]).collect();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.u8(), Ok(0x01));
    assert_eq!(reader.u16_le(), Ok(0x0302));
    assert_eq!(reader.u32_le(), Ok(0x0706_0504));
    assert_eq!(reader.u64_le(), Ok(0x0f0e_0d0c_0b0a_0908));
    assert_eq!(reader.array(), Ok([16, 17, 18]));
    assert_eq!(reader.position(), 18);
    assert_eq!(reader.take(13).unwrap().len(), 13);
    assert_eq!(reader.i32_le(), Ok(-1));
    assert_eq!(reader.i64_le(), Ok(-1));
    assert_eq!((reader.position(), reader.remaining()), (43, 0));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_read_past_the_end_says_where_and_how_much() {
    let mut reader = Reader::new(&[1, 2, 3, 4, 5]);
    reader.u16_le().unwrap();
    let error = |needed| Err(DecodeError::UnexpectedEnd { offset: 2, needed, available: 3 });
    assert_eq!(reader.u32_le().map(drop), error(4));
    assert_eq!(reader.u64_le().map(drop), error(8));
    assert_eq!(reader.take(4).map(drop), error(4));
    assert_eq!(reader.take(usize::MAX).map(drop), error(u64::MAX));
    assert_eq!(reader.array::<32>().map(drop), error(32));
    assert_eq!(reader.take(3), Ok([3, 4, 5].as_slice()));
    assert_eq!(reader.u8().map(drop), Err(DecodeError::UnexpectedEnd { offset: 5, needed: 1, available: 0 }));
}

#[test]
fn bytes_since_gives_back_what_was_read() {
    let mut reader = Reader::new(&[1, 2, 3, 4, 5]);
    reader.u8().unwrap();
    let start = reader.position();
    reader.u16_le().unwrap();
    assert_eq!(reader.bytes_since(start), [2, 3]);
    assert_eq!(reader.bytes_since(0), [1, 2, 3]);
    assert!(reader.bytes_since(3).is_empty());
    assert!(reader.bytes_since(4).is_empty());
    assert!(reader.bytes_since(usize::MAX).is_empty());
}

#[test]
fn finish_counts_what_is_left() {
    let mut reader = Reader::new(&[1, 2, 3]);
    reader.u8().unwrap();
    assert_eq!(reader.finish(), Err(DecodeError::TrailingBytes { offset: 1, count: 2 }));
}

#[test]
fn a_list_is_as_long_as_its_limit_and_its_bytes_allow() {
    let bytes = [&[3][..], &[0; 6]].concat();
    assert_eq!(Reader::new(&bytes).list_len(2, 3), Ok(3));
    let past_limit = DecodeError::LimitExceeded { offset: 0, got: 3, limit: 2 };
    assert_eq!(Reader::new(&bytes).list_len(2, 2), Err(past_limit));
    let past_bytes = DecodeError::UnexpectedEnd { offset: 1, needed: 9, available: 6 };
    assert_eq!(Reader::new(&bytes).list_len(3, 3), Err(past_bytes));
    // An item of no stated size still takes a byte.
    let zero_sized = DecodeError::UnexpectedEnd { offset: 1, needed: 7, available: 6 };
    assert_eq!(Reader::new(&[&[7][..], &[0; 6]].concat()).list_len(0, 10), Err(zero_sized));
}

#[test]
fn a_count_that_overflows_is_refused() {
    let bytes = compact(u64::MAX);
    let limit = usize::MAX;
    let error = DecodeError::UnexpectedEnd { offset: 9, needed: u64::MAX, available: 0 };
    assert_eq!(Reader::new(&bytes).list_len(41, limit), Err(error));
}

#[test]
fn lists_round_trip() {
    let amounts = [1, 2, u64::MAX].map(Amount::from_sat);
    let mut bytes = Vec::new();
    put_list(&mut bytes, &amounts);
    assert_eq!(bytes.len(), 25);
    assert_eq!(Reader::new(&bytes).list(8, 3), Ok(amounts.to_vec()));
    let error = DecodeError::UnexpectedEnd { offset: 1, needed: 24, available: 23 };
    assert_eq!(Reader::new(&bytes[..24]).list::<Amount>(8, 3), Err(error));
}

#[test]
fn a_byte_string_above_core_s_max_size_is_refused() {
    for (length, fits) in [(MAX_SIZE, true), (MAX_SIZE + 1, false)] {
        let mut bytes = Vec::with_capacity(length + 5);
        put_var_bytes(&mut bytes, &vec![0x51; length]);
        let got = Script::decode(&mut Reader::new(&bytes)).map(|script| script.len());
        let error = DecodeError::LimitExceeded { offset: 0, got: length as u64, limit: MAX_SIZE as u64 };
        assert_eq!(got, if fits { Ok(length) } else { Err(error) });

        let item = [&[1], bytes.as_slice()].concat();
        let got = Witness::from_bytes(&item).map(|witness| witness.get(0).map(<[u8]>::len));
        let error = DecodeError::LimitExceeded { offset: 1, got: length as u64, limit: MAX_SIZE as u64 };
        assert_eq!(got, if fits { Ok(Some(length)) } else { Err(error) });
    }
}

#[test]
fn a_whole_value_leaves_nothing_over() {
    let error = DecodeError::TrailingBytes { offset: 32, count: 2 };
    assert_eq!(<Txid as Decode>::from_bytes(&[0; 34]), Err(error));
    assert_eq!(<Txid as Decode>::from_bytes(&[0; 32]), Ok(Txid::ZERO));
}

/// A type that leaves the length to the trait.
struct Pieces;

impl Encode for Pieces {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&[1, 2]);
        sink.put(&[]);
        sink.put(&[3]);
    }
}

#[test]
fn the_default_length_is_what_is_written() {
    assert_eq!(Pieces.encoded_len(), 3);
    assert_eq!(Pieces.to_bytes(), [1, 2, 3]);
}

#[test]
fn errors_read_as_sentences() {
    let error = DecodeError::UnexpectedEnd { offset: 7, needed: 4, available: 1 };
    assert_eq!(error.to_string(), "at byte 7: 4 more bytes needed, 1 left");
    let error = DecodeError::UnknownTransactionFlags { offset: 5, got: 2 };
    assert_eq!(error.to_string(), "at byte 5: unknown transaction flags 0x02");
}
