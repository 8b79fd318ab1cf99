//! Any bytes at all: an answer below 500, or a closed connection; never a panic, never silence.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use cairn_rpc::{HttpConfig, Server};
use proptest::prelude::*;

use crate::fake::{FakeNode, GENESIS_HASH, GENESIS_TXID, address};
use crate::wire::{Answer, TOKEN, TestServer, request};

/// One server for all cases, without a rate that would answer in the node's place.
static SERVER: LazyLock<TestServer> = LazyLock::new(|| {
    let rate = NonZeroU32::new(1_000_000).unwrap();
    TestServer::with(HttpConfig { requests_per_second: rate, request_burst: rate, ..HttpConfig::default() })
});

/// Percent-encodes what cannot stand in a request line, and nothing else.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'#' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text
}

/// A path of the route table whose parameters are anything.
fn path() -> impl Strategy<Value = String> {
    let routes: Vec<&'static str> =
        Server::<FakeNode>::routes().iter().map(|route| route.path).filter(|path| *path != "/stop").collect();
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| printable(&bytes).replace(['/', '?'], "-")),
        "[0-9]{1,12}",
        "[0-9a-fA-F]{62,66}",
        Just(GENESIS_HASH.to_owned()),
        Just(GENESIS_TXID.to_owned()),
        Just(address(1)),
    ];
    (proptest::sample::select(routes), value).prop_map(|(route, value)| {
        let parts: Vec<&str> =
            route.split('/').map(|part| if part.starts_with('{') { value.as_str() } else { part }).collect();
        parts.join("/")
    })
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        proptest::sample::select(vec!["limit", "offset", "address", "types", "since"])
            .prop_map(str::to_owned),
        "[a-z%&=]{0,8}",
    ];
    let value = prop_oneof![
        "[0-9]{0,22}",
        "[a-z,%+]{0,12}",
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| printable(&bytes))
    ];
    proptest::collection::vec((name, value), 0..4).prop_map(|pairs| {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[0-9a-f]{0,400}".prop_map(|hex| format!(r#"{{"block_hex":"{hex}"}}"#).into_bytes()),
        "[0-9a-f]{0,400}".prop_map(|hex| format!(r#"{{"raw_tx":"{hex}"}}"#).into_bytes()),
        any::<String>().prop_map(|text| serde_json::json!({ "addr": text }).to_string().into_bytes()),
        (any::<String>(), any::<u64>()).prop_map(|(text, n)| {
            serde_json::json!({ "address": text, "amount": n }).to_string().into_bytes()
        }),
        (any::<String>(), 0u32..3).prop_map(|(text, n)| serde_json::json!({ "address": text, "blocks": n })
            .to_string()
            .into_bytes()),
    ]
}

/// Sends bytes and reads the head of the answer; an event stream has no end to wait for. `whole`: the bytes are a whole
/// request. Otherwise the server is told that no more will come, which it takes for the client's leaving.
fn status_of(sent: &[u8], whole: bool) -> Option<u16> {
    let mut stream = SERVER.connect();
    // A server that has already answered may close before all is sent.
    let _ = stream.write_all(sent);
    if !whole {
        let _ = stream.shutdown(Shutdown::Write);
    }
    crate::wire::read_head(&mut BufReader::new(stream)).ok().map(|(status, _)| status)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_question_has_an_answer_that_blames_nobody_else(
        post: bool, admin: bool, path in path(), query in query(), body in body(),
    ) {
        let method = if post { "POST" } else { "GET" };
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let bearer = format!("Bearer {TOKEN}");
        let headers: &[(&str, &str)] = if admin { &[("authorization", &bearer)] } else { &[] };
        let status = status_of(&request(method, &target, headers, &body), true);
        let unpriced = path.starts_with("/market");
        prop_assert!(status.is_some_and(|status| status < 500 || (status == 501 && unpriced)), "{target}: {status:?}");
    }

    #[test]
    fn any_path_of_bytes_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let status = status_of(&request("GET", &format!("/{}", printable(&bytes)), &[], b""), true);
        prop_assert!(status.is_some_and(|status| status < 500), "{status:?}");
    }

    #[test]
    fn any_bytes_on_a_connection_are_answered_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut stream = SERVER.connect();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        prop_assert!(!rest.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&rest));
    }

    #[test]
    fn a_damaged_request_is_answered_or_refused(
        place in 0usize..120, byte: u8, cut in 0usize..200,
    ) {
        let mut bytes = request("POST", "/mining/submit", &[("x", "y")], br#"{"block_hex":"00"}"#);
        let place = place % bytes.len();
        bytes[place] = byte;
        bytes.truncate(cut.max(1));
        let status = status_of(&bytes, false);
        prop_assert!(status.is_none_or(|status| status < 500), "{status:?}");
    }
}

#[test]
fn after_all_that_the_server_is_well() {
    let mut stream = SERVER.connect();
    stream.write_all(&request("GET", "/status", &[], b"")).unwrap();
    assert_eq!(Answer::read(&mut BufReader::new(stream)).unwrap().status, 200);
}
