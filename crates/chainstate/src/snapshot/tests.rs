//! The bytes of single coins and groups, put together by hand.

use std::collections::BTreeMap;

use cairn_params::presets;
use cairn_primitives::{Amount, Coin, Hash160, Height, OutPoint, Script, TxOut, Txid, hex};
use proptest::prelude::*;

use super::error::SnapshotFault;
use super::file::{Bounds, Group, SnapshotHeader, Source, put_group};

/// The generator of secp256k1: a key that everyone knows whole.
const G: [&str; 2] = [
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
];

fn coin(height: u32, coinbase: bool, value: u64, script: Script) -> Coin {
    let output = TxOut { value: Amount::from_sat(value), script_pubkey: script };
    Coin { output, height: Height::new(height), coinbase }
}

fn bounds() -> Bounds {
    Bounds::new(&presets::bitcoin(), Height::new(1_000))
}

fn written(coins: &Group) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_group(&mut bytes, &Txid::from_bytes([7; 32]), coins);
    bytes
}

fn read(bytes: &[u8], left: u64) -> Result<(Txid, Group), SnapshotFault> {
    Source::new(bytes).group(&bounds(), None, left)
}

/// `id`, then what follows.
fn group(rest: &str) -> Vec<u8> {
    hex::decode(&format!("{}{rest}", "07".repeat(32))).unwrap()
}

#[test]
fn golden_bytes_of_a_header() {
    let header = SnapshotHeader {
        network: [0xf9, 0xbe, 0xb4, 0xd9],
        base: cairn_primitives::BlockHash::from_bytes([0xaa; 32]),
        coins: 0x0102,
    };
    let bytes = header.to_bytes();
    let expected = format!("7574786fff0200f9beb4d9{}0201000000000000", "aa".repeat(32));
    assert_eq!((hex::encode(&bytes), bytes.len()), (expected, SnapshotHeader::SIZE));
    assert_eq!(Source::new(&bytes[..]).header(header.network), Ok(header));
}

/// Height 5 of a coinbase is code 11; 1 unit is amount 1, 50 coins 0x32, 7 units 0x3d (1 + 6 * 10); 0x51 alone is script
/// 07 51.
#[test]
fn golden_bytes_of_groups() {
    let key = |first: u8, parts: &[&str]| {
        let rest = parts.iter().flat_map(|part| hex::decode(part).unwrap());
        Script::p2pk(&std::iter::once(first).chain(rest).collect::<Vec<_>>())
    };
    let hash = Hash160::from_bytes([0xab; 20]);
    let odd = "b7c52588d95c3b9aa25b0403f1eef75702e84bb7597aabe663b82f6f04ef2777";
    let cases = [
        (Script::from_bytes(vec![0x51]), "0751".to_owned()),
        (Script::p2pkh(hash), format!("00{}", "ab".repeat(20))),
        (Script::p2sh(hash), format!("01{}", "ab".repeat(20))),
        (key(2, &G[..1]), format!("02{}", G[0])),
        (key(3, &G[..1]), format!("03{}", G[0])),
        // Whole keys on the curve are kept by X and parity; G's Y is even, and -G's odd.
        (key(4, &G), format!("04{}", G[0])),
        (key(4, &[G[0], odd]), format!("05{}", G[0])),
        // One off the curve is any script: 67 bytes and 6.
        (key(4, &[G[0], G[0]]), format!("4941 04{}{}ac", G[0], G[0]).replace(' ', "")),
    ];
    for (script, hex) in cases {
        let coins = Group::from([(3, coin(5, true, 7, script))]);
        let bytes = group(&format!("01030b3d{hex}"));
        assert_eq!(hex::encode(&written(&coins)), hex::encode(&bytes));
        assert_eq!(read(&bytes, 1), Ok((Txid::from_bytes([7; 32]), coins)));
    }
}

/// Core's database sorts the index as a varint: 16,512 is 80 80 00 there and comes before 16,511, which is ff 7f.
#[test]
fn indexes_stand_in_the_order_of_cores_database() {
    let open = |value| coin(0, false, value, Script::from_bytes(vec![0x51]));
    let coins = Group::from([(1, open(1)), (128, open(1)), (16_511, open(1)), (16_512, open(1))]);
    // Varints: 01, 8000, ff7f, 808000.
    let expected =
        group("04 01 00010751 80 00010751 fd8040 00010751 fd7f40 00010751".replace(' ', "").as_str());
    assert_eq!(hex::encode(&written(&coins)), hex::encode(&expected));
    assert_eq!(read(&expected, 4).unwrap().1, coins);
}

#[test]
fn limits() {
    let ok = |rest: &str| assert!(read(&group(rest), 1).is_ok(), "{rest}");
    let refused = |rest: &str, fault: SnapshotFault| assert_eq!(read(&group(rest), 1), Err(fault), "{rest}");
    let limit = Height::new(1_000);
    // Code 2,001 is 8e51: a coinbase of height 1,000. The next one is of 1,001.
    ok("01008e5101 0751".replace(' ', "").as_str());
    refused("01008e5201 0751".replace(' ', "").as_str(), SnapshotFault::Height { got: 1_001, limit });
    // 21 million coins compress to 0x1406f40 (Core's `compress_tests.cpp`), ten coins more to ten more.
    ok("010000 8980dd40 0751".replace(' ', "").as_str());
    let value = read(&group("0100008980dd4a0751"), 1);
    assert!(matches!(value, Err(SnapshotFault::Value { limit: 2_100_000_000_000_000, .. })), "{value:?}");
    // 4,000,000 weight units hold no more than 111,111 outputs.
    ok("01fe06b2010000010751");
    refused("01fe07b2010000010751", SnapshotFault::Output { got: 111_111, limit: 111_111 });
    // 10,000 bytes of script are 10,006: cd16.
    ok(&format!("01000001cd16{}", "51".repeat(10_000)));
    let fault = SnapshotFault::ScriptLength { got: 10_001, limit: 10_000 };
    refused(&format!("01000001cd17{}", "51".repeat(10_001)), fault);
    refused("00", SnapshotFault::Count { got: 0, left: 1 });
    refused("0200010751", SnapshotFault::Count { got: 2, left: 1 });
    refused("fd0100", SnapshotFault::Malformed { field: "coin count" });
    refused(
        &format!("01000001 04{}", "ff".repeat(32)).replace(' ', ""),
        SnapshotFault::Malformed { field: "public key" },
    );
    let endless = format!("0100{}", "ff".repeat(40));
    refused(&endless, SnapshotFault::Malformed { field: "height" });
    let outpoint = OutPoint { txid: Txid::from_bytes([7; 32]), vout: 0 };
    let twice = read(&group("020000010751 0000010751".replace(' ', "").as_str()), 2);
    assert_eq!(twice, Err(SnapshotFault::Repeated { outpoint }));
    let txid = outpoint.txid;
    let order = |before: [u8; 32]| {
        Source::new(&group("010000010751")[..]).group(&bounds(), Some(&Txid::from_bytes(before)), 1)
    };
    assert_eq!(order([7; 32]), Err(SnapshotFault::Order { txid }));
    assert!(order([6; 32]).is_ok());
}

proptest! {
    #[test]
    fn every_group_comes_back(
        coins in prop::collection::btree_map(
            0_u32..111_111,
            (0_u32..=1_000, any::<bool>(), 0_u64..=2_100_000_000_000_000, prop::collection::vec(any::<u8>(), 0..80)),
            1..40,
        ),
    ) {
        let coins: BTreeMap<_, _> = coins
            .into_iter()
            .map(|(vout, (height, coinbase, value, script))| (vout, coin(height, coinbase, value, Script::from_bytes(script))))
            .collect();
        let bytes = written(&coins);
        let mut source = Source::new(&bytes[..]);
        let (_, found) = source.group(&bounds(), None, coins.len() as u64).unwrap();
        prop_assert_eq!(found, coins);
        prop_assert_eq!(source.offset(), bytes.len() as u64);
        prop_assert_eq!(source.end(), Ok(()));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, 100);
        let _ = Source::new(&bytes[..]).header([0; 4]);
    }
}
