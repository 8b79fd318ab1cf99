//! What waits for a block, what a place costs, and sending.

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;

use super::{Answer, Node};
use crate::api::NodeApi;
use crate::dto::SendRequest;
use crate::error::ApiError;
use crate::server::request::{self, Params};

pub(crate) async fn mempool<A: NodeApi<Error = ApiError>>(State(node): Node<A>, uri: Uri) -> Answer {
    let page = Params::parse(&uri, &["limit", "offset"])?.page()?;
    node.answer(move |api| api.mempool(page)).await
}

pub(crate) async fn fee_estimate<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::fee_estimate).await
}

pub(crate) async fn send<A: NodeApi<Error = ApiError>>(State(node): Node<A>, body: Body) -> Answer {
    let config = &node.config;
    let request: SendRequest =
        request::json_body(body, config.max_tx_body_bytes, config.request_timeout).await?;
    node.answer(move |api| api.send_transaction(&request)).await
}
