//! Coins and indexes, against the blocks that made them.

use cairn_consensus::NodeId;
use cairn_primitives::{BlockHash, Height};

use super::{Depth, Look, Progress, Report, Task};
use crate::coin_stats::{CoinStats, CoinSums};
use crate::error::ChainStateError;
use crate::index::{IndexKind, Verified, Verifier};

impl Look {
    /// Sums the stored coins up; at full depth also the coins that the blocks make, and compares them and the
    /// indexes.
    pub(super) fn coins(
        &self,
        depth: Depth,
        report: &mut Report,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ChainStateError> {
        for state in &report.indexes.clone() {
            if !self.shared.index.fits(&self.shared, state.index)? {
                report.add(ChainStateError::IndexDetached { index: state.index });
            }
        }
        report.coins = self.stored_coins(report.coins_at)?;
        // Coins cannot be worked out from records that cannot be read, or are not here yet.
        let assumed = self.shared.read().assumed.is_some();
        if depth == Depth::Records || report.damaged > 0 || assumed {
            return Ok(());
        }
        if report.pruned.is_some() {
            return self.coins_by_index(report);
        }
        let tip = self.shared.read().tip();
        let watched = report.indexes.iter().filter(|state| state.status.hash == report.tip.hash);
        let verifier = Verifier::new(&self.shared, watched.map(|state| state.index).collect());
        let mut on_the_way = None;
        let verified = self.work_out(tip, verifier, report.coins_at.1, &mut on_the_way, progress)?;
        for (index, height) in verified.differ {
            report.add(ChainStateError::IndexDiffers { index, height });
        }
        if on_the_way.is_none() {
            // The coins stand on a branch that the chain has left since they were flushed.
            let at = self.shared.read().tree.get(&report.coins_at.1);
            let at = at.ok_or(ChainStateError::CoinsDetached { at: report.coins_at.1 })?;
            let verifier = Verifier::new(&self.shared, Vec::new());
            self.work_out(at, verifier, report.coins_at.1, &mut on_the_way, progress)?;
        }
        match (report.coins, on_the_way) {
            (Some(stored), Some(expected)) if stored != expected => {
                let (got, expected) = (Box::new(stored), Box::new(expected));
                report.add(ChainStateError::CoinsDiffer { got, expected });
            }
            _ => {}
        }
        Ok(())
    }

    /// Holds the stored coins against the index of coin statistics, where the blocks that made them are gone.
    fn coins_by_index(&self, report: &mut Report) -> Result<(), ChainStateError> {
        let reached = report.indexes.iter().any(|state| state.index == IndexKind::CoinStats);
        let Some(stored) = report.coins.filter(|_| reached) else { return Ok(()) };
        match self.shared.index.supply_stats(&self.shared, stored.height)? {
            Some(row) if row.coins.hash == stored.hash && row.coins != stored => {
                let (got, expected) = (Box::new(stored), Box::new(row.coins));
                report.add(ChainStateError::CoinsDiffer { got, expected });
            }
            _ => {}
        }
        Ok(())
    }

    /// The coins of the store; `None` while a flush is half done.
    pub(super) fn stored_coins(&self, at: (Height, BlockHash)) -> Result<Option<CoinStats>, ChainStateError> {
        if self.shared.coins.state()?.is_some_and(|state| state.flushing_to.is_some()) {
            return Ok(None);
        }
        let mut sums = CoinSums::default();
        for entry in self.shared.coins.iter() {
            let (outpoint, coin) = entry?;
            sums.insert(&outpoint, &coin);
        }
        Ok(Some(sums.at(at.0, at.1)))
    }

    /// Follows the blocks from genesis to `to`, and takes down the coins at `wanted` if it is among them.
    fn work_out(
        &self,
        to: NodeId,
        mut verifier: Verifier<'_>,
        wanted: BlockHash,
        found: &mut Option<CoinStats>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Verified, ChainStateError> {
        let path = {
            let live = self.shared.read();
            let mut path: Vec<_> = std::iter::successors(Some(to), |id| live.tree.parent(*id)).collect();
            path.reverse();
            path
        };
        let total = path.len() as u64 - 1;
        if wanted == self.shared.spec.genesis_hash() {
            *found = Some(verifier.coins());
        }
        for (done, id) in (1..).zip(path.into_iter().skip(1)) {
            let height = self.shared.read().tree.height(id);
            let (block, undo) = (self.shared.load_block(id)?, self.shared.load_undo(id)?);
            verifier.block(height, &block, undo)?;
            if block.hash() == wanted {
                *found = Some(verifier.coins());
            }
            progress(Progress { task: Task::Coins, done, total });
        }
        verifier.finish()
    }
}
