//! Real nodes on a simulated network: faults, adversaries, and what the nodes must agree on afterwards.

mod basics;
mod support;
