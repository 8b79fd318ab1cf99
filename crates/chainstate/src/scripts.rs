//! Running script checks, on one thread or many.

use std::sync::Arc;

use cairn_consensus::{BlockError, ScriptChecks};
use cairn_script::Caches;
use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::ChainStateError;

/// The threads that run script checks.
#[derive(Debug)]
pub(crate) struct ScriptPool {
    /// `None`: the caller's own thread does the work.
    pool: Option<ThreadPool>,
    /// What passed before, if it is known.
    pub(crate) caches: Option<Arc<Caches>>,
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
            return Ok(ScriptPool { pool: None, caches: None });
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = builder.thread_name(|n| format!("script-{n}")).build();
        let pool = pool.map_err(|_| ChainStateError::Threads { threads })?;
        Ok(ScriptPool { pool: Some(pool), caches: None })
    }

    /// Runs all checks that the caches do not make needless. Whatever the number of threads, the failure
    /// reported is that of the first task in block order that fails.
    pub(crate) fn run(&self, checks: &ScriptChecks) -> Result<(), BlockError> {
        let run = |task| match &self.caches {
            Some(caches) => checks.run_with(task, caches),
            None => checks.run(task),
        };
        match &self.pool {
            Some(pool) if checks.len() >= MIN_PARALLEL_TASKS => {
                let tasks = (0..checks.len()).into_par_iter();
                let failure = pool.install(|| tasks.find_map_first(|task| run(task).err()));
                failure.map_or(Ok(()), Err)
            }
            _ => (0..checks.len()).try_for_each(run),
        }
    }
}
