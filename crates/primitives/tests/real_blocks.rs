//! Real blocks decode, re-encode to the same bytes and commit to what their headers say.

mod support;

use cairn_primitives::{Block, Decode, Encode, Transaction, hash};
use support::{blk_records, data};

const WHOLE_BLOCKS: &[(&str, &str)] = &[
    ("mainnet-000170.bin", "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee"),
    ("mainnet-481824.bin", "0000000000000000001c8018d9cb3b742ef25114f27563e3fc4a1902167f9893"),
];

#[test]
fn blocks() {
    for (name, hash) in WHOLE_BLOCKS {
        let Some(bytes) = data(&format!("blocks/{name}"), "blocks") else { return };
        let block = Block::from_bytes(&bytes).unwrap();
        assert_eq!(block.hash().to_string(), *hash);
        assert_eq!(block.to_bytes(), bytes);
        assert_eq!(block.merkle_root(), block.header.merkle_root);
    }
}
