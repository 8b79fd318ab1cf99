//! Moments that tell an observer nothing.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha12Rng;

/// The time to the next event of a Poisson process with this mean time between two: exponentially distributed, and
/// so without a memory of what went before (Core's `rand_exp_duration`).
pub(crate) fn exponential(rng: &mut ChaCha12Rng, mean: Duration) -> Duration {
    // 53 bits fill a double; one is added so that the logarithm's argument is above zero.
    let fraction = ((rng.random::<u64>() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    mean.mul_f64(-fraction.ln())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_mean_is_the_mean() {
        let mut rng = ChaCha12Rng::from_seed([7; 32]);
        let draws = 20_000_u32;
        let sum: Duration = (0..draws).map(|_| exponential(&mut rng, Duration::from_secs(5))).sum();
        let mean = sum.as_secs_f64() / f64::from(draws);
        // Five standard errors of the mean of so many draws: 5 * 5 / sqrt(20,000) = 0.18.
        assert!((mean - 5.0).abs() < 0.18, "{mean}");
    }
}
