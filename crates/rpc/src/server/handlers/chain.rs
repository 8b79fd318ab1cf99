//! Questions about the chain.

use axum::extract::State;
use axum::http::Uri;
use cairn_primitives::Txid;

use super::{Answer, Node, Segment};
use crate::api::{BlockId, NodeApi};
use crate::error::ApiError;
use crate::server::reply::HttpError;
use crate::server::request::{self, Params};

pub(crate) async fn status<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::status).await
}

pub(crate) async fn supply<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::supply).await
}

pub(crate) async fn chain<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::chain).await
}

pub(crate) async fn spec<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::spec).await
}

pub(crate) async fn blocks<A: NodeApi<Error = ApiError>>(State(node): Node<A>, uri: Uri) -> Answer {
    let page = Params::parse(&uri, &["limit", "offset"])?.page()?;
    node.answer(move |api| api.blocks(page)).await
}

pub(crate) async fn block<A: NodeApi<Error = ApiError>>(State(node): Node<A>, id: Segment) -> Answer {
    let id: BlockId = request::value(id)?;
    node.answer(move |api| api.block(id)).await
}

pub(crate) async fn block_filter<A: NodeApi<Error = ApiError>>(State(node): Node<A>, id: Segment) -> Answer {
    let id: BlockId = request::value(id)?;
    node.answer(move |api| api.block_filter(id)).await
}

pub(crate) async fn transaction<A: NodeApi<Error = ApiError>>(State(node): Node<A>, txid: Segment) -> Answer {
    let txid = parse_txid(txid)?;
    node.answer(move |api| api.transaction(txid)).await
}

pub(crate) async fn proof<A: NodeApi<Error = ApiError>>(State(node): Node<A>, txid: Segment) -> Answer {
    let txid = parse_txid(txid)?;
    node.answer(move |api| api.transaction_proof(txid)).await
}

pub(crate) async fn balance<A: NodeApi<Error = ApiError>>(State(node): Node<A>, address: Segment) -> Answer {
    let address = request::segment(address)?;
    node.answer(move |api| api.balance(&address)).await
}

pub(crate) async fn utxos<A: NodeApi<Error = ApiError>>(
    State(node): Node<A>,
    address: Segment,
    uri: Uri,
) -> Answer {
    let address = request::segment(address)?;
    let page = Params::parse(&uri, &["limit", "offset"])?.page()?;
    node.answer(move |api| api.utxos(&address, page)).await
}

pub(crate) async fn history<A: NodeApi<Error = ApiError>>(
    State(node): Node<A>,
    address: Segment,
    uri: Uri,
) -> Answer {
    let address = request::segment(address)?;
    let page = Params::parse(&uri, &["limit", "offset"])?.page()?;
    node.answer(move |api| api.history(&address, page)).await
}

fn parse_txid(segment: Segment) -> Result<Txid, HttpError> {
    request::segment(segment)?
        .parse()
        .map_err(|_| HttpError::BadPath { what: "a transaction id has 64 hex digits".to_owned() })
}
