//! Following the chain.

use cairn_primitives::{Address, Height};
use cairn_wallet::{
    Branch, CoinStatus, HistoryEntry, NetAmount, Purpose, SyncProgress, TxBuilder, Wallet, WalletError,
};

use crate::support::{COIN, FakeChain, Owner, rate, sat, spec, stranger};

fn address(owner: &Owner, branch: Branch, index: u32) -> Address {
    owner.secrets[0].to_public().unwrap().address(branch, index).unwrap()
}

#[test]
fn a_payment_is_found_up_to_the_gap_limit_and_not_past_it() {
    let chain = FakeChain::new();
    let mut owner = Owner::segwit(1);
    chain.give(&address(&owner, Branch::Receive, 20), 1_000);
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.confirmed(), 0, "twenty unused addresses lie before it");
    chain.give(&address(&owner, Branch::Receive, 19), 2_000);
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.confirmed(), 3_000, "the first payment lies within the gap of the second");
    chain.give(&address(&owner, Branch::Change, 7), 4_000);
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.confirmed(), 7_000);
}

#[test]
fn the_gap_limit_can_be_set_within_its_range() {
    let chain = FakeChain::new();
    let mut owner = Owner::segwit(1);
    chain.give(&address(&owner, Branch::Receive, 20), 1_000);
    owner.wallet.set_gap_limit(21).unwrap();
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.confirmed(), 1_000);
    assert_eq!(owner.wallet.set_gap_limit(0), Err(WalletError::GapRange { got: 0, limit: 10_000 }));
    assert_eq!(owner.wallet.set_gap_limit(10_001), Err(WalletError::GapRange { got: 10_001, limit: 10_000 }));
    assert_eq!(owner.wallet.gap_limit(), 21);
}

#[test]
fn new_addresses_differ_and_end_at_the_gap_limit() {
    let chain = FakeChain::new();
    let mut owner = Owner::segwit(1);
    assert_eq!(owner.wallet.next_address(), owner.wallet.next_address());
    let handed: Vec<Address> = (0..20).map(|_| owner.wallet.new_address().unwrap()).collect();
    assert!((0..20).all(|index| handed[index as usize] == address(&owner, Branch::Receive, index)));
    assert_eq!(owner.wallet.new_address(), Err(WalletError::Gap { limit: 20 }));
    chain.give(&handed[3], 1_000);
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.wallet.next_address(), address(&owner, Branch::Receive, 20), "none is handed out twice");
    assert!((0..4).all(|_| owner.wallet.new_address().is_ok()));
    assert_eq!(owner.wallet.new_address(), Err(WalletError::Gap { limit: 20 }));
    let list = owner.wallet.addresses();
    assert_eq!(list.len(), 24);
    assert!(list[3].used && !list[4].used);
    let other = owner.wallet.new_address_of(Purpose::Bip44);
    assert_eq!(other, Err(WalletError::NoSuchAccount { purpose: Purpose::Bip44 }));
}

#[test]
fn a_coinbase_can_be_spent_in_the_block_that_maturity_allows() {
    let chain = FakeChain::new();
    let mut owner = Owner::segwit(1);
    chain.mine(&owner.wallet.next_address());
    chain.mine_empty(98);
    owner.wallet.sync(&chain).unwrap();
    let balance = owner.wallet.balance();
    assert_eq!((balance.immature.to_sat(), balance.confirmed.to_sat()), (50 * COIN, 0));
    assert_eq!(owner.wallet.coins()[0].status, CoinStatus::Immature { spendable_at: Height::new(101) });
    chain.mine_empty(1);
    owner.wallet.sync(&chain).unwrap();
    assert_eq!(owner.confirmed(), 50 * COIN);
    assert_eq!(owner.wallet.coins()[0].confirmations, 100);
    // The pool, which stands for the chain's rules, agrees.
    owner.send(&chain, &TxBuilder::new(rate(1)).pay(stranger(1), sat(COIN)));
}

#[test]
fn only_what_is_not_known_is_fetched() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[1_000, 2_000]);
    assert_eq!(chain.asked.borrow().1, 2);
    chain.give(&owner.wallet.next_address(), 3_000);
    let mut steps: Vec<SyncProgress> = Vec::new();
    let report = owner.wallet.sync_with(&chain, |step| steps.push(step)).unwrap();
    assert_eq!((report.new.len(), report.moved.len(), report.vanished.len()), (1, 0, 0));
    assert_eq!(chain.asked.borrow().1, 3);
    let last = steps.last().unwrap();
    // Three used and twenty more, and twenty of change.
    assert_eq!((last.addresses, last.transactions, last.fetched, last.pass), (43, 3, 1, 1));
    let report = owner.wallet.sync(&chain).unwrap();
    assert_eq!((report.new, report.moved, report.vanished), (vec![], vec![], vec![]));
}

#[test]
fn history_shows_both_sides_of_a_payment() {
    let chain = FakeChain::new();
    let mut alice = Owner::rich(&chain, 1, &[100_000]);
    let mut bob = Owner::segwit(2);
    let to = bob.wallet.next_address();
    let tx = alice.send(&chain, &TxBuilder::new(rate(10)).pay(to, sat(40_000)));
    bob.wallet.sync(&chain).unwrap();
    alice.wallet.sync(&chain).unwrap();
    let paid = 10 * 141;
    let sent = alice.wallet.history().remove(0);
    assert_eq!(sent.net, NetAmount::Sent(sat(40_000 + paid)));
    assert_eq!((sent.txid, sent.fee, sent.counterparties), (tx.txid(), Some(sat(paid)), vec![to]));
    assert_eq!((sent.confirmations, sent.block, sent.replaceable), (0, None, true));
    assert_eq!(sent.own, [address(&alice, Branch::Change, 0)]);
    let HistoryEntry { net, fee, counterparties, own, .. } = bob.wallet.history().remove(0);
    assert_eq!((net, fee, counterparties, own), (NetAmount::Received(sat(40_000)), None, vec![], vec![to]));
    assert_eq!(bob.wallet.balance().unconfirmed, sat(40_000));

    chain.mine(&stranger(9));
    chain.mine_empty(2);
    bob.wallet.sync(&chain).unwrap();
    let got = bob.wallet.history().remove(0);
    assert_eq!((got.confirmations, got.replaceable), (3, false));
    assert_eq!(got.block.unwrap().height, Height::new(2));
    assert_eq!(got.block.unwrap().time.to_u32(), 1_700_001_200);
    assert_eq!(bob.confirmed(), 40_000);
}

#[test]
fn history_stands_newest_first_behind_what_waits() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000, 200_000]);
    owner.send(&chain, &TxBuilder::new(rate(1)).pay(stranger(1), sat(1_000)));
    let heights: Vec<_> =
        owner.wallet.history().iter().map(|entry| entry.block.map(|block| block.height.to_u32())).collect();
    assert_eq!(heights, [None, Some(2), Some(1)]);
}

#[test]
fn a_reorganisation_moves_and_removes_what_it_touched() {
    let chain = FakeChain::new();
    let mut owner = Owner::rich(&chain, 1, &[100_000]);
    chain.mine_empty(1);
    let reward = chain.mine(&owner.wallet.next_address());
    let tx = owner.send(&chain, &TxBuilder::new(rate(1)).pay(stranger(1), sat(30_000)));
    chain.mine(&stranger(9));
    owner.wallet.sync(&chain).unwrap();
    let left = 100_000 - 30_000 - 144;
    assert_eq!((owner.confirmed(), owner.wallet.balance().immature.to_sat()), (left, 50 * COIN));

    // Two blocks go: the payment waits again, the reward is gone.
    chain.disconnect(2);
    let report = owner.wallet.sync(&chain).unwrap();
    assert_eq!((report.moved, report.new), (vec![tx.txid()], vec![]));
    assert_eq!(report.vanished.iter().map(|tx| tx.txid()).collect::<Vec<_>>(), [reward]);
    let balance = owner.wallet.balance();
    assert_eq!((balance.confirmed, balance.immature, balance.unconfirmed), (sat(0), sat(0), sat(left)));
    assert_eq!(owner.wallet.tip().unwrap().height.to_u32(), 2);

    // Another branch confirms it.
    chain.mine_empty(2);
    chain.mine(&stranger(9));
    let report = owner.wallet.sync(&chain).unwrap();
    assert_eq!((report.moved, report.vanished), (vec![tx.txid()], vec![]));
    assert_eq!(owner.confirmed(), left);
    assert_eq!(owner.wallet.history()[0].block.unwrap().height.to_u32(), 5);
}

#[test]
fn an_unconfirmed_payment_that_a_block_contradicts_is_gone() {
    let chain = FakeChain::new();
    let mut alice = Owner::rich(&chain, 1, &[100_000]);
    let mut bob = Owner::segwit(2);
    let to_bob = TxBuilder::new(rate(1)).pay(bob.wallet.next_address(), sat(50_000));
    let rival = alice.wallet.build(&TxBuilder::new(rate(1)).send_rest(stranger(1))).unwrap();
    let paid = alice.send(&chain, &to_bob);
    bob.wallet.sync(&chain).unwrap();
    assert_eq!(bob.wallet.balance().unconfirmed, sat(50_000));
    chain.mine_only(&stranger(9), vec![alice.sign(&rival)]);
    let report = bob.wallet.sync(&chain).unwrap();
    assert_eq!(report.vanished, std::slice::from_ref(&paid));
    assert_eq!(bob.wallet.balance().total(), sat(0));
    alice.wallet.sync(&chain).unwrap();
    assert_eq!(alice.wallet.balance().total(), sat(0));
    assert!(!alice.wallet.record_sent(&paid).unwrap(), "its coin is spent in a block");
}

#[test]
fn the_same_words_find_the_same_money_again() {
    let chain = FakeChain::new();
    let purposes = [Purpose::Bip84, Purpose::Bip86, Purpose::Bip44];
    let mut owner = Owner::new(5, &purposes);
    for (purpose, value) in purposes.into_iter().zip([70_000, 80_000, 90_000]) {
        chain.give(&owner.wallet.new_address_of(purpose).unwrap(), value);
    }
    owner.wallet.sync(&chain).unwrap();
    for amount in [120_000, 60_000, 5_000] {
        owner.send(&chain, &TxBuilder::new(rate(2)).pay(stranger(1), sat(amount)));
        chain.mine(&stranger(9));
        owner.wallet.sync(&chain).unwrap();
    }
    let mut restored = Owner::new(5, &purposes);
    restored.wallet.sync(&chain).unwrap();
    assert!(owner.confirmed() > 40_000);
    assert_eq!(restored.wallet.balance(), owner.wallet.balance());
    assert_eq!(restored.wallet.history(), owner.wallet.history());
    assert_eq!(restored.wallet.coins(), owner.wallet.coins());
}

#[test]
fn an_extended_public_key_watches_and_an_address_does() {
    let chain = FakeChain::new();
    let owner = Owner::rich(&chain, 1, &[100_000, 50_000]);
    let xpub = owner.secrets[0].to_public().unwrap().key().encode(&spec().address);
    let mut watcher = Wallet::watch_xpub(spec(), &xpub, Purpose::Bip84).unwrap();
    watcher.sync(&chain).unwrap();
    assert_eq!(watcher.balance(), owner.wallet.balance());
    let request = watcher.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(120_000))).unwrap();
    chain.offer(&owner.sign(&request)).unwrap();

    let first = address(&owner, Branch::Receive, 0);
    let mut watcher = Wallet::watch_address(spec(), first);
    watcher.sync(&chain).unwrap();
    assert_eq!(watcher.balance().total(), sat(0), "the payment just made spends it");
    assert_eq!(watcher.history().len(), 2);
    assert_eq!((watcher.next_address(), watcher.new_address()), (first, Ok(first)));
    let built = watcher.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(1_000)));
    assert_eq!(built.unwrap_err(), cairn_wallet::BuildError::NoKeys);

    let wrong = xpub.replace("tpub", "xpub");
    assert!(matches!(Wallet::watch_xpub(spec(), &wrong, Purpose::Bip84), Err(WalletError::Key(_))));
}

#[test]
fn an_account_is_given_once() {
    let owner = Owner::segwit(1);
    let account = owner.secrets[0].to_public().unwrap();
    let twice = Wallet::new(spec(), vec![account.clone(), account.clone()]).unwrap_err();
    assert_eq!(twice, WalletError::DuplicateAccount { purpose: Purpose::Bip84, account: 0 });
    assert_eq!(Wallet::new(spec(), Vec::new()).unwrap_err(), WalletError::NoAccount);
    let many = Wallet::new(spec(), vec![account; 17]).unwrap_err();
    assert_eq!(many, WalletError::TooManyAccounts { got: 17, limit: 16 });
}
