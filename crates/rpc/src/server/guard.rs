//! Who may ask: the host a request names, the page it comes from, the token it carries.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};

use super::client_key::ClientKey;
use super::reply::HttpError;
use crate::token::AdminToken;

/// Which `Host` a request may name.
///
/// A page of a foreign site can make its own name resolve to 127.0.0.1 (DNS rebinding) and would then speak to a node on loopback
/// as if it were its own server; its name in `Host` gives it away.
#[derive(Debug, Clone)]
pub(crate) struct HostRule {
    loopback: bool,
    allowed: Vec<String>,
}

impl HostRule {
    pub(crate) fn new(bound: SocketAddr, allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { loopback: bound.ip().to_canonical().is_loopback(), allowed }
    }

    /// Checks the host of a request: its `Host` header, or the authority of an absolute request target.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HttpError> {
        if !self.loopback && self.allowed.is_empty() {
            return Ok(());
        }
        let host = named_host(uri, headers).ok_or(HttpError::HostNotAllowed)?;
        if self.allows(without_port(host)) { Ok(()) } else { Err(HttpError::HostNotAllowed) }
    }

    fn allows(&self, name: &str) -> bool {
        if self.allowed.iter().any(|allowed| name.eq_ignore_ascii_case(allowed)) {
            return true;
        }
        // An address cannot be rebound.
        if self.loopback { is_loopback_name(name) } else { address_in(name).is_some() }
    }
}

fn is_loopback_name(name: &str) -> bool {
    address_in(name)
        .map_or_else(|| name.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
}

fn address_in(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn named_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() {
        return None;
    }
    uri.authority().map(|authority| authority.as_str()).or(host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Refuses a call that changes something when a page of another origin makes it.
pub(crate) fn check_origin(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), HttpError> {
    if method.is_safe() {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Err(HttpError::CrossOrigin);
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let own = origin.to_str().ok().zip(named_host(uri, headers)).is_some_and(|(origin, host)| {
        let name = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        name.is_some_and(|name| name.eq_ignore_ascii_case(host))
    });
    if own { Ok(()) } else { Err(HttpError::CrossOrigin) }
}

/// Headers by which a proxy tells that it forwards for someone else.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Whether a request that changes something comes from the page of a server on loopback, shown by a browser on the same machine.
///
/// A browser sets `Origin` on every POST, truthfully, and sends `X-Cairn-Page` to another origin only after a preflight that this server
/// never answers.
pub(crate) fn check_own_page(client: ClientKey, hosts: &HostRule, uri: &Uri, headers: &HeaderMap) -> bool {
    let host_is_loopback = named_host(uri, headers).is_some_and(|host| is_loopback_name(without_port(host)));
    client.is_loopback()
        && hosts.loopback
        && host_is_loopback
        && headers.contains_key(ORIGIN)
        && check_origin(&Method::POST, uri, headers).is_ok()
        && headers.get("x-cairn-page").is_some_and(|value| value == "1")
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Checks that a request carries the admin token.
pub(crate) fn check_token(headers: &HeaderMap, token: &AdminToken) -> Result<(), HttpError> {
    const SCHEME: &[u8] = b"bearer ";
    let presented = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked(SCHEME.len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
        .map(|(_, token)| token.trim_ascii())
        .ok_or(HttpError::NoToken)?;
    if token.matches(presented) { Ok(()) } else { Err(HttpError::WrongToken) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn host_headers(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())])
    }

    fn rule(bound: &str, allowed: &[&str]) -> HostRule {
        let allowed: Vec<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        HostRule::new(bound.parse().unwrap(), &allowed)
    }

    fn answers(rule: &HostRule, host: &str) -> bool {
        rule.check(&Uri::from_static("/"), &host_headers(host)).is_ok()
    }

    #[test]
    fn a_loopback_server_answers_to_loopback_names_alone() {
        let rule = rule("127.0.0.1:6333", &["Explorer.Example"]);
        for host in [
            "localhost",
            "LOCALHOST:6333",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:6333",
            "[::1]",
            "explorer.example:443",
        ] {
            assert!(answers(&rule, host), "{host}");
        }
        for host in [
            "evil.example:6333",
            "192.0.2.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":6333",
        ] {
            assert!(!answers(&rule, host), "{host}");
        }
        assert!(rule.check(&Uri::from_static("/"), &HeaderMap::new()).is_err());
        let mut two = host_headers("localhost");
        two.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(rule.check(&Uri::from_static("/"), &two).is_err());
        assert!(rule.check(&Uri::from_static("http://evil.example/"), &host_headers("localhost")).is_err());
    }

    #[test]
    fn a_public_server_answers_to_all_names_or_to_its_own() {
        let open = rule("0.0.0.0:6333", &[]);
        assert!(answers(&open, "any.example"));
        let named = rule("0.0.0.0:6333", &["node.example"]);
        assert!(answers(&named, "node.example:6333"));
        assert!(answers(&named, "192.0.2.1:6333"));
        assert!(!answers(&named, "other.example"));
    }

    #[test]
    fn only_the_own_page_may_change_things() {
        let check = |method: Method, origin: &'static str| {
            let mut headers = host_headers("localhost:6333");
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            check_origin(&method, &Uri::from_static("/stop"), &headers)
        };
        assert_eq!(check(Method::POST, "http://localhost:6333"), Ok(()));
        assert_eq!(check(Method::GET, "http://evil.example"), Ok(()));
        for origin in ["http://evil.example", "null", "http://localhost", "http://localhost:6334", ""] {
            assert_eq!(check(Method::POST, origin), Err(HttpError::CrossOrigin), "{origin}");
        }
        let mut headers = host_headers("localhost:6333");
        assert_eq!(check_origin(&Method::POST, &Uri::from_static("/stop"), &headers), Ok(()));
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-site"));
        assert_eq!(
            check_origin(&Method::POST, &Uri::from_static("/stop"), &headers),
            Err(HttpError::CrossOrigin)
        );
    }

    #[test]
    fn the_token_follows_the_word_bearer() {
        let text = "5a".repeat(32);
        let token = AdminToken::parse(&text).unwrap();
        let check = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            check_token(&HeaderMap::from_iter([(AUTHORIZATION, value)]), &token)
        };
        assert_eq!(check(&format!("Bearer {text}")), Ok(()));
        assert_eq!(check(&format!("bearer  {text} ")), Ok(()));
        assert_eq!(check(&format!("Basic {text}")), Err(HttpError::NoToken));
        assert_eq!(check("Bearer"), Err(HttpError::NoToken));
        assert_eq!(check("Bearer "), Err(HttpError::WrongToken));
        assert_eq!(check(&format!("Bearer {text}5a")), Err(HttpError::WrongToken));
        assert_eq!(check_token(&HeaderMap::new(), &token), Err(HttpError::NoToken));
    }
}
