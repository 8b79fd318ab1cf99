//! What every request passes: counted, held to its rate, checked for host and origin; and what every answer carries.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::client_key::ClientKey;
use super::guard::check_origin;
use super::reply::HttpError;
use super::state::Shared;

/// The page loads its own files and talks to its own server; nothing else, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const ANSWER_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub(super) async fn gate<A: Send + Sync + 'static>(
    State(state): State<Arc<Shared<A>>>,
    Extension(client): Extension<ClientKey>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let mut response = match admit(&state, client, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    state.metrics.request(method, route, response.status().as_u16(), started.elapsed());
    for (name, value) in ANSWER_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

fn admit<A>(state: &Shared<A>, client: ClientKey, request: &Request) -> Result<(), HttpError> {
    state.rate.check(client).map_err(|wait| HttpError::RateLimited { wait })?;
    state.hosts.check(request.uri(), request.headers())?;
    check_origin(request.method(), request.uri(), request.headers())
}

/// The method as a metric label; what a client may invent is not one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
