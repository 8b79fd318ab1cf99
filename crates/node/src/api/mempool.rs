//! Unconfirmed transactions.

use cairn_primitives::{Script, Txid};
use cairn_rpc::{ApiError, FeeEstimate, HistoryEntry, MempoolPage, Page, SendRequest, Sent, TxDetail};

use super::Service;

const NO_POOL: ApiError = ApiError::NotReady { why: "the mempool is not running" };

impl Service {
    /// How many transactions wait for a block.
    pub(super) fn pool_count(&self) -> u64 {
        0
    }

    /// A page of the pool, best fee rate first.
    pub(super) fn pool_page(&self, _page: Page) -> Result<MempoolPage, ApiError> {
        Err(NO_POOL)
    }

    pub(super) fn pool_fees(&self) -> Result<FeeEstimate, ApiError> {
        Err(NO_POOL)
    }

    /// Puts a transaction into the pool and offers it to the peers.
    pub(super) fn pool_send(&self, request: &SendRequest) -> Result<Sent, ApiError> {
        let _ = request.transaction()?;
        Err(NO_POOL)
    }

    /// A transaction of the pool, with the outputs it spends.
    pub(super) fn pool_transaction(&self, _txid: Txid) -> Option<TxDetail> {
        None
    }

    /// What the pool's transactions would change of what `script` holds, in the smallest unit.
    pub(super) fn pool_change(&self, _script: &Script) -> i64 {
        0
    }

    /// The pool's transactions that pay to or spend from `script`, newest first.
    pub(super) fn pool_history(&self, _script: &Script) -> Vec<HistoryEntry> {
        Vec::new()
    }
}
