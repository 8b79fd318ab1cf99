//! The time the driver tells the manager.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Time since 1970 that never goes back: the system's time when the clock was made, and what a steady clock counted
/// since. A system clock that is set while a node runs changes nothing here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    at: Duration,
}

impl Clock {
    /// A clock that begins with the system's time; with 1970 if that is earlier.
    pub(super) fn start() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), at }
    }

    /// Time since 1970.
    pub(super) fn now(&self) -> Duration {
        self.at + self.start.elapsed()
    }
}
