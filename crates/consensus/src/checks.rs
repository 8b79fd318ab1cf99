//! Script checks as work that anyone may run, in any order, on any thread.

use std::ops::Range;
use std::sync::Arc;

use cairn_primitives::Transaction;
use cairn_script::{CacheUse, Caches, ScriptFlags, SharedHashes, SighashCache};

use crate::block::CheckedBlock;
use crate::error::BlockError;
use crate::undo::Undo;

/// Most inputs of one transaction that make up one task: small enough to spread a large
/// transaction over the cores, large enough to make a task worth handing out.
const INPUTS_PER_TASK: usize = 64;

#[derive(Debug, Clone)]
struct Task {
    tx: usize,
    inputs: Range<usize>,
    /// Where the hashes stand that the tasks of this transaction share, if there are several.
    hashes: Option<usize>,
}

/// The script checks of one block that are to be run. The block is valid if every task passes.
///
/// What all inputs of a transaction have in common is hashed once, however many tasks it makes up.
#[derive(Debug, Clone)]
pub struct ScriptChecks {
    block: Arc<CheckedBlock>,
    undo: Arc<Undo>,
    flags: ScriptFlags,
    tasks: Arc<[Task]>,
    /// For each transaction of several tasks.
    hashes: Arc<[SharedHashes]>,
}

impl ScriptChecks {
    /// Nothing to run.
    pub(crate) fn none(block: Arc<CheckedBlock>, undo: Arc<Undo>, flags: ScriptFlags) -> Self {
        Self { block, undo, flags, tasks: Arc::new([]), hashes: Arc::new([]) }
    }

    /// Every input of the block. `undo` must hold one coin for each input of each transaction but the
    /// coinbase.
    pub(crate) fn new(block: Arc<CheckedBlock>, undo: Arc<Undo>, flags: ScriptFlags) -> Self {
        let mut tasks = Vec::with_capacity(undo.txs.len());
        let mut hashes = Vec::new();
        for (tx, spent) in (1..).zip(&undo.txs) {
            let inputs = spent.coins.len();
            let shared = (inputs > INPUTS_PER_TASK).then_some(hashes.len());
            if shared.is_some() {
                hashes.push(SharedHashes::new(&block.block().transactions[tx]));
            }
            for start in (0..inputs).step_by(INPUTS_PER_TASK) {
                let inputs = start..inputs.min(start + INPUTS_PER_TASK);
                tasks.push(Task { tx, inputs, hashes: shared });
            }
        }
        Self { block, undo, flags, tasks: tasks.into(), hashes: hashes.into() }
    }

    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is nothing to run: the block has a coinbase only, or is assumed valid.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Number of inputs over all tasks.
    pub fn inputs(&self) -> usize {
        self.tasks.iter().map(|task| task.inputs.len()).sum()
    }

    /// The script rules the checks run under.
    pub fn flags(&self) -> ScriptFlags {
        self.flags
    }

    /// Runs task `index`: up to 64 inputs of one transaction. Pure; may be called from any thread.
    ///
    /// # Errors
    /// [`BlockError::Script`] for the first input of the task whose script fails.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn run(&self, index: usize) -> Result<(), BlockError> {
        let task = &self.tasks[index];
        self.check(task, self.sighashes(task))
    }

    /// [`run`](Self::run), leaving out what `caches` know to pass. The answer is the same.
    ///
    /// A transaction that passed under exactly these flags is not run at all, a signature that is known is not checked.
    /// Nothing is added: what is in a block will not be seen again. Source: Core's `CheckInputScripts` as `ConnectBlock` calls it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn run_with(&self, index: usize, caches: &Caches) -> Result<(), BlockError> {
        let task = &self.tasks[index];
        if caches.scripts().contains(&self.transaction(task).wtxid(), self.flags) {
            return Ok(());
        }
        self.check(task, self.sighashes(task).with_signatures(caches.signatures(), CacheUse::Lookup))
    }

    fn transaction(&self, task: &Task) -> &Transaction {
        &self.block.block().transactions[task.tx]
    }

    fn sighashes(&self, task: &Task) -> SighashCache<'_> {
        let spent = self.undo.txs[task.tx - 1].coins.iter().map(|coin| &coin.output).collect();
        let sighashes = SighashCache::new(self.transaction(task), spent);
        match task.hashes {
            Some(at) => sighashes.with_hashes(&self.hashes[at]),
            None => sighashes,
        }
    }

    fn check(&self, task: &Task, sighashes: SighashCache<'_>) -> Result<(), BlockError> {
        for input in task.inputs.clone() {
            cairn_script::verify(&sighashes, input, self.flags).map_err(|error| BlockError::Script {
                txid: self.transaction(task).txid(),
                input,
                error,
            })?;
        }
        Ok(())
    }

    /// Runs every task in order on this thread.
    ///
    /// # Errors
    /// As [`run`](Self::run), for the first task that fails.
    pub fn run_all(&self) -> Result<(), BlockError> {
        (0..self.len()).try_for_each(|index| self.run(index))
    }

    /// Runs every task in order on this thread, leaving out what `caches` know to pass.
    ///
    /// # Errors
    /// As [`run_with`](Self::run_with), for the first task that fails.
    pub fn run_all_with(&self, caches: &Caches) -> Result<(), BlockError> {
        (0..self.len()).try_for_each(|index| self.run_with(index, caches))
    }

    /// Bytes hashed so far over whole transactions of more than one task: in proportion to their size, not to the number of
    /// their tasks. For tests and benches of just that.
    pub fn shared_bytes_hashed(&self) -> u64 {
        self.hashes.iter().map(SharedHashes::hashed_bytes).sum()
    }
}
