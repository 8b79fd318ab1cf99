//! What happened to the wallet's money.

use std::fmt;

use cairn_primitives::{Address, Amount, Script, Txid};

use super::Wallet;
use super::ledger::{Record, confirmations};
use crate::source::SeenBlock;

/// What a transaction did to the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetAmount {
    /// It brought this much; zero where nothing changed.
    Received(Amount),
    /// It took this much, fee included.
    Sent(Amount),
}

impl NetAmount {
    fn of(received: Amount, spent: Amount) -> Self {
        match received.checked_sub(spent) {
            Some(more) => Self::Received(more),
            None => Self::Sent(spent.saturating_sub(received)),
        }
    }

    /// The amount in smallest units, below zero where it was sent.
    pub fn to_sat(self) -> i128 {
        match self {
            Self::Received(amount) => i128::from(amount.to_sat()),
            Self::Sent(amount) => -i128::from(amount.to_sat()),
        }
    }
}

/// The number of smallest units, with a minus where they were sent.
impl fmt::Display for NetAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_sat().fmt(f)
    }
}

/// A transaction as the wallet's owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its id.
    pub txid: Txid,
    /// What it brought or took.
    pub net: NetAmount,
    /// What it pays; `None` unless the wallet knows every coin it spends.
    pub fee: Option<Amount>,
    /// Height, hash and time of its block; `None` while it waits for one.
    pub block: Option<SeenBlock>,
    /// Blocks from its own to the tip, both counted; 0 while it waits.
    pub confirmations: u32,
    /// Whether a coinbase, which pays a miner.
    pub coinbase: bool,
    /// Whether it waits and says that it may be replaced (BIP125).
    pub replaceable: bool,
    /// The wallet's addresses that it pays to.
    pub own: Vec<Address>,
    /// The other addresses it pays to, where the wallet paid. Who paid the wallet cannot be told from a transaction.
    pub counterparties: Vec<Address>,
}

impl Wallet {
    /// Every transaction: those that wait first, then the newest block first.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let mut entries: Vec<_> =
            self.ledger.records.iter().map(|(txid, record)| self.entry(*txid, record)).collect();
        // Waiting ones have no height and stand in front of all that do.
        entries.sort_by_key(|entry| {
            let height = entry.block.map(|block| block.height);
            (height.is_some(), std::cmp::Reverse(height), entry.txid)
        });
        entries
    }

    fn entry(&self, txid: Txid, record: &Record) -> HistoryEntry {
        let tx = &record.tx;
        let known = tx.inputs().iter().map(|input| self.ledger.output(&input.previous));
        let spent_own: Vec<Amount> = known
            .clone()
            .flatten()
            .filter(|output| self.book.owns(&output.script_pubkey))
            .map(|output| output.value)
            .collect();
        let paid_own = tx.outputs().iter().filter(|output| self.book.owns(&output.script_pubkey));
        let received = sum(paid_own.map(|output| output.value));
        let spent = sum(spent_own.iter().copied());
        let values_in: Option<Vec<Amount>> = known.map(|output| output.map(|output| output.value)).collect();
        let values_out = sum(tx.outputs().iter().map(|output| output.value));
        let fee =
            values_in.filter(|_| !tx.is_coinbase()).map(sum).and_then(|all| all.checked_sub(values_out));
        let is_own = |script: &Script| self.book.owns(script);
        let height = record.block.map(|block| block.height);
        HistoryEntry {
            txid,
            net: NetAmount::of(received, spent),
            fee,
            block: record.block,
            confirmations: confirmations(height, self.tip),
            coinbase: tx.is_coinbase(),
            replaceable: height.is_none() && tx.inputs().iter().any(|input| input.sequence.is_rbf()),
            own: self.paid(record, is_own),
            counterparties: if spent_own.is_empty() {
                Vec::new()
            } else {
                self.paid(record, |script| !is_own(script))
            },
        }
    }

    fn paid(&self, record: &Record, wanted: impl Fn(&Script) -> bool) -> Vec<Address> {
        let mut addresses = Vec::new();
        for output in record.tx.outputs().iter().filter(|output| wanted(&output.script_pubkey)) {
            let address = Address::from_script(&output.script_pubkey);
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        addresses
    }
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    amounts.into_iter().fold(Amount::ZERO, Amount::saturating_add)
}
