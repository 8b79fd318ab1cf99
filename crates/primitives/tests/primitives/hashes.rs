//! Hash functions against their published vectors, and the forms of the typed hashes.

use cairn_primitives::hash::{self, Sha256Engine};
use cairn_primitives::{BlockHash, Hash160, HexError, MerkleRoot, Sha256, Sha256d, Sink, Txid, Wtxid, hex};

use crate::support::{bytes, data};

/// FIPS 180-4, the RIPEMD-160 paper, and for the compositions the sum of both.
#[test]
fn functions_give_their_published_values() {
    let abc = b"abc";
    assert_eq!(hex::encode(&hash::sha1(abc)), "a9993e364706816aba3e25717850c26c9cd0d89d");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex::encode(&hash::sha256(abc)), sha256);
    assert_eq!(hex::encode(&hash::ripemd160(abc)), "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
    assert_eq!(hash::sha256d(abc), hash::sha256(&bytes(sha256)));
    // BIP173's example key.
    let key = bytes("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    assert_eq!(hash::hash160(&key).to_string(), "751e76e8199196d454941c45d1b3a323f1433bd6");
}

#[test]
fn the_engine_takes_bytes_in_any_pieces() {
    let message: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for size in [1, 3, 63, 64, 65, 1000] {
        let mut engine = Sha256Engine::new();
        message.chunks(size).for_each(|piece| engine.put(piece));
        assert_eq!(engine.clone().finish(), hash::sha256(&message));
        assert_eq!(engine.finish_double(), hash::sha256d(&message));
    }
    assert_eq!(Sha256Engine::default().finish(), hash::sha256(b""));
}

/// The vector of the SipHash paper's appendix, and two of Bitcoin Core's `hash_tests`.
#[test]
fn siphash_gives_its_published_values() {
    let (k0, k1) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    let message: Vec<u8> = (0..15).collect();
    assert_eq!(hash::siphash24(k0, k1, &message), 0xa129_ca61_49be_45e5);
    assert_eq!(hash::siphash24(k0, k1, &[]), 0x726f_db47_dd0e_0e31);
    assert_eq!(hash::siphash24(k0, k1, &[0]), 0x74f8_39c5_93dc_67fd);
}

/// BIP341's wallet vectors: a leaf's hash is the tagged hash of its version, its script's length and its script.
#[test]
fn tagged_hashes_are_those_of_bip341() {
    let path = "vectors/core/bip341_wallet_vectors.json";
    let Some(file) = data(path, "tagged_hashes_are_those_of_bip341") else { return };
    let vectors: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let mut checked = 0;
    for case in vectors["scriptPubKey"].as_array().unwrap() {
        let leaf = &case["given"]["scriptTree"];
        let (Some(script), Some(version)) = (leaf["script"].as_str(), leaf["leafVersion"].as_u64()) else {
            continue;
        };
        let script = bytes(script);
        let prefix = [version as u8, script.len() as u8];
        let got = hash::tagged(b"TapLeaf", &[&prefix, &script]);
        assert_eq!(hex::encode(&got), case["intermediary"]["leafHashes"][0].as_str().unwrap());
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn tagged_hashes_join_their_parts() {
    let joined = hash::tagged(b"tag", &[b"one two"]);
    assert_eq!(hash::tagged(b"tag", &[b"one", b" ", b"two", b""]), joined);
    assert_ne!(hash::tagged(b"gat", &[b"one two"]), joined);
}

#[test]
fn ids_read_backwards_and_plain_hashes_forwards() {
    let ascending: [u8; 32] = std::array::from_fn(|index| index as u8);
    let forward = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let backward = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";
    macro_rules! check {
        ($($name:ident $text:expr),*) => {$(
            let value = $name::from_bytes(ascending);
            assert_eq!(value.to_string(), $text);
            assert_eq!($text.parse(), Ok(value));
            assert_eq!($text.to_uppercase().parse(), Ok(value));
            assert_eq!(format!("{value:?}"), format!("{}({})", stringify!($name), $text));
            assert_eq!(value.to_bytes(), ascending);
            assert_eq!(value.as_bytes(), &ascending);
            assert_eq!($name::ZERO.to_string(), "0".repeat(64));
        )*};
    }
    check!(BlockHash backward, Txid backward, Wtxid backward, MerkleRoot backward, Sha256d backward, Sha256 forward);
    let short: Hash160 = forward[..40].parse().unwrap();
    assert_eq!(short.as_bytes(), &ascending[..20]);
    assert_eq!(short.to_string(), forward[..40]);
}

#[test]
fn hashes_order_by_their_bytes() {
    let mut low = [0; 32];
    low[31] = 0xff;
    let mut high = [0; 32];
    high[0] = 1;
    assert!(Txid::from_bytes(low) < Txid::from_bytes(high));
}

#[test]
fn text_that_is_no_hash_says_why() {
    let text = "0".repeat(64);
    assert_eq!(text[1..].parse::<Txid>(), Err(HexError::WrongLength { got: 63, expected: 64 }));
    assert_eq!(format!("{text}0").parse::<Txid>(), Err(HexError::WrongLength { got: 65, expected: 64 }));
    assert_eq!("".parse::<Hash160>(), Err(HexError::WrongLength { got: 0, expected: 40 }));
    let damaged = format!("{}g{}", &text[..7], &text[8..]);
    assert_eq!(damaged.parse::<Txid>(), Err(HexError::NotADigit { got: b'g', position: 7 }));
    // Right number of bytes, though not of characters.
    let umlaut = format!("ü{}", &text[2..]);
    assert_eq!(umlaut.parse::<Txid>(), Err(HexError::NotADigit { got: 0xc3, position: 0 }));
}

#[test]
fn hex_of_any_length_round_trips() {
    assert_eq!(hex::encode(&[0, 0xab, 0xff]), "00abff");
    assert_eq!(hex::decode("00ABff"), Ok(vec![0, 0xab, 0xff]));
    assert_eq!(hex::decode(""), Ok(vec![]));
    assert_eq!(hex::decode("abc"), Err(HexError::OddLength { got: 3 }));
    assert_eq!(hex::decode("ab c"), Err(HexError::NotADigit { got: b' ', position: 2 }));
    assert_eq!(hex::decode("0x"), Err(HexError::NotADigit { got: b'x', position: 1 }));
}

#[test]
fn serde_writes_text_for_people_and_bytes_for_machines() {
    let text = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    let hash: BlockHash = text.parse().unwrap();
    let json = serde_json::to_string(&hash).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<BlockHash>(&json).unwrap(), hash);
    assert!(serde_json::from_str::<BlockHash>("\"00\"").is_err());
    assert!(serde_json::from_str::<BlockHash>("7").is_err());

    let config = bincode::config::standard();
    let binary = bincode::serde::encode_to_vec(hash, config).unwrap();
    assert_eq!(binary, hash.as_bytes());
    assert_eq!(bincode::serde::decode_from_slice(&binary, config).unwrap(), (hash, 32));
}
