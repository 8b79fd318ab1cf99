//! The script interpreter and the signature hashes.
