//! The whole loop, against a node that is a chain in memory.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cairn_miner::{
    BlockTemplate, HeaderJob, Kernel, Miner, MinerConfig, MinerEvent, NonceRange, SearchResult, SourceError,
    Submission, TemplateSource,
};
use cairn_params::presets;
use cairn_primitives::{Block, BlockHash, BlockTime, Header, MerkleRoot};
use cairn_testkit::Forge;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::support::{easy_template, hopeless_template, next, payout, portable, stopped_clock, wait_until};

fn config() -> MinerConfig {
    MinerConfig {
        clock: stopped_clock(),
        refresh: Duration::from_secs(3600),
        retry: Duration::ZERO,
        ..MinerConfig::new(portable(), NonZeroUsize::new(2).unwrap())
    }
}

fn start(source: Arc<dyn TemplateSource>, config: MinerConfig) -> (Miner, Receiver<MinerEvent>) {
    let (sender, events) = unbounded();
    let miner = Miner::start(source, config, move |event| {
        // The test may have seen enough.
        let _ = sender.send(event);
    });
    (miner.unwrap(), events)
}

/// A chain that takes blocks as a node does.
struct MemoryNode {
    forge: Mutex<Forge>,
    tip_moved: Sender<()>,
    tip_moves: Receiver<()>,
}

impl MemoryNode {
    fn new() -> Arc<Self> {
        let (tip_moved, tip_moves) = bounded(1);
        Arc::new(Self { forge: Mutex::new(Forge::new(Arc::new(presets::dev()))), tip_moved, tip_moves })
    }
}

impl TemplateSource for MemoryNode {
    fn template(&self) -> Result<BlockTemplate, SourceError> {
        let forge = self.forge.lock().unwrap();
        let next = forge.tree().next_block(forge.tree().best_header(), BlockTime::new(0));
        Ok(BlockTemplate::new(forge.spec(), &next, &payout(), &[])?)
    }

    fn submit(&self, block: Block) -> Result<Submission, SourceError> {
        let submission = match self.forge.lock().unwrap().accept(block) {
            Ok(_) => Submission::Accepted,
            Err(error) => Submission::Rejected { code: error.code().into() },
        };
        let _ = self.tip_moved.try_send(());
        Ok(submission)
    }

    fn tip_changes(&self) -> Receiver<()> {
        self.tip_moves.clone()
    }
}

#[test]
fn a_chain_grows_block_by_block() {
    let node = MemoryNode::new();
    let (miner, events) = start(Arc::clone(&node) as _, config());
    for height in 1..=20 {
        let MinerEvent::Found { hash, height: found, submission } = next(&events) else {
            panic!("the node always answers")
        };
        assert_eq!((found.to_u32(), &submission), (height, &Submission::Accepted));
        assert_eq!(node.forge.lock().unwrap().height(hash), found);
    }
    let status = miner.status();
    assert!(status.mining);
    assert_eq!(status.threads, 2);
    assert!(status.blocks_found >= 20 && status.total_hashes >= 20);
    assert!(status.hashes_per_second > 0.0);
    miner.stop();
}

#[test]
fn a_pace_keeps_blocks_apart() {
    let pace = Duration::from_millis(60);
    let (sender, times) = unbounded();
    let miner = Miner::start(MemoryNode::new(), MinerConfig { pace, ..config() }, move |_| {
        let _ = sender.send(Instant::now());
    });
    let times: Vec<_> = (0..4).map(|_| next(&times)).collect();
    miner.unwrap().stop();
    // The pace counts from before the event is told of, so the first distance may be a hair short; the sum is not.
    assert!(times[3] - times[0] + Duration::from_millis(5) >= 3 * pace, "{times:?}");
}

/// Answers from a script, and says what it was asked.
struct Scripted {
    templates: Mutex<VecDeque<Result<BlockTemplate, SourceError>>>,
    submissions: Mutex<VecDeque<Result<Submission, SourceError>>>,
    asked: Sender<()>,
    submitted: Sender<Block>,
    tips: Receiver<()>,
}

struct Script {
    asked: Receiver<()>,
    submitted: Receiver<Block>,
    tip_moved: Sender<()>,
}

/// Gives these templates, the last one ever again, and these answers, then `Accepted`.
fn scripted(
    templates: Vec<Result<BlockTemplate, SourceError>>,
    submissions: Vec<Result<Submission, SourceError>>,
) -> (Arc<Scripted>, Script) {
    let (ask, asked) = unbounded();
    let (submit, submitted) = unbounded();
    let (tip_moved, tips) = unbounded();
    let source = Scripted {
        templates: Mutex::new(templates.into()),
        submissions: Mutex::new(submissions.into()),
        asked: ask,
        submitted: submit,
        tips,
    };
    (Arc::new(source), Script { asked, submitted, tip_moved })
}

impl TemplateSource for Scripted {
    fn template(&self) -> Result<BlockTemplate, SourceError> {
        let mut templates = self.templates.lock().unwrap();
        let next = if templates.len() > 1 { templates.pop_front() } else { templates.front().cloned() };
        let _ = self.asked.send(());
        next.unwrap()
    }

    fn submit(&self, block: Block) -> Result<Submission, SourceError> {
        let _ = self.submitted.send(block);
        self.submissions.lock().unwrap().pop_front().unwrap_or(Ok(Submission::Accepted))
    }

    fn tip_changes(&self) -> Receiver<()> {
        self.tips.clone()
    }
}

#[test]
fn the_job_changes_when_the_tip_moves() {
    // Nobody solves the first template: a block can only come from the second, and that only after the tip moved.
    let (source, script) = scripted(vec![Ok(hopeless_template()), Ok(easy_template())], vec![]);
    let (miner, events) = start(source, config());
    next(&script.asked);
    script.tip_moved.send(()).unwrap();
    let block = next(&script.submitted);
    assert_eq!(block.header.bits, easy_template().bits());
    let found = next(&events);
    assert!(matches!(found, MinerEvent::Found { hash, .. } if hash == block.hash()));
    miner.stop();
}

#[test]
fn a_template_is_renewed_when_it_is_old() {
    let templates = vec![Ok(hopeless_template()), Ok(hopeless_template()), Ok(easy_template())];
    let (source, script) = scripted(templates, vec![]);
    let (miner, _events) = start(source, MinerConfig { refresh: Duration::from_millis(1), ..config() });
    assert_eq!(next(&script.submitted).header.bits, easy_template().bits());
    miner.stop();
}

#[test]
fn a_paused_miner_asks_for_nothing_until_resumed() {
    let (source, script) = scripted(vec![Ok(hopeless_template())], vec![]);
    let (miner, _events) = start(source, config());
    next(&script.asked);
    wait_until(|| miner.status().mining);
    miner.resume();
    miner.pause();
    wait_until(|| !miner.status().mining);
    assert!(script.asked.is_empty());
    miner.resume();
    next(&script.asked);
    wait_until(|| miner.status().mining);
    miner.stop();
    assert!(script.asked.is_empty());
}

#[test]
fn a_source_without_a_template_is_asked_again() {
    let templates = vec![Err(SourceError::NotReady), Err(SourceError::Unreachable), Ok(easy_template())];
    let (source, script) = scripted(templates, vec![]);
    let (miner, events) = start(source, config());
    assert_eq!(next(&events), MinerEvent::SourceFailed(SourceError::NotReady));
    assert_eq!(next(&events), MinerEvent::SourceFailed(SourceError::Unreachable));
    next(&script.submitted);
    miner.stop();
}

#[test]
fn a_block_that_could_not_be_handed_in_is_handed_in_again() {
    let submissions = vec![Err(SourceError::Unreachable), Err(SourceError::Unreachable)];
    let (source, script) = scripted(vec![Ok(easy_template())], submissions);
    let (miner, events) = start(source, config());
    let hashes: Vec<_> = (0..3).map(|_| next(&script.submitted).hash()).collect();
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[1], hashes[2]);
    for _ in 0..2 {
        assert_eq!(next(&events), MinerEvent::SourceFailed(SourceError::Unreachable));
    }
    assert!(matches!(next(&events), MinerEvent::Found { hash, .. } if hash == hashes[0]));
    miner.stop();
}

#[test]
fn a_rejected_block_is_reported_and_not_counted() {
    let rejected = Submission::Rejected { code: "bad-cb-amount".into() };
    let (source, script) =
        scripted(vec![Ok(easy_template()), Ok(hopeless_template())], vec![Ok(rejected.clone())]);
    let (miner, events) = start(source, config());
    let block = next(&script.submitted);
    let MinerEvent::Found { hash, submission, .. } = next(&events) else { panic!("found") };
    assert_eq!((hash, submission), (block.hash(), rejected));
    assert_eq!(miner.status().blocks_found, 0);
    miner.stop();
}

/// Says which header it is given and finds nothing.
struct Teller(Sender<(BlockHash, MerkleRoot)>);

impl Kernel for Teller {
    fn name(&self) -> &'static str {
        "teller"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        let Header { prev, merkle_root, .. } = job.header(0);
        let _ = self.0.send((prev, merkle_root));
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            thread::yield_now();
        }
        let _ = nonces;
        SearchResult::default()
    }
}

#[test]
fn no_two_jobs_share_a_header_even_on_one_template() {
    let (tell, told) = unbounded();
    let (source, script) = scripted(vec![Ok(hopeless_template())], vec![]);
    let one = NonZeroUsize::new(1).unwrap();
    let (miner, _events) =
        start(source, MinerConfig { kernel: Arc::new(Teller(tell)), threads: one, ..config() });
    let mut roots = Vec::new();
    for _ in 0..5 {
        let (prev, root) = next(&told);
        assert_eq!(prev, hopeless_template().prev());
        roots.push(root);
        script.tip_moved.send(()).unwrap();
    }
    miner.stop();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), 5);
}
