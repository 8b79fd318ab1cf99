//! Fuzz targets for everything that reads untrusted bytes or text.
//!
//! Each target is a function here, so that it can run under libfuzzer (`fuzz_targets/`, with nightly and
//! cargo-fuzz: `cargo fuzz run block`), and under `cargo test` on its seeds and on damaged seeds, which needs
//! neither. `cargo run --bin seeds` writes the seeds as corpora for the former.
//!
//! A target fails by panicking: because the code under test does, or because what was read does not write
//! itself again the same way.

mod bytes;
mod rules;
mod seeds;
mod text;

pub use bytes::{block, compact_bits, der, header, key, script, transaction, undo};
pub use rules::{check_block, spend};
pub use seeds::seeds;
pub use text::{address, spec, text};

/// A target's name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("header", header),
    ("transaction", transaction),
    ("block", block),
    ("script", script),
    ("compact_bits", compact_bits),
    ("text", text),
    ("address", address),
    ("spec", spec),
    ("undo", undo),
    ("der", der),
    ("key", key),
    ("spend", spend),
    ("check_block", check_block),
];
