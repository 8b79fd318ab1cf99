//! The chain state as its users see it, against naive models and real chains.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod compare;
mod maker;
mod model;
mod random_trees;
