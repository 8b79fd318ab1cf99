//! The node's hold on the driver.

use std::net::IpAddr;
use std::time::Duration;

use cairn_p2p::net::{EventError, NetConfig};
use cairn_p2p::{Event, PeerId};

use crate::host::{Running, TinyHost, peers, start, start_with, until};

#[tokio::test]
async fn events_of_the_driver_are_not_taken() {
    let node = start(TinyHost::with_blocks(0), &[]).await;
    let foreign =
        [Event::Tick, Event::Closed { peer: PeerId::new(1) }, Event::SeedsResolved { addrs: vec![] }];
    for event in foreign {
        assert_eq!(node.net.event(event), Err(EventError::NotYours));
    }
    node.net.stop();
    node.task.await.unwrap();
    assert_eq!(node.net.event(Event::Resync), Err(EventError::Stopped));
    assert_eq!(node.net.event(Event::TipChanged { connected: vec![] }), Err(EventError::Stopped));
}

/// The runtime has one thread, so the driver does nothing while the test does not wait.
#[tokio::test]
async fn too_many_events_are_refused_but_a_tip_is_never_lost() {
    let node = start(TinyHost::with_blocks(0), &[]).await;
    for _ in 0..4_096 {
        assert_eq!(node.net.event(Event::Resync), Ok(()));
    }
    assert_eq!(node.net.event(Event::Resync), Err(EventError::Busy));
    assert_eq!(node.net.event(Event::TipChanged { connected: vec![] }), Ok(()));
    until("there is room again", || node.net.event(Event::Resync).is_ok()).await;
}

#[tokio::test]
async fn bans_are_told_and_taken_back() {
    let node = start(TinyHost::with_blocks(0), &[]).await;
    let ip = IpAddr::from([9, 9, 9, 9]);
    node.net.ban(ip, Duration::from_secs(60)).unwrap();
    until("the ban is there", || node.net.bans().iter().map(|(ip, _)| *ip).eq([ip])).await;
    node.net.unban(ip).unwrap();
    until("the ban is gone", || node.net.bans().is_empty()).await;
}

#[tokio::test]
async fn a_place_that_is_taken_cannot_be_listened_on() {
    let node = start(TinyHost::with_blocks(0), &[]).await;
    let config = NetConfig { listen: Some(node.addr()), ..NetConfig::default() };
    let saved = cairn_p2p::PeersFile {
        book: cairn_p2p::AddressBook::new([1; 32]),
        bans: cairn_p2p::BanList::default(),
    };
    let second =
        cairn_p2p::net::Net::start(config, peers(&[]), saved, [9; 32], TinyHost::with_blocks(0)).await;
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_node_that_listens_nowhere_says_so() {
    let Running { net, task, .. } =
        start_with(TinyHost::with_blocks(0), NetConfig::default(), peers(&[])).await;
    assert_eq!(net.listen_addr(), None);
    net.stop();
    task.await.unwrap();
}
