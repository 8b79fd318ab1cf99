//! Paying more for a transaction that waits.

use cairn_primitives::{Amount, OutPoint, Sequence, Transaction, TxOut, Txid};
use thiserror::Error;

use super::Wallet;
use super::build::{BuildError, insufficient, parts, spendable};
use super::ledger::{CoinStatus, OwnedCoin};
use crate::keys::Branch;
use crate::rate::FeeRate;
use crate::request::SigningRequest;
use crate::select::{Candidate, Payment};
use crate::size::SpendSize;

/// Why a transaction cannot be replaced by one that pays more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BumpError {
    /// The wallet does not know it.
    #[error("transaction {txid} is not in this wallet")]
    Unknown {
        /// The transaction.
        txid: Txid,
    },
    /// A block holds it.
    #[error("transaction {txid} is confirmed")]
    Confirmed {
        /// The transaction.
        txid: Txid,
    },
    /// It spends a coin for which the wallet has no key.
    #[error("input {index} of transaction {txid} is not this wallet's")]
    NotOwn {
        /// The transaction.
        txid: Txid,
        /// The position of the input.
        index: usize,
    },
    /// It does not signal that it may be replaced (BIP125 rule 1).
    #[error("transaction {txid} does not say that it may be replaced")]
    NotReplaceable {
        /// The transaction.
        txid: Txid,
    },
    /// Another transaction of the wallet rests on it, and would go with it.
    #[error("transaction {child} spends from transaction {txid}")]
    Spent {
        /// The transaction.
        txid: Txid,
        /// One that spends an output of it.
        child: Txid,
    },
    /// The rate is not above that of the transaction.
    #[error("a fee rate of {got} is not above the present one: at least {limit} is needed")]
    RateTooLow {
        /// The rate asked for.
        got: FeeRate,
        /// The least rate that replaces it: its own and [`FeeRate::RELAY`].
        limit: FeeRate,
    },
    /// The replacement cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Wallet {
    /// A transaction that replaces the waiting transaction `txid` and pays at `rate`, to be signed.
    ///
    /// It spends the same coins and pays the same to others. The difference comes out of the change; where that is
    /// not enough, confirmed coins are added (BIP125 rule 2). The fee is at least the old one and
    /// [`FeeRate::RELAY`] for the new size (rules 3 and 4). Outputs to change addresses are replaced by one to the
    /// next change address; all others stay.
    ///
    /// # Errors
    /// [`BumpError`]; among them, wrapped, [`InsufficientFunds`](super::InsufficientFunds).
    pub fn bump_fee(&self, txid: &Txid, rate: FeeRate) -> Result<SigningRequest, BumpError> {
        self.bump_fee_within(txid, rate, self.default_max_fee())
    }

    /// As [`bump_fee`](Self::bump_fee), with this as the highest fee.
    ///
    /// # Errors
    /// Those of [`bump_fee`](Self::bump_fee).
    pub fn bump_fee_within(
        &self,
        txid: &Txid,
        rate: FeeRate,
        max_fee: Amount,
    ) -> Result<SigningRequest, BumpError> {
        let tx = self.waiting(txid)?;
        let required = self.spent_by(tx)?;
        let old_fee = fee(&required, tx);
        let old_rate = FeeRate::of(old_fee, tx.vsize());
        let limit = FeeRate::from_sat_per_kvb(
            old_rate.to_sat_per_kvb().saturating_add(FeeRate::RELAY.to_sat_per_kvb()),
        );
        if rate < limit {
            return Err(BumpError::RateTooLow { got: rate, limit });
        }

        let outputs = tx.outputs().iter().filter(|output| !self.is_change(output)).cloned().collect();
        let payment = Payment { outputs, change: self.change_script(), rate, replaces: Some(old_fee) };
        let all = self.coins();
        // The outputs of the transaction itself go with it: only confirmed coins of others are left to add.
        let (free, offered) = spendable(&all, |status| status == CoinStatus::Confirmed);
        let selection = payment
            .select(&candidates(&required), &offered)
            .map_err(|short| BuildError::from(insufficient(short, &all, false)))?;
        let mut coins = required;
        coins.extend(selection.picked.iter().map(|&at| free[at].clone()));
        let sequence = Sequence::new(0xffff_fffd);
        Ok(self.assemble(parts(payment, selection, coins, sequence, max_fee))?)
    }

    /// The transaction, if it waits, may be replaced, and nothing known rests on it.
    fn waiting(&self, txid: &Txid) -> Result<&Transaction, BumpError> {
        let txid = *txid;
        let record = self.ledger.records.get(&txid).ok_or(BumpError::Unknown { txid })?;
        if record.block.is_some() {
            return Err(BumpError::Confirmed { txid });
        }
        if !record.tx.inputs().iter().any(|input| input.sequence.is_rbf()) {
            return Err(BumpError::NotReplaceable { txid });
        }
        let spenders = self.ledger.spenders();
        let places = (0..record.tx.outputs().len() as u32).map(|vout| OutPoint { txid, vout });
        match places.into_iter().find_map(|place| spenders.get(&place)) {
            Some(child) => Err(BumpError::Spent { txid, child: *child }),
            None => Ok(&record.tx),
        }
    }

    /// The coins a transaction spends, all of which must be the wallet's.
    fn spent_by(&self, tx: &Transaction) -> Result<Vec<OwnedCoin>, BumpError> {
        let coin = |(index, outpoint): (usize, OutPoint)| {
            let output = self.ledger.output(&outpoint);
            let place = output.and_then(|output| self.book.place(&output.script_pubkey)).flatten();
            match (output, self.book.origin(place)) {
                (Some(output), Some(origin)) => Ok(OwnedCoin {
                    outpoint,
                    output: output.clone(),
                    origin: Some(origin),
                    height: None,
                    coinbase: false,
                    confirmations: 0,
                    status: CoinStatus::OwnUnconfirmed,
                }),
                _ => Err(BumpError::NotOwn { txid: tx.txid(), index }),
            }
        };
        tx.inputs().iter().map(|input| input.previous).enumerate().map(coin).collect()
    }

    fn is_change(&self, output: &TxOut) -> bool {
        let place = self.book.place(&output.script_pubkey).flatten();
        place.is_some_and(|(_, branch, _)| branch == Branch::Change)
    }
}

fn candidates(coins: &[OwnedCoin]) -> Vec<Candidate> {
    let spends = coins.iter().filter_map(|coin| {
        let spend = SpendSize::of(&coin.output.script_pubkey)?;
        Some(Candidate { value: coin.output.value, spend })
    });
    spends.collect()
}

fn fee(coins: &[OwnedCoin], tx: &Transaction) -> Amount {
    let value_in = coins.iter().map(|coin| coin.output.value).fold(Amount::ZERO, Amount::saturating_add);
    let value_out = tx.outputs().iter().map(|output| output.value).fold(Amount::ZERO, Amount::saturating_add);
    value_in.saturating_sub(value_out)
}
