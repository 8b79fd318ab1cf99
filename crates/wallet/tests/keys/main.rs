//! The keys of the wallet seen from outside: published vectors, borders, properties, and the keystore file.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports on stdout"
)]

mod accounts;
mod bip32;
mod bip39;
mod common;
mod extended_text;
mod keystore;
mod keystore_header;
mod paths;
