//! What the test files share.

use std::path::PathBuf;

use cairn_primitives::AddressPrefixes;

/// The mnemonic of sixteen zero bytes, which the vectors of BIP84 and BIP86 use.
pub(crate) const ABANDON: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

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

/// Bitcoin's prefixes: `xpub` and `xprv`.
pub(crate) fn bitcoin() -> AddressPrefixes {
    cairn_params::presets::bitcoin().address
}
