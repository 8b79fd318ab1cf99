//! Specs at the edge of what `ChainSpec::check` accepts: whatever they say, nothing panics.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{CheckedBlock, HeaderTree, check_block, check_spend, connect, script_flags};
use cairn_params::{Activation, ChainSpec, MinDifficulty, Retarget, Subsidy};
use cairn_primitives::{BlockTime, Coin, CompactTarget, Header, MerkleRoot, Target};
use cairn_testkit::Forge;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{anyone, easy, height, input, outpoint, output, sat, tx};

/// Small, ordinary and as large as the type allows.
fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..4, select(vec![10, 600, 2_016, 210_000]), (u32::MAX - 2)..=u32::MAX]
}

fn retargets() -> impl Strategy<Value = Retarget> {
    prop_oneof![
        (numbers(), numbers(), any::<bool>()).prop_map(|(window, clamp, from_first)| Retarget::Epoch {
            window,
            clamp,
            from_first
        }),
        numbers().prop_map(|half_life| Retarget::Asert { half_life }),
        Just(Retarget::None),
    ]
}

fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Always),
        Just(Activation::Never),
        numbers().prop_map(|at| Activation::Height(height(at))),
    ]
}

/// Specs that pass their check.
fn specs() -> impl Strategy<Value = ChainSpec> {
    let pow = (retargets(), numbers(), any::<bool>());
    let subsidy = (any::<bool>(), select(vec![0, 1, 5_000_000_000, i64::MAX as u64, u64::MAX]), numbers());
    let money = select(vec![1, 2_100_000_000_000_000, i64::MAX as u64]);
    let limits = (numbers(), numbers(), money, select(vec![4_000, 4_000_000]));
    let forks = (activations(), activations(), activations(), activations());
    (pow, subsidy, limits, forks).prop_filter_map("the spec's own check", |(pow, subsidy, limits, forks)| {
        let mut spec = easy();
        spec.pow.retarget = pow.0;
        spec.pow.spacing = pow.1;
        spec.pow.min_difficulty = if pow.2 { MinDifficulty::AfterTwiceSpacing } else { MinDifficulty::Never };
        spec.pow.limit = Target::MAX;
        let amount = sat(subsidy.1);
        spec.subsidy = match subsidy.0 {
            true => Subsidy::Constant { amount },
            false => Subsidy::Halving { initial: amount, interval: subsidy.2 },
        };
        spec.limits.coinbase_maturity = limits.0;
        spec.limits.max_future_seconds = limits.1;
        spec.limits.max_money = sat(limits.2);
        spec.genesis.reward = spec.genesis.reward.min(spec.limits.max_money);
        spec.limits.block_weight = limits.3;
        spec.limits.sigop_cost = limits.3 / 50;
        (spec.deployments.bip34, spec.deployments.csv, spec.deployments.bip94, spec.deployments.bip66) =
            forks;
        let genesis = crate::support::mined(spec.genesis_block().header);
        spec.genesis.nonce = genesis.nonce;
        spec.genesis.hash = genesis.hash();
        spec.check().is_ok().then_some(spec)
    })
}

/// Times from the first to the last there is, and bits from the hardest to the easiest.
fn fields() -> impl Strategy<Value = (u32, u32)> {
    let times = prop_oneof![numbers(), any::<u32>()];
    (times, select(vec![0x0101_0000, 0x0300_0001, 0x1d00_ffff, 0x207f_ffff, 0x2100_ffff]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_spec_panics(spec in specs(), headers in vec(fields(), 1..8), now: u32) {
        let now = BlockTime::new(now);
        let mut tree = HeaderTree::new(Arc::new(spec));
        for (nonce, (time, bits)) in (0..).zip(headers) {
            let parent = tree.best_header();
            let next = tree.next_block(parent, now);
            prop_assert!(next.time >= next.min_time);
            prop_assert_eq!(next.bits, tree.next_bits(parent, next.time));
            let header = Header {
                version: 4,
                prev: tree.hash(parent),
                merkle_root: MerkleRoot::ZERO,
                time: BlockTime::new(time),
                bits: CompactTarget::from_bits(bits),
                nonce,
            };
            // Checked or trusted, it may be refused; there is no third outcome.
            let _ = tree.insert(header, now);
            let _ = tree.insert_trusted(Header { bits: next.bits, ..header });
            if let Ok(id) = tree.insert_trusted(header) {
                let _ = (script_flags(&tree, id), tree.median_time_past(id), tree.locator(id));
            }
        }
    }

    #[test]
    fn blocks_of_any_spec_are_judged(spec in specs(), value: u64, made_at in numbers(), coinbase: bool) {
        let coin = Coin { output: output(value), height: height(made_at), coinbase };
        let spend = tx(vec![input(outpoint(1))], vec![output(value / 2)]);
        let _ = check_spend(&spend, std::slice::from_ref(&coin), height(1), &spec);

        let forge = Forge::new(Arc::new(spec.clone()));
        let draft = forge.draft(forge.genesis());
        // Bits that are next to impossible to meet are not worth the search.
        prop_assume!(draft.place().bits.to_bits() >> 24 >= 0x20);
        let block = draft.pay_to(anyone()).add(spend, sat(0)).seal();
        let mut tree = forge.tree().clone();
        let (Ok(checked), Ok(inserted)) =
            (check_block(block.clone(), &spec), tree.insert(block.header, BlockTime::new(u32::MAX)))
        else {
            return Ok(());
        };
        let checked: Arc<CheckedBlock> = Arc::new(checked);
        let coins = HashMap::from([(outpoint(1), coin)]);
        if let Err(error) = connect(&tree, inserted.id, checked, &coins) {
            prop_assert!(!error.code().is_empty());
        }
    }
}
