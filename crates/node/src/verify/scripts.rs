//! Script checks on all cores.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cairn_consensus::{BlockError, ScriptChecks};

/// Runs every check and tells `progress` how many of how many are done. The failure reported is the first in block order,
/// whatever the number of threads.
pub(super) fn run(checks: &ScriptChecks, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(), BlockError> {
    let total = checks.len();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(total);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let first_failure: Mutex<Option<(usize, BlockError)>> = Mutex::new(None);
    let fail = |task: usize, error: BlockError| {
        let mut first = first_failure.lock().expect("no thread panics while it holds this");
        if first.as_ref().is_none_or(|(at, _)| task < *at) {
            *first = Some((task, error));
        }
    };
    let work = || {
        loop {
            // Tasks are taken in order: once one has failed, all before it are taken already.
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= total {
                return;
            }
            if let Err(error) = checks.run(task) {
                next.fetch_max(total, Ordering::Relaxed);
                fail(task, error);
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let failure = first_failure.into_inner().expect("no thread panicked");
    failure.map_or(Ok(()), |(_, error)| Err(error))
}
