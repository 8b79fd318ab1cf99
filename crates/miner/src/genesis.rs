//! The search for a first block.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cairn_params::genesis::Unmined;
use cairn_params::{ChainSpec, SpecError};
use cairn_primitives::{BlockTime, Header, Target};
use crossbeam_channel::RecvTimeoutError;
use thiserror::Error;

use crate::{Clock, HeaderJob, Kernel, RollError, Work, WorkerEvent, Workers, WorkersError};

/// Time between two reports of progress, and the longest time until a cancel is seen.
const TICK: Duration = Duration::from_millis(200);

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenesisProgress {
    /// Headers hashed so far.
    pub hashes: u64,
    /// Time since the start.
    pub elapsed: Duration,
}

/// Why there is no first block.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// The search was cancelled.
    #[error("the search was cancelled")]
    Cancelled,
    /// No time up to the highest that a header can state has a nonce that gives a proof of work.
    #[error("no time and nonce from the spec's time on give a proof of work")]
    Exhausted,
    /// The threads could not be started.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// The spec does not take the header found: the kernel searched something else.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

/// Searches a time, from the spec's on, and a nonce that give the spec's first block a proof of work, and returns
/// the spec with them and with the hash pinned.
///
/// `progress` is called from this thread several times a second, and `cancel` is looked at as often. With one thread
/// the result is the lowest time and, in it, the lowest nonce; with more it is the first that any of them comes to.
///
/// # Errors
/// [`GenesisError`].
pub fn search_genesis(
    unmined: Unmined,
    kernel: Arc<dyn Kernel>,
    threads: NonZeroUsize,
    mut progress: impl FnMut(GenesisProgress),
    cancel: &AtomicBool,
) -> Result<ChainSpec, GenesisError> {
    let start = Instant::now();
    // The headers' time is the spec's: no clock is asked.
    let clock: Clock = Arc::new(BlockTime::default);
    let workers = Workers::start(kernel, threads, clock)?;
    workers.post(Arc::new(GenesisWork { header: unmined.header(), target: unmined.target() }));
    loop {
        match workers.events().recv_timeout(TICK) {
            Ok(WorkerEvent::Solved { solution, .. }) => return Ok(unmined.accept(solution.header)?),
            Ok(WorkerEvent::Exhausted { .. }) => return Err(GenesisError::Exhausted),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                progress(GenesisProgress { hashes: workers.total_hashes(), elapsed: start.elapsed() });
                if cancel.load(Ordering::Relaxed) {
                    return Err(GenesisError::Cancelled);
                }
            }
        }
    }
}

/// The first block's header, one second later with each roll.
struct GenesisWork {
    header: Header,
    target: Target,
}

impl Work for GenesisWork {
    fn header(&self, roll: u64, _now: BlockTime) -> Result<HeaderJob, RollError> {
        let time = u32::try_from(roll).ok().and_then(|seconds| self.header.time.checked_add(seconds));
        let time = time.ok_or(RollError::Exhausted)?;
        Ok(HeaderJob::new(Header { time, ..self.header }, self.target))
    }
}
