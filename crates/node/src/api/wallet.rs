//! The wallet of a development node.

use cairn_rpc::{ApiError, Resource, WalletSendRequest, WalletSent, WalletStatus};

use super::Service;

const NO_WALLET: ApiError = ApiError::NotFound { what: Resource::Wallet };

impl Service {
    pub(super) fn wallet_holds(&self) -> Result<WalletStatus, ApiError> {
        Err(NO_WALLET)
    }

    pub(super) fn wallet_pay(&self, _request: &WalletSendRequest) -> Result<WalletSent, ApiError> {
        Err(NO_WALLET)
    }
}
