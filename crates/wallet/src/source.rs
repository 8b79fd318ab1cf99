//! What the wallet asks of the chain. It never asks anyone else.

use cairn_primitives::{Address, BlockHash, BlockTime, Height, Transaction, Txid};
use serde::{Deserialize, Serialize};

use crate::rate::FeeRate;

/// The best block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTip {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
}

/// The block in which a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenBlock {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// The time its header states.
    pub time: BlockTime,
}

/// A transaction that concerns an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenTx {
    /// Its id.
    pub txid: Txid,
    /// The block of the best chain that holds it; `None` while it waits for one.
    pub block: Option<SeenBlock>,
}

/// How soon a transaction should be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Speed {
    /// Some time, cheaply.
    Slow,
    /// Soon.
    #[default]
    Standard,
    /// In one of the next blocks.
    Fast,
}

/// Fee rates that the source holds likely to get a transaction confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeEstimates {
    /// For [`Speed::Slow`].
    pub slow: FeeRate,
    /// For [`Speed::Standard`].
    pub standard: FeeRate,
    /// For [`Speed::Fast`].
    pub fast: FeeRate,
}

impl FeeEstimates {
    /// The rate for this speed, at least [`FeeRate::RELAY`], below which nodes relay nothing by default.
    pub fn rate(&self, speed: Speed) -> FeeRate {
        let rate = match speed {
            Speed::Slow => self.slow,
            Speed::Standard => self.standard,
            Speed::Fast => self.fast,
        };
        rate.max(FeeRate::RELAY)
    }
}

/// The chain as the wallet sees it, in the same process or over a network.
///
/// The wallet believes what it hears: a source that lies can show coins that do not exist or hide some that do. It
/// cannot make the wallet sign what its owner did not ask for.
pub trait ChainSource {
    /// Why an answer could not be had.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The best block.
    ///
    /// # Errors
    /// When the source cannot answer.
    fn tip(&self) -> Result<ChainTip, Self::Error>;

    /// Every transaction that pays to or spends from `address`: confirmed, oldest first, then unconfirmed.
    ///
    /// # Errors
    /// When the source cannot answer.
    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, Self::Error>;

    /// The transaction of this id, confirmed or not; `Ok(None)` where there is none.
    ///
    /// # Errors
    /// When the source cannot answer.
    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, Self::Error>;

    /// What to pay.
    ///
    /// # Errors
    /// When the source cannot answer.
    fn fee_estimates(&self) -> Result<FeeEstimates, Self::Error>;

    /// Offers a signed transaction to the network; returns its id.
    ///
    /// # Errors
    /// When it is refused, or the source cannot be reached.
    fn broadcast(&self, tx: &Transaction) -> Result<Txid, Self::Error>;
}

impl<S: ChainSource + ?Sized> ChainSource for &S {
    type Error = S::Error;

    fn tip(&self) -> Result<ChainTip, Self::Error> {
        (**self).tip()
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, Self::Error> {
        (**self).history(address)
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, Self::Error> {
        (**self).transaction(txid)
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, Self::Error> {
        (**self).fee_estimates()
    }

    fn broadcast(&self, tx: &Transaction) -> Result<Txid, Self::Error> {
        (**self).broadcast(tx)
    }
}
