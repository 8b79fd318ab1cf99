//! `/wallet/status`, `/wallet/send`: the wallet of a development node.

use cairn_primitives::{Amount, Height, Txid};
use serde::{Deserialize, Serialize};

use super::address::BalanceCoins;
use super::amount::TickerField;
use super::mempool::FeeRate;

/// `GET /wallet/status`: what the node's own wallet holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalletStatus {
    /// Confirmed coins that can be spent now, in the smallest unit.
    pub balance_satoshi: Amount,
    /// The same in coins.
    #[serde(flatten)]
    pub balance: TickerField<BalanceCoins>,
    /// Block rewards not yet spendable, in the smallest unit; not part of the balance.
    pub immature_satoshi: Amount,
    /// What comes in with transactions that wait for a block, in the smallest unit: from others, and change of its own; never
    /// negative, for what they spend is no longer in the balance.
    pub unconfirmed_satoshi: i64,
    /// An address to receive at.
    pub address: String,
    /// Height up to which the wallet knows the chain.
    pub height: Height,
}

/// `POST /wallet/send`: pay from the node's own wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletSendRequest {
    /// Whom to pay: an address of this chain.
    pub address: String,
    /// How much, in the smallest unit.
    pub amount: Amount,
    /// What to pay for the block space, in `sat/kvB`; the node's `standard` estimate when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_rate: Option<FeeRate>,
}

/// The payment is in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletSent {
    /// The transaction that pays.
    pub txid: Txid,
    /// Its fee in the smallest unit.
    pub fee: Amount,
}
