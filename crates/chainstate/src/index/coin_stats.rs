//! The sums and the hash of the unspent coins after each block of the best chain.
//!
//! What a block does to them follows from its bytes and its undo data, so the index goes forwards and backwards
//! without asking the coins. It keeps a row for each height, and with its cursor the running sums.
//!
//! It counts as Core's `coinstatsindex` does, with one difference: where one of the two excepted blocks of Bitcoin
//! overwrote a coin (BIP30), that coin counts until it was overwritten, as it does in the set itself; Core leaves it
//! out from the start. From the overwriting block on both are the same.

use cairn_crypto::MuHash;
use cairn_primitives::{Amount, Block, BlockHash, Coin, Height, OutPoint, TxOut};

use super::{Changes, Cursor, IndexDb, IndexKind, Place, Row, Step};
use crate::coin_stats::{CoinStats, CoinSums};
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::layout::{CoinSetRow, CoinStatsRow};
use crate::live::Shared;

/// What became of all that was issued up to a block.
///
/// `coins.total_amount` and the parts of `unspendable` add up to `total_subsidy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupplyStats {
    /// The unspent coins after the block.
    pub coins: CoinStats,
    /// What the blocks up to this one were allowed to issue, genesis included.
    pub total_subsidy: Amount,
    /// What of it can never be spent.
    pub unspendable: Unspendable,
}

/// Amounts that are no coins and never will be, from genesis on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unspendable {
    /// The subsidy of genesis, whose output is no coin.
    pub genesis: Amount,
    /// Coins that were overwritten by a repeated coinbase (BIP30).
    pub bip30: Amount,
    /// Outputs whose script can never be satisfied, such as `OP_RETURN`.
    pub scripts: Amount,
    /// Subsidy and fees that no coinbase claimed.
    pub unclaimed: Amount,
}

/// The running sums: the state of the index after its cursor.
#[derive(Debug, Clone)]
pub(super) struct Running {
    height: Height,
    hash: BlockHash,
    sums: CoinSums,
    subsidy: u64,
    genesis: u64,
    bip30: u64,
    scripts: u64,
    unclaimed: u64,
}

/// What one block does to the sums.
struct Delta {
    coins: CoinSums,
    bip30: u64,
    scripts: u64,
    unclaimed: u64,
}

impl Running {
    /// After genesis, which makes no coin.
    pub(super) fn genesis(shared: &Shared) -> Self {
        let subsidy = shared.spec.subsidy.at(Height::GENESIS).to_sat();
        Running {
            height: Height::GENESIS,
            hash: shared.spec.genesis_hash(),
            sums: CoinSums::default(),
            subsidy,
            genesis: subsidy,
            bip30: 0,
            scripts: 0,
            unclaimed: 0,
        }
    }

    /// The saved sums, unless they do not fit `cursor` or their own hash.
    pub(super) fn saved(row: CoinSetRow, cursor: &Cursor) -> Option<Self> {
        let CoinSetRow { row, set } = row;
        let set = MuHash::from_bytes(&set);
        let fits = row.hash == cursor.hash && row.muhash == set.digest();
        let CoinStatsRow { hash, coins, total_amount, bogosize, .. } = row;
        fits.then_some(Running {
            height: cursor.height,
            hash,
            sums: CoinSums { coins, total_amount, bogosize, set },
            subsidy: row.subsidy,
            genesis: row.genesis,
            bip30: row.bip30,
            scripts: row.scripts,
            unclaimed: row.unclaimed,
        })
    }

    /// The coins where the sums stand.
    pub(super) fn coins(&self) -> CoinStats {
        self.sums.at(self.height, self.hash)
    }

    /// What is saved with the cursor.
    pub(super) fn to_row(&self) -> CoinSetRow {
        CoinSetRow { row: self.stats_row(), set: Box::new(self.sums.set.to_bytes()) }
    }

    /// What is saved under the height.
    pub(super) fn stats_row(&self) -> CoinStatsRow {
        CoinStatsRow {
            hash: self.hash,
            muhash: self.sums.set.digest(),
            coins: self.sums.coins,
            total_amount: self.sums.total_amount,
            bogosize: self.sums.bogosize,
            subsidy: self.subsidy,
            genesis: self.genesis,
            bip30: self.bip30,
            scripts: self.scripts,
            unclaimed: self.unclaimed,
        }
    }

    /// Goes past an event.
    pub(super) fn follow(
        &mut self,
        shared: &Shared,
        step: &Step<'_>,
        changes: &mut Changes,
    ) -> Result<(), ChainStateError> {
        let subsidy = shared.spec.subsidy.at(step.height).to_sat();
        let delta = delta(shared, step, subsidy)?;
        let place = Place::Stats(step.height.to_u32());
        match step.kind {
            EventKind::Connected => {
                self.sums.add(&delta.coins);
                self.subsidy = self.subsidy.wrapping_add(subsidy);
                self.bip30 = self.bip30.wrapping_add(delta.bip30);
                self.scripts = self.scripts.wrapping_add(delta.scripts);
                self.unclaimed = self.unclaimed.wrapping_add(delta.unclaimed);
                (self.height, self.hash) = (step.height, step.block.hash());
                // Once here instead of once for each look at it.
                self.sums.set.settle();
                changes.insert(place, Row::Stats(self.stats_row()));
            }
            EventKind::Disconnected => {
                self.sums.subtract(&delta.coins);
                self.subsidy = self.subsidy.wrapping_sub(subsidy);
                self.bip30 = self.bip30.wrapping_sub(delta.bip30);
                self.scripts = self.scripts.wrapping_sub(delta.scripts);
                self.unclaimed = self.unclaimed.wrapping_sub(delta.unclaimed);
                (self.height, self.hash) =
                    (Height::new(step.height.to_u32().saturating_sub(1)), step.block.header.prev);
                changes.insert(place, Row::Nothing);
            }
        }
        Ok(())
    }
}

fn delta(shared: &Shared, step: &Step<'_>, subsidy: u64) -> Result<Delta, ChainStateError> {
    let mut coins = CoinSums::default();
    let (mut made, mut spent, mut scripts) = (0_u64, 0_u64, 0_u64);
    for tx in &step.block.transactions {
        let coinbase = tx.is_coinbase();
        for (vout, output) in tx.outputs().iter().enumerate() {
            let value = output.value.to_sat();
            if output.script_pubkey.is_unspendable() {
                scripts = scripts.wrapping_add(value);
                continue;
            }
            made = made.wrapping_add(value);
            let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
            coins.insert(&outpoint, &Coin { output: output.clone(), height: step.height, coinbase });
        }
    }
    for (tx, undo) in step.block.transactions.iter().skip(1).zip(&step.undo.txs) {
        for (input, coin) in tx.inputs().iter().zip(&undo.coins) {
            spent = spent.wrapping_add(coin.output.value.to_sat());
            coins.remove(&input.previous, coin);
        }
    }
    let mut bip30 = 0_u64;
    for (outpoint, coin) in overwritten(shared, step)? {
        bip30 = bip30.wrapping_add(coin.output.value.to_sat());
        coins.remove(&outpoint, &coin);
    }
    // What came in went out, or nobody took it.
    let unclaimed = subsidy.wrapping_add(spent).wrapping_sub(made).wrapping_sub(scripts);
    Ok(Delta { coins, bip30, scripts, unclaimed })
}

/// The coins that the block's coinbase writes over: only a block that the chain excepts from BIP30 does, and then an
/// earlier coinbase was the same transaction.
fn overwritten(shared: &Shared, step: &Step<'_>) -> Result<Vec<(OutPoint, Coin)>, ChainStateError> {
    let hash = step.block.hash();
    if !shared.spec.deployments.bip30_exceptions.contains(&(step.height, hash)) {
        return Ok(Vec::new());
    }
    let Some(coinbase) = step.block.transactions.first() else { return Ok(Vec::new()) };
    let mut at = shared.read().tree.get(&step.block.header.prev);
    while let Some(id) = at {
        let (height, parent) = {
            let live = shared.read();
            (live.tree.height(id), live.tree.parent(id))
        };
        // The genesis output is no coin.
        let Some(parent) = parent else { break };
        let earlier: Block = shared.load_block(id)?;
        if earlier.transactions.first().is_some_and(|tx| tx.txid() == coinbase.txid()) {
            let outputs = coinbase.outputs().iter().enumerate();
            let spendable = outputs.filter(|(_, output)| !output.script_pubkey.is_unspendable());
            let coin = |(vout, output): (usize, &TxOut)| {
                let outpoint = OutPoint { txid: coinbase.txid(), vout: vout as u32 };
                (outpoint, Coin { output: output.clone(), height, coinbase: true })
            };
            return Ok(spendable.map(coin).collect());
        }
        at = Some(parent);
    }
    Ok(Vec::new())
}

impl IndexDb {
    /// The sums after the block of the best chain at `height`; `None` above the block the index has reached.
    pub(crate) fn supply_stats(
        &self,
        shared: &Shared,
        height: Height,
    ) -> Result<Option<SupplyStats>, ChainStateError> {
        self.is_fresh(shared, IndexKind::CoinStats)?;
        let _still = self.hold();
        if self.cursor(IndexKind::CoinStats)?.is_none_or(|reached| height > reached.height) {
            return Ok(None);
        }
        Ok(self.stats.get(&height.to_u32())?.map(|row| row.stats(height)))
    }
}

impl CoinStatsRow {
    pub(crate) fn stats(&self, height: Height) -> SupplyStats {
        let coins = CoinStats {
            height,
            hash: self.hash,
            coins: self.coins,
            total_amount: Amount::from_sat(self.total_amount),
            bogosize: self.bogosize,
            muhash: self.muhash,
        };
        let unspendable = Unspendable {
            genesis: Amount::from_sat(self.genesis),
            bip30: Amount::from_sat(self.bip30),
            scripts: Amount::from_sat(self.scripts),
            unclaimed: Amount::from_sat(self.unclaimed),
        };
        SupplyStats { coins, total_subsidy: Amount::from_sat(self.subsidy), unspendable }
    }
}
