//! Signatures that are known to be valid.

use std::fmt;

use cairn_crypto::{EcdsaSignature, PublicKey, SchnorrSignature, XOnlyPublicKey};
use cairn_primitives::Sink;
use cairn_primitives::hash::Sha256Engine;

use super::{CacheStats, Counted, keyed};

/// What is done with a signature that is found valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// It is remembered: it will be seen again. So it is when a transaction comes into a pool.
    Store,
    /// Nothing: its transaction is in a block now, and what will be needed again is in the cache already. Source: Core's
    /// `ConnectBlock`, which stores nothing either.
    Lookup,
}

/// Remembers which signatures are valid, in a fixed amount of memory; the older ones only for a while.
///
/// An entry stands for one digest, one public key as it is written, the two numbers of one signature, and one of the two schemes: it says what
/// [`PublicKey::verify`] or [`XOnlyPublicKey::verify`] says for them, which depends on nothing else. Which forms
/// of keys and signatures are allowed is decided by flags before that, every time. Only [`verify`](crate::verify) adds
/// entries, and only after a check that passed. May be shared by threads; nobody waits.
///
/// Source: Core's `SignatureCache` and `CachingTransactionSignatureChecker`.
pub struct SignatureCache {
    ecdsa: Sha256Engine,
    schnorr: Sha256Engine,
    known: Counted,
}

impl SignatureCache {
    /// Takes at most `bytes` of memory for entries, 257 for each eight of them, all of it now; with less than that it remembers nothing. `key` is
    /// to be random and secret.
    pub fn new(key: [u8; 32], bytes: usize) -> Self {
        Self { ecdsa: keyed(&key, b'E'), schnorr: keyed(&key, b'S'), known: Counted::new(bytes) }
    }

    /// Hits, misses and size. Every signature check that asked this cache counts as one of the two.
    pub fn stats(&self) -> CacheStats {
        self.known.stats()
    }

    /// `key` in any form.
    fn ecdsa_entry(&self, digest: &[u8; 32], key: &[u8], signature: &EcdsaSignature) -> [u8; 32] {
        entry(&self.ecdsa, digest, &signature.to_compact(), key)
    }

    fn schnorr_entry(&self, digest: &[u8; 32], key: &[u8; 32], signature: &SchnorrSignature) -> [u8; 32] {
        entry(&self.schnorr, digest, signature.as_bytes(), key)
    }
}

/// Only the last part has no fixed length, so no two questions are written alike.
fn entry(start: &Sha256Engine, digest: &[u8; 32], signature: &[u8; 64], key: &[u8]) -> [u8; 32] {
    let mut engine = start.clone();
    engine.put(digest);
    engine.put(signature);
    engine.put(key);
    engine.finish()
}

impl fmt::Debug for SignatureCache {
    /// Hits, misses and size; not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.known.show("SignatureCache", f)
    }
}

/// A signature cache, if there is one, and how it is used.
#[derive(Clone, Copy, Default)]
pub(crate) struct Signatures<'c>(pub(crate) Option<(&'c SignatureCache, CacheUse)>);

impl Signatures<'_> {
    /// Whether `signature` signs `digest` under `key`, which is read only if that is not known. What is no key signs nothing.
    pub(crate) fn check_ecdsa(self, digest: &[u8; 32], key: &[u8], signature: &EcdsaSignature) -> bool {
        self.check(
            |cache| cache.ecdsa_entry(digest, key, signature),
            || PublicKey::from_slice(key).is_ok_and(|key| key.verify(digest, signature)),
        )
    }

    /// [`check_ecdsa`](Self::check_ecdsa) with a Schnorr signature.
    pub(crate) fn check_schnorr(
        self,
        digest: &[u8; 32],
        key: &[u8; 32],
        signature: &SchnorrSignature,
    ) -> bool {
        self.check(
            |cache| cache.schnorr_entry(digest, key, signature),
            || XOnlyPublicKey::from_bytes(*key).is_ok_and(|key| key.verify(digest, signature)),
        )
    }

    fn check(self, entry: impl FnOnce(&SignatureCache) -> [u8; 32], verify: impl FnOnce() -> bool) -> bool {
        let Some((cache, usage)) = self.0 else { return verify() };
        let entry = entry(cache);
        if cache.known.contains(&entry) {
            return true;
        }
        let valid = verify();
        if valid && usage == CacheUse::Store {
            cache.known.set.insert(&entry);
        }
        valid
    }
}

#[cfg(test)]
mod tests {
    use cairn_crypto::SecretKey;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const DIGEST: [u8; 32] = [5; 32];

    fn secret() -> SecretKey {
        SecretKey::from_bytes([3; 32]).unwrap()
    }

    fn cache() -> SignatureCache {
        SignatureCache::new(KEY, 1 << 16)
    }

    /// What differs from `bytes` in one bit.
    fn others<const N: usize>(bytes: [u8; N]) -> impl Iterator<Item = [u8; N]> {
        (0..N * 8).map(move |bit| {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            other
        })
    }

    #[test]
    fn an_entry_is_for_exactly_what_was_checked() {
        let key = secret().public_key().to_compressed();
        let signature = secret().sign_ecdsa(&DIGEST);
        let cache = cache();
        let known = |digest: &[u8; 32], key: &[u8], signature: [u8; 64]| {
            let signature = EcdsaSignature::from_compact(signature);
            cache.known.set.contains(&cache.ecdsa_entry(digest, key, &signature))
        };
        assert!(Signatures(Some((&cache, CacheUse::Store))).check_ecdsa(&DIGEST, &key, &signature));
        let signature = signature.to_compact();
        assert!(known(&DIGEST, &key, signature));
        assert!(others(DIGEST).all(|other| !known(&other, &key, signature)));
        assert!(others(key).all(|other| !known(&DIGEST, &other, signature)));
        assert!(others(signature).all(|other| !known(&DIGEST, &key, other)));
        assert!(
            !known(&DIGEST, &key[..32], signature) && !known(&DIGEST, &[&key[..], &[0]].concat(), signature)
        );
        assert!(!known(&DIGEST, &secret().public_key().to_uncompressed(), signature), "the same point");
        assert_eq!(cache.stats(), CacheStats { hits: 0, misses: 1, capacity: (1 << 16) / 257 * 8 });
    }

    #[test]
    fn a_schnorr_entry_is_for_exactly_what_was_checked() {
        let key = secret().public_key().to_x_only().0.to_bytes();
        let signature = secret().sign_schnorr(&DIGEST, &[0; 32]);
        let cache = cache();
        let known = |digest: &[u8; 32], key: &[u8; 32], signature: [u8; 64]| {
            let signature = SchnorrSignature::from_bytes(signature);
            cache.known.set.contains(&cache.schnorr_entry(digest, key, &signature))
        };
        assert!(Signatures(Some((&cache, CacheUse::Store))).check_schnorr(&DIGEST, &key, &signature));
        let signature = signature.to_bytes();
        assert!(known(&DIGEST, &key, signature));
        assert!(others(DIGEST).all(|other| !known(&other, &key, signature)));
        assert!(others(key).all(|other| !known(&DIGEST, &other, signature)));
        assert!(others(signature).all(|other| !known(&DIGEST, &key, other)));
    }

    #[test]
    fn the_schemes_do_not_mix_nor_do_keys() {
        let (cache, other) = (cache(), SignatureCache::new([8; 32], 1 << 16));
        let (digest, key) = ([1; 32], [2; 32]);
        let (ecdsa, schnorr) = (EcdsaSignature::from_compact([3; 64]), SchnorrSignature::from_bytes([3; 64]));
        let (of_ecdsa, of_schnorr) =
            (cache.ecdsa_entry(&digest, &key, &ecdsa), cache.schnorr_entry(&digest, &key, &schnorr));
        assert_ne!(of_ecdsa, of_schnorr);
        assert_ne!(of_ecdsa, other.ecdsa_entry(&digest, &key, &ecdsa));
        assert_ne!(of_schnorr, other.schnorr_entry(&digest, &key, &schnorr));
        // Planted for one scheme, it is believed there and not in the other.
        let store = |cache| Signatures(Some((cache, CacheUse::Store)));
        cache.known.set.insert(&of_ecdsa);
        assert!(store(&cache).check_ecdsa(&digest, &key, &ecdsa));
        assert!(!store(&cache).check_schnorr(&digest, &key, &schnorr));
        let cache = self::cache();
        cache.known.set.insert(&of_schnorr);
        assert!(store(&cache).check_schnorr(&digest, &key, &schnorr));
        assert!(!store(&cache).check_ecdsa(&digest, &key, &ecdsa));
    }

    #[test]
    fn failures_are_not_remembered_nor_is_what_is_only_looked_up() {
        let (secret, cache) = (secret(), cache());
        let (key, signature) = (secret.public_key().to_compressed(), secret.sign_ecdsa(&DIGEST));
        let store = Signatures(Some((&cache, CacheUse::Store)));
        let lookup = Signatures(Some((&cache, CacheUse::Lookup)));
        let tally = || (cache.stats().hits, cache.stats().misses);
        assert!((0..2).all(|_| !store.check_ecdsa(&[6; 32], &key, &signature)));
        assert_eq!(tally(), (0, 2));
        assert!((0..2).all(|_| lookup.check_ecdsa(&DIGEST, &key, &signature)));
        assert_eq!(tally(), (0, 4));
        assert!(store.check_ecdsa(&DIGEST, &key, &signature));
        assert_eq!(tally(), (0, 5));
        assert!([lookup, store].iter().all(|with| with.check_ecdsa(&DIGEST, &key, &signature)));
        assert_eq!(tally(), (2, 5));
        assert!(!format!("{cache:?}").contains("7, 7"), "the key is not shown");
    }
}
