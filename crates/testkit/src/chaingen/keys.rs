//! The keys coins are locked to.

use std::sync::OnceLock;

use cairn_crypto::SecretKey;
use cairn_primitives::{Hash160, hash};

use crate::key::TestKey;

/// Names a key of the ring.
pub(super) type KeyNumber = u16;

/// Keys there are. A chain uses them one after the other and then again.
const COUNT: usize = KeyNumber::MAX as usize + 1;

/// The first of the ring's keys among all test keys: apart from those that tests make by hand.
const FIRST: u64 = 0xc4a1_0000_0000;

/// Keys, made when they are first asked for.
pub(super) struct KeyRing {
    keys: Vec<OnceLock<Key>>,
}

impl KeyRing {
    pub(super) fn new() -> Self {
        Self { keys: (0..COUNT).map(|_| OnceLock::new()).collect() }
    }

    pub(super) fn get(&self, number: KeyNumber) -> &Key {
        self.keys[usize::from(number)].get_or_init(|| Key::new(number))
    }
}

/// A key and what is derived from it.
pub(super) struct Key {
    key: TestKey,
    hash: Hash160,
    x_only: [u8; 32],
    taproot: OnceLock<Taproot>,
}

/// What a key becomes when it is tweaked by no script.
struct Taproot {
    secret: SecretKey,
    output: [u8; 32],
}

impl Key {
    fn new(number: KeyNumber) -> Self {
        let key = TestKey::new(FIRST + u64::from(number));
        let public = key.public();
        let x_only = public[1..].try_into().expect("a compressed key is a sign and 32 bytes");
        Self { hash: hash::hash160(public), x_only, taproot: OnceLock::new(), key }
    }

    pub(super) fn secret(&self) -> &SecretKey {
        self.key.secret()
    }

    /// The compressed public key.
    pub(super) fn public(&self) -> &[u8; 33] {
        self.key.public()
    }

    pub(super) fn hash(&self) -> Hash160 {
        self.hash
    }

    pub(super) fn x_only(&self) -> &[u8; 32] {
        &self.x_only
    }

    /// The output key that commits to no script (BIP86).
    pub(super) fn taproot_output(&self) -> &[u8; 32] {
        &self.taproot().output
    }

    /// The secret of [`taproot_output`](Self::taproot_output).
    pub(super) fn taproot_secret(&self) -> &SecretKey {
        &self.taproot().secret
    }

    fn taproot(&self) -> &Taproot {
        self.taproot.get_or_init(|| {
            let secret = self.secret().tap_tweak(None).expect("a hash is a tweak but for one in 2^128");
            let output = secret.public_key().to_x_only().0.to_bytes();
            Taproot { secret, output }
        })
    }
}
