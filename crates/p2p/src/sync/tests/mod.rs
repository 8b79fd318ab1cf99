//! The sync against fake peers.

mod announce;
mod behind;
mod download;
mod fake;
mod headers;
mod presync;
mod random;
mod serve;
mod stalling;
mod wanted;
