//! Many kills: all of them, or as many as a test may take.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cairn_chainstate::Engine;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cases::{Case, Numbers, Outcome, counted, list as list_hits, run, say};
use crate::child::{Place, write_files};
use crate::workload::Workload;

/// All stores this build has.
fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.is_built_in())
}

/// Time for one store in an ordinary test run. What must be looked at comes first, whatever it takes.
const BOUND: Duration = Duration::from_secs(60);

/// Cases that are named when they fail; the count goes on.
const MAX_NAMED: usize = 20;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    /// Pairs of `--name value`; anything else is left to others.
    pub(crate) fn read(args: &[String]) -> Self {
        let pairs = args.windows(2).filter_map(|pair| Some((pair[0].strip_prefix("--")?, &pair[1])));
        Options { values: pairs.map(|(name, value)| (name.to_owned(), value.clone())).collect() }
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.values.get(name).map_or(default, |text| text.parse().expect("a number"))
    }

    fn engine(&self) -> Engine {
        let name = self.values.get("store").map_or("sled", String::as_str);
        let mut engines = engines();
        engines
            .find(|engine| engine.name() == name)
            .unwrap_or_else(|| panic!("this build has no store {name}"))
    }

    /// What a process that is started by this program works on.
    pub(crate) fn place(&self) -> Place {
        let path = |name| PathBuf::from(self.values.get(name).expect("given by whoever starts it"));
        let prune = self.prunes();
        let background = self.values.contains_key("background");
        Place { dir: path("dir"), files: path("files"), engine: self.engine(), background, prune }
    }

    fn prunes(&self) -> bool {
        self.values.contains_key("prune")
    }

    fn jobs(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.number("jobs", cores as u64) as usize
    }
}

/// Whether the arguments that cargo passes on to every test program mean this one.
pub(crate) fn is_asked_for(args: &[String]) -> bool {
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let named = filters.is_empty() || filters.iter().any(|filter| "crash_harness".contains(filter.as_str()));
    named && !args.iter().any(|arg| arg == "--list" || arg == "--ignored")
}

/// A directory for many cases.
struct Bench {
    root: PathBuf,
    /// Removed with it, if it is ours.
    _temporary: Option<tempfile::TempDir>,
    engine: Engine,
    prune: bool,
}

/// What a run found.
#[derive(Debug, Default)]
struct Found {
    kills: u64,
    through: u64,
    losses: u64,
    rebuilds: u64,
    named: Vec<String>,
}

impl Bench {
    fn new(options: &Options, engine: Engine) -> Self {
        let (root, temporary) = match options.values.get("dir") {
            Some(dir) => (PathBuf::from(dir), None),
            None => {
                let temporary = tempfile::tempdir().unwrap();
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let this = Bench { root, _temporary: temporary, engine, prune: options.prunes() };
        std::fs::create_dir_all(this.files()).unwrap();
        write_files(&Workload::new(), &this.files());
        this
    }

    fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    fn place(&self, job: usize) -> Place {
        let dir = self.root.join(format!("{}-{job}", self.engine));
        Place { dir, files: self.files(), engine: self.engine, background: false, prune: self.prune }
    }

    /// Runs the cases on some threads; past `end` only the first `needed` of them.
    fn run(&self, cases: &[Case], jobs: usize, end: Option<(Instant, usize)>, bar: &ProgressBar) -> Found {
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::default()));
        let late = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for job in 0..jobs {
                let (next, found, late) = (&next, &found, &late);
                scope.spawn(move || {
                    let place = self.place(job);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(number) else { break };
                        if end.is_some_and(|(end, needed)| number >= needed && Instant::now() > end) {
                            late.store(true, Ordering::Relaxed);
                            break;
                        }
                        let background = matches!(case, Case::Random { .. });
                        let place = Place { background, ..place.clone() };
                        let outcome = run(&place, case);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.add(&place, case, outcome, bar);
                    }
                    let _ = std::fs::remove_dir_all(place.dir);
                });
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn add(&mut self, place: &Place, case: &Case, outcome: Outcome, bar: &ProgressBar) {
        bar.inc(1);
        let text = match outcome {
            Outcome::Whole { killed } => {
                self.kills += u64::from(killed);
                self.through += u64::from(!killed);
                return;
            }
            Outcome::Lost(text) => {
                (self.kills, self.losses) = (self.kills + 1, self.losses + 1);
                text
            }
            Outcome::Rebuilt(name) => {
                (self.kills, self.rebuilds) = (self.kills + 1, self.rebuilds + 1);
                format!("made anew: {name}")
            }
        };
        if self.named.len() < MAX_NAMED {
            let store = place.engine;
            let text = format!("--store {store} --case {case}\n{text}");
            bar.suspend(|| say(&format!("LOST {text}")));
            self.named.push(text);
            // The first is kept to look at.
            let kept = place.dir.with_extension("lost");
            if !kept.exists() {
                let _ = std::fs::rename(&place.dir, kept);
            }
        }
    }

    fn good(&self) -> bool {
        self.losses == 0 && self.rebuilds == 0
    }
}

/// Every place and occurrence: before it, and where bytes are written also half way and after.
fn all_points(hits: &[(String, bool)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, (times, write)) in counted(hits) {
        let phases: &[&str] = if write { &["before", "middle", "after"] } else { &["before", "after"] };
        for time in 1..=times {
            let point =
                |phase: &&str| Case::Point { name: name.to_owned(), time, phase: (*phase).to_owned() };
            cases.extend(phases.iter().map(point));
        }
    }
    cases
}

fn random(count: u64, took: Duration, numbers: &mut Numbers) -> Vec<Case> {
    let end = took.as_micros() as u64;
    (0..count).map(|_| Case::Random { micros: numbers.below(end) }).collect()
}

fn torn(count: u64, hits: u64, numbers: &mut Numbers) -> Vec<Case> {
    let mut one = || {
        let phase = ["before", "middle", "after"][numbers.below(3) as usize].to_owned();
        Case::Torn { time: 1 + numbers.below(hits), phase, seed: numbers.next() }
    };
    (0..count).map(|_| one()).collect()
}

fn twice(count: u64, hits: u64, numbers: &mut Numbers) -> Vec<Case> {
    (0..count).map(|_| Case::Twice { time: 1 + numbers.below(hits), again: 1 + numbers.below(40) }).collect()
}

fn shuffle(cases: &mut [Case], numbers: &mut Numbers) {
    for at in (1..cases.len()).rev() {
        cases.swap(at, numbers.below(at as u64 + 1) as usize);
    }
}

fn bar(len: usize) -> ProgressBar {
    let bar = ProgressBar::new(len as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (left: {eta}) {msg}");
    bar.set_style(style.expect("the template is fixed"));
    bar
}

/// All of it on one store.
pub(crate) fn deep(options: &Options) -> ExitCode {
    let bench = Bench::new(options, options.engine());
    let mut numbers = Numbers(options.number("seed", 1));
    let (hits, took) = list_hits(&bench.place(0));
    let mut points = all_points(&hits);
    shuffle(&mut points, &mut numbers);
    let all = hits.len() as u64;
    let kinds = [
        ("every fail point", points),
        ("random kills", random(options.number("random", 2_000), took, &mut numbers)),
        ("torn tails", torn(options.number("torn", 2_000), all, &mut numbers)),
        ("kills while recovering", twice(options.number("twice", 200), all, &mut numbers)),
    ];
    let names = counted(&hits).len();
    let mut good = true;
    let without_points = options.values.get("points").is_some_and(|text| text == "no");
    for (kind, cases) in kinds.into_iter().skip(usize::from(without_points)) {
        let start = Instant::now();
        let bar = bar(cases.len());
        bar.set_message(kind);
        let found = bench.run(&cases, options.jobs(), None, &bar);
        bar.finish_and_clear();
        let what = match kind {
            "every fail point" => format!("fail points {names} x occurrences {all}"),
            _ => kind.to_owned(),
        };
        summary(bench.engine, &what, cases.len(), &found, start.elapsed());
        good &= found.good();
    }
    exit(good)
}

fn summary(engine: Engine, what: &str, cases: usize, found: &Found, took: Duration) {
    let Found { kills, through, losses, rebuilds, .. } = found;
    say(&format!(
        "{}: {what} = {kills} kills of {cases} ({through} ended first), {losses} losses, {rebuilds} rebuilds, {:.0} s",
        engine,
        took.as_secs_f64()
    ));
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each place at least once, and as many of the others as the time allows, on every store.
pub(crate) fn bounded(options: &Options) -> ExitCode {
    let mut good = true;
    for engine in engines() {
        let (start, bench) = (Instant::now(), Bench::new(options, engine));
        let mut numbers = Numbers(1);
        let (hits, took) = list_hits(&bench.place(0));
        let (needed, rest): (Vec<_>, Vec<_>) = all_points(&hits).into_iter().partition({
            let mut seen = BTreeSet::new();
            move |case| matches!(case, Case::Point { name, .. } if seen.insert(name.clone()))
        });
        let all = hits.len() as u64;
        let mut more = rest;
        more.extend(random(100, took, &mut numbers));
        more.extend(torn(200, all, &mut numbers));
        more.extend(twice(50, all, &mut numbers));
        shuffle(&mut more, &mut numbers);
        let first = needed.len();
        let cases: Vec<_> = needed.into_iter().chain(more).collect();
        let end = Some((start + BOUND, first));
        let found = bench.run(&cases, options.jobs(), end, &ProgressBar::hidden());
        let what = format!("fail points {} x occurrences {all}, a part", counted(&hits).len());
        summary(engine, &what, cases.len(), &found, start.elapsed());
        good &= found.good();
    }
    exit(good)
}

/// One case, by its name.
pub(crate) fn one(options: &Options) -> ExitCode {
    let case: Case = options.values.get("case").expect("--case").parse().unwrap();
    let bench = Bench::new(options, options.engine());
    let outcome = run(&bench.place(0), &case);
    say(&format!("{case}: {outcome:?}"));
    exit(matches!(outcome, Outcome::Whole { .. }))
}

/// The places and how often the workload comes by each.
pub(crate) fn list(options: &Options) -> ExitCode {
    let bench = Bench::new(options, options.engine());
    let (hits, took) = list_hits(&bench.place(0));
    for (name, (times, write)) in counted(&hits) {
        say(&format!("{times:6} {} {name}", if write { "write" } else { "     " }));
    }
    say(&format!("{:6} in {:.2} s", hits.len(), took.as_secs_f64()));
    ExitCode::SUCCESS
}
