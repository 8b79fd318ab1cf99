//! Adversaries that show headers and no blocks, or headers without work.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_chainstate::ChainReader;
use cairn_p2p::limits::MAX_HEADERS;
use cairn_p2p::{ChainView, Inventory, Message};
use cairn_primitives::{BlockHash, BlockTime, Header, MerkleRoot};
use rand::RngExt;

use super::{Behaviour, Line, Stage};
use crate::network::view::ChainPort;

/// How often headers nobody asked for are shown.
const SHOW_EVERY: Duration = Duration::from_secs(30);

/// What an honest node with this chain answers; without its blocks, or with them.
pub(super) fn answer(chain: &ChainReader, message: &Message, blocks: bool) -> Vec<Message> {
    match message {
        Message::GetHeaders(request) => {
            let headers = ChainPort(chain).headers_after(&request.locator, &request.stop, MAX_HEADERS);
            vec![Message::Headers(headers)]
        }
        Message::GetData(wanted) if blocks => {
            let hashes = wanted.iter().filter_map(|wanted| match wanted {
                Inventory::Block(hash) | Inventory::WitnessBlock(hash) => Some(*hash),
                Inventory::Tx(_) | Inventory::Wtx(_) | Inventory::WitnessTx(_) | Inventory::Other { .. } => {
                    None
                }
            });
            let found = hashes.filter_map(|hash| chain.block(&hash).expect("memory can be read"));
            found.map(|block| Message::Block(Box::new(block))).collect()
        }
        _ => Vec::new(),
    }
}

/// Shows the headers of the best chain and never sends a block it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stalling;

impl Behaviour for Stalling {
    fn breaks_rules(&self) -> bool {
        false
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        for message in answer(stage.chain, &message, false) {
            stage.send(line, message);
        }
    }
}

/// Shows, again and again, a chain of headers from genesis on that has proof of work, each header the least there is, and
/// no blocks. It has little work as long as the best chain is longer.
#[derive(Debug)]
pub struct LowWork {
    /// Headers so far, from the one after genesis on.
    headers: Vec<Header>,
    /// The place of each.
    places: BTreeMap<BlockHash, usize>,
    length: usize,
    awake: bool,
}

impl LowWork {
    /// One whose chain ends after `length` headers.
    pub const fn new(length: usize) -> Self {
        Self { headers: Vec::new(), places: BTreeMap::new(), length, awake: false }
    }

    fn grow(&mut self, stage: &mut Stage<'_>, length: usize) {
        let genesis = stage.spec.genesis_block().header;
        let target = genesis.bits.to_target().expect("genesis has sane bits");
        while self.headers.len() < length.min(self.length) {
            let prev = *self.headers.last().unwrap_or(&genesis);
            let mut header = Header {
                version: 0x2000_0000,
                prev: prev.hash(),
                merkle_root: MerkleRoot::from_bytes(stage.rng.random()),
                time: BlockTime::new(prev.time.to_u32() + 1),
                bits: genesis.bits,
                nonce: 0,
            };
            while !target.is_met_by(header.hash()) {
                header.nonce += 1;
            }
            self.places.insert(header.hash(), self.headers.len());
            self.headers.push(header);
        }
    }

    fn show(&mut self, stage: &mut Stage<'_>, line: Line, from: usize) {
        self.grow(stage, from + MAX_HEADERS);
        let until = self.headers.len().min(from + MAX_HEADERS);
        stage.send(line, Message::Headers(self.headers[from.min(until)..until].to_vec()));
    }
}

impl Behaviour for LowWork {
    fn breaks_rules(&self) -> bool {
        false
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, line: Line) {
        self.show(stage, line, 0);
        if !std::mem::replace(&mut self.awake, true) {
            stage.wake_in(SHOW_EVERY);
        }
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        let Message::GetHeaders(request) = message else { return };
        let known = |hash| self.places.get(hash);
        let from = request.locator.iter().find_map(known).map_or(0, |place| place + 1);
        self.show(stage, line, from);
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        let lines = stage.lines();
        self.awake = !lines.is_empty();
        for line in lines {
            self.show(stage, line, 0);
        }
        if self.awake {
            stage.wake_in(SHOW_EVERY);
        }
    }
}
