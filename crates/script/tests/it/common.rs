//! What the tests share.

use std::path::PathBuf;

use cairn_primitives::{Decode, Transaction, hex};
use cairn_script::ScriptFlags;

/// A JSON file of the data folder (`$CAIRN_DATA`, else `../shared/data` beside the workspace); says so and returns
/// `None` where it is missing.
pub(crate) fn json(test: &str, path: &str) -> Option<Vec<serde_json::Value>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: {test} needs {}", file.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("a JSON list"))
}

/// A transaction from hex.
pub(crate) fn transaction(hex: &str) -> Transaction {
    Transaction::from_bytes(&hex::decode(hex).unwrap()).unwrap()
}

/// Rules from their comma-separated names; `NONE` and nothing are the empty set.
pub(crate) fn flags(names: &str) -> ScriptFlags {
    names
        .split(',')
        .filter(|name| !name.is_empty() && *name != "NONE")
        .map(|name| ScriptFlags::from_name(name).unwrap_or_else(|| panic!("unknown rule {name}")))
        .fold(ScriptFlags::NONE, |set, flag| set | flag)
}
