//! The chain state as its users see it, against naive models and real chains.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "a test that lacks its data says so")]

mod chain;
mod check;
mod coin_stats;
mod compare;
mod crash;
mod crash_bulk;
mod import;
mod maker;
mod model;
mod random_trees;
