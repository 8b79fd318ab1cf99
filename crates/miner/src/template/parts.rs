//! A template that someone else made, as it comes over a network.

use cairn_consensus::{WITNESS_SCALE_FACTOR, legacy_sigops};
use cairn_primitives::{
    Amount, BlockHash, BlockTime, CompactTarget, Header, Height, Script, Transaction, codec,
};

use super::{BlockTemplate, Candidate, TemplateError, coinbase::Coinbase, commitment, merkle_branch};

/// What makes up a template: all that a node has to tell a miner of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateParts {
    /// Height of the block.
    pub height: Height,
    /// Hash of the block below.
    pub prev: BlockHash,
    /// Header version.
    pub version: i32,
    /// The bits the header must carry.
    pub bits: CompactTarget,
    /// The time the block would carry now.
    pub time: BlockTime,
    /// The earliest time the header may carry.
    pub min_time: BlockTime,
    /// The latest.
    pub max_time: BlockTime,
    /// How far a header's time may be ahead of a node's clock, in seconds.
    pub max_future_seconds: u32,
    /// What the coinbase pays: subsidy and fees.
    pub coinbase_value: Amount,
    /// Whom it pays.
    pub payout: Script,
    /// Whether the block commits to the witnesses it carries (BIP141).
    pub witness_commitment: bool,
    /// The transactions after the coinbase, in block order.
    pub transactions: Vec<Candidate>,
}

impl BlockTemplate {
    /// The template that these parts describe. Merkle branch, witness commitment, weight and cost are computed, not believed;
    /// that the block keeps the chain's rules is the promise of who made the parts.
    ///
    /// # Errors
    /// [`TemplateError::Bits`] when the bits are no target, [`TemplateError::Times`] when no time is allowed.
    pub fn from_parts(parts: TemplateParts) -> Result<Self, TemplateError> {
        let target = parts.bits.to_target()?;
        if parts.min_time > parts.max_time {
            return Err(TemplateError::Times { min: parts.min_time, max: parts.max_time });
        }
        let commitment = parts.witness_commitment.then(|| commitment(&parts.transactions));
        let coinbase = Coinbase::new(parts.height, parts.coinbase_value, parts.payout, commitment);
        let first = coinbase.transaction(0);
        Ok(Self {
            height: parts.height,
            prev: parts.prev,
            version: parts.version,
            bits: parts.bits,
            target,
            time: parts.time,
            min_time: parts.min_time,
            max_time: parts.max_time,
            max_future_seconds: parts.max_future_seconds,
            merkle_branch: merkle_branch(&parts.transactions),
            weight: weight(&first, &parts.transactions),
            sigop_cost: sigop_cost(&first, &parts.transactions),
            coinbase,
            transactions: parts.transactions,
        })
    }
}

fn weight(coinbase: &Transaction, transactions: &[Candidate]) -> u64 {
    let count = 1 + transactions.len() as u64;
    let frame = (Header::SIZE + codec::compact_size_len(count)) as u64 * WITNESS_SCALE_FACTOR;
    let weights = transactions.iter().map(|candidate| candidate.tx.weight().to_u64());
    weights.fold(frame + coinbase.weight().to_u64(), u64::saturating_add)
}

fn sigop_cost(coinbase: &Transaction, transactions: &[Candidate]) -> u64 {
    let costs = transactions.iter().map(|candidate| candidate.sigop_cost);
    costs.fold(legacy_sigops(coinbase) * WITNESS_SCALE_FACTOR, u64::saturating_add)
}
