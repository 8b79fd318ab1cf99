//! What established peers say, handed to the part that handles it.

use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::BlockHash;

use super::slot::Purpose;
use super::{Parts, PeerManager};
use crate::event::{Action, DisconnectReason, Notice, PeerId};
use crate::handshake::{self, Peer};
use crate::message::{AddressV2, Inventory, Message, NetworkAddress};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::PeerFacts;
use crate::ports::{Local, TxRef};

impl PeerManager {
    pub(super) fn received(
        &mut self,
        now: Duration,
        peer: PeerId,
        message: Message,
        bytes: usize,
        local: Local<'_>,
    ) {
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        slot.bytes_received += bytes as u64;
        if let Some(over) = slot.budget.spend(now, &message, bytes) {
            self.out.act(Action::Throttle { peer, time: over.wait });
            if over.flood {
                self.out.punish(peer, Misbehaviour::OverBudget);
            }
        }
        // Only a handshake looks at them.
        let calling = if slot.info.is_none() { self.calls_under_way() } else { Vec::new() };
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        let actions = slot.handshake.on_event(now, handshake::Event::Message { message, calling: &calling });
        self.shake(now, peer, actions, local);
    }

    /// The numbers in our `version`s on calls whose handshake is not over.
    fn calls_under_way(&self) -> Vec<u64> {
        let calls =
            self.slots.values().filter(|slot| slot.purpose != Purpose::Inbound && slot.info.is_none());
        calls.map(|slot| slot.nonce).collect()
    }

    pub(super) fn established(&mut self, now: Duration, peer: PeerId, info: Peer, local: Local<'_>) {
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        let (addr, purpose) = (slot.addr, slot.purpose);
        slot.info = Some(info.clone());
        slot.pings = super::ping::Pings::new(now);
        if purpose != Purpose::Inbound {
            self.book.succeeded(now, addr, info.version.services);
        }
        if purpose == Purpose::Feeler {
            self.out.disconnect(peer, DisconnectReason::Feeler);
            return;
        }
        let direction = purpose.direction();
        let notice = Notice::Established { peer, addr, direction, info: Box::new(info.clone()) };
        self.out.act(Action::Notice(notice));
        let facts = PeerFacts { id: peer, addr, direction, manual: purpose == Purpose::Manual, info };
        self.with_parts(now, local, |mut parts| {
            parts.sync.on_established(&mut parts.cx, &facts);
            parts.relay.on_established(&mut parts.cx, &facts);
            parts.gossip.on_established(&mut parts.cx, parts.book, &facts);
        });
    }

    pub(super) fn deliver(&mut self, now: Duration, peer: PeerId, message: Message, local: Local<'_>) {
        match message {
            Message::Ping(nonce) => self.out.send(peer, Message::Pong(nonce)),
            Message::Pong(nonce) => {
                if let Some(slot) = self.slots.get_mut(&peer) {
                    slot.pings.answered(now, nonce);
                    if slot.purpose != Purpose::Inbound {
                        self.book.seen(now, slot.addr);
                    }
                }
            }
            message => self.with_parts(now, local, |parts| deliver_to_part(parts, peer, message)),
        }
    }
}

fn deliver_to_part(parts: Parts<'_>, peer: PeerId, message: Message) {
    let Parts { mut cx, sync, relay, gossip, book } = parts;
    let cx = &mut cx;
    match message {
        Message::Headers(headers) => sync.on_headers(cx, peer, headers),
        Message::Block(block) => sync.on_block(cx, peer, block),
        Message::GetHeaders(request) => sync.on_get_headers(cx, peer, request),
        Message::GetBlocks(request) => sync.on_get_blocks(cx, peer, request),
        Message::SendHeaders => sync.on_send_headers(peer),
        Message::Inv(items) => {
            let sorted = Sorted::of(&items);
            if !sorted.blocks.is_empty() {
                sync.on_block_inv(cx, peer, &sorted.hashes());
            }
            if !sorted.txs.is_empty() {
                relay.on_tx_inv(cx, peer, &sorted.txs);
            }
        }
        Message::GetData(items) => {
            let sorted = Sorted::of(&items);
            if !sorted.txs.is_empty() {
                relay.on_get_tx_data(cx, peer, &sorted.txs);
            }
            if !sorted.blocks.is_empty() {
                sync.on_get_block_data(cx, peer, &sorted.blocks);
            }
            if !sorted.other.is_empty() {
                cx.out.send(peer, Message::NotFound(sorted.other));
            }
        }
        Message::NotFound(items) => {
            let sorted = Sorted::of(&items);
            if !sorted.blocks.is_empty() {
                sync.on_block_not_found(cx, peer, &sorted.hashes());
            }
            if !sorted.txs.is_empty() {
                relay.on_tx_not_found(cx, peer, &sorted.txs);
            }
        }
        Message::Tx(tx) => relay.on_tx(cx, peer, Arc::new(*tx)),
        Message::MemPool => relay.on_mempool(cx, peer),
        Message::FeeFilter(rate) => relay.on_fee_filter(peer, rate),
        Message::Addr(entries) => {
            let entries = entries.into_iter().map(|entry| AddressV2 {
                last_seen: entry.last_seen,
                services: entry.endpoint.services,
                address: NetworkAddress::from_ip(entry.endpoint.ip),
                port: entry.endpoint.port,
            });
            gossip.on_addr(cx, book, peer, entries.collect());
        }
        Message::AddrV2(entries) => gossip.on_addr(cx, book, peer, entries),
        Message::GetAddr => gossip.on_get_addr(cx, book, peer),
        // The handshake takes these itself, or they are answered before this is called; what is not known is read over.
        Message::Version(_)
        | Message::Verack
        | Message::WtxidRelay
        | Message::SendAddrV2
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::Unknown { .. } => {}
    }
}

/// An inventory, sorted by whose business its entries are.
struct Sorted {
    /// Each with whether its witnesses are wanted.
    blocks: Vec<(BlockHash, bool)>,
    txs: Vec<TxRef>,
    other: Vec<Inventory>,
}

impl Sorted {
    fn of(items: &[Inventory]) -> Self {
        let mut sorted = Self { blocks: Vec::new(), txs: Vec::new(), other: Vec::new() };
        for item in items {
            match item {
                Inventory::Block(hash) => sorted.blocks.push((*hash, false)),
                Inventory::WitnessBlock(hash) => sorted.blocks.push((*hash, true)),
                Inventory::Tx(txid) | Inventory::WitnessTx(txid) => sorted.txs.push(TxRef::Txid(*txid)),
                Inventory::Wtx(wtxid) => sorted.txs.push(TxRef::Wtxid(*wtxid)),
                Inventory::Other { .. } => sorted.other.push(*item),
            }
        }
        sorted
    }

    fn hashes(&self) -> Vec<BlockHash> {
        self.blocks.iter().map(|(hash, _)| *hash).collect()
    }
}
