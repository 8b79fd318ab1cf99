//! The comparison. Bounded by default; `ORACLE_BLOCKS` makes it longer.

mod chain;
mod chaingen;
mod coins;
