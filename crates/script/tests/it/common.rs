//! What the tests share.

use std::path::PathBuf;
use std::sync::OnceLock;

use cairn_primitives::{Decode, Transaction, TxIn, TxOut, hex};
use cairn_script::{CacheUse, Caches, ScriptError, ScriptFlags, SighashCache, SignatureCache, verify};
use serde_json::Value;

/// A file of the data folder (`$CAIRN_DATA`, else `../shared/data` beside the workspace); says so and returns `None`
/// where it is missing.
pub(crate) fn read(test: &str, path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = root.join(path);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        println!("skipped: {test} needs {}", file.display());
    }
    bytes
}

/// A JSON file of the data folder.
pub(crate) fn json(test: &str, path: &str) -> Option<Value> {
    Some(serde_json::from_slice(&read(test, path)?).expect("JSON"))
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

/// A rule and the rule it rests on, without which Core refuses to be asked about it; the outermost first.
const RESTS_ON: [(ScriptFlags, ScriptFlags); 3] = [
    (ScriptFlags::CLEANSTACK, ScriptFlags::WITNESS),
    (ScriptFlags::TAPROOT, ScriptFlags::WITNESS),
    (ScriptFlags::WITNESS, ScriptFlags::P2SH),
];

/// The set without the rules whose ground is missing.
pub(crate) fn trim(mut set: ScriptFlags) -> ScriptFlags {
    for (rule, ground) in RESTS_ON.into_iter().rev() {
        if !set.contains(ground) {
            set = set.without(rule);
        }
    }
    set
}

/// The set with what its rules rest on.
pub(crate) fn fill(mut set: ScriptFlags) -> ScriptFlags {
    for (rule, ground) in RESTS_ON {
        if set.contains(rule) {
            set |= ground;
        }
    }
    set
}

/// `tx` with one input changed.
pub(crate) fn with_input(tx: &Transaction, index: usize, change: impl FnOnce(&mut TxIn)) -> Transaction {
    let (version, mut inputs, outputs, lock_time) = tx.clone().into_parts();
    change(&mut inputs[index]);
    Transaction::new(version, inputs, outputs, lock_time)
}

/// Whether every input may spend its output; the first refusal's code where not.
pub(crate) fn verify_all(tx: &Transaction, spent: &[TxOut], flags: ScriptFlags) -> Result<(), &'static str> {
    let make = || SighashCache::new(tx, spent.iter().collect());
    let cache = make();
    let result =
        (0..tx.inputs().len()).try_for_each(|input| verify_both(&cache, input, flags).map_err(|e| e.code()));
    // The same asked of caches that know nothing, and again of the same.
    let caches = Caches::new([1; 32], 1 << 12);
    for _ in 0..2 {
        assert_eq!(caches.verify_transaction(make(), flags).map_err(|(_, error)| error.code()), result);
    }
    result
}

/// What is found out without a cache, after the same was found out with one, twice: one for all tests, small enough to
/// forget, which has seen what others passed and failed.
pub(crate) fn verify_both(
    cache: &SighashCache<'_>,
    input: usize,
    flags: ScriptFlags,
) -> Result<(), ScriptError> {
    static KNOWN: OnceLock<SignatureCache> = OnceLock::new();
    let known = KNOWN.get_or_init(|| SignatureCache::new([7; 32], 1 << 16));
    let with = SighashCache::new(cache.transaction(), cache.spent().to_vec());
    let with = with.with_signatures(known, CacheUse::Store);
    let result = verify(cache, input, flags);
    assert_eq!(verify(&with, input, flags), result, "with a cache");
    assert_eq!(verify(&with, input, flags), result, "again with it");
    result
}
