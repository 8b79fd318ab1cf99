//! Transactions whose parents are missing.

use super::*;
use crate::relay::orphans::{
    MAX_MISSING, MAX_ORPHAN_TX_VSIZE, MAX_ORPHAN_VSIZE, MAX_ORPHANS, ORPHAN_LIFETIME, Orphan, Orphanage,
};

fn rng() -> ChaCha12Rng {
    ChaCha12Rng::from_seed([5; 32])
}

fn orphan(tx: &Arc<Transaction>, peer: u64) -> Orphan {
    let missing = tx.inputs().iter().map(|input| input.previous.txid).collect();
    Orphan { tx: Arc::clone(tx), holders: vec![PeerId::new(peer)], missing, tries: 1, end: START }
}

/// A peer that we called has sent a transaction whose parents are missing.
fn with_orphan(parents: &[Txid]) -> (Rig, Arc<Transaction>) {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let child = spending(parents, 77);
    rig.inv(1, &[wtx(&child)]);
    rig.tx(1, &child);
    rig.actions();
    rig.checked(1, &child, TxOutcome::MissingParents(parents.to_vec()));
    (rig, child)
}

#[test]
fn parents_are_asked_by_txid_and_the_orphan_is_checked_after_them() {
    let parents = [coin(1), coin(2)];
    let (mut rig, child) = with_orphan(&[parents[0].txid(), parents[1].txid()]);
    let mut asked = rig.asked();
    asked.sort_unstable_by_key(|(_, item)| item.hash());
    let mut expected = parents.iter().map(|tx| (1, Inventory::WitnessTx(tx.txid()))).collect::<Vec<_>>();
    expected.sort_unstable_by_key(|(_, item)| item.hash());
    assert_eq!(asked, expected);
    for (index, parent) in parents.iter().enumerate() {
        rig.tx(1, parent);
        assert_eq!(rig.checks(), [parent.wtxid()]);
        rig.accept(parent, 1_000);
        assert_eq!(rig.checks(), if index == 1 { vec![child.wtxid()] } else { vec![] });
        rig.checked(1, parent, TxOutcome::Accepted);
    }
    rig.accept(&child, 1_000);
    rig.checked(1, &child, TxOutcome::Accepted);
    assert_eq!(rig.relay.orphans.len(), 0);
    assert_eq!(rig.faults(), []);
}

#[test]
fn a_parent_in_a_block_will_do() {
    let parent = coin(1);
    let (mut rig, child) = with_orphan(&[parent.txid()]);
    rig.actions();
    let header = cairn_params::presets::bitcoin().genesis_block().header;
    rig.blocks(&[Arc::new(Block { header, transactions: vec![parent.as_ref().clone()] })]);
    assert_eq!(rig.checks(), [child.wtxid()]);
}

#[test]
fn who_announces_the_orphan_is_asked_for_its_parents_too() {
    let parent = coin(1);
    let (mut rig, child) = with_orphan(&[parent.txid()]);
    rig.join(2, Direction::Outbound);
    rig.inv(2, &[wtx(&child)]);
    rig.actions();
    rig.close(1);
    assert_eq!(rig.asked(), [(2, Inventory::WitnessTx(parent.txid()))]);
    assert_eq!(rig.relay.orphans.len(), 1, "the other one has it too");
    rig.close(2);
    assert_eq!(rig.relay.orphans.len(), 0);
}

#[test]
fn what_spends_from_the_refused_is_refused() {
    let parent = coin(1);
    let (mut rig, child) = with_orphan(&[parent.txid()]);
    let grandchild = spending(&[child.txid()], 5);
    rig.tx(1, &grandchild);
    rig.checked(1, &grandchild, TxOutcome::MissingParents(vec![child.txid()]));
    assert_eq!(rig.relay.orphans.len(), 2);
    rig.tx(1, &parent);
    rig.checked(1, &parent, TxOutcome::Unwanted { witness_stripped: false });
    assert_eq!(rig.relay.orphans.len(), 0);
    // A late one is not even kept.
    let late = spending(&[parent.txid()], 6);
    rig.tx(1, &late);
    rig.checked(1, &late, TxOutcome::MissingParents(vec![parent.txid()]));
    assert_eq!(rig.relay.orphans.len(), 0);
    rig.actions();
    rig.inv(1, &[wtx(&late), wtx(&child), wtx(&grandchild)]);
    assert_eq!(rig.asked(), []);
}

#[test]
fn too_many_missing_parents_are_given_up() {
    for (count, kept) in [(MAX_MISSING, 1), (MAX_MISSING + 1, 0)] {
        let parents: Vec<Txid> = (0..count as u64).map(|salt| coin(salt).txid()).collect();
        let (rig, _) = with_orphan(&parents);
        assert_eq!(rig.relay.orphans.len(), kept, "{count}");
    }
}

#[test]
fn an_output_that_its_parent_does_not_have_is_looked_for_once_more_only() {
    let parent = coin(1);
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.accept(&parent, 1_000);
    let child = spending(&[parent.txid()], 7);
    rig.tx(1, &child);
    assert_eq!(rig.checks(), [child.wtxid()]);
    rig.checked(1, &child, TxOutcome::MissingParents(vec![parent.txid()]));
    assert_eq!(rig.checks(), [child.wtxid()], "the parent may have come just now");
    rig.checked(1, &child, TxOutcome::MissingParents(vec![parent.txid()]));
    assert_eq!(rig.checks(), []);
    assert_eq!(rig.relay.orphans.len(), 0);
}

#[test]
fn an_orphan_is_kept_for_twenty_minutes() {
    let (mut rig, child) = with_orphan(&[coin(1).txid()]);
    rig.pass(ORPHAN_LIFETIME - Duration::from_nanos(1));
    assert!(rig.relay.orphans.contains(&child.wtxid()));
    rig.pass(Duration::from_nanos(1));
    assert!(!rig.relay.orphans.contains(&child.wtxid()));
}

#[test]
fn who_floods_loses_its_own() {
    let (mut orphanage, mut rng) = (Orphanage::default(), rng());
    let honest: Vec<Arc<Transaction>> = (0..10).map(coin).collect();
    honest.iter().for_each(|tx| orphanage.add(orphan(tx, 1), &mut rng));
    for salt in 100..1_000 {
        orphanage.add(orphan(&coin(salt), 2), &mut rng);
        assert!(orphanage.len() <= MAX_ORPHANS);
    }
    assert_eq!(orphanage.len(), MAX_ORPHANS);
    assert!(honest.iter().all(|tx| orphanage.contains(&tx.wtxid())));
}

#[test]
fn bytes_are_bounded_too() {
    let (mut orphanage, mut rng) = (Orphanage::default(), rng());
    let parent = [Txid::ZERO];
    let empty = build(&parent, 0, 90_000, false).vsize() - 90_000;
    let exact = (MAX_ORPHAN_TX_VSIZE - empty) as usize;
    orphanage.add(orphan(&build(&parent, 0, exact + 1, false), 1), &mut rng);
    assert_eq!(orphanage.len(), 0, "one past the limit");
    for salt in 0..4 {
        orphanage.add(orphan(&build(&parent, salt, exact, false), salt), &mut rng);
    }
    assert_eq!((orphanage.len(), orphanage.vsize()), (4, MAX_ORPHAN_VSIZE));
    orphanage.add(orphan(&coin(9), 9), &mut rng);
    assert!(orphanage.vsize() <= MAX_ORPHAN_VSIZE && orphanage.len() == 4);
    assert!(orphanage.contains(&coin(9).wtxid()), "the small one of another peer stays");
}
