//! What is given to peers that ask.

use super::*;
use crate::relay::serve::{BURST, MAX_WAITING};
use crate::relay::trickle::PRIVATE_TIME;

/// What was sent to a peer: wtxids of transactions, and how many were not found.
fn sent(rig: &mut Rig) -> (Vec<Wtxid>, usize) {
    let (mut txs, mut missing) = (Vec::new(), 0);
    for action in rig.actions() {
        match action {
            Action::Send { message: Message::Tx(tx), .. } => txs.push(tx.wtxid()),
            Action::Send { message: Message::NotFound(items), .. } => missing += items.len(),
            _ => {}
        }
    }
    (txs, missing)
}

#[test]
fn what_is_new_is_given_only_to_those_who_could_know() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.join(2, Direction::Inbound);
    let tx = coin(1);
    rig.accept(&tx, 1_000);
    rig.get(1, &[wtx(&tx)]);
    assert_eq!(sent(&mut rig), (vec![], 1), "it has not been announced");
    // One that has it may ask for it as well.
    rig.inv(2, &[wtx(&tx)]);
    rig.get(2, &[wtx(&tx), TxRef::Txid(tx.txid())]);
    assert_eq!(sent(&mut rig), (vec![tx.wtxid(); 2], 0));
    while rig.told().is_empty() {
        rig.pass(Duration::from_millis(100));
    }
    rig.get(1, &[wtx(&tx), TxRef::Txid(tx.txid())]);
    assert_eq!(sent(&mut rig), (vec![tx.wtxid(); 2], 0));
}

#[test]
fn what_is_old_is_given_to_all() {
    let mut rig = Rig::new();
    let tx = coin(1);
    rig.accept(&tx, 1_000);
    rig.join(1, Direction::Inbound);
    rig.pass(PRIVATE_TIME - Duration::from_nanos(1));
    rig.get(1, &[wtx(&tx)]);
    assert_eq!(sent(&mut rig), (vec![], 1));
    rig.pass(Duration::from_nanos(1));
    rig.get(1, &[wtx(&tx)]);
    assert_eq!(sent(&mut rig), (vec![tx.wtxid()], 0));
}

#[test]
fn what_is_not_here_is_not_found() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Inbound);
    let tx = coin(1);
    rig.accept(&tx, 1_000);
    rig.pass(PRIVATE_TIME);
    rig.actions();
    rig.pool.remove(&tx);
    rig.get(1, &[wtx(&tx), made_up(1)]);
    let actions = rig.actions();
    let [Action::Send { message: Message::NotFound(items), .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(items[0], Inventory::Wtx(tx.wtxid()));
    assert_eq!(items.len(), 2);
}

#[test]
fn much_is_given_little_by_little_and_all_of_it() {
    let mut rig = Rig::new();
    let size = 90_000;
    let txs: Vec<Arc<Transaction>> = (0..40).map(|salt| build(&[Txid::ZERO], salt, size, false)).collect();
    txs.iter().for_each(|tx| rig.accept(tx, 1_000));
    rig.join(1, Direction::Inbound);
    rig.pass(PRIVATE_TIME);
    rig.actions();
    rig.get(1, &txs.iter().map(|tx| wtx(tx)).collect::<Vec<_>>());
    let mut got = sent(&mut rig).0;
    assert_eq!(got.len(), (BURST as usize).div_ceil(txs[0].total_size() + 100));
    rig.pass(Duration::from_secs(10));
    got.extend(sent(&mut rig).0);
    assert_eq!(got, txs.iter().map(|tx| tx.wtxid()).collect::<Vec<_>>());
    assert_eq!(rig.relay.serving.deadline(), None);
}

#[test]
fn requests_beyond_the_limit_are_not_found() {
    let mut rig = Rig::new();
    // One transaction that uses the allowance up, so that the rest waits.
    let large = build(&[Txid::ZERO], 0, BURST as usize, false);
    rig.accept(&large, 1_000);
    rig.join(1, Direction::Inbound);
    rig.pass(PRIVATE_TIME);
    rig.actions();
    rig.get(1, &[wtx(&large)]);
    assert_eq!(sent(&mut rig).0.len(), 1);
    let ids: Vec<TxRef> = (0..MAX_WAITING as u64 + 1).map(made_up).collect();
    rig.get(1, &ids);
    assert_eq!(rig.relay.serving.waiting(PeerId::new(1)), MAX_WAITING);
    assert_eq!(sent(&mut rig), (vec![], 1));
    rig.pass(Duration::from_secs(10));
    assert_eq!(sent(&mut rig), (vec![], MAX_WAITING));
}

#[test]
fn the_whole_pool_is_told_once() {
    let mut rig = Rig::new();
    let (parent, cheap) = (coin(1), coin(2));
    let child = spending(&[parent.txid()], 3);
    rig.accept(&parent, 2_000);
    rig.accept(&cheap, 1_000);
    rig.accept(&child, 3_000);
    rig.join(1, Direction::Inbound);
    rig.relay.on_fee_filter(PeerId::new(1), Amount::from_sat(2_000));
    rig.run(|relay, cx| relay.on_mempool(cx, PeerId::new(1)));
    assert_eq!(rig.told(), [(1, Inventory::Wtx(parent.wtxid())), (1, Inventory::Wtx(child.wtxid()))]);
    rig.get(1, &[wtx(&parent)]);
    assert_eq!(sent(&mut rig).0.len(), 1, "it may have what it was told of");
    assert_eq!(rig.faults(), []);
    rig.run(|relay, cx| relay.on_mempool(cx, PeerId::new(1)));
    assert_eq!(rig.told(), []);
    assert_eq!(rig.faults(), [(1, Misbehaviour::RepeatedRequest)]);
}
