//! Peers that take, send or open too much.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_p2p::net::NetConfig;
use cairn_p2p::{BlockRequest, CodecError, DisconnectReason, Message, Misbehaviour, PeerConfig};
use cairn_params::presets;
use cairn_primitives::BlockHash;

use crate::host::{TinyHost, anywhere, peers, start, start_with, until};
use crate::raw::Raw;

fn listening() -> NetConfig {
    NetConfig { listen: Some(anywhere()), ..NetConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_above_the_limit_ends_the_connection() {
    let node = start(TinyHost::with_blocks(0), &[]).await;
    let raw = Raw::greet(node.addr(), 1).await;
    let magic = presets::regtest().network.magic;
    let header = |length: u32| [&magic[..], b"block\0\0\0\0\0\0\0", &length.to_le_bytes(), &[0; 4]].concat();
    raw.send_bytes(&header(4_000_001)).await.unwrap();
    raw.until_closed().await;
    let too_long = |reason: &DisconnectReason| {
        matches!(
            reason,
            DisconnectReason::Misbehaved(Misbehaviour::Malformed(CodecError::PayloadTooLong {
                got: 4_000_001,
                ..
            }))
        )
    };
    // The connection ends before the node is told why.
    until("the reason is told", || !node.host.disconnects.lock().unwrap().is_empty()).await;
    let why = node.host.disconnects.lock().unwrap().clone();
    assert!(why.iter().all(too_long), "{why:?}");

    // At the limit the bytes are waited for.
    let patient = Raw::greet(node.addr(), 2).await;
    patient.send_bytes(&header(4_000_000)).await.unwrap();
    patient.send_bytes(&[0; 100_000]).await.unwrap();
    until("it is a peer", || node.net.peers().len() == 1).await;
    assert_eq!(node.host.disconnects.lock().unwrap().len(), why.len());
}

/// Asks for 80 MB of headers and reads nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_listen_is_not_served_on_and_then_closed() {
    const ASKED: usize = 500;
    // The limit is out of reach: what holds the answers back is that nothing more is read.
    let config =
        NetConfig { write_timeout: Duration::from_millis(1_500), send_limit: 1 << 30, ..listening() };
    let node = start_with(TinyHost::with_blocks(2_000), config, peers(&[])).await;
    let raw = Raw::greet(node.addr(), 1).await;
    let stop = BlockHash::from_bytes([0; 32]);
    let request = Message::GetHeaders(BlockRequest { protocol: 70_016, locator: vec![stop], stop });
    for _ in 0..ASKED {
        raw.send(&request).await.unwrap();
    }
    until("it is closed", || node.net.connections() == 0).await;
    assert!(node.host.disconnects.lock().unwrap().is_empty(), "the driver closed it, not the manager");
    // An answer has 162 kB. The system's own buffers take some megabytes, the queue 1 MB and what 16 messages that
    // were read ask for.
    let served = node.host.chain.headers_asked.load(Ordering::Relaxed);
    assert!((10..ASKED / 3).contains(&served), "{served} answers were made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_stay_silent_end_and_starve_nobody() {
    let config = PeerConfig { max_inbound: 30, handshake_timeout: Duration::from_secs(5), ..peers(&[]) };
    let node = start_with(TinyHost::with_blocks(3), listening(), config).await;
    let addr = node.addr();
    let mut opened = Vec::new();
    for _ in 0..60 {
        opened.push(Raw::open(addr).await);
    }
    until("there is no room", || node.net.connections() == 30).await;
    let honest = start(TinyHost::with_blocks(0), &[addr]).await;
    until("the honest node has the chain", || {
        assert!(node.net.connections() <= 30);
        honest.host.height() == 3
    })
    .await;
    for raw in &opened {
        raw.until_closed().await;
    }
    until("only the honest one is left", || node.net.connections() == 1).await;
}

/// A peer that sends as fast as it can holds nobody else up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_pings_holds_nobody_up() {
    let node = start(TinyHost::with_blocks(3), &[]).await;
    let raw = Raw::greet(node.addr(), 1).await;
    let flood = tokio::spawn(async move {
        let send = async { while raw.send(&Message::Ping(7)).await.is_ok() {} };
        tokio::select! {
            () = send => {}
            () = raw.until_closed() => {}
        }
    });
    let honest = start(TinyHost::with_blocks(0), &[node.addr()]).await;
    until("the honest node has the chain", || honest.host.height() == 3).await;
    node.host.mine();
    until("the next block is there", || honest.host.height() == 4).await;
    flood.abort();
}
