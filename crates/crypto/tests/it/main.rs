//! The crate seen from outside: published vectors, borders, properties.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports on stdout"
)]

mod bip340;
mod bip341;
mod common;
mod keys;
mod muhash;
mod properties;
