//! One kill each: where it happens, what is done to the disk then, and what is found.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::child::Place;

/// Longest time for one process: far above what a slow and busy machine takes.
const PATIENCE: Duration = Duration::from_secs(240);

/// How a process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Case {
    /// At a fail point: its name (`*` for any), the how manyeth time, and the phase.
    Point { name: String, time: u64, phase: String },
    /// Killed from outside so many microseconds after its start.
    Random { micros: u64 },
    /// At the `time`th fail point of all; then what was not synced is damaged, at places that follow from the seed.
    Torn { time: u64, phase: String, seed: u64 },
    /// At a fail point; and once more while it recovers.
    Twice { time: u64, again: u64 },
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Point { name, time, phase } => write!(f, "point:{name}:{time}:{phase}"),
            Case::Random { micros } => write!(f, "random:{micros}"),
            Case::Torn { time, phase, seed } => write!(f, "torn:{time}:{phase}:{seed}"),
            Case::Twice { time, again } => write!(f, "twice:{time}:{again}"),
        }
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
        match text.split(':').collect::<Vec<_>>()[..] {
            ["point", name, time, phase] => {
                Ok(Case::Point { name: name.to_owned(), time: number(time)?, phase: phase.to_owned() })
            }
            ["random", micros] => Ok(Case::Random { micros: number(micros)? }),
            ["torn", time, phase, seed] => {
                Ok(Case::Torn { time: number(time)?, phase: phase.to_owned(), seed: number(seed)? })
            }
            ["twice", time, again] => Ok(Case::Twice { time: number(time)?, again: number(again)? }),
            _ => Err(format!("{text} is no case")),
        }
    }
}

/// What came of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is there; `killed` is false if the process was through before it could be killed.
    Whole { killed: bool },
    /// Something was lost or is wrong: what the check said.
    Lost(String),
    /// All is there, but not without making something anew.
    Rebuilt(String),
}

/// Numbers that look random and are the same each time (SplitMix64).
#[derive(Debug)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

fn command(place: &Place, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([role, "--store", place.engine.name(), "--dir"]).arg(&place.dir);
    if place.prune {
        command.args(["--prune", "yes"]);
    }
    if place.background {
        command.args(["--background", "yes"]);
    }
    command
        .env("RUST_BACKTRACE", "0")
        .arg("--files")
        .arg(&place.files)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Waits for the end of a process: whether it was a good one, and what it wrote to its error output.
fn end_of(mut child: Child) -> Result<(bool, String), String> {
    let mut errors = child.stderr.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                let _ = child.kill();
                return Err(format!("not through after {} s", PATIENCE.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    Ok((status.success(), reader.join().unwrap()))
}

/// Whether the process got to its end; an error if it failed in a way that is not being killed.
fn finished(child: Child) -> Result<bool, String> {
    use std::os::unix::process::ExitStatusExt;
    let id = child.id();
    let mut child = child;
    let mut errors = child.stderr.take().expect("piped");
    let mut text = String::new();
    let _ = errors.read_to_string(&mut text);
    let status = child.wait().unwrap();
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(true),
        (None, Some(_)) => Ok(false),
        (code, _) => Err(format!("process {id} ended with {code:?}: {text}")),
    }
}

/// Runs the workload to its end and tells which places it came by, in order, with what they are.
pub(crate) fn list(place: &Place) -> (Vec<(String, bool)>, Duration) {
    let _ = std::fs::remove_dir_all(&place.dir);
    std::fs::create_dir_all(&place.dir).unwrap();
    let log = place.dir.join("log");
    let start = Instant::now();
    let child = command(place, "work").env("CAIRN_FAILPOINT_LOG", &log).spawn().unwrap();
    let (good, errors) = end_of(child).unwrap();
    assert!(good, "the workload by itself: {errors}");
    (hits(&log), start.elapsed())
}

/// The places in a log, and whether bytes are written there.
fn hits(log: &Path) -> Vec<(String, bool)> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let hits = text.lines().filter_map(|line| line.strip_prefix("hit "));
    hits.filter_map(|hit| hit.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind == "write"))
        .collect()
}

/// Runs a case in its own directory, from nothing to the last check.
pub(crate) fn run(place: &Place, case: &Case) -> Outcome {
    let _ = std::fs::remove_dir_all(&place.dir);
    std::fs::create_dir_all(&place.dir).unwrap();
    match kill_and_check(place, case) {
        Ok(outcome) => outcome,
        Err(lost) => Outcome::Lost(lost),
    }
}

fn kill_and_check(place: &Place, case: &Case) -> Result<Outcome, String> {
    let log = place.dir.join("log");
    let mut work = command(place, "work");
    match case {
        Case::Point { name, time, phase } => {
            work.env("CAIRN_FAILPOINT_DIE", format!("{name}:{time}:{phase}"));
        }
        Case::Torn { time, phase, .. } => {
            work.env("CAIRN_FAILPOINT_DIE", format!("*:{time}:{phase}")).env("CAIRN_FAILPOINT_LOG", &log);
        }
        Case::Twice { time, .. } => {
            work.env("CAIRN_FAILPOINT_DIE", format!("*:{time}:before"));
        }
        Case::Random { .. } => {}
    }
    let mut child = work.spawn().unwrap();
    if let Case::Random { micros } = case {
        std::thread::sleep(Duration::from_micros(*micros));
        // It may be through already.
        let _ = child.kill();
    }
    let mut killed = !finished(child)?;
    if let Case::Torn { seed, .. } = case {
        damage_tails(place, &log, *seed);
    }
    if let Case::Twice { again, .. } = case {
        let mut recover = command(place, "work");
        let child = recover.env("CAIRN_FAILPOINT_DIE", format!("*:{again}:before")).spawn().unwrap();
        killed &= !finished(child)?;
    }
    let torn = matches!(case, Case::Torn { .. });
    check(place, torn)?;
    Ok(match rebuilt(place) {
        Some(place) => Outcome::Rebuilt(place),
        None => Outcome::Whole { killed },
    })
}

fn check(place: &Place, torn: bool) -> Result<(), String> {
    let mut verify = command(place, if torn { "verify-torn" } else { "verify" });
    let child = verify.env("CAIRN_FAILPOINT_LOG", place.dir.join("verify-log")).spawn().unwrap();
    match end_of(child)? {
        (true, _) => Ok(()),
        (false, errors) => Err(errors),
    }
}

/// The line of the log behind which the check goes on with the workload.
pub(crate) const RECOVERED: &str = "mark recovered";

/// The line of the log behind which anything may be made anew: a rebuild was under way, or nothing was there.
pub(crate) const REBUILDING: &str = "mark rebuilding";

/// A place that only making anew comes by, if the start after the kill came by one.
fn rebuilt(place: &Place) -> Option<String> {
    const ANEW: [&str; 4] = ["coins.begin", "index.begin", "index.reset", "index.empty"];
    let log = std::fs::read_to_string(place.dir.join("verify-log")).unwrap_or_default();
    let start = log.lines().take_while(|line| !line.starts_with("mark "));
    let mut names = start.filter_map(|line| line.strip_prefix("hit ")?.split(' ').next());
    // A thread of its own may begin an index after the first events were told.
    let anew = |name: &&str| ANEW.contains(name) && !(place.background && *name == "index.begin");
    names.find(anew).map(str::to_owned)
}

/// What a power cut may do to the files: of what was not synced the end is missing, zero or garbage.
fn damage_tails(place: &Place, log: &Path, seed: u64) {
    let mut numbers = Numbers(seed);
    let synced = synced_lengths(log);
    let blocks = place.chain_dir().join("blocks");
    let mut files: Vec<_> =
        std::fs::read_dir(blocks).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    for path in files {
        let len = std::fs::metadata(&path).unwrap().len();
        let safe = synced.get(&path).copied().unwrap_or(0).min(len);
        if safe < len {
            damage_tail(&path, safe, len, &mut numbers);
        }
    }
}

fn damage_tail(path: &Path, safe: u64, len: u64, numbers: &mut Numbers) {
    let from = safe + numbers.below(len - safe);
    let file = File::options().write(true).open(path).unwrap();
    let garbage: Vec<u8> = (from..len).map(|_| numbers.next() as u8).collect();
    match numbers.below(4) {
        0 => {}
        1 => file.set_len(from).unwrap(),
        2 => file.write_all_at(&vec![0; garbage.len()], from).unwrap(),
        _ => file.write_all_at(&garbage, from).unwrap(),
    }
}

/// Up to where each file was synced when the process ended.
fn synced_lengths(log: &Path) -> HashMap<PathBuf, u64> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.strip_prefix("synced "));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(bytes, path)| (PathBuf::from(path), bytes.parse().unwrap()))
        .collect()
}

/// How often each place was come by.
pub(crate) fn counted(hits: &[(String, bool)]) -> BTreeMap<&str, (u64, bool)> {
    let mut counts = BTreeMap::new();
    for (name, write) in hits {
        let entry = counts.entry(name.as_str()).or_insert((0, *write));
        entry.0 += 1;
    }
    counts
}

/// Writes a line to the standard output at once.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
