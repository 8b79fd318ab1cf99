//! The driver over real sockets of this machine.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod abuse;
mod exchange;
mod handle;
mod host;
mod raw;
