//! What goes back: JSON, and errors as JSON.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::dto::ErrorBody;
use crate::error::ApiError;

/// A JSON text with its status.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, Body::from(body)).into_response()
}

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("there is nothing at this path; /openapi.json lists what there is")]
    UnknownRoute,
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("{what}")]
    BadPath { what: String },
    #[error("the path is not valid UTF-8")]
    PathNotText,
    #[error("query parameter {name:?} {rule}")]
    BadQuery { name: String, rule: &'static str },
    #[error("header {name} {rule}")]
    BadHeader { name: &'static str, rule: &'static str },
    #[error("the body is not the JSON this call takes: {problem}")]
    BadJson { problem: String },
    #[error("the body breaks off")]
    BodyBroken,
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body took longer than {} s to arrive", limit.as_secs_f32())]
    BodyTimeout { limit: Duration },
    #[error(
        "admin calls need the header \"Authorization: Bearer <token>\"; the token is in the node's token file"
    )]
    NoToken,
    #[error("this is not the node's admin token; it is made anew at every start")]
    WrongToken,
    #[error("the request names a host this server does not answer to")]
    HostNotAllowed,
    #[error("a page of another origin may not make this call")]
    CrossOrigin,
    #[error("too many requests; wait {} ms", wait.as_millis())]
    RateLimited { wait: Duration },
    #[error("this client has {limit} event streams open, the most it may have")]
    ClientSubscriptions { limit: usize },
    #[error("all {limit} event streams are taken")]
    Subscriptions { limit: usize },
    #[error("all connections are taken; try again later")]
    Connections,
    #[error("the node did not answer within {} s", limit.as_secs_f32())]
    NodeTimeout { limit: Duration },
    #[error("no price source is configured, and a price is never invented")]
    NoPriceSource,
    #[error("internal error; the node's log says more")]
    Panicked,
}

impl HttpError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            HttpError::Api(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            HttpError::UnknownRoute => StatusCode::NOT_FOUND,
            HttpError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            HttpError::BadPath { .. }
            | HttpError::PathNotText
            | HttpError::BadQuery { .. }
            | HttpError::BadHeader { .. }
            | HttpError::BadJson { .. }
            | HttpError::BodyBroken => StatusCode::BAD_REQUEST,
            HttpError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            HttpError::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            HttpError::NoToken | HttpError::WrongToken => StatusCode::UNAUTHORIZED,
            HttpError::HostNotAllowed | HttpError::CrossOrigin => StatusCode::FORBIDDEN,
            HttpError::RateLimited { .. } | HttpError::ClientSubscriptions { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            HttpError::Subscriptions { .. } | HttpError::Connections | HttpError::NodeTimeout { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            HttpError::NoPriceSource => StatusCode::NOT_IMPLEMENTED,
            HttpError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            HttpError::Api(error) => error.code(),
            HttpError::UnknownRoute => "unknown-route",
            HttpError::MethodNotAllowed => "method-not-allowed",
            HttpError::BadPath { .. } | HttpError::PathNotText => "bad-path",
            HttpError::BadQuery { .. } => "bad-query",
            HttpError::BadHeader { .. } => "bad-header",
            HttpError::BadJson { .. } => "bad-json",
            HttpError::BodyBroken => "bad-body",
            HttpError::BodyTooLarge { .. } => "body-too-large",
            HttpError::BodyTimeout { .. } => "body-timeout",
            HttpError::NoToken => "token-missing",
            HttpError::WrongToken => "token-wrong",
            HttpError::HostNotAllowed => "host-not-allowed",
            HttpError::CrossOrigin => "cross-origin",
            HttpError::RateLimited { .. } => "rate-limited",
            HttpError::ClientSubscriptions { .. } | HttpError::Subscriptions { .. } => {
                "too-many-subscriptions"
            }
            HttpError::Connections => "too-many-connections",
            HttpError::NodeTimeout { .. } => "node-timeout",
            HttpError::NoPriceSource => "no-price-source",
            HttpError::Panicked => "internal",
        }
    }

    fn body(&self) -> ErrorBody {
        match self {
            HttpError::Api(error) => error.body(),
            other => {
                ErrorBody { error: other.to_string(), code: other.code().to_owned(), reject_reason: None }
            }
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).expect("three strings always serialise");
        let mut response = json(self.status(), body);
        let headers = response.headers_mut();
        match self {
            HttpError::NoToken | HttpError::WrongToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            HttpError::RateLimited { wait } => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                headers.insert(RETRY_AFTER, seconds.max(1).into());
            }
            HttpError::Connections => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
