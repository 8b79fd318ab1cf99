//! The node's side of the HTTP interface: [`NodeApi`] and [`EventFeed`] over the chain and the miner.

mod address;
mod blocks;
mod chain;
mod feed;
mod mempool;
mod mining;
mod peers;
mod wallet;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cairn_chainstate::{ChainReader, ChainStateError, IndexKind};
use cairn_params::ChainSpec;
use cairn_primitives::{Address, Txid};
use cairn_rpc::{
    ApiError, Balance, BlockId, BlockInfo, BlockPage, ChainStatus, Currency, Deadline, FeeEstimate,
    FilterInfo, History, Index, MempoolPage, MineRequest, Mined, MinerStatus, MiningTemplate, NodeApi,
    Notation, Page, PeerAddRequest, PeerAdded, PeerList, Readiness, SendRequest, Sent, SpecDocument, Status,
    Stopping, Submission, SubmitRequest, Supply, SyncStarted, TxDetail, TxProof, UtxoPage, WalletSendRequest,
    WalletSent, WalletStatus,
};
use tokio::sync::broadcast;
use tracing::error;

use crate::error::NodeError;
use crate::mining::Mining;
use crate::network::Network;
use crate::pool::Pool;
use crate::stop::Stop;
use crate::wallet::DevWallet;
use crate::writer::WriterHandle;

/// Events kept for a slow subscriber before it has to read the log.
const EVENT_BUFFER: usize = 1024;

/// Answers for the node.
#[derive(Debug)]
pub(crate) struct Service {
    reader: ChainReader,
    writer: WriterHandle,
    pool: Arc<Pool>,
    network: Arc<Network>,
    mining: Arc<Mining>,
    wallet: Option<DevWallet>,
    notation: Notation,
    spec_document: SpecDocument,
    events: broadcast::Sender<Arc<cairn_rpc::Event>>,
    caught_up: AtomicBool,
    started: Instant,
    stop: Stop,
}

impl Service {
    pub(crate) fn new(
        reader: ChainReader,
        writer: WriterHandle,
        pool: Arc<Pool>,
        network: Arc<Network>,
        mining: Arc<Mining>,
        wallet: Option<DevWallet>,
        stop: Stop,
    ) -> Result<Self, NodeError> {
        let spec = Arc::clone(reader.spec());
        let unfit = |error: &dyn std::fmt::Display| NodeError::Part {
            part: "HTTP interface",
            reason: error.to_string(),
        };
        Ok(Self {
            notation: notation(&spec).map_err(|e| unfit(&e))?,
            spec_document: SpecDocument::from_toml(&spec.to_toml()).map_err(|e| unfit(&e))?,
            reader,
            writer,
            pool,
            network,
            mining,
            wallet,
            events: broadcast::channel(EVENT_BUFFER).0,
            caught_up: AtomicBool::new(false),
            started: Instant::now(),
            stop,
        })
    }

    fn parse_address(&self, text: &str) -> Result<Address, ApiError> {
        Ok(Address::parse(text, &self.notation.prefixes)?)
    }

    fn spec(&self) -> &ChainSpec {
        self.reader.spec()
    }
}

fn notation(spec: &ChainSpec) -> Result<Notation, cairn_rpc::CurrencyError> {
    // Difficulty 1 is what the limit's compact form says, as with Bitcoin's 1d00ffff.
    let pow_limit = spec.pow.limit.to_compact().to_target().unwrap_or(spec.pow.limit);
    let currency = Currency::new(&spec.chain.ticker, spec.chain.decimals)?;
    Ok(Notation { currency, prefixes: spec.address.clone(), pow_limit })
}

/// A failed read: what the caller is told, with the details in the log.
fn unreadable(source: ChainStateError) -> ApiError {
    let disabled = |index| ApiError::IndexDisabled { index };
    match source {
        ChainStateError::IndexOff { index: IndexKind::Tx } => disabled(Index::Transaction),
        ChainStateError::IndexOff { index: IndexKind::Address } => disabled(Index::Address),
        ChainStateError::IndexOff { index: IndexKind::Filter } => disabled(Index::BlockFilter),
        ChainStateError::IndexBehind { .. } => ApiError::NotReady { why: "the index is being built" },
        // What an index names was connected, so it was here.
        ChainStateError::NoData { .. } => ApiError::Pruned,
        // No call asks for the coin statistics.
        other => {
            error!(error = %other, cause = ?std::error::Error::source(&other), "the chain cannot be read");
            ApiError::Internal { what: "the chain cannot be read" }
        }
    }
}

impl NodeApi for Service {
    type Error = ApiError;

    fn status(&self) -> Result<Status, ApiError> {
        self.chain_status()
    }

    fn supply(&self) -> Result<Supply, ApiError> {
        Ok(self.chain_supply())
    }

    fn blocks(&self, page: Page) -> Result<BlockPage, ApiError> {
        self.block_page(page)
    }

    fn block(&self, id: BlockId) -> Result<BlockInfo, ApiError> {
        self.block_info(id)
    }

    fn transaction(&self, txid: Txid) -> Result<TxDetail, ApiError> {
        self.tx_detail(txid)
    }

    fn block_filter(&self, id: BlockId) -> Result<FilterInfo, ApiError> {
        self.filter_info(id)
    }

    fn transaction_proof(&self, txid: Txid) -> Result<TxProof, ApiError> {
        self.tx_proof(txid)
    }

    fn balance(&self, address: &str) -> Result<Balance, ApiError> {
        self.address_balance(address)
    }

    fn utxos(&self, address: &str, page: Page) -> Result<UtxoPage, ApiError> {
        self.address_utxos(address, page)
    }

    fn history(&self, address: &str, page: Page) -> Result<History, ApiError> {
        self.address_history(address, page)
    }

    fn chain(&self) -> Result<ChainStatus, ApiError> {
        Ok(self.chain_tips())
    }

    fn mempool(&self, page: Page) -> Result<MempoolPage, ApiError> {
        self.pool_page(page)
    }

    fn fee_estimate(&self) -> Result<FeeEstimate, ApiError> {
        self.pool_fees()
    }

    fn send_transaction(&self, request: &SendRequest) -> Result<Sent, ApiError> {
        self.pool_send(request)
    }

    fn peers(&self) -> Result<PeerList, ApiError> {
        self.peer_list()
    }

    fn add_peer(&self, request: &PeerAddRequest) -> Result<PeerAdded, ApiError> {
        self.peer_add(request)
    }

    fn sync(&self) -> Result<SyncStarted, ApiError> {
        self.peer_sync()
    }

    fn wallet_status(&self) -> Result<WalletStatus, ApiError> {
        self.wallet_holds()
    }

    fn wallet_send(&self, request: &WalletSendRequest) -> Result<WalletSent, ApiError> {
        self.wallet_pay(request)
    }

    fn mining_status(&self) -> Result<MinerStatus, ApiError> {
        Ok(self.mining.status())
    }

    fn mining_template(&self, address: Option<&str>) -> Result<MiningTemplate, ApiError> {
        self.template(address)
    }

    fn submit_block(&self, request: &SubmitRequest) -> Result<Submission, ApiError> {
        self.submit(request)
    }

    fn mine(&self, request: &MineRequest, deadline: &Deadline) -> Result<Mined, ApiError> {
        self.mine_blocks(request, deadline)
    }

    fn spec(&self) -> Result<SpecDocument, ApiError> {
        Ok(self.spec_document.clone())
    }

    fn readiness(&self) -> Result<Readiness, ApiError> {
        Ok(self.chain_readiness())
    }

    fn stop(&self) -> Result<Stopping, ApiError> {
        self.stop.ask();
        Ok(Stopping { stopping: true })
    }
}

impl Service {
    /// Whether the node has caught up with its chain; once true it stays so, as Core's initial block download does.
    fn has_caught_up(&self) -> bool {
        if self.caught_up.load(Ordering::Relaxed) {
            return true;
        }
        let caught_up = self.looks_caught_up();
        self.caught_up.fetch_or(caught_up, Ordering::Relaxed);
        caught_up
    }
}
