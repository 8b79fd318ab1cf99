//! Headers: whom to ask, and what to make of the answers.

use std::time::Duration;

use cairn_consensus::{Verdict, check_pow};
use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Header, Work};

use super::Sync;
use super::limits::{
    HEADERS_ANSWER, HEADERS_RETRY_MAX, HEADERS_SYNC_BASE, HEADERS_SYNC_PER_HEADER, MAX_ANNOUNCED,
    MAX_BLOCK_INV, MAX_CATCHING_UP, MAX_HEADER_CHECKS, MAX_UNCONNECTED, MAX_WAITING_BATCHES, RECENT,
    WORK_BUFFER,
};
use super::peer::{Batch, HeaderState};
use super::presync::{Presync, Step};
use crate::event::{Action, DisconnectReason, HeadersOutcome, PeerId};
use crate::limits::{MAX_HEADERS, MAX_LOCATOR};
use crate::message::{BlockRequest, Message};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::Context;
use crate::ports::ChainView;

/// The protocol version a locator is sent with; nobody reads it.
const LOCATOR_PROTOCOL: u32 = 70_016;

impl HeaderState {
    /// Gives up what is under way and has the peer asked again, the later the more often it failed.
    fn fail(&mut self, now: Duration) {
        self.asked = None;
        self.presync = None;
        self.waiting.clear();
        self.sync_deadline = None;
        self.again = true;
        let pause = HEADERS_ANSWER.saturating_mul(1 << self.failures.min(8));
        self.retry_at = now.saturating_add(pause.min(HEADERS_RETRY_MAX));
        self.failures = self.failures.saturating_add(1);
    }

    /// The peer has no more headers for us.
    fn finish(&mut self) {
        self.started = true;
        self.failures = 0;
        self.sync_deadline = None;
        if !self.again {
            self.unknown = None;
        }
    }
}

impl Sync {
    /// Asks those who should be asked now. While the best header is old, one at a time, those of our own choice first,
    /// and besides it one that announced a block; once it is recent, everybody (Core's `SendMessages`). After one that
    /// did not answer it is the turn of whoever has waited longest, lest calls to silent nodes keep all others waiting.
    pub(super) fn ask_for_headers(&mut self, cx: &mut Context<'_>) {
        let mut candidates: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.closing && peer.headers.wants() && peer.headers.retry_at <= cx.now)
            .map(|(&id, peer)| {
                let known = peer.headers.unknown.is_none();
                let later = !peer.is_preferred() && !self.any_next;
                ((later, peer.headers.failures, id), known)
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        candidates.sort_unstable();
        let chain = cx.local.chain;
        let best = chain.best_header();
        let recent = is_recent(cx.now, best.time.to_u32());
        let from = match chain.header(&best.hash) {
            // From the parent on, so that a peer whose chain is as good as ours has a header to answer with.
            Some(entry) if best.height.to_u32() > 0 => entry.header.prev,
            _ => best.hash,
        };
        let mut busy = self.peers.values().filter(|peer| peer.headers.is_busy()).count();
        for ((_, _, id), known) in candidates {
            let limit = if known { 1 } else { MAX_CATCHING_UP };
            if recent || busy < limit {
                busy += 1;
                self.any_next = false;
                self.send_get_headers(cx, id, &[], from);
            }
        }
    }

    /// Sends `getheaders`, first of all from the blocks of `ahead`, then from `from` down.
    fn send_get_headers(&mut self, cx: &mut Context<'_>, id: PeerId, ahead: &[BlockHash], from: BlockHash) {
        let chain = cx.local.chain;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let mut locator = ahead.to_vec();
        locator.extend(chain.locator(&from));
        locator.truncate(MAX_LOCATOR);
        let request = BlockRequest { protocol: LOCATOR_PROTOCOL, locator, stop: BlockHash::ZERO };
        cx.out.send(id, Message::GetHeaders(request));
        let state = &mut peer.headers;
        state.asked = Some(cx.now.saturating_add(HEADERS_ANSWER));
        state.again = false;
        let best_time = chain.best_header().time.to_u32();
        if state.sync_deadline.is_none() && !is_recent(cx.now, best_time) {
            let age = cx.now.as_secs().saturating_sub(u64::from(best_time));
            let expected = age / u64::from(self.spec.pow.spacing.max(1));
            let per_header =
                HEADERS_SYNC_PER_HEADER.saturating_mul(u32::try_from(expected).unwrap_or(u32::MAX));
            state.sync_deadline = Some(cx.now.saturating_add(HEADERS_SYNC_BASE + per_header));
        }
    }

    /// Gives up on answers that are overdue.
    pub(super) fn expire_headers(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        let live = self.peers.values().filter(|peer| !peer.closing).count();
        for (&id, peer) in &mut self.peers {
            let state = &mut peer.headers;
            let Some(answer) = state.asked else { continue };
            let late = state.sync_deadline.is_some_and(|deadline| deadline <= now);
            if peer.closing || answer > now && !late {
                continue;
            }
            let catching_up = state.sync_deadline.is_some();
            state.fail(now);
            self.any_next = true;
            // With nobody else to ask, a slow peer is better than none.
            if catching_up && !peer.manual && live > 1 {
                peer.closing = true;
                cx.out.disconnect(id, DisconnectReason::HeadersTimeout);
            }
        }
    }

    /// Takes a `headers` message in.
    pub(super) fn take_headers(&mut self, cx: &mut Context<'_>, id: PeerId, headers: Vec<Header>) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let state = &mut peer.headers;
        if headers.is_empty() {
            if state.asked.take().is_some() {
                state.presync = None;
                if !state.is_busy() {
                    state.finish();
                }
            }
        } else if state.checking.is_some() {
            if state.waiting.len() < MAX_WAITING_BATCHES {
                state.waiting.push_back(headers);
            } else {
                state.again = true;
            }
        } else {
            self.judge_headers(cx, id, headers);
        }
    }

    /// What can be said of headers here: proof of work, order, where they connect, how much work they claim.
    fn judge_headers(&mut self, cx: &mut Context<'_>, id: PeerId, headers: Vec<Header>) {
        let chain = cx.local.chain;
        let hashes: Vec<BlockHash> = headers.iter().map(Header::hash).collect();
        let (Some(first), Some(&last)) = (headers.first(), hashes.last()) else { return };
        if let Err(what) = check_batch(&self.spec, &headers, &hashes) {
            return self.fault_headers(cx, id, what);
        }
        let threshold = self.work_threshold(chain);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let state = &mut peer.headers;
        if state.presync.as_ref().is_some_and(|presync| presync.expects(&first.prev)) {
            return self.feed_presync(cx, id, headers, &hashes);
        }
        let Some(parent) = chain.header(&first.prev) else {
            return self.unconnected_headers(cx, id, last, headers.len());
        };
        state.unconnected = 0;
        if parent.invalid {
            return self.fault_headers(cx, id, Misbehaviour::InvalidHeader { code: "bad-prevblk" });
        }
        let full = headers.len() >= MAX_HEADERS;
        if let Some(known) = chain.header(&last) {
            state.asked = None;
            state.presync = None;
            if known.invalid {
                return self.known_invalid(cx, id);
            }
            peer.has(known.point);
            return self.after_batch(cx, id, last, full);
        }
        let work = claimed_work(parent.point.work, &headers);
        if work < threshold {
            if full {
                state.presync =
                    Some(Box::new(Presync::new(chain, &self.spec, &parent, threshold, cx.now, cx.rng)));
                return self.feed_presync(cx, id, headers, &hashes);
            }
            if state.presync.is_none() {
                state.asked = None;
                self.after_batch(cx, id, last, false);
            }
            return;
        }
        state.asked = None;
        state.presync = None;
        let batch = Batch { prev: first.prev, hashes, full };
        self.check_headers(cx, id, batch, headers);
    }

    /// Hands headers on to be checked.
    fn check_headers(&mut self, cx: &mut Context<'_>, id: PeerId, batch: Batch, headers: Vec<Header>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if self.header_checks.len() >= MAX_HEADER_CHECKS {
            return peer.headers.fail(cx.now);
        }
        self.header_checks.insert(id);
        peer.headers.checking = Some(batch);
        cx.out.act(Action::CheckHeaders { peer: id, headers });
    }

    /// Takes in what became of a batch.
    pub(super) fn headers_checked(&mut self, cx: &mut Context<'_>, id: PeerId, outcome: HeadersOutcome) {
        self.header_checks.remove(&id);
        let chain = cx.local.chain;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let Some(batch) = peer.headers.checking.take() else { return };
        match outcome {
            HeadersOutcome::Accepted { new } => {
                let last = batch.hashes.last().copied().unwrap_or(batch.prev);
                self.learn(cx, id, &last);
                if new > 0 {
                    self.protect(cx, id);
                }
                self.after_batch(cx, id, last, batch.full);
            }
            HeadersOutcome::Refused { index, verdict, code } => {
                let below = index.checked_sub(1).and_then(|at| batch.hashes.get(at)).unwrap_or(&batch.prev);
                let refused = batch.hashes.get(index).and_then(|hash| chain.header(hash));
                self.learn(cx, id, below);
                match verdict {
                    Verdict::Invalid if refused.is_some_and(|entry| entry.invalid) => {
                        self.known_invalid(cx, id)
                    }
                    Verdict::Invalid => self.fault_headers(cx, id, Misbehaviour::InvalidHeader { code }),
                    // A header ahead of our clock, or one that our own side could not judge: ask later.
                    Verdict::Mutated | Verdict::Premature | Verdict::Unavailable | Verdict::Internal => {
                        self.fail_headers(cx, id);
                    }
                }
            }
        }
        self.judge_waiting(cx, id);
    }

    /// What comes after a batch that is known now: what follows it.
    fn after_batch(&mut self, cx: &mut Context<'_>, id: PeerId, last: BlockHash, full: bool) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let state = &mut peer.headers;
        if state.presync.is_some() {
            return self.continue_presync(cx, id);
        }
        if !full {
            state.finish();
        } else if state.waiting.is_empty() {
            self.send_get_headers(cx, id, &[], last);
        } else {
            state.again = true;
        }
    }

    /// Goes through the batches that came while another was being checked.
    fn judge_waiting(&mut self, cx: &mut Context<'_>, id: PeerId) {
        for _ in 0..MAX_WAITING_BATCHES {
            let Some(state) = self.peers.get_mut(&id).map(|peer| &mut peer.headers) else { return };
            if state.checking.is_some() {
                return;
            }
            let Some(headers) = state.waiting.pop_front() else { return };
            self.judge_headers(cx, id, headers);
        }
    }

    /// Headers whose parent is not known: perhaps an announcement of a block far ahead, so ask what lies between.
    fn unconnected_headers(&mut self, cx: &mut Context<'_>, id: PeerId, last: BlockHash, count: usize) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let state = &mut peer.headers;
        state.unknown = Some(last);
        // An announcement is short: more headers can only be the answer.
        if count > MAX_ANNOUNCED {
            state.asked = None;
            state.presync = None;
        }
        if state.asked.is_none() && !state.again {
            state.unconnected += 1;
        }
        state.again = true;
        if state.unconnected >= MAX_UNCONNECTED {
            state.unconnected = 0;
            cx.out.punish(id, Misbehaviour::UnconnectedHeaders);
        }
    }

    /// A header that was found invalid before. As an inbound peer may only be slow to see that, it costs the peers
    /// of our own choice alone (Core's `BLOCK_CACHED_INVALID`).
    fn known_invalid(&mut self, cx: &mut Context<'_>, id: PeerId) {
        if self.peers.get(&id).is_some_and(|peer| peer.outbound) {
            cx.out.punish(id, Misbehaviour::InvalidHeader { code: "duplicate-invalid" });
        }
        self.fail_headers(cx, id);
    }

    fn fault_headers(&mut self, cx: &mut Context<'_>, id: PeerId, what: Misbehaviour) {
        cx.out.punish(id, what);
        self.fail_headers(cx, id);
    }

    fn fail_headers(&mut self, cx: &mut Context<'_>, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.headers.fail(cx.now);
        }
    }

    /// Takes in that a peer has a block.
    pub(super) fn learn(&mut self, cx: &mut Context<'_>, id: PeerId, hash: &BlockHash) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        match cx.local.chain.header(hash) {
            Some(entry) if entry.invalid => {}
            Some(entry) => peer.has(entry.point),
            None => {
                peer.headers.unknown = Some(*hash);
                peer.headers.again = true;
            }
        }
    }

    /// The blocks among an `inv`: of those not known, the headers are asked for.
    pub(super) fn take_block_inv(&mut self, cx: &mut Context<'_>, id: PeerId, hashes: &[BlockHash]) {
        if self.peers.get(&id).is_none_or(|peer| peer.closing) {
            return;
        }
        let skipped = hashes.len().saturating_sub(MAX_BLOCK_INV);
        for hash in hashes.iter().skip(skipped) {
            self.learn(cx, id, hash);
        }
    }

    /// Looks again for the block a peer announced: its header may have come from somebody else.
    pub(super) fn resolve_unknown(&mut self, chain: &dyn ChainView) {
        for peer in self.peers.values_mut() {
            let Some(entry) = peer.headers.unknown.and_then(|hash| chain.header(&hash)) else { continue };
            peer.headers.unknown = None;
            if !entry.invalid {
                peer.has(entry.point);
            }
        }
    }

    /// Work below which a chain costs us more than it can be worth: the least the chain is known to have, or our own
    /// less some blocks (Core's `GetAntiDoSWorkThreshold`).
    fn work_threshold(&self, chain: &dyn ChainView) -> Work {
        let tip = chain.tip();
        let block = chain.header(&tip.hash).map_or(Work::ZERO, |entry| block_work(&entry.header));
        let buffer = block.checked_mul(WORK_BUFFER).unwrap_or(tip.work);
        let near = tip.work.checked_sub(buffer).unwrap_or(Work::ZERO);
        near.max(self.spec.assume.min_chain_work)
    }

    /// Takes a batch into the presync with this peer.
    fn feed_presync(&mut self, cx: &mut Context<'_>, id: PeerId, headers: Vec<Header>, hashes: &[BlockHash]) {
        let Some(state) = self.peers.get_mut(&id).map(|peer| &mut peer.headers) else { return };
        let Some(presync) = state.presync.as_mut() else { return };
        state.asked = None;
        match presync.take(headers, hashes) {
            Step::Continue => self.continue_presync(cx, id),
            Step::Restart => {
                // The second pass has as long as the first.
                state.sync_deadline = None;
                self.continue_presync(cx, id);
            }
            Step::Over => {
                let last = presync.next();
                state.presync = None;
                self.after_batch(cx, id, last, false);
            }
            Step::Changed => self.fault_headers(cx, id, Misbehaviour::ChangedHeaders),
        }
    }

    /// Hands on what a presync has ready, or asks for what it needs next.
    fn continue_presync(&mut self, cx: &mut Context<'_>, id: PeerId) {
        let Some(state) = self.peers.get_mut(&id).map(|peer| &mut peer.headers) else { return };
        let Some(presync) = state.presync.as_mut() else { return };
        if let Some((prev, headers)) = presync.pop_ready() {
            let hashes = headers.iter().map(Header::hash).collect();
            return self.check_headers(cx, id, Batch { prev, hashes, full: true }, headers);
        }
        let (next, start, more) = (presync.next(), presync.start(), presync.has_more());
        if presync.is_done() {
            state.presync = None;
            return self.after_batch(cx, id, next, more);
        }
        if more {
            return self.send_get_headers(cx, id, &[next], start);
        }
        // The peer's chain has become another one on the way.
        state.presync = None;
        self.after_batch(cx, id, next, false);
    }
}

/// Whether a header's time is within [`RECENT`] of now.
pub(super) fn is_recent(now: Duration, time: u32) -> bool {
    Duration::from_secs(u64::from(time)).saturating_add(RECENT) >= now
}

/// Every header follows the one before it and has its proof of work.
fn check_batch(spec: &ChainSpec, headers: &[Header], hashes: &[BlockHash]) -> Result<(), Misbehaviour> {
    if headers.iter().skip(1).zip(hashes).any(|(header, before)| header.prev != *before) {
        return Err(Misbehaviour::BrokenHeaders);
    }
    match headers.iter().zip(hashes).all(|(header, hash)| check_pow(header, *hash, spec).is_ok()) {
        true => Ok(()),
        false => Err(Misbehaviour::NoProofOfWork),
    }
}

/// The work of one block with this header; zero if its bits are no target.
pub(super) fn block_work(header: &Header) -> Work {
    header.bits.to_target().map_or(Work::ZERO, |target| target.to_work())
}

/// The work of a chain that goes on with these headers, held at the largest number.
fn claimed_work(below: Work, headers: &[Header]) -> Work {
    let all = Work::from_be_bytes([0xff; 32]);
    headers.iter().fold(below, |sum, header| sum.checked_add(block_work(header)).unwrap_or(all))
}
