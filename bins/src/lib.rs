//! What the programs do between their arguments and the libraries: settings from several places, progress bars, tables or
//! JSON, exit codes.
//!
//! Each program is `main.rs` and its arguments; every command is one function here, which makes one library call and prints
//! what it gave.

mod failure;
mod logging;
pub mod miner;
pub mod node;
mod output;
pub mod wallet;

pub use failure::{Failure, exit};
