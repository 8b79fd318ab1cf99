//! Fuzz targets for everything that reads untrusted bytes or text.
//!
//! Each target is a function here, so that it can run under libfuzzer (`fuzz_targets/`, with cargo-fuzz: see the README)
//! and under `cargo test` on its seeds, on damaged seeds and on what was found before, which needs no cargo-fuzz.
//! `cargo run --bin seeds` writes the seeds as corpora for the former.
//!
//! A target fails by panicking: because the code under test does, or because something does not hold that always must,
//! most often that what was read writes itself again the same way.

mod against;
mod bytes;
mod grown;
mod import;
mod rules;
mod saved;
mod seeds;
mod text;
mod wallet;
mod wire;
mod work;

use std::path::PathBuf;

pub use against::oracle;
pub use bytes::{block, transaction, values};
pub use import::import;
pub use rules::{check_block, spend};
pub use saved::saved;
pub use seeds::seeds;
pub use text::spec;
pub use wallet::{psbt, wallet};
pub use wire::message;

/// A target's name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("values", values),
    ("transaction", transaction),
    ("block", block),
    ("spec", spec),
    ("spend", spend),
    ("check_block", check_block),
    ("message", message),
    ("saved", saved),
    ("psbt", psbt),
    ("wallet", wallet),
    ("import", import),
    ("oracle", oracle),
];

/// A folder of this process for files that are only read by name.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cairn-fuzz-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder takes folders");
    folder
}
