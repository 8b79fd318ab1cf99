//! What the test files of this crate share.

use std::path::PathBuf;

/// The order of the group.
pub(crate) const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// The text of a file of the data folder (`$CAIRN_DATA`, else `../shared/data` beside the workspace); says so
/// and returns `None` where it is missing.
pub(crate) fn data(test: &str, path: &str) -> Option<String> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        println!("skipped: {test} needs {}", file.display());
    }
    text
}

/// Bytes from hex.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    cairn_primitives::hex::decode(hex).expect("test data is hex")
}

/// 32 bytes from hex.
pub(crate) fn array(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().expect("test data is 32 bytes")
}
