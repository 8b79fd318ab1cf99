//! A node elsewhere as a wallet's view of the chain.

use std::collections::HashSet;
use std::thread::sleep;
use std::time::Duration;

use cairn_primitives::{Address, AddressPrefixes, Decode, Transaction, Txid, hex};
use cairn_wallet::{ChainSource, ChainTip, FeeEstimates, FeeRate as WalletRate, SeenBlock, SeenTx};

use super::{Client, ClientError};
use crate::api::{NodeApi, Page};
use crate::dto::{FeeRate, HistoryEntry, SendRequest};

/// The most transactions of one address that are read.
pub const HISTORY_MAX: u64 = 100_000;
/// How often a history is read again from its start because it changed while it was read.
const HISTORY_TRIES: usize = 10;
/// Pause after the node asked to slow down.
const SLOW_DOWN: Duration = Duration::from_millis(200);
/// How often one question is asked again after such a pause: ten seconds in all.
const SLOW_DOWN_TRIES: usize = 50;

/// The chain as a node elsewhere tells it. The node must keep its address index and its transaction index.
///
/// A node that asks to slow down is obeyed: a call then takes up to ten seconds longer.
#[derive(Debug, Clone)]
pub struct NodeChain {
    client: Client,
    prefixes: AddressPrefixes,
}

/// Why a node elsewhere does not tell a wallet what it asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeChainError {
    /// The node did not answer, or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What it sent is not what was asked for.
    #[error("the node sent something else than {asked}")]
    Other {
        /// What was asked for.
        asked: &'static str,
    },
    /// More transactions than a wallet reads.
    #[error("the address has {got} transactions; at most {limit} are read")]
    TooLong {
        /// How many it has.
        got: u64,
        /// [`HISTORY_MAX`].
        limit: u64,
    },
    /// The history changed each time it was read.
    #[error("the address's history changed {tries} times while it was read; try again")]
    Moving {
        /// How often it was read.
        tries: usize,
    },
}

impl NodeChain {
    /// The chain of the node that `client` speaks to, whose addresses have these prefixes. Asks nothing yet.
    #[must_use]
    pub fn new(client: Client, prefixes: AddressPrefixes) -> Self {
        Self { client, prefixes }
    }

    /// The whole history, as the node orders it; `None` when it changed between two pages.
    fn read_history(&self, address: &str) -> Result<Option<Vec<HistoryEntry>>, NodeChainError> {
        let mut entries: Vec<HistoryEntry> = Vec::new();
        let mut seen = HashSet::new();
        let mut total = None;
        loop {
            let page =
                Page::new(Page::LIMIT_MAX, entries.len() as u64).expect("the limit is the largest allowed");
            let told = patiently(|| self.client.history(address, page))?;
            if told.total > HISTORY_MAX {
                return Err(NodeChainError::TooLong { got: told.total, limit: HISTORY_MAX });
            }
            // Something came in or went out: what follows has moved by as much.
            if *total.get_or_insert(told.total) != told.total {
                return Ok(None);
            }
            let left = told.total - entries.len() as u64;
            let whole = told.history.len() as u64 == left.min(u64::from(Page::LIMIT_MAX));
            if !whole || !told.history.iter().all(|entry| seen.insert(entry.txid)) {
                return Ok(None);
            }
            entries.extend(told.history);
            if entries.len() as u64 == told.total {
                return Ok(Some(entries));
            }
        }
    }
}

impl ChainSource for NodeChain {
    type Error = NodeChainError;

    fn tip(&self) -> Result<ChainTip, NodeChainError> {
        let status = patiently(|| self.client.status())?;
        Ok(ChainTip { height: status.height, hash: status.best_hash })
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, NodeChainError> {
        let address = address.encode(&self.prefixes);
        for _ in 0..HISTORY_TRIES {
            if let Some(entries) = self.read_history(&address)? {
                // The node begins with what is newest.
                return entries.iter().rev().map(seen).collect();
            }
        }
        Err(NodeChainError::Moving { tries: HISTORY_TRIES })
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, NodeChainError> {
        let told = match patiently(|| self.client.transaction(*txid)) {
            Err(ClientError::Refused { status: 404, .. }) => return Ok(None),
            told => told?,
        };
        let bytes = hex::decode(&told.hex).ok();
        let tx = bytes.and_then(|bytes| <Transaction as Decode>::from_bytes(&bytes).ok());
        let asked = NodeChainError::Other { asked: "the transaction with this id" };
        tx.filter(|tx| tx.txid() == *txid).ok_or(asked).map(Some)
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, NodeChainError> {
        let told = patiently(|| self.client.fee_estimate())?;
        let rate = |rate: FeeRate| WalletRate::from_sat_per_kvb(rate.to_sat_per_kvb());
        Ok(FeeEstimates { slow: rate(told.slow), standard: rate(told.standard), fast: rate(told.fast) })
    }

    /// A transaction that is in the node's pool already counts as taken.
    fn broadcast(&self, tx: &Transaction) -> Result<Txid, NodeChainError> {
        match patiently(|| self.client.send_transaction(&SendRequest::new(tx))) {
            Ok(sent) if sent.txid == tx.txid() => Ok(sent.txid),
            Ok(_) => Err(NodeChainError::Other { asked: "the id of the transaction" }),
            Err(ClientError::Refused { body, .. })
                if body.reject_reason.as_deref() == Some("txn-already-in-mempool") =>
            {
                Ok(tx.txid())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn seen(entry: &HistoryEntry) -> Result<SeenTx, NodeChainError> {
    let block = match (entry.height, entry.block_hash) {
        (Some(height), Some(hash)) => Some(SeenBlock { height, hash, time: entry.timestamp }),
        (None, None) => None,
        _ => return Err(NodeChainError::Other { asked: "the history of an address" }),
    };
    Ok(SeenTx { txid: entry.txid, block })
}

/// Asks, and asks again after a pause where the node says that it is asked too often.
fn patiently<T>(ask: impl Fn() -> Result<T, ClientError>) -> Result<T, ClientError> {
    for _ in 0..SLOW_DOWN_TRIES {
        match ask() {
            Err(ClientError::Refused { status: 429, .. }) => sleep(SLOW_DOWN),
            answer => return answer,
        }
    }
    ask()
}
