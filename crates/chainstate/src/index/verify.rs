//! Holding the indexes against the blocks they were made from.

use cairn_consensus::Undo;
use cairn_primitives::{Block, Height};
use cairn_store::StoreError;

use super::coin_stats::Running;
use super::{Changes, IndexDb, IndexKind, Place, Row, Step, address, filter, tx};
use crate::coin_stats::CoinStats;
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::live::Shared;

/// Works out what the indexes must hold, block by block from genesis to the tip, and compares.
pub(crate) struct Verifier<'a> {
    shared: &'a Shared,
    /// The indexes that are still compared: each until it first differs.
    watched: Vec<IndexKind>,
    running: Running,
    history: u64,
    txs: u64,
    differ: Vec<(IndexKind, Height)>,
}

/// What a comparison came to.
pub(crate) struct Verified {
    /// The indexes that differ, each with the height where that was first seen.
    pub(crate) differ: Vec<(IndexKind, Height)>,
}

impl<'a> Verifier<'a> {
    /// At genesis. The indexes in `watched` must have read the log up to the block where this will end.
    pub(crate) fn new(shared: &'a Shared, watched: Vec<IndexKind>) -> Self {
        let running = Running::genesis(shared);
        Verifier { shared, watched, running, history: 0, txs: 0, differ: Vec::new() }
    }

    /// The coins where the walk stands.
    pub(crate) fn coins(&self) -> CoinStats {
        self.running.coins()
    }

    /// The next block.
    pub(crate) fn block(&mut self, height: Height, block: &Block, undo: Undo) -> Result<(), ChainStateError> {
        let step = Step { kind: EventKind::Connected, height, block, undo };
        for index in IndexKind::ALL {
            let mut changes = Changes::new();
            let watched = self.watched.contains(&index);
            match index {
                IndexKind::Tx if watched => tx::add_changes(&step, &mut changes),
                IndexKind::Address if watched => address::add_changes(&step, &mut changes),
                IndexKind::Filter if watched => {
                    filter::add_changes(&self.shared.index, &step, &mut changes)?;
                }
                IndexKind::Tx | IndexKind::Address | IndexKind::Filter => {}
                // Always: the coins are asked for too.
                IndexKind::CoinStats => self.running.follow(self.shared, &step, &mut changes)?,
            }
            if !watched {
                continue;
            }
            for (place, row) in &changes {
                self.history += u64::from(matches!(place, Place::History(_)));
                self.txs += u64::from(matches!(place, Place::Tx(_)));
                if !self.shared.index.holds(place, row, height)? {
                    self.differs(index, height);
                    break;
                }
            }
        }
        Ok(())
    }

    fn differs(&mut self, index: IndexKind, height: Height) {
        self.watched.retain(|watched| *watched != index);
        self.differ.push((index, height));
    }

    /// At the tip: nothing may be left over.
    pub(crate) fn finish(mut self) -> Result<Verified, ChainStateError> {
        let tip = self.coins();
        for index in self.watched.clone() {
            if !self.shared.index.has_nothing_else(index, &tip, self.history, self.txs)? {
                self.differs(index, tip.height);
            }
        }
        Ok(Verified { differ: self.differ })
    }
}

impl IndexDb {
    /// Whether the index has the row, or one that a later block put in its place.
    fn holds(&self, place: &Place, row: &Row, height: Height) -> Result<bool, StoreError> {
        Ok(match (place, row) {
            (Place::Tx(txid), Row::Tx(row)) => {
                // A coinbase that was repeated (BIP30) is found where it came last.
                self.txs.get(txid.as_bytes())?.is_some_and(|found| found == *row || found.height > height)
            }
            (Place::History(key), Row::History(row)) => self.history.get(key)?.as_ref() == Some(row),
            (Place::Stats(height), Row::Stats(row)) => self.stats.get(height)?.as_ref() == Some(row),
            (Place::Filter(height), Row::Filter(row)) => self.filters.get(height)?.as_ref() == Some(&**row),
            // A coin may have been spent since: they are counted at the end.
            _ => true,
        })
    }

    /// Whether the index has as many rows as the blocks made, and its coins are worth what the coins are.
    fn has_nothing_else(
        &self,
        index: IndexKind,
        tip: &CoinStats,
        history: u64,
        txs: u64,
    ) -> Result<bool, StoreError> {
        let mut count = 0_u64;
        match index {
            IndexKind::Tx => {
                for entry in self.txs.iter() {
                    entry?;
                    count += 1;
                }
                // Repeated coinbases have one row for two.
                Ok(count <= txs)
            }
            IndexKind::Address => {
                for entry in self.history.iter() {
                    entry?;
                    count += 1;
                }
                let (mut coins, mut amount) = (0_u64, 0_u64);
                for entry in self.coins.iter() {
                    coins += 1;
                    amount = amount.wrapping_add(entry?.1.value.to_sat());
                }
                Ok(count == history && coins == tip.coins && amount == tip.total_amount.to_sat())
            }
            IndexKind::Filter => {
                for entry in self.filters.iter() {
                    entry?;
                    count += 1;
                }
                Ok(count == u64::from(tip.height.to_u32()) + 1)
            }
            IndexKind::CoinStats => {
                let last = self.stats.last()?.map(|(height, row)| (height, row.hash));
                Ok(last == Some((tip.height.to_u32(), tip.hash)))
            }
        }
    }
}
