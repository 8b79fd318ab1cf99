//! From a script to the transactions that touch it and to its unspent coins.
//!
//! Scripts are named by their SHA-256, as Electrum servers do. Outputs that can never be spent have no entry.

use std::collections::BTreeMap;

use cairn_primitives::{Amount, Coin, Height, OutPoint, Script, Sha256, Transaction, Txid, hash};
use cairn_store::StoreError;

use super::{Changes, IndexDb, IndexKind, Place, Row, Step};
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::layout::{AddressCoinKey, AddressCoinRow, HistoryKey, HistoryRow};
use crate::live::Shared;

/// The name of a script in the address index: its SHA-256.
pub fn script_hash(script: &Script) -> Sha256 {
    Sha256::from_bytes(hash::sha256(script.as_bytes()))
}

/// An unspent coin of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressCoin {
    /// Where it was made.
    pub outpoint: OutPoint,
    /// What it is worth.
    pub value: Amount,
    /// Height of the block that made it.
    pub height: Height,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// Height of the first block that may spend it.
    pub spendable_at: Height,
}

/// What the unspent coins of a script are worth together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressBalance {
    /// Coins that the next block may spend.
    pub confirmed: Amount,
    /// Coinbase outputs that are still too young for the next block. Not part of `confirmed`.
    pub immature: Amount,
    /// Number of coins, immature ones included.
    pub coins: u64,
}

/// What one transaction did to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The transaction.
    pub txid: Txid,
    /// Height of its block.
    pub height: Height,
    /// Its place in the block.
    pub index: u32,
    /// Value of its outputs to the script.
    pub received: Amount,
    /// Value of the script's coins that it spent.
    pub spent: Amount,
}

/// A page of the transactions that touch a script, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressHistory {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page.
    pub entries: Vec<HistoryEntry>,
}

pub(super) fn add_changes(step: &Step<'_>, changes: &mut Changes) {
    let none = Vec::new();
    // The coinbase spends nothing and has no undo entry.
    let spent = std::iter::once(&none).chain(step.undo.txs.iter().map(|tx| &tx.coins));
    let txs = step.block.transactions.iter().zip(spent).enumerate();
    match step.kind {
        EventKind::Connected => txs.for_each(|(index, (tx, spent))| {
            add_history(step.height, index, tx, spent, true, changes);
            add_inputs(tx, spent, false, changes);
            add_outputs(step.height, tx, true, changes);
        }),
        // Backwards, so that a coin made and spent in the block ends up not there.
        EventKind::Disconnected => {
            for (index, (tx, spent)) in txs.collect::<Vec<_>>().into_iter().rev() {
                add_history(step.height, index, tx, spent, false, changes);
                add_inputs(tx, spent, true, changes);
                add_outputs(step.height, tx, false, changes);
            }
        }
    }
}

/// The coins a transaction spent: back when it is taken off, gone when it is put on.
fn add_inputs(tx: &Transaction, spent: &[Coin], put: bool, changes: &mut Changes) {
    for (input, coin) in tx.inputs().iter().zip(spent) {
        add_coin(input.previous, coin, put, changes);
    }
}

/// The coins a transaction made.
fn add_outputs(height: Height, tx: &Transaction, put: bool, changes: &mut Changes) {
    for (vout, output) in tx.outputs().iter().enumerate() {
        if !output.script_pubkey.is_unspendable() {
            let outpoint = OutPoint { txid: tx.txid(), vout: vout as u32 };
            let coin = Coin { output: output.clone(), height, coinbase: tx.is_coinbase() };
            add_coin(outpoint, &coin, put, changes);
        }
    }
}

fn add_coin(outpoint: OutPoint, coin: &Coin, put: bool, changes: &mut Changes) {
    let key = AddressCoinKey { script: script_hash(&coin.output.script_pubkey), outpoint };
    let row = AddressCoinRow { value: coin.output.value, height: coin.height, coinbase: coin.coinbase };
    changes.insert(Place::Coin(key), if put { Row::Coin(row) } else { Row::Nothing });
}

fn add_history(
    height: Height,
    index: usize,
    tx: &Transaction,
    spent: &[Coin],
    put: bool,
    changes: &mut Changes,
) {
    let mut sums: BTreeMap<Sha256, (Amount, Amount)> = BTreeMap::new();
    for output in tx.outputs().iter().filter(|output| !output.script_pubkey.is_unspendable()) {
        let (received, _) = sums.entry(script_hash(&output.script_pubkey)).or_default();
        *received = received.saturating_add(output.value);
    }
    for coin in spent {
        let (_, spent) = sums.entry(script_hash(&coin.output.script_pubkey)).or_default();
        *spent = spent.saturating_add(coin.output.value);
    }
    for (script, (received, spent)) in sums {
        let key = HistoryKey { script, height, index: index as u32 };
        let row = HistoryRow { txid: tx.txid(), received, spent };
        changes.insert(Place::History(key), if put { Row::History(row) } else { Row::Nothing });
    }
}

impl IndexDb {
    /// The script's unspent coins in order of their outpoints, and the height they are of.
    pub(crate) fn address_coins(
        &self,
        shared: &Shared,
        script: &Sha256,
    ) -> Result<(Height, Vec<AddressCoin>), ChainStateError> {
        self.must_be_fresh(shared, IndexKind::Address)?;
        let _still = self.hold();
        let height = self.cursor(IndexKind::Address)?.map_or(Height::GENESIS, |cursor| cursor.height);
        let maturity = shared.spec.limits.coinbase_maturity;
        let coins = self.coins.prefix(script.as_bytes()).map(|entry| {
            let (AddressCoinKey { outpoint, .. }, AddressCoinRow { value, height, coinbase }) = entry?;
            // The block after the one that made it, or for a coinbase the first it is mature in.
            let wait = if coinbase { maturity.max(1) } else { 1 };
            let spendable_at = height.checked_add(wait).unwrap_or(Height::new(u32::MAX));
            Ok(AddressCoin { outpoint, value, height, coinbase, spendable_at })
        });
        let coins = coins.collect::<Result<_, StoreError>>()?;
        Ok((height, coins))
    }

    /// What the script's unspent coins are worth.
    pub(crate) fn address_balance(
        &self,
        shared: &Shared,
        script: &Sha256,
    ) -> Result<AddressBalance, ChainStateError> {
        let (height, coins) = self.address_coins(shared, script)?;
        let next = height.next();
        let mut balance =
            AddressBalance { confirmed: Amount::ZERO, immature: Amount::ZERO, coins: coins.len() as u64 };
        for coin in &coins {
            let sum = if coin.spendable_at <= next { &mut balance.confirmed } else { &mut balance.immature };
            *sum = sum.saturating_add(coin.value);
        }
        Ok(balance)
    }

    /// The script's history without its first `skip` entries, at most `limit` of them.
    pub(crate) fn address_history(
        &self,
        shared: &Shared,
        script: &Sha256,
        skip: usize,
        limit: usize,
    ) -> Result<AddressHistory, ChainStateError> {
        self.must_be_fresh(shared, IndexKind::Address)?;
        let _still = self.hold();
        let mut page = AddressHistory { total: 0, entries: Vec::new() };
        for entry in self.history.prefix(script.as_bytes()).rev() {
            let (HistoryKey { height, index, .. }, HistoryRow { txid, received, spent }) = entry?;
            if page.total >= skip as u64 && page.entries.len() < limit {
                page.entries.push(HistoryEntry { txid, height, index, received, spent });
            }
            page.total += 1;
        }
        Ok(page)
    }
}
