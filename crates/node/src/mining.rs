//! The miner inside the node: templates from the chain, blocks to the writer.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cairn_chainstate::ChainReader;
use cairn_miner::{
    BlockTemplate, Job, Miner, MinerConfig, MinerEvent, SourceError, Submission, TemplateError,
    TemplateSource, WorkerEvent, Workers, kernel, system_clock,
};
use cairn_params::Retarget;
use cairn_primitives::{Block, Script};
use cairn_rpc::{Deadline, MinerStatus};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tracing::{info, warn};

use crate::error::NodeError;
use crate::pool::Pool;
use crate::stop::Stop;
use crate::writer::{SubmitFailure, WriterHandle, now};

/// How often a search on demand looks whether its caller still waits.
const TICK: Duration = Duration::from_millis(50);

/// What the node mines with: continuously to one address, or some blocks on demand.
#[derive(Debug)]
pub(crate) struct Mining {
    source: Source,
    threads: NonZeroUsize,
    miner: OnceLock<Miner>,
}

/// Why mining on demand ended without a block.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OnDemand {
    /// The deadline passed.
    #[error("the deadline passed before a block was found")]
    Deadline,
    /// No block can be built on the tip.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The search threads could not be started, or ended.
    #[error("the search could not be run")]
    Workers,
    /// The node refused its own block.
    #[error(transparent)]
    Submit(#[from] SubmitFailure),
}

impl Mining {
    pub(crate) fn new(
        reader: ChainReader,
        writer: WriterHandle,
        pool: Arc<Pool>,
        threads: NonZeroUsize,
    ) -> Self {
        Self { source: Source { reader, writer, pool }, threads, miner: OnceLock::new() }
    }

    /// Starts mining to `payout` until the node stops. Does nothing the second time.
    ///
    /// A chain that never retargets would grow as fast as the machine hashes, so its miner keeps the chain's spacing by itself.
    pub(crate) fn start(&self, payout: Script) -> Result<(), NodeError> {
        let spec = self.source.reader.spec();
        let mut config = MinerConfig::new(kernel::best(), self.threads);
        if spec.pow.retarget == Retarget::None {
            config.pace = Duration::from_secs(u64::from(spec.pow.spacing));
        }
        let source = Arc::new(PayingSource { source: self.source.clone(), payout });
        let miner = Miner::start(source, config, report)
            .map_err(|error| NodeError::Part { part: "miner", reason: error.to_string() })?;
        // Set a second time only if two callers raced; the second miner is then dropped, which stops it.
        let _ = self.miner.set(miner);
        Ok(())
    }

    /// Ends the search; the threads end when the last reference to this goes.
    pub(crate) fn pause(&self) {
        if let Some(miner) = self.miner.get() {
            miner.pause();
        }
    }

    pub(crate) fn status(&self) -> MinerStatus {
        match self.miner.get().map(Miner::status) {
            Some(status) => MinerStatus::new(
                status.mining,
                u32::try_from(status.threads).unwrap_or(u32::MAX),
                status.hashes_per_second,
                status.total_hashes,
                status.blocks_found,
            ),
            None => MinerStatus::new(false, 0, 0.0, 0, 0),
        }
    }

    /// The next block on the tip, paying `payout`.
    pub(crate) fn template(&self, payout: &Script) -> Result<BlockTemplate, TemplateError> {
        self.source.template(payout)
    }

    /// Finds one block on the tip now, whatever the pace, and hands it in.
    pub(crate) fn mine_one(
        &self,
        payout: &Script,
        deadline: &Deadline,
        stop: &Stop,
    ) -> Result<Block, OnDemand> {
        let workers =
            Workers::start(kernel::best(), self.threads, system_clock()).map_err(|_| OnDemand::Workers)?;
        loop {
            let template = Arc::new(self.template(payout)?);
            let job = Arc::new(Job::new(template, u64::from(now().to_u32()) << 32));
            workers.post(Arc::clone(&job) as _);
            match self.search(&workers, &job, deadline, stop)? {
                Some(block) => {
                    self.source.writer.submit(block.clone())?;
                    return Ok(block);
                }
                None => continue,
            }
        }
    }

    /// A block that solves the job; `None` if the tip moved on or the job ran out.
    fn search(
        &self,
        workers: &Workers,
        job: &Job,
        deadline: &Deadline,
        stop: &Stop,
    ) -> Result<Option<Block>, OnDemand> {
        loop {
            match workers.events().recv_timeout(TICK) {
                Ok(WorkerEvent::Solved { solution, .. }) => return Ok(Some(job.block(&solution))),
                Ok(WorkerEvent::Exhausted { .. }) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(OnDemand::Workers),
                Err(RecvTimeoutError::Timeout) => {
                    if deadline.has_passed() || stop.is_asked() {
                        return Err(OnDemand::Deadline);
                    }
                    if self.source.reader.tip().hash != job.template().prev() {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Source {
    reader: ChainReader,
    writer: WriterHandle,
    pool: Arc<Pool>,
}

impl Source {
    fn template(&self, payout: &Script) -> Result<BlockTemplate, TemplateError> {
        let (next, candidates) = self.pool.next_block();
        BlockTemplate::new(self.reader.spec(), &next, payout, &candidates)
    }
}

/// The chain as a source of templates that all pay to one script.
struct PayingSource {
    source: Source,
    payout: Script,
}

impl TemplateSource for PayingSource {
    fn template(&self) -> Result<BlockTemplate, SourceError> {
        Ok(self.source.template(&self.payout)?)
    }

    fn submit(&self, block: Block) -> Result<Submission, SourceError> {
        match self.source.writer.submit(block) {
            Ok(_) => Ok(Submission::Accepted),
            Err(SubmitFailure::Refused(error)) => Ok(Submission::Rejected { code: error.code().into() }),
            Err(SubmitFailure::Stopping) => Err(SourceError::NotReady),
        }
    }

    fn tip_changes(&self) -> Receiver<()> {
        let (moved, changes) = bounded(1);
        let reader = self.source.reader.clone();
        // Ends with the first change after the miner is gone.
        let forward = move || forward(&reader, &moved);
        if let Err(error) = std::thread::Builder::new().name("tip-changes".to_owned()).spawn(forward) {
            warn!(%error, "no thread to watch the tip; the miner renews its template by time alone");
        }
        changes
    }
}

fn forward(reader: &ChainReader, moved: &Sender<()>) {
    loop {
        let notifications = reader.subscribe();
        while notifications.recv().is_ok() {
            if moved.try_send(()).is_err_and(|error| error.is_disconnected()) {
                return;
            }
        }
    }
}

fn report(event: MinerEvent) {
    match event {
        MinerEvent::Found { hash, height, submission: Submission::Accepted } => {
            info!(%height, %hash, "block found")
        }
        MinerEvent::Found { hash, height, submission: Submission::Rejected { code } } => {
            warn!(%height, %hash, %code, "the node refused its own block");
        }
        MinerEvent::SourceFailed(error) => warn!(%error, "no template"),
    }
}
