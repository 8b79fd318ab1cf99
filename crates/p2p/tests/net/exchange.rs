//! Two nodes and what they tell each other.

use std::time::Duration;

use cairn_p2p::net::NetConfig;
use cairn_p2p::{BlockRequest, Direction, Inventory, Message, PeersFile};
use cairn_primitives::BlockHash;

use crate::host::{TinyHost, peers, start, start_with, until};
use crate::raw::Raw;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_takes_the_chain_of_another_and_hears_of_the_next_block() {
    let old = start(TinyHost::with_blocks(40), &[]).await;
    let new = start(TinyHost::with_blocks(0), &[old.addr()]).await;
    until("both know each other", || old.net.peers().len() == 1 && new.net.peers().len() == 1).await;
    let seen = &new.net.peers()[0];
    assert_eq!((seen.addr, seen.direction, seen.manual), (old.addr(), Direction::Outbound, true));
    assert_eq!(old.net.peers()[0].direction, Direction::Inbound);

    until("the chain is there", || new.host.height() == 40).await;
    until("nothing is asked for any more", || new.net.blocks_in_flight() == 0).await;
    old.host.mine();
    until("the next block is there", || new.host.height() == 41).await;
    until("bytes are counted", || {
        let peers = new.net.peers();
        peers[0].bytes_received > 40 * 200 && peers[0].bytes_sent > 0
    })
    .await;

    let saved = PeersFile::from_bytes(&new.net.save()).unwrap();
    assert_eq!(saved.book.len(), 1, "where a handshake succeeded is kept");
    assert!(saved.bans.list(Duration::ZERO).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_node_is_called_again_after_it_was_away() {
    let first = start(TinyHost::with_blocks(3), &[]).await;
    let addr = first.addr();
    let caller = start(TinyHost::with_blocks(0), &[addr]).await;
    until("the chain is there", || caller.host.height() == 3).await;
    first.net.stop();
    first.task.await.unwrap();
    until("the end is noticed", || caller.net.peers().is_empty()).await;

    let config = NetConfig { listen: Some(addr), ..NetConfig::default() };
    let again = start_with(TinyHost::with_blocks(5), config, peers(&[])).await;
    until("it is called again", || again.net.peers().len() == 1).await;
    until("the caller knows it too", || caller.net.peers().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_blocks_are_served() {
    let node = start(TinyHost::with_blocks(10), &[]).await;
    let mut raw = Raw::greet(node.addr(), 1).await;
    let stop = BlockHash::from_bytes([0; 32]);
    raw.send(&Message::GetHeaders(BlockRequest { protocol: 70_016, locator: Vec::new(), stop }))
        .await
        .unwrap();
    let request = BlockRequest { protocol: 70_016, locator: vec![stop], stop };
    raw.send(&Message::GetHeaders(request)).await.unwrap();
    let headers = loop {
        match raw.receive().await.expect("the connection holds") {
            Message::Headers(headers) if !headers.is_empty() => break headers,
            _ => {}
        }
    };
    assert!(headers.len() >= 10);
    let wanted: Vec<_> = headers.iter().rev().take(5).map(|header| header.hash()).collect();
    let items = wanted.iter().map(|hash| Inventory::WitnessBlock(*hash)).collect();
    raw.send(&Message::GetData(items)).await.unwrap();
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        if let Message::Block(block) = raw.receive().await.expect("the connection holds") {
            got.push(block.hash());
        }
    }
    assert_eq!(got, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_everything() {
    let node = start(TinyHost::with_blocks(1), &[]).await;
    // One that nobody answers, one peer, one that says nothing.
    node.net.add_node("192.0.2.1:8333".parse().unwrap()).unwrap();
    let peer = start(TinyHost::with_blocks(1), &[node.addr()]).await;
    until("both know each other", || node.net.peers().len() == 1).await;
    let silent = Raw::open(node.addr()).await;
    until("the silent one is there", || node.net.connections() == 2).await;

    node.net.stop();
    tokio::time::timeout(Duration::from_secs(30), node.task).await.expect("it ends").unwrap();
    silent.until_closed().await;
    until("the peer notices", || peer.net.peers().is_empty()).await;
    assert!(PeersFile::from_bytes(&node.net.save()).is_ok(), "what was known can still be saved");
}
