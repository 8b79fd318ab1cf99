//! The loop from template to block: reads the clock and owns threads.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use cairn_primitives::{Block, BlockHash, Height};
use crossbeam_channel::{Receiver, Sender, at, never, select, unbounded};
use thiserror::Error;

use crate::{
    Clock, Job, JobId, Kernel, RateMeter, SourceError, Submission, TemplateSource, WorkerEvent, Workers,
    WorkersError, system_clock,
};

/// Time over which the hash rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// Extranonces set apart for each template, so that no two templates ever share a header.
const EXTRANONCES_PER_JOB: u64 = 1 << 32;

/// How to mine.
#[derive(Clone)]
pub struct MinerConfig {
    /// How to search.
    pub kernel: Arc<dyn Kernel>,
    /// Threads that search.
    pub threads: NonZeroUsize,
    /// The time that headers carry.
    pub clock: Clock,
    /// Where the extranonces begin. Miners that share a node and an address take random ones, so as not to search
    /// the same headers.
    pub first_extranonce: u64,
    /// Least time between a block found and the start of the search for the next; zero for none.
    pub pace: Duration,
    /// Longest time on one template: newer ones have newer transactions.
    pub refresh: Duration,
    /// Time to wait after a source had no answer or refused a block.
    pub retry: Duration,
}

impl MinerConfig {
    /// The machine's clock, extranonces from 0, no pace, a new template every 30 seconds, a second between retries.
    pub fn new(kernel: Arc<dyn Kernel>, threads: NonZeroUsize) -> Self {
        Self {
            kernel,
            threads,
            clock: system_clock(),
            first_extranonce: 0,
            pace: Duration::ZERO,
            refresh: Duration::from_secs(30),
            retry: Duration::from_secs(1),
        }
    }
}

/// What a miner tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MinerEvent {
    /// A block was found and handed in.
    Found {
        /// Its hash.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// What the source made of it.
        submission: Submission,
    },
    /// The source had no answer. The miner asks again, for the same if it was to hand in a block.
    SourceFailed(SourceError),
}

/// What a miner is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinerStatus {
    /// Whether it is on a template, or waits for the pace before the next.
    pub mining: bool,
    /// Threads that search.
    pub threads: usize,
    /// Nonces tried per second, the mean of the last 30 seconds or of the time since the start.
    pub hashes_per_second: f64,
    /// Nonces tried since the start.
    pub total_hashes: u64,
    /// Blocks found since the start and accepted by the source.
    pub blocks_found: u64,
}

/// Why a miner could not be started.
#[derive(Debug, Error)]
pub enum MinerError {
    /// The workers could not be started.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// The system gave no thread for the loop.
    #[error("cannot start the miner's thread: {0}")]
    Spawn(#[from] io::Error),
}

/// A running miner. Dropping it stops it.
#[derive(Debug)]
pub struct Miner {
    control: Sender<Control>,
    workers: Arc<Workers>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    /// Starts mining on the templates of `source`. `on_event` is called from the miner's own thread, which waits
    /// for it.
    ///
    /// # Errors
    /// [`MinerError`] when the system has no threads left.
    pub fn start(
        source: Arc<dyn TemplateSource>,
        config: MinerConfig,
        on_event: impl FnMut(MinerEvent) + Send + 'static,
    ) -> Result<Self, MinerError> {
        let workers =
            Arc::new(Workers::start(Arc::clone(&config.kernel), config.threads, Arc::clone(&config.clock))?);
        let progress = Arc::new(Progress::new());
        let (control, commands) = unbounded();
        let driver = Driver {
            tips: source.tip_changes(),
            source,
            config,
            workers: Arc::clone(&workers),
            progress: Arc::clone(&progress),
            on_event: Box::new(on_event),
            control: commands,
            jobs: 0,
            current: None,
            unsent: None,
            wake: Some(Instant::now()),
            paced_until: Instant::now(),
        };
        let thread = Builder::new().name("miner".into()).spawn(move || driver.run())?;
        Ok(Self { control, workers, progress, thread: Some(thread) })
    }

    /// Stops searching until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.send(Control::Pause);
    }

    /// Goes on with a new template.
    pub fn resume(&self) {
        self.send(Control::Resume);
    }

    /// What the miner is doing.
    pub fn status(&self) -> MinerStatus {
        let total_hashes = self.workers.total_hashes();
        MinerStatus {
            mining: self.progress.mining.load(Ordering::Relaxed),
            threads: self.workers.threads(),
            hashes_per_second: self.progress.rate(total_hashes),
            total_hashes,
            blocks_found: self.progress.blocks_found.load(Ordering::Relaxed),
        }
    }

    /// Stops and waits for the threads: milliseconds, unless the source keeps the miner waiting.
    pub fn stop(self) {
        drop(self);
    }

    fn send(&self, command: Control) {
        // The driver is gone only when it was stopped, or when a source or listener panicked.
        let _ = self.control.send(command);
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.send(Control::Stop);
        if let Some(thread) = self.thread.take() {
            // A driver that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// Figures for people, shared by the driver and whoever asks.
#[derive(Debug)]
struct Progress {
    mining: AtomicBool,
    blocks_found: AtomicU64,
    start: Instant,
    rate: Mutex<RateMeter>,
}

impl Progress {
    fn new() -> Self {
        Self {
            mining: AtomicBool::new(false),
            blocks_found: AtomicU64::new(0),
            start: Instant::now(),
            rate: Mutex::new(RateMeter::new(RATE_WINDOW)),
        }
    }

    fn rate(&self, total_hashes: u64) -> f64 {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.sample(self.start.elapsed(), total_hashes)
    }
}

#[derive(Clone, Copy, Debug)]
enum Control {
    Pause,
    Resume,
    Stop,
}

/// What the driver woke up for.
enum Signal {
    Control(Control),
    TipMoved,
    TipsClosed,
    Worker(WorkerEvent),
    Timer,
}

struct Driver {
    source: Arc<dyn TemplateSource>,
    config: MinerConfig,
    workers: Arc<Workers>,
    progress: Arc<Progress>,
    on_event: Box<dyn FnMut(MinerEvent) + Send>,
    control: Receiver<Control>,
    tips: Receiver<()>,
    /// Jobs posted so far.
    jobs: u64,
    current: Option<(JobId, Arc<Job>)>,
    /// A block that the source has not judged yet, with its height.
    unsent: Option<(Block, Height)>,
    /// When to ask for a template, or to hand in the block that is unsent; never while paused.
    wake: Option<Instant>,
    /// No search begins before this.
    paced_until: Instant,
}

impl Driver {
    fn run(mut self) {
        loop {
            match self.wait() {
                Signal::Control(Control::Stop) => break,
                Signal::Control(Control::Pause) => self.pause(),
                Signal::Control(Control::Resume) if self.wake.is_none() => self.wake_in(Duration::ZERO),
                Signal::Control(Control::Resume) => {}
                Signal::TipMoved if self.wake.is_none() => {}
                Signal::TipMoved => {
                    self.abandon();
                    self.wake_in(Duration::ZERO);
                }
                Signal::TipsClosed => self.tips = never(),
                Signal::Worker(event) => self.finish(event),
                Signal::Timer => self.renew(),
            }
        }
        self.abandon();
        self.progress.mining.store(false, Ordering::Relaxed);
    }

    fn wait(&self) -> Signal {
        let timer = self.wake.map_or_else(never, at);
        select! {
            recv(self.control) -> command => Signal::Control(command.unwrap_or(Control::Stop)),
            recv(self.tips) -> moved => moved.map_or(Signal::TipsClosed, |()| Signal::TipMoved),
            recv(self.workers.events()) -> event => event.map_or(Signal::Control(Control::Stop), Signal::Worker),
            recv(timer) -> _ => Signal::Timer,
        }
    }

    fn pause(&mut self) {
        self.abandon();
        self.wake = None;
        self.progress.mining.store(false, Ordering::Relaxed);
    }

    /// Drops the job at hand.
    fn abandon(&mut self) {
        self.workers.clear();
        self.current = None;
    }

    fn wake_in(&mut self, delay: Duration) {
        self.wake = Some((Instant::now() + delay).max(self.paced_until));
    }

    /// Puts the workers on a new template.
    fn renew(&mut self) {
        if let Some((block, height)) = self.unsent.take() {
            self.submit(block, height);
            return;
        }
        // Moves up to here are in the template that comes now.
        while self.tips.try_recv().is_ok() {}
        match self.source.template() {
            Ok(template) => {
                let first =
                    self.config.first_extranonce.wrapping_add(self.jobs.wrapping_mul(EXTRANONCES_PER_JOB));
                let job = Arc::new(Job::new(Arc::new(template), first));
                self.jobs += 1;
                let id = self.workers.post(Arc::clone(&job) as _);
                self.current = Some((id, job));
                self.progress.mining.store(true, Ordering::Relaxed);
                self.wake_in(self.config.refresh);
            }
            Err(error) => self.source_failed(error),
        }
    }

    /// What to do when workers are done with a job, unless the job is no longer wanted.
    fn finish(&mut self, event: WorkerEvent) {
        let (WorkerEvent::Solved { job: id, .. } | WorkerEvent::Exhausted { job: id }) = event;
        let Some((_, job)) = self.current.take_if(|(current, _)| *current == id) else { return };
        match event {
            WorkerEvent::Solved { solution, .. } => {
                self.submit(job.block(&solution), job.template().height());
            }
            WorkerEvent::Exhausted { .. } => self.wake_in(self.config.retry),
        }
    }

    fn submit(&mut self, block: Block, height: Height) {
        let hash = block.hash();
        match self.source.submit(block.clone()) {
            Ok(submission) => {
                if submission == Submission::Accepted {
                    self.progress.blocks_found.fetch_add(1, Ordering::Relaxed);
                    self.paced_until = Instant::now() + self.config.pace;
                    self.wake_in(Duration::ZERO);
                } else {
                    self.wake_in(self.config.retry);
                }
                (self.on_event)(MinerEvent::Found { hash, height, submission });
            }
            Err(error) => {
                self.unsent = Some((block, height));
                self.source_failed(error);
            }
        }
    }

    fn source_failed(&mut self, error: SourceError) {
        self.abandon();
        self.progress.mining.store(false, Ordering::Relaxed);
        self.wake_in(self.config.retry);
        (self.on_event)(MinerEvent::SourceFailed(error));
    }
}
