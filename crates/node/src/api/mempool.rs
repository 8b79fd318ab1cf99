//! Unconfirmed transactions.

use std::sync::Arc;

use cairn_mempool::{Entry, EstimateSource, Mempool, Rejection};
use cairn_primitives::{OutPoint, Script, Transaction, TxOut, Txid};
use cairn_rpc::{
    ApiError, FeeEstimate, FeeSource, FeeUnit, HistoryEntry, MempoolPage, MempoolTx, Page, SendRequest, Sent,
    TxDetail, TxInfo, TxStatus,
};

use super::Service;
use crate::writer::now;

impl Service {
    /// How many transactions wait for a block.
    pub(super) fn pool_count(&self) -> u64 {
        self.pool.look(Mempool::len) as u64
    }

    /// A page of the pool, best fee rate first.
    pub(super) fn pool_page(&self, page: Page) -> Result<MempoolPage, ApiError> {
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        Ok(self.pool.look(|mempool| MempoolPage {
            count: mempool.len() as u64,
            vsize: mempool.vsize(),
            total_fee: mempool.total_fee(),
            min_fee_rate: mempool.min_fee_rate(now()).into(),
            limit: page.limit(),
            offset: page.offset(),
            transactions: mempool.by_fee_rate().skip(skip).take(page.limit() as usize).map(told).collect(),
        }))
    }

    pub(super) fn pool_fees(&self) -> Result<FeeEstimate, ApiError> {
        let estimates = self.pool.estimates();
        Ok(FeeEstimate {
            slow: estimates.slow.rate.into(),
            standard: estimates.standard.rate.into(),
            fast: estimates.fast.rate.into(),
            unit: FeeUnit::SatPerKvb,
            source: match estimates.standard.source {
                EstimateSource::History => FeeSource::History,
                EstimateSource::Mempool => FeeSource::Mempool,
                EstimateSource::Floor => FeeSource::Floor,
            },
        })
    }

    /// Puts a transaction into the pool, from where the network hears of it.
    pub(super) fn pool_send(&self, request: &SendRequest) -> Result<Sent, ApiError> {
        let tx = Arc::new(request.transaction()?);
        match self.pool.accept(tx, now()) {
            Ok(accepted) => Ok(Sent::accepted(accepted.txid)),
            Err(Rejection::CoinView(_)) => Err(ApiError::Internal { what: "the chain cannot be read" }),
            Err(rejection) => Err(ApiError::TxRejected(rejection)),
        }
    }

    /// A transaction of the pool, with the outputs it spends.
    pub(super) fn pool_transaction(&self, txid: Txid) -> Option<TxDetail> {
        let tx = self.pool.look(|mempool| mempool.get(&txid).map(|entry| Arc::clone(entry.tx())))?;
        let spent = self.pool_spends(&tx);
        let of_input = |index: usize| spent.get(index).and_then(Option::as_ref);
        let waiting = TxStatus { confirmed: false, height: None, block_hash: None, confirmations: 0 };
        let info = TxInfo::new(&tx, of_input, waiting, &self.notation);
        Some(TxDetail::new(info, &tx))
    }

    /// What the pool's transactions would change of what `script` holds, in the smallest unit.
    pub(super) fn pool_change(&self, script: &Script) -> i64 {
        let value = |output: &TxOut| i128::from(output.value.to_sat());
        let change: i128 = self
            .pool_touching(script)
            .iter()
            .map(|(tx, spent)| {
                let gained = tx.outputs().iter().filter(|output| output.script_pubkey == *script).map(value);
                gained.sum::<i128>() - spent.iter().map(value).sum::<i128>()
            })
            .sum();
        i64::try_from(change).unwrap_or(if change < 0 { i64::MIN } else { i64::MAX })
    }

    /// The pool's transactions that pay to or spend from `script`, newest first.
    pub(super) fn pool_history(&self, script: &Script) -> Vec<HistoryEntry> {
        let mut found: Vec<_> = self
            .pool_touching(script)
            .into_iter()
            .map(|(tx, _)| {
                let txid = tx.txid();
                let time = self.pool.look(|mempool| mempool.get(&txid).map(Entry::time));
                HistoryEntry {
                    txid,
                    height: None,
                    block_hash: None,
                    timestamp: time.unwrap_or_else(now),
                    confirmations: 0,
                }
            })
            .collect();
        found.sort_by(|a, b| b.timestamp.cmp(&a.timestamp).then(a.txid.cmp(&b.txid)));
        found
    }

    /// The pool's transactions that pay to or spend from `script`, each with the outputs of that script that it spends.
    fn pool_touching(&self, script: &Script) -> Vec<(Arc<Transaction>, Vec<TxOut>)> {
        let txs: Vec<_> =
            self.pool.look(|mempool| mempool.entries().map(|entry| Arc::clone(entry.tx())).collect());
        let of_script = |output: &TxOut| output.script_pubkey == *script;
        // Coins of the script: those in the chain, and those that the pool's own transactions make.
        let mut coins: std::collections::HashMap<OutPoint, TxOut> = self
            .reader
            .address_coins(&cairn_chainstate::script_hash(script))
            .unwrap_or_default()
            .into_iter()
            .map(|coin| {
                let output = TxOut { value: coin.value, script_pubkey: script.clone() };
                (coin.outpoint, output)
            })
            .collect();
        for tx in &txs {
            for (vout, output) in (0..).zip(tx.outputs()).filter(|(_, output)| of_script(output)) {
                coins.insert(OutPoint { txid: tx.txid(), vout }, output.clone());
            }
        }
        let touching = txs.into_iter().filter_map(|tx| {
            let spent: Vec<TxOut> =
                tx.inputs().iter().filter_map(|input| coins.get(&input.previous).cloned()).collect();
            (!spent.is_empty() || tx.outputs().iter().any(of_script)).then_some((tx, spent))
        });
        touching.collect()
    }

    /// For each input of a transaction of the pool the output it spends, if that can be found.
    fn pool_spends(&self, tx: &Transaction) -> Vec<Option<TxOut>> {
        tx.inputs().iter().map(|input| self.pool.coin(&input.previous).map(|coin| coin.output)).collect()
    }
}

fn told(entry: &Entry) -> MempoolTx {
    MempoolTx {
        txid: entry.txid(),
        wtxid: entry.wtxid(),
        vsize: entry.vsize(),
        weight: entry.tx().weight().to_u64(),
        fee: entry.fee(),
        fee_rate: entry.fee_rate().to_sat_per_kvb().into(),
        time: entry.time(),
        ancestors: entry.ancestors().count,
        descendants: entry.descendants().count,
        depends: entry.parents().iter().copied().collect(),
    }
}
