//! The page at `/` and its files, compiled in.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

pub(crate) async fn index() -> Response {
    file("text/html; charset=utf-8", include_str!("../../web/index.html"))
}

pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../web/app.js"))
}

pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../../web/style.css"))
}

pub(crate) async fn icon() -> Response {
    file("image/svg+xml", include_str!("../../web/icon.svg"))
}

// Asked for anew after each start of the node: a new version's page must not run with an old version's script.
fn file(content_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], text).into_response()
}
