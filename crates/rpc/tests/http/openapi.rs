//! The description of the API against the API.

use std::collections::BTreeSet;

use cairn_rpc::{
    Currency, FeeRate, MempoolEvent, NodeApi, PoolEvent, SendRequest, Server, TxRemoval, TxRemovedEvent,
    openapi_document,
};
use serde_json::{Value, json};

use crate::fake::{FakeNode, GENESIS_TXID, address, payment};
use crate::wire::{Stream, TestServer};

fn document() -> Value {
    serde_json::from_str(&openapi_document(&Currency::new("FAKE", 8).unwrap())).unwrap()
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let admin = operation.get("security").is_some();
            described.insert((method.to_uppercase(), path.clone(), admin));
        }
    }
    let routes: BTreeSet<_> = Server::<FakeNode>::routes()
        .into_iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned(), route.admin))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn path_parameters_are_those_in_the_path() {
    for (path, operations) in document()["paths"].as_object().unwrap() {
        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for operation in operations.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let described: BTreeSet<&str> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(described, in_path, "{path}");
        }
    }
}

/// Checks that `value` has exactly the members its schema names, and their types, all the way down.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{place}: {reference} is nowhere"));
        return check(document, target, value, place);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(document, part, value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return check(document, choice.unwrap(), value, place);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(|name| name.as_str().unwrap()).collect(),
        name => name.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = types.is_empty() || types.contains(&kind) || (kind == "integer" && types.contains(&"number"));
    assert!(fits, "{place} is {kind}, not {types:?}");
    if let Some(properties) = schema["properties"].as_object() {
        let members = value.as_object().unwrap();
        for name in members.keys() {
            assert!(properties.contains_key(name), "{place}.{name} is not described");
        }
        for name in schema["required"].as_array().unwrap() {
            assert!(members.contains_key(name.as_str().unwrap()), "{place} has no {name}");
        }
        for (name, member) in members {
            check(document, &properties[name], member, &format!("{place}.{name}"));
        }
    }
    if schema["pattern"] == "^[0-9a-f]{64}$" && !value.is_null() {
        let text = value.as_str().unwrap();
        assert!(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()), "{place}: {text}");
    }
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item, &format!("{place}[]"));
    }
}

#[test]
fn answers_are_as_described() {
    let server = TestServer::start();
    server.node.reorg(1, 2);
    let document = server.get("/openapi.json").json();
    assert_eq!(document, self::document());
    let tx = payment(&server.node, 9, 2, 1_000);
    let raw_tx = json!({ "raw_tx": SendRequest::new(&tx).raw_tx }).to_string();
    described(&document, "post", "/tx/send", 200, &server.post("/tx/send", &raw_tx).json());
    described(&document, "post", "/tx/send", 400, &server.post("/tx/send", &raw_tx).json());
    described(&document, "get", "/tx/{txid}", 200, &server.get(&format!("/tx/{}", tx.txid())).json());
    let (one, two) = (address(1), address(2));
    let gets = [
        ("/status", "/status".to_owned(), 200),
        ("/supply", "/supply".to_owned(), 200),
        ("/blocks", "/blocks?limit=3".to_owned(), 200),
        ("/block/{id}", "/block/5".to_owned(), 200),
        ("/block/{id}", "/block/x".to_owned(), 400),
        ("/block/{id}", "/block/99".to_owned(), 404),
        ("/block/{id}/filter", "/block/5/filter".to_owned(), 200),
        ("/block/{id}/filter", "/block/99/filter".to_owned(), 404),
        ("/tx/{txid}", format!("/tx/{GENESIS_TXID}"), 200),
        ("/tx/{txid}/proof", format!("/tx/{}/proof", server.node.block_at(6).transactions[1].txid()), 200),
        ("/balance/{address}", format!("/balance/{one}"), 200),
        ("/utxo/{address}", format!("/utxo/{two}"), 200),
        ("/address/{address}", format!("/address/{two}"), 200),
        ("/chain", "/chain".to_owned(), 200),
        ("/mempool", "/mempool".to_owned(), 200),
        ("/fee-estimate", "/fee-estimate".to_owned(), 200),
        ("/peers", "/peers".to_owned(), 200),
        ("/wallet/status", "/wallet/status".to_owned(), 200),
        ("/spec", "/spec".to_owned(), 200),
        ("/mining/status", "/mining/status".to_owned(), 200),
        ("/mining/template", format!("/mining/template?address={one}"), 200),
        ("/mining/template", "/mining/template".to_owned(), 200),
        ("/market", "/market".to_owned(), 501),
        ("/health", "/health".to_owned(), 200),
        ("/ready", "/ready".to_owned(), 200),
    ];
    for (path, asked, status) in gets {
        described(&document, "get", path, status, &server.get(&asked).json());
    }
    let order = json!({ "address": one, "blocks": 1 }).to_string();
    described(&document, "post", "/mine", 200, &server.post_admin("/mine", &order).json());
    described(&document, "post", "/mine", 401, &server.post("/mine", &order).json());
    let added = server.post_admin("/peers/add", r#"{"addr":"192.0.2.1:1"}"#).json();
    described(&document, "post", "/peers/add", 200, &added);
    described(&document, "post", "/sync", 200, &server.post_admin("/sync", "").json());
    let payment = json!({ "address": one, "amount": 1000 }).to_string();
    described(&document, "post", "/wallet/send", 200, &server.post_admin("/wallet/send", &payment).json());
    let block = server.get(&format!("/mining/template?address={one}")).json()["block_hex"].clone();
    let body = json!({ "block_hex": block }).to_string();
    described(&document, "post", "/mining/submit", 200, &server.post("/mining/submit", &body).json());
    described(&document, "post", "/stop", 200, &server.post_admin("/stop", "").json());
}

fn described(document: &Value, method: &str, path: &str, status: u16, body: &Value) {
    let answer = &document["paths"][path][method]["responses"][status.to_string()];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} {status} is not described");
    check(document, schema, body, path);
}

#[test]
fn events_are_as_described() {
    let server = TestServer::start();
    let document = document();
    let mut stream = Stream::open(&server, "/events", None);
    let check_next = |stream: &mut Stream, event: &str, schema: &str| {
        check(&document, &document["components"]["schemas"][schema], &stream.expect(event).data, event);
    };
    check_next(&mut stream, "snapshot", "Status");
    server.node.reorg(1, 1);
    check_next(&mut stream, "reorg", "ReorgEvent");
    check_next(&mut stream, "block", "BlockEvent");
    let tx = payment(&server.node, 9, 2, 1_000);
    server.node.send_transaction(&SendRequest::new(&tx)).unwrap();
    check_next(&mut stream, "tx", "TxEvent");
    let removed = TxRemovedEvent { txid: tx.txid(), reason: TxRemoval::Block };
    server.node.tell_pool(PoolEvent::TxRemoved(removed));
    check_next(&mut stream, "tx_removed", "TxRemovedEvent");
    let pool = MempoolEvent { count: 0, vsize: 0, min_fee_rate: FeeRate::default() };
    server.node.tell_pool(PoolEvent::Mempool(pool));
    check_next(&mut stream, "mempool", "MempoolEvent");
}
