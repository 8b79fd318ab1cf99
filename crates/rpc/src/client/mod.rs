//! The same API over HTTP: [`Client`] implements [`NodeApi`] and blocks.

mod chain;
mod events;
mod stream;
mod templates;

pub use chain::{HISTORY_MAX, NodeChain, NodeChainError};
pub use events::{Events, Received, Told};
pub use stream::EventsStop;
pub use templates::NodeTemplates;

use std::fmt;
use std::io;
use std::time::Duration;

use axum::http::Uri;
use cairn_primitives::Txid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::api::{BlockId, Deadline, NodeApi, Page};
use crate::dto::{
    Balance, BlockInfo, BlockPage, ChainStatus, ErrorBody, FeeEstimate, FilterInfo, History, MempoolPage,
    MineRequest, Mined, MinerStatus, MiningTemplate, PeerAddRequest, PeerAdded, PeerList, Readiness,
    SendRequest, Sent, SpecDocument, Status, Stopping, Submission, SubmitRequest, Supply, SyncStarted,
    TxDetail, TxProof, UtxoPage, WalletSendRequest, WalletSent, WalletStatus,
};
use crate::token::AdminToken;

/// The most bytes of an answer that are read. A block of 4 MB is about this much JSON at its worst.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;
/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// What `POST /mine` may take beyond its deadline.
const MINE_GRACE: Duration = Duration::from_secs(30);

/// A node somewhere else, asked over HTTP.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<AdminToken>,
}

/// Why a node somewhere else gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not `http://host:port`.
    #[error("{url:?} is not a node's address; write it as http://127.0.0.1:6333")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// Nobody listens there.
    #[error("no node answers at {base}; is it running?")]
    Unreachable {
        /// The node's address.
        base: String,
    },
    /// The node took too long.
    #[error("the node at {base} did not answer in time")]
    Timeout {
        /// The node's address.
        base: String,
    },
    /// The call needs the admin token, and none was given.
    #[error("this call needs the node's admin token")]
    NoToken,
    /// The node said no.
    #[error("{} ({})", body.error, body.code)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the node said.
        body: ErrorBody,
    },
    /// What came back is not what this API answers: another program, or another version.
    #[error("what answers at {base} is not a node of this version (HTTP status {status})")]
    NotANode {
        /// The address.
        base: String,
        /// The HTTP status.
        status: u16,
    },
    /// More than 64 MiB came back, or 16 MiB as one event.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: u64,
    },
    /// The connection broke.
    #[error("the connection to {base} broke: {kind}")]
    Broken {
        /// The node's address.
        base: String,
        /// How.
        kind: io::ErrorKind,
    },
}

impl Client {
    /// A client for the node at `url` (`http://host:port`); connects with the first call.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`] when `url` has another scheme, no host, or a path.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let bad = || ClientError::BadUrl { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        let host =
            uri.authority().filter(|authority| plain && !authority.as_str().contains('@')).ok_or_else(bad)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_global(Some(ANSWER_TIME))
            .build()
            .new_agent();
        Ok(Self { agent, base: format!("http://{host}"), token: None })
    }

    /// The same client with the right to make admin calls.
    #[must_use]
    pub fn with_token(mut self, token: AdminToken) -> Self {
        self.token = Some(token);
        self
    }

    /// The node's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        self.read(answer)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let answer = self.agent.post(format!("{}{path}", self.base)).send_json(body);
        self.read(answer)
    }

    fn admin<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        time: Duration,
    ) -> Result<T, ClientError> {
        let token = self.token.as_ref().ok_or(ClientError::NoToken)?;
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bearer {}", token.expose()));
        let answer = request.config().timeout_global(Some(time)).build().send_json(body);
        self.read(answer)
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let (status, bytes) = self.bytes(answer)?;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&bytes).map_err(|_| self.not_a_node(status));
        }
        let body = serde_json::from_slice(&bytes).map_err(|_| self.not_a_node(status))?;
        Err(ClientError::Refused { status, body })
    }

    fn bytes(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<(u16, Vec<u8>), ClientError> {
        let mut answer = answer.map_err(|error| self.failed(&error))?;
        let status = answer.status().as_u16();
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_MAX)
            .read_to_vec()
            .map_err(|error| self.failed(&error))?;
        Ok((status, bytes))
    }

    fn failed(&self, error: &ureq::Error) -> ClientError {
        let base = self.base.clone();
        match error {
            ureq::Error::Timeout(_) => ClientError::Timeout { base },
            ureq::Error::BodyExceedsLimit(_) => ClientError::TooLarge { limit: ANSWER_MAX },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => ClientError::Unreachable { base },
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                ClientError::Unreachable { base }
            }
            ureq::Error::Io(error) => ClientError::Broken { base, kind: error.kind() },
            _ => ClientError::NotANode { base, status: 0 },
        }
    }

    fn not_a_node(&self, status: u16) -> ClientError {
        ClientError::NotANode { base: self.base.clone(), status }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).field("token", &self.token).finish_non_exhaustive()
    }
}

impl NodeApi for Client {
    type Error = ClientError;

    fn status(&self) -> Result<Status, ClientError> {
        self.get("/status")
    }

    fn supply(&self) -> Result<Supply, ClientError> {
        self.get("/supply")
    }

    fn blocks(&self, page: Page) -> Result<BlockPage, ClientError> {
        self.get(&format!("/blocks?{}", window(page)))
    }

    fn block(&self, id: BlockId) -> Result<BlockInfo, ClientError> {
        self.get(&format!("/block/{id}"))
    }

    fn transaction(&self, txid: Txid) -> Result<TxDetail, ClientError> {
        self.get(&format!("/tx/{txid}"))
    }

    fn block_filter(&self, id: BlockId) -> Result<FilterInfo, ClientError> {
        self.get(&format!("/block/{id}/filter"))
    }

    fn transaction_proof(&self, txid: Txid) -> Result<TxProof, ClientError> {
        self.get(&format!("/tx/{txid}/proof"))
    }

    fn balance(&self, address: &str) -> Result<Balance, ClientError> {
        self.get(&format!("/balance/{}", escaped(address)))
    }

    fn utxos(&self, address: &str, page: Page) -> Result<UtxoPage, ClientError> {
        self.get(&format!("/utxo/{}?{}", escaped(address), window(page)))
    }

    fn history(&self, address: &str, page: Page) -> Result<History, ClientError> {
        self.get(&format!("/address/{}?{}", escaped(address), window(page)))
    }

    fn chain(&self) -> Result<ChainStatus, ClientError> {
        self.get("/chain")
    }

    fn mempool(&self, page: Page) -> Result<MempoolPage, ClientError> {
        self.get(&format!("/mempool?{}", window(page)))
    }

    fn fee_estimate(&self) -> Result<FeeEstimate, ClientError> {
        self.get("/fee-estimate")
    }

    fn send_transaction(&self, request: &SendRequest) -> Result<Sent, ClientError> {
        self.post("/tx/send", request)
    }

    fn peers(&self) -> Result<PeerList, ClientError> {
        self.get("/peers")
    }

    fn add_peer(&self, request: &PeerAddRequest) -> Result<PeerAdded, ClientError> {
        self.admin("/peers/add", request, ANSWER_TIME)
    }

    fn sync(&self) -> Result<SyncStarted, ClientError> {
        self.admin("/sync", &serde_json::Map::new(), ANSWER_TIME)
    }

    fn wallet_status(&self) -> Result<WalletStatus, ClientError> {
        self.get("/wallet/status")
    }

    fn wallet_send(&self, request: &WalletSendRequest) -> Result<WalletSent, ClientError> {
        self.admin("/wallet/send", request, ANSWER_TIME)
    }

    fn mining_status(&self) -> Result<MinerStatus, ClientError> {
        self.get("/mining/status")
    }

    fn mining_template(&self, address: Option<&str>) -> Result<MiningTemplate, ClientError> {
        match address {
            Some(address) => self.get(&format!("/mining/template?address={}", escaped(address))),
            None => self.get("/mining/template"),
        }
    }

    fn submit_block(&self, request: &SubmitRequest) -> Result<Submission, ClientError> {
        self.post("/mining/submit", request)
    }

    /// The node keeps its own time limit too; of `deadline` the time counts, an order to stop does not reach the node.
    fn mine(&self, request: &MineRequest, deadline: &Deadline) -> Result<Mined, ClientError> {
        let time = deadline.at().saturating_duration_since(std::time::Instant::now()) + MINE_GRACE;
        self.admin("/mine", request, time)
    }

    fn spec(&self) -> Result<SpecDocument, ClientError> {
        self.get("/spec")
    }

    /// Status 503 with a readiness in it is an answer.
    fn readiness(&self) -> Result<Readiness, ClientError> {
        let (status, bytes) = self.bytes(self.agent.get(format!("{}/ready", self.base)).call())?;
        serde_json::from_slice(&bytes).or_else(|_| {
            let body = serde_json::from_slice(&bytes).map_err(|_| self.not_a_node(status))?;
            Err(ClientError::Refused { status, body })
        })
    }

    fn stop(&self) -> Result<Stopping, ClientError> {
        self.admin("/stop", &serde_json::Map::new(), ANSWER_TIME)
    }
}

fn window(page: Page) -> String {
    format!("limit={}&offset={}", page.limit(), page.offset())
}

/// `text` as one path segment or query value: all but RFC 3986's unreserved characters percent-encoded.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_scheme_host_and_port() {
        for (url, base) in [
            ("http://127.0.0.1:6333", "http://127.0.0.1:6333"),
            ("http://[::1]:6333/", "http://[::1]:6333"),
            ("http://node.example", "http://node.example"),
        ] {
            assert_eq!(Client::new(url).unwrap().base(), base);
        }
        for url in [
            "",
            "127.0.0.1:6333",
            "https://a:1",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a/?q",
            "http://u:p@a",
        ] {
            assert!(matches!(Client::new(url), Err(ClientError::BadUrl { .. })), "{url}");
        }
    }

    #[test]
    fn foreign_text_is_one_path_segment() {
        assert_eq!(escaped("Vabc-._~"), "Vabc-._~");
        assert_eq!(escaped("a/b?c é%"), "a%2Fb%3Fc%20%C3%A9%25");
    }

    #[test]
    fn the_token_is_not_shown() {
        let token = AdminToken::parse(&"ab".repeat(32)).unwrap();
        let shown = format!("{:?}", Client::new("http://a").unwrap().with_token(token));
        assert!(!shown.contains("abab"), "{shown}");
    }
}
