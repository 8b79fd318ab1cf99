//! The crate seen from outside: Bitcoin Core's vectors, limits, properties.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports on stdout"
)]

mod bip341;
mod blocks;
mod cache;
mod commitments;
mod common;
mod limits;
mod locks;
mod properties;
mod script_assets;
mod script_tests;
mod sighash;
mod spend;
mod text;
mod tx_tests;
