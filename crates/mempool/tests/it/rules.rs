//! Consensus, locks, fees and scripts.

use std::sync::Arc;

use cairn_consensus::{CoinViewError, HeaderTree, script_flags};
use cairn_mempool::{
    ChainView, Class, MANDATORY_FLAGS, MAX_TX_SIGOP_COST, Mempool, Policy, Rejection, STANDARD_FLAGS,
};
use cairn_params::{Activation, presets};
use cairn_primitives::{
    Amount, BlockTime, Coin, Height, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut,
    Witness, hash,
};
use cairn_script::{ScriptError, ScriptFlags};
use cairn_testkit::{Spend, TestKey};

use crate::support::{
    Draft, NOW, SPACING, START, TestChain, anyone, offer, out, pool, refuse, root, spend, take,
};

#[test]
fn consensus_rules_come_first() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let error = refuse(&mut pool, &chain, &spend(&[root(0), root(0)], 1_000));
    assert_eq!((error.code(), error.class()), ("bad-txns-inputs-duplicate", Class::Invalid));
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], 100_000_001));
    assert_eq!((error.code(), error.class()), ("bad-txns-in-belowout", Class::Invalid));
    let error = refuse(&mut pool, &chain, &spend(&[root(9)], 1_000));
    assert_eq!((error.code(), error.class()), ("bad-txns-inputs-missingorspent", Class::Missing));
}

#[test]
fn a_coinbase_belongs_into_a_block() {
    let (mut pool, chain) = (pool(), TestChain::new(0));
    let mut draft = spend(&[OutPoint::NULL], 1_000);
    draft.inputs[0].script_sig = Script::from_bytes(vec![0x51, 0x51]);
    assert_eq!(refuse(&mut pool, &chain, &draft), Rejection::Coinbase);
}

#[test]
fn a_coinbase_coin_is_spent_for_the_block_in_which_it_is_ripe() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    // The next block is 201: a coin of block 101 is 100 blocks old there, one of block 102 is 99.
    for (index, height) in [(0, 101), (1, 102)] {
        let coin = Coin { output: anyone(100_000), height: Height::new(height), coinbase: true };
        chain.coins.insert(root(index), coin);
    }
    take(&mut pool, &chain, &spend(&[root(0)], 90_000));
    let error = refuse(&mut pool, &chain, &spend(&[root(1)], 90_000));
    assert_eq!(error.code(), "bad-txns-premature-spend-of-coinbase");
    assert_eq!(error.class(), Class::Premature);
}

#[test]
fn an_output_of_a_pool_transaction_that_is_not_there_is_missing() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], 99_000_000));
    let error = refuse(&mut pool, &chain, &spend(&[out(&parent, 1)], 1_000));
    assert_eq!(error.class(), Class::Missing);
}

#[test]
fn a_view_that_fails_says_nothing_about_the_transaction() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    chain.failing = true;
    let error = offer(&mut pool, &chain, &spend(&[root(0)], 90_000_000).build()).result.unwrap_err();
    assert_eq!((error, error.class()), (Rejection::CoinView(CoinViewError::Internal), Class::Unavailable));
}

#[test]
fn lock_times_count_for_the_next_block() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    let locked =
        |coin, lock_time| Draft { lock_time, ..spend(&[root(coin)], 99_000_000).sequence(0xffff_fffe) };
    assert_eq!(refuse(&mut pool, &chain, &locked(0, 201)).code(), "non-final");
    take(&mut pool, &chain, &locked(0, 200));
    let median = START + SPACING * 200;
    assert_eq!(refuse(&mut pool, &chain, &locked(1, median)).class(), Class::Premature);
    take(&mut pool, &chain, &locked(1, median - 1));
}

#[test]
fn relative_locks_count_for_the_next_block() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    // The coins are of block 1, the next is 201.
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], 99_000_000).sequence(201));
    assert_eq!((error.code(), error.class()), ("non-BIP68-final", Class::Premature));
    let parent = take(&mut pool, &chain, &spend(&[root(0)], 99_000_000).sequence(200));
    // 200 blocks of 600 seconds hold 234 units of 512 seconds.
    let by_time = 1 << 22;
    let error = refuse(&mut pool, &chain, &spend(&[root(1)], 99_000_000).sequence(by_time | 235));
    assert_eq!(error, Rejection::NonBip68Final { index: 0 });
    take(&mut pool, &chain, &spend(&[root(1)], 99_000_000).sequence(by_time | 234));
    // A coin of the pool is as old as the next block: no age but zero will do.
    let child = spend(&[out(&parent, 0)], 98_000_000);
    assert_eq!(refuse(&mut pool, &chain, &child.clone().sequence(1)).code(), "non-BIP68-final");
    assert_eq!(refuse(&mut pool, &chain, &child.clone().sequence(by_time | 1)).code(), "non-BIP68-final");
    take(&mut pool, &chain, &child.sequence(0));
}

#[test]
fn the_minimum_relay_fee_is_met_or_not() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let vsize = spend(&[root(0)], 1).build().vsize();
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], 100_000_000 - vsize + 1));
    let (got, limit) = (Amount::from_sat(vsize - 1), Amount::from_sat(vsize));
    assert_eq!((error, error.code()), (Rejection::MinRelayFee { got, limit }, "min relay fee not met"));
    take(&mut pool, &chain, &spend(&[root(0)], 100_000_000 - vsize));
}

#[test]
fn what_is_here_is_not_taken_again() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey: p2wsh_true() });
    let draft = with_witness(spend(&[root(0)], 90_000), vec![vec![0x51]]);
    take(&mut pool, &chain, &draft);
    assert_eq!(refuse(&mut pool, &chain, &draft).code(), "txn-already-in-mempool");
    let other = with_witness(draft, vec![vec![1], vec![0x51]]);
    assert_eq!(refuse(&mut pool, &chain, &other).code(), "txn-same-nonwitness-data-in-mempool");
}

fn p2wsh_true() -> Script {
    Script::p2wsh(hash::sha256(&[0x51]))
}

fn with_witness(mut draft: Draft, items: Vec<Vec<u8>>) -> Draft {
    draft.inputs[0].script_sig = Script::new();
    draft.inputs[0].witness = Witness::new(items);
    draft
}

#[test]
fn a_chain_without_witnesses_takes_none() {
    let mut spec = presets::regtest();
    spec.deployments.segwit = Activation::Height(Height::new(202));
    let mut pool = Mempool::new(spec.into(), Policy::default());
    let mut chain = TestChain::new(0);
    chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey: p2wsh_true() });
    let draft = with_witness(spend(&[root(0)], 90_000), vec![vec![0x51]]);
    assert_eq!(refuse(&mut pool, &chain, &draft), Rejection::NoWitnessYet);
    chain.connect(Vec::new());
    take(&mut pool, &chain, &draft);
}

/// A branch that says itself which rules its next block has.
struct Branch<'a>(&'a TestChain, ScriptFlags);

impl ChainView for Branch<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        self.0.coin(outpoint)
    }

    fn tip_height(&self) -> Height {
        self.0.tip_height()
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        self.0.median_time_past(height)
    }

    fn next_script_flags(&self) -> Option<ScriptFlags> {
        Some(self.1)
    }
}

#[test]
fn a_branch_on_which_segwit_is_not_active_takes_no_witness() {
    let mut pool = Mempool::new(presets::regtest().into(), Policy::default());
    let mut chain = TestChain::new(0);
    chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey: p2wsh_true() });
    let tx = Arc::new(with_witness(spend(&[root(0)], 90_000), vec![vec![0x51]]).build());
    let without = pool.accept(Arc::clone(&tx), NOW, &Branch(&chain, ScriptFlags::P2SH)).result;
    assert_eq!(without, Err(Rejection::NoWitnessYet));
    let with = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::NULLDUMMY;
    assert!(pool.accept(tx, NOW, &Branch(&chain, with)).result.is_ok());
}

#[test]
fn a_witness_left_out_is_not_held_against_the_transaction() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey: p2wsh_true() });
    let mut draft = spend(&[root(0)], 90_000);
    draft.inputs[0].script_sig = Script::new();
    let error = refuse(&mut pool, &chain, &draft);
    assert!(matches!(error, Rejection::Script { witness_stripped: true, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Mutated);
}

/// A spend of a P2SH coin behind which stands `redeem_script`.
fn p2sh(chain: &mut TestChain, redeem_script: &[u8], before: ScriptBuilder) -> Draft {
    let script_pubkey = Script::p2sh(hash::hash160(redeem_script));
    chain.add(root(0), TxOut { value: Amount::from_sat(1_000_000), script_pubkey });
    let mut draft = spend(&[root(0)], 900_000);
    draft.inputs[0].script_sig = before.push_slice(redeem_script).into_script();
    draft
}

#[test]
fn scripts_are_run_and_policy_failures_told_from_consensus_failures() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    // OP_RETURN fails in a block too; OP_NOP10 and a second item on the stack do not.
    let failing = p2sh(&mut chain, &[0x6a], ScriptBuilder::new());
    let error = refuse(&mut pool, &chain, &failing);
    assert_eq!((error.code(), error.class()), ("mandatory-script-verify-flag-failed", Class::Invalid));
    let nop = p2sh(&mut chain, &[0xb9, 0x51], ScriptBuilder::new());
    let error = refuse(&mut pool, &chain, &nop);
    assert!(matches!(error, Rejection::Script { error: ScriptError::DiscourageUpgradableNops, .. }));
    assert_eq!((error.code(), error.class()), ("non-mandatory-script-verify-flag", Class::Nonstandard));
    let unclean = p2sh(&mut chain, &[0x51], ScriptBuilder::new().push_int(1));
    assert!(matches!(
        refuse(&mut pool, &chain, &unclean),
        Rejection::Script { error: ScriptError::CleanStack { got: 2 }, mandatory: false, .. }
    ));
}

#[test]
fn a_signature_is_checked() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    let (key, other) = (TestKey::new(1), TestKey::new(2));
    let output = TxOut { value: Amount::from_sat(100_000), script_pubkey: key.p2pkh() };
    chain.add(root(0), output);
    let spend =
        Spend::new().from(root(0), chain.coins[&root(0)].clone()).to(Amount::from_sat(90_000), other.p2pkh());
    assert!(offer(&mut pool, &chain, &spend.sign(&other)).result.is_err());
    let good = spend.sign(&key);
    assert_eq!(offer(&mut pool, &chain, &good).result.unwrap().fee, Amount::from_sat(10_000));
}

#[test]
fn standard_rules_hold_all_that_blocks_enforce() {
    assert!(STANDARD_FLAGS.contains(MANDATORY_FLAGS));
    assert!(STANDARD_FLAGS != MANDATORY_FLAGS);
    assert!(!STANDARD_FLAGS.contains(ScriptFlags::SIGPUSHONLY), "checked as a form instead");
    // What a chain with every fork enforces in a block.
    let tree = HeaderTree::new(presets::regtest().into());
    assert!(STANDARD_FLAGS.contains(script_flags(&tree, tree.genesis())));
}

#[test]
fn signature_operations_have_a_limit() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    // Each bare 1-of-1 output counts 20 operations at a cost of 4: 200 make exactly 16,000.
    let script = Script::multisig(1, &[TestKey::new(1).public()]);
    let outputs = |count: u64| {
        let mut draft = spend(&[root(0)], 1_000);
        let output = TxOut { value: Amount::from_sat(1_000), script_pubkey: script.clone() };
        draft.outputs = vec![output; usize::try_from(count).unwrap()];
        draft
    };
    let error = refuse(&mut pool, &chain, &outputs(201));
    assert_eq!(error, Rejection::Sigops { got: 16_080, limit: MAX_TX_SIGOP_COST });
    assert_eq!(error.code(), "bad-txns-too-many-sigops");
    let tx = take(&mut pool, &chain, &outputs(200));
    // 20 virtual bytes for every four units of cost are more than the transaction has.
    assert_eq!(pool.get(&tx.txid()).unwrap().vsize(), 16_000 * 20 / 4);
}

#[test]
fn inputs_of_unknown_meaning_are_not_standard_to_spend() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    let unknown = Script::from_bytes([&[0x52, 32], [7; 32].as_slice()].concat());
    for script_pubkey in [unknown, Script::from_bytes(vec![0x51])] {
        chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey });
        let mut draft = spend(&[root(0)], 90_000);
        draft.inputs[0].script_sig = Script::new();
        let error = refuse(&mut pool, &chain, &draft);
        assert_eq!(error, Rejection::NonstandardInput { index: 0 });
        assert_eq!(error.code(), "bad-txns-nonstandard-inputs");
    }
}

#[test]
fn a_p2sh_script_has_at_most_15_signature_operations() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    // The operations stand in a branch that is not taken: OP_1 OP_0 OP_IF ... OP_ENDIF.
    let script =
        |operations: usize| [&[0x51, 0x00, 0x63], vec![0xac; operations].as_slice(), &[0x68]].concat();
    let past = p2sh(&mut chain, &script(16), ScriptBuilder::new());
    assert_eq!(refuse(&mut pool, &chain, &past).code(), "bad-txns-nonstandard-inputs");
    let at = p2sh(&mut chain, &script(15), ScriptBuilder::new());
    take(&mut pool, &chain, &at);
}

/// A spend of a P2WSH coin with `items` before the script.
fn p2wsh(script: Vec<u8>, items: Vec<Vec<u8>>) -> (TestChain, Transaction) {
    let mut chain = TestChain::new(0);
    let script_pubkey = Script::p2wsh(hash::sha256(&script));
    chain.add(root(0), TxOut { value: Amount::from_sat(1_000_000), script_pubkey });
    let witness = items.into_iter().chain([script]).collect();
    (chain, with_witness(spend(&[root(0)], 900_000), witness).build())
}

fn verdict((chain, tx): (TestChain, Transaction)) -> Result<(), &'static str> {
    let mut pool = pool();
    pool.accept(tx.into(), NOW, &chain).result.map(|_| ()).map_err(|error| error.code())
}

#[test]
fn witnesses_of_version_0_have_limits() {
    let refused = Err("bad-witness-nonstandard");
    // OP_DROP for each item, then OP_1, padded with OP_NOP (at most 201 count).
    let drops = |count: usize| [vec![0x75; count], vec![0x51]].concat();
    assert_eq!(verdict(p2wsh(drops(1), vec![vec![1; 80]])), Ok(()));
    assert_eq!(verdict(p2wsh(drops(1), vec![vec![1; 81]])), refused);
    assert_eq!(verdict(p2wsh(drops(100), vec![vec![1]; 100])), Ok(()));
    assert_eq!(verdict(p2wsh(drops(101), vec![vec![1]; 101])), refused);
    // Pushes of 75 bytes, each dropped: 77 bytes a time.
    let long = |size: usize| {
        let block = [vec![75], vec![7; 75], vec![0x75]].concat();
        let full = block.repeat(size / 77 - 1);
        let rest = size - full.len() - 1;
        let tail =
            [vec![0x4c, u8::try_from(rest - 3).unwrap()], vec![7; rest - 3], vec![0x75, 0x51]].concat();
        [full, tail].concat()
    };
    assert_eq!((long(3_600).len(), long(3_601).len()), (3_600, 3_601));
    assert_eq!(verdict(p2wsh(long(3_600), vec![])), Ok(()));
    assert_eq!(verdict(p2wsh(long(3_601), vec![])), refused);
}

#[test]
fn an_annex_and_large_tapscript_items_are_not_standard() {
    let mut chain = TestChain::new(0);
    chain.add(root(0), TxOut { value: Amount::from_sat(100_000), script_pubkey: Script::p2tr([2; 32]) });
    let with = |items: Vec<Vec<u8>>| {
        let draft = with_witness(spend(&[root(0)], 90_000), items);
        refuse(&mut pool(), &chain, &draft).code()
    };
    assert_eq!(with(vec![vec![1; 64], vec![0x50]]), "bad-witness-nonstandard");
    assert_eq!(with(vec![vec![1; 81], vec![0x51], vec![0xc0; 33]]), "bad-witness-nonstandard");
    assert_eq!(with(vec![vec![0x51], vec![]]), "bad-witness-nonstandard");
    // At the limits the scripts are what fails.
    assert_eq!(with(vec![vec![1; 64], vec![0x51]]), "mandatory-script-verify-flag-failed");
    assert_eq!(with(vec![vec![1; 80], vec![0x51], vec![0xc0; 33]]), "mandatory-script-verify-flag-failed");
}

#[test]
fn a_witness_that_cannot_be_used_is_not_standard() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let mut draft = spend(&[root(0)], 90_000_000);
    draft.inputs[0].witness = Witness::new(vec![vec![1]]);
    let error = refuse(&mut pool, &chain, &draft);
    assert_eq!((error, error.class()), (Rejection::NonstandardWitness { index: 0 }, Class::Mutated));
}

#[test]
fn an_anchor_is_spent_without_a_witness() {
    let (mut pool, mut chain) = (pool(), TestChain::new(1));
    let anchor = Script::from_bytes(vec![0x51, 0x02, 0x4e, 0x73]);
    chain.add(root(1), TxOut { value: Amount::from_sat(1_000), script_pubkey: anchor });
    let mut draft = spend(&[root(0)], 99_990_000);
    draft.inputs.push(TxIn {
        previous: root(1),
        script_sig: Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::new(vec![vec![1]]),
    });
    assert_eq!(refuse(&mut pool, &chain, &draft), Rejection::NonstandardWitness { index: 1 });
    draft.inputs[1].witness = Witness::default();
    take(&mut pool, &chain, &draft);
}
