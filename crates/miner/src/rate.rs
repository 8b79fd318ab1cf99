//! A rate over the recent past.

use std::collections::VecDeque;
use std::time::Duration;

/// Parts of the window in which at most one sample each is kept, so that frequent questions cost no memory.
const PARTS: u32 = 32;

/// Turns readings of a counter into a rate over a sliding window. Knows no clock: each reading comes with its time.
#[derive(Clone, Debug)]
pub struct RateMeter {
    window: Duration,
    /// Time and count, oldest first; never empty. At most one is older than the window.
    samples: VecDeque<(Duration, u64)>,
}

impl RateMeter {
    /// A meter over `window`, for a counter that stands at zero at time zero.
    pub fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::from([(Duration::ZERO, 0)]) }
    }

    /// Takes a reading and returns the mean rate per second over the window that ends with it, or since the start if
    /// that is less. Zero while no time has passed. Readings must not go back in time.
    pub fn sample(&mut self, at: Duration, count: u64) -> f64 {
        while self.samples.get(1).is_some_and(|&(next, _)| at.saturating_sub(next) >= self.window) {
            self.samples.pop_front();
        }
        let (from, count_then) = self.samples.front().copied().unwrap_or((at, count));
        let newest = self.samples.back().map_or(Duration::ZERO, |&(newest, _)| newest);
        if at.saturating_sub(newest) >= self.window / PARTS {
            self.samples.push_back((at, count));
        }
        let elapsed = at.saturating_sub(from).as_secs_f64();
        if elapsed > 0.0 { count.saturating_sub(count_then) as f64 / elapsed } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_rate_is_the_mean_since_the_start() {
        let mut meter = RateMeter::new(10 * SECOND);
        assert_eq!(meter.sample(Duration::ZERO, 0), 0.0);
        assert_eq!(meter.sample(2 * SECOND, 100), 50.0);
        assert_eq!(meter.sample(4 * SECOND, 100), 25.0);
    }

    #[test]
    fn what_is_older_than_the_window_no_longer_counts() {
        let mut meter = RateMeter::new(10 * SECOND);
        for second in 0..=10 {
            meter.sample(second * SECOND, 1000 * u64::from(second));
        }
        // Ten seconds at 1,000 a second, then nothing.
        assert_eq!(meter.sample(10 * SECOND, 10_000), 1000.0);
        assert_eq!(meter.sample(15 * SECOND, 10_000), 500.0);
        assert_eq!(meter.sample(20 * SECOND, 10_000), 0.0);
        assert_eq!(meter.sample(100 * SECOND, 10_000), 0.0);
    }

    #[test]
    fn frequent_readings_keep_few_samples() {
        let mut meter = RateMeter::new(10 * SECOND);
        for millisecond in 0..100_000 {
            meter.sample(Duration::from_millis(millisecond), millisecond);
        }
        assert!(meter.samples.len() <= PARTS as usize + 2, "{}", meter.samples.len());
        assert_eq!(meter.sample(100 * SECOND, 100_000).round(), 1000.0);
    }
}
