//! Templates: what goes in, what stays out, and whether the result is a block.

use std::sync::Arc;

use cairn_consensus::{COMMITMENT_PREFIX, NextBlock, legacy_sigops};
use cairn_miner::kernel::best;
use cairn_miner::{BlockTemplate, Candidate, Job, TemplateError, TemplateParts, solve};
use cairn_params::{Activation, ChainSpec, presets};
use cairn_primitives::{
    Amount, Block, BlockTime, CompactTarget, Decode, Height, LockTime, OutPoint, Script, Sequence,
    Transaction, TxIn, TxOut, Txid, Witness, hash, op,
};
use cairn_testkit::{Forge, Spend, TestKey};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

use crate::support::{NOW, candidate, data, elsewhere, payout, place, spend, spend_with, unrelated};

fn template(spec: &ChainSpec, candidates: &[Candidate]) -> BlockTemplate {
    BlockTemplate::new(spec, &place(spec), &payout(), candidates).unwrap()
}

fn block(template: &BlockTemplate) -> Block {
    template.block(template.header(7, NOW), 7)
}

fn chosen(template: &BlockTemplate) -> Vec<Txid> {
    template.transactions().iter().map(|candidate| candidate.tx.txid()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_template_measures_and_hashes_as_its_block(count in 0_u64..600, extranonce: u64, segwit: bool) {
        let mut spec = presets::regtest();
        if !segwit {
            spec.deployments.segwit = Activation::Never;
        }
        let template = template(&spec, &unrelated(count));
        let header = template.header(extranonce, NOW);
        let block = template.block(header, extranonce);
        prop_assert_eq!(block.transactions.len() as u64, count + 1);
        prop_assert_eq!(block.merkle_root(), header.merkle_root);
        prop_assert_eq!(block.weight().to_u64(), template.weight());
        prop_assert_eq!(block.transactions[0].outputs()[0].value, template.coinbase_value());
        let subsidy = place(&spec).subsidy.to_sat();
        prop_assert_eq!(template.coinbase_value().to_sat(), subsidy + count);
    }
}

#[test]
fn weight_is_filled_to_the_limit_and_not_past_it() {
    // 252 transactions and the coinbase make the count three bytes long; the last candidate brings that about.
    let candidates = unrelated(252);
    let mut spec = presets::regtest();
    let full = block(&template(&spec, &candidates)).weight().to_u64();
    let one_less = block(&template(&spec, &candidates[..251])).weight().to_u64();
    assert_eq!(full - one_less, candidates[251].tx.weight().to_u64() + 4 * 2);

    spec.limits.block_weight = full;
    assert_eq!(chosen(&template(&spec, &candidates)).len(), 252);
    spec.limits.block_weight = full - 1;
    let short = template(&spec, &candidates);
    assert_eq!((chosen(&short).len(), short.weight()), (251, one_less));
}

#[test]
fn a_smaller_transaction_takes_the_room_a_larger_one_cannot() {
    let mut spec = presets::regtest();
    let large = candidate(spend(&[elsewhere(1)], 1, 5000), 90);
    let small = candidate(spend(&[elsewhere(2)], 2, 10), 1);
    spec.limits.block_weight = block(&template(&spec, &[])).weight().to_u64() + 1000;
    let template = template(&spec, &[large, small.clone()]);
    assert_eq!(chosen(&template), [small.tx.txid()]);
    assert_eq!(template.coinbase_value().to_sat(), place(&spec).subsidy.to_sat() + 1);
}

#[test]
fn a_block_of_the_coinbase_alone_must_fit() {
    let mut spec = presets::regtest();
    let alone = block(&template(&spec, &[])).weight().to_u64();
    spec.limits.block_weight = alone;
    assert_eq!(template(&spec, &unrelated(1)).weight(), alone);
    spec.limits.block_weight = alone - 1;
    let refused = BlockTemplate::new(&spec, &place(&spec), &payout(), &[]);
    assert_eq!(refused, Err(TemplateError::Weight { got: alone, limit: alone - 1 }));
}

#[test]
fn sigops_are_filled_to_the_limit_and_not_past_it() {
    let mut spec = presets::regtest();
    let costly = |cost| Candidate { sigop_cost: cost, ..unrelated(1).remove(0) };
    // A payout with two checks costs the coinbase eight.
    let payout = Script::from_bytes(vec![op::OP_CHECKSIG, op::OP_CHECKSIGVERIFY]);
    let make = |spec: &ChainSpec, cost| BlockTemplate::new(spec, &place(spec), &payout, &[costly(cost)]);
    spec.limits.sigop_cost = 100;
    let full = make(&spec, 92).unwrap();
    assert_eq!((chosen(&full).len(), full.sigop_cost()), (1, 100));
    assert_eq!(4 * legacy_sigops(&full.coinbase(3)), 8);
    let past = make(&spec, 93).unwrap();
    assert_eq!((chosen(&past).len(), past.sigop_cost()), (0, 8));

    spec.limits.sigop_cost = 8;
    assert!(make(&spec, 0).is_ok());
    spec.limits.sigop_cost = 7;
    assert_eq!(make(&spec, 0), Err(TemplateError::Sigops { got: 8, limit: 7 }));
}

#[test]
fn the_number_of_transactions_counts_the_coinbase() {
    let mut spec = presets::mini();
    assert_eq!(spec.limits.block_txs, Some(100));
    assert_eq!(block(&template(&spec, &unrelated(150))).transactions.len(), 100);
    assert_eq!(block(&template(&spec, &unrelated(99))).transactions.len(), 100);
    spec.limits.block_txs = Some(1);
    assert_eq!(block(&template(&spec, &unrelated(1))).transactions.len(), 1);
    spec.limits.block_txs = Some(0);
    let refused = BlockTemplate::new(&spec, &place(&spec), &payout(), &[]);
    assert_eq!(refused, Err(TemplateError::TxCount { limit: 0 }));
}

#[test]
fn the_coinbase_pays_at_most_the_money_limit() {
    let mut spec = presets::regtest();
    let subsidy = place(&spec).subsidy;
    let paying = |fee| candidate(spend(&[elsewhere(9)], 1, 10), fee);
    spec.limits.max_money = Amount::from_sat(subsidy.to_sat() + 10);
    assert_eq!(template(&spec, &[paying(10)]).coinbase_value(), spec.limits.max_money);
    assert_eq!(template(&spec, &[paying(11)]).coinbase_value(), subsidy);
    assert_eq!(template(&spec, &[paying(u64::MAX)]).coinbase_value(), subsidy);

    spec.limits.max_money = subsidy;
    assert!(BlockTemplate::new(&spec, &place(&spec), &payout(), &[]).is_ok());
    let limit = Amount::from_sat(subsidy.to_sat() - 1);
    spec.limits.max_money = limit;
    let refused = BlockTemplate::new(&spec, &place(&spec), &payout(), &[]);
    assert_eq!(refused, Err(TemplateError::Subsidy { got: subsidy, limit }));
}

#[test]
fn what_spends_from_outside_the_block_so_far_stays_out() {
    let mut spec = presets::regtest();
    let parent = candidate(spend(&[elsewhere(1)], 1, 4000), 5);
    let child = candidate(spend(&[elsewhere(2), parent.tx.txid()], 2, 10), 5);
    let grandchild = candidate(spend(&[child.tx.txid()], 3, 10), 5);
    let family = [parent.clone(), child.clone(), grandchild.clone()];
    let ids = [parent.tx.txid(), child.tx.txid(), grandchild.tx.txid()];
    assert_eq!(chosen(&template(&spec, &family)), ids);
    // A child before its parent is no block.
    assert_eq!(chosen(&template(&spec, &[child.clone(), parent.clone()])), ids[..1]);
    // A parent that does not fit takes its descendants with it.
    spec.limits.block_weight = template(&spec, &[]).weight() + 4000;
    assert_eq!(chosen(&template(&spec, &family)), []);
    // The same transaction twice is in once.
    assert_eq!(chosen(&template(&presets::regtest(), &[parent.clone(), parent])), ids[..1]);
}

#[test]
fn lock_times_open_after_their_height_and_the_median_time() {
    let spec = presets::regtest();
    let next = place(&spec);
    let is_in = |next: &NextBlock, lock| {
        let tx = spend_with(&[elsewhere(1)], 1, 10, LockTime::new(lock), Witness::default());
        let template = BlockTemplate::new(&spec, next, &payout(), &[candidate(tx, 0)]).unwrap();
        template.transactions().len() == 1
    };
    let height = next.height.to_u32();
    assert!(is_in(&next, height - 1));
    assert!(!is_in(&next, height));
    let median = next.median_time_past.to_u32();
    assert!(next.locktime_is_median);
    assert!(is_in(&next, median - 1));
    assert!(!is_in(&next, median));
    // Before BIP113 the block's own time counts, which may turn out as low as the lowest allowed.
    let by_block_time = NextBlock { locktime_is_median: false, ..next };
    let min_time = next.min_time.to_u32();
    assert!(is_in(&by_block_time, min_time - 1));
    assert!(!is_in(&by_block_time, min_time));
}

#[test]
fn coinbases_and_uncommitted_witnesses_stay_out() {
    let spec = presets::regtest();
    let another = template(&spec, &[]).coinbase(1);
    assert_eq!(chosen(&template(&spec, &[candidate(another, 0)])), []);

    let witness = Witness::new(vec![vec![1]]);
    let with_witness = candidate(spend_with(&[elsewhere(1)], 1, 10, LockTime::ZERO, witness), 0);
    assert_eq!(chosen(&template(&spec, std::slice::from_ref(&with_witness))).len(), 1);
    let mut spec = spec;
    spec.deployments.segwit = Activation::Never;
    let template = template(&spec, &[with_witness]);
    assert_eq!(chosen(&template), []);
    assert_eq!(template.commitment_script(), None);
    assert!(!template.coinbase(0).has_witness());
}

#[test]
fn chains_with_signed_blocks_and_broken_bits_have_no_template() {
    let spec = presets::signet();
    let refused = BlockTemplate::new(&spec, &place(&spec), &payout(), &[]);
    assert_eq!(refused, Err(TemplateError::SignedBlocks));
    let spec = presets::regtest();
    let next = NextBlock { bits: CompactTarget::from_bits(0), ..place(&spec) };
    assert!(matches!(BlockTemplate::new(&spec, &next, &payout(), &[]), Err(TemplateError::Bits(_))));
}

#[test]
fn times_follow_the_clock_within_what_the_chain_allows() {
    let spec = presets::bitcoin();
    let next = NextBlock { min_time: BlockTime::new(10_000), time: BlockTime::new(10_500), ..place(&spec) };
    let template = BlockTemplate::new(&spec, &next, &payout(), &[]).unwrap();
    let at = |now| template.time_at(BlockTime::new(now)).map(BlockTime::to_u32);
    assert_eq!(at(20_000), Some(20_000));
    assert_eq!(at(9_999), Some(10_000));
    // A block may be two hours ahead of the clock, no more.
    assert_eq!(spec.limits.max_future_seconds, 7200);
    assert_eq!(at(2_800), Some(10_000));
    assert_eq!(at(2_799), None);
    assert_eq!(template.open_from().to_u32(), 2_800);
    // Where a late block has other bits, the time is the one the bits are for.
    let fixed = BlockTemplate::new(&presets::testnet3(), &next, &payout(), &[]).unwrap();
    assert_eq!(fixed.time_at(BlockTime::new(20_000)), Some(BlockTime::new(10_500)));
    assert_eq!(fixed.time_at(BlockTime::new(9_999)), Some(BlockTime::new(10_500)));
}

/// Solves the template and has the block checked in full.
fn mine(forge: &mut Forge, payout: &Script, candidates: &[Candidate]) -> Block {
    let tip = forge.tree().best_header();
    let time = forge.tree().header(tip).time.saturating_add(600);
    let next = forge.tree().next_block(tip, time);
    let template = BlockTemplate::new(forge.spec(), &next, payout, candidates).unwrap();
    assert_eq!(template.transactions().len(), candidates.len());
    let job = Job::new(Arc::new(template), 0);
    let solution = solve(&job, best().as_ref(), || time, &AtomicBool::new(false)).unwrap().unwrap();
    let block = job.block(&solution);
    forge.accept(block.clone()).unwrap();
    block
}

#[test]
fn mined_blocks_keep_every_rule() {
    for segwit in [true, false] {
        let mut spec = presets::regtest();
        if !segwit {
            spec.deployments.segwit = Activation::Never;
            spec.deployments.taproot = Activation::Never;
        }
        let maturity = spec.limits.coinbase_maturity as usize;
        let mut forge = Forge::new(Arc::new(spec));
        let key = TestKey::new(1);
        let first = mine(&mut forge, &key.p2pkh(), &[]);
        for _ in 1..maturity {
            mine(&mut forge, &payout(), &[]);
        }
        let outpoint = OutPoint { txid: first.transactions[0].txid(), vout: 0 };
        let coin = forge.coins(forge.tree().hash(forge.tree().best_header()))[&outpoint].clone();
        let value = coin.output.value.to_sat();
        let tx = Spend::new().from(outpoint, coin).to(Amount::from_sat(value - 1234), key.p2pkh()).sign(&key);
        let sigop_cost = 4 * legacy_sigops(&tx);
        let candidate = Candidate { tx: Arc::new(tx), fee: Amount::from_sat(1234), sigop_cost };
        let block = mine(&mut forge, &key.p2pkh(), &[candidate]);
        let subsidy = forge.spec().subsidy.at(Height::new(maturity as u32 + 1)).to_sat();
        assert_eq!(block.transactions[0].outputs()[0].value.to_sat(), subsidy + 1234);
    }
}

#[test]
fn mined_blocks_commit_to_their_witnesses() {
    let mut forge = Forge::new(Arc::new(presets::dev()));
    let anyone = Script::from_bytes(vec![op::OP_1]);
    let first = mine(&mut forge, &Script::p2wsh(hash::sha256(anyone.as_bytes())), &[]);
    for _ in 1..forge.spec().limits.coinbase_maturity {
        mine(&mut forge, &payout(), &[]);
    }
    let input = TxIn {
        previous: OutPoint { txid: first.transactions[0].txid(), vout: 0 },
        script_sig: Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::new(vec![anyone.as_bytes().to_vec()]),
    };
    let output = TxOut { value: Amount::from_sat(1), script_pubkey: payout() };
    let tx = Transaction::new(2, vec![input], vec![output], LockTime::ZERO);
    let fee = Amount::from_sat(first.transactions[0].outputs()[0].value.to_sat() - 1);
    let block = mine(&mut forge, &payout(), &[Candidate { tx: Arc::new(tx), fee, sigop_cost: 0 }]);
    assert!(block.transactions[1].has_witness());
    let commitment = &block.transactions[0].outputs()[1].script_pubkey;
    assert!(commitment.as_bytes().starts_with(&COMMITMENT_PREFIX));
}

#[test]
fn a_real_block_is_rebuilt_from_its_transactions() {
    let name = "a_real_block_is_rebuilt_from_its_transactions";
    for file in ["blocks/mainnet-413567.bin", "blocks/mainnet-481824.bin"] {
        let Some(bytes) = data(name, file) else { continue };
        let real = Block::from_bytes(&bytes).unwrap();
        let mut spec = presets::bitcoin();
        // The real coinbase may be shorter than ours.
        spec.limits.block_weight += 4000;
        let next = NextBlock {
            height: Height::new(900_000),
            median_time_past: real.header.time,
            min_time: real.header.time,
            witness_commitment: true,
            ..place(&spec)
        };
        let candidates: Vec<_> = real.transactions[1..].iter().map(|tx| candidate(tx.clone(), 0)).collect();
        let template = BlockTemplate::new(&spec, &next, &payout(), &candidates).unwrap();
        let rebuilt = template.block(template.header(99, NOW), 99);
        assert_eq!(rebuilt.transactions[1..], real.transactions[1..]);
        assert_eq!(rebuilt.merkle_root(), rebuilt.header.merkle_root);
        assert_eq!(rebuilt.weight().to_u64(), template.weight());
        // The witnesses are the same, and so is what commits to them, where the real coinbase does.
        let ours = template.commitment_script().unwrap();
        let theirs = real.transactions[0].outputs().iter().rev().map(|output| &output.script_pubkey);
        let zero_item = real.transactions[0].inputs()[0].witness.get(0) == Some([0; 32].as_slice());
        let committed = theirs.clone().find(|script| script.as_bytes().starts_with(&COMMITMENT_PREFIX));
        assert_eq!(committed.is_some(), file.contains("481824"));
        if zero_item {
            assert_eq!(committed, Some(ours), "{file}");
        }
    }
}

#[test]
fn a_template_signals_as_its_place_asks() {
    let spec = presets::regtest();
    for version in [0x2000_0000, 0x2000_0005] {
        let next = NextBlock { version, ..place(&spec) };
        let template = BlockTemplate::new(&spec, &next, &payout(), &[]).unwrap();
        assert_eq!((template.version(), template.header(0, NOW).version), (version, version));
    }
}

/// The parts of a template that pays `payout()`, as a node would tell them.
fn parts(template: &BlockTemplate) -> TemplateParts {
    TemplateParts {
        height: template.height(),
        prev: template.prev(),
        version: template.version(),
        bits: template.bits(),
        time: template.time(),
        min_time: template.min_time(),
        max_time: template.max_time(),
        max_future_seconds: template.max_future_seconds(),
        coinbase_value: template.coinbase_value(),
        payout: payout(),
        witness_commitment: template.commitment_script().is_some(),
        transactions: template.transactions().to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn a_template_put_together_from_its_parts_is_the_same(count in 0_u64..300, segwit: bool) {
        let mut spec = presets::regtest();
        if !segwit {
            spec.deployments.segwit = Activation::Never;
        }
        let template = template(&spec, &unrelated(count));
        prop_assert_eq!(BlockTemplate::from_parts(parts(&template)), Ok(template));
    }
}

#[test]
fn parts_that_make_no_template_are_refused() {
    let good = parts(&template(&presets::regtest(), &[]));
    let other = BlockTemplate::from_parts(TemplateParts { version: 4, ..good.clone() }).unwrap();
    assert_eq!(other.header(0, NOW).version, 4);
    let bits = CompactTarget::from_bits(0);
    let no_target = TemplateParts { bits, ..good.clone() };
    assert!(matches!(BlockTemplate::from_parts(no_target), Err(TemplateError::Bits(_))));
    let one_moment = TemplateParts { max_time: good.min_time, ..good.clone() };
    assert_eq!(BlockTemplate::from_parts(one_moment).unwrap().time_at(NOW), Some(good.min_time));
    let max_time = good.min_time.saturating_sub(1);
    let no_moment = TemplateParts { max_time, ..good.clone() };
    let refused = Err(TemplateError::Times { min: good.min_time, max: max_time });
    assert_eq!(BlockTemplate::from_parts(no_moment), refused);
}
