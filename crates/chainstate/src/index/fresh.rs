//! How a question and the indexes' thread meet.
//!
//! A question is answered from what the event log held when it was asked. An index that is at most
//! [`FRESH_EVENTS`] behind is waited for, at most [`FRESH_WAIT`]; near the tip that is as long as one block takes.
//! One that is further behind is being built, and whoever asks is told so: an answer from a part of the chain would
//! look like any other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{IndexDb, IndexKind, IndexStatus};
use crate::config::Indexing;
use crate::error::ChainStateError;
use crate::events::EventId;
use crate::live::Shared;

/// An index that is at most this many events behind is waited for by a question, and goes before others that are
/// further behind.
pub const FRESH_EVENTS: u64 = 144;

/// Longest that a question waits for its index.
pub const FRESH_WAIT: Duration = Duration::from_secs(10);

/// What the indexes' thread, the chain's writer and those who ask tell each other.
#[derive(Debug, Default)]
pub(super) struct Signals {
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Commits so far.
    commits: u64,
    /// Whether the thread is there.
    running: bool,
    /// Why it cannot go on now. It tries again with each commit.
    failed: Option<Arc<ChainStateError>>,
}

impl Signals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Whether the thread is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.change(|_| {});
    }

    pub(super) fn committed(&self) {
        self.change(|state| state.commits += 1);
    }

    /// An index has read on.
    pub(super) fn moved(&self) {
        self.change(|state| state.failed = None);
    }

    pub(super) fn set_running(&self, running: bool) {
        self.change(|state| state.running = running);
    }

    pub(super) fn failed(&self, error: ChainStateError) {
        self.change(|state| state.failed = Some(Arc::new(error)));
    }

    pub(super) fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Returns once there is a commit after the first `seen`; `false` if the thread is to end.
    pub(super) fn wait_for_commit(&self, seen: u64) -> bool {
        let mut state = self.state();
        while state.commits == seen && !self.is_stopped() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !self.is_stopped()
    }
}

impl IndexDb {
    /// Whether the index has read all events that are durable now; waits if it nearly has. Answers of an index that
    /// is written by the chain's writer are those of the last commit, so nobody waits for it.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], [`ChainStateError::IndexStopped`], and what the store reports.
    pub(crate) fn is_fresh(&self, shared: &Shared, index: IndexKind) -> Result<bool, ChainStateError> {
        let status = self.status(shared, index)?;
        if self.indexing == Indexing::WithCommits || status.behind() == 0 {
            return Ok(true);
        }
        if status.behind() > FRESH_EVENTS || self.waits_for_block(shared, status.last_event)? {
            return self.must_go_on(index).map(|()| false);
        }
        Ok(self.wait_until(shared, index, status.target, FRESH_WAIT)?.last_event >= status.target)
    }

    /// [`is_fresh`](Self::is_fresh), or an error.
    pub(crate) fn must_be_fresh(&self, shared: &Shared, index: IndexKind) -> Result<(), ChainStateError> {
        if self.is_fresh(shared, index)? { Ok(()) } else { Err(self.behind(shared, index)?) }
    }

    /// That the index has not come far enough.
    pub(crate) fn behind(
        &self,
        shared: &Shared,
        index: IndexKind,
    ) -> Result<ChainStateError, ChainStateError> {
        let IndexStatus { last_event, height, target, .. } = self.status(shared, index)?;
        Ok(ChainStateError::IndexBehind { index, height, event: last_event, target })
    }

    /// Waits until the index has read `event`, at most for `limit`; returns how far it is then.
    pub(crate) fn wait_until(
        &self,
        shared: &Shared,
        index: IndexKind,
        event: EventId,
        limit: Duration,
    ) -> Result<IndexStatus, ChainStateError> {
        let end = Instant::now() + limit;
        let mut state = self.signals.state();
        loop {
            let status = self.status(shared, index)?;
            let left = end.saturating_duration_since(Instant::now());
            if status.last_event >= event || !state.running || left.is_zero() {
                return Ok(status);
            }
            if let Some(source) = &state.failed {
                return Err(ChainStateError::IndexStopped { index, source: source.clone() });
            }
            let waited = self.signals.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn must_go_on(&self, index: IndexKind) -> Result<(), ChainStateError> {
        match &self.signals.state().failed {
            Some(source) => Err(ChainStateError::IndexStopped { index, source: source.clone() }),
            None => Ok(()),
        }
    }
}
