//! A node elsewhere as a miner's source of templates.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cairn_consensus::HeaderTree;
use cairn_miner::{BlockTemplate, Candidate, Job, SourceError, Submission, TemplateSource, kernel, solve};
use cairn_params::presets;
use cairn_primitives::{Address, Amount, BlockTime, Encode, hex};
use cairn_rpc::{Client, HttpConfig, NodeApi, NodeTemplates};

use crate::fake::{address, notation, payment};
use crate::wire::{PATIENCE, TestServer, pause};

const NOW: BlockTime = BlockTime::new(1_700_000_000);

/// A template on regtest's first block that pays owner 1 and holds one of the made-up transactions.
fn real_template(server: &TestServer) -> BlockTemplate {
    let spec = Arc::new(presets::regtest());
    let tree = HeaderTree::new(Arc::clone(&spec));
    let next = tree.next_block(tree.genesis(), NOW);
    let payout = Address::parse(&address(1), &notation().prefixes).unwrap().script_pubkey();
    let tx = Arc::new(payment(&server.node, 9, 5, 1_000));
    let candidate = Candidate { tx, fee: Amount::from_sat(1_000), sigop_cost: 4 };
    BlockTemplate::new(&spec, &next, &payout, &[candidate]).unwrap()
}

#[test]
fn the_template_is_the_nodes_own() {
    let server = TestServer::start();
    let template = real_template(&server);
    assert_eq!(template.transactions().len(), 1);
    *server.node.template.write().unwrap() = Some(template.clone());
    let source = NodeTemplates::new(server.client(), &address(1));
    assert_eq!(source.template(), Ok(template.clone()));
    // And the block that the node shows is the one this template gives.
    let told = server.client().mining_template(Some(&address(1))).unwrap();
    let block = template.block(template.header(0, template.time()), 0);
    assert_eq!(told.block_hex, Some(hex::encode(&block.to_bytes())));
    // Whom the node pays in its own coinbase does not matter.
    let other = NodeTemplates::new(server.client(), &address(2)).template().unwrap();
    let paid = other.coinbase(0).outputs()[0].script_pubkey.clone();
    assert_eq!(paid, Address::parse(&address(2), &notation().prefixes).unwrap().script_pubkey());
}

#[test]
fn a_solved_block_is_handed_in() {
    let server = TestServer::start();
    *server.node.template.write().unwrap() = Some(real_template(&server));
    let source = NodeTemplates::new(server.client(), &address(1));
    let job = Job::new(Arc::new(source.template().unwrap()), 5);
    let never = AtomicBool::new(false);
    let solution = solve(&job, kernel::best().as_ref(), || NOW, &never).unwrap().unwrap();
    let block = job.block(&solution);
    // The made-up chain has another tip.
    let rejected = Submission::Rejected { code: "prev-blk-not-found".into() };
    assert_eq!(source.submit(block.clone()), Ok(rejected));
    let mut fitting = block;
    fitting.header.prev = server.node.block_at(11).hash();
    assert_eq!(source.submit(fitting), Ok(Submission::Accepted));
    assert_eq!(server.node.height().to_u32(), 12);
}

#[test]
fn what_a_node_cannot_give_is_told_apart() {
    let nobody = NodeTemplates::new(Client::new("http://127.0.0.1:1").unwrap(), &address(1));
    assert_eq!(nobody.template(), Err(SourceError::Unreachable));
    let server = TestServer::start();
    let block = (*server.node.block_at(5)).clone();
    assert_eq!(nobody.submit(block.clone()), Err(SourceError::Unreachable));
    let foreign = NodeTemplates::new(server.client(), "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa");
    assert_eq!(foreign.template(), Err(SourceError::Refused { code: "bad-address".into() }));
    let small = TestServer::with(HttpConfig { max_block_body_bytes: 10, ..HttpConfig::default() });
    let source = NodeTemplates::new(small.client(), &address(1));
    let too_large = Submission::Rejected { code: "body-too-large".into() };
    assert_eq!(source.submit(block), Ok(too_large), "to hand it in again would be no use");
    small.node.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(source.template(), Err(SourceError::Refused { code: "internal".into() }));
}

#[test]
fn the_tip_is_watched_across_a_restart() {
    let mut server = TestServer::start();
    let source = NodeTemplates::new(server.client(), &address(1));
    let tips = source.tip_changes();
    tips.recv_timeout(PATIENCE).expect("the stream's beginning counts as a change");
    server.node.extend(1);
    tips.recv_timeout(PATIENCE).expect("a block");
    let (address, node) = (server.address, server.node.clone());
    server.stop();
    assert_eq!(source.template(), Err(SourceError::Unreachable));
    node.extend(1);
    let server = TestServer::at(address, HttpConfig::default(), node);
    tips.recv_timeout(PATIENCE).expect("the block found meanwhile");
    assert_eq!(source.template().unwrap().height().to_u32(), 14);
    server.node.reorg(1, 2);
    tips.recv_timeout(PATIENCE).expect("a reorganisation");
}

#[test]
fn the_watch_ends_with_its_source() {
    let server = TestServer::start();
    let source = NodeTemplates::new(server.client(), &address(1));
    let tips = source.tip_changes();
    tips.recv_timeout(PATIENCE).unwrap();
    drop(source);
    let deadline = Instant::now() + PATIENCE;
    let open = || {
        tips.recv_timeout(Duration::from_millis(10)) != Err(crossbeam_channel::RecvTimeoutError::Disconnected)
    };
    while open() {
        assert!(Instant::now() < deadline, "the thread goes on");
        pause();
    }
}
