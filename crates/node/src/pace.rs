//! When the chain's writer makes durable what is in memory alone: decided from times that are given.

use std::time::{Duration, Instant};

/// Longest time a change stays in memory alone. While orders come, coins are left out: they are made again from the blocks,
/// and to write them this often would undo what their cache is for.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// What is to be made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Everything but the coins.
    Commit,
    /// Everything.
    Flush,
}

/// Keeps the times.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When it was last asked what is due and that was to be looked at.
    looked: Instant,
    /// When the last order came.
    ordered: Instant,
    /// Whether something may have changed since the last flush.
    dirty: bool,
}

impl Pace {
    /// From `now` on, with nothing to save.
    pub(crate) fn new(now: Instant) -> Self {
        Pace { looked: now, ordered: now, dirty: false }
    }

    /// An order came, and may have changed something.
    pub(crate) fn ordered(&mut self, now: Instant) {
        (self.ordered, self.dirty) = (now, true);
    }

    /// Something may have changed without an order.
    pub(crate) fn changed(&mut self) {
        self.dirty = true;
    }

    /// How long the next order may be waited for before [`due`](Self::due) must be asked.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        SAVE_EVERY.saturating_sub(now.duration_since(self.looked))
    }

    /// What is to be made durable now.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        if now.duration_since(self.looked) < SAVE_EVERY {
            return None;
        }
        self.looked = now;
        let busy = now.duration_since(self.ordered) < SAVE_EVERY;
        let due = if busy { Due::Commit } else { Due::Flush };
        let found = self.dirty.then_some(due);
        self.dirty &= busy;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn who_has_nothing_to_save_waits_all_the_same() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..3 {
            assert_eq!(pace.wait(now), SAVE_EVERY);
            now += SAVE_EVERY;
            assert_eq!((pace.wait(now), pace.due(now)), (Duration::ZERO, None));
        }
    }

    #[test]
    fn coins_are_written_once_no_order_comes() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.ordered(start + MOMENT);
        assert_eq!(pace.due(start + SAVE_EVERY - MOMENT), None);
        // The order is a moment younger than the limit.
        assert_eq!(pace.due(start + SAVE_EVERY), Some(Due::Commit));
        assert_eq!(pace.due(start + SAVE_EVERY * 2), Some(Due::Flush));
        assert_eq!(pace.due(start + SAVE_EVERY * 3), None);
        pace.changed();
        assert_eq!(pace.due(start + SAVE_EVERY * 4), Some(Due::Flush));
    }

    #[test]
    fn an_order_as_old_as_the_limit_is_over() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.ordered(start);
        assert_eq!(pace.due(start + SAVE_EVERY), Some(Due::Flush));
    }
}
