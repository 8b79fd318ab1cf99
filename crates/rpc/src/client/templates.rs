//! A node elsewhere as the source of a miner's templates.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cairn_miner::{
    BlockTemplate, Candidate, SourceError, Submission, TemplateError, TemplateParts, TemplateSource,
};
use cairn_primitives::{Address, Block, Decode, Encode, Script, Transaction, hex};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::events::{Events, Told};
use super::stream::EventsStop;
use super::{Client, ClientError};
use crate::api::NodeApi;
use crate::dto::{EventType, MiningTemplate, SubmitRequest, TemplateTx};

/// Waits before the events of a node that is gone are asked for again: the first, and the longest. A miner is back soon.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Templates of a node elsewhere, mined to one address.
///
/// The coinbase is made here and pays the address whatever the node says. A node that cannot be reached is no end: every call answers
/// [`SourceError::Unreachable`] until it is back, and the tip is watched over a new connection.
#[derive(Debug)]
pub struct NodeTemplates {
    client: Client,
    address: String,
    payout: OnceLock<Script>,
    watching: EventsStop,
}

impl NodeTemplates {
    /// Templates of the node that `client` speaks to, mined to `address`. Asks nothing yet.
    #[must_use]
    pub fn new(client: Client, address: &str) -> Self {
        Self { client, address: address.to_owned(), payout: OnceLock::new(), watching: EventsStop::default() }
    }

    /// Whom the coinbase pays: the address, read with the prefixes of the node's chain.
    fn payout(&self) -> Result<Script, SourceError> {
        if let Some(script) = self.payout.get() {
            return Ok(script.clone());
        }
        let spec = self.client.spec().map_err(failed)?;
        let prefixes = spec
            .address_prefixes()
            .map_err(|_| SourceError::Malformed { what: "the chain has no address prefixes" })?;
        let address = Address::parse(&self.address, &prefixes)
            .map_err(|_| SourceError::Refused { code: Cow::Borrowed("bad-address") })?;
        Ok(self.payout.get_or_init(|| address.script_pubkey()).clone())
    }
}

impl Drop for NodeTemplates {
    fn drop(&mut self) {
        self.watching.stop();
    }
}

impl TemplateSource for NodeTemplates {
    fn template(&self) -> Result<BlockTemplate, SourceError> {
        let payout = self.payout()?;
        let told = self.client.mining_template(Some(&self.address)).map_err(failed)?;
        rebuilt(&told, payout)
    }

    fn submit(&self, block: Block) -> Result<Submission, SourceError> {
        let request = SubmitRequest { block_hex: hex::encode(&block.to_bytes()) };
        let rejected = |code: String| Submission::Rejected { code: Cow::Owned(code) };
        match self.client.submit_block(&request) {
            Ok(judged) if judged.accepted => Ok(Submission::Accepted),
            Ok(judged) => Ok(rejected(judged.reason.unwrap_or_else(|| "rejected".to_owned()))),
            // The node has looked at it: to hand it in again would change nothing.
            Err(ClientError::Refused { status: 400 | 413, body }) => Ok(rejected(body.code)),
            Err(error) => Err(failed(error)),
        }
    }

    /// Each call starts a thread that listens to the node's events until this source, or the receiver, is dropped. Without a thread to be
    /// had the channel is closed, and the miner renews its templates by time alone.
    fn tip_changes(&self) -> Receiver<()> {
        let (moved, changes) = bounded(1);
        let types = [EventType::Snapshot, EventType::Block, EventType::Reorg, EventType::Ping];
        let events = self.client.events(&types, None).with_retry(RETRY.0, RETRY.1);
        let events = events.stopped_by(self.watching.clone());
        let watching = std::thread::Builder::new().name("tip-watch".to_owned());
        if let Err(error) = watching.spawn(move || watch(events, &moved)) {
            tracing::warn!(%error, "no thread to watch the node's tip");
        }
        changes
    }
}

fn watch(events: Events, moved: &Sender<()>) {
    for received in events {
        let told = match received {
            Ok(received) => received.told,
            Err(error) => {
                tracing::debug!(%error, "the node's events stopped");
                continue;
            }
        };
        let tip_moved = match told {
            // A new stream, or one whose place in the log is gone: what happened before is not told.
            Told::Snapshot(_) | Told::Block(_) | Told::Reorg(_) => true,
            Told::Tx(_) | Told::TxRemoved(_) | Told::Mempool(_) | Told::Ping { .. } => false,
        };
        if tip_moved && moved.try_send(()).is_err_and(|error| error.is_disconnected()) {
            return;
        }
    }
}

/// The template that a node tells of, paying `payout`.
fn rebuilt(told: &MiningTemplate, payout: Script) -> Result<BlockTemplate, SourceError> {
    let transactions = told.transactions.iter().map(candidate).collect::<Result<_, _>>()?;
    let parts = TemplateParts {
        height: told.height,
        prev: told.prev_hash,
        version: told.version,
        bits: told.bits_hex,
        time: told.time,
        min_time: told.min_time,
        max_time: told.max_time,
        max_future_seconds: told.max_future_seconds,
        coinbase_value: told.coinbase_value,
        payout,
        witness_commitment: told.witness_commitment.is_some(),
        transactions,
    };
    BlockTemplate::from_parts(parts).map_err(|error: TemplateError| error.into())
}

fn candidate(told: &TemplateTx) -> Result<Candidate, SourceError> {
    let bytes = hex::decode(&told.raw_tx).ok();
    let tx = bytes.and_then(|bytes| <Transaction as Decode>::from_bytes(&bytes).ok());
    let tx = tx.ok_or(SourceError::Malformed { what: "a transaction cannot be read" })?;
    Ok(Candidate { tx: Arc::new(tx), fee: told.fee, sigop_cost: told.sigop_cost })
}

fn failed(error: ClientError) -> SourceError {
    match error {
        ClientError::Refused { status: 429 | 503, .. } => SourceError::NotReady,
        ClientError::Refused { body, .. } => SourceError::Refused { code: Cow::Owned(body.code) },
        ClientError::NotANode { .. } | ClientError::TooLarge { .. } => {
            SourceError::Malformed { what: "not an answer of a node of this version" }
        }
        ClientError::Unreachable { .. }
        | ClientError::Timeout { .. }
        | ClientError::Broken { .. }
        | ClientError::BadUrl { .. }
        | ClientError::NoToken => SourceError::Unreachable,
    }
}
