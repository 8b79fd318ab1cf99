//! Each rule of a block that needs no coin, at its limit and past it.

use std::sync::Arc;

use cairn_consensus::{
    BlockError, COMMITMENT_PREFIX, CheckedBlock, HeaderError, TxError, Verdict, check_block, check_context,
    witness_commitment,
};
use cairn_params::{Activation, ChainSpec, presets};
use cairn_primitives::{
    Block, Encode, LockTime, MerkleRoot, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut,
    Witness, op,
};
use cairn_testkit::{Forge, reseal};

use crate::support::{LATE, Side, anyone, bits, easy, height, input, outpoint, output, rules, sat, tx};
use crate::{connect_rules, signet};

rules! { BlockError:
    Header "high-hash" Invalid header;
    MerkleRoot "bad-txnmrklroot" Mutated merkle_root;
    DuplicateTail "bad-txns-duplicate" Mutated duplicate_tail;
    Length "bad-blk-length" Invalid length;
    TxCount "bad-blk-txcount" Invalid tx_count;
    CoinbaseMissing "bad-cb-missing" Invalid coinbase_missing;
    MerkleNodes "bad-cb-missing" Mutated merkle_nodes;
    CoinbaseMultiple "bad-cb-multiple" Invalid coinbase_multiple;
    Tx "bad-txns-vout-empty" Invalid transaction;
    Sigops "bad-blk-sigops" Invalid sigops;
    Signet "bad-signet-blksig" Invalid signed;
    CoinbaseHeight "bad-cb-height" Invalid coinbase_height;
    WitnessNonceSize "bad-witness-nonce-size" Mutated witness_nonce_size;
    WitnessCommitment "bad-witness-merkle-match" Mutated commitment;
    UnexpectedWitness "unexpected-witness" Mutated unexpected_witness;
    Weight "bad-blk-weight" Invalid weight;
    CoinExists "bad-txns-BIP30" Invalid coin_exists;
    FeesOutOfRange "bad-txns-accumulated-fee-outofrange" Invalid fees_out_of_range;
    CoinbaseValue "bad-cb-amount" Invalid coinbase_value;
    Script "mandatory-script-verify-flag-failed" Invalid script;
    CoinView "coin-view-failed" Unavailable coin_view;
    WrongBlock "wrong-block" Internal wrong_block;
}

use connect_rules::{coin_exists, coin_view, coinbase_value, fees_out_of_range, script, wrong_block};
use signet::signed;

pub(crate) type Outcome = Result<(), BlockError>;

/// A valid block of height 1 with these transactions after its coinbase. Their coins need not exist.
pub(crate) fn first_block(spec: &ChainSpec, transactions: Vec<Transaction>) -> Block {
    let forge = Forge::new(Arc::new(spec.clone()));
    let draft = forge.draft(forge.genesis()).pay_to(anyone());
    transactions.into_iter().fold(draft, |draft, tx| draft.add(tx, sat(0))).seal()
}

/// A transaction that spends a made-up coin which belongs to `n`.
pub(crate) fn spender(n: u8) -> Transaction {
    tx(vec![input(outpoint(n))], vec![output(1)])
}

fn check(block: Block, spec: &ChainSpec) -> Outcome {
    check_block(block, spec).map(|_| ())
}

/// Checks a block of height 1 in itself and at its place.
pub(crate) fn check_in_place(block: Block, spec: &ChainSpec) -> Outcome {
    let mut tree = cairn_consensus::HeaderTree::new(Arc::new(spec.clone()));
    let checked: CheckedBlock = check_block(block, spec)?;
    let id = tree.insert(checked.block().header, LATE)?.id;
    check_context(&tree, id, &checked)
}

fn header(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![]);
    let target = block.header.bits.to_target().unwrap();
    while target.is_met_by(block.hash()) != (side == Side::At) {
        block.header.nonce += 1;
    }
    let result = check(block, &spec);
    assert!(matches!(result, Ok(()) | Err(BlockError::Header(HeaderError::HighHash { .. }))));
    result
}

fn merkle_root(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(1)]);
    block.transactions[1] = spender(side.pick(1, 2));
    check(block, &spec)
}

fn duplicate_tail(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(1), spender(2)]);
    if side == Side::Past {
        block.transactions.push(spender(2));
        assert_eq!(block.merkle_root(), block.header.merkle_root, "the same root");
    }
    check(block, &spec)
}

/// Wherever two equal nodes stand side by side, the list is suspect.
#[test]
fn longer_repeated_tails_are_seen() {
    let spec = easy();
    let block = first_block(&spec, (1..=5).map(spender).collect());
    let mut longer = block.clone();
    longer.transactions.extend_from_slice(&block.transactions[4..6]);
    assert_eq!(longer.merkle_root(), block.header.merkle_root);
    assert_eq!(check(longer, &spec), Err(BlockError::DuplicateTail));
}

/// Pads the block's second transaction so that the block is `size` bytes long without witnesses.
fn padded(spec: &ChainSpec, size: usize) -> Block {
    let with = |padding: usize| {
        let script_pubkey = Script::from_bytes(vec![op::OP_RETURN; padding]);
        first_block(spec, vec![tx(vec![input(outpoint(1))], vec![TxOut { value: sat(0), script_pubkey }])])
    };
    let block = with(size - with(300).base_size() + 300);
    assert_eq!(block.base_size(), size);
    block
}

fn length(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.block_weight = 4_000;
    check(padded(&spec, side.pick(1_000, 1_001)), &spec)
}

#[test]
fn a_block_without_transactions_has_no_length() {
    let spec = easy();
    let mut block = first_block(&spec, vec![]);
    block.transactions.clear();
    block.header.merkle_root = MerkleRoot::ZERO;
    let block = reseal(block);
    let error = check(block, &spec).unwrap_err();
    assert_eq!(error, BlockError::Length { txs: 0, base_size: 81, limit: 4_000_000 });
}

fn tx_count(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.block_txs = Some(side.pick(3, 2));
    check(first_block(&spec, vec![spender(1), spender(2)]), &spec)
}

/// Without its coinbase, but for the side at the limit.
fn coinbase_missing(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(1)]);
    if side == Side::Past {
        block.transactions.remove(0);
    }
    check(reseal(block), &spec)
}

/// A transaction of 64 bytes: two nodes of the merkle tree might look like it.
fn of_64_bytes() -> Transaction {
    let script_pubkey = Script::from_bytes(vec![op::OP_1; 4]);
    let tx = tx(vec![input(outpoint(1))], vec![TxOut { value: sat(1), script_pubkey }]);
    assert_eq!(tx.base_size(), 64);
    tx
}

/// Such a transaction is fine behind a coinbase.
fn merkle_nodes(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(2), of_64_bytes()]);
    if side == Side::Past {
        block.transactions.remove(0);
    }
    let result = check(reseal(block), &spec);
    assert!(matches!(result, Ok(()) | Err(BlockError::MerkleNodes { index: 1 })));
    result
}

fn coinbase_multiple(side: Side) -> Outcome {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(1), spender(2)]);
    if side == Side::Past {
        let script_sig = Script::from_bytes(vec![1, 2, 3]);
        block.transactions[2] = tx(vec![TxIn { script_sig, ..input(OutPoint::NULL) }], vec![output(0)]);
    }
    let result = check(reseal(block), &spec);
    assert!(matches!(result, Ok(()) | Err(BlockError::CoinbaseMultiple { index: 2 })));
    result
}

fn transaction(side: Side) -> Outcome {
    let spec = easy();
    let outputs = side.pick(vec![output(1)], vec![]);
    check(first_block(&spec, vec![tx(vec![input(outpoint(1))], outputs)]), &spec)
}

/// What is premature for a transaction alone is invalid in a block.
#[test]
fn every_rule_of_a_transaction_makes_its_block_invalid() {
    let error = TxError::NonFinal { lock_time: LockTime::new(1), height: height(1) };
    assert_eq!(error.verdict(), Verdict::Premature);
    let error = BlockError::Tx { txid: spender(1).txid(), error };
    assert_eq!((error.verdict(), error.code()), (Verdict::Invalid, "bad-txns-nonfinal"));
}

/// Twenty operations of cost 4 for each `OP_CHECKMULTISIG`, whatever stands before it.
fn sigops(side: Side) -> Outcome {
    let mut spec = easy();
    spec.limits.sigop_cost = 4 * 41;
    let ops = [op::OP_2, op::OP_CHECKMULTISIG, op::OP_CHECKMULTISIG, op::OP_CHECKSIG];
    let mut tx = spender(1);
    let script_pubkey = Script::from_bytes(ops.to_vec());
    let extra = side.pick(vec![], vec![TxOut { value: sat(0), script_pubkey: Script::p2pk(&[2; 33]) }]);
    let outputs = [vec![TxOut { value: sat(0), script_pubkey }], extra].concat();
    tx = Transaction::new(2, tx.inputs().to_vec(), outputs, LockTime::ZERO);
    check(first_block(&spec, vec![tx]), &spec)
}

#[test]
fn the_genesis_of_every_preset_passes() {
    for name in presets::NAMES {
        let spec = ChainSpec::preset(name).unwrap();
        assert_eq!(check(spec.genesis_block(), &spec), Ok(()), "{name}");
    }
}

/// The block with another script in its coinbase's input.
fn with_coinbase_script(mut block: Block, script: Script) -> Block {
    let (version, mut inputs, outputs, lock_time) = block.transactions.remove(0).into_parts();
    inputs[0].script_sig = script;
    block.transactions.insert(0, Transaction::new(version, inputs, outputs, lock_time));
    reseal(block)
}

fn coinbase_height(side: Side) -> Outcome {
    let spec = easy();
    let script = ScriptBuilder::new().push_int(side.pick(1, 2)).push_opcode(op::OP_NOP).into_script();
    check_in_place(with_coinbase_script(first_block(&spec, vec![]), script), &spec)
}

#[test]
fn the_height_is_pushed_in_its_shortest_form() {
    let spec = easy();
    let try_script = |bytes: &[u8]| {
        let script = Script::from_bytes(bytes.to_vec());
        check_in_place(with_coinbase_script(first_block(&spec, vec![]), script), &spec)
    };
    assert_eq!(try_script(&[op::OP_1, 0xff]), Ok(()), "what follows need not even decode");
    let error = Err(BlockError::CoinbaseHeight { expected: height(1) });
    assert_eq!(try_script(&[1, 1]), error);
    assert_eq!(try_script(&[2, 1, 0]), error);
    assert_eq!(try_script(&[op::OP_0, op::OP_1]), error);
}

#[test]
fn the_height_is_asked_for_from_bip34_on() {
    for (from, passes) in [(1, false), (2, true)] {
        let mut spec = easy();
        spec.deployments.bip34 = Activation::Height(height(from));
        let script = Script::from_bytes(vec![op::OP_16; 2]);
        let result = check_in_place(with_coinbase_script(first_block(&spec, vec![]), script), &spec);
        assert_eq!(result.is_ok(), passes, "BIP34 from {from}");
    }
}

/// A transaction with a witness, for a coin that is not looked at.
fn witnessed(item: usize) -> Transaction {
    let witness = Witness::new(vec![vec![7; item]]);
    tx(vec![TxIn { witness, ..input(outpoint(1)) }], vec![output(1)])
}

/// Replaces coinbase witness and the outputs after the first.
pub(crate) fn with_coinbase(mut block: Block, witness: Vec<Vec<u8>>, more_outputs: Vec<TxOut>) -> Block {
    let (version, mut inputs, mut outputs, lock_time) = block.transactions.remove(0).into_parts();
    inputs[0].witness = Witness::new(witness);
    outputs.truncate(1);
    outputs.extend(more_outputs);
    block.transactions.insert(0, Transaction::new(version, inputs, outputs, lock_time));
    reseal(block)
}

pub(crate) fn commitment_to(block: &Block, nonce: [u8; 32]) -> TxOut {
    let commitment = witness_commitment(&block.witness_merkle_root(), &nonce);
    let script = [COMMITMENT_PREFIX.as_slice(), commitment.as_bytes()].concat();
    TxOut { value: sat(0), script_pubkey: Script::from_bytes(script) }
}

fn witness_nonce_size(side: Side) -> Outcome {
    let spec = easy();
    let block = first_block(&spec, vec![witnessed(5)]);
    let outputs = vec![commitment_to(&block, [0; 32])];
    check_in_place(with_coinbase(block, vec![vec![0; side.pick(32, 33)]], outputs), &spec)
}

#[test]
fn the_coinbase_witness_is_one_item_of_32_bytes() {
    let spec = easy();
    let block = first_block(&spec, vec![witnessed(5)]);
    let outputs = vec![commitment_to(&block, [0; 32])];
    for witness in [vec![], vec![vec![0; 31]], vec![vec![0; 32], vec![]], vec![vec![]]] {
        let block = with_coinbase(block.clone(), witness, outputs.clone());
        assert_eq!(check_in_place(block, &spec), Err(BlockError::WitnessNonceSize));
    }
}

fn commitment(side: Side) -> Outcome {
    let spec = easy();
    let block = first_block(&spec, vec![witnessed(5)]);
    let outputs = vec![commitment_to(&block, [side.pick(9, 8); 32])];
    check_in_place(with_coinbase(block, vec![vec![9; 32]], outputs), &spec)
}

/// Of several commitments the last counts, and it may be longer than 38 bytes.
#[test]
fn the_last_commitment_counts() {
    let spec = easy();
    let block = first_block(&spec, vec![witnessed(5)]);
    let good = commitment_to(&block, [0; 32]);
    let bad = commitment_to(&block, [1; 32]);
    let long = TxOut {
        script_pubkey: Script::from_bytes([good.script_pubkey.as_bytes(), &[1, 2]].concat()),
        ..good.clone()
    };
    let short = TxOut {
        script_pubkey: Script::from_bytes(bad.script_pubkey.as_bytes()[..37].to_vec()),
        ..bad.clone()
    };
    let with = |outputs| check_in_place(with_coinbase(block.clone(), vec![vec![0; 32]], outputs), &spec);
    assert_eq!(with(vec![bad.clone(), good.clone()]), Ok(()));
    assert_eq!(with(vec![bad.clone(), long]), Ok(()));
    assert_eq!(with(vec![good.clone(), short]), Ok(()), "37 bytes are no commitment");
    assert!(matches!(with(vec![good, bad]), Err(BlockError::WitnessCommitment { .. })));
}

/// Without segwit a commitment is any output, and a witness is one too many.
fn unexpected_witness(side: Side) -> Outcome {
    let mut spec = easy();
    spec.deployments.segwit = Activation::Height(height(side.pick(1, 2)));
    let block = first_block(&easy(), vec![spender(2), witnessed(5)]);
    let outputs = vec![commitment_to(&block, [0; 32])];
    check_in_place(with_coinbase(block, vec![vec![0; 32]], outputs), &spec)
}

#[test]
fn a_witness_without_commitment_is_unexpected() {
    let spec = easy();
    let block = with_coinbase(first_block(&spec, vec![spender(2), witnessed(5)]), vec![], vec![]);
    assert_eq!(check_in_place(block, &spec), Err(BlockError::UnexpectedWitness { index: 2 }));
    // The coinbase may carry none either.
    let block = with_coinbase(first_block(&spec, vec![]), vec![vec![0; 32]], vec![]);
    assert_eq!(check_in_place(block, &spec), Err(BlockError::UnexpectedWitness { index: 0 }));
    // And no commitment is needed where there is no witness.
    assert_eq!(check_in_place(first_block(&spec, vec![spender(2)]), &spec), Ok(()));
}

/// Exactly Bitcoin's four million, then one byte of witness more.
fn weight(side: Side) -> Outcome {
    let spec = easy();
    let weight = |item| first_block(&spec, vec![witnessed(item)]).weight().to_u64();
    let base = weight(1_000_000) - 1_000_000;
    let item = (4_000_000 - base) as usize + side.pick(0, 1);
    let block = first_block(&spec, vec![witnessed(item)]);
    assert_eq!(block.weight().to_u64(), side.pick(4_000_000, 4_000_001));
    check_in_place(block, &spec)
}

#[test]
fn lock_times_are_checked_at_the_blocks_place() {
    for (csv, lock, passes) in [
        // BIP113: against the median time past of genesis; before it against the block's own time.
        (Activation::Always, 1_296_688_601, true),
        (Activation::Always, 1_296_688_602, false),
        (Activation::Never, 1_296_688_602 + 599, true),
        (Activation::Never, 1_296_688_602 + 600, false),
        // Height 1.
        (Activation::Always, 0, true),
        (Activation::Always, 1, false),
    ] {
        let mut spec = easy();
        spec.deployments.csv = csv;
        let inputs = vec![TxIn { sequence: Sequence::new(0), ..input(outpoint(1)) }];
        let tx = Transaction::new(1, inputs, vec![output(1)], LockTime::new(lock));
        let result = check_in_place(first_block(&spec, vec![tx.clone()]), &spec);
        let error = TxError::NonFinal { lock_time: LockTime::new(lock), height: height(1) };
        let expected = if passes { Ok(()) } else { Err(BlockError::Tx { txid: tx.txid(), error }) };
        assert_eq!(result, expected, "lock time {lock} with {csv:?}");
    }
}

/// Broken rules in Core's order: what could be damage in transit comes before what marks the block.
#[test]
fn the_first_broken_rule_is_reported() {
    let spec = easy();
    let mut block = first_block(&spec, vec![spender(1), spender(1)]);
    block.transactions.remove(0);
    // Wrong root, repeated tail, no coinbase: one after the other is mended.
    assert!(matches!(check(block.clone(), &spec), Err(BlockError::MerkleRoot { .. })));
    block = reseal(block);
    assert_eq!(check(block.clone(), &spec), Err(BlockError::DuplicateTail));
    block.transactions.remove(0);
    block = reseal(block);
    assert_eq!(check(block.clone(), &spec), Err(BlockError::CoinbaseMissing));
    block.header.bits = bits(0);
    let error = check(block, &spec).unwrap_err();
    assert!(matches!(error, BlockError::Header(HeaderError::TargetOutOfRange { .. })));
}

/// Lock times before the height, the height before the witnesses, the witnesses before the weight.
#[test]
fn rules_of_the_place_come_in_cores_order() {
    let spec = easy();
    let inputs =
        vec![TxIn { sequence: Sequence::new(0), witness: Witness::new(vec![vec![1]]), ..input(outpoint(1)) }];
    let locked = Transaction::new(1, inputs.clone(), vec![output(1)], LockTime::new(9));
    let block = with_coinbase_script(first_block(&spec, vec![locked]), Script::from_bytes(vec![0; 2]));
    let block = with_coinbase(block, vec![], vec![]);
    assert_eq!(check_in_place(block.clone(), &spec).unwrap_err().code(), "bad-txns-nonfinal");
    let mut block = block;
    block.transactions[1] = Transaction::new(1, inputs, vec![output(1)], LockTime::ZERO);
    let block = reseal(block);
    assert_eq!(check_in_place(block.clone(), &spec).unwrap_err().code(), "bad-cb-height");
    let block = with_coinbase_script(block, Script::from_bytes(vec![op::OP_1; 2]));
    assert_eq!(check_in_place(block, &spec).unwrap_err().code(), "unexpected-witness");
}

#[test]
fn a_checked_block_gives_back_what_it_was_made_of() {
    let spec = easy();
    let block = first_block(&spec, vec![spender(1)]);
    let checked = check_block(block.clone(), &spec).unwrap();
    assert_eq!((checked.hash(), checked.block()), (block.hash(), &block));
    assert_eq!(checked.into_block().to_bytes(), block.to_bytes());
}
