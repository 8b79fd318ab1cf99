//! Real nodes on a simulated network: faults, adversaries, and what the nodes must agree on afterwards.

mod adversaries;
mod basics;
mod deep;
mod faults;
mod fifty;
mod support;
mod syncing;
mod tracing;
