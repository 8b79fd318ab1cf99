//! secp256k1 behind typed wrappers.
