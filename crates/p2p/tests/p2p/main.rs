//! The wire protocol against published bytes, against each of its limits, and against random streams.

mod codec;
mod golden;
mod handshake;
mod limits;
mod support;
