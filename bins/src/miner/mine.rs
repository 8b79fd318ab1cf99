//! `cairn-miner`: mining on the templates of a node elsewhere.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use cairn_miner::{
    BlockTemplate, Miner, MinerConfig, MinerEvent, SourceError, Submission, TemplateSource, kernel,
};
use cairn_node::Stop;
use cairn_primitives::{Address, Block, BlockHash, Height};
use cairn_rpc::{Client, ClientError, NodeApi, NodeTemplates};
use serde_json::json;

use crate::Failure;
use crate::output::{self, line};

/// How often the hash rate is told.
const RATE_EVERY: Duration = Duration::from_secs(10);
/// How often to look whether to stop.
const TICK: Duration = Duration::from_millis(100);
/// How long the miner may take to end; then the program ends without it.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What to mine on, and for whom.
#[derive(Debug)]
pub struct MineCommand {
    /// Where the node answers, `http://host:port`.
    pub node: String,
    /// Whom the coins go to.
    pub address: String,
    /// Threads that search.
    pub threads: NonZeroUsize,
    /// Stop after so many blocks that the node accepted; never if `None`.
    pub blocks: Option<u64>,
    /// Print one line of JSON for each thing told.
    pub json: bool,
}

/// Mines until told to stop, or until the blocks asked for are found. A node that is gone is waited for.
///
/// # Errors
/// A URL that is none; an address that is none of the node's chain; no threads to be had.
pub fn mine(command: &MineCommand) -> Result<(), Failure> {
    let client = Client::new(&command.node).map_err(Failure::usage)?;
    let stop = Stop::on_signals()?;
    check_address(&client, &command.address)?;
    let source = NodeTemplates::new(client, &command.address);
    let source = Arc::new(UpTo { source, left: AtomicU64::new(command.blocks.unwrap_or(u64::MAX)) });
    let mut config = MinerConfig::new(kernel::best(), command.threads);
    config.first_extranonce = random()?;
    let (send, events) = channel();
    let miner = Miner::start(source, config, move |event| {
        // No receiver is left when the program ends.
        let _ = send.send(event);
    });
    let miner = miner.map_err(Failure::new)?;

    let mut report = Report { json: command.json, waiting: false, accepted: 0 };
    report.start(command, kernel::best().name());
    let outcome = watch(&miner, &events, &stop, command.blocks, &mut report);
    // It ends at once, but for a question to the node that is not answered yet.
    let (done, ended) = channel();
    std::thread::spawn(move || {
        miner.stop();
        let _ = done.send(());
    });
    let _ = ended.recv_timeout(LAST_WORDS);
    outcome
}

fn watch(
    miner: &Miner,
    events: &Receiver<MinerEvent>,
    stop: &Stop,
    wanted: Option<u64>,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut told = Instant::now();
    while !stop.is_asked() && wanted.is_none_or(|wanted| report.accepted < wanted) {
        match events.recv_timeout(TICK) {
            Ok(MinerEvent::Found { hash, height, submission }) => report.found(hash, height, &submission)?,
            Ok(MinerEvent::SourceFailed(error)) => report.failed(&error)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::new("the miner stopped by itself")),
        }
        if miner.status().mining {
            report.back()?;
        }
        if told.elapsed() >= RATE_EVERY {
            report.rate(miner)?;
            told = Instant::now();
        }
    }
    Ok(())
}

/// Refuses an address of another chain before the search begins. A node that does not answer yet is no reason to stop.
fn check_address(client: &Client, address: &str) -> Result<(), Failure> {
    let spec = match client.spec() {
        Ok(spec) => spec,
        Err(error @ (ClientError::NotANode { .. } | ClientError::BadUrl { .. })) => {
            return Err(Failure::new(error));
        }
        Err(_) => return Ok(()),
    };
    let prefixes = spec.address_prefixes().map_err(Failure::new)?;
    let chain = spec.get("chain", "name").and_then(|name| name.as_str()).unwrap_or_default();
    Address::parse(address, &prefixes).map(drop).map_err(|error| {
        Failure::usage(format!(
            "{address:?} is no address of chain {chain}, which the node is on: {error}; give an address of that chain"
        ))
    })
}

/// Extranonces begin at random, so that several miners of one address search different headers.
fn random() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("the system has no random bytes: {error}")))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Templates until so many blocks were accepted.
struct UpTo {
    source: NodeTemplates,
    left: AtomicU64,
}

impl TemplateSource for UpTo {
    fn template(&self) -> Result<BlockTemplate, SourceError> {
        match self.left.load(Ordering::Relaxed) {
            0 => Err(SourceError::NotReady),
            _ => self.source.template(),
        }
    }

    fn submit(&self, block: Block) -> Result<Submission, SourceError> {
        let judged = self.source.submit(block)?;
        if judged == Submission::Accepted {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(judged)
    }

    fn tip_changes(&self) -> crossbeam_channel::Receiver<()> {
        self.source.tip_changes()
    }
}

/// What is printed, and what was said already.
struct Report {
    json: bool,
    /// The node gave no template when last asked, and this was said.
    waiting: bool,
    accepted: u64,
}

impl Report {
    fn start(&self, command: &MineCommand, kernel: &str) {
        if !self.json {
            let MineCommand { node, address, threads, .. } = command;
            line(format_args!("mining to {address} on {node} with {threads} threads ({kernel})"));
        }
    }

    fn found(&mut self, hash: BlockHash, height: Height, submission: &Submission) -> Result<(), Failure> {
        let rejected = match submission {
            Submission::Accepted => None,
            Submission::Rejected { code } => Some(code.as_ref()),
        };
        self.accepted += u64::from(rejected.is_none());
        if self.json {
            return output::json(&json!({
                "event": "block", "height": height, "hash": hash, "accepted": rejected.is_none(), "reason": rejected,
            }));
        }
        match rejected {
            None => line(format_args!("block {height} {hash} accepted")),
            Some(code) => line(format_args!("block {height} {hash} not accepted: {code}")),
        }
        Ok(())
    }

    /// Says once that there is no template. Ends the program where asking again is of no use.
    fn failed(&mut self, error: &SourceError) -> Result<(), Failure> {
        if matches!(error, SourceError::Refused { code } if code == "bad-address") {
            return Err(Failure::usage(format!("{error}; give an address of the node's chain")));
        }
        if std::mem::replace(&mut self.waiting, true) {
            return Ok(());
        }
        self.note("waiting", &format!("{error}; waiting for it"))
    }

    fn back(&mut self) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.waiting, false) {
            return Ok(());
        }
        self.note("mining", "the node is there; mining")
    }

    fn note(&self, event: &str, text: &str) -> Result<(), Failure> {
        if self.json {
            return output::json(&json!({ "event": event, "text": text }));
        }
        line(text);
        Ok(())
    }

    fn rate(&self, miner: &Miner) -> Result<(), Failure> {
        let status = miner.status();
        if self.json {
            return output::json(&json!({
                "event": "rate", "hashrate_hps": status.hashes_per_second, "total_hashes": status.total_hashes,
                "blocks": self.accepted,
            }));
        }
        if status.mining {
            let rate = status.hashes_per_second / 1e6;
            line(format_args!("{rate:.2} MH/s, {} blocks so far", self.accepted));
        }
        Ok(())
    }
}
