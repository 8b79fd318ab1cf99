//! Why each input of a transaction may be spent, or not.

use cairn_consensus::{TxError, check_spend, check_transaction, script_flags_at};
use cairn_params::ChainSpec;
use cairn_primitives::{Amount, Coin, Height, OutPoint, ScriptKind, Transaction};
use cairn_script::{ScriptError, ScriptFlags, SighashCache, Trace, verify_traced};

use super::error::VerifyError;
use super::prevouts::{Prevout, Prevouts};

/// A transaction with the coins it spends, and the rules it is looked at under.
#[derive(Debug)]
pub struct Explainer<'a> {
    tx: &'a Transaction,
    coins: Vec<&'a Prevout>,
    flags: ScriptFlags,
    fee: Result<Amount, TxError>,
}

/// What happens at one input.
#[derive(Debug, Clone)]
pub struct InputReport {
    /// Its index.
    pub index: usize,
    /// The coin it spends.
    pub outpoint: OutPoint,
    /// The coin's value.
    pub value: Amount,
    /// The kind of the coin's script.
    pub kind: ScriptKind,
    /// Whether it may be spent, or the rule that is broken.
    pub outcome: Result<(), ScriptError>,
    /// What ran.
    pub trace: Trace,
}

impl<'a> Explainer<'a> {
    /// For `tx` under the rules of `height`, or with every fork the chain has if that is not said.
    ///
    /// # Errors
    /// [`VerifyError::Coinbase`]; [`VerifyError::MissingPrevout`] for the first input whose coin is not there: signatures
    /// may sign all coins spent, so none is left out.
    pub fn new(
        spec: &ChainSpec,
        tx: &'a Transaction,
        prevouts: &'a Prevouts,
        height: Option<Height>,
    ) -> Result<Self, VerifyError> {
        if tx.is_coinbase() {
            return Err(VerifyError::Coinbase);
        }
        let mut coins = Vec::with_capacity(tx.inputs().len());
        for (input, spending) in tx.inputs().iter().enumerate() {
            let outpoint = spending.previous;
            coins.push(prevouts.get(&outpoint).ok_or(VerifyError::MissingPrevout { input, outpoint })?);
        }
        let flags = script_flags_at(spec, height.unwrap_or(Height::new(u32::MAX)));
        let fee = check_transaction(tx, spec).and_then(|()| fee(spec, tx, &coins, height));
        Ok(Self { tx, coins, flags, fee })
    }

    /// The script rules.
    pub fn flags(&self) -> ScriptFlags {
        self.flags
    }

    /// What the transaction pays, or the first of its rules outside scripts that it breaks. Lock times are not looked at, and
    /// the ages of coins only where they and the height are known.
    pub fn fee(&self) -> Result<Amount, TxError> {
        self.fee
    }

    /// What happens at each input, one after the other; each takes up to a few megabytes, so it is made when asked for.
    pub fn inputs(&self) -> impl Iterator<Item = InputReport> + '_ {
        let cache = SighashCache::new(self.tx, self.coins.iter().map(|coin| &coin.output).collect());
        self.coins.iter().zip(self.tx.inputs()).enumerate().map(move |(index, (coin, input))| {
            let (outcome, trace) = verify_traced(&cache, index, self.flags);
            let output = &coin.output;
            let kind = output.script_pubkey.kind();
            InputReport { index, outpoint: input.previous, value: output.value, kind, outcome, trace }
        })
    }
}

fn fee(
    spec: &ChainSpec,
    tx: &Transaction,
    coins: &[&Prevout],
    height: Option<Height>,
) -> Result<Amount, TxError> {
    let coins: Vec<Coin> = coins
        .iter()
        .map(|coin| Coin {
            output: coin.output.clone(),
            height: coin.height.unwrap_or(Height::new(0)),
            coinbase: height.is_some() && coin.height.is_some() && coin.coinbase == Some(true),
        })
        .collect();
    check_spend(tx, &coins, height.unwrap_or(Height::new(u32::MAX)), spec)
}
