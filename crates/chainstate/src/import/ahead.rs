//! Reading ahead of the chain: records are cut out of the files, decoded and checked alone on other threads, and handed over
//! in the order of the files.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use cairn_consensus::{BlockError, CheckedBlock};
use cairn_params::ChainSpec;
use cairn_primitives::{Block, BlockHash, Decode, Header};

use super::At;
use super::error::ImportFault;
use super::record::{Next, Records};
use crate::flatfile::Record;

/// Records that may be ahead of the chain.
const MAX_RECORDS: usize = 64;

/// Bytes of records ahead of the chain at which no further one is read.
const MAX_BYTES: usize = 16 << 20;

/// Most threads that decode and check.
const MAX_THREADS: usize = 8;

/// What stood at a place of the files.
pub(super) struct Item {
    pub(super) at: At,
    /// Where the next record begins in this file.
    pub(super) end: u64,
    pub(super) content: Result<Content, ImportFault>,
}

/// A record that holds a block.
pub(super) struct Content {
    pub(super) header: Header,
    pub(super) hash: BlockHash,
    pub(super) record: Record,
    /// The block, with what the rules that need no chain say of it.
    pub(super) checked: Result<Arc<CheckedBlock>, BlockError>,
}

impl Content {
    /// Decodes a record and checks its block alone.
    pub(super) fn new(bytes: Vec<u8>, spec: &ChainSpec) -> Result<Self, ImportFault> {
        let record = Record::from_file(bytes);
        let block = Block::from_bytes(record.block()).map_err(ImportFault::Decode)?;
        let (header, hash) = (block.header, block.hash());
        let checked = cairn_consensus::check_block(block, spec).map(Arc::new);
        if let Ok(checked) = &checked {
            // Where it commits to witnesses it is asked for it; here, that keeps no one waiting.
            if checked.block().transactions.iter().any(|tx| tx.has_witness()) {
                checked.witness_merkle_root();
            }
        }
        Ok(Content { header, hash, record, checked })
    }
}

/// A file that cannot be opened.
pub(super) struct Unopened {
    /// Its number in the list.
    pub(super) file: usize,
    pub(super) fault: Box<ImportFault>,
}

/// A record cut out of its file, or why it could not be.
struct Cut {
    /// Its place among all records.
    number: u64,
    at: At,
    end: u64,
    bytes: Result<Vec<u8>, ImportFault>,
}

/// The files, read in order, and what was read of them.
pub(super) struct Ahead<'a> {
    spec: &'a ChainSpec,
    reading: Mutex<Reading>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct Reading {
    files: VecDeque<(usize, Records)>,
    /// Number of the next record.
    next: u64,
}

#[derive(Default)]
struct State {
    /// Records read and not yet taken, by their order; `None` while it is being decoded.
    slots: VecDeque<Option<Item>>,
    /// Number of the first of them.
    first: u64,
    bytes: usize,
    /// No more will be read.
    ended: bool,
    /// No more is wanted.
    closed: bool,
    /// A thread panicked, and what it had taken will not come.
    broken: bool,
}

/// Says at the end of a thread that it panicked.
struct Told<'a, 'b>(&'a Ahead<'b>);

impl Drop for Told<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().broken = true;
            self.0.changed.notify_all();
        }
    }
}

impl<'a> Ahead<'a> {
    /// The files, opened, and how many bytes of all lie before each and behind the last.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub(super) fn open(files: &[PathBuf], spec: &'a ChainSpec) -> Result<(Self, Vec<u64>), Unopened> {
        let mut opened = VecDeque::new();
        let mut starts = vec![0];
        let mut total = 0;
        for (file, path) in files.iter().enumerate() {
            let records =
                Records::open(path, spec).map_err(|fault| Unopened { file, fault: Box::new(fault) })?;
            total += records.len();
            starts.push(total);
            opened.push_back((file, records));
        }
        let reading = Mutex::new(Reading { files: opened, next: 0 });
        let ahead = Ahead { spec, reading, state: Mutex::default(), changed: Condvar::new() };
        Ok((ahead, starts))
    }

    /// Starts threads that read ahead until [`close`](Self::close).
    pub(super) fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, threads: usize) -> usize {
        let start = |_| -> Option<ScopedJoinHandle<'scope, ()>> {
            let named = std::thread::Builder::new().name("read-ahead".to_owned());
            // Without threads the caller reads for himself.
            named.spawn_scoped(scope, || self.work()).ok()
        };
        (0..threads.min(MAX_THREADS)).filter_map(start).count()
    }

    /// Ends the threads.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// The next record; `None` at the end of the files. Waits for the threads that read ahead, and panics if one of them did.
    pub(super) fn wait(&self) -> Option<Item> {
        let mut state = self.state();
        loop {
            if let Some(item) = self.pop(&mut state) {
                return Some(item);
            }
            if state.ended && state.slots.is_empty() {
                return None;
            }
            assert!(!state.broken, "a thread that reads ahead panicked");
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next record, if it is there already.
    pub(super) fn ready(&self) -> Option<Item> {
        self.pop(&mut self.state())
    }

    /// The next record, read by the caller; `None` at the end of the files.
    pub(super) fn read(&self) -> Option<Item> {
        let Cut { at, end, bytes, .. } = self.next_record()?;
        let mut state = self.state();
        state.slots.pop_front();
        state.first += 1;
        drop(state);
        let content = bytes.and_then(|bytes| Content::new(bytes, self.spec));
        Some(Item { at, end, content })
    }

    fn pop(&self, state: &mut State) -> Option<Item> {
        let item = state.slots.front_mut()?.take()?;
        state.slots.pop_front();
        state.first += 1;
        state.bytes -= item.size();
        self.changed.notify_all();
        Some(item)
    }

    fn work(&self) {
        let _told = Told(self);
        while self.wait_for_room() {
            let Some(Cut { number, at, end, bytes }) = self.next_record() else { return };
            let content = bytes.and_then(|bytes| Content::new(bytes, self.spec));
            let item = Item { at, end, content };
            let mut state = self.state();
            state.bytes += item.size();
            let slot = (number - state.first) as usize;
            state.slots[slot] = Some(item);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits until another record may be read; `false` if none is wanted.
    fn wait_for_room(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.closed || state.ended {
                return false;
            }
            if state.slots.len() < MAX_RECORDS && state.bytes < MAX_BYTES {
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Cuts out the next record and keeps a slot for it. After one that cannot be cut out nothing follows.
    fn next_record(&self) -> Option<Cut> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some((file, records)) = reading.files.front_mut() else {
                self.state().ended = true;
                self.changed.notify_all();
                return None;
            };
            let at = At { file: *file, offset: records.offset() };
            let bytes = match records.next() {
                Ok(Next::End) => {
                    reading.files.pop_front();
                    continue;
                }
                Ok(Next::Record(bytes)) => Ok(bytes),
                Err(fault) => Err(fault),
            };
            let end = records.offset();
            if bytes.is_err() {
                reading.files.clear();
            }
            let number = reading.next;
            reading.next += 1;
            // Still under the lock of the files: slots are in their order.
            self.state().slots.push_back(None);
            return Some(Cut { number, at, end, bytes });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Item {
    fn size(&self) -> usize {
        self.content.as_ref().map_or(0, |content| content.record.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_params::presets;

    /// Nobody else would ever fill the slot that was kept.
    #[test]
    #[should_panic(expected = "a thread that reads ahead panicked")]
    fn a_thread_that_panics_leaves_nobody_waiting() {
        let spec = presets::regtest();
        let (ahead, _) = Ahead::open(&[], &spec).unwrap_or_else(|_| panic!("there is no file to open"));
        ahead.state().slots.push_back(None);
        std::thread::scope(|scope| {
            let broken = scope.spawn(|| {
                let _told = Told(&ahead);
                panic!("meant");
            });
            assert!(broken.join().is_err());
        });
        ahead.wait();
    }
}
