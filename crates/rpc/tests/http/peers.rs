//! Peers and orders to the network.

use cairn_rpc::{ClientError, NodeApi, PeerAddRequest};
use serde_json::json;

use crate::same;
use crate::wire::TestServer;

#[test]
fn peers_are_listed_with_what_is_known_of_them() {
    let server = TestServer::start();
    same!(server, peers());
    let peers = server.get("/peers").json();
    assert_eq!(
        peers["peers"][0],
        json!({
            "id": 1, "addr": "192.0.2.7:6334", "inbound": false, "version": 70016, "user_agent": "/Cairn:0.1.0/",
            "services": "0000000000000409", "height": 11, "ban_score": 0, "uptime": 60, "latency_ms": 12,
            "bytes_sent": 1000, "bytes_recv": 2000, "transport": "v1"
        })
    );
    let silent = &peers["peers"][1];
    for name in ["version", "user_agent", "services", "height", "latency_ms"] {
        assert_eq!(silent[name], json!(null), "{name}");
    }
    assert_eq!(same!(server, status()).peers, 2);
}

#[test]
fn a_peer_is_added_by_its_address() {
    let server = TestServer::start();
    let order = PeerAddRequest { addr: "192.0.2.1:6334".to_owned() };
    assert!(matches!(server.client().add_peer(&order), Err(ClientError::NoToken)));
    assert!(server.admin().add_peer(&order).unwrap().added);
    let again = server.post_admin("/peers/add", r#"{"addr":"192.0.2.1:6334"}"#).json();
    assert_eq!(again, json!({"addr": "192.0.2.1:6334", "added": false}));
    assert_eq!(server.node.added_peers.read().unwrap().len(), 2);
}

#[test]
fn addresses_that_are_none_are_refused() {
    let server = TestServer::start();
    let add = |addr: &str| server.post_admin("/peers/add", &json!({ "addr": addr }).to_string());
    // The node judges what fits; of longer texts it never hears.
    for length in [1, PeerAddRequest::ADDR_MAX] {
        let answer = add(&"x".repeat(length));
        assert_eq!(answer.error(400), "bad-parameter");
        assert!(answer.text().contains("IP address"), "{}", answer.text());
    }
    for length in [0, PeerAddRequest::ADDR_MAX + 1] {
        let answer = add(&"x".repeat(length));
        assert_eq!(answer.error(400), "bad-parameter");
        assert!(answer.text().contains("1 to 261"), "{}", answer.text());
    }
    for body in ["", "{}", r#"{"addr":1}"#, r#"{"addr":"192.0.2.1:1","x":1}"#] {
        assert_eq!(server.post_admin("/peers/add", body).error(400), "bad-json", "{body}");
    }
    assert!(server.node.added_peers.read().unwrap().is_empty());
}

#[test]
fn sync_says_whom_it_asked() {
    let server = TestServer::start();
    assert_eq!(server.post("/sync", "").error(401), "token-missing");
    assert!(matches!(server.client().sync(), Err(ClientError::NoToken)));
    let started = server.admin().sync().unwrap();
    assert_eq!((started.height, started.peers), (server.node.height(), 2));
    assert_eq!(server.post_admin("/sync", "").json(), json!({"height": 11, "headers": 11, "peers": 2}));
}
