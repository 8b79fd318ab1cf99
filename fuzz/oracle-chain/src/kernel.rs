//! Bitcoin Core's chain engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    Block as KernelBlock, BlockHeader, BlockValidationResult, ChainType, ChainstateManager,
    ChainstateManagerBuilder, Context, ContextBuilder, Log, Logger, ProcessBlockHeaderResult,
    ProcessBlockResult, ValidationMode,
};
use cairn_primitives::{Block, BlockHash, Encode, Header};

use crate::answer::{Answer, Category, Kept, Refusal, Tip};

/// Threads for scripts beside the caller's. With at least one Core runs the scripts of a block after all its other
/// rules, as Cairn does; without, transaction by transaction.
const SCRIPT_THREADS: i32 = 1;

/// What Core reported, in order.
#[derive(Default)]
struct Heard {
    refused: Vec<(BlockHash, Category)>,
    reasons: Vec<String>,
}

type Ear = Arc<Mutex<Heard>>;

/// Core's engine on regtest, with its data in a directory.
pub struct Kernel {
    // Dropped first: it still reports while it closes. Nothing only while it is opened again.
    manager: Option<ChainstateManager>,
    _logger: Logger,
    context: Context,
    ear: Ear,
    dir: PathBuf,
}

/// Core's log has the reject reasons, which its interface has not.
struct ReasonLog {
    ear: Ear,
    // The log belongs to the process; other engines report on other threads.
    thread: ThreadId,
}

impl Log for ReasonLog {
    fn log(&self, message: &str) {
        if thread::current().id() != self.thread {
            return;
        }
        if let Some(reason) = reason_in(message) {
            self.ear.lock().expect("no thread panics").reasons.push(reason.to_owned());
        }
    }
}

/// The state that a line of the log ends with, if it reports a refusal.
fn reason_in(message: &str) -> Option<&str> {
    let message = message.trim_end();
    match message.split_once("AcceptBlock FAILED (") {
        Some((_, state)) => state.strip_suffix(')'),
        None => message.split_once("Block validation error: ").map(|(_, state)| state),
    }
}

/// Reject reason and script error of a state in Core's words: `reason, details` or
/// `reason (script error), details`.
fn parse_state(state: &str) -> (String, Option<String>) {
    if let Some((reason, rest)) = state.split_once(" (") {
        let end = rest.find("), input").unwrap_or(rest.len());
        if !reason.contains(',') {
            return (reason.to_owned(), Some(rest[..end].trim_end_matches(')').to_owned()));
        }
    }
    // `bad-version(0x00000001)` holds the version.
    let reason = state.split([',', '(']).next().unwrap_or(state);
    (reason.to_owned(), None)
}

fn category(result: BlockValidationResult) -> Category {
    match result {
        BlockValidationResult::Consensus => Category::Consensus,
        BlockValidationResult::CachedInvalid => Category::CachedInvalid,
        BlockValidationResult::InvalidHeader => Category::InvalidHeader,
        BlockValidationResult::Mutated => Category::Mutated,
        BlockValidationResult::MissingPrev => Category::MissingPrev,
        BlockValidationResult::InvalidPrev => Category::InvalidPrev,
        BlockValidationResult::TimeFuture => Category::TimeFuture,
        BlockValidationResult::Unset | BlockValidationResult::HeaderLowWork => Category::Other,
    }
}

fn start(context: &Context, dir: &Path) -> ChainstateManager {
    let text = |path: PathBuf| path.to_str().expect("the path is text").to_owned();
    let (data, blocks) = (text(dir.join("data")), text(dir.join("blocks")));
    let builder = ChainstateManagerBuilder::new(context, &data, &blocks).expect("options for the engine");
    let manager = builder.worker_threads(SCRIPT_THREADS).build().expect("the engine starts");
    manager.import_blocks().expect("there is nothing to import");
    manager
}

impl Kernel {
    /// Opens the chain in `dir`, which is made if it is not there. It may be used on the calling thread only.
    ///
    /// # Panics
    /// If the library refuses to start.
    pub fn open(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("the directory for Core's data can be made");
        let ear = Ear::default();
        let log = ReasonLog { ear: Arc::clone(&ear), thread: thread::current().id() };
        let logger = Logger::new(log).expect("the log can be read");
        let checked = Arc::clone(&ear);
        let context = ContextBuilder::new()
            .chain_type(ChainType::Regtest)
            .with_block_checked_validation(
                move |block: KernelBlock, state: bitcoinkernel::BlockValidationStateRef<'_>| {
                    if state.mode() != ValidationMode::Valid {
                        let hash = BlockHash::from_bytes(block.hash().to_bytes());
                        let refused = (hash, category(state.result()));
                        checked.lock().expect("no thread panics").refused.push(refused);
                    }
                },
            )
            .build()
            .expect("a context for regtest");
        let manager = Some(start(&context, dir));
        Self { manager, _logger: logger, context, ear, dir: dir.to_owned() }
    }

    /// Closes the engine and opens it again from its data.
    ///
    /// # Panics
    /// If the library refuses to start.
    pub fn reopen(&mut self) {
        self.while_closed(|_| ());
    }

    /// Closes the engine, has `look` look at the directory of its data, and opens it again.
    ///
    /// # Panics
    /// If the library refuses to start.
    pub fn while_closed<T>(&mut self, look: impl FnOnce(&Path) -> T) -> T {
        self.manager = None;
        let seen = look(&self.dir.join("data"));
        self.manager = Some(start(&self.context, &self.dir));
        seen
    }

    fn manager(&self) -> &ChainstateManager {
        self.manager.as_ref().expect("it is open but for a moment of `reopen`")
    }

    /// Gives it a block; nothing if Core cannot decode it.
    ///
    /// # Panics
    /// If its log and its interface tell different numbers of refusals.
    pub fn submit(&mut self, block: &Block) -> Option<Answer> {
        let block = KernelBlock::new(&block.to_bytes()).ok()?;
        *self.ear.lock().expect("no thread panics") = Heard::default();
        let kept = match self.manager().process_block(&block) {
            ProcessBlockResult::NewBlock => Kept::New,
            ProcessBlockResult::Duplicate => Kept::Known,
            ProcessBlockResult::Rejected => Kept::Refused,
        };
        let heard = std::mem::take(&mut *self.ear.lock().expect("no thread panics"));
        assert_eq!(heard.refused.len(), heard.reasons.len(), "Core's log: {:?}", heard.reasons);
        let refusals = heard.refused.into_iter().zip(heard.reasons).map(|((hash, category), state)| {
            let (reason, script) = parse_state(&state);
            Refusal { hash, category, reason, script }
        });
        Some(Answer { kept, refusals: refusals.collect(), tip: self.tip() })
    }

    /// Gives it a header: the class of the refusal, if it is one.
    ///
    /// # Panics
    /// If the library fails.
    pub fn submit_header(&mut self, header: &Header) -> Result<(), Category> {
        let header = BlockHeader::new(&header.to_array()).expect("80 bytes are a header");
        match self.manager().process_block_header(&header).expect("the engine runs") {
            ProcessBlockHeaderResult::Valid => Ok(()),
            ProcessBlockHeaderResult::Invalid(state) => Err(category(state.result())),
        }
    }

    /// The last block of its best chain.
    pub fn tip(&self) -> Tip {
        let tip = self.manager().active_chain().tip();
        let height = u32::try_from(tip.height()).expect("heights are positive");
        Tip { hash: BlockHash::from_bytes(tip.block_hash().to_bytes()), height }
    }

    /// The amount and script of every output that the block at `height` of the best chain spent, in order, as Core
    /// keeps them for taking it off again.
    ///
    /// # Panics
    /// If there is no such block, or it is the first.
    pub fn spent_at(&self, height: u32) -> Vec<(i64, Vec<u8>)> {
        let entry = self.manager().active_chain().at_height(height as usize).expect("the chain is that high");
        let undo = self.manager().read_spent_outputs(&entry).expect("a connected block has undo data");
        let txs = undo.iter().flat_map(|tx| tx.coins().map(|coin| coin.to_owned()).collect::<Vec<_>>());
        txs.map(|coin| (coin.output().value(), coin.output().script_pubkey().to_bytes())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_taken_apart() {
        let script = "block-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation), input 0 of 12";
        let error = "Signature must be zero for failed CHECK(MULTI)SIG operation".to_owned();
        assert_eq!(parse_state(script), ("block-script-verify-flag-failed".to_owned(), Some(error)));
        let plain = "bad-cb-amount, coinbase pays too much (actual=1 vs limit=0)";
        assert_eq!(parse_state(plain), ("bad-cb-amount".to_owned(), None));
        let version = "bad-version(0x00000001), rejected nVersion=0x00000001 block";
        assert_eq!(parse_state(version), ("bad-version".to_owned(), None));
        assert_eq!(parse_state("prev-blk-not-found"), ("prev-blk-not-found".to_owned(), None));
        let line = "[error] ProcessNewBlock: AcceptBlock FAILED (bad-txnmrklroot, hashMerkleRoot mismatch)\n";
        assert_eq!(reason_in(line), Some("bad-txnmrklroot, hashMerkleRoot mismatch"));
        assert_eq!(reason_in("Block validation error: bad-cb-amount"), Some("bad-cb-amount"));
        assert_eq!(reason_in("UpdateTip: new best=00"), None);
    }
}
