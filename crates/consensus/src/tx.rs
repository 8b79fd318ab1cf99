//! The rules of a single transaction.

use cairn_params::{ChainSpec, Limits};
use cairn_primitives::hash::{HashSet, MapState};
use cairn_primitives::{Amount, Coin, Height, Transaction};

use crate::error::TxError;

/// Weight units that a byte outside the witness counts (BIP141, Core's `WITNESS_SCALE_FACTOR`).
pub const WITNESS_SCALE_FACTOR: u64 = 4;

/// Shortest and longest script of a coinbase input, in bytes.
pub const COINBASE_SCRIPT_LEN: std::ops::RangeInclusive<usize> = 2..=100;

/// Up to so many inputs are compared each with each, which is quicker than a set of them.
const FEW_INPUTS: usize = 12;

/// Checks everything that can be said of a transaction without its coins and its place.
///
/// # Errors
/// The first [`TxError`] in the order of Core's `CheckTransaction`.
pub fn check_transaction(tx: &Transaction, spec: &ChainSpec) -> Result<(), TxError> {
    check_not_empty(tx)?;
    check_size(tx, &spec.limits)?;
    check_output_values(tx, &spec.limits)?;
    check_inputs_distinct(tx)?;
    match tx.is_coinbase() {
        true => check_coinbase_script(tx),
        false => check_prevouts_named(tx),
    }
}

/// # Consensus
/// A transaction has at least one input and one output.
fn check_not_empty(tx: &Transaction) -> Result<(), TxError> {
    if tx.inputs().is_empty() {
        return Err(TxError::NoInputs);
    }
    if tx.outputs().is_empty() {
        return Err(TxError::NoOutputs);
    }
    Ok(())
}

/// # Consensus
/// Four times the size without witness must not exceed the block weight limit.
fn check_size(tx: &Transaction, limits: &Limits) -> Result<(), TxError> {
    let got = tx.base_size() as u64 * WITNESS_SCALE_FACTOR;
    if got > limits.block_weight {
        return Err(TxError::Oversize { got, limit: limits.block_weight });
    }
    Ok(())
}

/// # Consensus
/// Each output value, and their sum, lies between 0 and the money limit. On the wire a value is a
/// signed 64-bit number, hence the rule about negatives (CVE-2010-5139).
fn check_output_values(tx: &Transaction, limits: &Limits) -> Result<(), TxError> {
    let limit = limits.max_money;
    let mut total = Amount::ZERO;
    for (index, output) in tx.outputs().iter().enumerate() {
        let got = output.value;
        if got.to_sat() > i64::MAX as u64 {
            return Err(TxError::NegativeValue { index });
        }
        if got > limit {
            return Err(TxError::ValueTooLarge { index, got, limit });
        }
        total = match total.checked_add(got) {
            Some(sum) if sum <= limit => sum,
            _ => return Err(TxError::TotalTooLarge { limit }),
        };
    }
    Ok(())
}

/// # Consensus
/// No two inputs spend the same coin (CVE-2018-17144).
fn check_inputs_distinct(tx: &Transaction) -> Result<(), TxError> {
    let inputs = tx.inputs();
    let repeated = if inputs.len() <= FEW_INPUTS {
        (1..inputs.len()).find(|&index| {
            let outpoint = inputs[index].previous;
            inputs[..index].iter().any(|before| before.previous == outpoint)
        })
    } else {
        let mut seen = HashSet::with_capacity_and_hasher(inputs.len(), MapState);
        inputs.iter().position(|input| !seen.insert(input.previous))
    };
    match repeated {
        Some(index) => Err(TxError::DuplicateInput { index, outpoint: inputs[index].previous }),
        None => Ok(()),
    }
}

/// # Consensus
/// The script of a coinbase input is 2 to 100 bytes long.
fn check_coinbase_script(tx: &Transaction) -> Result<(), TxError> {
    let got = tx.inputs()[0].script_sig.len();
    if !COINBASE_SCRIPT_LEN.contains(&got) {
        let (min, max) = COINBASE_SCRIPT_LEN.into_inner();
        return Err(TxError::CoinbaseScriptLength { got, min, max });
    }
    Ok(())
}

/// # Consensus
/// Only a coinbase has an input that names no coin.
fn check_prevouts_named(tx: &Transaction) -> Result<(), TxError> {
    match tx.inputs().iter().position(|input| input.previous.is_null()) {
        Some(index) => Err(TxError::NullPrevout { index }),
        None => Ok(()),
    }
}

/// Checks the values and ages of the coins a transaction spends, and returns its fee.
///
/// `coins` holds one coin for each input, in the same order; `height` is that of the block the
/// transaction is, or would be, part of. Scripts and locks are not looked at.
///
/// # Errors
/// [`TxError::PrematureCoinbaseSpend`], [`TxError::InputValuesOutOfRange`],
/// [`TxError::InBelowOut`]: Core's `Consensus::CheckTxInputs` once every coin is found.
///
/// # Panics
/// If `coins` and the inputs differ in number.
pub fn check_spend(
    tx: &Transaction,
    coins: &[Coin],
    height: Height,
    spec: &ChainSpec,
) -> Result<Amount, TxError> {
    assert_eq!(coins.len(), tx.inputs().len(), "one coin for each input");
    let limit = spec.limits.max_money;
    let mut inputs = Amount::ZERO;
    for (index, coin) in coins.iter().enumerate() {
        check_maturity(coin, index, height, spec.limits.coinbase_maturity)?;
        inputs = match inputs.checked_add(coin.output.value) {
            // Amounts have no sign, so no coin is above the limit when their sum is not.
            Some(sum) if sum <= limit => sum,
            _ => return Err(TxError::InputValuesOutOfRange { limit }),
        };
    }
    let outputs =
        Amount::checked_sum(tx.outputs().iter().map(|o| o.value)).ok_or(TxError::TotalTooLarge { limit })?;
    // Core also checks the range of the fee; a difference of two sums in range is in range.
    inputs.checked_sub(outputs).ok_or(TxError::InBelowOut { inputs, outputs })
}

/// # Consensus
/// A coinbase output is spent at the earliest `coinbase_maturity` blocks after its own.
fn check_maturity(coin: &Coin, index: usize, height: Height, limit: u32) -> Result<(), TxError> {
    let got = height.to_u32().saturating_sub(coin.height.to_u32());
    if coin.coinbase && got < limit {
        return Err(TxError::PrematureCoinbaseSpend { index, got, limit });
    }
    Ok(())
}
