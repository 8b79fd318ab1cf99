//! The threads that search.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use thiserror::Error;

use crate::{Clock, HeaderJob, Kernel, NonceRange, RollError, Solution, Work};

/// Nonces between two updates of the total: a millisecond or two of a fast kernel.
const STRETCH: u64 = 1 << 16;

/// How often a worker looks whether a job that lies in the future has come into reach.
const EARLY_RETRY: Duration = Duration::from_secs(1);

/// Threads that search one job at a time.
///
/// Each thread has its share of the nonces and walks through the job's rolls by itself, so no two try the same
/// header. A job ends with its first solution; a newer job ends it at once, and nothing is heard of it afterwards.
/// Dropping the workers stops them.
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    events: Receiver<WorkerEvent>,
    threads: Vec<JoinHandle<()>>,
}

/// The name of a posted job. Later jobs have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// What workers report; at most one event for each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerEvent {
    /// The job is solved, and the workers are idle.
    Solved {
        /// The job.
        job: JobId,
        /// Its solution.
        solution: Solution,
    },
    /// The job has no header left, and the workers are idle.
    Exhausted {
        /// The job.
        job: JobId,
    },
}

/// Why workers could not be started.
#[derive(Debug, Error)]
pub enum WorkersError {
    /// The system gave no thread.
    #[error("cannot start a miner thread: {0}")]
    Spawn(#[from] io::Error),
}

impl Workers {
    /// Starts `threads` idle threads that search with `kernel` and ask `clock` before each header.
    ///
    /// # Errors
    /// [`WorkersError::Spawn`]; the threads already started are stopped.
    pub fn start(kernel: Arc<dyn Kernel>, threads: NonZeroUsize, clock: Clock) -> Result<Self, WorkersError> {
        let (sender, events) = unbounded();
        let shared =
            Arc::new(Shared { slot: Mutex::default(), wake: Condvar::new(), hashes: AtomicU64::new(0) });
        let mut workers = Self { shared, events, threads: Vec::with_capacity(threads.get()) };
        for index in 0..threads.get() {
            let worker = Worker {
                index,
                of: threads.get(),
                kernel: Arc::clone(&kernel),
                clock: Arc::clone(&clock),
                shared: Arc::clone(&workers.shared),
                events: sender.clone(),
            };
            let thread = Builder::new().name(format!("miner-{index}")).spawn(move || worker.run())?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// Puts the workers on this work and ends what they were at. Once this returns, no event of an earlier job is
    /// added to [`events`](Self::events).
    pub fn post(&self, work: Arc<dyn Work>) -> JobId {
        let mut slot = self.shared.slot();
        slot.end_job();
        slot.last_id += 1;
        let id = JobId(slot.last_id);
        slot.posted = Some(Arc::new(Posted {
            id,
            work,
            ended: AtomicBool::new(false),
            searching: AtomicUsize::new(self.threads.len()),
        }));
        drop(slot);
        self.shared.wake.notify_all();
        id
    }

    /// Ends what the workers are at and leaves them idle.
    pub fn clear(&self) {
        self.shared.slot().end_job();
    }

    /// Where solutions come out.
    pub fn events(&self) -> &Receiver<WorkerEvent> {
        &self.events
    }

    /// Nonces tried since the start. Grows all the time while the workers search.
    pub fn total_hashes(&self) -> u64 {
        self.shared.hashes.load(Ordering::Relaxed)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Stops the threads and waits for them: milliseconds, since they look for it all the time.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut slot = self.shared.slot();
        slot.end_job();
        slot.stopping = true;
        drop(slot);
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Slot>,
    wake: Condvar,
    hashes: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    last_id: u64,
    posted: Option<Arc<Posted>>,
    stopping: bool,
}

struct Posted {
    id: JobId,
    work: Arc<dyn Work>,
    /// Set under the lock of the slot, once, by whoever ends the job.
    ended: AtomicBool,
    /// Workers that have headers left.
    searching: AtomicUsize,
}

impl std::fmt::Debug for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posted").field("id", &self.id).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Slot {
    fn end_job(&mut self) {
        if let Some(posted) = self.posted.take() {
            posted.ended.store(true, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// The slot; no code that holds it can panic halfway through a change, so a poisoned lock is as good as any.
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job other than the one called `last`; `None` when the workers are to stop.
    fn next_job(&self, last: Option<JobId>) -> Option<Arc<Posted>> {
        let idle = |slot: &mut Slot| {
            !slot.stopping && slot.posted.as_ref().is_none_or(|posted| Some(posted.id) == last)
        };
        let slot = self.wake.wait_while(self.slot(), idle).unwrap_or_else(PoisonError::into_inner);
        if slot.stopping { None } else { slot.posted.clone() }
    }

    /// Waits a while, or until `posted` is no longer the job.
    fn wait_for_time(&self, posted: &Posted) {
        let current = |slot: &mut Slot| {
            !slot.stopping && slot.posted.as_ref().is_some_and(|current| current.id == posted.id)
        };
        // Either way the caller looks again; what the wait says does not matter.
        drop(self.wake.wait_timeout_while(self.slot(), EARLY_RETRY, current));
    }
}

struct Worker {
    index: usize,
    of: usize,
    kernel: Arc<dyn Kernel>,
    clock: Clock,
    shared: Arc<Shared>,
    events: Sender<WorkerEvent>,
}

impl Worker {
    fn run(self) {
        let mut last = None;
        while let Some(posted) = self.shared.next_job(last) {
            last = Some(posted.id);
            self.search(&posted);
        }
    }

    /// Searches roll after roll until the job ends, is solved, or has no more.
    fn search(&self, posted: &Posted) {
        let share = posted.work.nonces().share(self.index, self.of);
        let mut roll = 0;
        while !posted.ended.load(Ordering::Relaxed) {
            // Without a nonce to try, no header is of use.
            let header = match share.is_empty() {
                true => Err(RollError::Exhausted),
                false => posted.work.header(roll, (self.clock)()),
            };
            match header {
                Ok(job) => {
                    if let Some(nonce) = self.search_header(&job, share, &posted.ended) {
                        let solution = Solution { roll, header: job.header(nonce) };
                        self.end(posted, WorkerEvent::Solved { job: posted.id, solution });
                        return;
                    }
                    roll += 1;
                }
                Err(RollError::TooEarly { .. }) => self.shared.wait_for_time(posted),
                Err(RollError::Exhausted) => {
                    // The last one out reports.
                    if posted.searching.fetch_sub(1, Ordering::Relaxed) == 1 {
                        self.end(posted, WorkerEvent::Exhausted { job: posted.id });
                    }
                    return;
                }
            }
        }
    }

    fn search_header(&self, job: &HeaderJob, share: NonceRange, ended: &AtomicBool) -> Option<u32> {
        let mut left = share;
        while !left.is_empty() && !ended.load(Ordering::Relaxed) {
            let result = self.kernel.search(job, left.take_front(STRETCH), ended);
            self.shared.hashes.fetch_add(result.hashes, Ordering::Relaxed);
            if result.found.is_some() {
                return result.found;
            }
        }
        None
    }

    /// Ends the job with this event, unless it has ended already.
    fn end(&self, posted: &Posted, event: WorkerEvent) {
        // Under the lock, so that a job which replaces this one comes either before or after the event.
        let mut slot = self.shared.slot();
        if slot.posted.as_ref().is_some_and(|current| current.id == posted.id) {
            slot.end_job();
            // Nobody listens any more only when the workers are being dropped.
            let _ = self.events.send(event);
        }
    }
}
