//! Tests of the whole crate through its public face.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

mod addresses;
mod blocks;
mod codec;
mod hashes;
mod headers;
mod merkle;
mod pow;
mod properties;
mod scripts;
mod support;
mod transactions;
mod values;
