//! How fast a kernel is on this machine. Reads the clock.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Header, MerkleRoot, Target};

use crate::{HeaderJob, Kernel, NonceRange};

/// Nonces between two looks at the clock.
const STRETCH: u64 = 1 << 16;

/// What a kernel did in a given time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchReport {
    /// Threads that ran side by side.
    pub threads: usize,
    /// Nonces tried by all of them.
    pub hashes: u64,
    /// Time from the start of the first thread to the end of the last.
    pub elapsed: Duration,
}

impl BenchReport {
    /// Nonces tried in a second by all threads together.
    pub fn hashes_per_second(&self) -> f64 {
        self.hashes as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Runs `kernel` on `threads` threads for about `duration`, on a job nothing solves.
pub fn bench(kernel: &dyn Kernel, threads: NonZeroUsize, duration: Duration) -> BenchReport {
    let job = HeaderJob::new(unsolvable(), Target::from_be_bytes([0; 32]));
    let hashes = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for index in 0..threads.get() {
            let (job, hashes) = (&job, &hashes);
            scope.spawn(move || {
                run(kernel, job, NonceRange::FULL.share(index, threads.get()), start, duration, hashes)
            });
        }
    });
    BenchReport { threads: threads.get(), hashes: hashes.into_inner(), elapsed: start.elapsed() }
}

fn run(
    kernel: &dyn Kernel,
    job: &HeaderJob,
    share: NonceRange,
    start: Instant,
    duration: Duration,
    hashes: &AtomicU64,
) {
    let never = AtomicBool::new(false);
    let mut left = share;
    loop {
        if left.is_empty() {
            left = share;
        }
        let result = kernel.search(job, left.take_front(STRETCH), &never);
        hashes.fetch_add(result.hashes, Ordering::Relaxed);
        if start.elapsed() >= duration {
            return;
        }
    }
}

/// A header like any other; with a target of zero no nonce solves it.
fn unsolvable() -> Header {
    Header {
        version: 0x2000_0000,
        prev: BlockHash::from_bytes([0x5a; 32]),
        merkle_root: MerkleRoot::from_bytes([0xa5; 32]),
        time: BlockTime::new(1_231_006_505),
        bits: CompactTarget::from_bits(0x1d00_ffff),
        nonce: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Portable;

    #[test]
    fn a_bench_counts_what_all_threads_did() {
        let threads = NonZeroUsize::new(2).unwrap();
        let report = bench(&Portable, threads, Duration::ZERO);
        // Each thread does one stretch before it looks at the clock.
        assert_eq!((report.threads, report.hashes), (2, 2 * STRETCH));
        assert!(report.elapsed > Duration::ZERO);
        assert!(report.hashes_per_second() > 0.0);
    }
}
