//! Many cases, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::rng::Rng;
use crate::shrink::shrink;

/// Seed where the environment names none.
const DEFAULT_SEED: u64 = 2009;

/// A number from the environment, if it is there and a number.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many numbers.
    Cases(u64),
    /// So long.
    Time(Duration),
}

impl Budget {
    /// `ORACLE_MINUTES` or `ORACLE_CASES` from the environment, else `bounded` cases.
    pub fn from_env(bounded: u64) -> Self {
        match (setting("ORACLE_MINUTES"), setting("ORACLE_CASES")) {
            (Some(minutes), _) => Self::Time(Duration::from_secs(60 * minutes)),
            (None, Some(cases)) => Self::Cases(cases),
            (None, None) => Self::Cases(bounded),
        }
    }
}

/// A seed and how far to go from it.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// What all cases follow from.
    pub seed: u64,
    /// The first number.
    pub first: u64,
    /// How many.
    pub budget: Budget,
}

/// What came out: accepted by both, and refused by both for each of Cairn's error codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Numbers tried.
    pub numbers: u64,
    /// Cases both accepted.
    pub accepted: u64,
    /// Cases both refused, by code.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// All cases compared.
    pub fn cases(&self) -> u64 {
        self.accepted + self.refused.values().sum::<u64>()
    }

    fn add(&mut self, other: &Self) {
        self.numbers += other.numbers;
        self.accepted += other.accepted;
        for (code, count) in &other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases: {} accepted by both; refused by both:", self.cases(), self.accepted)?;
        let mut refused: Vec<_> = self.refused.iter().collect();
        refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        refused.iter().try_for_each(|(code, count)| write!(f, " {code} {count}"))
    }
}

/// How often each answer was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The answers.
    pub answers: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// All answers.
    pub fn cases(&self) -> u64 {
        self.answers.values().sum()
    }

    /// How often `answer` was given.
    pub fn of(&self, answer: &str) -> u64 {
        self.answers.get(answer).copied().unwrap_or(0)
    }

    fn add(&mut self, other: &Self) {
        for (answer, count) in &other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases:", self.cases())?;
        let mut answers: Vec<_> = self.answers.iter().collect();
        answers.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        answers.iter().try_for_each(|(answer, count)| write!(f, " {answer} {count}"))
    }
}

impl Campaign {
    /// `ORACLE_SEED` and `ORACLE_FIRST` from the environment, else fixed ones; the budget as
    /// [`Budget::from_env`] says.
    pub fn from_env(bounded: u64) -> Self {
        Self {
            seed: setting("ORACLE_SEED").unwrap_or(DEFAULT_SEED),
            first: setting("ORACLE_FIRST").unwrap_or(0),
            budget: Budget::from_env(bounded),
        }
    }

    /// Compares all cases `make` gives for seed and number, on `ORACLE_THREADS` threads or as many as there are cores.
    ///
    /// # Errors
    /// The first disagreement: seed, number, both answers, and the case made small, as text to replay.
    pub fn run(&self, make: impl Fn(u64, u64) -> Vec<Case> + Sync) -> Result<Counts, String> {
        self.spread(|number, counts| self.number(number, &make, counts), Counts::add)
    }

    /// Runs `check` with the random numbers of each number, and counts the answers. `salt` keeps campaigns of one seed
    /// apart. A panic is a failure too.
    ///
    /// # Errors
    /// The first failure, with the settings that meet it again.
    pub fn tally(
        &self,
        salt: u64,
        check: impl Fn(&mut Rng) -> Result<&'static str, String> + Sync,
    ) -> Result<Tally, String> {
        let step = |number: u64, tally: &mut Tally| {
            let mut rng = Rng::new(self.seed ^ salt << 48, number);
            let answer = panic::catch_unwind(panic::AssertUnwindSafe(|| check(&mut rng)));
            let answer = answer.unwrap_or_else(|_| Err("it panicked".to_owned())).map_err(|text| {
                let seed = self.seed;
                format!("{text}\nagain: ORACLE_SEED={seed} ORACLE_FIRST={number} ORACLE_CASES=1")
            })?;
            *tally.answers.entry(answer).or_default() += 1;
            Ok(())
        };
        self.spread(step, Tally::add)
    }

    /// Takes number after number on all threads, until the budget is used up or `step` fails.
    fn spread<T: Default + Send>(
        &self,
        step: impl Fn(u64, &mut T) -> Result<(), String> + Sync,
        add: impl Fn(&mut T, &T) + Sync,
    ) -> Result<T, String> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = setting("ORACLE_THREADS").map_or(cores, |threads| threads as usize);
        let (next, stop, start) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
        let (total, failure) = (Mutex::new(T::default()), Mutex::new(None));
        let goes_on = |done: u64| match self.budget {
            Budget::Cases(cases) => done < cases,
            Budget::Time(time) => start.elapsed() < time,
        };
        let worker = || {
            let mut own = T::default();
            while !stop.load(Ordering::Relaxed) {
                let done = next.fetch_add(1, Ordering::Relaxed);
                if !goes_on(done) {
                    break;
                }
                if let Err(text) = step(self.first + done, &mut own) {
                    failure.lock().expect("no thread panics").get_or_insert(text);
                    stop.store(true, Ordering::Relaxed);
                }
            }
            add(&mut total.lock().expect("no thread panics"), &own);
        };
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
        match failure.into_inner().expect("no thread panics") {
            Some(failure) => Err(failure),
            None => Ok(total.into_inner().expect("no thread panics")),
        }
    }

    fn number(
        &self,
        number: u64,
        make: &impl Fn(u64, u64) -> Vec<Case>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        counts.numbers += 1;
        let cases = panic::catch_unwind(panic::AssertUnwindSafe(|| make(self.seed, number)));
        let cases =
            cases.map_err(|_| format!("seed {} number {number}: making the case panicked", self.seed))?;
        for case in cases {
            match case.compare() {
                Ok(Ok(())) => counts.accepted += 1,
                Ok(Err(error)) => *counts.refused.entry(error.code()).or_default() += 1,
                Err(disagreement) => return Err(self.report(number, &case, &disagreement.to_string())),
            }
        }
        Ok(())
    }

    fn report(&self, number: u64, case: &Case, answers: &str) -> String {
        let small = shrink(case.clone(), |case| case.compare().is_err());
        let after = small.compare().err().map_or(String::new(), |disagreement| disagreement.to_string());
        format!(
            "seed {} number {number}: {answers}\nas generated: {}\nmade small: {after}, rules {:?}\nORACLE_REPLAY='{}'",
            self.seed,
            case.to_text(),
            small.flags,
            small.to_text(),
        )
    }
}
