//! What all requests share, and the way from the reactor to the node's blocking methods.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::guard::HostRule;
use super::rate::RateGate;
use super::reply::{HttpError, json};
use super::slots::Slots;
use crate::api::NodeApi;
use crate::config::HttpConfig;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::token::AdminToken;

pub(crate) struct Shared<A> {
    pub(crate) api: Arc<A>,
    pub(crate) config: HttpConfig,
    pub(crate) token: AdminToken,
    pub(crate) metrics: Metrics,
    pub(crate) rate: RateGate,
    pub(crate) hosts: HostRule,
    pub(crate) subscriptions: Arc<Slots>,
    pub(crate) connections: Arc<Slots>,
    /// Set when the server begins to stop, for calls that block.
    pub(crate) stop: Arc<AtomicBool>,
    /// Turns true when the server begins to stop, for tasks.
    pub(crate) stopping: watch::Receiver<bool>,
    calls: Arc<Semaphore>,
}

impl<A: NodeApi<Error = ApiError>> Shared<A> {
    pub(crate) fn new(
        api: Arc<A>,
        config: HttpConfig,
        token: AdminToken,
        hosts: HostRule,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            api,
            token,
            metrics: Metrics::new(),
            rate: RateGate::new(config.requests_per_second, config.request_burst),
            hosts,
            subscriptions: Slots::new(config.max_subscriptions, config.max_subscriptions_per_client),
            connections: Slots::new(config.max_connections, config.max_connections_per_client),
            stop: Arc::default(),
            stopping,
            calls: Arc::new(Semaphore::new(config.max_concurrent_calls)),
            config,
        }
    }

    /// Runs `call` on a thread that may block, when one of the places for calls is free.
    ///
    /// # Errors
    /// What the call gives; [`HttpError::NodeTimeout`] when place and answer took longer than `limit` together (the call
    /// itself runs on and keeps its place until it is done); [`HttpError::Panicked`].
    pub(crate) async fn call_within<T: Send + 'static>(
        &self,
        limit: std::time::Duration,
        call: impl FnOnce(&A) -> Result<T, HttpError> + Send + 'static,
    ) -> Result<T, HttpError> {
        let api = Arc::clone(&self.api);
        let calls = Arc::clone(&self.calls);
        let answer = async {
            let place = calls.acquire_owned().await.map_err(|_| HttpError::Api(ApiError::Stopping))?;
            let task = tokio::task::spawn_blocking(move || {
                let _place = place;
                call(&api)
            });
            task.await.map_err(|error| {
                tracing::error!(%error, "a node call panicked");
                HttpError::Panicked
            })?
        };
        timeout(limit, answer).await.map_err(|_| HttpError::NodeTimeout { limit })?
    }

    /// [`Shared::call_within`] the request timeout.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&A) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.call_within(self.config.request_timeout, |api| Ok(call(api)?)).await
    }

    /// The answer of `call` as JSON; it is written on the blocking thread too, for a block can be megabytes.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        call: impl FnOnce(&A) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Response<Body>, HttpError> {
        let body = self.call_within(self.config.request_timeout, |api| to_json(&call(api)?)).await?;
        Ok(json(StatusCode::OK, body))
    }
}

/// Returns once the server begins to stop.
pub(crate) async fn until_stopping(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// `value` as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, HttpError> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        HttpError::Api(ApiError::Internal { what: "writing the answer" })
    })
}
