//! `/mempool`, `/fee-estimate`, `/tx/send`.

use std::fmt;

use cairn_mempool::{RemovalReason, SatPerKvb};
use cairn_primitives::{Amount, BlockTime, Decode, Encode, Transaction, Txid, Wtxid, hex};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// A fee rate: smallest units for 1,000 virtual bytes (`sat/kvB`), an integer in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeeRate(u64);

impl FeeRate {
    /// `sat` smallest units for 1,000 virtual bytes.
    #[must_use]
    pub const fn from_sat_per_kvb(sat: u64) -> Self {
        Self(sat)
    }

    /// Smallest units for 1,000 virtual bytes.
    #[must_use]
    pub const fn to_sat_per_kvb(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FeeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sat/kvB", self.0)
    }
}

impl From<SatPerKvb> for FeeRate {
    fn from(rate: SatPerKvb) -> Self {
        Self(rate.to_sat())
    }
}

impl From<FeeRate> for SatPerKvb {
    fn from(rate: FeeRate) -> Self {
        SatPerKvb::new(rate.0)
    }
}

/// `GET /mempool`: the unconfirmed transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolPage {
    /// Transactions in the pool.
    pub count: u64,
    /// Their virtual bytes together.
    pub vsize: u64,
    /// Their fees together, in the smallest unit.
    pub total_fee: Amount,
    /// The least rate at which the pool takes a transaction now, in `sat/kvB`.
    pub min_fee_rate: FeeRate,
    /// The most transactions this page may have.
    pub limit: u32,
    /// Transactions skipped, counted from the best fee rate.
    pub offset: u64,
    /// The transactions, best fee rate first.
    pub transactions: Vec<MempoolTx>,
}

/// A transaction in the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolTx {
    /// Hash of the transaction without witnesses.
    pub txid: Txid,
    /// Hash of the transaction with witnesses.
    pub wtxid: Wtxid,
    /// Virtual bytes as the pool's policy counts them: weight over four, more where signature operations are dense.
    pub vsize: u64,
    /// Weight units.
    pub weight: u64,
    /// Its fee in the smallest unit.
    pub fee: Amount,
    /// Fee for 1,000 virtual bytes, rounded down, in `sat/kvB`.
    pub fee_rate: FeeRate,
    /// When it came in, Unix seconds.
    pub time: BlockTime,
    /// Transactions of the pool it rests on, itself included.
    pub ancestors: u64,
    /// Transactions of the pool that rest on it, itself included.
    pub descendants: u64,
    /// Those whose outputs it spends.
    pub depends: Vec<Txid>,
}

/// `GET /fee-estimate`: rates to pay for a place in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeEstimate {
    /// For a block within about 25.
    pub slow: FeeRate,
    /// For a block within about 6; not below `slow`.
    pub standard: FeeRate,
    /// For one of the next two blocks; not below `standard`.
    pub fast: FeeRate,
    /// What the rates count.
    pub unit: FeeUnit,
    /// What the `standard` rate rests on.
    pub source: FeeSource,
}

/// What a fee rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeeUnit {
    /// Smallest units for 1,000 virtual bytes.
    #[serde(rename = "sat/kvB")]
    SatPerKvb,
}

/// What a fee estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeeSource {
    /// How long transactions waited for a block.
    History,
    /// What waits for a block now.
    Mempool,
    /// Neither says enough: the least the pool takes.
    Floor,
}

/// `POST /tx/send`: a signed transaction for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The transaction's bytes, witnesses included, as hex.
    pub raw_tx: String,
}

impl SendRequest {
    /// The most bytes a transaction may have. Policy takes at most 400,000 weight units, and each byte weighs one at least.
    pub const TX_BYTES_MAX: usize = 400_000;

    /// The order to send `tx`.
    #[must_use]
    pub fn new(tx: &Transaction) -> Self {
        Self { raw_tx: hex::encode(&tx.to_bytes()) }
    }

    /// The transaction.
    ///
    /// # Errors
    /// [`ApiError::Rejected`] with `tx-size` when there are more than [`SendRequest::TX_BYTES_MAX`] bytes,
    /// [`ApiError::NotATransaction`] when the text is not the hex form of one transaction and nothing else.
    pub fn transaction(&self) -> Result<Transaction, ApiError> {
        if self.raw_tx.len() / 2 > Self::TX_BYTES_MAX {
            return Err(ApiError::Rejected { reason: "tx-size" });
        }
        let bytes =
            hex::decode(&self.raw_tx).map_err(|_| ApiError::NotATransaction { rule: "must be hex" })?;
        <Transaction as Decode>::from_bytes(&bytes)
            .map_err(|_| ApiError::NotATransaction { rule: "must be one whole transaction" })
    }
}

/// What became of a transaction that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub txid: Txid,
    /// That it is in the pool now.
    pub status: SentStatus,
}

impl Sent {
    /// The transaction is in the pool.
    #[must_use]
    pub const fn accepted(txid: Txid) -> Self {
        Self { txid, status: SentStatus::Accepted }
    }
}

/// The only good end of a sent transaction; every other is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SentStatus {
    /// It is in the pool.
    Accepted,
}

/// What happened to the pool.
///
/// These events have no id and are in no log: a subscriber who comes later, or who is slow, never hears of them. What the pool
/// holds is at `GET /mempool`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolEvent {
    /// A transaction came in.
    Tx(TxEvent),
    /// A transaction left.
    TxRemoved(TxRemovedEvent),
    /// The pool as a whole after a change; sent now and then, not after each transaction.
    Mempool(MempoolEvent),
}

/// Data of a `tx` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxEvent {
    /// Hash of the transaction without witnesses.
    pub txid: Txid,
    /// Hash of the transaction with witnesses.
    pub wtxid: Wtxid,
    /// Its fee in the smallest unit.
    pub fee: Amount,
    /// Its virtual bytes.
    pub vsize: u64,
    /// Fee for 1,000 virtual bytes, in `sat/kvB`.
    pub fee_rate: FeeRate,
}

/// Data of a `tx_removed` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxRemovedEvent {
    /// The transaction.
    pub txid: Txid,
    /// Why it left.
    pub reason: TxRemoval,
}

/// Why a transaction left the pool; Bitcoin Core's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TxRemoval {
    /// It was not mined in time.
    Expiry,
    /// The pool was full, and it or what rested on it paid least.
    SizeLimit,
    /// After a reorganisation it is no longer possible.
    Reorg,
    /// A block confirmed it.
    Block,
    /// A block spent a coin of it or of what it rested on.
    Conflict,
    /// A transaction that pays more took its place.
    Replaced,
}

impl From<RemovalReason> for TxRemoval {
    fn from(reason: RemovalReason) -> Self {
        match reason {
            RemovalReason::Expiry => Self::Expiry,
            RemovalReason::SizeLimit => Self::SizeLimit,
            RemovalReason::Reorg => Self::Reorg,
            RemovalReason::Block => Self::Block,
            RemovalReason::Conflict => Self::Conflict,
            RemovalReason::Replaced => Self::Replaced,
        }
    }
}

/// Data of a `mempool` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolEvent {
    /// Transactions in the pool.
    pub count: u64,
    /// Their virtual bytes together.
    pub vsize: u64,
    /// The least rate at which the pool takes a transaction now, in `sat/kvB`.
    pub min_fee_rate: FeeRate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_sent_up_to_its_limit() {
        let reason = |bytes: usize| {
            let request = SendRequest { raw_tx: "00".repeat(bytes) };
            request.transaction().unwrap_err().body().reject_reason
        };
        assert_eq!(reason(SendRequest::TX_BYTES_MAX).as_deref(), Some("tx-decode-failed"));
        assert_eq!(reason(SendRequest::TX_BYTES_MAX + 1).as_deref(), Some("tx-size"));
    }

    #[test]
    fn removals_have_the_pools_own_names() {
        use RemovalReason::{Block, Conflict, Expiry, Reorg, Replaced, SizeLimit};
        for reason in [Expiry, SizeLimit, Reorg, Block, Conflict, Replaced] {
            let told = serde_json::to_value(TxRemoval::from(reason)).unwrap();
            assert_eq!(told, reason.name());
        }
    }
}
