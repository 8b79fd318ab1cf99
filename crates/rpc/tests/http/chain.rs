//! A node elsewhere as a wallet's view of the chain.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cairn_params::presets;
use cairn_primitives::{Address, Amount, Hash160, Txid};
use cairn_rpc::{
    Client, ClientError, HISTORY_MAX, HttpConfig, NodeApi, NodeChain, NodeChainError, SendRequest,
};
use cairn_wallet::{ChainSource, FeeRate, SeenBlock, SeenTx, Wallet};

use crate::fake::{child, notation, payment};
use crate::wire::TestServer;

fn chain(server: &TestServer) -> NodeChain {
    NodeChain::new(server.client(), notation().prefixes)
}

fn owner(n: u8) -> Address {
    Address::P2pkh(Hash160::from_bytes([n; 20]))
}

#[test]
fn the_tip_and_the_fees_are_the_nodes() {
    let server = TestServer::start();
    let tip = chain(&server).tip().unwrap();
    assert_eq!((tip.height, tip.hash), (server.node.height(), server.node.block_at(11).hash()));
    let fees = chain(&server).fee_estimates().unwrap();
    assert_eq!((fees.slow, fees.fast), (FeeRate::RELAY, FeeRate::from_sat_per_vb(20)));
}

#[test]
fn a_history_of_many_pages_is_whole_and_in_order() {
    let server = TestServer::start();
    server.node.extend(250);
    for fee in [500, 900] {
        let tx = payment(&server.node, 261 - fee / 900, 1, fee.into());
        server.node.send_transaction(&SendRequest::new(&tx)).unwrap();
    }
    let history = chain(&server).history(&owner(1)).unwrap();
    // Every block from the first on pays owner 1, and from the third on spends what the one before paid.
    let mut expected: Vec<SeenTx> = Vec::new();
    for height in 1..=261 {
        let block = server.node.block_at(height);
        let seen = SeenBlock {
            height: cairn_primitives::Height::new(height),
            hash: block.hash(),
            time: block.header.time,
        };
        expected.extend(block.transactions.iter().map(|tx| SeenTx { txid: tx.txid(), block: Some(seen) }));
    }
    let waiting = server.node.pool.read().unwrap().clone();
    expected.extend(waiting.iter().map(|tx| SeenTx { txid: tx.txid(), block: None }));
    assert!(expected.len() > 500, "{}", expected.len());
    assert_eq!(history, expected);
    assert_eq!(chain(&server).history(&owner(77)).unwrap(), []);
}

#[test]
fn a_history_that_changes_while_it_is_read_is_read_again() {
    let server = TestServer::start();
    server.node.extend(150);
    let (node, busy) = (server.node.clone(), chain(&server));
    let growing = std::thread::spawn(move || {
        for _ in 0..20 {
            node.extend(1);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    });
    while !growing.is_finished() {
        match busy.history(&owner(1)) {
            Ok(history) => {
                let mut ids: Vec<Txid> = history.iter().map(|seen| seen.txid).collect();
                let heights = history.iter().map(|seen| seen.block.unwrap().height.to_u32());
                assert!(heights.clone().is_sorted(), "oldest first");
                assert_eq!(heights.clone().max().map(|top| 2 * top - 2), u32::try_from(ids.len()).ok());
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), history.len(), "none comes twice");
            }
            Err(NodeChainError::Moving { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    growing.join().unwrap();
}

#[test]
fn transactions_are_found_in_the_chain_and_in_the_pool() {
    let server = TestServer::start();
    let chain = chain(&server);
    let confirmed = server.node.block_at(7).transactions[1].clone();
    assert_eq!(chain.transaction(&confirmed.txid()).unwrap(), Some(confirmed));
    let tx = payment(&server.node, 9, 5, 1_000);
    assert_eq!(chain.transaction(&tx.txid()).unwrap(), None);
    assert_eq!(chain.broadcast(&tx).unwrap(), tx.txid());
    assert_eq!(chain.transaction(&tx.txid()).unwrap(), Some(tx.clone()));
    assert_eq!(chain.broadcast(&tx).unwrap(), tx.txid(), "to send it twice does no harm");
    let orphan = child(&payment(&server.node, 8, 5, 1_000), 6, 1_000);
    match chain.broadcast(&orphan) {
        Err(NodeChainError::Client(ClientError::Refused { status: 400, body })) => {
            assert_eq!(body.reject_reason.as_deref(), Some("bad-txns-inputs-missingorspent"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_node_cannot_tell_is_an_error() {
    let nobody = NodeChain::new(Client::new("http://127.0.0.1:1").unwrap(), notation().prefixes);
    let unreachable = |error| matches!(error, NodeChainError::Client(ClientError::Unreachable { .. }));
    assert!(unreachable(nobody.tip().unwrap_err()));
    let server = TestServer::start();
    server.node.indexed.store(false, Ordering::SeqCst);
    match chain(&server).history(&owner(1)) {
        Err(NodeChainError::Client(ClientError::Refused { status: 501, body })) => {
            assert_eq!(body.code, "index-disabled");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_history_has_a_greatest_length_and_no_gaps() {
    let server = TestServer::start();
    let told = |total: u64| {
        *server.node.history_total.write().unwrap() = Some(total);
        chain(&server).history(&owner(1)).unwrap_err()
    };
    // What is within the limit is believed until the pages prove to hold less.
    assert!(matches!(told(HISTORY_MAX), NodeChainError::Moving { tries: 10 }));
    let past = told(HISTORY_MAX + 1);
    assert!(matches!(past, NodeChainError::TooLong { got: 100_001, limit: HISTORY_MAX }), "{past}");
}

#[test]
fn pages_that_overlap_are_read_again() {
    let server = TestServer::start();
    server.node.extend(150);
    // Each block moves the second page by two entries, and the length told stays the same.
    *server.node.history_total.write().unwrap() = Some(200);
    assert!(matches!(chain(&server).history(&owner(1)), Err(NodeChainError::Moving { tries: 10 })));
}

#[test]
fn a_wallet_sees_its_coins_through_a_node() {
    let server = TestServer::start();
    let spec = Arc::new(presets::vito());
    assert_eq!(spec.address.p2pkh, notation().prefixes.p2pkh);
    let mut wallet = Wallet::watch_address(spec, owner(5));
    let tx = payment(&server.node, 9, 5, 1_000);
    server.node.send_transaction(&SendRequest::new(&tx)).unwrap();
    wallet.sync(&chain(&server)).unwrap();
    assert_eq!(wallet.balance().total(), Amount::from_sat(4_999_999_000));
    assert_eq!(wallet.transaction(&tx.txid()), Some(&tx));
}

#[test]
fn a_node_that_asks_to_slow_down_is_obeyed() {
    let one = NonZeroU32::MIN;
    let few = NonZeroU32::new(5).unwrap();
    let config = HttpConfig { requests_per_second: few, request_burst: one, ..HttpConfig::default() };
    let server = TestServer::with(config);
    let chain = chain(&server);
    for _ in 0..3 {
        chain.tip().unwrap();
    }
    assert!(matches!(server.client().status(), Err(ClientError::Refused { status: 429, .. })));
}
