//! Adversaries that send too much.

use std::time::Duration;

use cairn_p2p::limits::{MAX_ADDR, MAX_HEADERS, MAX_INV};
use cairn_p2p::{AddressV2, HEADER_LEN, Inventory, Message, NetworkAddress, Services, UnixTime};
use cairn_primitives::{BlockHash, CompactTarget, Header, MerkleRoot, Wtxid};
use rand::RngExt;

use super::{Behaviour, Line, Stage};

/// How often a flood comes.
const EVERY: Duration = Duration::from_secs(1);
/// Bytes waiting on a connection at which a flood pauses.
const BACKLOG: usize = 1_000_000;

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloodKind {
    /// Announcements of transactions that do not exist.
    Inv,
    /// Addresses of nodes that do not exist.
    Addr,
    /// Headers without parent and without proof of work.
    Headers,
    /// Pings.
    Ping,
}

/// Sends as much of one kind as a message holds, a number of messages each second.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    kind: FloodKind,
    messages: usize,
    running: bool,
}

impl Flood {
    /// One that sends `messages` of this kind each second on every connection.
    pub const fn new(kind: FloodKind, messages: usize) -> Self {
        Self { kind, messages, running: false }
    }

    fn message(&self, stage: &mut Stage<'_>) -> Message {
        let rng = &mut *stage.rng;
        match self.kind {
            FloodKind::Inv => {
                let invented = (0..MAX_INV).map(|_| Inventory::Wtx(Wtxid::from_bytes(rng.random())));
                Message::Inv(invented.collect())
            }
            FloodKind::Addr => {
                let last_seen = UnixTime::new(u32::try_from(stage.now.as_secs()).unwrap_or(u32::MAX));
                let invented = (0..MAX_ADDR).map(|_| AddressV2 {
                    last_seen,
                    services: Services::NETWORK.union(Services::WITNESS),
                    address: NetworkAddress::Ipv4(
                        [rng.random_range(70..90), rng.random(), rng.random(), 1].into(),
                    ),
                    port: 8_333,
                });
                Message::AddrV2(invented.collect())
            }
            FloodKind::Headers => {
                let invented = (0..MAX_HEADERS).map(|nonce| Header {
                    version: 1,
                    prev: BlockHash::from_bytes(rng.random()),
                    merkle_root: MerkleRoot::ZERO,
                    time: stage.spec.genesis.time,
                    bits: CompactTarget::from_bits(0x1d00_ffff),
                    nonce: nonce as u32,
                });
                Message::Headers(invented.collect())
            }
            FloodKind::Ping => Message::Ping(rng.random()),
        }
    }
}

impl Behaviour for Flood {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, _: Line) {
        if !std::mem::replace(&mut self.running, true) {
            stage.wake_in(EVERY);
        }
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        let lines: Vec<Line> = stage.lines();
        self.running = !lines.is_empty();
        for line in lines.iter().filter(|line| stage.backlog(**line) < BACKLOG).copied().collect::<Vec<_>>() {
            for _ in 0..self.messages {
                let message = self.message(stage);
                stage.send(line, message);
            }
        }
        if self.running {
            stage.wake_in(EVERY);
        }
    }
}

/// Announces a payload of 4 GB, and begins to send it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oversized;

impl Behaviour for Oversized {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, line: Line) {
        let mut frame = [0; HEADER_LEN].to_vec();
        frame[..4].copy_from_slice(&stage.spec.network.magic);
        frame[4..8].copy_from_slice(b"ping");
        frame[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        frame.extend([0; 10_000]);
        stage.send_bytes(line, frame);
    }
}
