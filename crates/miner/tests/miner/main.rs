//! The miner as its users see it, and against real blocks.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

mod genesis;
mod jobs;
mod kernels;
mod mining;
mod support;
mod templates;
mod workers;
