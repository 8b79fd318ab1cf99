//! Reading what a request says: query parameters, path segments, JSON bodies.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query};
use axum::http::Uri;
use serde::de::DeserializeOwned;
use tokio_stream::StreamExt;

use super::reply::HttpError;
use crate::api::Page;

/// The most characters of a foreign name that an error repeats.
const ECHO_MAX: usize = 40;

/// Query parameters with known names, each at most once. An empty value counts as absent.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of `uri`.
    ///
    /// # Errors
    /// [`HttpError::BadQuery`] for a name not in `known` and for a name that comes twice.
    pub(crate) fn parse(uri: &Uri, known: &[&str]) -> Result<Self, HttpError> {
        let bad = |name: &str, rule| HttpError::BadQuery { name: shortened(name), rule };
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| bad("", "cannot be read as name=value"))?;
        for (place, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(bad(name, "is not one this path takes"));
            }
            if pairs[..place].iter().any(|(earlier, _)| earlier == name) {
                return Err(bad(name, "is given twice"));
            }
        }
        Ok(Self(pairs))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str, rule: &'static str) -> Result<Option<T>, HttpError> {
        let bad = || HttpError::BadQuery { name: name.to_owned(), rule };
        self.get(name).map(|value| number(value).ok_or_else(bad)).transpose()
    }

    /// `limit` and `offset`.
    pub(crate) fn page(&self) -> Result<Page, HttpError> {
        let rule = "must be a number from 1 to 100";
        let limit = self.number("limit", rule)?.unwrap_or(Page::LIMIT_DEFAULT);
        let offset = self.number("offset", "must be a number from 0 to 2^64 - 1")?.unwrap_or(0);
        Page::new(limit, offset).map_err(|_| HttpError::BadQuery { name: "limit".to_owned(), rule })
    }
}

/// An unsigned decimal number: digits only, no sign.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A path segment as text.
pub(crate) fn segment(path: Result<Path<String>, PathRejection>) -> Result<String, HttpError> {
    path.map(|Path(text)| text).map_err(|_| HttpError::PathNotText)
}

/// A path segment as a value.
pub(crate) fn value<T: FromStr<Err: Display>>(
    path: Result<Path<String>, PathRejection>,
) -> Result<T, HttpError> {
    segment(path)?.parse().map_err(|error: T::Err| HttpError::BadPath { what: error.to_string() })
}

/// The body as JSON, whatever its content type says: what it has to be is known.
pub(crate) async fn json_body<T: DeserializeOwned>(
    body: Body,
    limit: usize,
    time: Duration,
) -> Result<T, HttpError> {
    let bytes = tokio::time::timeout(time, read_body(body, limit))
        .await
        .map_err(|_| HttpError::BodyTimeout { limit: time })??;
    serde_json::from_slice(&bytes).map_err(|error| HttpError::BadJson { problem: error.to_string() })
}

/// At most `limit` bytes. Of a longer body as much again is read and thrown away, so that a client that first sends
/// everything and then listens hears the answer.
async fn read_body(body: Body, limit: usize) -> Result<Vec<u8>, HttpError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut total = 0usize;
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| HttpError::BodyBroken)?;
        total = total.saturating_add(chunk.len());
        if total <= limit {
            bytes.extend_from_slice(&chunk);
        } else if total > limit.saturating_mul(2) {
            break;
        }
    }
    if total > limit { Err(HttpError::BodyTooLarge { limit }) } else { Ok(bytes) }
}

fn shortened(text: &str) -> String {
    text.chars().take(ECHO_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Result<Params, HttpError> {
        Params::parse(&format!("/x?{query}").parse().unwrap(), &["limit", "offset"])
    }

    #[test]
    fn pages_have_defaults_and_bounds() {
        let page = |query: &str| params(query).and_then(|params| params.page());
        assert_eq!(page(""), Ok(Page::default()));
        assert_eq!(page("limit=&offset="), Ok(Page::default()));
        assert_eq!(page("limit=100&offset=18446744073709551615"), Ok(Page::new(100, u64::MAX).unwrap()));
        for bad in
            ["limit=0", "limit=101", "limit=-1", "limit=+1", "limit=ten", "limit=1.5", "limit=4294967296"]
        {
            assert!(matches!(page(bad), Err(HttpError::BadQuery { name, .. }) if name == "limit"), "{bad}");
        }
        assert!(matches!(page("offset=18446744073709551616"), Err(HttpError::BadQuery { .. })));
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let name = |query: &str| match params(query) {
            Err(HttpError::BadQuery { name, .. }) => name,
            _ => panic!("{query} was taken"),
        };
        assert_eq!(name("limt=1"), "limt");
        assert_eq!(name("limit=1&limit=2"), "limit");
        assert_eq!(name(&"x".repeat(1000)).len(), ECHO_MAX);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let read = |bytes: &'static [u8]| read_body(Body::from(bytes), 4);
        assert_eq!(read(b"1234").await, Ok(b"1234".to_vec()));
        assert_eq!(read(b"12345").await, Err(HttpError::BodyTooLarge { limit: 4 }));
        assert_eq!(read(b"123456789").await, Err(HttpError::BodyTooLarge { limit: 4 }));
    }
}
