//! The testkit's own promises: what it builds is valid unless told otherwise, and always the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::HashSet;
use std::sync::Arc;

use cairn_params::presets;
use cairn_primitives::{Amount, Block, Decode, Encode, Header, Script, Transaction, TxIn, Witness, hash};
use cairn_testkit::{Forge, Spend, TestKey, generate, reseal};
use proptest::prelude::*;

fn forge() -> Forge {
    Forge::new(Arc::new(presets::dev()))
}

#[test]
fn keys_depend_on_their_number_alone() {
    let (one, again, two) = (TestKey::new(1), TestKey::new(1), TestKey::new(2));
    assert_eq!(one.public(), again.public());
    assert_ne!(one.public(), two.public());
    assert_eq!(one.key_hash(), hash::hash160(one.public()));
    assert_eq!(one.secret().public_key().to_compressed(), *one.public());
}

#[test]
fn the_same_steps_give_the_same_blocks() {
    let build = || {
        let mut forge = forge();
        forge.extend(forge.genesis(), 5, &TestKey::new(1).p2pkh())
    };
    assert_eq!(build(), build());
}

#[test]
fn blocks_on_one_parent_differ_by_their_number() {
    let mut forge = forge();
    let genesis = forge.genesis();
    let hashes: HashSet<_> =
        (0..10).map(|extra| forge.accept(forge.draft(genesis).extra(extra).seal()).unwrap()).collect();
    assert_eq!(hashes.len(), 10);
    assert_eq!(forge.tree().tips().len(), 10);
}

#[test]
fn each_tip_has_its_own_coins() {
    let mut forge = forge();
    let (left, right) = (TestKey::new(1).p2pk(), TestKey::new(2).p2pk());
    let base = forge.extend(forge.genesis(), 10, &left);
    let a = forge.extend(base, 2, &left);
    let b = forge.extend(base, 3, &right);
    assert_eq!((forge.coins(base).len(), forge.coins(a).len(), forge.coins(b).len()), (10, 12, 13));
    // Of the coins of the left key, those of heights 1 to 4 are ripe for height 14.
    assert_eq!(forge.spendable(b, &left).len(), 4);
    assert!(forge.spendable(b, &right).is_empty());
    let ripe: Vec<u32> = forge.spendable(b, &left).iter().map(|(_, coin)| coin.height.to_u32()).collect();
    assert_eq!(ripe, [1, 2, 3, 4], "oldest first");
    let heights: Vec<_> = forge.chain(b).iter().map(|block| forge.height(block.hash()).to_u32()).collect();
    assert_eq!(heights, (1..=13).collect::<Vec<_>>());
    assert_eq!(forge.time(b), forge.block(b).header.time);
}

/// A coin paid to `script`, spent by `key`.
fn spend(script: Script, key: &TestKey) -> Result<(), cairn_consensus::BlockError> {
    let mut forge = forge();
    let tip = forge.extend(forge.genesis(), 10, &script);
    let (outpoint, coin) = forge.spendable(tip, &script).remove(0);
    let fee = Amount::from_sat(1_000);
    let value = coin.output.value.checked_sub(fee).unwrap();
    let tx = Spend::new().from(outpoint, coin).to(value, script).sign(key);
    let block = forge.draft(tip).add(tx, fee).seal();
    forge.accept(block).map(|_| ())
}

#[test]
fn signatures_pass_with_the_right_key_only() {
    let (owner, other) = (TestKey::new(1), TestKey::new(2));
    for script in [owner.p2pkh(), owner.p2pk()] {
        assert_eq!(spend(script.clone(), &owner), Ok(()));
        let error = spend(script, &other).unwrap_err();
        assert_eq!(error.code(), "mandatory-script-verify-flag-failed");
    }
}

#[test]
fn a_bad_draft_is_refused_and_leaves_no_coins() {
    let mut forge = forge();
    let genesis = forge.genesis();
    let draft = || forge.draft(genesis).pay_to(TestKey::new(1).p2pk());
    let subsidy = draft().place().subsidy;
    let greedy = draft().coinbase_value(subsidy.checked_add(Amount::from_sat(1)).unwrap()).seal();
    let early = draft().time(forge.time(genesis)).seal();
    let hash = greedy.hash();
    assert_eq!(forge.accept(greedy).unwrap_err().code(), "bad-cb-amount");
    assert_eq!(forge.accept(early).unwrap_err().code(), "time-too-old");
    assert!(forge.tree().get(&hash).is_some(), "its header was good");
    assert_eq!(forge.tree().len(), 2);
}

#[test]
fn witnesses_are_committed_to() {
    let mut forge = forge();
    let anyone = Script::from_bytes(vec![cairn_primitives::op::OP_1]);
    let program = Script::p2wsh(hash::sha256(anyone.as_bytes()));
    let tip = forge.extend(forge.genesis(), 10, &program);
    let (outpoint, coin) = forge.spendable(tip, &program).remove(0);
    let value = coin.output.value;
    let unsigned = Spend::new().from(outpoint, coin).to(value, program).unsigned();
    let (version, mut inputs, outputs, lock_time) = unsigned.into_parts();
    inputs[0] = TxIn { witness: Witness::new(vec![anyone.as_bytes().to_vec()]), ..inputs[0].clone() };
    let tx = Transaction::new(version, inputs, outputs, lock_time);
    let block = forge.draft(tip).add(tx, Amount::ZERO).seal();
    assert_eq!(block.transactions[0].outputs().len(), 2);
    forge.accept(block).unwrap();
}

#[test]
fn resealing_mends_root_and_work() {
    let forge = forge();
    let mut block = forge.draft(forge.genesis()).seal();
    block.header.version = 1;
    block.transactions.push(block.transactions[0].clone());
    let block = reseal(block);
    assert_eq!(block.header.merkle_root, block.merkle_root());
    assert!(block.header.bits.to_target().unwrap().is_met_by(block.hash()));
}

proptest! {
    #[test]
    fn generated_values_survive_their_bytes(
        header in generate::header(),
        tx in generate::transaction(),
        block in generate::block(4),
        script in generate::script(100),
    ) {
        prop_assert_eq!(Header::from_bytes(&header.to_bytes()), Ok(header));
        prop_assert_eq!(Transaction::from_bytes(&tx.to_bytes()), Ok(tx));
        prop_assert_eq!(Block::from_bytes(&block.to_bytes()), Ok(block));
        prop_assert_eq!(Script::from_bytes(script.as_bytes().to_vec()), script);
    }
}
