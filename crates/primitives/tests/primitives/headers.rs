//! Headers against ten thousand real ones and against the works of the public chain.

use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Decode, Encode, Header, Target, Work};

use crate::support::{bytes, data};

fn headers(file: &[u8]) -> Vec<Header> {
    assert_eq!(file.len() % Header::SIZE, 0);
    file.chunks(Header::SIZE).map(|chunk| Header::from_bytes(chunk).unwrap()).collect()
}

#[test]
fn real_header_chains_link_and_meet_their_targets() {
    for (name, count) in
        [("mainnet-000000-010236", 10_237), ("testnet3-000001-000546", 546), ("testnet4-000000-000100", 101)]
    {
        let path = format!("headers/{name}.bin");
        let Some(file) = data(&path, "real_header_chains_link_and_meet_their_targets") else { return };
        let headers = headers(&file);
        assert_eq!(headers.len(), count);
        for (header, chunk) in headers.iter().zip(file.chunks(Header::SIZE)) {
            assert_eq!(header.to_array().as_slice(), chunk);
            assert_eq!(header.to_bytes(), chunk);
            assert!(header.bits.to_target().unwrap().is_met_by(header.hash()));
        }
        for pair in headers.windows(2) {
            assert_eq!(pair[1].prev, pair[0].hash());
        }
    }
}

#[test]
fn every_2016th_header_has_its_known_hash_and_the_works_add_up() {
    let test = "every_2016th_header_has_its_known_hash_and_the_works_add_up";
    let Some(file) = data("headers/mainnet-every-2016.tsv", test) else { return };
    let text = String::from_utf8(file).unwrap();
    let genesis = CompactTarget::from_bits(0x1d00_ffff).to_target().unwrap().to_work();
    // Heights below the first row all have the genesis difficulty; after that, the 2015 headers between two rows
    // have the bits of the lower one, and the upper row is the first with its own.
    let mut height = 0;
    let mut total = genesis;
    let mut step = genesis;
    let mut rows = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let header = Header::from_bytes(&bytes(fields[3])).unwrap();
        let hash: BlockHash = fields[1].parse().unwrap();
        assert_eq!(header.hash(), hash);
        let target = header.bits.to_target().unwrap();
        assert!(target.is_met_by(hash));
        assert_eq!(target.to_compact(), header.bits, "real bits are canonical");

        height += 2016;
        assert_eq!(fields[0].parse(), Ok(height));
        for _ in 0..2015 {
            total = total.checked_add(step).unwrap();
        }
        step = target.to_work();
        total = total.checked_add(step).unwrap();
        assert_eq!(total, fields[2].parse::<Work>().unwrap(), "height {height}");
        assert_eq!(total.to_string(), fields[2]);
        rows += 1;
    }
    assert_eq!((rows, height), (219, 441_504));
}

/// Block 10 of the VITO network. The merkle root is given, like the hashes, in display order.
#[test]
fn block_10_of_vito_has_its_hash_and_work() {
    let header = Header {
        version: 2,
        prev: "000000003c218be4e1c22268a5ef00ecc468d56313126ba94240c795c4bd62cb".parse().unwrap(),
        merkle_root: "0f30bb164cbfc0db676d47cef352992ab543e8c349fd00fa1d566d7c1e121e9e".parse().unwrap(),
        time: BlockTime::new(1_775_706_303),
        bits: CompactTarget::from_bits(0x1d00_ffff),
        nonce: 3_242_755_474,
    };
    let hash = header.hash();
    assert_eq!(hash.to_string(), "00000000e060cafcd66eb2a4425a5e52a1490fbf6eec4af8ebf1fd94a77528de");
    let target = header.bits.to_target().unwrap();
    assert!(target.is_met_by(hash));
    assert_eq!(target.to_work(), Work::from_u128(4_295_032_833));
    let chain = (0..11).try_fold(Work::ZERO, |sum, _| sum.checked_add(target.to_work()));
    assert_eq!(chain.map(Work::to_decimal).as_deref(), Some("47245361163"));

    let other_nonce = Header { nonce: header.nonce + 1, ..header };
    assert!(!target.is_met_by(other_nonce.hash()));
    assert!(Target::MAX.is_met_by(other_nonce.hash()));
}

#[test]
fn a_header_is_80_bytes_and_no_other_number() {
    let file = [7; 81];
    assert!(Header::from_bytes(&file[..79]).is_err());
    assert!(Header::from_bytes(&file[..80]).is_ok());
    assert!(Header::from_bytes(&file).is_err());
}
