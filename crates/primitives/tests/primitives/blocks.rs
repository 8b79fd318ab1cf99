//! Real blocks decode, re-encode to the same bytes and commit to what they hold.

use cairn_primitives::{Block, Decode, DecodeError, Encode, Header, MerkleRoot, Transaction, hash};

use crate::support::{blk_records, data};

const SINGLE_BLOCKS: &[&str] = &[
    "mainnet-000170",
    "mainnet-057043",
    "mainnet-277647",
    "mainnet-300025",
    "mainnet-403200",
    "mainnet-413567",
    "mainnet-481824",
    "mainnet-702861",
    "testnet3-0928828",
    "testnet3-1087400",
];

/// Hashes these blocks are publicly known by.
const KNOWN: &[(&str, &str)] = &[
    ("mainnet-000170", "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee"),
    ("mainnet-057043", "00000000152340ca42227603908689183edc47355204e7aca59383b0aaac1fd8"),
    ("mainnet-403200", "000000000000000000c4272a5c68b4f55e5af734e88ceab09abf73e9ac3b6d01"),
    ("mainnet-481824", "0000000000000000001c8018d9cb3b742ef25114f27563e3fc4a1902167f9893"),
];

const RUNS: &[(&str, usize)] =
    &[("mainnet-000000-000599", 600), ("testnet3-000000-000400", 401), ("signet-000000-000060", 61)];

/// Calls `check` with the bytes of every block at hand.
fn for_each_block(test: &str, mut check: impl FnMut(&str, &[u8])) {
    for name in SINGLE_BLOCKS {
        if let Some(bytes) = data(&format!("blocks/{name}.bin"), test) {
            check(name, &bytes);
        }
    }
    for (name, count) in RUNS {
        if let Some(file) = data(&format!("blocks/{name}.dat"), test) {
            let records = blk_records(&file);
            assert_eq!(records.len(), *count, "{name}");
            records.into_iter().for_each(|record| check(name, record));
        }
    }
}

#[test]
fn real_blocks_round_trip_and_commit_to_their_transactions() {
    for_each_block("real_blocks_round_trip_and_commit_to_their_transactions", |name, bytes| {
        let block = Block::from_bytes(bytes).unwrap();
        assert_eq!(block.to_bytes(), bytes, "{name}");
        assert_eq!(block.total_size(), bytes.len(), "{name}");
        assert_eq!(block.encoded_len(), bytes.len(), "{name}");
        let target = block.header.bits.to_target().unwrap();
        assert!(target.is_met_by(block.hash()), "{name}");
        let merkle = block.merkle();
        assert_eq!(MerkleRoot::from_bytes(merkle.root), block.header.merkle_root, "{name}");
        assert_eq!(block.merkle_root(), block.header.merkle_root, "{name}");
        assert!(!merkle.mutated, "{name}");
    });
}

#[test]
fn single_blocks_have_their_known_hashes() {
    for (name, hash) in KNOWN {
        let Some(bytes) = data(&format!("blocks/{name}.bin"), "single_blocks_have_their_known_hashes") else {
            return;
        };
        assert_eq!(Block::from_bytes(&bytes).unwrap().hash().to_string(), *hash, "{name}");
    }
}

#[test]
fn consecutive_blocks_link() {
    for (name, _) in RUNS {
        let Some(file) = data(&format!("blocks/{name}.dat"), "consecutive_blocks_link") else { return };
        let headers: Vec<Header> =
            blk_records(&file).iter().map(|record| Block::from_bytes(record).unwrap().header).collect();
        for pair in headers.windows(2) {
            assert_eq!(pair[1].prev, pair[0].hash(), "{name}");
        }
    }
}

/// BIP141: the last coinbase output that begins `6a24aa21a9ed` holds the double SHA-256 of the witness merkle root
/// and the coinbase's 32-byte witness. Every wtxid of the block enters into it.
fn witness_commitment(block: &Block) -> Option<([u8; 32], &[u8])> {
    let coinbase = block.transactions.first()?;
    let committed = coinbase.outputs().iter().rev().find_map(|output| {
        let script = output.script_pubkey.as_bytes();
        script.strip_prefix(&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed])?.first_chunk::<32>().copied()
    })?;
    Some((committed, coinbase.inputs()[0].witness.last()?))
}

#[test]
fn witness_commitments_match() {
    let mut seen = 0;
    for_each_block("witness_commitments_match", |name, bytes| {
        let block = Block::from_bytes(bytes).unwrap();
        let Some((committed, reserved)) = witness_commitment(&block) else {
            assert!(block.transactions.iter().all(|tx| !tx.has_witness()), "{name}");
            return;
        };
        let root = block.witness_merkle_root();
        assert_eq!(hash::sha256d(&[root.as_bytes().as_slice(), reserved].concat()), committed, "{name}");
        seen += usize::from(block.transactions[1..].iter().any(Transaction::has_witness));
    });
    // Without the folder there is nothing to count.
    if data("blocks/mainnet-702861.bin", "witness_commitments_match").is_some() {
        assert!(seen >= 2, "blocks with witnesses beyond the coinbase's: {seen}");
    }
}

#[test]
fn sizes_of_real_transactions_follow_from_their_bytes() {
    for name in ["mainnet-481824", "mainnet-702861"] {
        let Some(bytes) =
            data(&format!("blocks/{name}.bin"), "sizes_of_real_transactions_follow_from_their_bytes")
        else {
            return;
        };
        let block = Block::from_bytes(&bytes).unwrap();
        for tx in &block.transactions {
            let mut base = Vec::new();
            tx.encode_base(&mut base);
            assert_eq!(tx.base_size(), base.len());
            assert_eq!(tx.txid().to_bytes(), hash::sha256d(&base));
            let total = tx.to_bytes();
            assert_eq!(tx.total_size(), total.len());
            assert_eq!(tx.wtxid().to_bytes(), hash::sha256d(&total));
            assert_eq!(tx.has_witness(), total != base);
            assert_eq!(tx.weight().to_u64(), (3 * base.len() + total.len()) as u64);
            assert_eq!(tx.vsize(), (3 * base.len() as u64 + total.len() as u64).div_ceil(4));
        }
        let stripped: usize = block.transactions.iter().map(Transaction::base_size).sum();
        assert_eq!(block.base_size() - stripped, 80 + 3);
        assert_eq!(block.weight().to_u64(), (3 * block.base_size() + bytes.len()) as u64);
    }
}

#[test]
fn a_real_block_cut_anywhere_is_an_error() {
    let Some(bytes) = data("blocks/mainnet-057043.bin", "a_real_block_cut_anywhere_is_an_error") else {
        return;
    };
    for length in 0..bytes.len() {
        match Block::from_bytes(&bytes[..length]) {
            Err(DecodeError::UnexpectedEnd { offset, needed, available }) => {
                assert_eq!(offset + available, length);
                assert!(needed > available as u64);
            }
            other => panic!("cut to {length} bytes: {other:?}"),
        }
    }
}

#[test]
fn bytes_after_a_block_are_an_error() {
    let Some(mut bytes) = data("blocks/mainnet-000170.bin", "bytes_after_a_block_are_an_error") else {
        return;
    };
    let offset = bytes.len();
    bytes.push(0);
    assert_eq!(Block::from_bytes(&bytes), Err(DecodeError::TrailingBytes { offset, count: 1 }));
}

#[test]
fn a_flipped_byte_is_refused_or_changes_what_it_stands_for() {
    let Some(bytes) =
        data("blocks/testnet3-1087400.bin", "a_flipped_byte_is_refused_or_changes_what_it_stands_for")
    else {
        return;
    };
    let block = Block::from_bytes(&bytes).unwrap();
    let commits = |block: &Block| (block.hash(), block.merkle_root(), block.witness_merkle_root());
    for position in (0..bytes.len()).step_by(97) {
        for bit in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[position] ^= bit;
            let Ok(decoded) = Block::from_bytes(&damaged) else { continue };
            assert_eq!(decoded.to_bytes(), damaged, "byte {position}");
            let coinbase_witness = decoded.transactions[0].inputs()[0] != block.transactions[0].inputs()[0];
            assert!(commits(&decoded) != commits(&block) || coinbase_witness, "byte {position}");
        }
    }
}

#[test]
fn an_empty_block_has_a_zero_root() {
    let header = Header::from_bytes(&[0; 80]).unwrap();
    let block = Block { header, transactions: Vec::new() };
    assert_eq!(block.merkle_root(), MerkleRoot::ZERO);
    assert_eq!(block.witness_merkle_root().to_bytes(), [0; 32]);
    assert_eq!((block.base_size(), block.total_size()), (81, 81));
    assert_eq!(Block::from_bytes(&block.to_bytes()), Ok(block));
}
