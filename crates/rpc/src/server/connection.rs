//! One connection: hyper over a guarded socket, until it ends or the server stops.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::Service;

use super::client_key::ClientKey;
use super::stall::StallGuard;
use super::state::until_stopping;
use crate::config::HttpConfig;

/// hyper refuses smaller read buffers.
const BUFFER_MIN: usize = 8_192;

/// The limits of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) header_bytes: usize,
    pub(crate) header_time: Duration,
    pub(crate) write_stall: Duration,
}

impl Limits {
    pub(crate) fn of(config: &HttpConfig) -> Self {
        Self {
            header_bytes: config.max_header_bytes.max(BUFFER_MIN),
            header_time: config.header_read_timeout,
            write_stall: config.write_stall_timeout,
        }
    }
}

/// Serves `stream` until the client leaves, breaks a limit, or `stopping` turns true and the request at hand is answered.
pub(crate) async fn serve(
    stream: TcpStream,
    client: ClientKey,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers are small and written whole: there is nothing to gain from waiting for more.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(client);
        async move {
            // A router is always ready.
            let response = Service::call(&mut router, request).await;
            response.map_err(|never: Infallible| never)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(StallGuard::new(stream, limits.write_stall)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until_stopping(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
