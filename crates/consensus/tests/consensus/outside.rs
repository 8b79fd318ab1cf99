//! Blocks checked without their chain say what they say in it, as far as that can be told.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{
    BlockError, HeaderError, Outside, OutsideConnection, TxError, check_block, connect_outside,
};
use cairn_params::{Activation, ChainSpec};
use cairn_primitives::{Block, Coin, LockTime, OutPoint, Sequence, Transaction};
use cairn_testkit::{Forge, reseal};

use crate::support::{anyone, easy, height, input, outpoint, output, sat, time, tx};

type Coins = HashMap<OutPoint, Coin>;

/// A block of height 1 with these transactions, whose coinbase claims `fees`.
fn block(spec: &ChainSpec, transactions: Vec<Transaction>, fees: u64) -> Block {
    let forge = Forge::new(Arc::new(spec.clone()));
    let draft = forge.draft(forge.genesis()).pay_to(anyone()).extra(7);
    let value = draft.place().subsidy.checked_add(sat(fees)).unwrap();
    transactions.into_iter().fold(draft, |draft, tx| draft.add(tx, sat(0))).coinbase_value(value).seal()
}

fn coins(value: u64) -> Coins {
    let coin = Coin { output: output(value), height: height(0), coinbase: false };
    Coins::from([(outpoint(1), coin)])
}

fn check(
    block: Block,
    spec: &ChainSpec,
    outside: Outside,
    coins: &Coins,
) -> Result<OutsideConnection, BlockError> {
    let connection = connect_outside(spec, outside, Arc::new(check_block(block, spec)?), coins)?;
    connection.scripts().run_all()?;
    Ok(connection)
}

fn at(at: u32) -> Outside {
    Outside { height: height(at), median_time_past: None }
}

#[test]
fn fees_are_what_the_coins_leave_and_the_coinbase_claims_no_more() {
    let spec = easy();
    let spend = tx(vec![input(outpoint(1))], vec![output(10)]);
    let good = block(&spec, vec![spend.clone()], 5);
    let connection = check(good.clone(), &spec, at(1), &coins(15)).unwrap();
    assert_eq!((connection.fees(), connection.scripts().inputs()), (sat(5), 1));
    assert!(matches!(check(good.clone(), &spec, at(1), &coins(14)), Err(BlockError::CoinbaseValue { .. })));
    let missing = check(good, &spec, at(1), &Coins::new()).unwrap_err();
    assert!(matches!(missing, BlockError::Tx { error: TxError::MissingOrSpent { index: 0, .. }, .. }));
}

#[test]
fn the_height_is_the_one_that_is_said() {
    let spec = easy();
    let good = block(&spec, vec![], 0);
    assert!(check(good.clone(), &spec, at(1), &Coins::new()).is_ok());
    let wrong = check(good.clone(), &spec, at(2), &Coins::new()).unwrap_err();
    assert_eq!(wrong, BlockError::CoinbaseHeight { expected: height(2) });

    let mut checkpointed = spec.clone();
    checkpointed.assume.checkpoints = vec![(height(1), spec.genesis_hash())];
    let wrong = check(good, &checkpointed, at(1), &Coins::new()).unwrap_err();
    assert!(matches!(wrong, BlockError::Header(HeaderError::Checkpoint { .. })));
}

#[test]
fn versions_have_the_floor_of_the_height() {
    let mut spec = easy();
    spec.deployments.bip66 = Activation::Height(height(1));
    let with_version = |version| {
        let block = block(&spec, vec![], 0);
        let header = cairn_primitives::Header { version, ..block.header };
        check(reseal(Block { header, ..block }), &spec, at(1), &Coins::new()).map(|_| ())
    };
    assert_eq!(with_version(3), Ok(()));
    assert!(matches!(with_version(2), Err(BlockError::Header(HeaderError::BadVersion { limit: 3, .. }))));
}

#[test]
fn lock_times_are_compared_with_the_median_time_past_or_the_latest_it_can_be() {
    let spec = easy();
    let own = block(&spec, vec![], 0).header.time.to_u32();
    let locked = |lock: u32| {
        let spending = cairn_primitives::TxIn { sequence: Sequence::new(0), ..input(outpoint(1)) };
        let tx = Transaction::new(1, vec![spending], vec![output(10)], LockTime::new(lock));
        block(&spec, vec![tx], 0)
    };
    let told = |seconds| Outside { median_time_past: Some(time(seconds)), ..at(1) };
    let non_final = |result: Result<OutsideConnection, BlockError>| {
        matches!(result, Err(BlockError::Tx { error: TxError::NonFinal { .. }, .. }))
    };
    assert!(check(locked(own - 2), &spec, at(1), &coins(10)).is_ok());
    assert!(non_final(check(locked(own - 1), &spec, at(1), &coins(10))));
    assert!(check(locked(own - 10), &spec, told(own - 9), &coins(10)).is_ok());
    assert!(non_final(check(locked(own - 9), &spec, told(own - 9), &coins(10))));
}

#[test]
fn genesis_is_itself_alone() {
    let spec = easy();
    assert!(check(spec.genesis_block(), &spec, at(0), &Coins::new()).is_ok());
    let wrong = check(block(&spec, vec![], 0), &spec, at(0), &Coins::new()).unwrap_err();
    assert!(matches!(wrong, BlockError::WrongBlock { .. }));
}
