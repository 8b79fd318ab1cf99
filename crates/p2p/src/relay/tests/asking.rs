//! Whom a transaction is asked of, when, and what becomes of the answer.

use super::*;
use crate::relay::checks::{MAX_CHECKS, MAX_CHECKS_HARD};
use crate::relay::requests::{INBOUND_DELAY, MAX_ANNOUNCEMENTS, MAX_IN_FLIGHT, REQUEST_TIMEOUT, TXID_DELAY};

const NANO: Duration = Duration::from_nanos(1);

#[test]
fn a_peer_we_called_is_asked_at_once_and_one_that_called_us_later() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.join(2, Direction::Inbound);
    let (a, b) = (coin(1), coin(2));
    rig.inv(1, &[wtx(&a)]);
    assert_eq!(rig.asked(), [(1, Inventory::Wtx(a.wtxid()))]);
    rig.inv(2, &[wtx(&b)]);
    rig.pass(INBOUND_DELAY - NANO);
    assert_eq!(rig.asked(), []);
    rig.pass(NANO);
    assert_eq!(rig.asked(), [(2, Inventory::Wtx(b.wtxid()))]);
}

#[test]
fn a_called_peer_that_announces_in_time_is_preferred() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Inbound);
    rig.join(2, Direction::Outbound);
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.pass(INBOUND_DELAY - NANO);
    rig.inv(2, &[wtx(&tx)]);
    rig.pass(INBOUND_DELAY);
    assert_eq!(rig.asked(), [(2, Inventory::Wtx(tx.wtxid()))]);
}

#[test]
fn announcements_by_txid_wait_where_others_go_by_wtxid() {
    let tx = coin(1);
    let mut rig = Rig::new();
    rig.join_with(1, Direction::Outbound, |peer| peer.wtxid_relay = false);
    rig.inv(1, &[TxRef::Txid(tx.txid())]);
    assert_eq!(rig.asked(), [(1, Inventory::WitnessTx(tx.txid()))], "nobody goes by wtxid");

    let mut rig = Rig::new();
    rig.join_with(1, Direction::Outbound, |peer| {
        peer.wtxid_relay = false;
        peer.version.services = Services::NETWORK;
    });
    rig.join(2, Direction::Outbound);
    rig.inv(1, &[TxRef::Txid(tx.txid())]);
    rig.pass(TXID_DELAY - NANO);
    assert_eq!(rig.asked(), []);
    rig.pass(NANO);
    assert_eq!(rig.asked(), [(1, Inventory::Tx(tx.txid()))], "it serves no witnesses");
}

#[test]
fn an_id_of_the_other_kind_is_read_over() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.inv(1, &[TxRef::Txid(coin(1).txid())]);
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.asked(), []);
}

#[test]
fn the_next_is_asked_after_a_minute_a_notfound_or_a_close() {
    let tx = coin(1);
    let asked_of = |peer| vec![(peer, Inventory::Wtx(tx.wtxid()))];
    let mut rig = Rig::new();
    for peer in 1..=4 {
        rig.join(peer, Direction::Outbound);
        rig.inv(peer, &[wtx(&tx)]);
    }
    assert_eq!(rig.asked(), asked_of(1));
    rig.pass(REQUEST_TIMEOUT - NANO);
    assert_eq!(rig.asked(), []);
    rig.pass(NANO);
    let second = rig.asked();
    assert_eq!(second.len(), 1);
    rig.run(|relay, cx| relay.on_tx_not_found(cx, PeerId::new(second[0].0), &[wtx(&tx)]));
    let third = rig.asked();
    assert_eq!(third.len(), 1);
    rig.close(third[0].0);
    let fourth = rig.asked();
    assert_eq!(fourth.len(), 1);
    let mut all = [1, second[0].0, third[0].0, fourth[0].0];
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4]);
    rig.close(fourth[0].0);
    assert_eq!(rig.asked(), []);
    assert_eq!(rig.faults(), []);
}

#[test]
fn a_peer_answers_a_hundred_at_a_time() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let ids: Vec<TxRef> = (0..MAX_IN_FLIGHT as u64 + 2).map(made_up).collect();
    rig.inv(1, &ids);
    let asked = rig.asked();
    assert_eq!(asked.len(), MAX_IN_FLIGHT);
    assert_eq!(asked[0].1, Inventory::new(5, crate::relay::hash_of(&ids[0])), "in the order of announcement");
    rig.run(|relay, cx| relay.on_tx_not_found(cx, PeerId::new(1), &ids[..1]));
    assert_eq!(rig.asked().len(), 1);
    // Another peer may be asked for what this one has no room for.
    rig.join(2, Direction::Outbound);
    rig.inv(2, &ids[MAX_IN_FLIGHT + 1..]);
    assert_eq!(rig.asked().len(), 1);
}

#[test]
fn announcements_beyond_the_limit_cost_points_now_and_then() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let ids: Vec<TxRef> = (0..MAX_ANNOUNCEMENTS as u64 + 2).map(made_up).collect();
    rig.inv(1, &ids[..MAX_ANNOUNCEMENTS]);
    assert_eq!(rig.faults(), [], "as many as are kept");
    rig.inv(1, &ids[MAX_ANNOUNCEMENTS..=MAX_ANNOUNCEMENTS]);
    assert_eq!(rig.faults(), [(1, Misbehaviour::TooManyAnnouncements)]);
    rig.inv(1, &ids[MAX_ANNOUNCEMENTS + 1..]);
    assert_eq!(rig.faults(), [], "not again so soon");
    rig.pass(crate::relay::OVERFLOW_INTERVAL);
    rig.inv(1, &ids[MAX_ANNOUNCEMENTS + 1..]);
    assert_eq!(rig.faults(), [(1, Misbehaviour::TooManyAnnouncements)]);
    rig.join(2, Direction::Outbound);
    rig.inv(2, &ids[..=MAX_ANNOUNCEMENTS]);
    assert_eq!(rig.faults(), [(2, Misbehaviour::TooManyAnnouncements)], "one message with too many");
}

#[test]
fn what_came_is_checked_once_and_asked_of_nobody_else() {
    let mut rig = Rig::new();
    let tx = coin(1);
    for peer in 1..=3 {
        rig.join(peer, Direction::Outbound);
        rig.inv(peer, &[wtx(&tx)]);
    }
    rig.tx(1, &tx);
    assert_eq!(rig.checks(), [tx.wtxid()]);
    rig.pass(REQUEST_TIMEOUT * 2);
    assert_eq!(rig.asked(), [], "it is being checked");
    rig.accept(&tx, 1_000);
    rig.checked(1, &tx, TxOutcome::Accepted);
    assert_eq!(rig.relay.last_useful_tx(PeerId::new(1)), Some(rig.now));
    rig.pass(REQUEST_TIMEOUT * 2);
    assert_eq!(rig.asked(), []);
    assert_eq!(rig.faults(), []);
}

#[test]
fn a_stripped_copy_does_not_keep_the_transaction_away() {
    let mut rig = Rig::new();
    let (tx, stripped) = (spending(&[Txid::ZERO], 1), build(&[Txid::ZERO], 1, 0, false));
    assert_eq!(tx.txid(), stripped.txid());
    rig.join(1, Direction::Outbound);
    rig.join_with(2, Direction::Outbound, |peer| peer.wtxid_relay = false);
    rig.tx(1, &stripped);
    rig.checked(1, &stripped, TxOutcome::Unwanted { witness_stripped: true });
    rig.actions();
    rig.inv(1, &[wtx(&tx)]);
    assert_eq!(rig.asked(), [(1, Inventory::Wtx(tx.wtxid()))]);
    rig.close(1);
    rig.inv(2, &[TxRef::Txid(tx.txid())]);
    rig.pass(TXID_DELAY);
    assert_eq!(rig.asked(), [(2, Inventory::WitnessTx(tx.txid()))]);
}

#[test]
fn what_was_refused_is_not_asked_for_until_the_tip_changes() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.join_with(2, Direction::Outbound, |peer| peer.wtxid_relay = false);
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.tx(1, &tx);
    rig.checked(1, &tx, TxOutcome::Unwanted { witness_stripped: false });
    rig.actions();
    rig.inv(1, &[wtx(&tx)]);
    rig.inv(2, &[TxRef::Txid(tx.txid())]);
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.asked(), []);
    rig.blocks(&[]);
    rig.inv(1, &[wtx(&tx)]);
    assert_eq!(rig.asked().len(), 1);
    assert_eq!(rig.faults(), []);
}

#[test]
fn an_invalid_transaction_is_its_senders_fault_and_says_nothing_of_its_txid() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.join_with(2, Direction::Outbound, |peer| peer.wtxid_relay = false);
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.tx(1, &tx);
    rig.checked(1, &tx, TxOutcome::Invalid { code: "some-rule" });
    assert_eq!(rig.faults(), [(1, Misbehaviour::InvalidTx { code: "some-rule" })]);
    rig.close(1);
    rig.actions();
    rig.inv(2, &[TxRef::Txid(tx.txid())]);
    assert_eq!(rig.asked().len(), 1, "with another witness it may be valid");
}

#[test]
fn what_is_in_a_block_is_not_asked_for_until_the_block_may_have_gone() {
    let tx = coin(1);
    let genesis = cairn_params::presets::bitcoin().genesis_block();
    let block = |prev: BlockHash, txs: &[&Arc<Transaction>]| {
        let transactions = txs.iter().map(|tx| tx.as_ref().clone()).collect();
        Arc::new(Block { header: Header { prev, ..genesis.header }, transactions })
    };
    let first = block(BlockHash::ZERO, &[&tx]);
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    rig.blocks(&[Arc::clone(&first)]);
    rig.inv(1, &[wtx(&tx)]);
    rig.blocks(&[block(first.hash(), &[])]);
    rig.inv(1, &[wtx(&tx)]);
    assert_eq!(rig.asked(), []);
    rig.blocks(&[block(BlockHash::from_bytes([9; 32]), &[])]);
    rig.inv(1, &[wtx(&tx)]);
    assert_eq!(rig.asked().len(), 1, "the chain has turned");
}

#[test]
fn what_nobody_asked_for_costs_points_but_is_checked() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let tx = coin(1);
    rig.tx(1, &tx);
    assert_eq!(rig.faults(), [(1, Misbehaviour::UnrequestedTx)]);
    assert_eq!(rig.checks(), [tx.wtxid()]);
}

#[test]
fn an_answer_that_comes_late_costs_nothing() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.pass(REQUEST_TIMEOUT + NANO);
    rig.tx(1, &tx);
    assert_eq!(rig.faults(), []);
    assert_eq!(rig.checks(), [tx.wtxid()]);
    rig.tx(1, &tx);
    assert_eq!(rig.faults(), [(1, Misbehaviour::UnrequestedTx)], "it was asked for once");
}

#[test]
fn no_more_are_asked_for_while_many_are_being_checked() {
    let mut rig = Rig::new();
    for peer in 1..=3 {
        rig.join(peer, Direction::Outbound);
    }
    let txs: Vec<Arc<Transaction>> = (0..MAX_CHECKS as u64 + 1).map(coin).collect();
    for (index, chunk) in txs.chunks(MAX_IN_FLIGHT).enumerate() {
        let peer = index as u64 + 1;
        if peer < 3 {
            rig.inv(peer, &chunk.iter().map(|tx| wtx(tx)).collect::<Vec<_>>());
            chunk.iter().for_each(|tx| rig.tx(peer, tx));
        }
    }
    assert_eq!(rig.relay.checks.len(), MAX_CHECKS);
    rig.actions();
    rig.inv(3, &[wtx(&txs[MAX_CHECKS])]);
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.asked(), []);
    rig.checked(1, &txs[0], TxOutcome::Known);
    assert_eq!(rig.asked(), [(3, Inventory::Wtx(txs[MAX_CHECKS].wtxid()))]);
}

#[test]
fn what_there_is_no_room_for_is_asked_for_again() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound);
    let wanted = coin(1_000_000);
    rig.inv(1, &[wtx(&wanted)]);
    let others: Vec<Arc<Transaction>> = (0..MAX_CHECKS_HARD as u64).map(coin).collect();
    others.iter().for_each(|tx| rig.tx(1, tx));
    assert_eq!(rig.relay.checks.len(), MAX_CHECKS_HARD);
    rig.actions();
    rig.faults();
    rig.tx(1, &wanted);
    assert_eq!(rig.checks(), []);
    assert_eq!(rig.faults(), []);
    others.iter().for_each(|tx| rig.checked(1, tx, TxOutcome::Known));
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.asked(), [(1, Inventory::Wtx(wanted.wtxid()))]);
}

#[test]
fn nothing_is_asked_for_before_the_chain_is_up_to_date() {
    let mut rig = Rig::new();
    rig.relay.set_active(false);
    rig.join(1, Direction::Outbound);
    let tx = coin(1);
    rig.inv(1, &[wtx(&tx)]);
    rig.tx(1, &tx);
    rig.pass(Duration::from_secs(100));
    assert!(rig.actions().is_empty());
    assert_eq!(rig.faults(), []);
    rig.relay.set_active(true);
    rig.pool.min_rate = Amount::from_sat(1_000);
    rig.pass(Duration::ZERO);
    let actions = rig.actions();
    assert!(
        matches!(actions.as_slice(), [Action::Send { message: Message::FeeFilter(_), .. }]),
        "{actions:?}"
    );
    rig.inv(1, &[wtx(&tx)]);
    assert_eq!(rig.asked().len(), 1);
}
