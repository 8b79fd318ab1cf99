//! The server over real loopback sockets, in front of a node made up for the tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod bytes;
mod chain;
mod client;
mod endpoints;
mod events;
mod fake;
mod limits;
mod openapi;
mod page;
mod peers;
mod pool;
mod present;
mod same;
mod server;
mod templates;
mod wallet;
mod wire;
