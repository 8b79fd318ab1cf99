//! The wallet of a development node.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};

use super::{Answer, Node};
use crate::api::NodeApi;
use crate::dto::WalletSendRequest;
use crate::error::ApiError;
use crate::server::client_key::ClientKey;
use crate::server::guard::{check_own_page, check_token};
use crate::server::reply::HttpError;
use crate::server::request;
use crate::server::state::Shared;

pub(crate) async fn status<A: NodeApi<Error = ApiError>>(State(node): Node<A>) -> Answer {
    node.answer(A::wallet_status).await
}

pub(crate) async fn send<A: NodeApi<Error = ApiError>>(
    State(node): Node<A>,
    Extension(client): Extension<ClientKey>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    authorize(&node, client, &uri, &headers)?;
    let config = &node.config;
    let request: WalletSendRequest =
        request::json_body(body, config.max_body_bytes, config.request_timeout).await?;
    node.answer(move |api| api.wallet_send(&request)).await
}

/// The admin token, or the node's own page where the node lets that send. Who shows a token is judged by it alone.
fn authorize<A>(
    node: &Shared<A>,
    client: ClientKey,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), HttpError> {
    match check_token(headers, &node.token) {
        Err(HttpError::NoToken)
            if node.config.wallet_from_page && check_own_page(client, &node.hosts, uri, headers) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
