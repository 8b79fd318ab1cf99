//! One case in a process of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use cairn_primitives::BlockHash;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::measure;
use crate::ours::{self, StoreName};
use crate::reorg;

/// What a child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) engine: Engine,
    pub(crate) file: PathBuf,
    /// For data; it is there and empty.
    pub(crate) dir: PathBuf,
    pub(crate) threads: usize,
    pub(crate) cache_mib: usize,
    /// The last block, and the headers that are given first.
    pub(crate) assumed: Option<Assumed>,
    /// Blocks between two samples; 0 for none.
    pub(crate) every: u32,
    /// Whether ours keeps every index.
    pub(crate) indexes: bool,
    /// Blocks of another branch, given one by one at the end; the last one makes it the better branch.
    pub(crate) branch: Option<PathBuf>,
}

impl Job {
    /// A job with two threads, 450 MiB of cache, all scripts and nothing besides.
    pub(crate) fn new(engine: Engine, file: PathBuf, dir: PathBuf) -> Self {
        let (threads, cache_mib) = (2, 450);
        Self { engine, file, dir, threads, cache_mib, assumed: None, every: 0, indexes: false, branch: None }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assumed {
    pub(crate) tip: BlockHash,
    pub(crate) headers: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Engine {
    Ours(StoreName),
    Core,
    CoreFile,
}

/// The way through the chain.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) height: u32,
    pub(crate) seconds: f64,
    pub(crate) memory: u64,
}

/// What one call took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
}

/// Where the engine ended.
pub(crate) struct End {
    pub(crate) tip: BlockHash,
    pub(crate) samples: Vec<Sample>,
    /// The taking of the last block of the other branch.
    pub(crate) reorg: Option<Step>,
}

/// Gives the blocks of the other branch, and times the last.
pub(crate) fn change_branch(
    job: &Job,
    mut give: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Option<Step>, Failure> {
    let Some(branch) = &job.branch else { return Ok(None) };
    let blocks = reorg::blocks(branch)?;
    let (last, others) = blocks.split_last().ok_or("the other branch is empty")?;
    others.iter().try_for_each(|block| give(block))?;
    let (start, cpu) = (Instant::now(), measure::cpu_seconds());
    give(last)?;
    Ok(Some(Step { seconds: start.elapsed().as_secs_f64(), cpu: measure::cpu_seconds() - cpu }))
}

/// What it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) tip: BlockHash,
    /// From an empty directory to a closed chain.
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_memory: u64,
    pub(crate) disk: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) reorg: Option<Step>,
}

/// Marks the line of the answer among others.
const ANSWER: &str = "ibd-answer ";

/// Does the job and prints the answer.
pub(crate) fn run(job: &str) -> Result<(), Failure> {
    let job: Job = serde_json::from_str(job)?;
    let (start, cpu) = (Instant::now(), measure::cpu_seconds());
    let end = match job.engine {
        Engine::Ours(store) => ours::import(&job, store)?,
        #[cfg(feature = "kernel")]
        Engine::Core | Engine::CoreFile => crate::core::import(&job)?,
        #[cfg(not(feature = "kernel"))]
        Engine::Core | Engine::CoreFile => return Err("built without Core's engine".into()),
    };
    let outcome = Outcome {
        tip: end.tip,
        seconds: start.elapsed().as_secs_f64(),
        cpu: measure::cpu_seconds() - cpu,
        peak_memory: measure::peak_memory(),
        disk: measure::disk(&job.dir),
        samples: end.samples,
        reorg: end.reorg,
    };
    println!("{ANSWER}{}", serde_json::to_string(&outcome)?);
    std::io::stdout().flush()?;
    Ok(())
}

/// Has the program do the job in a new process, and removes its data.
pub(crate) fn start(program: &Path, job: &Job) -> Result<Outcome, Failure> {
    if job.dir.exists() {
        std::fs::remove_dir_all(&job.dir)?;
    }
    std::fs::create_dir_all(&job.dir)?;
    let outcome = answer(program, job);
    std::fs::remove_dir_all(&job.dir)?;
    // What one case left to write must not slow the next.
    let _ = Command::new("sync").status();
    outcome
}

fn answer(program: &Path, job: &Job) -> Result<Outcome, Failure> {
    let mut command = Command::new(program);
    command.args(["child", &serde_json::to_string(job)?]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let done = command.output()?;
    if !done.status.success() {
        return Err(format!("the child ended with {}", done.status).into());
    }
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(ANSWER));
    Ok(serde_json::from_str(line.ok_or("the child did not answer")?)?)
}
