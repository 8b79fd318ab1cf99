//! Each rule of a transaction, at its limit and past it.

use cairn_consensus::{
    HeaderTree, NodeId, TxError, check_final, check_sequence_locks, check_spend, check_transaction,
};
use cairn_params::ChainSpec;
use cairn_primitives::{
    BlockTime, Coin, Height, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut,
};

use crate::connect_rules;
use crate::support::{
    LATE, Side, child_at, easy, extend, height, input, mined, outpoint, output, rules, sat, tree, tx,
};

rules! { TxError:
    NoInputs "bad-txns-vin-empty" Invalid no_inputs;
    NoOutputs "bad-txns-vout-empty" Invalid no_outputs;
    Oversize "bad-txns-oversize" Invalid oversize;
    NegativeValue "bad-txns-vout-negative" Invalid negative_value;
    ValueTooLarge "bad-txns-vout-toolarge" Invalid value_too_large;
    TotalTooLarge "bad-txns-txouttotal-toolarge" Invalid total_too_large;
    DuplicateInput "bad-txns-inputs-duplicate" Invalid duplicate_input;
    CoinbaseScriptLength "bad-cb-length" Invalid coinbase_script_too_long;
    NullPrevout "bad-txns-prevout-null" Invalid null_prevout;
    MissingOrSpent "bad-txns-inputs-missingorspent" Unavailable missing_or_spent;
    PrematureCoinbaseSpend "bad-txns-premature-spend-of-coinbase" Premature premature_spend;
    InputValuesOutOfRange "bad-txns-inputvalues-outofrange" Invalid input_values;
    InBelowOut "bad-txns-in-belowout" Invalid in_below_out;
    NonFinal "bad-txns-nonfinal" Premature non_final;
    SequenceLocked "bad-txns-nonfinal" Premature sequence_locked;
}

type Outcome = Result<(), TxError>;

/// Bitcoin's money limit.
const MAX_MONEY: u64 = 2_100_000_000_000_000;

fn check(inputs: Vec<TxIn>, outputs: Vec<TxOut>) -> Outcome {
    check_transaction(&tx(inputs, outputs), &easy())
}

fn no_inputs(side: Side) -> Outcome {
    check(side.pick(vec![input(outpoint(1))], vec![]), vec![output(1)])
}

fn no_outputs(side: Side) -> Outcome {
    check(vec![input(outpoint(1))], side.pick(vec![output(1)], vec![]))
}

/// A transaction of exactly `size` bytes, which must be between some hundred and 65,000.
fn of_size(size: usize) -> Transaction {
    let build = |padding| {
        let script_pubkey = Script::from_bytes(vec![0x6a; padding]);
        tx(vec![input(outpoint(1))], vec![TxOut { value: sat(0), script_pubkey }])
    };
    let made = build(size - build(300).base_size() + 300);
    assert_eq!(made.base_size(), size);
    made
}

fn oversize(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.block_weight = 4_000;
    check_transaction(&of_size(side.pick(1_000, 1_001)), &spec)
}

fn negative_value(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.max_money = sat(i64::MAX as u64);
    let value = side.pick(i64::MAX as u64, 1 << 63);
    check_transaction(&tx(vec![input(outpoint(1))], vec![output(value)]), &spec)
}

fn value_too_large(side: Side) -> Outcome {
    check(vec![input(outpoint(1))], vec![output(side.pick(MAX_MONEY, MAX_MONEY + 1))])
}

fn total_too_large(side: Side) -> Outcome {
    check(vec![input(outpoint(1))], vec![output(MAX_MONEY), output(side.pick(0, 1))])
}

#[test]
fn a_total_that_would_wrap_is_too_large() {
    let mut spec = easy();
    spec.limits.max_money = sat(i64::MAX as u64);
    let outputs = vec![output(i64::MAX as u64), output(i64::MAX as u64), output(2)];
    let error = check_transaction(&tx(vec![input(outpoint(1))], outputs), &spec).unwrap_err();
    assert_eq!(error, TxError::TotalTooLarge { limit: spec.limits.max_money });
}

fn duplicate_input(side: Side) -> Outcome {
    let first = outpoint(1);
    let near = OutPoint { vout: first.vout + 1, ..first };
    check(vec![input(first), input(outpoint(2)), input(side.pick(near, first))], vec![output(1)])
}

/// Genesis' coinbase with another script.
fn coinbase(script_len: usize) -> Transaction {
    let script_sig = Script::from_bytes(vec![0; script_len]);
    tx(vec![TxIn { script_sig, ..input(OutPoint::NULL) }], vec![output(1)])
}

fn coinbase_script_too_long(side: Side) -> Outcome {
    check_transaction(&coinbase(side.pick(100, 101)), &easy())
}

#[test]
fn a_coinbase_script_has_two_bytes_at_least() {
    assert_eq!(check_transaction(&coinbase(2), &easy()), Ok(()));
    let error = check_transaction(&coinbase(1), &easy()).unwrap_err();
    assert_eq!(error, TxError::CoinbaseScriptLength { got: 1, min: 2, max: 100 });
}

fn null_prevout(side: Side) -> Outcome {
    // Half of what makes an outpoint null is not enough.
    let near = OutPoint { vout: 0, ..OutPoint::NULL };
    check(vec![input(outpoint(1)), input(side.pick(near, OutPoint::NULL))], vec![output(1)])
}

fn missing_or_spent(side: Side) -> Outcome {
    match connect_rules::spend_missing(side) {
        Err(cairn_consensus::BlockError::Tx { error, .. }) => Err(error),
        other => other.map_err(|error| panic!("{error:?}")),
    }
}

fn coin(value: u64, made_at: u32, coinbase: bool) -> Coin {
    Coin { output: output(value), height: height(made_at), coinbase }
}

fn spend(spec: &ChainSpec, coins: &[Coin], outputs: Vec<TxOut>, at: u32) -> Result<u64, TxError> {
    let inputs = (1..).take(coins.len()).map(|n| input(outpoint(n))).collect();
    check_spend(&tx(inputs, outputs), coins, height(at), spec).map(|fee| fee.to_sat())
}

fn premature_spend(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.coinbase_maturity = 100;
    let coins = [coin(5, 7, false), coin(5, 50, true)];
    spend(&spec, &coins, vec![output(10)], side.pick(150, 149)).map(|_| ())
}

#[test]
fn other_coins_need_no_age() {
    assert_eq!(spend(&easy(), &[coin(5, 9, false)], vec![output(5)], 9), Ok(0));
}

fn input_values(side: Side) -> Outcome {
    let coins = [coin(MAX_MONEY - 5, 1, false), coin(side.pick(5, 6), 1, false)];
    spend(&easy(), &coins, vec![output(1)], 9).map(|_| ())
}

#[test]
fn a_single_coin_above_the_limit_is_out_of_range() {
    for value in [MAX_MONEY + 1, u64::MAX] {
        let error = spend(&easy(), &[coin(value, 1, false)], vec![output(1)], 9).unwrap_err();
        assert_eq!(error, TxError::InputValuesOutOfRange { limit: sat(MAX_MONEY) });
    }
}

fn in_below_out(side: Side) -> Outcome {
    let fee = spend(&easy(), &[coin(6, 1, false), coin(4, 1, false)], vec![output(side.pick(10, 11))], 9)?;
    assert_eq!(fee, 0);
    Ok(())
}

#[test]
fn the_fee_is_what_is_left() {
    assert_eq!(spend(&easy(), &[coin(6, 1, false), coin(4, 1, false)], vec![output(3), output(2)], 9), Ok(5));
}

#[test]
fn maturity_is_reported_before_values() {
    let mut spec = easy();
    spec.limits.coinbase_maturity = 100;
    let coins = [coin(MAX_MONEY, 1, false), coin(MAX_MONEY, 5, true)];
    let error = spend(&spec, &coins, vec![output(1)], 9).unwrap_err();
    assert_eq!(error, TxError::PrematureCoinbaseSpend { index: 1, got: 4, limit: 100 });
}

fn locked(lock: u32, sequences: &[u32]) -> Transaction {
    let sequences = sequences.iter().map(|n| Sequence::new(*n));
    let inputs = (1..).zip(sequences).map(|(n, sequence)| TxIn { sequence, ..input(outpoint(n)) });
    Transaction::new(1, inputs.collect(), vec![output(1)], LockTime::new(lock))
}

fn non_final(side: Side) -> Outcome {
    check_final(&locked(99, &[u32::MAX, u32::MAX - 1]), height(side.pick(100, 99)), BlockTime::new(0))
}

#[test]
fn lock_times_from_500_000_000_on_are_times() {
    let check =
        |lock, at, cutoff| check_final(&locked(lock, &[0]), height(at), BlockTime::new(cutoff)).is_ok();
    assert!(check(499_999_999, 500_000_000, 0));
    assert!(!check(499_999_999, 499_999_999, u32::MAX));
    assert!(check(500_000_000, 0, 500_000_001));
    assert!(!check(500_000_000, u32::MAX, 500_000_000));
    assert!(!check(u32::MAX, u32::MAX, u32::MAX), "nothing is after the end of time");
}

#[test]
fn no_lock_and_final_inputs_are_always_final() {
    let check = |lock, sequences: &[u32]| check_final(&locked(lock, sequences), height(0), BlockTime::new(0));
    assert_eq!(check(0, &[0]), Ok(()));
    assert_eq!(check(u32::MAX, &[u32::MAX, u32::MAX]), Ok(()));
    let error = check(7, &[u32::MAX, 0]).unwrap_err();
    assert_eq!(error, TxError::NonFinal { lock_time: LockTime::new(7), height: height(0) });
}

/// Twenty headers a second apart on genesis.
fn seconds_apart() -> (HeaderTree, NodeId) {
    let mut tree = tree(easy());
    let tip = (0..20).fold(tree.genesis(), |tip, _| {
        let header = child_at(&tree, tip, tree.header(tip).time.saturating_add(1));
        tree.insert(mined(header), LATE).unwrap().id
    });
    (tree, tip)
}

fn relative(version: i32, sequence: u32) -> Transaction {
    let inputs = vec![TxIn { sequence: Sequence::new(sequence), ..input(outpoint(1)) }];
    Transaction::new(version, inputs, vec![output(1)], LockTime::ZERO)
}

/// The block after height 20 spends a coin of height 10.
fn sequence_locked(side: Side) -> Outcome {
    let (tree, tip) = seconds_apart();
    check_sequence_locks(&relative(2, side.pick(11, 12)), &[coin(1, 10, false)], &tree, tip)
}

const TYPE_FLAG: u32 = 1 << 22;
const DISABLE_FLAG: u32 = 1 << 31;

#[test]
fn only_the_low_16_bits_and_two_flags_count() {
    let (tree, tip) = seconds_apart();
    let check = |version, sequence| {
        check_sequence_locks(&relative(version, sequence), &[coin(1, 10, false)], &tree, tip).is_ok()
    };
    assert!(check(2, 11 | 0x003f_0000 | 0x7f80_0000));
    assert!(!check(2, 12 | 0x003f_0000));
    assert!(check(2, 0xffff | DISABLE_FLAG));
    assert!(!check(2, 0xffff));
    // Versions below 2 have no relative locks; negative ones count as large.
    assert!(check(1, 12) && check(0, 12));
    assert!(!check(-1, 12) && !check(i32::MIN, 12) && !check(i32::MAX, 12));
}

/// Where the times are `512` seconds apart and medians lag five blocks behind.
#[test]
fn times_count_from_the_median_before_the_coin() {
    let mut tree = tree(easy());
    let tip = (0..30).fold(tree.genesis(), |tip, _| {
        let header = child_at(&tree, tip, tree.header(tip).time.saturating_add(512));
        tree.insert(mined(header), LATE).unwrap().id
    });
    let check = |units: u32, made_at: u32| {
        let coins = [coin(1, made_at, false)];
        check_sequence_locks(&relative(2, TYPE_FLAG | units), &coins, &tree, tip)
    };
    // The median past at height h is the time of height h - 5: from 19 (below the coin of 20) to 30 is 11 steps.
    assert_eq!(check(11, 20), Ok(()));
    assert_eq!(check(12, 20), Err(TxError::SequenceLocked { height: height(31) }));
    // A coin of the same block counts from its parent.
    assert_eq!(check(0, 31), Ok(()));
    assert!(check(1, 31).is_err());
    // A coin of genesis counts from genesis itself: heights 0 to 25.
    assert_eq!(check(25, 0), Ok(()));
    assert!(check(26, 0).is_err());
}

#[test]
fn the_strictest_of_all_inputs_counts() {
    let (tree, tip) = seconds_apart();
    let inputs = [11, 12].map(|n| TxIn { sequence: Sequence::new(n), ..input(outpoint(n as u8)) });
    let tx = Transaction::new(2, inputs.to_vec(), vec![output(1)], LockTime::ZERO);
    let check = |heights: [u32; 2]| {
        check_sequence_locks(&tx, &heights.map(|made_at| coin(1, made_at, false)), &tree, tip).is_ok()
    };
    assert!(check([10, 9]));
    assert!(!check([11, 9]));
    assert!(!check([10, 10]));
}

/// A relative lock of zero holds even for a coin of the same block.
#[test]
fn a_lock_of_no_blocks_is_no_lock() {
    let mut tree = tree(easy());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 3);
    let next = tree.height(tip).next();
    let coins = [coin(1, next.to_u32(), false)];
    assert_eq!(check_sequence_locks(&relative(2, 0), &coins, &tree, tip), Ok(()));
    let error = check_sequence_locks(&relative(2, 1), &coins, &tree, tip).unwrap_err();
    assert_eq!(error, TxError::SequenceLocked { height: Height::new(4) });
}
