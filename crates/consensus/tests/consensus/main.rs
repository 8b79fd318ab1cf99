//! The rules of `cairn-consensus` against real chains, simple models and their own limits.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

mod assume_valid;
mod block_rules;
mod checks;
mod coins;
mod connect_rules;
mod edge_specs;
mod header_rules;
mod inventory;
mod outside;
mod real_blocks;
mod real_headers;
mod retarget;
mod rule_table;
#[path = "../../../script/tests/it/text.rs"]
mod script_text;
mod signalled_forks;
mod signals;
mod signet;
mod soft_forks;
mod support;
mod tree;
mod tx_rules;
mod tx_vectors;
mod undo;
