//! Building a transaction to be signed.

use cairn_primitives::{
    Address, Amount, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Witness,
};
use thiserror::Error;

use super::Wallet;
use super::ledger::{CoinStatus, OwnedCoin};
use crate::keys::Branch;
use crate::rate::FeeRate;
use crate::request::{RequestInput, SigningRequest};
use crate::select::{Candidate, Method, Payment, Selection, Shortfall};
use crate::size::{MAX_TX_WEIGHT, SpendSize, TxSize, dust_limit};

/// The highest fee unless another is set is one coin divided by this: 0.1 of a coin (Core's `-maxtxfee`).
pub const MAX_FEE_SHARE: u64 = 10;

/// Signals that the transaction may be replaced (BIP125), and leaves its lock time in force.
const REPLACEABLE: Sequence = Sequence::new(0xffff_fffd);
/// Leaves the lock time in force, and signals nothing.
const NOT_REPLACEABLE: Sequence = Sequence::new(0xffff_fffe);

/// The coins do not cover what is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "insufficient funds: {needed} needed with the fee, {available} available, {missing} missing ({immature} immature, \
     {unconfirmed} unconfirmed)"
)]
pub struct InsufficientFunds {
    /// The payments, and the fee of spending every coin that may be spent.
    pub needed: Amount,
    /// What those coins hold.
    pub available: Amount,
    /// The difference.
    pub missing: Amount,
    /// Held by coinbase outputs that are too young.
    pub immature: Amount,
    /// Held by unconfirmed outputs that are not spent: others can still take them back.
    pub unconfirmed: Amount,
}

/// Why a transaction cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The wallet watches an address and knows no key for it.
    #[error("this wallet watches an address; it knows no key to spend from it")]
    NoKeys,
    /// Nobody is to be paid.
    #[error("there is no recipient")]
    NoRecipient,
    /// A payment is too small for nodes to relay.
    #[error("payment {index} of {got} is dust: at least {limit} is needed")]
    Dust {
        /// Its position among the payments, from 0; that of everything that is left comes last.
        index: usize,
        /// Its amount.
        got: Amount,
        /// The dust limit of its address.
        limit: Amount,
    },
    /// The payments add up to more than there can be.
    #[error("the payments add up to more than {limit}")]
    TooMuch {
        /// The chain's highest amount.
        limit: Amount,
    },
    /// The coins do not cover it.
    #[error(transparent)]
    InsufficientFunds(#[from] InsufficientFunds),
    /// Nodes relay nothing at that rate.
    #[error("a fee rate of {got} is below {limit}, the least that nodes relay")]
    RateTooLow {
        /// The rate asked for.
        got: FeeRate,
        /// [`FeeRate::RELAY`].
        limit: FeeRate,
    },
    /// The fee is above the guard.
    #[error("the fee of {got} is above the highest allowed, {limit}")]
    FeeTooHigh {
        /// The fee.
        got: Amount,
        /// The guard, set with [`TxBuilder::max_fee`].
        limit: Amount,
    },
    /// It needs so many coins that nodes would not relay it.
    #[error("the transaction would weigh {got}, nodes relay at most {limit}; pay less, or join coins first")]
    TooLarge {
        /// Weight units.
        got: u64,
        /// [`MAX_TX_WEIGHT`].
        limit: u64,
    },
}

/// What is to be paid, and how. The fee rate comes from the owner or from
/// [`FeeEstimates::rate`](crate::FeeEstimates::rate).
///
/// Unless said otherwise the transaction signals that it may be replaced, spends no unconfirmed coins but the wallet's
/// own change, and pays at most a tenth of a coin.
#[derive(Clone, Debug)]
#[must_use]
pub struct TxBuilder {
    payments: Vec<(Address, Amount)>,
    rest: Option<Address>,
    rate: FeeRate,
    max_fee: Option<Amount>,
    replaceable: bool,
    foreign_unconfirmed: bool,
}

impl TxBuilder {
    /// Nothing to pay yet, at this rate.
    pub fn new(rate: FeeRate) -> Self {
        Self {
            payments: Vec::new(),
            rest: None,
            rate,
            max_fee: None,
            replaceable: true,
            foreign_unconfirmed: false,
        }
    }

    /// Adds a payment.
    pub fn pay(mut self, to: Address, amount: Amount) -> Self {
        self.payments.push((to, amount));
        self
    }

    /// Sends everything that is left after the other payments and the fee here: spends every coin that may be spent
    /// and is worth its own fee, and makes no change.
    pub fn send_rest(mut self, to: Address) -> Self {
        self.rest = Some(to);
        self
    }

    /// Sets the highest fee.
    pub fn max_fee(mut self, limit: Amount) -> Self {
        self.max_fee = Some(limit);
        self
    }

    /// Whether it signals that it may be replaced (BIP125). Default: yes.
    pub fn replaceable(mut self, yes: bool) -> Self {
        self.replaceable = yes;
        self
    }

    /// Whether to spend unconfirmed coins that others sent and can still take back. Default: no.
    pub fn spend_unconfirmed(mut self, yes: bool) -> Self {
        self.foreign_unconfirmed = yes;
        self
    }

    fn check(&self, max_money: Amount) -> Result<(), BuildError> {
        if self.payments.is_empty() && self.rest.is_none() {
            return Err(BuildError::NoRecipient);
        }
        if self.rate < FeeRate::RELAY {
            return Err(BuildError::RateTooLow { got: self.rate, limit: FeeRate::RELAY });
        }
        for (index, (to, amount)) in self.payments.iter().enumerate() {
            let limit = dust_limit(&to.script_pubkey());
            if *amount < limit {
                return Err(BuildError::Dust { index, got: *amount, limit });
            }
        }
        match Amount::checked_sum(self.payments.iter().map(|(_, amount)| *amount)) {
            Some(sum) if sum <= max_money => Ok(()),
            _ => Err(BuildError::TooMuch { limit: max_money }),
        }
    }

    fn outputs(&self) -> Vec<TxOut> {
        let output =
            |(to, value): &(Address, Amount)| TxOut { value: *value, script_pubkey: to.script_pubkey() };
        self.payments.iter().map(output).collect()
    }
}

/// The parts of a transaction before they are put together.
pub(super) struct Parts {
    pub(super) coins: Vec<OwnedCoin>,
    pub(super) outputs: Vec<TxOut>,
    pub(super) change: Option<TxOut>,
    pub(super) fee: Amount,
    pub(super) vsize: u64,
    pub(super) method: Method,
    pub(super) sequence: Sequence,
    pub(super) max_fee: Amount,
}

impl Wallet {
    /// A transaction that pays what `builder` says, to be signed.
    ///
    /// The fee rate is met by the longest the signatures can be. Change goes to the next change address of the first
    /// account; below the dust limit it goes to the fee. Inputs stand in the order of their outpoints, outputs of
    /// their amounts and scripts (BIP69), so that the change cannot be told by its place. The lock time is the tip's
    /// height, so that a block which replaces the tip cannot take it.
    ///
    /// The wallet does not change: tell it with [`record_sent`](Self::record_sent) once the transaction was sent.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(&self, builder: &TxBuilder) -> Result<SigningRequest, BuildError> {
        if self.book.accounts.is_empty() {
            return Err(BuildError::NoKeys);
        }
        builder.check(self.spec.limits.max_money)?;
        let all = self.coins();
        let (coins, candidates) = spendable(&all, |status| match status {
            CoinStatus::Confirmed | CoinStatus::OwnUnconfirmed => true,
            CoinStatus::ForeignUnconfirmed => builder.foreign_unconfirmed,
            CoinStatus::Immature { .. } => false,
        });
        let change = builder.rest.map_or_else(|| self.change_script(), |rest| rest.script_pubkey());
        let payment = Payment { outputs: builder.outputs(), change, rate: builder.rate, replaces: None };
        let selection = match builder.rest {
            Some(_) => payment.drain(&candidates),
            None => payment.select(&[], &candidates),
        };
        let selection = selection.map_err(|short| insufficient(short, &all, builder.foreign_unconfirmed))?;
        let picked = selection.picked.iter().map(|&at| coins[at].clone()).collect();
        let sequence = if builder.replaceable { REPLACEABLE } else { NOT_REPLACEABLE };
        let max_fee = builder.max_fee.unwrap_or_else(|| self.default_max_fee());
        self.assemble(parts(payment, selection, picked, sequence, max_fee))
    }

    /// The highest fee unless another is set.
    pub(super) fn default_max_fee(&self) -> Amount {
        let coin = 10_u64.checked_pow(u32::from(self.spec.chain.decimals)).unwrap_or(u64::MAX);
        Amount::from_sat((coin / MAX_FEE_SHARE).max(1))
    }

    /// Where change goes next.
    pub(super) fn change_script(&self) -> Script {
        self.book.next(0, Branch::Change).0.script_pubkey()
    }

    /// Puts the transaction together with all that its signer needs.
    pub(super) fn assemble(&self, parts: Parts) -> Result<SigningRequest, BuildError> {
        let Parts { mut coins, mut outputs, change, fee, vsize, method, sequence, max_fee } = parts;
        let change_value = change.as_ref().map(|output| output.value);
        outputs.extend(change);
        check_weight(&coins, &outputs)?;
        if fee > max_fee {
            return Err(BuildError::FeeTooHigh { got: fee, limit: max_fee });
        }
        // BIP69: ids by their text form, which is the reverse of their bytes.
        coins.sort_by_key(|coin| {
            let mut id = *coin.outpoint.txid.as_bytes();
            id.reverse();
            (id, coin.outpoint.vout)
        });
        outputs.sort_by(|a, b| {
            (a.value, a.script_pubkey.as_bytes()).cmp(&(b.value, b.script_pubkey.as_bytes()))
        });
        let lock_time = self.tip.map_or(LockTime::ZERO, |tip| lock_time(tip.height.to_u32()));
        let inputs = coins.iter().map(|coin| unsigned(coin.outpoint, sequence)).collect();
        let origins = outputs.iter().map(|output| self.origin(&output.script_pubkey)).collect();
        let tx = Transaction::new(2, inputs, outputs, lock_time);
        let inputs = coins.into_iter().map(|coin| self.request_input(coin)).collect::<Option<_>>();
        let inputs = inputs.ok_or(BuildError::NoKeys)?;
        Ok(SigningRequest::from_wallet(tx, inputs, origins, vsize, change_value, method))
    }

    fn request_input(&self, coin: OwnedCoin) -> Option<RequestInput> {
        let previous = self.transaction(&coin.outpoint.txid).cloned();
        Some(RequestInput { coin: coin.output, origin: coin.origin?, previous })
    }

    fn origin(&self, script: &Script) -> Option<super::KeyOrigin> {
        self.book.place(script).and_then(|place| self.book.origin(place))
    }
}

/// A height as a lock time; none where the height would read as a time.
fn lock_time(height: u32) -> LockTime {
    if height < LockTime::THRESHOLD { LockTime::new(height) } else { LockTime::ZERO }
}

fn unsigned(previous: OutPoint, sequence: Sequence) -> TxIn {
    TxIn { previous, script_sig: Script::new(), sequence, witness: Witness::default() }
}

/// The coins that may be spent, and what the selection sees of them.
pub(super) fn spendable(
    all: &[OwnedCoin],
    allowed: impl Fn(CoinStatus) -> bool,
) -> (Vec<OwnedCoin>, Vec<Candidate>) {
    let usable = all.iter().filter(|coin| coin.origin.is_some() && allowed(coin.status));
    usable
        .filter_map(|coin| {
            let spend = SpendSize::of(&coin.output.script_pubkey)?;
            Some((coin.clone(), Candidate { value: coin.output.value, spend }))
        })
        .unzip()
}

pub(super) fn parts(
    payment: Payment,
    selection: Selection,
    coins: Vec<OwnedCoin>,
    sequence: Sequence,
    max_fee: Amount,
) -> Parts {
    let Selection { fee, change, vsize, method, .. } = selection;
    let change = change.map(|value| TxOut { value, script_pubkey: payment.change });
    Parts { coins, outputs: payment.outputs, change, fee, vsize, method, sequence, max_fee }
}

pub(super) fn insufficient(short: Shortfall, all: &[OwnedCoin], foreign_spent: bool) -> InsufficientFunds {
    let held = |wanted: fn(CoinStatus) -> bool| {
        let coins = all.iter().filter(|coin| wanted(coin.status));
        coins.fold(Amount::ZERO, |sum, coin| sum.saturating_add(coin.output.value))
    };
    let unconfirmed = held(|status| status == CoinStatus::ForeignUnconfirmed);
    InsufficientFunds {
        needed: short.needed,
        available: short.available,
        missing: short.needed.saturating_sub(short.available),
        immature: held(|status| matches!(status, CoinStatus::Immature { .. })),
        unconfirmed: if foreign_spent { Amount::ZERO } else { unconfirmed },
    }
}

fn check_weight(coins: &[OwnedCoin], outputs: &[TxOut]) -> Result<(), BuildError> {
    let mut size = TxSize::default();
    coins
        .iter()
        .filter_map(|coin| SpendSize::of(&coin.output.script_pubkey))
        .for_each(|spend| size.add_input(spend));
    outputs.iter().for_each(|output| size.add_output(&output.script_pubkey));
    let got = size.weight();
    if got > MAX_TX_WEIGHT { Err(BuildError::TooLarge { got, limit: MAX_TX_WEIGHT }) } else { Ok(()) }
}
