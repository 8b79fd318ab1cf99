//! What travels as JSON: one struct an answer, fields named as the interface names them.
//!
//! Hashes are display-order hex. Amounts are integers in the chain's smallest unit, with a [`Decimal`] beside them under a
//! key that ends in the lower-case ticker.

mod address;
mod amount;
mod block;
mod event;
mod mempool;
mod mining;
mod peers;
mod spec;
mod status;
mod wallet;

pub use address::{Balance, BalanceCoins, History, HistoryEntry, Utxo, UtxoPage};
pub use amount::{
    Currency, CurrencyError, DECIMALS_MAX, Decimal, DecimalError, FieldName, TICKER_MAX, TickerField,
};
pub use block::{
    BlockHeader, BlockInfo, BlockPage, BlockSummary, FilterInfo, Notation, TxDetail, TxInfo, TxInput,
    TxOutput, TxProof, TxStatus, ValueCoins,
};
pub use event::{BlockEvent, BlockRef, Event, EventKind, EventSpan, EventType, ReorgEvent};
pub use mempool::{
    FeeEstimate, FeeRate, FeeSource, FeeUnit, MempoolEvent, MempoolPage, MempoolTx, PoolEvent, SendRequest,
    Sent, SentStatus, TxEvent, TxRemoval, TxRemovedEvent,
};
pub use mining::{
    CoinbaseCoins, MineRequest, Mined, MinerStatus, MiningTemplate, Submission, SubmitRequest,
    TemplateLimits, TemplateTx,
};
pub use peers::{PeerAddRequest, PeerAdded, PeerInfo, PeerList, Services, SyncStarted, Transport};
pub use spec::{SpecDocument, SpecDocumentError};
pub use status::{
    BackgroundProgress, ChainStatus, ChainTip, CirculatingCoins, IndexProgress, MaxSupplyCoins, Readiness,
    Status, Stopping, SubsidyCoins, Supply, SupplyCoins, TipStatus,
};
pub use wallet::{WalletSendRequest, WalletSent, WalletStatus};

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// One sentence for a person.
    pub error: String,
    /// A stable word for a program, such as `not-found`.
    pub code: String,
    /// The consensus or policy rule that refused what was sent, in Bitcoin Core's words where Core has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_reason: Option<String>,
}
