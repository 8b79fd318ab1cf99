//! Whether one block keeps the rules.

use std::collections::HashSet;
use std::sync::Arc;

use cairn_consensus::{
    BlockError, CoinView, CoinViewError, Outside, check_block, check_outside, connect_outside,
};
use cairn_params::ChainSpec;
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Coin, Height, LockTime, OutPoint, RelativeLock, Transaction, Txid,
    Weight,
};

use super::prevouts::Prevouts;
use super::scripts;

/// Lowest transaction version with relative locks (BIP68).
const BIP68_VERSION: u32 = 2;

/// What is known of a block besides its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockQuery<'a> {
    /// Its height.
    pub height: Option<Height>,
    /// The coins it spends from outside itself; looked at if the height is known.
    pub prevouts: Option<&'a Prevouts>,
    /// The median time past of its parent.
    pub median_time_past: Option<BlockTime>,
}

/// Something about a block that could not be checked with what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchecked {
    /// The height is not known, and so no rule that depends on it.
    Height,
    /// The coins are not known: no values, fees, signature operations behind hashes, locks by age, or scripts.
    Prevouts,
    /// The age of coins: so many are spent whose height, or whether a coinbase made them, is not known.
    CoinAges(usize),
    /// Locks by median time past that passed if that is as late as the block's own time allows: so many transactions.
    LockTimes(usize),
    /// Relative locks in units of 512 seconds: so many inputs have one.
    RelativeTimes(usize),
}

impl std::fmt::Display for Unchecked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Height => f.write_str("what depends on the height, for it was not given"),
            Self::Prevouts => f.write_str(
                "values, fees, scripts and all else that needs the coins spent, for they were not given",
            ),
            Self::CoinAges(coins) => write!(f, "the age of {coins} coins of unknown height or origin"),
            Self::LockTimes(txs) => write!(
                f,
                "the lock times of {txs} transactions against the median time past, for it was not given"
            ),
            Self::RelativeTimes(inputs) => {
                write!(f, "the relative locks of {inputs} inputs in units of 512 seconds")
            }
        }
    }
}

/// What a check of a block found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReport {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its transactions, the coinbase included.
    pub txs: usize,
    /// The inputs of all but the coinbase.
    pub inputs: usize,
    /// Its weight.
    pub weight: Weight,
    /// What its signature operations cost. Known once everything but the scripts passed.
    pub sigop_cost: Option<u64>,
    /// The fees of all its transactions. Known once everything but the scripts passed.
    pub fees: Option<Amount>,
    /// The first rule it breaks.
    pub outcome: Result<(), BlockError>,
    /// What could not be checked.
    pub unchecked: Vec<Unchecked>,
}

/// Checks a block as far as possible with what is known of it, its scripts on all cores.
///
/// What is left out for want of data stands in [`BlockReport::unchecked`]. What only the chain can tell is never checked and not listed:
/// see [`connect_outside`]. `progress` hears from several threads how many of how many groups of scripts are done.
pub fn verify_block(
    spec: &ChainSpec,
    block: Block,
    query: &BlockQuery<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> BlockReport {
    let inputs = block.transactions.iter().filter(|tx| !tx.is_coinbase()).map(|tx| tx.inputs().len()).sum();
    let mut report = BlockReport {
        hash: block.hash(),
        txs: block.transactions.len(),
        inputs,
        weight: block.weight(),
        sigop_cost: None,
        fees: None,
        outcome: Ok(()),
        unchecked: unchecked(spec, &block, query),
    };
    report.outcome = check(spec, block, query, progress, &mut report);
    report
}

fn check(
    spec: &ChainSpec,
    block: Block,
    query: &BlockQuery<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
    report: &mut BlockReport,
) -> Result<(), BlockError> {
    let block = Arc::new(check_block(block, spec)?);
    let Some(height) = query.height else { return Ok(()) };
    let outside = Outside { height, median_time_past: query.median_time_past };
    let Some(prevouts) = query.prevouts else { return check_outside(spec, outside, &block) };
    let coins = Below { made: block.block().transactions.iter().map(Transaction::txid).collect(), prevouts };
    let connection = connect_outside(spec, outside, block, &coins)?;
    report.sigop_cost = Some(connection.sigop_cost());
    report.fees = Some(connection.fees());
    scripts::run(connection.scripts(), progress)
}

/// The coins below a block: those given, but for what the block itself makes. A list may have these too, and they are
/// not there before the block has made them.
struct Below<'a> {
    made: HashSet<Txid>,
    prevouts: &'a Prevouts,
}

impl CoinView for Below<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        if self.made.contains(&outpoint.txid) { Ok(None) } else { self.prevouts.coin(outpoint) }
    }
}

fn unchecked(spec: &ChainSpec, block: &Block, query: &BlockQuery<'_>) -> Vec<Unchecked> {
    let Some(height) = query.height else { return vec![Unchecked::Height, Unchecked::Prevouts] };
    let by_median = spec.deployments.csv.possible_at(height);
    let mut found = Vec::new();
    let locked = || block.transactions.iter().filter(|tx| has_lock_time(tx)).count();
    if by_median && query.median_time_past.is_none() {
        found.push(Unchecked::LockTimes(locked()));
    }
    let Some(prevouts) = query.prevouts else {
        found.push(Unchecked::Prevouts);
        return found.into_iter().filter(Unchecked::counts).collect();
    };
    let inputs = || block.transactions.iter().flat_map(|tx| tx.inputs());
    let coins = inputs().filter_map(|input| prevouts.get(&input.previous));
    let ageless = coins.filter(|coin| coin.height.is_none() || coin.coinbase.is_none()).count();
    found.push(Unchecked::CoinAges(ageless));
    if by_median {
        found.push(Unchecked::RelativeTimes(block.transactions.iter().map(relative_times).sum()));
    }
    found.into_iter().filter(Unchecked::counts).collect()
}

impl Unchecked {
    /// Whether it concerns anything.
    fn counts(&self) -> bool {
        !matches!(self, Self::CoinAges(0) | Self::LockTimes(0) | Self::RelativeTimes(0))
    }
}

/// Whether a lock time in seconds holds the transaction back.
fn has_lock_time(tx: &Transaction) -> bool {
    tx.lock_time().to_u32() >= LockTime::THRESHOLD
        && !tx.inputs().iter().all(|input| input.sequence.is_final())
}

/// Inputs locked relative to the time of their coins. Versions are compared without sign, as the rule does.
fn relative_times(tx: &Transaction) -> usize {
    if tx.is_coinbase() || (tx.version() as u32) < BIP68_VERSION {
        return 0;
    }
    let locks = tx.inputs().iter().map(|input| input.sequence.relative_lock());
    locks.filter(|lock| matches!(lock, RelativeLock::Units512s(units) if *units > 0)).count()
}
