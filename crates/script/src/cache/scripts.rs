//! Transactions whose scripts are known to pass.

use std::fmt;

use cairn_primitives::hash::Sha256Engine;
use cairn_primitives::{Sink, Wtxid};

use super::{CacheStats, Counted, keyed};
use crate::flags::ScriptFlags;

/// Remembers for which transactions every input may spend its output, in a fixed amount of memory; the older ones only for
/// a while.
///
/// An entry stands for a transaction with its witnesses (its wtxid) and the exact set of flags. Nothing else decides: the
/// wtxid commits to the outpoints, these to the transactions that made the coins, and so to what is spent. Therefore an entry
/// holds on any branch of any chain, and a reorganisation takes none back. What a branch can change is which rules hold at
/// the height where the transaction is mined; that is why the flags are part of the entry. Values, maturity and lock
/// times are not the scripts' business and are checked every time.
///
/// Only [`Caches::verify_transaction`](super::Caches::verify_transaction) adds entries. May be shared by threads; nobody
/// waits. Source: Core's `m_script_execution_cache` and `CheckInputScripts`.
pub struct ScriptCache {
    start: Sha256Engine,
    known: Counted,
}

impl ScriptCache {
    /// Takes at most `bytes` of memory for entries, 257 for each eight of them, all of it now; with less than that it
    /// remembers nothing. `key` is to be random and secret.
    pub fn new(key: [u8; 32], bytes: usize) -> Self {
        Self { start: keyed(&key, b'T'), known: Counted::new(bytes) }
    }

    /// Whether every input of this transaction is known to pass under exactly these flags. `false` says nothing.
    pub fn contains(&self, wtxid: &Wtxid, flags: ScriptFlags) -> bool {
        self.known.contains(&self.entry(wtxid, flags))
    }

    /// Hits, misses and size.
    pub fn stats(&self) -> CacheStats {
        self.known.stats()
    }

    /// After every input has passed.
    pub(super) fn insert(&self, wtxid: &Wtxid, flags: ScriptFlags) {
        self.known.set.insert(&self.entry(wtxid, flags));
    }

    fn entry(&self, wtxid: &Wtxid, flags: ScriptFlags) -> [u8; 32] {
        let mut engine = self.start.clone();
        engine.put(wtxid.as_bytes());
        engine.put(&flags.bits().to_le_bytes());
        engine.finish()
    }
}

impl fmt::Debug for ScriptCache {
    /// Hits, misses and size; not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.known.show("ScriptCache", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_for_one_transaction_and_one_set_of_flags() {
        let cache = ScriptCache::new([7; 32], 1 << 16);
        let (id, flags) = ([5; 32], ScriptFlags::P2SH | ScriptFlags::WITNESS);
        cache.insert(&Wtxid::from_bytes(id), flags);
        assert!(cache.contains(&Wtxid::from_bytes(id), flags));
        for bit in 0..256 {
            let mut other = id;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!cache.contains(&Wtxid::from_bytes(other), flags));
        }
        for name in ScriptFlags::ALL.names() {
            let flag = ScriptFlags::from_name(name).unwrap();
            let other = if flags.contains(flag) { flags.without(flag) } else { flags | flag };
            assert!(!cache.contains(&Wtxid::from_bytes(id), other), "{name}");
        }
        let (other, wtxid) = (ScriptCache::new([8; 32], 1 << 16), Wtxid::from_bytes(id));
        assert_ne!(cache.entry(&wtxid, flags), other.entry(&wtxid, flags), "under another key");
        assert_eq!((cache.stats().hits, cache.stats().misses), (1, 256 + 21));
    }
}
