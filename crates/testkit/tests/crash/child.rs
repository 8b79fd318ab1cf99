//! The process that is killed: it does what the workload says, and writes down what it was told.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cairn_chainstate::{
    ChainEvent, ChainState, ChainStateConfig, Engine, Indexing, Prune, SubmitError, import,
};
use cairn_primitives::{Block, Encode};
use crossbeam_channel::Receiver;

use crate::workload::{Action, NOW, Workload};

/// Where a case lies on disk.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The case's own directory: the chain is in `chain`, what was told is in `report`.
    pub(crate) dir: PathBuf,
    /// Files to import, the same for all cases.
    pub(crate) files: PathBuf,
    pub(crate) engine: Engine,
    /// Whether indexes are written by a thread of their own: then no two runs are quite the same.
    pub(crate) background: bool,
    /// Whether old blocks are removed. What needs them is left out of the workload then.
    pub(crate) prune: bool,
}

impl Place {
    pub(crate) fn chain_dir(&self) -> PathBuf {
        self.dir.join("chain")
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.dir.join("report")
    }

    /// Little memory and short files, so that flushes and new files happen all the time.
    pub(crate) fn config(&self, addresses: bool) -> ChainStateConfig {
        ChainStateConfig {
            engine: Some(self.engine),
            cache_bytes: 48 << 10,
            txindex: true,
            addrindex: addresses,
            coinstatsindex: true,
            blockfilterindex: true,
            block_file_bytes: 12_000,
            script_threads: 1,
            prune: self.prune.then_some(Prune { target_bytes: 60_000, keep_blocks: 20 }),
            indexing: if self.background { Indexing::Background } else { Indexing::WithCommits },
            ..ChainStateConfig::new(self.chain_dir())
        }
    }
}

/// Writes the files to import.
pub(crate) fn write_files(workload: &Workload, dir: &Path) {
    for (number, blocks) in workload.files.iter().enumerate() {
        let mut bytes = Vec::new();
        for block in blocks {
            bytes.extend(workload.spec.network.magic);
            bytes.extend((block.total_size() as u32).to_le_bytes());
            bytes.extend(block.to_bytes());
        }
        std::fs::write(block_file(dir, number), bytes).unwrap();
    }
    let headers: Vec<u8> = workload.headers.iter().flat_map(Encode::to_bytes).collect();
    std::fs::write(dir.join("headers.dat"), headers).unwrap();
}

fn block_file(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("import-{number}.dat"))
}

/// A chain being worked on.
pub(crate) struct Worker<'a> {
    place: &'a Place,
    workload: &'a Workload,
    report: File,
    chain: Option<ChainState>,
    events: Receiver<ChainEvent>,
    addresses: bool,
}

impl<'a> Worker<'a> {
    /// Opens the chain as it is configured before action `from`.
    pub(crate) fn open(place: &'a Place, workload: &'a Workload, from: usize) -> Self {
        let addresses = workload.actions[..from].iter().rev().find_map(|action| match action {
            Action::AddressIndex(on) => Some(*on),
            _ => None,
        });
        let report = File::options().create(true).append(true).open(place.report()).unwrap();
        let addresses = addresses.unwrap_or(true) || place.prune;
        let events = crossbeam_channel::never();
        let mut this = Worker { place, workload, report, chain: None, events, addresses };
        this.start();
        this
    }

    pub(crate) fn chain(&mut self) -> &mut ChainState {
        self.chain.as_mut().expect("open between two actions")
    }

    pub(crate) fn stop(mut self) {
        self.take().close().unwrap();
    }

    fn take(&mut self) -> ChainState {
        self.chain.take().expect("open between two actions")
    }

    fn start(&mut self) {
        let spec = self.workload.spec.clone();
        let chain = ChainState::open(spec, &self.place.config(self.addresses)).unwrap();
        self.events = chain.subscribe();
        self.chain = Some(chain);
    }

    /// Does the actions from number `from` on.
    pub(crate) fn work(&mut self, from: usize) {
        for number in from..self.workload.actions.len() {
            self.say(&format!("action {number}"));
            self.act(&self.workload.actions[number]);
            self.tell_events();
            let tip = self.chain().tip();
            let soft = matches!(self.workload.actions[number], Action::Submit { soft: true, .. });
            self.say(&format!("tip {} {}", if soft { "soft" } else { "durable" }, tip.height));
        }
        self.say(&format!("action {}", self.workload.actions.len()));
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Import(number) => self.import(*number),
            Action::Headers => {
                let file = self.place.files.join("headers.dat");
                let go_on = |_| ControlFlow::Continue(());
                import::headers(self.chain(), &[file], NOW, go_on).unwrap();
            }
            Action::Submit { block, soft } => self.submit(block, *soft),
            Action::Flush => self.chain().flush().unwrap(),
            Action::Reopen => self.reopen(),
            Action::Drop => {
                drop(self.take());
                self.start();
            }
            Action::Torn => {
                drop(self.take());
                self.tear();
                self.start();
            }
            Action::AddressIndex(_) | Action::Rebuild if self.place.prune => self.reopen(),
            Action::AddressIndex(on) => {
                self.take().close().unwrap();
                self.addresses = *on;
                self.start();
            }
            Action::Invalidate(hash) => self.chain().invalidate(hash).unwrap(),
            Action::Reconsider(hash) => self.chain().reconsider(hash).unwrap(),
            Action::Rebuild => {
                self.take().close().unwrap();
                let config = self.place.config(self.addresses);
                ChainState::rebuild(self.workload.spec.clone(), &config, |_| {}).unwrap();
                self.start();
            }
        }
    }

    fn reopen(&mut self) {
        self.take().close().unwrap();
        self.start();
    }

    fn submit(&mut self, block: &Block, soft: bool) {
        let valid = self.workload.known(&block.hash()).expect("a block of the workload").valid;
        match self.chain().submit_block(block.clone(), NOW) {
            Ok(_) => {
                let kind = if soft { "soft" } else { "durable" };
                self.say(&format!("block {kind} {}", block.hash()));
            }
            Err(SubmitError::State(error)) => panic!("{error:?}"),
            Err(error) => assert!(!valid, "{error}"),
        }
    }

    fn import(&mut self, number: usize) {
        let file = block_file(&self.place.files, number);
        let mut chain = self.take();
        // What becomes durable on the way is told on the way.
        let events = self.events.clone();
        import::blocks(&mut chain, &[file], NOW, |_| {
            events.try_iter().for_each(|event| self.say(&line(&event)));
            ControlFlow::Continue(())
        })
        .unwrap();
        self.chain = Some(chain);
    }

    /// Half a record at the end of the newest block file and of the newest undo file.
    fn tear(&self) {
        let mut names: Vec<_> = std::fs::read_dir(self.place.chain_dir().join("blocks"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort_unstable();
        for prefix in ["blk", "rev"] {
            let of_kind = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
            if let Some(newest) = names.iter().rfind(of_kind) {
                let mut half = self.workload.spec.network.magic.to_vec();
                half.extend(500_u32.to_le_bytes());
                half.extend([7; 90]);
                File::options().append(true).open(newest).unwrap().write_all(&half).unwrap();
            }
        }
    }

    fn tell_events(&self) {
        self.events.try_iter().for_each(|event| self.say(&line(&event)));
    }

    /// In one write, so that a line is there whole or not at all.
    fn say(&self, line: &str) {
        (&self.report).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// An event as it stands in the report.
pub(crate) fn line(event: &ChainEvent) -> String {
    format!("event {} {:?} {} {}", event.id, event.kind, event.height, event.hash)
}
