//! Running script checks, on one thread or many.

use cairn_consensus::{BlockError, ScriptChecks};
use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::ChainStateError;

/// The threads that run script checks.
#[derive(Debug)]
pub(crate) struct ScriptPool {
    /// `None`: the caller's own thread does the work.
    pool: Option<ThreadPool>,
}

/// Fewer tasks than this are done before other threads would have woken up.
const MIN_PARALLEL_TASKS: usize = 4;

impl ScriptPool {
    /// `threads` threads; one for each core if 0, none of its own if 1.
    pub(crate) fn new(threads: usize) -> Result<Self, ChainStateError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        if threads == 1 {
            return Ok(ScriptPool { pool: None });
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = builder.thread_name(|n| format!("script-{n}")).build();
        pool.map(|pool| ScriptPool { pool: Some(pool) }).map_err(|_| ChainStateError::Threads { threads })
    }

    /// Runs all checks. Whatever the number of threads, the failure reported is that of the first task in
    /// block order that fails.
    pub(crate) fn run(&self, checks: &ScriptChecks) -> Result<(), BlockError> {
        match &self.pool {
            Some(pool) if checks.len() >= MIN_PARALLEL_TASKS => {
                let tasks = (0..checks.len()).into_par_iter();
                let failure = pool.install(|| tasks.find_map_first(|task| checks.run(task).err()));
                failure.map_or(Ok(()), Err)
            }
            _ => checks.run_all(),
        }
    }
}
