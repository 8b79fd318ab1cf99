//! Templates, solved blocks, and mining on order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::{Answer, Node};
use crate::api::{Deadline, NodeApi};
use crate::dto::{MineRequest, SubmitRequest};
use crate::error::ApiError;
use crate::server::reply::json;
use crate::server::request::{self, Params};
use crate::server::state::to_json;

pub(crate) async fn status<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::mining_status).await
}

pub(crate) async fn template<A: NodeApi<Error = ApiError>>(State(node): Node<A>, uri: Uri) -> Answer {
    let params = Params::parse(&uri, &["address"])?;
    node.answer(move |api| api.mining_template(params.get("address"))).await
}

pub(crate) async fn submit<A: NodeApi<Error = ApiError>>(State(node): Node<A>, body: Body) -> Answer {
    let config = &node.config;
    let request: SubmitRequest =
        request::json_body(body, config.max_block_body_bytes, config.request_timeout).await?;
    node.answer(move |api| api.submit_block(&request)).await
}

pub(crate) async fn mine<A: NodeApi<Error = ApiError>>(State(node): Node<A>, body: Body) -> Answer {
    let config = &node.config;
    let request: MineRequest =
        request::json_body(body, config.max_body_bytes, config.request_timeout).await?;
    if request.blocks == 0 || request.blocks > MineRequest::BLOCKS_MAX {
        return Err(ApiError::InvalidParameter { name: "blocks", rule: "must be from 1 to 1000" }.into());
    }
    let deadline = Deadline::with_stop(config.mine_timeout, Arc::clone(&node.stop));
    // The node gives back what it has when the deadline passes, so its answer comes a little after that.
    let limit = config.mine_timeout + config.request_timeout;
    let body = node.call_within(limit, move |api| to_json(&api.mine(&request, &deadline)?)).await?;
    Ok(json(StatusCode::OK, body))
}
