//! What workers search: one header after another.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cairn_primitives::{Block, BlockTime, Header};
use thiserror::Error;

use crate::{BlockTemplate, HeaderJob, Kernel, NonceRange};

/// A supply of headers to search. Each worker walks through the rolls from 0 up and searches its own share of the
/// nonces in every one of them.
pub trait Work: Send + Sync {
    /// The header of roll number `roll` for a clock that shows `now`. Two rolls never give the same header at the
    /// same time.
    ///
    /// # Errors
    /// [`RollError`] when there is none, or none yet.
    fn header(&self, roll: u64, now: BlockTime) -> Result<HeaderJob, RollError>;

    /// The nonces to try in each header: all, unless said otherwise.
    fn nonces(&self) -> NonceRange {
        NonceRange::FULL
    }
}

/// Why there is no header to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RollError {
    /// Every header was given out.
    #[error("every header of the job was searched")]
    Exhausted,
    /// A header would lie too far in the future.
    #[error("a block may be mined from {earliest} on")]
    TooEarly {
        /// The first moment at which there is a header.
        earliest: BlockTime,
    },
}

/// A header with a nonce that solves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The roll it came from.
    pub roll: u64,
    /// The header, nonce included.
    pub header: Header,
}

/// The work of finding one block: a template whose extranonce is the roll number and whose time follows the clock.
#[derive(Clone, Debug)]
pub struct Job {
    template: Arc<BlockTemplate>,
    first_extranonce: u64,
    nonces: NonceRange,
}

impl Job {
    /// The work of solving `template`, with the extranonces from `first_extranonce` on, of which there are 2⁶⁴.
    /// Miners that share a template and a payout script but not their work begin at different ones.
    pub fn new(template: Arc<BlockTemplate>, first_extranonce: u64) -> Self {
        Self { template, first_extranonce, nonces: NonceRange::FULL }
    }

    /// The same with fewer nonces in each header.
    #[must_use]
    pub fn with_nonces(mut self, nonces: NonceRange) -> Self {
        self.nonces = nonces;
        self
    }

    /// The template.
    pub fn template(&self) -> &BlockTemplate {
        &self.template
    }

    /// The block that a solution of this job completes.
    pub fn block(&self, solution: &Solution) -> Block {
        self.template.block(solution.header, self.extranonce(solution.roll))
    }

    fn extranonce(&self, roll: u64) -> u64 {
        self.first_extranonce.wrapping_add(roll)
    }
}

impl Work for Job {
    fn header(&self, roll: u64, now: BlockTime) -> Result<HeaderJob, RollError> {
        let template = &self.template;
        let time = template.time_at(now).ok_or(RollError::TooEarly { earliest: template.open_from() })?;
        Ok(HeaderJob::new(template.header(self.extranonce(roll), time), template.target()))
    }

    fn nonces(&self) -> NonceRange {
        self.nonces
    }
}

/// Searches `work` on the calling thread until a header is solved or `stop` becomes true; `None` in the second case.
/// `now` is asked before each header.
///
/// # Errors
/// The [`RollError`] that ended the search.
pub fn solve(
    work: &dyn Work,
    kernel: &dyn Kernel,
    mut now: impl FnMut() -> BlockTime,
    stop: &AtomicBool,
) -> Result<Option<Solution>, RollError> {
    let mut roll = 0;
    loop {
        let job = work.header(roll, now())?;
        let nonces = work.nonces();
        let result = kernel.search(&job, nonces, stop);
        if let Some(nonce) = result.found {
            return Ok(Some(Solution { roll, header: job.header(nonce) }));
        }
        if result.hashes < nonces.len() {
            return Ok(None);
        }
        roll += 1;
    }
}
