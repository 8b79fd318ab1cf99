//! The wallet of a development node.

use cairn_rpc::{ApiError, Resource, WalletSendRequest, WalletSent, WalletStatus};
use cairn_wallet::{BuildError, FeeRate, RecipientError, SyncError};
use tracing::error;

use super::{Service, unreadable};
use crate::wallet::{Held, OwnChainError, Paid, PayError};

const NO_WALLET: ApiError = ApiError::NotFound { what: Resource::Wallet };

impl Service {
    pub(super) fn wallet_holds(&self) -> Result<WalletStatus, ApiError> {
        let wallet = self.wallet.as_ref().ok_or(NO_WALLET)?;
        let Held { balance, address, height } = wallet.held().map_err(|error| self.told(error))?;
        Ok(WalletStatus {
            balance_satoshi: balance.confirmed,
            balance: self.notation.currency.field(balance.confirmed),
            immature_satoshi: balance.immature,
            unconfirmed_satoshi: i64::try_from(balance.unconfirmed.to_sat()).unwrap_or(i64::MAX),
            address: address.encode(&self.notation.prefixes),
            height,
        })
    }

    pub(super) fn wallet_pay(&self, request: &WalletSendRequest) -> Result<WalletSent, ApiError> {
        let wallet = self.wallet.as_ref().ok_or(NO_WALLET)?;
        let rate = request.fee_rate.map(|rate| FeeRate::from_sat_per_kvb(rate.to_sat_per_kvb()));
        let Paid { txid, fee } =
            wallet.pay(&request.address, request.amount, rate).map_err(|error| self.told(error))?;
        Ok(WalletSent { txid, fee })
    }

    fn told(&self, error: PayError) -> ApiError {
        match error {
            PayError::Recipient(RecipientError::Address(error)) => error.into(),
            PayError::Recipient(RecipientError::OtherChain { .. }) => ApiError::InvalidParameter {
                name: "address",
                rule: "must be one of this chain; it looks like one of another",
            },
            PayError::Build(error) => refused(&error),
            PayError::Chain(error) | PayError::Sync(SyncError::Source(error)) => match error {
                OwnChainError::Chain(error) => unreadable(error),
                OwnChainError::Refused(rejection) => rejection.into(),
            },
            PayError::Sync(_) | PayError::Sign(_) | PayError::Wallet(_) | PayError::Node(_) => {
                error!(%error, cause = ?std::error::Error::source(&error), "the wallet cannot be used");
                ApiError::Internal { what: "the wallet cannot be used" }
            }
        }
    }
}

fn refused(error: &BuildError) -> ApiError {
    let parameter = |name, rule| ApiError::InvalidParameter { name, rule };
    match error {
        BuildError::InsufficientFunds(short) => ApiError::InsufficientFunds {
            needed: short.needed,
            available: short.available,
            immature: short.immature,
            unconfirmed: short.unconfirmed,
        },
        BuildError::Dust { .. } => parameter("amount", "is so little that nodes would not relay it"),
        BuildError::TooMuch { .. } => parameter("amount", "is more than there can ever be"),
        BuildError::RateTooLow { .. } => parameter("fee_rate", "is below the least that nodes relay"),
        BuildError::FeeTooHigh { .. } => parameter("fee_rate", "makes a fee above a tenth of a coin"),
        BuildError::TooLarge { .. } => parameter("amount", "needs more coins than fit into a transaction"),
        BuildError::NoKeys | BuildError::NoRecipient => {
            ApiError::Internal { what: "the wallet cannot be used" }
        }
    }
}
