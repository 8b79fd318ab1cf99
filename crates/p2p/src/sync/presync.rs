//! Chains that claim little work are looked at twice before anything of them is kept.
//!
//! Headers of low difficulty cost next to nothing to make, and whoever keeps each of them can be filled up. So of a
//! chain that has not yet shown enough work, the first pass keeps only one salted bit in [`PERIOD`] headers. When the
//! work is there, the peer is asked for all of it again, and the second pass hands headers on if they are those of the
//! first pass: a header leaves when [`LOOK_AHEAD`] headers above it have been compared too, so that a peer that
//! changes what it shows must guess about `LOOK_AHEAD / PERIOD` bits. The idea is Core's `HeadersSyncState`.
//!
//! # Memory
//! At most [`MAX_COMMITMENTS`] bits (256 KiB) and `LOOK_AHEAD` plus a batch of headers (400 KiB).

use std::collections::VecDeque;
use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Header, Work, hash::siphash24};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::headers::block_work;
use crate::limits::MAX_HEADERS;
use crate::ports::{ChainView, HeaderEntry};

/// One header in so many leaves a bit.
pub(super) const PERIOD: u64 = 128;
/// Headers that are compared before the one below them is handed on.
pub(super) const LOOK_AHEAD: usize = 24 * PERIOD as usize;
/// Most bits kept: of 268 million headers.
pub(super) const MAX_COMMITMENTS: u64 = 1 << 21;
/// Most headers a chain can have for each second of clock time: more the rule on the median of eleven times forbids.
const HEADERS_PER_SECOND: u64 = 6;
/// Headers whose times make the median.
const MEDIAN_SPAN: usize = 11;

/// A chain of one peer with too little work so far.
#[derive(Debug)]
pub(super) struct Presync {
    start: BlockHash,
    start_work: Work,
    threshold: Work,
    /// What makes the bits unpredictable: the hash's key and which headers leave one.
    key: (u64, u64),
    offset: u64,
    bits: Bits,
    max_bits: u64,
    second: bool,
    /// Of the current pass: the last header, how many there were, the work of the chain up to it.
    last: BlockHash,
    count: u64,
    work: Work,
    /// The last message was full.
    more: bool,
    /// Of the second pass: headers not handed on yet, and the block below them.
    ahead: VecDeque<Header>,
    below: BlockHash,
    /// The work is there: nothing need be held back any more.
    open: bool,
}

/// What to do after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Hand on what is ready, or ask for more.
    Continue,
    /// The first pass is over: ask from the start.
    Restart,
    /// The chain is not worth it, or longer than it can be.
    Over,
    /// These are not the headers of the first pass.
    Changed,
}

impl Presync {
    /// Begins above the known header `start`. Nothing is handed on until the chain has `threshold`.
    pub(super) fn new(
        chain: &dyn ChainView,
        spec: &ChainSpec,
        start: &HeaderEntry,
        threshold: Work,
        now: Duration,
        rng: &mut ChaCha12Rng,
    ) -> Self {
        let span = now
            .as_secs()
            .saturating_sub(u64::from(median_time(chain, start)))
            .saturating_add(u64::from(spec.limits.max_future_seconds));
        Self {
            start: start.point.hash,
            start_work: start.point.work,
            threshold,
            key: (rng.random(), rng.random()),
            offset: rng.random_range(0..PERIOD),
            bits: Bits::default(),
            max_bits: (span.saturating_mul(HEADERS_PER_SECOND) / PERIOD + 1).min(MAX_COMMITMENTS),
            second: false,
            last: start.point.hash,
            count: 0,
            work: start.point.work,
            more: true,
            ahead: VecDeque::new(),
            below: start.point.hash,
            open: false,
        }
    }

    /// Whether a batch above `prev` is the next one.
    pub(super) fn expects(&self, prev: &BlockHash) -> bool {
        self.last == *prev
    }

    /// The block to ask from.
    pub(super) const fn next(&self) -> BlockHash {
        self.last
    }

    /// The known block the chain begins at.
    pub(super) const fn start(&self) -> BlockHash {
        self.start
    }

    /// Whether the last message was full, so that more follows.
    pub(super) const fn has_more(&self) -> bool {
        self.more
    }

    /// Whether the work is there and everything has been handed on: go on as with any chain.
    pub(super) fn is_done(&self) -> bool {
        self.open && self.ahead.is_empty()
    }

    /// Takes the next batch in, whose headers follow one another and have their proof of work.
    pub(super) fn take(&mut self, headers: Vec<Header>, hashes: &[BlockHash]) -> Step {
        self.more = headers.len() >= MAX_HEADERS;
        if self.second { self.compare(headers, hashes) } else { self.commit(&headers, hashes) }
    }

    fn commit(&mut self, headers: &[Header], hashes: &[BlockHash]) -> Step {
        for (header, hash) in headers.iter().zip(hashes) {
            if self.advance(header, *hash) {
                if self.bits.len() >= self.max_bits {
                    return Step::Over;
                }
                self.bits.push(self.bit(hash));
            }
        }
        if self.work >= self.threshold {
            self.second = true;
            self.ahead.reserve_exact(LOOK_AHEAD + MAX_HEADERS);
            self.more = true;
            self.last = self.start;
            self.count = 0;
            self.work = self.start_work;
            return Step::Restart;
        }
        if self.more { Step::Continue } else { Step::Over }
    }

    fn compare(&mut self, headers: Vec<Header>, hashes: &[BlockHash]) -> Step {
        for (header, hash) in headers.into_iter().zip(hashes) {
            let leaves_bit = self.advance(&header, *hash);
            if leaves_bit && !self.open && self.bits.next() != Some(self.bit(hash)) {
                return Step::Changed;
            }
            self.open |= self.work >= self.threshold;
            self.ahead.push_back(header);
        }
        Step::Continue
    }

    /// Counts one header; whether it leaves a bit.
    fn advance(&mut self, header: &Header, hash: BlockHash) -> bool {
        self.work = self.work.checked_add(block_work(header)).unwrap_or(self.work);
        self.last = hash;
        self.count += 1;
        self.count % PERIOD == self.offset
    }

    fn bit(&self, hash: &BlockHash) -> bool {
        siphash24(self.key.0, self.key.1, hash.as_bytes()) & 1 == 1
    }

    /// The next headers to hand on, at most [`MAX_HEADERS`], and the block below them; `None` if none is ready.
    pub(super) fn pop_ready(&mut self) -> Option<(BlockHash, Vec<Header>)> {
        let held_back = if self.open { 0 } else { LOOK_AHEAD };
        let ready = self.ahead.len().saturating_sub(held_back).min(MAX_HEADERS);
        let headers: Vec<Header> = self.ahead.drain(..ready).collect();
        let below = self.below;
        self.below = headers.last()?.hash();
        Some((below, headers))
    }

    /// Bytes held beyond the struct itself.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.bits.words.capacity() * 8 + self.ahead.capacity() * size_of::<Header>()
    }
}

/// Bits in order: written in one pass, read in the next.
#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: u64,
    read: u64,
}

impl Bits {
    const fn len(&self) -> u64 {
        self.len
    }

    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << (self.len % 64);
        }
        self.len += 1;
    }

    fn next(&mut self) -> Option<bool> {
        if self.read >= self.len {
            return None;
        }
        let word = usize::try_from(self.read / 64).ok().and_then(|at| self.words.get(at))?;
        let bit = word >> (self.read % 64) & 1 == 1;
        self.read += 1;
        Some(bit)
    }
}

/// The median of the times of a header and the ten below it.
fn median_time(chain: &dyn ChainView, start: &HeaderEntry) -> u32 {
    let mut times = Vec::with_capacity(MEDIAN_SPAN);
    let mut at = Some(*start);
    while let Some(entry) = at {
        times.push(entry.header.time.to_u32());
        at = if times.len() < MEDIAN_SPAN { chain.header(&entry.header.prev) } else { None };
    }
    times.sort_unstable();
    times[times.len() / 2]
}
