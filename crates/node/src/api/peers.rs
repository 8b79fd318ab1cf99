//! The node's network.

use cairn_rpc::{ApiError, PeerAddRequest, PeerAdded, PeerList, SyncStarted};

use super::Service;

const NO_NETWORK: ApiError = ApiError::NotReady { why: "the network is not running" };

impl Service {
    /// How many peers are connected.
    pub(super) fn peer_count(&self) -> u64 {
        0
    }

    /// The peers, longest connected first.
    pub(super) fn peer_list(&self) -> Result<PeerList, ApiError> {
        Err(NO_NETWORK)
    }

    /// Connects to an address and stays connected.
    pub(super) fn peer_add(&self, _request: &PeerAddRequest) -> Result<PeerAdded, ApiError> {
        Err(NO_NETWORK)
    }

    /// Asks all peers for headers again.
    pub(super) fn peer_sync(&self) -> Result<SyncStarted, ApiError> {
        Err(NO_NETWORK)
    }
}
