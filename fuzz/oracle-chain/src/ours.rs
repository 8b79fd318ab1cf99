//! Cairn's chain engine.

use std::sync::Arc;

use cairn_chainstate::simulate::SimDisk;
use cairn_chainstate::{ChainState, ChainStateConfig, SubmitError, Submitted};
use cairn_consensus::{BlockError, HeaderError, Verdict};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Block, BlockHash, BlockTime, Header, Height};

use crate::answer::{Answer, Category, Kept, Refusal, SCRIPT_FAILED, Tip, script_text};

/// Cairn's engine on regtest, with its data on disks in memory.
pub struct Ours {
    chain: ChainState,
    disk: SimDisk,
    spec: Arc<ChainSpec>,
}

/// The answer to one block, and what is known beyond it.
pub struct OurAnswer {
    /// In the words both engines share.
    pub answer: Answer,
    /// The stable code of the error, if there was one.
    pub code: Option<&'static str>,
    /// The block is refused by a rule that needs neither chain nor coins.
    pub alone: bool,
    /// The block is refused as a damaged copy, which says nothing about its header.
    pub damaged: bool,
}

impl Ours {
    /// A new chain.
    ///
    /// # Panics
    /// If disks in memory fail.
    pub fn new() -> Self {
        let (disk, spec) = (SimDisk::new(), Arc::new(presets::regtest()));
        let chain = disk.open(Arc::clone(&spec), &config()).expect("an empty disk holds nothing wrong");
        Self { chain, disk, spec }
    }

    /// Closes the chain and opens it again from its data.
    ///
    /// # Panics
    /// If disks in memory fail.
    pub fn reopen(&mut self) {
        let chain = std::mem::replace(&mut self.chain, ChainState::in_memory(Arc::clone(&self.spec)));
        chain.close().expect("a disk in memory does not fail");
        let opened = self.disk.open(Arc::clone(&self.spec), &config());
        self.chain = opened.expect("it was closed in order");
    }

    /// Gives it a block at this time.
    ///
    /// # Panics
    /// If disks in memory fail.
    pub fn submit(&mut self, block: &Block, now: BlockTime) -> OurAnswer {
        let hash = block.hash();
        let alone = self.fails_alone(block);
        let result = self.chain.submit_block(block.clone(), now);
        let stored = {
            let reader = self.chain.reader();
            let view = reader.view();
            view.tree().get(&hash).is_some_and(|id| view.has_block(id))
        };
        let kept = match &result {
            Ok(Submitted::AlreadyKnown) => Kept::Known,
            Err(SubmitError::Header(_)) => Kept::Refused,
            _ if stored => Kept::New,
            _ => Kept::Refused,
        };
        let code = result.as_ref().err().map(SubmitError::code);
        let verdict = result.as_ref().err().map(SubmitError::verdict);
        let damaged = verdict == Some(Verdict::Mutated);
        let refusals = result.err().map(|error| refusal(hash, error)).into_iter().collect();
        OurAnswer { answer: Answer { kept, refusals, tip: self.tip() }, code, alone, damaged }
    }

    /// Whether the block fails a rule that needs neither chain nor coins, its header's left out.
    pub fn fails_alone(&self, block: &Block) -> bool {
        let alone = cairn_consensus::check_block(block.clone(), &self.spec);
        matches!(alone, Err(error) if !matches!(error, BlockError::Header(_)))
    }

    /// Gives it a header.
    ///
    /// # Errors
    /// The class of the refusal.
    pub fn submit_header(&mut self, header: &Header, now: BlockTime) -> Result<(), Category> {
        self.chain.submit_header(*header, now).map(|_| ()).map_err(|error| header_category(&error))
    }

    /// The last block of its best chain.
    pub fn tip(&self) -> Tip {
        let tip = self.chain.tip();
        Tip { hash: tip.hash, height: tip.height.to_u32() }
    }

    /// All blocks marked invalid, those below an invalid one left out.
    pub fn marked(&self) -> Vec<BlockHash> {
        let reader = self.chain.reader();
        let view = reader.view();
        let tree = view.tree();
        tree.ids().filter(|id| tree.is_marked(*id)).map(|id| tree.hash(id)).collect()
    }

    /// What [`Kernel::spent_at`](crate::Kernel::spent_at) gives, of this engine.
    ///
    /// # Panics
    /// If there is no such block, or it is the first.
    pub fn spent_at(&self, height: u32) -> Vec<(i64, Vec<u8>)> {
        let reader = self.chain.reader();
        let hash = reader.block_hash_at(Height::new(height)).expect("the chain is that high");
        let undo = reader.undo(&hash).expect("a disk in memory does not fail");
        let undo = undo.expect("a connected block has undo data");
        let coins = undo.txs.iter().flat_map(|tx| &tx.coins).map(|coin| &coin.output);
        coins.map(|out| (out.value.to_sat() as i64, out.script_pubkey.as_bytes().to_vec())).collect()
    }
}

impl Default for Ours {
    fn default() -> Self {
        Self::new()
    }
}

fn config() -> ChainStateConfig {
    ChainStateConfig { txindex: true, addrindex: true, script_threads: 1, ..ChainStateConfig::new("") }
}

fn refusal(hash: BlockHash, error: SubmitError) -> Refusal {
    match error {
        SubmitError::Header(error) => header_refusal(hash, &error),
        SubmitError::Block(error) => block_refusal(hash, &error),
        SubmitError::Ancestor { hash, source } => block_refusal(hash, &source),
        SubmitError::State(error) => panic!("a disk in memory does not fail: {error}"),
    }
}

fn header_refusal(hash: BlockHash, error: &HeaderError) -> Refusal {
    Refusal { hash, category: header_category(error), reason: error.code().to_owned(), script: None }
}

fn header_category(error: &HeaderError) -> Category {
    match error {
        HeaderError::KnownInvalid { .. } => Category::CachedInvalid,
        HeaderError::UnknownParent { .. } => Category::MissingPrev,
        HeaderError::InvalidParent { .. } => Category::InvalidPrev,
        HeaderError::TimeTooNew { .. } => Category::TimeFuture,
        _ if error.verdict() == Verdict::Invalid => Category::InvalidHeader,
        _ => Category::Other,
    }
}

fn block_refusal(hash: BlockHash, error: &BlockError) -> Refusal {
    if let BlockError::Header(error) = error {
        return header_refusal(hash, error);
    }
    let category = match (error, error.verdict()) {
        // Core tells such a copy from a bad block in `IsBlockMutated`, which its network code asks and its engine does
        // not; the engine marks nothing either way.
        (BlockError::MerkleNodes { .. }, _) | (_, Verdict::Invalid) => Category::Consensus,
        (_, Verdict::Mutated) => Category::Mutated,
        _ => Category::Other,
    };
    let (reason, script) = match error {
        // Up to version 29 Core's reason was the one that is Cairn's code, `mandatory-script-verify-flag-failed`.
        BlockError::Script { error, .. } => {
            let text = script_text(error.code()).map_or_else(|| error.code().to_owned(), str::to_owned);
            (SCRIPT_FAILED.to_owned(), Some(text))
        }
        _ => (error.code().to_owned(), None),
    };
    Refusal { hash, category, reason, script }
}
