//! Orders from the environment, and their execution.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const DIE: &str = "CAIRN_FAILPOINT_DIE";
const LOG: &str = "CAIRN_FAILPOINT_LOG";

/// The name that stands for all places together.
const ANY: &str = "*";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Middle,
    After,
}

/// Where the process shall end.
#[derive(Debug)]
struct Die {
    name: String,
    /// The how manyeth time, from 1.
    time: u64,
    phase: Phase,
}

#[derive(Debug)]
struct Orders {
    die: Option<Die>,
    log: Option<File>,
    /// How often each place was come by.
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

static ORDERS: OnceLock<Option<Orders>> = OnceLock::new();

fn orders() -> Option<&'static Orders> {
    ORDERS.get_or_init(Orders::read).as_ref()
}

impl Orders {
    fn read() -> Option<Self> {
        let die = std::env::var(DIE).ok().map(|text| Die::parse(&text).expect("name:number:phase"));
        let log = std::env::var_os(LOG).map(|path| {
            let file = File::options().create(true).append(true).open(path);
            file.expect("the log of the fail points can be opened")
        });
        let orders = Orders { die, log, counts: Mutex::default() };
        (orders.die.is_some() || orders.log.is_some()).then_some(orders)
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the place and tells at which phase of it the process shall end, if it shall.
    fn come_by(&self, name: &'static str, kind: &str) -> Option<Phase> {
        let mut counts = self.counts();
        let time = counts.entry(name).or_default();
        *time += 1;
        let (time, all) = (*time, counts.values().sum::<u64>());
        drop(counts);
        self.log(&format!("hit {name} {kind}\n"));
        let die = self.die.as_ref()?;
        let here = if die.name == ANY { all == die.time } else { die.name == name && time == die.time };
        here.then_some(die.phase)
    }

    /// One line in one write, so that it is there whole when the process ends.
    fn log(&self, line: &str) {
        if let Some(mut log) = self.log.as_ref() {
            log.write_all(line.as_bytes()).expect("the log of the fail points can be written");
        }
    }
}

impl Die {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, ':');
        let phase = match parts.next()? {
            "before" => Phase::Before,
            "middle" => Phase::Middle,
            "after" => Phase::After,
            _ => return None,
        };
        let time = parts.next()?.parse().ok()?;
        Some(Die { name: parts.next()?.to_owned(), time, phase })
    }
}

pub(crate) fn around<T>(name: &'static str, act: impl FnOnce() -> T) -> T {
    let Some(orders) = orders() else { return act() };
    let phase = orders.come_by(name, "act");
    if matches!(phase, Some(Phase::Before | Phase::Middle)) {
        std::process::abort();
    }
    let done = act();
    if phase == Some(Phase::After) {
        std::process::abort();
    }
    done
}

pub(crate) fn write_all(name: &'static str, file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let Some(orders) = orders() else { return file.write_all(bytes) };
    match orders.come_by(name, "write") {
        None => return file.write_all(bytes),
        Some(Phase::Before) => {}
        Some(Phase::Middle) => file.write_all(&bytes[..bytes.len() / 2])?,
        Some(Phase::After) => file.write_all(bytes)?,
    }
    std::process::abort();
}

pub(crate) fn synced(path: &Path, file: &File) {
    if let Some(orders) = orders()
        && orders.log.is_some()
        && let Ok(metadata) = file.metadata()
    {
        orders.log(&format!("synced {} {}\n", metadata.len(), path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let die = Die::parse("a.b:12:middle").unwrap();
        assert_eq!((die.name.as_str(), die.time, die.phase), ("a.b", 12, Phase::Middle));
        assert_eq!(Die::parse("*:1:after").unwrap().name, ANY);
        for bad in ["", "a:1", "a:x:before", "a:1:never"] {
            assert!(Die::parse(bad).is_none(), "{bad}");
        }
    }
}
