//! What was found out before: signatures that are valid, transactions whose scripts pass.
//!
//! Only successes are remembered, each under a digest of everything it depends on, so an entry can save work and never
//! change an answer. The digests are taken under a key that the caller draws at random for each process: without
//! it nobody can make entries crowd each other out, or look for two that collide.

mod scripts;
mod signatures;
mod table;

pub use scripts::ScriptCache;
pub(crate) use signatures::Signatures;
pub use signatures::{CacheUse, SignatureCache};

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cairn_primitives::Sink;
use cairn_primitives::hash::Sha256Engine;

use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::sighash::SighashCache;
use crate::verify::verify;
use table::DigestSet;

/// Both caches of a process.
///
/// ```
/// use cairn_script::Caches;
///
/// let key = [7; 32]; // in earnest: random, drawn once when the process starts
/// let caches = Caches::new(key, 1 << 20);
/// assert_eq!(caches.signatures().stats().capacity, caches.scripts().stats().capacity);
/// assert_eq!(Caches::new(key, 0).signatures().stats().capacity, 0);
/// ```
#[derive(Debug)]
pub struct Caches {
    signatures: SignatureCache,
    scripts: ScriptCache,
}

impl Caches {
    /// Takes at most `bytes` of memory for entries, half of them for each cache (Core's `-maxsigcachesize`), all of it now.
    /// With 0 nothing is ever remembered. `key` is to be random and secret; entries of another key are not found.
    pub fn new(key: [u8; 32], bytes: usize) -> Self {
        let each = bytes / 2;
        Self { signatures: SignatureCache::new(key, each), scripts: ScriptCache::new(key, each) }
    }

    /// The valid signatures.
    pub fn signatures(&self) -> &SignatureCache {
        &self.signatures
    }

    /// The transactions whose scripts pass.
    pub fn scripts(&self) -> &ScriptCache {
        &self.scripts
    }

    /// Whether every input of a transaction may spend its output under `flags`, like [`verify`] for each of them. What is
    /// found out is remembered: the signatures that are valid, and the transaction if all its inputs pass.
    ///
    /// `spent` of `cache` must be the outputs that the transaction's inputs name. Source: Core's `CheckInputScripts` as
    /// `ConsensusScriptChecks` calls it.
    ///
    /// # Errors
    /// The first input that may not, and why.
    pub fn verify_transaction(
        &self,
        cache: SighashCache<'_>,
        flags: ScriptFlags,
    ) -> Result<(), (usize, ScriptError)> {
        let wtxid = cache.transaction().wtxid();
        if self.scripts.contains(&wtxid, flags) {
            return Ok(());
        }
        let inputs = cache.transaction().inputs().len();
        let cache = cache.with_signatures(&self.signatures, CacheUse::Store);
        for input in 0..inputs {
            verify(&cache, input, flags).map_err(|error| (input, error))?;
        }
        self.scripts.insert(&wtxid, flags);
        Ok(())
    }
}

/// How a cache is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStats {
    /// Questions answered with what was remembered.
    pub hits: u64,
    /// Questions that had to be worked out.
    pub misses: u64,
    /// Most entries it can hold.
    pub capacity: usize,
}

/// A set of digests with a count of how often it helped.
struct Counted {
    set: DigestSet,
    tally: Tally,
}

/// On a cache line of its own: it changes with every question, what stands beside it never.
#[derive(Default)]
#[repr(align(64))]
struct Tally {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Counted {
    fn new(bytes: usize) -> Self {
        Self { set: DigestSet::new(bytes), tally: Tally::default() }
    }

    fn contains(&self, digest: &[u8; 32]) -> bool {
        let found = self.set.contains(digest);
        let count = if found { &self.tally.hits } else { &self.tally.misses };
        count.fetch_add(1, Relaxed);
        found
    }

    fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.tally.hits.load(Relaxed),
            misses: self.tally.misses.load(Relaxed),
            capacity: self.set.capacity(),
        }
    }

    /// What may be shown of a cache: not its key, nor what is in it.
    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(name).field(&self.stats()).finish()
    }
}

/// A SHA-256 that has hashed `key` and what kind of digest follows: one block of 64 bytes, so that this state is
/// computed once and no more than copied for each digest. Kinds differ from the first block on.
fn keyed(key: &[u8; 32], kind: u8) -> Sha256Engine {
    let mut engine = Sha256Engine::new();
    engine.put(key);
    engine.put(&[kind; 32]);
    engine
}
