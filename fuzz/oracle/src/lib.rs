//! Differential tests: the same inputs to Cairn and to code that is not ours.
//!
//! A [`Case`] is one input of one transaction, the outputs the transaction spends and a set of rules. [`case`] makes
//! cases: valid spends of every type with real signatures, then mostly one [mutation](mutate); programs of random
//! opcodes; programs at the limits. [`Case::compare`] runs one through `cairn_script::verify` and through Bitcoin Core's
//! interpreter (`bitcoinconsensus`). Where the answers differ, [`shrink`] makes the case smaller as long as they still
//! do, and what is left prints as text that [`Case::from_text`] reads again. [`Campaign`] runs many and counts.
//!
//! [`wire`] writes transactions and blocks as bytes, sound and damaged; [`core_reads`] asks Core's deserialiser about
//! them. [`Campaign::tally`] counts the answers of any other check: the tests compare values, encodings, addresses and
//! signature hashes with the `bitcoin` crate, and keys, signatures and tweaks with libsecp256k1.
//!
//! Every case belongs to a seed and a number; the same two give the same case on every machine.
//!
//! What is not here: blocks and reorganisations against Core's chain engine (another edition of the same C++ cannot be
//! linked beside this one), and error names, for Core's library answers yes or no. Policy flags are not in its interface
//! either; the vector tests of `cairn-script` cover both.

mod campaign;
mod case;
mod fragments;
mod generate;
mod judge;
mod keys;
mod limits;
mod mutate;
mod program;
mod rng;
mod shrink;
mod soup;
mod spend;
pub mod wire;

pub use campaign::{Budget, Campaign, Counts, Tally, setting};
pub use case::{Case, CaseTextError, Disagreement, Draft, Input, SUPPORTED};
pub use generate::{Kind, case, whole};
pub use judge::{Reading, core_reads};
pub use keys::{Key, key};
pub use mutate::mutate;
pub use rng::Rng;
pub use shrink::{shrink, shrink_bytes};
