//! Real header chains, and the one header of VITO that is known.

use cairn_consensus::{HeaderError, HeaderTree, check_pow};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{BlockHash, BlockTime, Decode, Header, Work, hex};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{LATE, bits, data, headers, height, time};

const MAINNET: &str = "headers/mainnet-000000-010236.bin";

fn load(spec: ChainSpec, headers: &[Header]) -> HeaderTree {
    let mut tree = HeaderTree::new(spec.into());
    for header in headers {
        let at = tree.height(tree.best_header());
        tree.insert(*header, LATE).unwrap_or_else(|error| panic!("after height {at}: {error}"));
    }
    tree
}

#[test]
fn mainnet_to_10236() {
    let Some(headers) = headers("mainnet_to_10236", MAINNET) else { return };
    let start = std::time::Instant::now();
    let tree = load(presets::bitcoin(), &headers);
    println!("{} headers checked in {:?}", headers.len(), start.elapsed());

    let tip = tree.best_header();
    assert_eq!((tree.len(), tree.height(tip)), (10_237, height(10_236)));
    assert_eq!(tree.tips(), [tip]);
    assert_eq!(tree.hash(tip), headers[10_236].hash());
    for id in tree.ids() {
        assert_eq!(tree.height(id).to_u32() as usize, id.index());
        assert_eq!(*tree.header(id), headers[id.index()]);
    }
}

/// What `mainnet-every-2016.tsv` says of one header.
struct Fact {
    height: u32,
    hash: BlockHash,
    work: Work,
    header: Header,
}

fn facts(test: &str) -> Option<Vec<Fact>> {
    let text = String::from_utf8(data(test, "headers/mainnet-every-2016.tsv")?).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        Fact {
            height: fields[0].parse().unwrap(),
            hash: fields[1].parse().unwrap(),
            work: fields[2].parse().unwrap(),
            header: Header::from_bytes(&hex::decode(fields[3]).unwrap()).unwrap(),
        }
    });
    Some(rows.collect())
}

#[test]
fn mainnet_work_is_what_the_network_says() {
    const TEST: &str = "mainnet_work_is_what_the_network_says";
    let (Some(headers), Some(facts)) = (headers(TEST, MAINNET), facts(TEST)) else { return };
    let tree = load(presets::bitcoin(), &headers);
    let mut seen = 0;
    for fact in &facts {
        let Some(id) = tree.ancestor(tree.best_header(), height(fact.height)) else { break };
        assert_eq!((tree.hash(id), tree.work(id)), (fact.hash, fact.work), "height {}", fact.height);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// The bits change at heights divisible by 2,016 alone, so one header of each period tells the work of all.
#[test]
fn work_adds_up_over_219_periods() {
    let Some(facts) = facts("work_adds_up_over_219_periods") else { return };
    let spec = presets::bitcoin();
    for pair in facts.windows(2) {
        let [here, next] = pair else { unreachable!("windows of two") };
        assert_eq!(here.header.hash(), here.hash);
        assert_eq!(check_pow(&here.header, here.hash, &spec), Ok(()));
        let each = |fact: &Fact| fact.header.bits.to_target().unwrap().to_work();
        let others = each(here).checked_mul(2_015).unwrap();
        let sum = here.work.checked_add(others).and_then(|work| work.checked_add(each(next)));
        assert_eq!(sum, Some(next.work), "height {}", next.height);
    }
    assert_eq!(facts.last().unwrap().height, 441_504);
}

/// Height 546 is checkpointed; some of the blocks carry the limit because they came late.
#[test]
fn testnet3_to_546() {
    let Some(headers) = headers("testnet3_to_546", "headers/testnet3-000001-000546.bin") else { return };
    let tree = load(presets::testnet3(), &headers);
    assert_eq!(tree.height(tree.best_header()), height(546));
}

#[test]
fn testnet4_to_100() {
    let Some(headers) = headers("testnet4_to_100", "headers/testnet4-000000-000100.bin") else { return };
    let tree = load(presets::testnet4(), &headers);
    assert_eq!(tree.height(tree.best_header()), height(100));
}

/// Mainnet's difficulty rose for the first time at height 32,256; up to 10,236 every header carries the
/// limit, so that its retargets are those that the limit cuts off.
#[test]
fn mainnet_retargets_are_cut_off_at_the_limit() {
    let Some(headers) = headers("mainnet_retargets_are_cut_off_at_the_limit", MAINNET) else { return };
    let tree = load(presets::bitcoin(), &headers);
    for at in [2_016, 4_032, 6_048, 8_064, 10_080] {
        let parent = tree.ancestor(tree.best_header(), height(at - 1)).unwrap();
        assert_eq!(tree.next_bits(parent, time(0)), bits(0x1d00_ffff));
    }
}

#[test]
fn block_10_of_vito() {
    // The bytes of this root stand in the header in reverse, as those of every hash written down.
    let root = "0f30bb164cbfc0db676d47cef352992ab543e8c349fd00fa1d566d7c1e121e9e";
    let header = Header {
        version: 2,
        prev: "000000003c218be4e1c22268a5ef00ecc468d56313126ba94240c795c4bd62cb".parse().unwrap(),
        merkle_root: root.parse().unwrap(),
        time: time(1_775_706_303),
        bits: bits(0x1d00_ffff),
        nonce: 3_242_755_474,
    };
    let hash = "00000000e060cafcd66eb2a4425a5e52a1490fbf6eec4af8ebf1fd94a77528de".parse().unwrap();
    let spec = presets::vito();
    assert_eq!(header.hash(), hash);
    assert_eq!(check_pow(&header, hash, &spec), Ok(()));
    let each = header.bits.to_target().unwrap().to_work();
    assert_eq!(each, Work::from_u128(4_295_032_833));
    assert_eq!(each.checked_mul(11), Some(Work::from_u128(47_245_361_163)));

    // Its parent is of another chain than the preset's own.
    let error = HeaderTree::new(spec.into()).insert(header, LATE).unwrap_err();
    assert_eq!(error, HeaderError::UnknownParent { prev: header.prev });
}

fn flipped(header: &Header, bit: usize) -> Header {
    let mut bytes = header.to_array();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Header::from_bytes(&bytes).unwrap()
}

fn never_inserts(tree: &HeaderTree, header: &Header, bit: usize) {
    let mut tree = tree.clone();
    let damaged = flipped(header, bit);
    let error = tree.insert(damaged, LATE).expect_err("one bit is wrong");
    assert!(
        matches!(error, HeaderError::HighHash { .. } | HeaderError::TargetOutOfRange { .. }),
        "bit {bit}: {error:?}"
    );
    assert_eq!(tree.get(&damaged.hash()), None);
}

#[test]
fn no_bit_of_a_header_may_flip() {
    let Some(headers) = headers("no_bit_of_a_header_may_flip", MAINNET) else { return };
    let tree = load(presets::bitcoin(), &headers[..12]);
    for bit in 0..8 * Header::SIZE {
        never_inserts(&tree, &headers[12], bit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_bit_of_any_header_may_flip(at in any::<Index>(), bit in 0..8 * Header::SIZE) {
        let name = "no_bit_of_any_header_may_flip";
        let Some(headers) = headers(name, "headers/testnet4-000000-000100.bin") else { return Ok(()) };
        let at = 1 + at.index(headers.len() - 1);
        never_inserts(&load(presets::testnet4(), &headers[..at]), &headers[at], bit);
    }
}

/// The clock matters to new headers alone, and only above two hours.
#[test]
fn headers_of_the_past_do_not_ask_for_the_time() {
    let Some(headers) = headers("headers_of_the_past_do_not_ask_for_the_time", MAINNET) else { return };
    let mut tree = HeaderTree::new(presets::bitcoin().into());
    let now = |header: &Header, ahead: u32| BlockTime::new(header.time.to_u32() - ahead);
    assert!(tree.insert(headers[1], now(&headers[1], 7_200)).is_ok());
    let error = tree.insert(headers[2], now(&headers[2], 7_201)).unwrap_err();
    assert_eq!(error.code(), "time-too-new");
}
