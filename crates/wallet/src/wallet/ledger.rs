//! The transactions of a wallet, and the coins they leave.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cairn_primitives::{Amount, Height, OutPoint, Transaction, TxOut, Txid};

use super::book::{Book, KeyOrigin};
use crate::source::{ChainTip, SeenBlock};

/// A transaction and the block it stands in.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) tx: Transaction,
    pub(super) block: Option<SeenBlock>,
}

/// How far a coin is from being spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoinStatus {
    /// In a block and free to be spent.
    Confirmed,
    /// A coinbase output that may be spent in a block of this height and above.
    Immature {
        /// The least height of a block that may spend it.
        spendable_at: Height,
    },
    /// Not in a block yet, and made of this wallet's coins alone: its change. It may be spent.
    OwnUnconfirmed,
    /// Not in a block yet, and someone else can still take it back.
    ForeignUnconfirmed,
}

/// An unspent output that pays to the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedCoin {
    /// Where it stands.
    pub outpoint: OutPoint,
    /// Its amount and script.
    pub output: TxOut,
    /// Where its key stands; `None` in a wallet that watches one address.
    pub origin: Option<KeyOrigin>,
    /// The height of its block; `None` while it waits for one.
    pub height: Option<Height>,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// Blocks from its own to the tip, both counted; 0 while it waits.
    pub confirmations: u32,
    /// Whether it can be spent.
    pub status: CoinStatus,
}

/// What a wallet holds, by how soon it can be spent. No coin is counted twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// In blocks, and free to be spent.
    pub confirmed: Amount,
    /// Coinbase outputs that are too young.
    pub immature: Amount,
    /// Not in a block yet, own change included.
    pub unconfirmed: Amount,
}

impl Balance {
    /// All of it; held at 2⁶⁴ − 1.
    pub fn total(&self) -> Amount {
        self.confirmed.saturating_add(self.immature).saturating_add(self.unconfirmed)
    }
}

/// The wallet's transactions by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) records: BTreeMap<Txid, Record>,
}

impl Ledger {
    /// Who spends each coin that is spent.
    pub(super) fn spenders(&self) -> HashMap<OutPoint, Txid> {
        let spends = |(txid, record): (&Txid, &Record)| {
            let txid = *txid;
            record.tx.inputs().iter().map(move |input| (input.previous, txid)).collect::<Vec<_>>()
        };
        self.records.iter().flat_map(spends).collect()
    }

    /// The output at this place, if its transaction is known.
    pub(super) fn output(&self, outpoint: &OutPoint) -> Option<&TxOut> {
        self.records.get(&outpoint.txid)?.tx.outputs().get(outpoint.vout as usize)
    }

    /// Takes in a transaction that no block holds. Unconfirmed transactions that spend a coin of its are gone, and
    /// what rests on them. False, and nothing changes, when a block holds a spend of such a coin.
    pub(super) fn add_unconfirmed(&mut self, tx: Transaction) -> bool {
        let txid = tx.txid();
        if self.records.contains_key(&txid) {
            return true;
        }
        let spenders = self.spenders();
        let rivals: BTreeSet<Txid> =
            tx.inputs().iter().filter_map(|input| spenders.get(&input.previous)).copied().collect();
        if rivals.iter().any(|rival| self.records[rival].block.is_some()) {
            return false;
        }
        for gone in self.with_descendants(rivals) {
            self.records.remove(&gone);
        }
        self.records.insert(txid, Record { tx, block: None });
        true
    }

    /// Those of the waiting transactions that spend a coin which a block or a waiting one listed later spends.
    pub(super) fn losers(&self, waiting: &[Txid]) -> BTreeSet<Txid> {
        let confirmed = self.records.values().filter(|record| record.block.is_some());
        let mut taken: HashSet<OutPoint> =
            confirmed.flat_map(|record| record.tx.inputs()).map(|input| input.previous).collect();
        let mut losers = BTreeSet::new();
        for txid in waiting.iter().rev() {
            let inputs = self.records.get(txid).map_or(&[][..], |record| record.tx.inputs());
            if inputs.iter().any(|input| taken.contains(&input.previous)) {
                losers.insert(*txid);
            } else {
                taken.extend(inputs.iter().map(|input| input.previous));
            }
        }
        losers
    }

    /// These transactions and all known ones that rest on them.
    pub(super) fn with_descendants(&self, roots: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        let spenders = self.spenders();
        let mut open: Vec<Txid> = roots.into_iter().collect();
        let mut found: BTreeSet<Txid> = open.iter().copied().collect();
        while let Some(txid) = open.pop() {
            let outputs = self.records.get(&txid).map_or(0, |record| record.tx.outputs().len());
            let children =
                (0..outputs as u32).filter_map(|vout| spenders.get(&OutPoint { txid, vout })).copied();
            open.extend(children.filter(|child| found.insert(*child)).collect::<Vec<_>>());
        }
        found
    }

    /// Unconfirmed transactions that somebody else can still take back: those that spend a coin which is not the
    /// wallet's, and all that rests on them.
    fn foreign(&self, book: &Book) -> BTreeSet<Txid> {
        let own = |outpoint: &OutPoint| {
            self.output(outpoint).is_some_and(|output| book.owns(&output.script_pubkey))
        };
        let roots = self.records.iter().filter(|(_, record)| record.block.is_none());
        let roots = roots.filter(|(_, record)| !record.tx.inputs().iter().all(|input| own(&input.previous)));
        self.with_descendants(roots.map(|(txid, _)| *txid).collect::<Vec<_>>())
    }

    /// The unspent outputs that pay to the wallet, in the order of their outpoints.
    pub(super) fn coins(&self, book: &Book, tip: Option<ChainTip>, maturity: u32) -> Vec<OwnedCoin> {
        let (spenders, foreign) = (self.spenders(), self.foreign(book));
        let mut coins = Vec::new();
        for (txid, record) in &self.records {
            for (vout, output) in (0_u32..).zip(record.tx.outputs()) {
                let outpoint = OutPoint { txid: *txid, vout };
                let Some(place) = book.place(&output.script_pubkey) else { continue };
                if spenders.contains_key(&outpoint) {
                    continue;
                }
                let height = record.block.map(|block| block.height);
                coins.push(OwnedCoin {
                    outpoint,
                    output: output.clone(),
                    origin: book.origin(place),
                    height,
                    coinbase: record.tx.is_coinbase(),
                    confirmations: confirmations(height, tip),
                    status: status(record, tip, maturity, foreign.contains(txid)),
                });
            }
        }
        coins
    }
}

/// Blocks from `height` to the tip, both counted.
pub(super) fn confirmations(height: Option<Height>, tip: Option<ChainTip>) -> u32 {
    match (height, tip) {
        (Some(height), Some(tip)) => {
            tip.height.blocks_above(height).map_or(0, |above| above.saturating_add(1))
        }
        _ => 0,
    }
}

/// A coinbase output may be spent `maturity` blocks above its own (Core's `CheckTxInputs`).
fn status(record: &Record, tip: Option<ChainTip>, maturity: u32, foreign: bool) -> CoinStatus {
    let Some(block) = record.block else {
        return if foreign { CoinStatus::ForeignUnconfirmed } else { CoinStatus::OwnUnconfirmed };
    };
    let spendable_at = Height::new(block.height.to_u32().saturating_add(maturity));
    let next = tip.map_or(Height::GENESIS, |tip| tip.height.next());
    if record.tx.is_coinbase() && next < spendable_at {
        return CoinStatus::Immature { spendable_at };
    }
    CoinStatus::Confirmed
}

pub(super) fn balance(coins: &[OwnedCoin]) -> Balance {
    let mut balance = Balance::default();
    for coin in coins {
        let part = match coin.status {
            CoinStatus::Confirmed => &mut balance.confirmed,
            CoinStatus::Immature { .. } => &mut balance.immature,
            CoinStatus::OwnUnconfirmed | CoinStatus::ForeignUnconfirmed => &mut balance.unconfirmed,
        };
        *part = part.saturating_add(coin.output.value);
    }
    balance
}
