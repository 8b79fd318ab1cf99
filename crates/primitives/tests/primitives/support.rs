//! Access to the real data that lies beside the workspace.

use std::path::PathBuf;

/// The bytes of `path` in the data folder, or `None` with a line that says which test is skipped.
pub(crate) fn data(path: &str, test: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            println!("skipped: {test} needs {}", file.display());
            None
        }
    }
}

/// The blocks in a file of Bitcoin Core's framing: four magic bytes, a little-endian length, the block.
pub(crate) fn blk_records(file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut rest = file;
    while let [_, _, _, _, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        records.push(&tail[..length]);
        rest = &tail[length..];
    }
    assert!(rest.is_empty(), "the file ends inside a record");
    records
}

/// Bytes from hex that is known to be right.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    cairn_primitives::hex::decode(hex).expect("a literal of the test")
}
