//! One header whose nonce is to be found.

use cairn_primitives::{Header, Target};

use crate::kernel::Midstate;

/// A header that lacks nothing but its nonce, with the target its hash must meet and the state of SHA-256 after
/// its first 64 bytes, which no nonce changes.
#[derive(Clone, Debug)]
pub struct HeaderJob {
    header: Header,
    target: Target,
    midstate: Midstate,
}

impl HeaderJob {
    /// The job to find a nonce for `header` whose hash meets `target`. Usually the target is the one the header's
    /// bits stand for; whoever pays for shares asks for less. The nonce in `header` does not matter.
    pub fn new(header: Header, target: Target) -> Self {
        Self { header, target, midstate: Midstate::new(&header) }
    }

    /// The header with this nonce.
    pub fn header(&self, nonce: u32) -> Header {
        Header { nonce, ..self.header }
    }

    /// The target the hash must not exceed.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Whether this nonce solves the job: the header is hashed in full, without the midstate.
    pub fn is_solved_by(&self, nonce: u32) -> bool {
        self.target.is_met_by(self.header(nonce).hash())
    }

    /// What SHA-256 knows before the nonce.
    pub(crate) fn midstate(&self) -> &Midstate {
        &self.midstate
    }

    /// The 32 most significant bits of the target: a hash with more in its own cannot meet it.
    pub(crate) fn top_word(&self) -> u32 {
        let [a, b, c, d, ..] = self.target.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}
