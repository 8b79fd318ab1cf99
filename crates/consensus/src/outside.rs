//! Checking a block whose chain is not at hand.

use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{Amount, BlockTime, Height};
use cairn_script::ScriptFlags;

use crate::block::CheckedBlock;
use crate::checks::ScriptChecks;
use crate::coins::CoinView;
use crate::connect::{connect_in_place, flags_where};
use crate::context::check_in_place;
use crate::error::BlockError;
use crate::header::{check_checkpoint, check_version};
use crate::place::Place;

/// What is said of the place of a block whose chain is not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside {
    /// The block's height.
    pub height: Height,
    /// The median time past of its parent. A block's own time is later, so the second before that is the latest
    /// it can be, and taken where nothing is said: then a lock is only refused if it has not passed for sure.
    pub median_time_past: Option<BlockTime>,
}

/// A block that keeps every rule that can be checked without its chain, once its script checks pass.
///
/// Only [`connect_outside`] makes one. It cannot be applied to anything.
#[derive(Debug, Clone)]
pub struct OutsideConnection {
    fees: Amount,
    sigop_cost: u64,
    scripts: ScriptChecks,
}

impl OutsideConnection {
    /// The fees of all its transactions.
    pub fn fees(&self) -> Amount {
        self.fees
    }

    /// What its signature operations cost.
    pub fn sigop_cost(&self) -> u64 {
        self.sigop_cost
    }

    /// The script checks that decide whether the block is valid. All must pass.
    pub fn scripts(&self) -> &ScriptChecks {
        &self.scripts
    }
}

/// Checks a block against the rules of its height that need no coin: checkpoint, version floor, lock times, coinbase
/// height, witness commitment and weight.
///
/// What only the chain can tell is taken to be right: that the parent is what it is said to be, the bits, the block's time
/// against the past, and its signals. Forks that blocks signal for are taken to hold from the lowest height at which they can.
///
/// # Errors
/// The first [`BlockError`]; [`BlockError::WrongBlock`] at height 0 for a block that is not the chain's genesis.
pub fn check_outside(spec: &ChainSpec, outside: Outside, block: &CheckedBlock) -> Result<(), BlockError> {
    match outside.place(spec, block) {
        Some(place) => check(&place, block),
        None => check_genesis(spec, block),
    }
}

/// Checks a block given the coins it spends and a statement of where it stands, without the headers below it.
///
/// The rules are those of [`check_outside`] and of [`connect`](crate::connect), under the flags of that height. Besides what
/// the former takes to be right, so are relative locks in units of time, coins that would be overwritten, and that the
/// coins given are what was unspent. Scripts are never assumed valid.
///
/// # Errors
/// The first [`BlockError`].
pub fn connect_outside<V: CoinView>(
    spec: &ChainSpec,
    outside: Outside,
    block: Arc<CheckedBlock>,
    coins: &V,
) -> Result<OutsideConnection, BlockError> {
    let Some(place) = outside.place(spec, &block) else {
        check_genesis(spec, &block)?;
        let scripts = ScriptChecks::none(block, Arc::default(), script_flags_at(spec, outside.height));
        return Ok(OutsideConnection { fees: Amount::ZERO, sigop_cost: 0, scripts });
    };
    check(&place, &block)?;
    let effect = connect_in_place(&place, block, coins)?;
    Ok(OutsideConnection { fees: effect.fees, sigop_cost: effect.sigop_cost, scripts: effect.scripts })
}

impl Outside {
    /// `None` for genesis.
    fn place<'a>(&self, spec: &'a ChainSpec, block: &CheckedBlock) -> Option<Place<'a>> {
        let latest = BlockTime::new(block.block().header.time.to_u32().saturating_sub(1));
        let median_time_past = self.median_time_past.unwrap_or(latest);
        let above_genesis = self.height > Height::new(0);
        above_genesis.then(|| Place::outside(spec, self.height, block.hash(), median_time_past))
    }
}

fn check(place: &Place<'_>, block: &CheckedBlock) -> Result<(), BlockError> {
    check_checkpoint(place.spec, place.height, place.hash)?;
    check_version(place.spec, place.height, block.block().header.version)?;
    check_in_place(place, block)
}

/// Genesis is what the spec says and has no other rule to keep.
fn check_genesis(spec: &ChainSpec, block: &CheckedBlock) -> Result<(), BlockError> {
    let (got, expected) = (block.hash(), spec.genesis_hash());
    if got == expected { Ok(()) } else { Err(BlockError::WrongBlock { got, expected }) }
}

/// The script rules that hold at a height, in a block that is none of the chain's exceptions. Forks that blocks signal for
/// count from the lowest height at which they can hold. See [`script_flags`](crate::script_flags).
pub fn script_flags_at(spec: &ChainSpec, height: Height) -> ScriptFlags {
    flags_where(spec, None, |fork| spec.deployments.activation(fork).possible_at(height))
}
