//! Each rule of a block that needs its coins, at its limit and past it. The table of variants is in
//! `block_rules`.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{
    BlockError, CheckedBlock, CoinView, CoinViewError, Connection, HeaderTree, TxError, Verdict, check_block,
    connect,
};
use cairn_params::{Activation, ChainSpec};
use cairn_primitives::{
    Block, BlockHash, Coin, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut,
    hash, op,
};
use cairn_script::ScriptError;
use cairn_testkit::{Forge, Spend, TestKey, reseal};

use crate::block_rules::Outcome;
use crate::support::{LATE, Side, anyone, easy, height, input, outpoint, output, sat, tx};

type Coins = HashMap<OutPoint, Coin>;

fn coin(value: u64) -> Coin {
    Coin { output: output(value), height: height(0), coinbase: false }
}

/// Coins of these values that anyone may spend, under outpoints 1, 2, ….
fn coins(values: &[u64]) -> Coins {
    (1..).map(outpoint).zip(values.iter().map(|value| coin(*value))).collect()
}

/// Connects a block of height 1 to `coins`.
fn connect_first(block: Block, spec: &ChainSpec, coins: &impl CoinView) -> Result<Connection, BlockError> {
    let mut tree = HeaderTree::new(Arc::new(spec.clone()));
    let checked = Arc::new(check_block(block, spec)?);
    let id = tree.insert(checked.block().header, LATE)?.id;
    connect(&tree, id, checked, coins)
}

/// A block of height 1 with these transactions, whose coinbase claims `fees`.
fn first_block(spec: &ChainSpec, transactions: Vec<Transaction>, fees: u64) -> Block {
    let forge = Forge::new(Arc::new(spec.clone()));
    let draft = forge.draft(forge.genesis()).pay_to(anyone()).extra(7);
    let value = draft.place().subsidy.checked_add(sat(fees)).unwrap();
    transactions.into_iter().fold(draft, |draft, tx| draft.add(tx, sat(0))).coinbase_value(value).seal()
}

/// Spends coins 1, 2, … into one output.
fn spend(count: usize, value: u64) -> Transaction {
    tx((1..).take(count).map(|n| input(outpoint(n))).collect(), vec![output(value)])
}

fn spend_of(previous: OutPoint, value: u64) -> Transaction {
    tx(vec![input(previous)], vec![output(value)])
}

fn first_output(tx: &Transaction) -> OutPoint {
    OutPoint { txid: tx.txid(), vout: 0 }
}

pub(crate) fn spend_missing(side: Side) -> Outcome {
    let spec = easy();
    let block = first_block(&spec, vec![spend(2, 10)], 0);
    connect_first(block, &spec, &coins(side.pick(&[4, 6], &[10]))).map(|_| ())
}

/// A coin that an earlier block made and left: a coinbase repeated word for word.
pub(crate) fn coin_exists(side: Side) -> Outcome {
    let mut spec = easy();
    spec.deployments.bip30 = side.pick(Activation::Height(height(2)), Activation::Height(height(1)));
    let block = first_block(&spec, vec![], 0);
    let existing = OutPoint { txid: block.transactions[0].txid(), vout: 0 };
    connect_first(block, &spec, &Coins::from([(existing, coin(1))])).map(|_| ())
}

/// Two fees that together are the money limit, and one unit more.
pub(crate) fn fees_out_of_range(side: Side) -> Outcome {
    let spec = easy();
    let limit = spec.limits.max_money.to_sat();
    let coins = coins(&[limit, 2]);
    let first = spend_of(outpoint(1), side.pick(1, 0));
    let second = spend_of(outpoint(2), 1);
    let connection = connect_first(first_block(&spec, vec![first, second], 0), &spec, &coins)?;
    assert_eq!(connection.fees(), sat(limit));
    Ok(())
}

pub(crate) fn coinbase_value(side: Side) -> Outcome {
    let spec = easy();
    let block = first_block(&spec, vec![spend(1, 10)], side.pick(5, 6));
    let connection = connect_first(block, &spec, &coins(&[15]))?;
    assert_eq!(connection.fees(), sat(5));
    Ok(())
}

#[test]
fn the_outputs_of_a_coinbase_count_together() {
    let spec = easy();
    let block = first_block(&spec, vec![], 0);
    let (version, inputs, outputs, lock) = block.transactions[0].clone().into_parts();
    let subsidy = outputs[0].value.to_sat();
    for (second, passes) in [(0, true), (1, false)] {
        let outputs = vec![output(subsidy), output(second)];
        let coinbase = Transaction::new(version, inputs.clone(), outputs, lock);
        let block = reseal(Block { transactions: vec![coinbase], ..block.clone() });
        let expected = BlockError::CoinbaseValue { got: sat(subsidy + second), limit: sat(subsidy) };
        let result = connect_first(block, &spec, &Coins::new()).map(|_| ());
        assert_eq!(result, if passes { Ok(()) } else { Err(expected) });
    }
}

/// The block after the last halving creates nothing but its fees.
#[test]
fn the_subsidy_is_that_of_the_height() {
    let mut spec = easy();
    spec.subsidy = cairn_params::Subsidy::Halving { initial: sat(3), interval: 1 };
    let value = first_block(&spec, vec![], 0).transactions[0].outputs()[0].value;
    assert_eq!(value, sat(1));
}

/// A coin locked to a key, spent by that key or by another.
pub(crate) fn script(side: Side) -> Outcome {
    let spec = easy();
    let owner = TestKey::new(1);
    let coin = Coin { output: TxOut { value: sat(9), script_pubkey: owner.p2pk() }, ..coin(9) };
    let spend = Spend::new().from(outpoint(1), coin.clone()).to(sat(9), anyone());
    let tx = spend.sign(&side.pick(owner, TestKey::new(2)));
    let coins = Coins::from([(outpoint(1), coin)]);
    let connection = connect_first(first_block(&spec, vec![tx], 0), &spec, &coins)?;
    assert_eq!((connection.scripts().len(), connection.scripts().inputs()), (1, 1));
    connection.scripts().run_all()
}

/// Only what a script decided says anything about its block.
#[test]
fn scripts_that_could_not_run_do_not_make_a_block_invalid() {
    let verdict = |error| BlockError::Script { txid: spend(1, 1).txid(), input: 0, error }.verdict();
    assert_eq!(verdict(ScriptError::EvalFalse), Verdict::Invalid);
    assert_eq!(verdict(ScriptError::InputIndex { got: 1, limit: 1 }), Verdict::Internal);
    assert_eq!(verdict(ScriptError::SpentOutputs { got: 0, expected: 1 }), Verdict::Internal);
}

/// A view that cannot answer for anything.
struct Blind(CoinViewError);

impl CoinView for Blind {
    fn coin(&self, _: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Err(self.0)
    }
}

pub(crate) fn coin_view(side: Side) -> Outcome {
    let spec = easy();
    let block = first_block(&spec, vec![spend(1, 1)], 0);
    match side {
        Side::At => connect_first(block, &spec, &coins(&[1])).map(|_| ()),
        Side::Past => connect_first(block, &spec, &Blind(CoinViewError::Unavailable)).map(|_| ()),
    }
}

#[test]
fn a_failing_view_is_never_the_blocks_fault() {
    let spec = easy();
    for (bip30, outpoint) in [(Activation::Never, Some(outpoint(1))), (Activation::Always, None)] {
        let mut spec = spec.clone();
        spec.deployments.bip30 = bip30;
        let block = first_block(&spec, vec![spend(1, 1)], 0);
        let outpoint = outpoint.unwrap_or(first_output(&block.transactions[0]));
        let error = connect_first(block, &spec, &Blind(CoinViewError::Internal)).unwrap_err();
        assert_eq!(error, BlockError::CoinView { outpoint, error: CoinViewError::Internal });
        assert_eq!(error.verdict(), Verdict::Internal);
    }
}

pub(crate) fn wrong_block(side: Side) -> Outcome {
    let spec = easy();
    let mut tree = HeaderTree::new(Arc::new(spec.clone()));
    let block = check_block(first_block(&spec, vec![], 0), &spec)?;
    let id = tree.insert(block.block().header, LATE)?.id;
    let id = side.pick(id, tree.genesis());
    connect(&tree, id, Arc::new(block), &Coins::new()).map(|_| ())
}

#[test]
fn genesis_connects_without_effect() {
    let spec = easy();
    let tree = HeaderTree::new(Arc::new(spec.clone()));
    let genesis = Arc::new(check_block(spec.genesis_block(), &spec).unwrap());
    let connection = connect(&tree, tree.genesis(), genesis, &Blind(CoinViewError::Internal)).unwrap();
    assert_eq!(connection.delta(), &cairn_consensus::CoinDelta::default());
    assert!(connection.undo().txs.is_empty() && connection.scripts().is_empty());
    assert!(!connection.scripts_assumed_valid());
}

fn tx_error(result: Result<Connection, BlockError>) -> Option<TxError> {
    match result {
        Ok(_) => None,
        Err(BlockError::Tx { error, .. }) => Some(error),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_coin_is_spent_once_and_after_it_was_made() {
    let spec = easy();
    let coins = coins(&[9]);
    let first = spend_of(outpoint(1), 9);
    let second = spend_of(first_output(&first), 9);
    let rival = spend_of(first_output(&first), 8);
    let connect = |txs: &[&Transaction]| {
        let txs = txs.iter().map(|&tx| tx.clone()).collect();
        tx_error(connect_first(first_block(&spec, txs, 0), &spec, &coins))
    };
    let missing = |outpoint| Some(TxError::MissingOrSpent { index: 0, outpoint });
    assert_eq!(connect(&[&first, &second]), None);
    assert_eq!(connect(&[&second, &first]), missing(first_output(&first)));
    assert_eq!(connect(&[&first, &second, &rival]), missing(first_output(&first)));
    assert_eq!(connect(&[&first, &spend_of(outpoint(1), 8)]), missing(outpoint(1)));
}

#[test]
fn every_coin_is_looked_for_before_any_is_judged() {
    let spec = easy();
    let mut coins = coins(&[9]);
    coins.insert(outpoint(1), Coin { coinbase: true, ..coin(9) });
    let error = tx_error(connect_first(first_block(&spec, vec![spend(2, 1)], 0), &spec, &coins));
    assert_eq!(error, Some(TxError::MissingOrSpent { index: 1, outpoint: outpoint(2) }));
}

/// A block's own coinbase is the youngest there is.
#[test]
fn the_blocks_own_coinbase_cannot_be_spent() {
    let spec = easy();
    let empty = first_block(&spec, vec![], 0);
    let spender = spend_of(first_output(&empty.transactions[0]), 1);
    let error = tx_error(connect_first(first_block(&spec, vec![spender], 0), &spec, &Coins::new()));
    assert_eq!(error, Some(TxError::PrematureCoinbaseSpend { index: 0, got: 0, limit: 2 }));
}

#[test]
fn relative_locks_hold_from_bip68_on() {
    for (csv, passes) in [(2, true), (1, false)] {
        let mut spec = easy();
        spec.deployments.csv = Activation::Height(height(csv));
        let locked = vec![TxIn { sequence: Sequence::new(2), ..input(outpoint(1)) }];
        let tx = Transaction::new(2, locked, vec![output(1)], LockTime::ZERO);
        let error = tx_error(connect_first(first_block(&spec, vec![tx], 0), &spec, &coins(&[1])));
        let expected = TxError::SequenceLocked { height: height(1) };
        assert_eq!(error, if passes { None } else { Some(expected) });
    }
}

/// A P2SH coin whose script holds `count` signature checks, and its spender.
fn p2sh_with_sigops(count: usize) -> (Coin, Transaction) {
    let redeem = Script::from_bytes(vec![op::OP_CHECKSIG; count]);
    let output = TxOut { value: sat(9), script_pubkey: Script::p2sh(hash::hash160(redeem.as_bytes())) };
    let script_sig = ScriptBuilder::new().push_slice(redeem.as_bytes()).into_script();
    let spender = tx(vec![TxIn { script_sig, ..input(outpoint(1)) }], vec![crate::support::output(9)]);
    (Coin { output, height: height(0), coinbase: false }, spender)
}

#[test]
fn hidden_signature_operations_count_once_the_coin_is_seen() {
    let mut spec = easy();
    spec.limits.sigop_cost = 40;
    for (count, result) in [(10, Ok(40)), (11, Err(BlockError::Sigops { got: 44, limit: 40 }))] {
        let (coin, spender) = p2sh_with_sigops(count);
        let coins = Coins::from([(outpoint(1), coin)]);
        let connected = connect_first(first_block(&spec, vec![spender], 0), &spec, &coins);
        assert_eq!(connected.map(|connection| connection.sigop_cost()), result);
    }
}

#[test]
fn signature_operations_add_up_over_the_block() {
    let mut spec = easy();
    let (coin, spender) = p2sh_with_sigops(10);
    let coins = Coins::from([(outpoint(1), coin.clone())]);
    // The coinbase's own operation is legacy and counts too.
    let pay_to_key = |spec: &ChainSpec| {
        let forge = Forge::new(Arc::new(spec.clone()));
        let key = Script::p2pk(&[2; 33]);
        forge.draft(forge.genesis()).pay_to(key).add(spender.clone(), sat(0)).seal()
    };
    spec.limits.sigop_cost = 44;
    assert_eq!(connect_first(pay_to_key(&spec), &spec, &coins).unwrap().sigop_cost(), 44);
    spec.limits.sigop_cost = 43;
    let error = connect_first(pay_to_key(&spec), &spec, &coins).unwrap_err();
    assert_eq!(error, BlockError::Sigops { got: 44, limit: 43 });
}

/// Large transactions are cut into tasks of 64 inputs, and every input is in one.
#[test]
fn script_checks_cover_every_input() {
    let spec = easy();
    let values = [1; 200];
    let coins = coins(&values);
    let connection = connect_first(first_block(&spec, vec![spend(200, 200)], 0), &spec, &coins).unwrap();
    let scripts = connection.scripts();
    assert_eq!((scripts.len(), scripts.inputs(), scripts.is_empty()), (4, 200, false));
    assert_eq!(scripts.run_all(), Ok(()));

    // One bad script, wherever it is, is found by exactly one task.
    for bad in [1, 64, 65, 128, 129, 200] {
        let mut coins = coins.clone();
        coins.get_mut(&outpoint(bad)).unwrap().output.script_pubkey = Script::from_bytes(vec![op::OP_0]);
        let connection = connect_first(first_block(&spec, vec![spend(200, 200)], 0), &spec, &coins).unwrap();
        let failed: Vec<_> = (0..4).filter_map(|task| connection.scripts().run(task).err()).collect();
        let input = usize::from(bad) - 1;
        let txid = spend(200, 200).txid();
        assert_eq!(failed, [BlockError::Script { txid, input, error: ScriptError::EvalFalse }]);
    }
}

/// Chains of blocks built by hand, for rules about blocks that repeat a coinbase.
struct Repeats {
    spec: ChainSpec,
    /// Two blocks with the very same coinbase.
    blocks: [Block; 2],
}

impl Repeats {
    /// `at` is the height of the second block, which follows `at - 2` others.
    fn new(mut spec: ChainSpec, at: u32) -> Self {
        spec.deployments.bip34 = Activation::Never;
        let mut forge = Forge::new(Arc::new(spec.clone()));
        let coinbase = |block: Block, script: Script| {
            let (version, mut inputs, outputs, lock) = block.transactions[0].clone().into_parts();
            inputs[0].script_sig = script;
            reseal(Block { transactions: vec![Transaction::new(version, inputs, outputs, lock)], ..block })
        };
        // Its script names the height at which it is to be repeated, as some before BIP34 did.
        let script = || ScriptBuilder::new().push_int(i64::from(at)).push_int(0).into_script();
        let first = coinbase(forge.draft(forge.genesis()).pay_to(anyone()).seal(), script());
        let tip = forge.accept(first.clone()).unwrap();
        let tip = forge.extend(tip, at as usize - 2, &anyone());
        let second = coinbase(forge.draft(tip).pay_to(anyone()).seal(), script());
        assert_eq!(first.transactions, second.transactions);
        let blocks = [first, second];
        Self { spec, blocks }
    }

    /// Whether the second block connects under `spec`, to the chain `between` and the coin of the first.
    fn connects(&self, spec: &ChainSpec, between: &[Block]) -> Result<Connection, BlockError> {
        let mut tree = HeaderTree::new(Arc::new(spec.clone()));
        for block in self.blocks[..1].iter().chain(between) {
            tree.insert(block.header, LATE)?;
        }
        let block: CheckedBlock = check_block(self.blocks[1].clone(), spec)?;
        let id = tree.insert(block.block().header, LATE)?.id;
        let coinbase = &self.blocks[0].transactions[0];
        let made = Coin { output: coinbase.outputs()[0].clone(), height: height(1), coinbase: true };
        connect(&tree, id, Arc::new(block), &Coins::from([(first_output(coinbase), made)]))
    }
}

#[test]
fn excepted_blocks_overwrite_the_coin() {
    let repeats = Repeats::new(easy(), 2);
    let mut spec = repeats.spec.clone();
    let outpoint = first_output(&repeats.blocks[0].transactions[0]);
    let error = BlockError::CoinExists { outpoint };
    assert_eq!(repeats.connects(&spec, &[]).unwrap_err(), error);

    let hash = repeats.blocks[1].hash();
    for (at, block, passes) in [(2, hash, true), (3, hash, false), (2, BlockHash::ZERO, false)] {
        spec.deployments.bip30_exceptions = vec![(height(at), block)];
        let result = repeats.connects(&spec, &[]);
        assert_eq!(result.as_ref().err(), (!passes).then_some(&error));
        if let Ok(connection) = result {
            // The later of the two is the one that stays.
            let (_, coin) = &connection.delta().created[0];
            assert_eq!((coin.height, connection.delta().created.len()), (height(2), 1));
        }
    }
}

#[test]
fn above_the_bip34_block_coins_are_not_looked_for() {
    let repeats = Repeats::new(easy(), 5);
    // The blocks between are rebuilt the same way every time.
    let mut forge = Forge::new(Arc::new(repeats.spec.clone()));
    let first = forge.accept(repeats.blocks[0].clone()).unwrap();
    let tip = forge.extend(first, 3, &anyone());
    let between: Vec<Block> = forge.chain(tip)[1..].iter().map(|&block| block.clone()).collect();
    assert_eq!(repeats.blocks[1].header.prev, between[2].hash());

    let with = |at: u32, hash| {
        let mut spec = repeats.spec.clone();
        spec.deployments.bip34 = Activation::Height(height(at));
        spec.deployments.bip34_hash = Some(hash);
        repeats.connects(&spec, &between).map(|_| ())
    };
    let error = Err(BlockError::CoinExists { outpoint: first_output(&repeats.blocks[0].transactions[0]) });
    assert_eq!(with(4, between[2].hash()), Ok(()), "the parent is the BIP34 block");
    assert_eq!(with(4, between[1].hash()), error, "another block stands at that height");
    assert_eq!(with(5, between[2].hash()), error, "the block itself is not below itself");
    assert_eq!(with(5, repeats.blocks[1].hash()), error);
}
