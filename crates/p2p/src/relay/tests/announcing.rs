//! How a transaction is passed on.

use super::*;
use crate::relay::trickle::{BATCH, BATCH_PER_THOUSAND, MAX_QUEUE};

/// Ticks until something is announced.
fn first_batch(rig: &mut Rig) -> Vec<(u64, Inventory)> {
    for _ in 0..1_000 {
        rig.pass(Duration::from_millis(100));
        let told = rig.told();
        if !told.is_empty() {
            return told;
        }
    }
    panic!("nothing was announced in a hundred seconds");
}

#[test]
fn each_peer_hears_once_in_its_own_way() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Inbound);
    rig.join(2, Direction::Outbound);
    rig.join_with(3, Direction::Outbound, |peer| peer.wtxid_relay = false);
    rig.join_with(4, Direction::Outbound, |peer| peer.version.relay = false);
    let tx = coin(1);
    rig.accept(&tx, 1_000);
    assert_eq!(rig.told(), [], "not at once");
    rig.pass(Duration::from_secs(120));
    let mut told = rig.told();
    told.sort_unstable_by_key(|(peer, _)| *peer);
    let expected =
        [(1, Inventory::Wtx(tx.wtxid())), (2, Inventory::Wtx(tx.wtxid())), (3, Inventory::Tx(tx.txid()))];
    assert_eq!(told, expected);
    assert!(rig.relay.trickle.deadline().is_none() && rig.relay.trickle.logged() == 0);
}

#[test]
fn who_has_it_or_does_not_want_it_is_not_told() {
    let mut rig = Rig::new();
    for peer in 1..=4 {
        rig.join(peer, Direction::Outbound);
    }
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.relay.on_fee_filter(PeerId::new(2), Amount::from_sat(1_001));
    rig.relay.on_fee_filter(PeerId::new(3), Amount::from_sat(1_000));
    rig.accept(&tx, 1_000);
    rig.inv(4, &[wtx(&tx)]);
    rig.pass(Duration::from_secs(120));
    assert_eq!(rig.told(), [(3, Inventory::Wtx(tx.wtxid()))]);
}

#[test]
fn what_left_the_pool_is_not_announced() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let tx = coin(1);
    rig.accept(&tx, 1_000);
    rig.pool.remove(&tx);
    rig.pass(Duration::from_secs(120));
    assert_eq!(rig.told(), []);
    assert_eq!(rig.relay.trickle.logged(), 0);
}

#[test]
fn the_dearest_goes_first_but_not_before_its_parents() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    // grandchild spends from both, child from parent.
    let parent = coin(1);
    let child = spending(&[parent.txid()], 2);
    let grandchild = spending(&[parent.txid(), child.txid()], 3);
    let (middle, cheap) = (coin(4), coin(5));
    rig.accept(&cheap, 10);
    rig.accept(&parent, 1);
    rig.accept(&child, 2);
    rig.accept(&middle, 500);
    rig.accept(&grandchild, 1_000);
    let order: Vec<Inventory> = first_batch(&mut rig).into_iter().map(|(_, item)| item).collect();
    let expected = [&parent, &child, &grandchild, &middle, &cheap].map(|tx| Inventory::Wtx(tx.wtxid()));
    assert_eq!(order, expected);
}

#[test]
fn a_batch_grows_with_what_waits() {
    for (waiting, expected) in [(BATCH, BATCH), (999, BATCH), (2_000, BATCH + 2 * BATCH_PER_THOUSAND)] {
        let mut rig = Rig::new();
        rig.join(1, Direction::Outbound);
        for salt in 0..waiting as u64 {
            rig.accept(&coin(salt), salt);
        }
        let batch = first_batch(&mut rig);
        assert_eq!(batch.len(), expected);
        assert_eq!(batch[0].1, Inventory::Wtx(coin(waiting as u64 - 1).wtxid()), "the dearest");
    }
}

#[test]
fn a_family_that_exceeds_the_batch_is_finished_in_the_next() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let mut chain = vec![coin(0)];
    for salt in 1..=BATCH as u64 {
        chain.push(spending(&[chain[chain.len() - 1].txid()], salt));
    }
    for (index, tx) in chain.iter().enumerate() {
        rig.accept(tx, index as u64);
    }
    let expected: Vec<Inventory> = chain.iter().map(|tx| Inventory::Wtx(tx.wtxid())).collect();
    let mut told = first_batch(&mut rig);
    assert_eq!(told.len(), BATCH);
    told.extend(first_batch(&mut rig));
    assert_eq!(told.into_iter().map(|(_, item)| item).collect::<Vec<_>>(), expected);
}

#[test]
fn peers_that_called_us_hear_at_the_same_moment() {
    let mut rig = Rig::new();
    for peer in 1..=5 {
        rig.join(peer, Direction::Inbound);
    }
    rig.accept(&coin(1), 1_000);
    let due = rig.relay.trickle.deadline().expect("something waits");
    rig.now = due;
    rig.tick();
    assert_eq!(rig.told().len(), 5);
}

#[test]
fn the_queue_is_bounded_and_keeps_what_pays() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Inbound);
    let id = |number: u64| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes
    };
    for number in 0..MAX_QUEUE as u64 + 10 {
        let (txid, wtxid) = (Txid::from_bytes(id(number)), Wtxid::from_bytes(id(number)));
        rig.run(|relay, cx| relay.on_pool_added(cx, txid, wtxid, Amount::from_sat(number)));
    }
    assert_eq!(rig.relay.trickle.queued(PeerId::new(1)), MAX_QUEUE);
    assert_eq!(rig.relay.trickle.logged(), MAX_QUEUE);
    rig.close(1);
    assert_eq!(rig.relay.trickle.logged(), 0);
}
