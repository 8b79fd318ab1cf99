//! The programs, end to end: started as a user starts them.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a panic is how a test fails, and its output says what was skipped

#[cfg(target_os = "linux")] // it reads the process's memory where Linux tells it
mod abuse;
mod bad_input;
mod chain;
mod db;
mod dev;
mod events;
mod explain;
mod import;
mod miner;
mod network;
mod proxy;
mod readme;
mod snapshot;
mod store;
mod support;
mod verify;
mod wallet;
