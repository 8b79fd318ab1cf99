//! Health, metrics, the description of the API, and the order to stop.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{Answer, Node};
use crate::api::NodeApi;
use crate::error::ApiError;
use crate::openapi;
use crate::server::reply::{HttpError, json};
use crate::server::state::to_json;

/// The server answers: that is all a liveness check asks.
pub(crate) async fn health() -> Response {
    json(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
}

pub(crate) async fn ready<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    let readiness = node.call(A::readiness).await?;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(json(status, to_json(&readiness)?))
}

pub(crate) async fn metrics<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    let status = node.call(A::status).await?;
    let metrics = &node.metrics;
    metrics.node(&status);
    let gauge = |name, help, value: usize| {
        metrics.gauge(name, help).set(u32::try_from(value).map_or(f64::INFINITY, f64::from));
    };
    gauge("cairn_http_connections", "Open connections.", node.connections.taken());
    gauge("cairn_http_subscriptions", "Open event streams.", node.subscriptions.taken());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response())
}

pub(crate) async fn openapi<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    let spec = node.call(A::spec).await?;
    let currency = spec.currency().map_err(|error| {
        tracing::error!(%error, "the chain spec names no currency");
        ApiError::Internal { what: "reading the chain spec" }
    })?;
    Ok(json(StatusCode::OK, openapi::document(&currency).into_bytes()))
}

pub(crate) async fn stop<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::stop).await
}

pub(crate) async fn market() -> HttpError {
    HttpError::NoPriceSource
}
