//! Reading blocks and headers from files.
//!
//! [`blocks`] takes files in the framing Bitcoin Core uses for `blkNNNNN.dat` (magic, length, block), with the
//! blocks in any order. [`headers()`] takes raw headers, 80 bytes each. Both stop at the first record that is
//! damaged or breaks a rule and say where it is; what came before it stays. A second run over the same file
//! finds everything known and changes nothing.

mod error;
mod headers;
mod record;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cairn_primitives::{Block, BlockHash, BlockTime, Decode, Header, Height};

pub use error::{ImportError, ImportFault};
pub use headers::headers;

use crate::background::ValidationStep;
use crate::error::ChainStateError;
use crate::flatfile::BlockPos;
use crate::state::{ChainState, Tip};
use crate::submit::Submitted;
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
    chain.set_bulk(true);
    let mut import = BlockImport {
        files,
        now,
        done: Progress { height: chain.tip().height, blocks: 0, bytes: 0, total_bytes: 0 },
        new: 0,
        repaired: 0,
        waiting: HashMap::new(),
        waiting_count: 0,
        chain,
    };
    let result = import.run(&mut progress);
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
            let Next::Block(bytes) = records.next().map_err(|error| fault(offset, error))? else { break };
            let block =
                Block::from_bytes(&bytes).map_err(|error| fault(offset, ImportFault::Decode(error)))?;
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
    now: BlockTime,
    done: Progress,
    new: u64,
    repaired: u64,
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
    /// Reads all files; `true` if the callback stopped it.
    fn run(&mut self, progress: &mut impl FnMut(Progress) -> ControlFlow<()>) -> Result<bool, ImportError> {
        let mut all = Vec::new();
        for (file, path) in self.files.iter().enumerate() {
            let records = Records::open(path, &self.chain.shared.spec);
            let records = records.map_err(|fault| self.fault(At { file, offset: 0 }, fault))?;
            self.done.total_bytes += records.len();
            all.push(records);
        }
        let mut before = 0;
        for (file, mut records) in all.into_iter().enumerate() {
            loop {
                let at = At { file, offset: records.offset() };
                let next = records.next().map_err(|fault| self.fault(at, fault))?;
                let Next::Block(bytes) = next else { break };
                self.take(at, &bytes)?;
                self.done.height = self.chain.tip().height;
                self.done.bytes = before + records.offset();
                if progress(self.done).is_break() {
                    return Ok(true);
                }
            }
            before += records.len();
        }
        self.nothing_waits()?;
        Ok(false)
    }

    fn take(&mut self, at: At, bytes: &[u8]) -> Result<(), ImportError> {
        let block = Block::from_bytes(bytes).map_err(|error| self.fault(at, ImportFault::Decode(error)))?;
        let (hash, prev) = (block.hash(), block.header.prev);
        match self.standing(&block.header, hash) {
            Standing::Stored(pos) if pos.len as usize != bytes.len() || pos.crc != crc32c::crc32c(bytes) => {
                Err(self.fault(at, ImportFault::Differs { hash }))
            }
            Standing::Orphan => {
                // Damaged bytes have no parent either: only a block that is whole may wait.
                let checked = cairn_consensus::check_block(block, &self.chain.shared.spec);
                checked.map_err(|error| self.fault(at, ImportFault::Block(error.into())))?;
                self.wait(prev, Waiting { at, hash })
            }
            Standing::Stored(_) | Standing::Linked => {
                self.repair(at, &block)?;
                self.submit(at, block)?;
                self.release(hash)
            }
        }
    }

    /// A block whose record here is damaged gets a new one.
    fn repair(&mut self, at: At, block: &Block) -> Result<(), ImportError> {
        let repaired = repair_one(self.chain, block);
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

    fn submit(&mut self, at: At, block: Block) -> Result<(), ImportError> {
        let submitted = self.chain.submit_block(block, self.now);
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
                let block = self.read_again(at).map_err(|fault| self.fault(at, fault))?;
                self.submit(at, block)?;
                parents.push(hash);
            }
        }
        Ok(())
    }

    fn read_again(&self, at: At) -> Result<Block, ImportFault> {
        let mut records = Records::open(&self.files[at.file], &self.chain.shared.spec)?;
        records.go_to(at.offset)?;
        match records.next()? {
            Next::Block(bytes) => Block::from_bytes(&bytes).map_err(ImportFault::Decode),
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
