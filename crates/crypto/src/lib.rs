//! secp256k1 behind typed wrappers: the keys, signatures and tweaks Bitcoin-style chains use, with
//! exactly the acceptance rules their consensus depends on.
//!
//! - [`PublicKey`] with [`EcdsaSignature`]: ECDSA as scripts check it. The signature reader takes the malformed
//!   DER of the first years, a high S verifies like its low twin, hybrid keys (`06`/`07`) are keys.
//! - [`XOnlyPublicKey`] with [`SchnorrSignature`]: BIP340 over messages of any length.
//! - [`TapTweak`]: the BIP341 commitment of an internal key to a script tree.
//! - [`MuHash`]: the hash of a set that changes, as Bitcoin Core hashes the unspent coins.
//! - [`SecretKey`]: signs both ways, deterministically; wiped from memory when dropped, never printed.
//!
//! The arithmetic is k256's, pure Rust. The feature `libsecp256k1` puts the C library of that name in its place, which
//! needs a C compiler and verifies about twice as fast; nothing else changes.
//!
//! What it deliberately does not do: draw random numbers (a secret key and a BIP340 auxiliary value are
//! arguments), derive keys (BIP32 belongs to the wallet; the additions it needs are here), know about
//! transactions or signature hash types.
//!
//! ```
//! use cairn_crypto::{EcdsaSignature, SecretKey};
//!
//! let secret = SecretKey::from_bytes([7; 32])?;
//! let message = [0x5a; 32];
//! let der = secret.sign_ecdsa(&message).to_der();
//!
//! let signature = EcdsaSignature::from_der_lax(&der)?;
//! assert!(secret.public_key().verify(&message, &signature));
//! assert!(!secret.public_key().verify(&[0; 32], &signature));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod der;
mod ecdsa;
mod error;
mod muhash;
mod public;
mod secret;
mod tweak;
mod xonly;

pub use ecdsa::EcdsaSignature;
pub use error::{PublicKeyError, SecretKeyError, SignatureError, TweakError};
pub use muhash::{MuHash, MuHashDigest};
pub use public::PublicKey;
pub use secret::SecretKey;
pub use tweak::TapTweak;
pub use xonly::{Parity, SchnorrSignature, XOnlyPublicKey};
