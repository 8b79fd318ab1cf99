//! A running node: its parts, in the order they start and stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use cairn_chainstate::{ChainReader, EventId};
use cairn_mempool::FeeEstimator;
use cairn_params::ChainSpec;
use cairn_rpc::{AdminToken, HttpConfig, Server};
use cairn_wallet::Mnemonic;
use tokio::runtime::Runtime;
use tracing::info;

use crate::api::Service;
use crate::caches;
use crate::config::{Config, Mode};
use crate::error::NodeError;
use crate::files::{self, FEES_FILE};
use crate::import;
use crate::keeper::Keeper;
use crate::lines::{self, BlockLine};
use crate::mining::Mining;
use crate::network::{Network, NetworkTask};
use crate::pool::{Follower, Pool, is_recent};
use crate::stop::Stop;
use crate::wallet::DevWallet;
use crate::writer::{TipMove, Writer};

/// Name of the file in the chain's folder that holds the admin token while the node runs.
pub const TOKEN_FILE: &str = "admin-token";

/// Threads that serve HTTP; the work itself is done on others.
const HTTP_THREADS: usize = 2;

/// Threads that serve the peers; the work itself is done on others.
const NETWORK_THREADS: usize = 2;

/// How long the network may take to say goodbye.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long requests that still run on their threads are waited for at the end.
const LAST_REQUESTS: Duration = Duration::from_millis(500);

/// Puts a node together.
#[derive(Debug)]
pub struct NodeBuilder {
    config: Config,
    http: HttpConfig,
    stop: Stop,
}

impl NodeBuilder {
    /// A node that runs what `config` says.
    pub fn new(config: Config) -> Self {
        Self { config, http: HttpConfig::default(), stop: Stop::new() }
    }

    /// Sets the limits of the HTTP interface.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }

    /// Sets what stops the node, for example [`Stop::on_signals`].
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Opens the chain and starts every part. When this returns, the node listens.
    ///
    /// # Errors
    /// [`NodeError`], with nothing left running: the data directory cannot be made, is in use or belongs to another chain, the port
    /// cannot be had, a thread cannot be started.
    pub fn start(self) -> Result<Node, NodeError> {
        let Self { config, mut http, stop } = self;
        // The page of a private chain may pay from its wallet: whoever can open it on this machine may, as the docs say.
        http.wallet_from_page |= config.mode == Mode::Dev;
        let mut state = import::open(&config)?;
        let caches = caches::open(config.sigcache_bytes)?;
        state.use_caches(Arc::clone(&caches));
        let reader = state.reader();
        let first_event = reader.last_event();
        let token = AdminToken::generate()?;
        token.write_to(&config.chain_dir().join(TOKEN_FILE))?;

        let chain_dir = config.chain_dir();
        let estimator = files::load(&chain_dir, FEES_FILE, FeeEstimator::from_bytes).unwrap_or_default();
        let pool = Arc::new(Pool::new(reader.clone(), estimator, caches));
        let (wallet, new_seed) = match config.mode {
            Mode::Dev => {
                let (wallet, words) = DevWallet::open(&chain_dir, &reader, &pool)?;
                (Some(wallet), words)
            }
            Mode::Normal => (None, None),
        };
        let payout = config.mine.or_else(|| wallet.as_ref().map(DevWallet::first_address));
        let network = Arc::new(Network::default());
        let follower = Follower {
            pool: Arc::clone(&pool),
            caught_up: Box::new({
                let reader = reader.clone();
                move || is_recent(&reader)
            }),
            then: {
                let network = Arc::clone(&network);
                move |change: &TipMove| network.tip_moved(change)
            },
        };
        let writer = Writer::start(state, follower, {
            let stop = stop.clone();
            move || stop.ask()
        })?;
        let mining =
            Arc::new(Mining::new(reader.clone(), writer.handle(), Arc::clone(&pool), config.threads));
        let service = Arc::new(Service::new(
            reader.clone(),
            writer.handle(),
            Arc::clone(&pool),
            Arc::clone(&network),
            Arc::clone(&mining),
            wallet,
            stop.clone(),
        )?);
        let mut node = Node {
            reader,
            stop,
            writer,
            pool,
            network,
            network_task: None,
            chain_dir,
            mining,
            new_seed,
            mining_address: payout.as_ref().map(|address| address.encode(&config.spec.address)),
            first_event,
            http_addr: config.rpc_bind,
            runtime: None,
            threads: Vec::new(),
        };
        match node.start_parts(&config, http, token, service, payout.map(|address| address.script_pubkey())) {
            Ok(()) => Ok(node),
            Err(error) => {
                node.shut_down()?;
                Err(error)
            }
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    reader: ChainReader,
    stop: Stop,
    writer: Writer,
    pool: Arc<Pool>,
    network: Arc<Network>,
    network_task: Option<(Runtime, NetworkTask)>,
    chain_dir: PathBuf,
    mining: Arc<Mining>,
    new_seed: Option<Mnemonic>,
    mining_address: Option<String>,
    first_event: EventId,
    http_addr: SocketAddr,
    runtime: Option<(Runtime, tokio::task::JoinHandle<io::Result<()>>)>,
    threads: Vec<JoinHandle<()>>,
}

impl Node {
    /// Reads the chain, from any thread.
    pub fn reader(&self) -> ChainReader {
        self.reader.clone()
    }

    /// The chain's rules.
    pub fn spec(&self) -> &ChainSpec {
        self.reader.spec()
    }

    /// Where other nodes may connect, if they may.
    pub fn p2p_addr(&self) -> Option<SocketAddr> {
        self.network.handle()?.listen_addr()
    }

    /// Where the HTTP interface listens.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The address that mined coins go to, if the node mines.
    pub fn mining_address(&self) -> Option<&str> {
        self.mining_address.as_deref()
    }

    /// The words of the wallet that was made for the private chain of `--dev`, the first time this is asked after its
    /// first start.
    pub fn take_new_seed(&mut self) -> Option<Mnemonic> {
        self.new_seed.take()
    }

    /// Stops the node, from any thread.
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Calls `tell` on a thread of its own for every block since the node started, until it stops.
    ///
    /// # Errors
    /// [`NodeError::Part`] if there is no thread to be had.
    pub fn on_block(&mut self, tell: impl FnMut(BlockLine) + Send + 'static) -> Result<(), NodeError> {
        let (reader, since, stop) = (self.reader.clone(), self.first_event, self.stop.clone());
        self.spawn("lines", move || lines::follow(&reader, since, &stop, tell))
    }

    /// Runs until the node is asked to stop or a part fails, then stops every part: requests are let end, the block under way is
    /// finished, everything is flushed.
    ///
    /// # Errors
    /// What made a part fail.
    pub fn run(self) -> Result<(), NodeError> {
        if let Some((runtime, _)) = &self.runtime {
            runtime.block_on(self.stop.wait());
        }
        info!("stopping");
        self.shut_down()
    }

    fn start_parts(
        &mut self,
        config: &Config,
        http: HttpConfig,
        token: AdminToken,
        service: Arc<Service>,
        payout: Option<cairn_primitives::Script>,
    ) -> Result<(), NodeError> {
        let server = Server::bind(config.rpc_bind, Arc::clone(&service), token, http)?;
        self.http_addr = server.local_addr();
        let runtime = runtime("http", HTTP_THREADS)?;
        runtime.spawn(caches::count(Arc::clone(self.pool.caches()), server.metrics()));
        let stop = self.stop.clone();
        let serving = runtime.spawn(async move {
            let outcome = server.serve(stop.wait()).await;
            // However it ended: without it the node is no use.
            stop.ask();
            outcome
        });
        self.runtime = Some((runtime, serving));
        self.spawn("events", move || service.publish())?;
        self.start_network(config)?;
        let keeper = Keeper {
            pool: Arc::clone(&self.pool),
            network: Arc::clone(&self.network),
            dir: self.chain_dir.clone(),
            stop: self.stop.clone(),
        };
        self.spawn("keeper", move || keeper.run())?;
        if let Some(payout) = payout {
            self.mining.start(payout)?;
        }
        info!(chain = %config.spec.chain.name, http = %self.http_addr, "node started");
        Ok(())
    }

    fn start_network(&mut self, config: &Config) -> Result<(), NodeError> {
        if !config.has_network() {
            return Ok(());
        }
        let runtime = runtime("p2p", NETWORK_THREADS)?;
        let (network, pool) = (Arc::clone(&self.network), Arc::clone(&self.pool));
        let (reader, writer) = (self.reader.clone(), self.writer.handle());
        let task = network
            .start(config, reader, &pool, writer, &runtime, |work| self.spawn("transactions", work))?;
        self.network_task = Some((runtime, task));
        Ok(())
    }

    fn spawn(&mut self, name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), NodeError> {
        let failed = |source: io::Error| NodeError::Part { part: name, reason: source.to_string() };
        self.threads.push(Builder::new().name(name.to_owned()).spawn(work).map_err(failed)?);
        Ok(())
    }

    /// Stops in the order of the data: no new requests, no new blocks, then the writer, which flushes.
    fn shut_down(self) -> Result<(), NodeError> {
        self.stop.ask();
        self.mining.pause();
        let served = match self.runtime {
            Some((runtime, serving)) => {
                let outcome = runtime.block_on(serving);
                runtime.shutdown_timeout(LAST_REQUESTS);
                outcome
                    .map_err(|error| error.to_string())
                    .and_then(|served| served.map_err(|error| error.to_string()))
            }
            None => Ok(()),
        };
        if let Some((runtime, task)) = self.network_task {
            self.network.stop();
            // It ends by itself, or with the runtime.
            let _ = runtime.block_on(async { tokio::time::timeout(LAST_WORDS, task).await });
            runtime.shutdown_timeout(LAST_REQUESTS);
        }
        let panicked = self.threads.into_iter().filter_map(|thread| thread.join().err()).count();
        self.writer.stop()?;
        served.map_err(|reason| NodeError::Part { part: "HTTP interface", reason })?;
        match panicked {
            0 => Ok(()),
            _ => Err(NodeError::Part { part: "event or miner thread", reason: "it panicked".to_owned() }),
        }
    }
}

fn runtime(name: &'static str, threads: usize) -> Result<Runtime, NodeError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|source| NodeError::Part { part: name, reason: source.to_string() })
}
