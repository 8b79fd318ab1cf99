//! The virtual clock: what is to happen, chance, and the trace of what happened.

use std::time::Duration;

use cairn_primitives::hash::Sha256Engine;
use cairn_primitives::{Sha256, Sink};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::HostId;
use super::queue::Queue;
use super::wire::WireEvent;

/// What happens at a moment.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    Wire(WireEvent),
    /// A host asked to be woken.
    Wake {
        host: HostId,
        life: u32,
    },
    /// A node has finished the check it was at.
    Checked {
        host: HostId,
        life: u32,
    },
    /// Somebody finds a block.
    Mine {
        plan: u64,
    },
    /// Somebody pays.
    Pay {
        plan: u64,
    },
}

impl From<WireEvent> for Happening {
    fn from(event: WireEvent) -> Self {
        Self::Wire(event)
    }
}

/// The virtual clock with everything that depends on it.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Since 1970.
    pub(super) now: Duration,
    pub(super) rng: ChaCha12Rng,
    queue: Queue<Happening>,
    trace: Sha256Engine,
    count: u64,
}

impl Timeline {
    pub(super) fn new(start: Duration, seed: u64) -> Self {
        let rng = ChaCha12Rng::seed_from_u64(seed);
        Self { now: start, rng, queue: Queue::new(), trace: Sha256Engine::new(), count: 0 }
    }

    pub(super) fn at(&mut self, time: Duration, what: impl Into<Happening>) {
        self.queue.push(time.max(self.now), what.into());
    }

    /// The next event up to `limit`; the clock then stands at its time, or at `limit` if there is none.
    pub(super) fn next(&mut self, limit: Duration) -> Option<Happening> {
        if self.queue.next_time().is_none_or(|at| at > limit) {
            self.now = self.now.max(limit);
            return None;
        }
        let (at, number, what) = self.queue.pop()?;
        self.now = at;
        self.count += 1;
        self.note(&at.as_nanos().to_le_bytes());
        self.note(&number.to_le_bytes());
        Some(what)
    }

    /// Puts bytes into the trace.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        self.trace.put(bytes);
    }

    /// How many events have happened, and the hash of all of them.
    pub(super) fn trace(&self) -> (u64, Sha256) {
        (self.count, Sha256::from_bytes(self.trace.clone().finish()))
    }
}
