//! Which transactions go into the block.

use std::collections::HashSet;
use std::sync::Arc;

use cairn_consensus::{NextBlock, WITNESS_SCALE_FACTOR, check_final, legacy_sigops};
use cairn_params::{ChainSpec, Limits};
use cairn_primitives::{Amount, Header, Transaction, Txid, codec};

use super::TemplateError;

/// A transaction that may go into the block, with what only its coins can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// What its inputs hold beyond its outputs.
    pub fee: Amount,
    /// Cost of its signature operations (BIP141).
    pub sigop_cost: u64,
}

/// What fits beside the coinbase.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) chosen: Vec<Candidate>,
    pub(super) fees: Amount,
    pub(super) weight: u64,
    pub(super) sigop_cost: u64,
}

/// Takes the candidates in their order, each that fits beside those before it. `coinbase` has the outputs and the
/// witness of the final one, whatever its values.
pub(super) fn select(
    spec: &ChainSpec,
    next: &NextBlock,
    coinbase: &Transaction,
    candidates: &[Candidate],
) -> Result<Selection, TemplateError> {
    let mut room = Room::beside(coinbase, next, &spec.limits)?;
    let mut chosen = Vec::new();
    // Ids of candidates that are not in the block, or not yet: what spends from them must not be in it either.
    let mut outside: HashSet<Txid> = candidates.iter().map(|candidate| candidate.tx.txid()).collect();
    for candidate in candidates {
        let tx = &candidate.tx;
        let orphaned = tx.inputs().iter().any(|input| outside.contains(&input.previous.txid));
        let taken = !outside.contains(&tx.txid());
        if !orphaned && !taken && may_stand_in(tx, next) && room.take(candidate) {
            outside.remove(&tx.txid());
            chosen.push(candidate.clone());
        }
    }
    let fees = room.fees;
    Ok(Selection { chosen, fees, weight: room.weight(room.txs), sigop_cost: room.sigop_cost })
}

/// Whether the transaction keeps the rules of the place that do not depend on other transactions: it is no coinbase,
/// its lock time has passed, and witnesses come only where they are committed to.
fn may_stand_in(tx: &Transaction, next: &NextBlock) -> bool {
    // Before BIP113 the block's own time counts, which may be as low as the lowest it may carry.
    let cutoff = if next.locktime_is_median { next.median_time_past } else { next.min_time };
    !tx.is_coinbase()
        && check_final(tx, next.height, cutoff).is_ok()
        && (next.witness_commitment || !tx.has_witness())
}

/// A block that fills up.
struct Room<'a> {
    limits: &'a Limits,
    subsidy: Amount,
    /// Transactions, the coinbase included.
    txs: u64,
    /// Their weight, without header and count.
    tx_weight: u64,
    sigop_cost: u64,
    fees: Amount,
}

impl<'a> Room<'a> {
    /// A block of the coinbase alone.
    fn beside(coinbase: &Transaction, next: &NextBlock, limits: &'a Limits) -> Result<Self, TemplateError> {
        let room = Self {
            limits,
            subsidy: next.subsidy,
            txs: 1,
            tx_weight: coinbase.weight().to_u64(),
            sigop_cost: legacy_sigops(coinbase) * WITNESS_SCALE_FACTOR,
            fees: Amount::ZERO,
        };
        let weight = room.weight(room.txs);
        if let Some(limit) = limits.block_txs.filter(|&limit| room.txs > u64::from(limit)) {
            return Err(TemplateError::TxCount { limit });
        }
        if weight > limits.block_weight {
            return Err(TemplateError::Weight { got: weight, limit: limits.block_weight });
        }
        if room.sigop_cost > limits.sigop_cost {
            return Err(TemplateError::Sigops { got: room.sigop_cost, limit: limits.sigop_cost });
        }
        if next.subsidy > limits.max_money {
            return Err(TemplateError::Subsidy { got: next.subsidy, limit: limits.max_money });
        }
        Ok(room)
    }

    /// Weight of the block if it holds `txs` transactions: the length of their count grows with it.
    fn weight(&self, txs: u64) -> u64 {
        let frame = (Header::SIZE + codec::compact_size_len(txs)) as u64;
        frame.saturating_mul(WITNESS_SCALE_FACTOR).saturating_add(self.tx_weight)
    }

    /// Puts the candidate in if the block stays within every limit with it.
    fn take(&mut self, candidate: &Candidate) -> bool {
        let Some(fees) = self.fees.checked_add(candidate.fee) else { return false };
        let with = Room {
            limits: self.limits,
            subsidy: self.subsidy,
            txs: self.txs + 1,
            tx_weight: self.tx_weight.saturating_add(candidate.tx.weight().to_u64()),
            sigop_cost: self.sigop_cost.saturating_add(candidate.sigop_cost),
            fees,
        };
        let fits = with.fits();
        if fits {
            *self = with;
        }
        fits
    }

    fn fits(&self) -> bool {
        let limits = self.limits;
        let value = self.subsidy.checked_add(self.fees);
        self.weight(self.txs) <= limits.block_weight
            && self.sigop_cost <= limits.sigop_cost
            && limits.block_txs.is_none_or(|limit| self.txs <= u64::from(limit))
            && value.is_some_and(|value| value <= limits.max_money)
    }
}
