//! The chain as the node's own wallet sees it: without a detour over HTTP.

use std::sync::Arc;

use cairn_chainstate::{ChainReader, ChainStateError, script_hash};
use cairn_mempool::Rejection;
use cairn_primitives::{Address, Script, Transaction, Txid};
use cairn_wallet::{ChainSource, ChainTip, FeeEstimates, FeeRate, SeenBlock, SeenTx};

use crate::pool::Pool;
use crate::writer::now;

/// The node's chain and pool. Needs both indexes.
#[derive(Debug)]
pub(super) struct OwnChain {
    reader: ChainReader,
    pool: Arc<Pool>,
}

/// Why the node's own chain does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnChainError {
    /// The disk, or an index that is off.
    #[error(transparent)]
    Chain(#[from] ChainStateError),
    /// The pool does not take a transaction.
    #[error(transparent)]
    Refused(#[from] Rejection),
}

impl OwnChain {
    pub(super) fn new(reader: ChainReader, pool: Arc<Pool>) -> Self {
        Self { reader, pool }
    }

    /// Whether anything waits for a block.
    pub(super) fn waits(&self) -> bool {
        self.pool.look(|mempool| !mempool.is_empty())
    }

    /// The pool's transactions that pay to or spend from a script.
    fn waiting(&self, script: &Script) -> Vec<Txid> {
        let all: Vec<_> =
            self.pool.look(|mempool| mempool.entries().map(|entry| Arc::clone(entry.tx())).collect());
        let touches = |tx: &Transaction| {
            let pays = tx.outputs().iter().any(|output| output.script_pubkey == *script);
            pays || tx.inputs().iter().any(|input| {
                self.pool.coin(&input.previous).is_some_and(|coin| coin.output.script_pubkey == *script)
            })
        };
        all.iter().filter(|tx| touches(tx)).map(|tx| tx.txid()).collect()
    }
}

impl ChainSource for OwnChain {
    type Error = OwnChainError;

    fn tip(&self) -> Result<ChainTip, OwnChainError> {
        let tip = self.reader.tip();
        Ok(ChainTip { height: tip.height, hash: tip.hash })
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, OwnChainError> {
        let script = address.script_pubkey();
        // The pool first: what moves into a block meanwhile is then seen twice rather than not at all.
        let waiting = self.waiting(&script);
        let found = self.reader.address_history(&script_hash(&script), 0, usize::MAX)?;
        let mut seen = Vec::with_capacity(found.entries.len() + waiting.len());
        for entry in found.entries.iter().rev() {
            // An entry whose block was taken off between the two look-ups is left out.
            let hash = self.reader.block_hash_at(entry.height);
            let Some(info) = hash.and_then(|hash| self.reader.header(&hash)) else { continue };
            let block = SeenBlock { height: entry.height, hash: info.hash, time: info.header.time };
            seen.push(SeenTx { txid: entry.txid, block: Some(block) });
        }
        let confirmed: std::collections::HashSet<Txid> = seen.iter().map(|seen| seen.txid).collect();
        let waiting = waiting.into_iter().filter(|txid| !confirmed.contains(txid));
        seen.extend(waiting.map(|txid| SeenTx { txid, block: None }));
        Ok(seen)
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, OwnChainError> {
        let waiting = self.pool.look(|mempool| mempool.get(txid).map(|entry| Arc::clone(entry.tx())));
        if let Some(tx) = waiting {
            return Ok(Some(Arc::unwrap_or_clone(tx)));
        }
        Ok(self.reader.tx(txid)?.map(|found| found.tx))
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, OwnChainError> {
        let estimates = self.pool.estimates();
        let rate = |rate: cairn_mempool::SatPerKvb| FeeRate::from_sat_per_kvb(rate.to_sat());
        Ok(FeeEstimates {
            slow: rate(estimates.slow.rate),
            standard: rate(estimates.standard.rate),
            fast: rate(estimates.fast.rate),
        })
    }

    fn broadcast(&self, tx: &Transaction) -> Result<Txid, OwnChainError> {
        Ok(self.pool.accept(Arc::new(tx.clone()), now())?.txid)
    }
}
