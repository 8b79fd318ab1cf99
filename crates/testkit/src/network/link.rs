//! How bytes fare between two hosts.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha12Rng;

/// Bytes in one segment, as on Ethernet.
pub(super) const SEGMENT: usize = 1_448;
/// Segments under way together: a lost one delays all of them.
const FLIGHT_SEGMENTS: usize = 44;
/// Bytes under way together.
pub(super) const FLIGHT: usize = FLIGHT_SEGMENTS * SEGMENT;
/// Wait before a lost segment is sent again the first time; it doubles each time (Linux's least).
pub(super) const FIRST_RTO: Duration = Duration::from_millis(200);
/// Losses of one segment in a row after which a connection is given up.
pub(super) const MAX_LOSSES: u32 = 8;
/// From the first loss of a segment to giving up: the sum of all waits.
pub(super) const GIVE_UP: Duration = Duration::from_millis(200 * ((1 << MAX_LOSSES) - 1));
/// Wait before a lost opening segment is sent again the first time (RFC 6298).
const FIRST_OPENING_RTO: Duration = Duration::from_secs(1);
/// How long opening a connection may take.
pub(super) const OPENING_TIMEOUT: Duration = Duration::from_secs(5);

/// How bytes fare between two hosts. Each connection draws its own latency.
///
/// Loss delays and never drops: below the messages stands TCP, which sends a lost segment again until it arrives and
/// hands nothing on before what was sent earlier. So a segment lost with probability `loss` costs 200 ms, then twice as
/// much each time it is lost again, and everything behind it waits; eight losses in a row end the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// Least time one way.
    pub min_latency: Duration,
    /// Greatest time one way, apart from jitter.
    pub max_latency: Duration,
    /// Most that is added to the latency of each burst of segments.
    pub jitter: Duration,
    /// Bytes each way in a second.
    pub bandwidth: u64,
    /// Probability that a segment is lost, below 1.
    pub loss: f64,
}

impl Default for LinkConfig {
    /// 10 to 300 ms with 20 ms of jitter, 2 MB/s, no loss.
    fn default() -> Self {
        Self {
            min_latency: Duration::from_millis(10),
            max_latency: Duration::from_millis(300),
            jitter: Duration::from_millis(20),
            bandwidth: 2_000_000,
            loss: 0.0,
        }
    }
}

impl LinkConfig {
    /// These links with another loss.
    #[must_use]
    pub const fn with_loss(self, loss: f64) -> Self {
        Self { loss, ..self }
    }

    /// The latency of a new connection, one way.
    pub(super) fn draw_latency(&self, rng: &mut ChaCha12Rng) -> Duration {
        between(rng, self.min_latency, self.max_latency)
    }

    /// How much longer than its latency some bytes sent together take, or `None` if one of their segments is lost
    /// too often.
    pub(super) fn draw_delay(&self, rng: &mut ChaCha12Rng, bytes: usize) -> Option<Duration> {
        let jitter = between(rng, Duration::ZERO, self.jitter);
        let segments = bytes.div_ceil(SEGMENT).max(1);
        let mut losses = 0;
        if self.loss > 0.0 {
            for _ in 0..segments {
                losses = losses.max(self.draw_losses(rng));
            }
        }
        (losses < MAX_LOSSES).then(|| jitter + FIRST_RTO * ((1 << losses) - 1))
    }

    /// How long an opening segment takes on its way, or `None` if it does not arrive in time.
    pub(super) fn draw_opening(&self, rng: &mut ChaCha12Rng, latency: Duration) -> Option<Duration> {
        let losses = if self.loss > 0.0 { self.draw_losses(rng) } else { 0 };
        let delay = latency + FIRST_OPENING_RTO * ((1 << losses) - 1);
        (delay < OPENING_TIMEOUT).then_some(delay)
    }

    fn draw_losses(&self, rng: &mut ChaCha12Rng) -> u32 {
        let mut losses = 0;
        while losses < MAX_LOSSES && rng.random_bool(self.loss) {
            losses += 1;
        }
        losses
    }

    /// How long `bytes` take to leave.
    pub(super) fn transmission(&self, bytes: usize) -> Duration {
        let nanos = bytes as u64 * 1_000_000_000 / self.bandwidth.max(1);
        Duration::from_nanos(nanos)
    }
}

fn between(rng: &mut ChaCha12Rng, low: Duration, high: Duration) -> Duration {
    let span = high.saturating_sub(low).as_micros() as u64;
    low + Duration::from_micros(rng.random_range(0..=span))
}

/// When a sender whose segments are lost from `since` on tries again: the first moment at or after `now`.
pub(super) fn next_retransmission(since: Duration, now: Duration) -> Duration {
    let tries = (0..=MAX_LOSSES).map(|losses| since + FIRST_RTO * ((1 << losses) - 1));
    tries.into_iter().find(|at| *at >= now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn loss_delays_by_doubling_waits_and_ends_in_giving_up() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let still = LinkConfig { jitter: Duration::ZERO, ..LinkConfig::default() };
        assert_eq!(still.draw_delay(&mut rng, 1_000_000), Some(Duration::ZERO));
        let hopeless = still.with_loss(1.0);
        assert_eq!(hopeless.draw_delay(&mut rng, 1), None);

        let waits: Vec<u128> = (0..2_000)
            .filter_map(|_| still.with_loss(0.2).draw_delay(&mut rng, 1))
            .map(|wait| wait.as_millis())
            .collect();
        assert!(waits.iter().all(|wait| [0, 200, 600, 1_400, 3_000, 6_200, 12_600, 25_400].contains(wait)));
        let lost = waits.iter().filter(|wait| **wait > 0).count();
        assert!((300..500).contains(&lost), "{lost} of 2,000 segments were lost, not about a fifth");
    }

    #[test]
    fn a_stalled_sender_tries_again_at_its_own_moments() {
        let ms = Duration::from_millis;
        assert_eq!(next_retransmission(ms(1_000), ms(1_100)), ms(1_200));
        assert_eq!(next_retransmission(ms(1_000), ms(1_200)), ms(1_200));
        assert_eq!(next_retransmission(ms(1_000), ms(1_201)), ms(1_600));
        assert_eq!(GIVE_UP, ms(51_000));
    }
}
