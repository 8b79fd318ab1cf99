//! The table of routes: each path once, with its method, who may call it and its handler.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::gate;
use super::guard::check_token;
use super::handlers::{chain, mempool, mining, ops, page, peers, wallet};
use super::reply::HttpError;
use super::sse;
use super::state::Shared;
use crate::api::{EventFeed, NodeApi};
use crate::error::ApiError;

/// One row of the route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInfo {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Whether a call needs the admin token; `/wallet/send` may take the node's own page instead
    /// ([`HttpConfig::wallet_from_page`](crate::HttpConfig::wallet_from_page)).
    pub admin: bool,
}

/// A row with its handler.
pub(super) struct Route<A> {
    pub(super) info: RouteInfo,
    handler: MethodRouter<Arc<Shared<A>>>,
    /// The handler itself checks who calls.
    self_guarded: bool,
}

/// The whole table.
pub(super) fn table<A>() -> Vec<Route<A>>
where
    A: NodeApi<Error = ApiError> + EventFeed,
{
    vec![
        read("/", page::index),
        read("/assets/app.js", page::script),
        read("/assets/style.css", page::style),
        read("/assets/icon.svg", page::icon),
        read("/status", chain::status::<A>),
        read("/supply", chain::supply::<A>),
        read("/blocks", chain::blocks::<A>),
        read("/block/{id}", chain::block::<A>),
        read("/block/{id}/filter", chain::block_filter::<A>),
        read("/tx/{txid}", chain::transaction::<A>),
        read("/tx/{txid}/proof", chain::proof::<A>),
        read("/balance/{address}", chain::balance::<A>),
        read("/utxo/{address}", chain::utxos::<A>),
        read("/address/{address}", chain::history::<A>),
        read("/mempool", mempool::mempool::<A>),
        read("/fee-estimate", mempool::fee_estimate::<A>),
        write("/tx/send", mempool::send::<A>),
        read("/peers", peers::peers::<A>),
        admin("/peers/add", peers::add::<A>),
        admin("/sync", peers::sync::<A>),
        read("/wallet/status", wallet::status::<A>),
        self_guarded("/wallet/send", wallet::send::<A>),
        read("/chain", chain::chain::<A>),
        read("/spec", chain::spec::<A>),
        read("/mining/status", mining::status::<A>),
        read("/mining/template", mining::template::<A>),
        write("/mining/submit", mining::submit::<A>),
        admin("/mine", mining::mine::<A>),
        read("/market", ops::market),
        read("/market/price", ops::market),
        read("/market/volume", ops::market),
        read("/health", ops::health),
        read("/ready", ops::ready::<A>),
        read("/metrics", ops::metrics::<A>),
        read("/openapi.json", ops::openapi::<A>),
        read("/events", sse::events::<A>),
        admin("/stop", ops::stop::<A>),
    ]
}

/// The service for one server: the table behind its guards.
pub(super) fn router<A>(state: &Arc<Shared<A>>) -> Router
where
    A: NodeApi<Error = ApiError> + EventFeed,
{
    let mut router = Router::new();
    for Route { info, handler, self_guarded } in table::<A>() {
        let handler = if info.admin && !self_guarded {
            handler.route_layer(middleware::from_fn_with_state(Arc::clone(state), require_token))
        } else {
            handler
        };
        router = router.route(info.path, handler);
    }
    router
        .fallback(|| refuse(HttpError::UnknownRoute))
        .method_not_allowed_fallback(|| refuse(HttpError::MethodNotAllowed))
        .layer(middleware::from_fn_with_state(Arc::clone(state), gate::gate))
        .with_state(Arc::clone(state))
}

fn refuse(error: HttpError) -> impl Future<Output = HttpError> {
    std::future::ready(error)
}

async fn require_token<A: Send + Sync + 'static>(
    State(state): State<Arc<Shared<A>>>,
    request: Request,
    next: Next,
) -> Response {
    match check_token(request.headers(), &state.token) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn read<A, H, T>(path: &'static str, handler: H) -> Route<A>
where
    A: Send + Sync + 'static,
    H: Handler<T, Arc<Shared<A>>>,
    T: 'static,
{
    let info = RouteInfo { method: "GET", path, admin: false };
    Route { info, handler: get(handler), self_guarded: false }
}

fn write<A, H, T>(path: &'static str, handler: H) -> Route<A>
where
    A: Send + Sync + 'static,
    H: Handler<T, Arc<Shared<A>>>,
    T: 'static,
{
    let info = RouteInfo { method: "POST", path, admin: false };
    Route { info, handler: post(handler), self_guarded: false }
}

fn admin<A, H, T>(path: &'static str, handler: H) -> Route<A>
where
    A: Send + Sync + 'static,
    H: Handler<T, Arc<Shared<A>>>,
    T: 'static,
{
    let info = RouteInfo { method: "POST", path, admin: true };
    Route { info, handler: post(handler), self_guarded: false }
}

/// As [`admin`], with a handler that checks the token itself because it takes something else too.
fn self_guarded<A, H, T>(path: &'static str, handler: H) -> Route<A>
where
    A: Send + Sync + 'static,
    H: Handler<T, Arc<Shared<A>>>,
    T: 'static,
{
    Route { self_guarded: true, ..admin(path, handler) }
}
