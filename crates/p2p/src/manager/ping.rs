//! Whether a peer is still there, and how far away.

use std::time::Duration;

/// Time between two pings (Core's `PING_INTERVAL`).
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(120);
/// Longest time for the answer. Core waits twenty minutes; a dead path is to be noticed sooner here.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(300);

/// The pings of one connection.
#[derive(Clone, Debug)]
pub(super) struct Pings {
    /// The number that went out and when; `None` while no answer is waited for.
    waiting: Option<(u64, Duration)>,
    next: Duration,
    last: Option<Duration>,
    least: Option<Duration>,
}

impl Pings {
    /// The first is due at once.
    pub(super) const fn new(now: Duration) -> Self {
        Self { waiting: None, next: now, last: None, least: None }
    }

    /// Whether a ping is due, with this nonce.
    pub(super) fn due(&mut self, now: Duration, nonce: u64) -> bool {
        let due = self.waiting.is_none() && now >= self.next;
        if due {
            self.waiting = Some((nonce, now));
        }
        due
    }

    /// Whether an answer is overdue.
    pub(super) fn timed_out(&self, now: Duration) -> bool {
        self.waiting.is_some_and(|(_, sent)| now >= sent + PING_TIMEOUT)
    }

    /// An answer came; one with another number, or that nobody waits for, changes nothing.
    pub(super) fn answered(&mut self, now: Duration, nonce: u64) {
        let Some((_, sent)) = self.waiting.filter(|(expected, _)| *expected == nonce) else { return };
        let took = now.saturating_sub(sent);
        self.waiting = None;
        self.next = now + PING_INTERVAL;
        self.last = Some(took);
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
    }

    /// When something is due next.
    pub(super) fn deadline(&self) -> Duration {
        self.waiting.map_or(self.next, |(_, sent)| sent + PING_TIMEOUT)
    }

    /// How long the last answer took.
    pub(super) const fn last(&self) -> Option<Duration> {
        self.last
    }

    /// The shortest time an answer took.
    pub(super) const fn least(&self) -> Option<Duration> {
        self.least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ping_at_a_time_and_its_own_answer_alone() {
        let start = Duration::from_secs(1_000);
        let mut pings = Pings::new(start);
        assert!(pings.due(start, 7));
        assert!(!pings.due(start, 8));
        pings.answered(start + Duration::from_secs(1), 8);
        assert_eq!(pings.last(), None);
        pings.answered(start + Duration::from_secs(2), 7);
        assert_eq!(pings.last(), Some(Duration::from_secs(2)));
        let next = start + Duration::from_secs(2) + PING_INTERVAL;
        assert!(!pings.due(next - Duration::from_nanos(1), 9));
        assert!(pings.due(next, 9));
        assert!(!pings.timed_out(next + PING_TIMEOUT - Duration::from_nanos(1)));
        assert!(pings.timed_out(next + PING_TIMEOUT));
    }
}
