//! Workers, with kernels that do as they are told and say what they do.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use cairn_miner::{
    Clock, HeaderJob, Job, Kernel, NonceRange, RollError, SearchResult, Work, WorkerEvent, Workers,
};
use cairn_primitives::{BlockHash, BlockTime, CompactTarget, Header, MerkleRoot, Target};
use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use crate::support::{
    NOW, PATIENCE, easy_template, hopeless_template, next, portable, stopped_clock, wait_until,
};

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn start(kernel: Arc<dyn Kernel>, count: usize) -> Workers {
    Workers::start(kernel, threads(count), stopped_clock()).unwrap()
}

/// Headers told apart by their version, a given number of them.
struct Numbered {
    version: i32,
    rolls: u64,
    nonces: NonceRange,
}

impl Numbered {
    fn new(version: i32) -> Arc<Self> {
        Arc::new(Self { version, rolls: u64::MAX, nonces: NonceRange::FULL })
    }
}

impl Work for Numbered {
    fn header(&self, roll: u64, now: BlockTime) -> Result<HeaderJob, RollError> {
        if roll >= self.rolls {
            return Err(RollError::Exhausted);
        }
        let mut root = [0; 32];
        root[..8].copy_from_slice(&roll.to_le_bytes());
        let header = Header {
            version: self.version,
            prev: BlockHash::ZERO,
            merkle_root: MerkleRoot::from_bytes(root),
            time: now,
            bits: CompactTarget::from_bits(0x207f_ffff),
            nonce: 0,
        };
        Ok(HeaderJob::new(header, Target::MAX))
    }

    fn nonces(&self) -> NonceRange {
        self.nonces
    }
}

/// Says which job it is called for, then waits: for the stop flag if it heeds it, or to be told a nonce to find.
struct Gate {
    heeds_stop: bool,
    called: Sender<i32>,
    find: Receiver<u32>,
}

impl Gate {
    fn new(heeds_stop: bool) -> (Arc<Self>, Receiver<i32>, Sender<u32>) {
        let (called, calls) = unbounded();
        let (finds, find) = unbounded();
        (Arc::new(Self { heeds_stop, called, find }), calls, finds)
    }
}

impl Kernel for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        self.called.send(job.header(0).version).unwrap();
        let start = Instant::now();
        // A test that has failed tells it nothing more, yet waits for the thread.
        while start.elapsed() < 2 * PATIENCE && !(self.heeds_stop && stop.load(Ordering::Relaxed)) {
            if let Ok(nonce) = self.find.try_recv() {
                return SearchResult { found: Some(nonce), hashes: nonces.len() };
            }
            thread::yield_now();
        }
        SearchResult::default()
    }
}

/// Finds nothing, at once, and says what it was given.
struct Recorder(Sender<(u64, NonceRange)>);

impl Kernel for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, _: &AtomicBool) -> SearchResult {
        let root = job.header(0).merkle_root.to_bytes();
        let roll = u64::from_le_bytes(root[..8].try_into().unwrap());
        self.0.send((roll, nonces)).unwrap();
        SearchResult { found: None, hashes: nonces.len() }
    }
}

#[test]
fn a_newer_job_ends_the_one_at_hand() {
    let (gate, calls, find) = Gate::new(true);
    let workers = start(gate, 1);
    workers.post(Numbered::new(1));
    assert_eq!(next(&calls), 1);
    // The only thread is inside the first job. It can come to the second only if the first is taken from it.
    let second = workers.post(Numbered::new(2));
    assert_eq!(next(&calls), 2);
    find.send(9).unwrap();
    let WorkerEvent::Solved { job, solution } = next(workers.events()) else { panic!("solved") };
    assert_eq!((job, solution.header.version, solution.header.nonce), (second, 2, 9));
}

#[test]
fn what_is_found_for_an_older_job_is_not_reported() {
    let (gate, calls, find) = Gate::new(false);
    let workers = start(gate, 1);
    let events = workers.events().clone();
    let first = workers.post(Numbered::new(1));
    assert_eq!(next(&calls), 1);
    let second = workers.post(Numbered::new(2));
    assert!(second > first);
    // The kernel does not heed the stop and finds something for the first job all the same.
    find.send(1).unwrap();
    assert_eq!(next(&calls), 2);
    find.send(2).unwrap();
    let WorkerEvent::Solved { job, solution } = next(&events) else { panic!("solved") };
    assert_eq!((job, solution.header.nonce), (second, 2));
    workers.stop();
    assert_eq!(events.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn nothing_is_heard_of_a_job_that_was_cleared() {
    let (gate, calls, find) = Gate::new(false);
    let workers = start(gate, 1);
    let events = workers.events().clone();
    workers.post(Numbered::new(1));
    assert_eq!(next(&calls), 1);
    workers.clear();
    find.send(1).unwrap();
    workers.stop();
    assert_eq!(events.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_job_is_solved_once_however_many_find_it() {
    // Every nonce of every thread solves it.
    let workers = start(portable(), 4);
    let events = workers.events().clone();
    for version in 0..50 {
        let id = workers.post(Numbered::new(version));
        let WorkerEvent::Solved { job, solution } = next(&events) else { panic!("solved") };
        assert_eq!((job, solution.header.version), (id, version));
    }
    workers.stop();
    assert_eq!(events.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn each_roll_is_shared_out_whole_and_exhaustion_is_reported_once() {
    for (count, nonces) in [(1, 10), (3, 10), (4, 3)] {
        let (record, records) = unbounded();
        let workers = start(Arc::new(Recorder(record)), count);
        let events = workers.events().clone();
        let work = Numbered { version: 1, rolls: 2, nonces: NonceRange::new(100, nonces) };
        let id = workers.post(Arc::new(work));
        assert_eq!(next(&events), WorkerEvent::Exhausted { job: id });
        assert_eq!(workers.total_hashes(), 2 * nonces);
        workers.stop();
        assert_eq!(events.try_recv(), Err(TryRecvError::Disconnected));
        let mut tried: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (roll, mut range) in records.try_iter() {
            while !range.is_empty() {
                tried.entry(roll).or_default().extend(range.take_front(1).first());
            }
        }
        assert_eq!(tried.len(), 2);
        for found in tried.values_mut() {
            found.sort_unstable();
            assert_eq!(found, &(100..100 + nonces as u32).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_job_without_nonces_is_exhausted() {
    let workers = start(portable(), 2);
    let job = Job::new(Arc::new(easy_template()), 0).with_nonces(NonceRange::new(0, 0));
    let id = workers.post(Arc::new(job));
    assert_eq!(next(workers.events()), WorkerEvent::Exhausted { job: id });
    assert_eq!(workers.total_hashes(), 0);
}

#[test]
fn workers_solve_real_templates() {
    let workers = start(portable(), 2);
    let job = Arc::new(Job::new(Arc::new(easy_template()), 0));
    workers.post(Arc::clone(&job) as _);
    let WorkerEvent::Solved { solution, .. } = next(workers.events()) else { panic!("solved") };
    let block = job.block(&solution);
    assert!(job.template().target().is_met_by(block.hash()));
    assert_eq!(block.header.time, NOW);
    assert!(workers.total_hashes() > 0);
}

#[test]
fn workers_stop_in_the_middle_of_a_search_and_while_idle() {
    let workers = start(portable(), 2);
    workers.post(Arc::new(Job::new(Arc::new(hopeless_template()), 0)));
    wait_until(|| workers.total_hashes() > 0);
    workers.stop();
    start(portable(), 2).stop();
}

#[test]
fn a_job_that_lies_ahead_is_taken_up_when_its_time_comes() {
    /// Opens at [`NOW`].
    struct Later;
    impl Work for Later {
        fn header(&self, roll: u64, now: BlockTime) -> Result<HeaderJob, RollError> {
            if now < NOW {
                Err(RollError::TooEarly { earliest: NOW })
            } else {
                Numbered::new(3).header(roll, now)
            }
        }
    }
    // A clock that goes on by a second each time it is looked at.
    let seconds = AtomicU32::new(NOW.to_u32() - 1);
    let clock: Clock = Arc::new(move || BlockTime::new(seconds.fetch_add(1, Ordering::Relaxed)));
    let workers = Workers::start(portable(), threads(1), clock).unwrap();
    workers.post(Arc::new(Later));
    let WorkerEvent::Solved { solution, .. } = next(workers.events()) else { panic!("solved") };
    assert_eq!(solution.header.time, NOW);
}

#[test]
fn a_worker_that_waits_for_a_time_takes_a_newer_job() {
    /// Never opens, and says when it is asked.
    struct Never(Sender<()>);
    impl Work for Never {
        fn header(&self, _: u64, _: BlockTime) -> Result<HeaderJob, RollError> {
            self.0.send(()).unwrap();
            Err(RollError::TooEarly { earliest: BlockTime::new(u32::MAX) })
        }
    }
    let (ask, asked) = unbounded();
    let workers = start(portable(), 1);
    workers.post(Arc::new(Never(ask)));
    next(&asked);
    let id = workers.post(Numbered::new(4));
    assert!(matches!(next(workers.events()), WorkerEvent::Solved { job, .. } if job == id));
}
