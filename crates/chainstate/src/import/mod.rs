//! Reading blocks and headers from files.
//!
//! [`blocks`] takes files in the framing Bitcoin Core uses for `blkNNNNN.dat` (magic, length, block), with the
//! blocks in any order. [`headers()`] takes raw headers, 80 bytes each. Both stop at the first record that is
//! damaged or breaks a rule and say where it is; what came before it stays. A second run over the same file
//! finds everything known and changes nothing.
//!
//! Records are read, decoded and checked alone some way ahead of the chain, and scripts of several blocks run at a time; what
//! comes of it is what would come of one record after the other.

mod ahead;
mod error;
mod headers;
mod record;

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cairn_primitives::{Block, BlockHash, BlockTime, Decode, Header, Height};

pub use error::{ImportError, ImportFault};
pub use headers::headers;

use crate::background::ValidationStep;
use crate::error::ChainStateError;
use crate::flatfile::{BlockPos, FRAME};
use crate::flight::{Declined, Flight, Prepared};
use crate::state::{ChainState, Tip};
use crate::submit::Submitted;
use ahead::{Ahead, Content, Item, Unopened};
use record::{Next, Records};

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Height of the tip, or of the best header when headers are read.
    pub height: Height,
    /// Records read so far.
    pub blocks: u64,
    /// Bytes read so far, over all files.
    pub bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The tip afterwards, or the best header when headers were read.
    pub tip: Tip,
    /// Records read, each a block or header the chain now has.
    pub blocks: u64,
    /// Those of them that were new. 0: there was nothing to do.
    pub new: u64,
    /// Block records here that were damaged and were written again.
    pub repaired: u64,
    /// Whether the callback asked to stop before the end.
    pub stopped: bool,
}

/// Blocks that may wait for a parent that comes later in the files. Core's block files, written as blocks
/// arrive from several peers, keep within some thousands.
pub const MAX_WAITING: usize = 65_536;

/// Where a block that waits for its parent lies.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    at: At,
    hash: BlockHash,
}

/// Imports the blocks in `files`, in this order, every rule checked as for a block from a peer. `now` is the
/// local time. `progress` is called after each record; [`ControlFlow::Break`] ends the import with what is done
/// so far. Zeros at the end of a file are room that Core keeps for more and end the file.
///
/// # Errors
/// [`ImportError`] with file, offset and height at the first record that cannot be used: wrong magic, a length
/// past the chain's block limit, a record cut short, bytes that are no block, a broken rule, more than
/// [`MAX_WAITING`] blocks whose parents have not come, or at the end any such block. What was imported before
/// it is durable.
pub fn blocks(
    chain: &mut ChainState,
    files: &[PathBuf],
    now: BlockTime,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, ImportError> {
    let spec = chain.shared.spec.clone();
    let height = chain.tip().height;
    let opened = Ahead::open(files, &spec);
    let (ahead, starts) =
        opened.map_err(|Unopened { file, fault }| ImportError::new(&files[file], 0, height, *fault))?;
    let total_bytes = starts.last().copied().unwrap_or(0);
    chain.set_bulk(true);
    let mut import = BlockImport {
        files,
        starts,
        now,
        done: Progress { height, blocks: 0, bytes: 0, total_bytes },
        new: 0,
        repaired: 0,
        waiting: HashMap::new(),
        waiting_count: 0,
        flight: Flight::default(),
        aloft: VecDeque::new(),
        chain,
    };
    let result = std::thread::scope(|scope| {
        let threads = ahead.start(scope, import.chain.scripts.threads());
        let result = import.run(&ahead, threads, &mut progress);
        ahead.close();
        result
    });
    let (done, new, repaired) = (import.done, import.new, import.repaired);
    chain.set_bulk(false);
    // Also after a fault: what came before it is to stay.
    let flushed = chain.flush();
    let stopped = result?;
    let last = files.last().map(PathBuf::as_path).unwrap_or(Path::new(""));
    flushed.map_err(|error| ImportError::new(last, done.bytes, done.height, ImportFault::State(error)))?;
    Ok(Summary { tip: chain.tip(), blocks: done.blocks, new, repaired, stopped })
}

/// Writes the damaged records of blocks that are in `files` again; see [`ChainState::repair`].
pub(crate) fn repair(chain: &mut ChainState, files: &[PathBuf]) -> Result<u64, ImportError> {
    let mut repaired = 0;
    for path in files {
        let height = chain.tip().height;
        let fault = |offset, fault| ImportError::new(path, offset, height, fault);
        let mut records = Records::open(path, &chain.shared.spec).map_err(|error| fault(0, error))?;
        loop {
            let offset = records.offset();
            let Next::Record(bytes) = records.next().map_err(|error| fault(offset, error))? else { break };
            let block = Block::from_bytes(&bytes[FRAME..])
                .map_err(|error| fault(offset, ImportFault::Decode(error)))?;
            let one = repair_one(chain, &block).map_err(|error| fault(offset, ImportFault::State(error)))?;
            repaired += u64::from(one);
        }
    }
    Ok(repaired)
}

fn repair_one(chain: &mut ChainState, block: &Block) -> Result<bool, ChainStateError> {
    let id = chain.with_live(|live| live.tree.get(&block.hash()));
    id.map_or(Ok(false), |id| chain.repair_record(id, block))
}

struct BlockImport<'a> {
    chain: &'a mut ChainState,
    files: &'a [PathBuf],
    /// Bytes of all files before each, and behind the last.
    starts: Vec<u64>,
    now: BlockTime,
    done: Progress,
    new: u64,
    repaired: u64,
    flight: Flight,
    /// For each block in flight: its record, and where in its file that ends.
    aloft: VecDeque<(At, u64)>,
    /// By the parent that has not come.
    waiting: HashMap<BlockHash, Vec<Waiting>>,
    waiting_count: usize,
}

/// A record's place, to name it when something is wrong with it.
#[derive(Debug, Clone, Copy)]
struct At {
    file: usize,
    offset: u64,
}

impl BlockImport<'_> {
    /// Takes all records; `true` if the callback stopped it.
    fn run(
        &mut self,
        ahead: &Ahead<'_>,
        threads: usize,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, ImportError> {
        loop {
            // What is through lands at once; and rather than wait for the next record, the first block in flight is helped.
            let item = match self.flight.is_ready() || self.flight.is_full() {
                true => None,
                false => ahead.ready(),
            };
            let step = match item {
                None if !self.flight.is_empty() => self.land(progress)?,
                None => match if threads == 0 { ahead.read() } else { ahead.wait() } {
                    Some(item) => self.take(item, progress)?,
                    None => break,
                },
                Some(item) => self.take(item, progress)?,
            };
            if step.is_break() {
                self.flight.drop_all();
                return Ok(true);
            }
        }
        self.nothing_waits()?;
        Ok(false)
    }

    fn take(
        &mut self,
        item: Item,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ImportError> {
        let Item { at, end, content } = item;
        let content = match self.take_off(at, end, content)? {
            None => return Ok(ControlFlow::Continue(())),
            Some(content) => content,
        };
        // Whatever it is, what came before it comes first.
        while !self.flight.is_empty() {
            if self.land(progress)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let content = content.map_err(|fault| self.fault(at, fault))?;
        self.take_alone(at, content)?;
        Ok(self.report(at, end, progress))
    }

    /// Lets the block take off if it is plainly the next one; gives it back if it is not.
    fn take_off(
        &mut self,
        at: At,
        end: u64,
        content: Result<Content, ImportFault>,
    ) -> Result<Option<Result<Content, ImportFault>>, ImportError> {
        let content = match content {
            Ok(content) if content.checked.is_ok() && !self.waiting.contains_key(&content.hash) => content,
            other => return Ok(Some(other)),
        };
        let Content { header, hash, record, checked } = content;
        let block = checked.map_err(|error| self.fault(at, ImportFault::Block(error.into())))?;
        match self.chain.take_off(&mut self.flight, Prepared { block, record }, self.now) {
            Ok(()) => {
                self.aloft.push_back((at, end));
                Ok(None)
            }
            Err(Declined(Prepared { block, record })) => {
                Ok(Some(Ok(Content { header, hash, record, checked: Ok(block) })))
            }
        }
    }

    /// Lands the first block in flight.
    fn land(
        &mut self,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ImportError> {
        let (at, end) = self.aloft.pop_front().expect("one place is kept for each block in flight");
        let landed = self.chain.land(&mut self.flight);
        landed.map_err(|error| self.fault(at, ImportFault::Block(error)))?;
        self.done.blocks += 1;
        self.new += 1;
        Ok(self.report(at, end, progress))
    }

    fn report(
        &mut self,
        at: At,
        end: u64,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.done.height = self.chain.tip().height;
        self.done.bytes = self.starts[at.file] + end;
        progress(self.done)
    }

    fn take_alone(&mut self, at: At, content: Content) -> Result<(), ImportError> {
        let (hash, prev) = (content.hash, content.header.prev);
        match self.standing(&content.header, hash) {
            Standing::Stored(pos) if !content.record.is_at(pos) => {
                Err(self.fault(at, ImportFault::Differs { hash }))
            }
            Standing::Orphan => {
                // Damaged bytes have no parent either: only a block that is whole may wait.
                content.checked.map_err(|error| self.fault(at, ImportFault::Block(error.into())))?;
                self.wait(prev, Waiting { at, hash })
            }
            Standing::Stored(_) | Standing::Linked => {
                self.repair(at, &content)?;
                self.submit(at, content)?;
                self.release(hash)
            }
        }
    }

    /// A block whose record here is damaged gets a new one.
    fn repair(&mut self, at: At, content: &Content) -> Result<(), ImportError> {
        let Ok(block) = &content.checked else { return Ok(()) };
        let repaired = repair_one(self.chain, block.block());
        self.repaired += u64::from(repaired.map_err(|error| self.fault(at, ImportFault::State(error)))?);
        Ok(())
    }

    fn standing(&self, header: &Header, hash: BlockHash) -> Standing {
        let live = self.chain.shared.read();
        let known = live.tree.get(&hash);
        match known.and_then(|id| live.row(id)) {
            Some(row) => Standing::Stored(row.block),
            None if known.is_none() && live.tree.get(&header.prev).is_none() => Standing::Orphan,
            None => Standing::Linked,
        }
    }

    fn submit(&mut self, at: At, content: Content) -> Result<(), ImportError> {
        let Content { header, record, checked, .. } = content;
        let prepare = || Ok(Prepared { block: checked?, record });
        let submitted = self.chain.submit_prepared(header, self.now, prepare);
        let submitted = submitted.map_err(|error| self.fault(at, ImportFault::Block(error)))?;
        self.done.blocks += 1;
        self.new += u64::from(submitted != Submitted::AlreadyKnown);
        // What lies below a snapshot is checked as it comes.
        while self.validate(at)? {}
        Ok(())
    }

    /// Checks a block below a snapshot; `false` if there is none to check now.
    fn validate(&mut self, at: At) -> Result<bool, ImportError> {
        let step = self.chain.validate_next();
        let step = step.map_err(|error| self.fault(at, ImportFault::State(error)))?;
        Ok(step != ValidationStep::Idle)
    }

    fn wait(&mut self, prev: BlockHash, block: Waiting) -> Result<(), ImportError> {
        if self.waiting_count >= MAX_WAITING {
            return Err(self.fault(block.at, ImportFault::TooManyWaiting { limit: MAX_WAITING }));
        }
        self.waiting_count += 1;
        self.waiting.entry(prev).or_default().push(block);
        Ok(())
    }

    /// Takes the blocks that waited for `parent`, and those that waited for them.
    fn release(&mut self, parent: BlockHash) -> Result<(), ImportError> {
        let mut parents = vec![parent];
        while let Some(parent) = parents.pop() {
            for Waiting { at, hash } in self.waiting.remove(&parent).unwrap_or_default() {
                self.waiting_count -= 1;
                let content = self.read_again(at).map_err(|fault| self.fault(at, fault))?;
                self.submit(at, content)?;
                parents.push(hash);
            }
        }
        Ok(())
    }

    fn read_again(&self, at: At) -> Result<Content, ImportFault> {
        let mut records = Records::open(&self.files[at.file], &self.chain.shared.spec)?;
        records.go_to(at.offset)?;
        match records.next()? {
            Next::Record(bytes) => Content::new(bytes, &self.chain.shared.spec),
            Next::End => Err(ImportFault::Truncated { got: 0, expected: record::FRAME as u64 }),
        }
    }

    fn nothing_waits(&self) -> Result<(), ImportError> {
        let all = self.waiting.iter().flat_map(|(prev, blocks)| blocks.iter().map(|block| (block.at, *prev)));
        match all.min_by_key(|(at, _)| (at.file, at.offset)) {
            None => Ok(()),
            Some((at, prev)) => {
                Err(self.fault(at, ImportFault::ParentMissing { prev, count: self.waiting_count }))
            }
        }
    }

    fn fault(&self, at: At, fault: ImportFault) -> ImportError {
        ImportError::new(&self.files[at.file], at.offset, self.chain.tip().height, fault)
    }
}

/// How the chain knows a block that comes in.
enum Standing {
    /// Its data is there.
    Stored(BlockPos),
    /// Its parent's header is known, or its own.
    Linked,
    /// Neither is.
    Orphan,
}
