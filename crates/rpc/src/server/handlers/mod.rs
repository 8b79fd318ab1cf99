//! One function an endpoint: read the request, ask the node, answer.

pub(super) mod chain;
pub(super) mod mempool;
pub(super) mod mining;
pub(super) mod ops;
pub(super) mod page;
pub(super) mod peers;
pub(super) mod wallet;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use super::reply::HttpError;
use super::state::Shared;

/// The shared state of a request.
type Node<A> = State<Arc<Shared<A>>>;
/// A path segment that may not be UTF-8.
type Segment = Result<Path<String>, PathRejection>;
/// What a handler gives.
type Answer = Result<Response<Body>, HttpError>;
