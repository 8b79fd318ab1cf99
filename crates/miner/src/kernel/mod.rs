//! Nonce search, as fast as the processor allows.

/// Runs a macro for each of the numbers: a loop unrolled by hand, which the vectoriser asks for.
macro_rules! each {
    ($run:ident: $($t:literal)*) => { $( $run!($t); )* };
}

mod lanes;
mod reference;
mod sha256;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use lanes::Portable;
pub use reference::Reference;
pub(crate) use sha256::Midstate;

use crate::{HeaderJob, NonceRange};

/// Nonces tried between two looks at the stop flag: a few milliseconds for the slowest kernel.
const BATCH: u64 = 1 << 14;

/// A way to search nonces. Several threads may use one kernel at the same time.
pub trait Kernel: Send + Sync {
    /// A short name for people: letters, digits and `-`.
    fn name(&self) -> &'static str;

    /// Tries the nonces of the range in ascending order until one solves the job, the range ends, or `stop` is
    /// seen to be true, which is looked at every few milliseconds.
    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult;
}

/// What a search came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// The lowest nonce of the range that solves the job, if the search came to one.
    pub found: Option<u32>,
    /// How many nonces were tried, the one found included.
    pub hashes: u64,
}

/// Every kernel this processor can run, the fastest first, judged by what was measured where all of them run: the
/// figures are in the benchmark tables. The [`Portable`] one is always among them.
pub fn kernels() -> Vec<Arc<dyn Kernel>> {
    let mut kernels: Vec<Arc<dyn Kernel>> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    kernels.extend(x86::kernels());
    kernels.push(Arc::new(Portable));
    kernels
}

/// The first of [`kernels`].
pub fn best() -> Arc<dyn Kernel> {
    kernels().into_iter().next().unwrap_or_else(|| Arc::new(Portable))
}

/// The search that all kernels are: `sweep(first, count)` gives the distance from `first` to the first nonce that
/// may solve the job, and must miss none that does; each one it names is hashed in full.
#[inline(always)]
fn search_in_batches(
    job: &HeaderJob,
    nonces: NonceRange,
    stop: &AtomicBool,
    sweep: impl Fn(u32, u32) -> Option<u32>,
) -> SearchResult {
    let mut left = nonces;
    let mut hashes = 0;
    while let Some(first) = left.first() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut ahead = left;
        let count = ahead.take_front(BATCH).len();
        let Some(distance) = sweep(first, count as u32) else {
            hashes += count;
            left = ahead;
            continue;
        };
        let tried = u64::from(distance) + 1;
        hashes += tried;
        let nonce = first.wrapping_add(distance);
        if job.is_solved_by(nonce) {
            return SearchResult { found: Some(nonce), hashes };
        }
        left.take_front(tried);
    }
    SearchResult { found: None, hashes }
}
