//! Blocks: which to ask of whom, and what to make of those that come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cairn_consensus::Verdict;
use cairn_primitives::{Block, BlockHash, Height};

use super::Sync;
use super::limits::{
    BLOCK_BASE, BLOCK_PER_PEER, BLOCK_RETRY, COOL_DOWN, LIMITED_BLOCKS, MAX_CHECKING, MAX_CHECKING_BYTES,
    MAX_DELAYED, MAX_IN_FLIGHT, MAX_IN_FLIGHT_PER_PEER, MAX_SOURCES, SLOW_BLOCK, STALLING_MAX, STALLING_MIN,
};
use super::peer::Peer;
use crate::event::{Action, BlockOutcome, DisconnectReason, PeerId};
use crate::message::{Inventory, Message};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::Context;
use crate::ports::{ChainPoint, ChainView};

/// The blocks of all peers that are on their way or being checked.
#[derive(Debug)]
pub(super) struct Download {
    /// Whom each block has been asked of.
    pub(super) in_flight: BTreeMap<BlockHash, PeerId>,
    /// The blocks being checked, with their lengths in bytes.
    checking: BTreeMap<BlockHash, usize>,
    checking_bytes: usize,
    /// Blocks that could not be judged, and when to ask for them again.
    delayed: BTreeMap<BlockHash, Duration>,
    /// Who sent the blocks above the tip: they may turn out invalid when they are connected.
    sources: BTreeMap<(Height, BlockHash), PeerId>,
    /// How long a peer may hold the window up.
    pub(super) stalling_limit: Duration,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            in_flight: BTreeMap::new(),
            checking: BTreeMap::new(),
            checking_bytes: 0,
            delayed: BTreeMap::new(),
            sources: BTreeMap::new(),
            stalling_limit: STALLING_MIN,
        }
    }
}

/// What a peer could be asked for.
#[derive(Debug, Default)]
struct Found {
    wanted: Vec<(Height, BlockHash)>,
    /// Who holds the lowest block of the window, if everything else has been asked for.
    holder: Option<PeerId>,
}

impl Download {
    /// Whether so much waits to be checked that nothing more is to be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.checking.len() >= MAX_CHECKING || self.checking_bytes >= MAX_CHECKING_BYTES
    }

    /// Whether a block is asked for, being checked, or to be asked for later.
    pub(super) fn is_under_way(&self, hash: &BlockHash) -> bool {
        self.in_flight.contains_key(hash)
            || self.checking.contains_key(hash)
            || self.delayed.contains_key(hash)
    }

    fn delay(&mut self, hash: BlockHash, until: Duration) {
        if self.delayed.len() < MAX_DELAYED {
            self.delayed.insert(hash, until);
        }
    }

    /// When the next delayed block may be asked for again.
    pub(super) fn next_delayed(&self) -> Option<Duration> {
        self.delayed.values().min().copied()
    }

    /// The connected chain has grown: peers may be given less time again (Core's factor).
    pub(super) fn progress(&mut self, tip: &ChainPoint) {
        self.stalling_limit = self.stalling_limit.mul_f64(0.85).max(STALLING_MIN);
        self.sources = self.sources.split_off(&(tip.height.next(), BlockHash::ZERO));
    }

    /// Looks through a peer's window for blocks to ask it for. Those that a slow peer holds come last.
    fn find(&self, chain: &dyn ChainView, peer: &mut Peer, limits: &Search<'_>) -> Found {
        let mut found = Found::default();
        let mut held = Vec::new();
        let top = peer.download.window.top();
        let mut lowest = true;
        for (height, slot) in peer.download.window.slots() {
            if found.wanted.len() >= limits.most {
                break;
            }
            if slot.have || self.checking.contains_key(&slot.hash) {
                lowest &= slot.have;
                continue;
            }
            if let Some(holder) = self.in_flight.get(&slot.hash) {
                if *holder != limits.id {
                    if lowest {
                        found.holder = Some(*holder);
                    }
                    if limits.slow.contains(holder) && !limits.slow.contains(&limits.id) {
                        held.push((height, slot.hash));
                    }
                }
                lowest = false;
                continue;
            }
            let Some(entry) = chain.header(&slot.hash) else { break };
            if entry.invalid {
                break;
            }
            slot.have = entry.has_block;
            if !slot.have {
                lowest = false;
                if height >= limits.lowest && !self.delayed.contains_key(&slot.hash) {
                    found.wanted.push((height, slot.hash));
                }
            }
        }
        if !found.wanted.is_empty() {
            found.holder = None;
        } else if top >= limits.end {
            // Nothing above the window waits for the holder: it has its usual time, unless it is slow.
            found.holder = None;
            found.wanted = held;
            found.wanted.retain(|(height, _)| *height >= limits.lowest);
            found.wanted.truncate(limits.most);
        }
        found
    }
}

/// Where to look for blocks.
struct Search<'a> {
    id: PeerId,
    most: usize,
    /// The peer serves no block below.
    lowest: Height,
    /// The peer's best block.
    end: Height,
    /// Peers whose blocks may be taken over.
    slow: &'a BTreeSet<PeerId>,
}

impl Sync {
    /// Asks for blocks wherever there is room, of the peers of our own choice first.
    pub(super) fn ask_for_blocks(&mut self, cx: &mut Context<'_>) {
        if self.download.is_full() {
            return;
        }
        self.download.delayed.retain(|_, until| *until > cx.now);
        let tip = cx.local.chain.tip();
        let mut order: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| self.is_useful(cx.now, peer, &tip))
            .map(|(&id, peer)| (!peer.is_preferred(), peer.download.in_flight.len(), id))
            .collect();
        order.sort_unstable();
        let slow = self.slow_holders(cx.now);
        for (inbound, _, id) in order {
            // While the chain is catching up, those that came to us are asked only for what nobody else gives.
            if !(inbound && self.initial && self.preferred_are_loading()) {
                self.ask_peer_for_blocks(cx, id, &tip, &slow);
            }
        }
    }

    /// Whether blocks are in flight from a peer of our own choice.
    fn preferred_are_loading(&self) -> bool {
        self.peers.values().any(|peer| peer.is_preferred() && !peer.download.in_flight.is_empty())
    }

    /// Whether a peer has blocks that we may want and can be asked now.
    fn is_useful(&self, now: Duration, peer: &Peer, tip: &ChainPoint) -> bool {
        let Some(best) = peer.best else { return false };
        !peer.closing
            && peer.serves_all().is_some()
            && peer.download.rest_until <= now
            && best.work >= tip.work
            && best.hash != tip.hash
            && best.work >= self.spec.assume.min_chain_work
    }

    /// Peers that have sent no block for long though some are in flight.
    fn slow_holders(&self, now: Duration) -> BTreeSet<PeerId> {
        let slow = self.peers.iter().filter(|(_, peer)| {
            let state = &peer.download;
            !state.in_flight.is_empty() && state.since.saturating_add(SLOW_BLOCK) <= now
        });
        slow.map(|(&id, _)| id).collect()
    }

    fn ask_peer_for_blocks(
        &mut self,
        cx: &mut Context<'_>,
        id: PeerId,
        tip: &ChainPoint,
        slow: &BTreeSet<PeerId>,
    ) {
        let chain = cx.local.chain;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(best) = peer.best else { return };
        let room = MAX_IN_FLIGHT_PER_PEER.saturating_sub(peer.download.in_flight.len());
        let most = room.min(MAX_IN_FLIGHT.saturating_sub(self.download.in_flight.len()));
        if most == 0 {
            return;
        }
        peer.download.window.refresh(chain, &best, tip);
        let lowest = match peer.serves_all() {
            Some(true) => Height::GENESIS,
            // Two blocks of slack: the peer may have moved on.
            _ => best.height.checked_sub(LIMITED_BLOCKS - 3).unwrap_or(Height::GENESIS),
        };
        let search = Search { id, most, lowest, end: best.height, slow };
        let found = self.download.find(chain, peer, &search);
        if let Some(holder) = found.holder.and_then(|holder| self.peers.get_mut(&holder)) {
            holder.download.stalling.get_or_insert(cx.now);
        }
        if !found.wanted.is_empty() {
            self.send_get_data(cx, id, &found.wanted);
        }
    }

    pub(super) fn send_get_data(&mut self, cx: &mut Context<'_>, id: PeerId, wanted: &[(Height, BlockHash)]) {
        for &(height, hash) in wanted {
            if let Some(holder) =
                self.download.in_flight.insert(hash, id).and_then(|id| self.peers.get_mut(&id))
            {
                holder.download.in_flight.remove(&(height, hash));
                holder.download.remember_late(hash);
                holder.download.rest_until = cx.now.saturating_add(COOL_DOWN);
            }
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.download.in_flight.is_empty() {
            peer.download.since = cx.now;
        }
        peer.download.in_flight.extend(wanted);
        let items = wanted.iter().map(|(_, hash)| Inventory::WitnessBlock(*hash)).collect();
        cx.out.send(id, Message::GetData(items));
    }

    /// Takes away what a peer has not sent, so that others can be asked.
    pub(super) fn release_blocks(&mut self, now: Duration, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        for (_, hash) in std::mem::take(&mut peer.download.in_flight) {
            self.download.in_flight.remove(&hash);
            peer.download.remember_late(hash);
        }
        peer.download.stalling = None;
        peer.download.rest_until = now.saturating_add(COOL_DOWN);
    }

    /// Deals with peers that keep blocks back.
    pub(super) fn expire_blocks(&mut self, cx: &mut Context<'_>) {
        let allowed = self.block_time();
        let mut failed = Vec::new();
        for (&id, peer) in &self.peers {
            let state = &peer.download;
            if peer.closing || state.in_flight.is_empty() {
                continue;
            }
            let limit = self.download.stalling_limit;
            if state.stalling.is_some_and(|since| since.saturating_add(limit) <= cx.now) {
                failed.push((id, DisconnectReason::Stalling));
            } else if state.since.saturating_add(allowed) <= cx.now {
                failed.push((id, DisconnectReason::BlockTimeout));
            }
        }
        for (id, reason) in failed {
            if reason == DisconnectReason::Stalling {
                self.download.stalling_limit =
                    self.download.stalling_limit.saturating_mul(2).min(STALLING_MAX);
            }
            self.release_blocks(cx.now, id);
            if let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.manual) {
                peer.closing = true;
                cx.out.disconnect(id, reason);
            }
        }
    }

    /// How long a peer may send no block while some are in flight from it.
    pub(super) fn block_time(&self) -> Duration {
        let loading = self.peers.values().filter(|peer| !peer.download.in_flight.is_empty()).count();
        let others = u32::try_from(loading.saturating_sub(1)).unwrap_or(u32::MAX);
        BLOCK_BASE.saturating_add(BLOCK_PER_PEER.saturating_mul(others))
    }

    /// Takes a block in and has it checked, if it is wanted.
    pub(super) fn take_block(&mut self, cx: &mut Context<'_>, id: PeerId, block: Box<Block>) {
        let hash = block.hash();
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.closing) else { return };
        let chain = cx.local.chain;
        let state = &mut peer.download;
        let entry = chain.header(&hash);
        let asked = self.download.in_flight.get(&hash) == Some(&id);
        if asked {
            self.download.in_flight.remove(&hash);
            state.in_flight.retain(|(_, in_flight)| *in_flight != hash);
        }
        let asked = asked || state.take_late(&hash);
        if asked {
            state.since = cx.now;
            state.stalling = None;
        }
        let new = entry.filter(|entry| !entry.has_block && !entry.invalid);
        let new = new.filter(|_| !self.download.checking.contains_key(&hash));
        if !asked {
            if new.is_none_or(|entry| entry.point.work < chain.tip().work) {
                return cx.out.punish(id, Misbehaviour::UnrequestedBlock);
            }
            if self.download.is_full() {
                return;
            }
        }
        let Some(entry) = new else { return };
        peer.has(entry.point);
        // Whoever else it was asked of holds nothing up any more.
        if let Some(other) = self.download.in_flight.get(&hash).and_then(|other| self.peers.get_mut(other)) {
            other.download.stalling = None;
        }
        let bytes = block.total_size();
        self.download.checking.insert(hash, bytes);
        self.download.checking_bytes = self.download.checking_bytes.saturating_add(bytes);
        cx.out.act(Action::CheckBlock { peer: id, block });
    }

    /// Takes in what became of a block.
    pub(super) fn block_checked(
        &mut self,
        cx: &mut Context<'_>,
        id: PeerId,
        hash: BlockHash,
        outcome: BlockOutcome,
    ) {
        let Some(bytes) = self.download.checking.remove(&hash) else { return };
        self.download.checking_bytes = self.download.checking_bytes.saturating_sub(bytes);
        match outcome {
            BlockOutcome::Accepted => self.block_accepted(cx, id, hash),
            BlockOutcome::Known => {}
            BlockOutcome::Refused { verdict, code } => match verdict {
                Verdict::Invalid => self.fault_block(cx, id, Misbehaviour::InvalidBlock { code }),
                Verdict::Mutated => self.fault_block(cx, id, Misbehaviour::MutatedBlock { code }),
                // Not the peer's doing: the block comes too early, or our own side failed.
                Verdict::Premature | Verdict::Unavailable | Verdict::Internal => {
                    self.download.delay(hash, cx.now.saturating_add(BLOCK_RETRY));
                }
            },
        }
    }

    fn block_accepted(&mut self, cx: &mut Context<'_>, id: PeerId, hash: BlockHash) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.download.last_block = Some(cx.now);
        }
        let Some(entry) = cx.local.chain.header(&hash) else { return };
        if !entry.active && self.download.sources.len() < MAX_SOURCES {
            self.download.sources.insert((entry.point.height, hash), id);
        }
    }

    fn fault_block(&mut self, cx: &mut Context<'_>, id: PeerId, what: Misbehaviour) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.download.rest_until = cx.now.saturating_add(COOL_DOWN);
            cx.out.punish(id, what);
        }
    }

    /// Asks somebody else for what a peer does not have.
    pub(super) fn blocks_not_found(&mut self, cx: &mut Context<'_>, id: PeerId, hashes: &[BlockHash]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        for hash in hashes {
            if self.download.in_flight.get(hash) == Some(&id) {
                self.download.in_flight.remove(hash);
                peer.download.in_flight.retain(|(_, in_flight)| in_flight != hash);
                peer.download.rest_until = cx.now.saturating_add(COOL_DOWN);
                peer.download.stalling = None;
            }
        }
    }

    /// Forgets what peers have above invalid blocks; whoever sent such a block is held accountable.
    pub(super) fn forget_invalid(&mut self, cx: &mut Context<'_>) {
        let chain = cx.local.chain;
        let is_invalid = |hash: &BlockHash| chain.header(hash).is_some_and(|entry| entry.invalid);
        let mut any = false;
        for peer in self.peers.values_mut() {
            if peer.best.is_some_and(|best| is_invalid(&best.hash)) {
                peer.best = None;
                any = true;
            }
        }
        if !any {
            return;
        }
        let bad: Vec<_> = self.download.sources.iter().filter(|((_, hash), _)| is_invalid(hash)).collect();
        let bad: Vec<_> = bad.into_iter().map(|(&key, &id)| (key, id)).collect();
        for ((height, hash), id) in bad {
            self.download.sources.remove(&(height, hash));
            let above_invalid = chain.header(&hash).is_some_and(|entry| is_invalid(&entry.header.prev));
            if !above_invalid {
                self.fault_block(cx, id, Misbehaviour::InvalidBlock { code: "invalid" });
            }
        }
    }
}
