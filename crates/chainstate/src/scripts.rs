//! Running script checks, on one thread or many.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

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

/// Tasks that a thread takes at a time: some hundred microseconds of work.
const CHUNK: usize = 4;

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

    /// Threads of its own.
    pub(crate) fn threads(&self) -> usize {
        self.pool.as_ref().map_or(0, ThreadPool::current_num_threads)
    }

    /// What `make` makes of each of `inputs`, in their order.
    pub(crate) fn map<T: Send, R: Send>(
        &self,
        inputs: Vec<T>,
        make: impl Fn(T) -> R + Sync + Send,
    ) -> Vec<R> {
        match &self.pool {
            Some(pool) => pool.install(|| inputs.into_par_iter().map(make).collect()),
            None => inputs.into_iter().map(make).collect(),
        }
    }

    /// Runs all checks that the caches do not make needless. Whatever the number of threads, the failure
    /// reported is that of the first task in block order that fails.
    pub(crate) fn run(&self, checks: &ScriptChecks) -> Result<(), BlockError> {
        self.start(checks).finish()
    }

    /// Has the threads begin with the checks, behind those begun before.
    pub(crate) fn start(&self, checks: &ScriptChecks) -> Arc<Run> {
        let run = Arc::new(Run::new(checks.clone(), self.caches.clone()));
        if let Some(pool) = self.pool.as_ref().filter(|_| checks.len() >= MIN_PARALLEL_TASKS) {
            for _ in 0..pool.current_num_threads().min(checks.len().div_ceil(CHUNK)) {
                let run = Arc::clone(&run);
                pool.spawn_fifo(move || run.work());
            }
        }
        run
    }
}

/// The checks of one block under way. Whoever has time takes some.
#[derive(Debug)]
pub(crate) struct Run {
    checks: ScriptChecks,
    caches: Option<Arc<Caches>>,
    /// The first task nobody has taken.
    next: AtomicUsize,
    /// Nobody wants the answer any more.
    given_up: AtomicBool,
    /// The lowest task known to fail.
    lowest_failed: AtomicUsize,
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Debug, Default)]
struct State {
    done: usize,
    failure: Option<(usize, BlockError)>,
}

impl Run {
    fn new(checks: ScriptChecks, caches: Option<Arc<Caches>>) -> Self {
        Self {
            checks,
            caches,
            next: AtomicUsize::new(0),
            given_up: AtomicBool::new(false),
            lowest_failed: AtomicUsize::new(usize::MAX),
            state: Mutex::default(),
            finished: Condvar::new(),
        }
    }

    /// Whether the answer is there.
    pub(crate) fn is_finished(&self) -> bool {
        self.checks.is_empty() || self.lock().done == self.checks.len()
    }

    /// Has what is left not run.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Takes part until nothing is left to take, waits for the others, and gives the answer: the failure of the first task in
    /// block order that fails.
    pub(crate) fn finish(&self) -> Result<(), BlockError> {
        self.work();
        let mut state = self.lock();
        while state.done < self.checks.len() {
            state = self.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failure.take().map_or(Ok(()), |(_, error)| Err(error))
    }

    fn work(&self) {
        let len = self.checks.len();
        loop {
            // Relaxed: what the tasks read was there before the run was shared, and answers are told under the lock.
            let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= len {
                return;
            }
            let tasks = start..len.min(start + CHUNK);
            let done = tasks.len();
            let failure = self.run(tasks);
            self.tell(done, failure);
        }
    }

    /// Runs tasks in order, up to one that fails or to one behind another that does: that one decides.
    fn run(&self, tasks: Range<usize>) -> Option<(usize, BlockError)> {
        for task in tasks {
            if self.given_up.load(Ordering::Relaxed) || task > self.lowest_failed.load(Ordering::Relaxed) {
                return None;
            }
            let result = match &self.caches {
                Some(caches) => self.checks.run_with(task, caches),
                None => self.checks.run(task),
            };
            if let Err(error) = result {
                self.lowest_failed.fetch_min(task, Ordering::Relaxed);
                return Some((task, error));
            }
        }
        None
    }

    fn tell(&self, done: usize, failure: Option<(usize, BlockError)>) {
        let mut state = self.lock();
        state.done += done;
        if let Some((task, error)) = failure
            && state.failure.as_ref().is_none_or(|(lowest, _)| task < *lowest)
        {
            state.failure = Some((task, error));
        }
        if state.done == self.checks.len() {
            self.finished.notify_all();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
