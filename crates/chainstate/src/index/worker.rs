//! The thread that keeps the indexes in step with the event log.
//!
//! One thread for all of them: indexes that stand at the same place go on together, so that each block is read once,
//! and two that build at once would only take the disk from each other.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::IndexDb;
use crate::check::Progress;
use crate::error::ChainStateError;
use crate::events::EventId;
use crate::live::Shared;

/// Events between two lines in the log while an index is built.
const TOLD_EVERY: u64 = 10_000;

/// The running thread. Dropping it stops the thread, between two events, and waits for it.
#[derive(Debug)]
pub(crate) struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts the thread; none if no index is on.
    pub(crate) fn start(shared: &Arc<Shared>) -> Result<Option<Self>, ChainStateError> {
        if shared.index.enabled().is_empty() {
            return Ok(None);
        }
        let own = shared.clone();
        shared.index.signals.set_running(true);
        let thread = std::thread::Builder::new().name("indexes".to_owned()).spawn(move || {
            let _told = Running(&own.index);
            work(&own);
        });
        let thread = thread.map_err(|_| ChainStateError::Threads { threads: 1 })?;
        Ok(Some(Indexer { shared: shared.clone(), thread: Some(thread) }))
    }

    /// There are new durable events.
    pub(crate) fn wake(&self) {
        self.shared.index.signals.committed();
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.shared.index.signals.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so, and left whole batches behind.
            let _ended = thread.join();
        }
    }
}

/// Says at the end of the thread, however it ends, that nobody need wait for it.
struct Running<'a>(&'a IndexDb);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.signals.set_running(false);
    }
}

fn work(shared: &Shared) {
    let index = &shared.index;
    loop {
        let seen = index.signals.commits();
        let mut told = Told::default();
        match index.catch_up(shared, &mut |progress| told.progress(progress)) {
            Ok(()) => {
                told.done(shared);
                index.signals.moved();
            }
            Err(error) => {
                tracing::error!(%error, "the indexes cannot be brought up; trying again with the next commit");
                index.signals.failed(error);
            }
        }
        if !index.signals.wait_for_commit(seen) {
            return;
        }
    }
}

/// What the log was told of one run.
#[derive(Debug, Default)]
struct Told {
    events: u64,
    long: bool,
}

impl Told {
    fn progress(&mut self, Progress { done, total, .. }: Progress) {
        self.events += 1;
        if self.events.is_multiple_of(TOLD_EVERY) {
            self.long = true;
            tracing::info!(left = total - done, "building indexes");
        }
    }

    fn done(&self, shared: &Shared) {
        let at: EventId = shared.read().last_event;
        if self.long {
            tracing::info!(event = %at, "the indexes are built");
        }
    }
}
