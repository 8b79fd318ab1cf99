//! The sync against fake peers.

mod download;
mod fake;
