//! Both engines, given the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cairn_primitives::{Block, BlockHash, BlockTime, Header, Script};

use crate::answer::{Answer, Category, Kept, Refusal, Tip};
use crate::kernel::Kernel;
use crate::ours::{OurAnswer, Ours};

/// Core's engine and Cairn's, given the same and compared after each step.
///
/// # Where they may differ
/// A block that fails a rule which needs neither chain nor coins is marked invalid by Cairn and not by Core, whose
/// `ProcessNewBlock` gives up before it takes the header in. Given again, Core repeats its reason where Cairn says
/// `duplicate-invalid`; a block on top has for Core an unknown parent, for Cairn an invalid one. Neither ever becomes a
/// tip. These answers are counted as [`explained`](Self::explained); everything else must be the same.
///
/// Two more differences of that kind are left out: a block on top of a damaged copy, whose header Cairn has taken in and
/// Core has not; and a damaged copy of a block that both have, which Core refuses again and Cairn does not look at.
///
/// Names differ in two places and are translated: Cairn's code for a failed script is Core's up to version 29, and Core
/// has a name for script numbers that cannot be read since version 30.
pub struct Duel {
    kernel: Kernel,
    ours: Ours,
    marked: BTreeSet<BlockHash>,
    /// Blocks refused by themselves, with the reason.
    alone: BTreeMap<BlockHash, String>,
    explained: u64,
}

/// What both said.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// Core's words.
    pub answer: Answer,
    /// Cairn's code, if it refused.
    pub code: Option<&'static str>,
    /// The clock when both were done.
    pub now: u32,
}

/// Unix seconds.
///
/// # Panics
/// If the clock stands before 1970 or after 2106.
pub fn clock() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u32::try_from(since.as_secs()).expect("it is before 2106")
}

impl Duel {
    /// Two new chains, Core's in `dir`.
    pub fn new(dir: &Path) -> Self {
        Self {
            kernel: Kernel::open(dir),
            ours: Ours::new(),
            marked: BTreeSet::new(),
            alone: BTreeMap::new(),
            explained: 0,
        }
    }

    /// Closes both and opens them from their data.
    ///
    /// # Errors
    /// How their tips differ.
    pub fn reopen(&mut self) -> Result<(), String> {
        let before = self.tip();
        self.kernel.reopen();
        self.ours.reopen();
        let (core, ours) = (self.kernel.tip(), self.ours.tip());
        if core == before && ours == before {
            return Ok(());
        }
        Err(format!("closed at {before:?}, opened again:\n  Core:  {core:?}\n  Cairn: {ours:?}"))
    }

    /// Answers that differ in the one way that is explained.
    pub fn explained(&self) -> u64 {
        self.explained
    }

    /// Gives both a block with at most one failing input.
    ///
    /// # Errors
    /// How their answers differ.
    pub fn submit(&mut self, block: &Block) -> Result<Agreed, String> {
        self.compare(block, false)
    }

    /// Gives both a block of which several inputs may fail. Core checks them on two threads and reports any.
    ///
    /// # Errors
    /// How their answers differ; which script error it is does not matter.
    pub fn submit_any(&mut self, block: &Block) -> Result<Agreed, String> {
        self.compare(block, true)
    }

    fn compare(&mut self, block: &Block, any_script: bool) -> Result<Agreed, String> {
        let before = clock();
        let mut core = self.kernel.submit(block).ok_or("Core cannot decode what Cairn encodes")?;
        let after = clock();
        // Core reads the clock itself. Where it refused for the time it read one that `before` stands for.
        let early = core.refusals.iter().any(|refusal| refusal.category == Category::TimeFuture);
        let mut ours = self.ours.submit(block, BlockTime::new(if early { before } else { after }));
        if any_script {
            let all = core.refusals.iter_mut().chain(&mut ours.answer.refusals);
            all.for_each(|refusal| refusal.script = None);
        }
        let marked: BTreeSet<BlockHash> = self.ours.marked().into_iter().collect();
        let differ =
            |what: &str| Err(format!("{what}\n  Core:  {core}\n  Cairn: {} ({:?})", ours.answer, ours.code));
        if core.tip != ours.answer.tip {
            return differ("the tips differ");
        }
        if core.kept != ours.answer.kept {
            return differ("one of them stored the block");
        }
        let alike = self.same_refusals(&core, &ours);
        if !alike && !self.is_explained(block, &core, &ours) {
            return differ("the refusals differ");
        }
        let broken = core.refusals.iter().filter(|refusal| refusal.category == Category::Consensus);
        let broken = broken.map(|refusal| refusal.hash);
        // Core's engine marks nothing that fails by itself; of those Cairn leaves out what may be a damaged copy.
        let broken: BTreeSet<BlockHash> =
            broken.filter(|hash| !(ours.damaged && *hash == block.hash())).collect();
        let new: BTreeSet<BlockHash> = marked.difference(&self.marked).copied().collect();
        if new != broken.difference(&self.marked).copied().collect() || !self.marked.is_subset(&marked) {
            return differ("they marked different blocks as invalid");
        }
        if ours.alone && new.contains(&block.hash()) {
            self.alone.insert(block.hash(), core.refusals[0].reason.clone());
        }
        self.explained += u64::from(!alike);
        self.marked = marked;
        Ok(Agreed { answer: core, code: ours.code, now: after })
    }

    /// Every refusal of Cairn's must be one of Core's in every word. Core reports those of other branches too, which
    /// Cairn only marks.
    fn same_refusals(&self, core: &Answer, ours: &OurAnswer) -> bool {
        match ours.answer.refusals.as_slice() {
            [] => core.kept != Kept::Refused,
            refusals => refusals.iter().all(|refusal| core.refusals.contains(refusal)),
        }
    }

    /// The one difference that is explained.
    fn is_explained(&self, block: &Block, core: &Answer, ours: &OurAnswer) -> bool {
        let ([core], [ours]) = (core.refusals.as_slice(), ours.answer.refusals.as_slice()) else {
            return false;
        };
        let again = |refusal: &Refusal| self.alone.get(&block.hash()) == Some(&refusal.reason);
        match (core.category, ours.category) {
            (Category::Consensus, Category::CachedInvalid) => again(core),
            (Category::MissingPrev, Category::InvalidPrev) => self.alone.contains_key(&block.header.prev),
            _ => false,
        }
    }

    /// Gives both a header. Not for headers of blocks that were refused by themselves, or above such.
    ///
    /// # Errors
    /// How their answers differ.
    pub fn submit_header(&mut self, header: &Header) -> Result<Result<(), Category>, String> {
        let before = clock();
        let core = self.kernel.submit_header(header);
        let now = if core == Err(Category::TimeFuture) { before } else { clock() };
        let ours = self.ours.submit_header(header, BlockTime::new(now));
        if core != ours {
            return Err(format!("header {}:\n  Core:  {core:?}\n  Cairn: {ours:?}", header.hash()));
        }
        Ok(core)
    }

    /// Whether the block, or the one it stands on, was refused by a rule that needs neither chain nor coins.
    pub fn differs_above(&self, header: &Header) -> bool {
        [header.hash(), header.prev].iter().any(|hash| self.alone.contains_key(hash))
    }

    /// Whether the block fails a rule that needs neither chain nor coins, its header's left out.
    pub fn fails_alone(&self, block: &Block) -> bool {
        self.ours.fails_alone(block)
    }

    /// Whether the block is marked invalid.
    pub fn is_marked(&self, hash: &BlockHash) -> bool {
        self.marked.contains(hash)
    }

    /// Compares the coins that each block of the best chain spent, and counts them by the type of their script.
    ///
    /// # Errors
    /// The first height at which they differ.
    pub fn compare_spent(&self) -> Result<BTreeMap<&'static str, u64>, String> {
        let mut kinds = BTreeMap::new();
        for height in 1..=self.tip().height {
            let (core, ours) = (self.kernel.spent_at(height), self.ours.spent_at(height));
            if core != ours {
                return Err(format!("at height {height} Core spent {core:?}, Cairn {ours:?}"));
            }
            for (_, script) in core {
                *kinds.entry(Script::from_bytes(script).kind().name()).or_default() += 1;
            }
        }
        Ok(kinds)
    }

    /// The tip of both, as of the last answer.
    pub fn tip(&self) -> Tip {
        self.kernel.tip()
    }
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;
    use crate::fill::Maker;
    use crate::rng::Rng;

    /// What one engine was not given the other must show.
    #[test]
    fn a_difference_is_told() {
        let dir = std::env::temp_dir().join(format!("oracle-chain-{}-difference", std::process::id()));
        let mut duel = Duel::new(&dir);
        let mut maker = Maker::new(Rng::new(1, 1), &presets::regtest().genesis_block());
        let genesis = maker.ledger.genesis();
        let first = maker.plan(genesis).block();
        let id = maker.ledger.enter(&first, genesis);
        let second = maker.plan(id).block();
        assert_eq!(duel.submit(&first).unwrap().answer.kept, Kept::New);
        assert_eq!(duel.submit(&first).unwrap().answer.kept, Kept::Known);
        duel.kernel.submit(&second);
        assert!(duel.reopen().is_err(), "the tips differ");
        assert!(duel.submit(&first).unwrap_err().starts_with("the tips differ"));
        let third = maker.plan(maker.ledger.genesis()).block();
        assert!(duel.submit(&third).unwrap_err().starts_with("the tips differ"));
        duel.ours.submit(&second, BlockTime::new(clock()));
        assert!(duel.submit(&second).is_ok());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
