//! Blocks in flight: connected in memory on top of the tip, one on the other, while their scripts still run.
//!
//! A block *takes off* once every rule but its scripts is kept, on the coins as the blocks in flight below it leave them. It
//! *lands* once its scripts passed: only then it is stored, its coins and undo data are written, and the tip moves to it.
//! Blocks land in the order they took off, each exactly as a block does that is submitted alone, so nobody can tell from the
//! chain that others were on the way meanwhile. When the scripts of one fail, those above it are dropped as if they had never
//! come; only their headers are known.
//!
//! What is not plainly the next block does not take off: it is for the caller to land all and submit it as any other. Blocks that
//! were stored before and are connected now, one on the other, fly too.

use std::collections::VecDeque;
use std::sync::Arc;

use cairn_consensus::{CheckedBlock, CoinDelta, NodeId, Undo};
use cairn_primitives::hash::HashMap;
use cairn_primitives::{BlockTime, Coin, OutPoint};

use crate::activate::{Failure, Refused, Stage};
use crate::coins::Layer;
use crate::error::{ChainStateError, SubmitError};
use crate::flatfile::Record;
use crate::scripts::Run;
use crate::state::ChainState;

/// Blocks that may be in flight at a time.
pub(crate) const MAX_BLOCKS: usize = 32;

/// Bytes of blocks in flight at which no further one takes off.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// A block that was checked alone, and its record as it goes into a block file.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) block: Arc<CheckedBlock>,
    pub(crate) record: Record,
}

#[derive(Debug)]
struct Flying {
    id: NodeId,
    block: Arc<CheckedBlock>,
    /// What is to be stored; nothing if it is stored already.
    record: Option<Record>,
    bytes: usize,
    delta: CoinDelta,
    undo: Arc<Undo>,
    scripts: Arc<Run>,
    /// Whether its coins are among those aloft: only once another block looks for them.
    aloft: bool,
}

/// The blocks in flight, lowest first.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    blocks: VecDeque<Flying>,
    bytes: usize,
    coins: Aloft,
}

impl Flight {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether a block must land before another takes off.
    pub(crate) fn is_full(&self) -> bool {
        self.blocks.len() >= MAX_BLOCKS || self.bytes >= MAX_BYTES
    }

    /// Whether the lowest block can land without waiting.
    pub(crate) fn is_ready(&self) -> bool {
        self.blocks.front().is_some_and(|flying| flying.scripts.is_finished())
    }

    /// The coins as the blocks in flight leave them.
    fn coins(&mut self) -> &Aloft {
        for flying in self.blocks.iter_mut().filter(|flying| !flying.aloft) {
            self.coins.put(flying.id, &flying.delta);
            flying.aloft = true;
        }
        &self.coins
    }

    fn push(&mut self, flying: Flying) {
        self.bytes += flying.bytes;
        self.blocks.push_back(flying);
    }

    fn pop(&mut self) -> Option<Flying> {
        let flying = self.blocks.pop_front()?;
        self.bytes -= flying.bytes;
        if flying.aloft {
            self.coins.take(flying.id, &flying.delta);
        }
        Some(flying)
    }

    /// Drops every block in flight and gives back those that were to be stored, lowest first; none of them leaves a trace in
    /// the chain.
    pub(crate) fn drop_all(&mut self) -> Vec<Prepared> {
        let Flight { blocks, .. } = std::mem::take(self);
        blocks.iter().for_each(|flying| flying.scripts.give_up());
        let dropped = blocks.into_iter();
        dropped.filter_map(|Flying { block, record, .. }| Some(Prepared { block, record: record? })).collect()
    }
}

/// What the blocks in flight do to the coins, with the block that did it last.
#[derive(Debug, Default)]
struct Aloft {
    coins: HashMap<OutPoint, (NodeId, Option<Coin>)>,
}

impl Aloft {
    fn put(&mut self, id: NodeId, delta: &CoinDelta) {
        self.coins.extend(delta.spent.iter().map(|outpoint| (*outpoint, (id, None))));
        self.coins.extend(delta.created.iter().map(|(outpoint, coin)| (*outpoint, (id, Some(coin.clone())))));
    }

    fn take(&mut self, id: NodeId, delta: &CoinDelta) {
        for outpoint in delta.spent.iter().chain(delta.created.iter().map(|(outpoint, _)| outpoint)) {
            if self.coins.get(outpoint).is_some_and(|(last, _)| *last == id) {
                self.coins.remove(outpoint);
            }
        }
    }
}

impl Layer for Aloft {
    fn get(&self, outpoint: &OutPoint) -> Option<&Option<Coin>> {
        self.coins.get(outpoint).map(|(_, coin)| coin)
    }
}

/// Why a block stayed on the ground: it is not plainly the next one, or breaks a rule, or could not be looked into; submitting
/// it tells.
#[derive(Debug)]
pub(crate) struct Declined(pub(crate) Prepared);

impl ChainState {
    /// Lets a block take off. Its scripts are run by the threads for that while the caller does something else.
    pub(crate) fn take_off(
        &mut self,
        flight: &mut Flight,
        prepared: Prepared,
        now: BlockTime,
    ) -> Result<(), Declined> {
        // What lies below a snapshot moves the tip when it is through, whatever is in flight.
        let clear = !self.halted && self.background.is_none();
        let next = clear.then(|| self.next_in_flight(flight, &prepared.block, now));
        let Some(id) = next.flatten() else { return Err(Declined(prepared)) };
        let Prepared { block, record } = prepared;
        match self.lift(flight, id, &block) {
            Ok(connected) => {
                flight.push(Flying { record: Some(record), ..connected });
                Ok(())
            }
            Err(_) => Err(Declined(Prepared { block, record })),
        }
    }

    /// Lets a block take off that is stored and is the next of a plan.
    pub(crate) fn take_off_stored(
        &mut self,
        flight: &mut Flight,
        id: NodeId,
        block: &Arc<CheckedBlock>,
    ) -> Result<(), Failure> {
        let flying = self.lift(flight, id, block)?;
        flight.push(flying);
        Ok(())
    }

    /// Connects a block on those in flight and has its scripts begun.
    fn lift(&self, flight: &mut Flight, id: NodeId, block: &Arc<CheckedBlock>) -> Result<Flying, Failure> {
        let coins = flight.coins();
        self.prefetch(coins, block.block())?;
        let connection = self.connect(coins, id, block.clone())?;
        let scripts = self.scripts.start(connection.scripts());
        let (delta, undo) = connection.into_parts();
        let bytes = block.block().total_size();
        Ok(Flying { id, block: block.clone(), record: None, bytes, delta, undo, scripts, aloft: false })
    }

    /// Takes note of the header, and says where it stands if the block can be next: on the last block in flight, new, keeping
    /// the rules of its place, with no block that waits for it.
    fn next_in_flight(&self, flight: &Flight, block: &CheckedBlock, now: BlockTime) -> Option<NodeId> {
        let mut live = self.shared.write();
        let top = flight.blocks.back().map_or_else(|| live.tip(), |flying| flying.id);
        let header = block.block().header;
        if header.prev != live.tree.hash(top) || live.tree.is_invalid(top) {
            return None;
        }
        let id = live.tree.insert(header, now).ok()?.id;
        let alone = live.row(id).is_none() && !self.candidates.is_awaited(id);
        let fits = alone && cairn_consensus::check_context(&live.tree, id, block).is_ok();
        fits.then_some(id)
    }

    /// Lands the lowest block in flight, once its scripts are through; the caller's thread helps with them.
    ///
    /// # Errors
    /// What submitting the block alone would have said. The blocks above it are then for the caller to drop.
    pub(crate) fn land(&mut self, flight: &mut Flight) -> Result<(), SubmitError> {
        let Some(flying) = flight.pop() else { return Ok(()) };
        self.check_running()?;
        let outcome = flying.scripts.finish();
        if let Some(record) = &flying.record {
            self.store_record(flying.id, record)?;
        }
        if let Err(error) = outcome {
            self.mark_failed(flying.id, &error);
            self.activate(None)?;
            self.settle()?;
            return Err(error.into());
        }
        self.touch_down(flying)?;
        self.settle_candidates();
        self.settle()?;
        Ok(())
    }

    /// Lands the lowest block in flight, which is stored: it is returned if its scripts fail.
    pub(crate) fn land_stored(&mut self, flight: &mut Flight) -> Result<Option<Refused>, ChainStateError> {
        let Some(flying) = flight.pop() else { return Ok(None) };
        if let Err(error) = flying.scripts.finish() {
            return Ok(Some(Refused { id: flying.id, error }));
        }
        self.touch_down(flying)?;
        Ok(None)
    }

    fn touch_down(&mut self, flying: Flying) -> Result<(), ChainStateError> {
        let Flying { id, bytes, delta, undo, .. } = flying;
        self.apply(Stage::of_block(id, delta, undo, bytes as u64))?;
        self.keep_pace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_consensus::HeaderTree;
    use cairn_params::presets;
    use cairn_primitives::{Amount, Height, Script, TxOut, Txid};

    fn outpoint(n: u8) -> OutPoint {
        OutPoint { txid: Txid::from_bytes([n; 32]), vout: 0 }
    }

    fn coin(value: u64) -> Coin {
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: Script::new() };
        Coin { output, height: Height::new(1), coinbase: false }
    }

    #[test]
    fn what_is_aloft_is_what_the_blocks_still_there_did() {
        let mut tree = HeaderTree::new(Arc::new(presets::regtest()));
        let below = tree.genesis();
        let block = cairn_testkit::reseal(presets::regtest().genesis_block());
        let mut next = block.header;
        next.version = 0x2000_0000;
        next.prev = tree.hash(below);
        next.time = next.time.saturating_add(600);
        let sealed = cairn_testkit::reseal(cairn_primitives::Block { header: next, ..block });
        let above = tree.insert(sealed.header, BlockTime::new(u32::MAX)).unwrap().id;
        let first = CoinDelta {
            spent: vec![outpoint(1)],
            created: vec![(outpoint(2), coin(2)), (outpoint(3), coin(3))],
        };
        let second = CoinDelta { spent: vec![outpoint(2)], created: vec![(outpoint(1), coin(9))] };
        let mut aloft = Aloft::default();
        aloft.put(below, &first);
        assert_eq!(aloft.get(&outpoint(1)), Some(&None));
        aloft.put(above, &second);
        assert_eq!(aloft.get(&outpoint(1)), Some(&Some(coin(9))));
        assert_eq!(aloft.get(&outpoint(2)), Some(&None));
        assert_eq!(aloft.get(&outpoint(3)), Some(&Some(coin(3))));
        aloft.take(below, &first);
        assert_eq!(aloft.get(&outpoint(1)), Some(&Some(coin(9))), "the later block's word stands");
        assert_eq!(aloft.get(&outpoint(2)), Some(&None));
        assert_eq!(aloft.get(&outpoint(3)), None);
        aloft.take(above, &second);
        assert!(aloft.coins.is_empty());
    }
}
