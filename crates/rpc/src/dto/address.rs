//! `/balance/{address}`, `/utxo/{address}`, `/address/{address}`.

use cairn_primitives::{Amount, BlockHash, BlockTime, Height, Txid};
use serde::{Deserialize, Serialize};

use super::amount::{FieldName, TickerField};

/// Key `balance_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceCoins;
impl FieldName for BalanceCoins {
    const PREFIX: &'static str = "balance";
}

/// `GET /balance/{address}`: what an address holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// The address asked for.
    pub address: String,
    /// All its confirmed coins, in the smallest unit, immature ones included.
    pub balance_satoshi: Amount,
    /// The same in coins.
    #[serde(flatten)]
    pub balance: TickerField<BalanceCoins>,
    /// The part that is block rewards not yet spendable, in the smallest unit.
    pub immature_satoshi: Amount,
    /// What unconfirmed transactions would change, in the smallest unit; negative when they spend.
    pub unconfirmed_satoshi: i64,
    /// Number of confirmed coins.
    pub utxo_count: u64,
}

/// `GET /utxo/{address}`: an address's confirmed coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UtxoPage {
    /// The address asked for.
    pub address: String,
    /// Number of coins it has.
    pub total: u64,
    /// The most coins this page may have.
    pub limit: u32,
    /// Coins skipped.
    pub offset: u64,
    /// The coins, oldest first.
    pub utxos: Vec<Utxo>,
}

/// One unspent output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utxo {
    /// Transaction that made it.
    pub txid: Txid,
    /// Index in that transaction.
    pub index: u32,
    /// Value in the smallest unit.
    pub value: Amount,
    /// Its script as hex.
    pub script_pubkey: String,
    /// Height of the block that made it.
    pub height: Height,
    /// Whether a coinbase made it.
    pub is_coinbase: bool,
    /// Height of the first block that may spend it.
    pub spendable_at: Height,
}

/// `GET /address/{address}`: an address's transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What it holds.
    #[serde(flatten)]
    pub balance: Balance,
    /// Number of transactions that touch it, unconfirmed ones included.
    pub total: u64,
    /// The most entries this page may have.
    pub limit: u32,
    /// Entries skipped, counted from the first.
    pub offset: u64,
    /// The transactions: unconfirmed ones first, then confirmed ones, newest first among each.
    pub history: Vec<HistoryEntry>,
}

/// One transaction that touches an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The transaction.
    pub txid: Txid,
    /// Height of its block; null while unconfirmed.
    pub height: Option<Height>,
    /// Hash of its block; null while unconfirmed.
    pub block_hash: Option<BlockHash>,
    /// That block's time, or while unconfirmed the time at which it came into the pool; Unix seconds.
    pub timestamp: BlockTime,
    /// 1 in the tip, 0 while unconfirmed.
    pub confirmations: i64,
}

impl HistoryEntry {
    /// A transaction that came into the pool at `time`.
    #[must_use]
    pub const fn unconfirmed(txid: Txid, time: BlockTime) -> Self {
        Self { txid, height: None, block_hash: None, timestamp: time, confirmations: 0 }
    }
}
