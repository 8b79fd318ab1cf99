//! The wallet seen from outside, over a chain in memory and a real pool.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports on stdout"
)]

mod address;
mod build;
mod bump;
mod file;
mod properties;
mod psbt;
mod sign;
mod source_faults;
mod support;
mod sync;
