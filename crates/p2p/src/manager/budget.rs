//! How much a peer may say: a bucket that fills with time and empties with each message.

use std::time::Duration;

use crate::message::Message;

/// Units that come back each second.
const REFILL: u64 = 20_000;
/// Units a bucket holds.
const BURST: u64 = 200_000;
/// Bytes that cost one unit, of messages that nobody asks for.
const BYTES_PER_UNIT: u64 = 64;
/// Time over which the throttling of a peer is added up.
const WINDOW: Duration = Duration::from_secs(60);
/// Throttled for longer than this within the window, a peer is held to flood.
const FLOOD: Duration = Duration::from_secs(30);

/// What a message costs. Blocks, headers and transactions are cheap here: those that were asked for are bounded by
/// what was asked, and for the others there are points.
fn cost(message: &Message, bytes: usize) -> u64 {
    let by_size = bytes as u64 / BYTES_PER_UNIT;
    let list = |length: usize, each: u64| length as u64 * each;
    match message {
        Message::Block(_) | Message::Tx(_) => 10,
        Message::Headers(headers) => 20 + list(headers.len(), 5),
        Message::GetData(items) => 1 + list(items.len(), 1),
        Message::NotFound(items) => 20 + list(items.len(), 1),
        Message::Inv(items) => 20 + list(items.len(), 2),
        Message::Addr(entries) => 100 + list(entries.len(), 20),
        Message::AddrV2(entries) => 100 + list(entries.len(), 20),
        // Up to 2,000 headers or 500 hashes go back for one of these.
        Message::GetHeaders(_) | Message::GetBlocks(_) => 200,
        Message::MemPool | Message::GetAddr => 2_000,
        Message::Version(_)
        | Message::Verack
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::SendAddrV2
        | Message::SendHeaders
        | Message::FeeFilter(_)
        | Message::WtxidRelay
        | Message::Unknown { .. } => 100 + by_size,
    }
}

/// What is left of a peer's allowance.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// Units left; below zero when a message cost more than there was.
    left: i64,
    filled: Duration,
    window: Duration,
    /// Time for which the peer had to wait within the window.
    throttled: Duration,
    /// End of the last wait.
    until: Duration,
}

/// What to do about a message that cost more than there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overdraft {
    /// Time until the bucket is no longer empty.
    pub(super) wait: Duration,
    /// Whether this has been going on for too long.
    pub(super) flood: bool,
}

impl Budget {
    pub(super) fn new(now: Duration) -> Self {
        Self { left: BURST as i64, filled: now, window: now, throttled: Duration::ZERO, until: now }
    }

    /// Takes what the message costs.
    pub(super) fn spend(&mut self, now: Duration, message: &Message, bytes: usize) -> Option<Overdraft> {
        let gained = now.saturating_sub(self.filled).as_millis().saturating_mul(u128::from(REFILL)) / 1_000;
        if gained > 0 {
            let gained = i64::try_from(gained).unwrap_or(i64::MAX);
            self.left = self.left.saturating_add(gained).min(BURST as i64);
            self.filled = now;
        }
        self.left = self.left.saturating_sub(i64::try_from(cost(message, bytes)).unwrap_or(i64::MAX));
        if self.left >= 0 {
            return None;
        }
        if now.saturating_sub(self.window) > WINDOW {
            self.window = now;
            self.throttled = Duration::ZERO;
        }
        let wait = Duration::from_millis(self.left.unsigned_abs().saturating_mul(1_000) / REFILL + 1);
        // Waits that overlap count once.
        self.throttled += (now + wait).saturating_sub(self.until.max(now));
        self.until = self.until.max(now + wait);
        let flood = self.throttled > FLOOD;
        if flood {
            self.window = now;
            self.throttled = Duration::ZERO;
        }
        Some(Overdraft { wait, flood })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: Message = Message::Ping(1);

    #[test]
    fn a_burst_is_free_and_the_next_message_waits() {
        let now = Duration::from_secs(1_000);
        let mut budget = Budget::new(now);
        let free = BURST / cost(&PING, 32);
        for _ in 0..free {
            assert_eq!(budget.spend(now, &PING, 32), None);
        }
        let over = budget.spend(now, &PING, 32).expect("the bucket is empty");
        assert!(over.wait > Duration::ZERO && over.wait < Duration::from_secs(1) && !over.flood);
        let later = now + Duration::from_secs(1);
        assert_eq!(budget.spend(later, &PING, 32), None);
    }

    #[test]
    fn who_keeps_to_the_rate_is_never_a_flood_and_who_does_not_is() {
        let mut now = Duration::from_secs(1_000);
        let mut budget = Budget::new(now);
        for _ in 0..100_000 {
            now += Duration::from_millis(10);
            assert_eq!(budget.spend(now, &PING, 32), None);
        }
        let floods =
            (0..100_000).filter_map(|_| budget.spend(now, &PING, 32)).filter(|over| over.flood).count();
        assert!(floods > 0);
    }

    #[test]
    fn bytes_of_an_unknown_message_cost() {
        let now = Duration::from_secs(1);
        let command = crate::Command::from_bytes(*b"nonsense\0\0\0\0").expect("a good name");
        let unknown = Message::Unknown { command, length: 4_000_000 };
        let mut budget = Budget::new(now);
        let free = (0..100).take_while(|_| budget.spend(now, &unknown, 4_000_024).is_none()).count();
        assert_eq!(free, 3);
    }
}
