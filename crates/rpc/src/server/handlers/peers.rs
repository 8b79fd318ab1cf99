//! Whom the node is connected to, and orders to its network.

use axum::body::Body;
use axum::extract::State;

use super::{Answer, Node};
use crate::api::NodeApi;
use crate::dto::PeerAddRequest;
use crate::error::ApiError;
use crate::server::request;

pub(crate) async fn peers<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::peers).await
}

pub(crate) async fn add<A: NodeApi<Error = ApiError>>(State(node): Node<A>, body: Body) -> Answer {
    let config = &node.config;
    let request: PeerAddRequest =
        request::json_body(body, config.max_body_bytes, config.request_timeout).await?;
    if request.addr.is_empty() || request.addr.len() > PeerAddRequest::ADDR_MAX {
        return Err(ApiError::InvalidParameter { name: "addr", rule: "must have 1 to 261 characters" }.into());
    }
    node.answer(move |api| api.add_peer(&request)).await
}

pub(crate) async fn sync<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::sync).await
}
