//! The HTTP server: binds, accepts within its limits, serves, drains.

mod client_key;
mod connection;
mod gate;
mod guard;
mod handlers;
mod rate;
mod reply;
mod request;
mod routes;
mod slots;
mod sse;
mod stall;
mod state;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

pub use self::routes::RouteInfo;

use self::client_key::ClientKey;
use self::connection::Limits;
use self::guard::HostRule;
use self::reply::HttpError;
use self::state::Shared;
use crate::api::{EventFeed, NodeApi};
use crate::config::HttpConfig;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::token::AdminToken;

/// Connections past the limit that are told so at the same time; more are closed without a word.
const REFUSALS_MAX: usize = 16;
/// How long a refused connection may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Pause after a failed accept: out of file descriptors, an accept fails at once and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often quiet clients are forgotten and recorded times put in their buckets.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error("port {} on {} is in use; stop the program that uses it or choose another address with --rpc-bind", address.port(), address.ip())]
    InUse {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The system does not allow it; ports below 1024 need privileges.
    #[error("this user may not listen on {address}; choose a port from 1024 on with --rpc-bind")]
    Denied {
        /// What was asked for.
        address: SocketAddr,
    },
    /// No interface of this machine has that address.
    #[error("{} is not an address of this machine; choose another with --rpc-bind", address.ip())]
    NotLocal {
        /// What was asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A bound HTTP server for one node.
pub struct Server<A> {
    listener: StdListener,
    address: SocketAddr,
    state: Arc<Shared<A>>,
    stopping: watch::Sender<bool>,
}

impl<A> Server<A>
where
    A: NodeApi<Error = ApiError> + EventFeed,
{
    /// Binds `address` (port 0: any free one) for `api`. Admin calls need `token`. Needs no runtime yet.
    ///
    /// # Errors
    /// [`BindError`], which names the address and what to do.
    pub fn bind(
        address: SocketAddr,
        api: Arc<A>,
        token: AdminToken,
        config: HttpConfig,
    ) -> Result<Self, BindError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address },
            io::ErrorKind::PermissionDenied => BindError::Denied { address },
            io::ErrorKind::AddrNotAvailable => BindError::NotLocal { address },
            _ => BindError::Io { address, source },
        };
        let listener = StdListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (stopping, watcher) = watch::channel(false);
        let hosts = HostRule::new(bound, &config.allowed_hosts);
        let state = Arc::new(Shared::new(api, config, token, hosts, watcher));
        Ok(Self { listener, address: bound, state, stopping })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The registry behind `/metrics`, for gauges of the node's own.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.state.metrics.clone()
    }

    /// Every route the server has.
    #[must_use]
    pub fn routes() -> Vec<RouteInfo> {
        routes::table::<A>().into_iter().map(|route| route.info).collect()
    }

    /// Serves until `shutdown` is done. Then it accepts nobody, ends event streams, lets open requests end for
    /// [`HttpConfig::drain_timeout`], and drops what is left.
    ///
    /// A node call that still runs on its thread is not waited for; shut the runtime down with a time limit.
    ///
    /// # Errors
    /// When the listening socket cannot be handed to the runtime.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let mut door = Door {
            router: routes::router(&self.state),
            limits: Limits::of(&self.state.config),
            state: Arc::clone(&self.state),
            connections: JoinSet::new(),
            refusals: JoinSet::new(),
        };
        let housekeeping = tokio::spawn(keep_house(Arc::clone(&self.state)));
        tokio::select! {
            () = shutdown => {}
            () = door.accept(&listener) => {}
        }
        drop(listener);
        self.state.stop.store(true, Ordering::Relaxed);
        self.stopping.send_replace(true);
        housekeeping.abort();
        door.drain().await;
        Ok(())
    }
}

/// Lets connections in.
struct Door<A> {
    router: Router,
    limits: Limits,
    state: Arc<Shared<A>>,
    connections: JoinSet<()>,
    refusals: JoinSet<()>,
}

impl<A> Door<A> {
    /// Accepts connections for ever.
    async fn accept(&mut self, listener: &TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = self.connections.join_next() => continue,
                Some(_) = self.refusals.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer.ip().into()),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, client: ClientKey) {
        let stopping = self.state.stopping.clone();
        let limits = self.limits.clone();
        if let Ok(slot) = self.state.connections.take(client) {
            let router = self.router.clone();
            self.connections.spawn(async move {
                connection::serve(stream, client, router, limits, stopping).await;
                drop(slot);
            });
        } else if self.refusals.len() < REFUSALS_MAX {
            let router =
                Router::new().fallback(|| std::future::ready(HttpError::Connections.into_response()));
            self.refusals.spawn(async move {
                let refusal = connection::serve(stream, client, router, limits, stopping);
                let _ = timeout(REFUSAL_TIME, refusal).await;
            });
        }
    }

    /// Waits for open connections to end, for the drain time at most.
    async fn drain(mut self) {
        let ended = timeout(self.state.config.drain_timeout, async {
            while self.connections.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!(left = self.connections.len(), "dropping connections that did not end in time");
        }
    }
}

async fn keep_house<A>(state: Arc<Shared<A>>) {
    let mut ticks = interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        state.rate.forget_quiet();
        state.metrics.upkeep();
    }
}
