//! Script checks as work that anyone may run, in any order, on any thread.

use std::ops::Range;
use std::sync::Arc;

use cairn_script::{ScriptFlags, SighashCache};

use crate::block::CheckedBlock;
use crate::error::BlockError;
use crate::undo::Undo;

/// Most inputs of one transaction that make up one task: small enough to spread a large
/// transaction over the cores, large enough to make its shared hashes worth computing once a task.
const INPUTS_PER_TASK: usize = 64;

#[derive(Debug, Clone)]
struct Task {
    tx: usize,
    inputs: Range<usize>,
}

/// The script checks of one block that are to be run. The block is valid if every task passes.
#[derive(Debug, Clone)]
pub struct ScriptChecks {
    block: Arc<CheckedBlock>,
    undo: Arc<Undo>,
    flags: ScriptFlags,
    tasks: Arc<[Task]>,
}

impl ScriptChecks {
    /// Nothing to run.
    pub(crate) fn none(block: Arc<CheckedBlock>, undo: Arc<Undo>, flags: ScriptFlags) -> Self {
        Self { block, undo, flags, tasks: Arc::new([]) }
    }

    /// Every input of the block. `undo` must hold one coin for each input of each transaction but the
    /// coinbase.
    pub(crate) fn new(block: Arc<CheckedBlock>, undo: Arc<Undo>, flags: ScriptFlags) -> Self {
        let mut tasks = Vec::with_capacity(undo.txs.len());
        for (i, spent) in undo.txs.iter().enumerate() {
            let inputs = spent.coins.len();
            for start in (0..inputs).step_by(INPUTS_PER_TASK) {
                tasks.push(Task { tx: i + 1, inputs: start..inputs.min(start + INPUTS_PER_TASK) });
            }
        }
        Self { block, undo, flags, tasks: tasks.into() }
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
        let tx = &self.block.block().transactions[task.tx];
        let spent = self.undo.txs[task.tx - 1].coins.iter().map(|coin| &coin.output).collect();
        let cache = SighashCache::new(tx, spent);
        for input in task.inputs.clone() {
            cairn_script::verify(&cache, input, self.flags).map_err(|error| BlockError::Script {
                txid: tx.txid(),
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
}
