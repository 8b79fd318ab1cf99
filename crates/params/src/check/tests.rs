use cairn_primitives::{
    Amount, BlockHash, BlockTime, CompactError, CompactTarget, Height, Hrp, Script, Sha256d, Target,
};

use crate::presets;
use crate::spec::{Activation, AssumedCoins, ChainSpec, MinDifficulty, Retarget, ScriptException};
use crate::subsidy::Subsidy;
use crate::{SpecError, SpecRule};

/// What `change` makes of a sound spec: the broken field and rule, if any.
fn checked(change: impl FnOnce(&mut ChainSpec)) -> Result<(), (String, SpecRule)> {
    let mut spec = presets::bitcoin();
    change(&mut spec);
    spec.check().map_err(|SpecError { line, field, rule }| {
        assert_eq!(line, None);
        (field.into_owned(), rule)
    })
}

fn refused(field: &str, rule: SpecRule, change: impl FnOnce(&mut ChainSpec)) {
    assert_eq!(checked(change), Err((field.to_owned(), rule)));
}

fn allowed(change: impl FnOnce(&mut ChainSpec)) {
    assert_eq!(checked(change), Ok(()));
}

fn epoch(window: u32, clamp: u32) -> Retarget {
    Retarget::Epoch { window, clamp, from_first: false }
}

fn hash(byte: u8) -> BlockHash {
    BlockHash::from_bytes([byte; 32])
}

#[test]
fn names() {
    let rule = SpecRule::NameSyntax { limit: 32 };
    for name in ["", "Bitcoin", "1coin", "-a", "my coin", "a/b", "..", "ä", &"a".repeat(33)] {
        refused("chain.name", rule.clone(), |spec| spec.chain.name = name.to_owned());
    }
    for name in ["a", "my-coin2", &"a".repeat(32)] {
        allowed(|spec| spec.chain.name = name.to_owned());
    }
}

#[test]
fn tickers() {
    let rule = SpecRule::TickerSyntax { limit: 10 };
    for ticker in ["", "A", "btc", "1BTC", "B TC", "ABCDEFGHIJK"] {
        refused("chain.ticker", rule.clone(), |spec| spec.chain.ticker = ticker.to_owned());
    }
    for ticker in ["AB", "B2X", "ABCDEFGHIJ"] {
        allowed(|spec| spec.chain.ticker = ticker.to_owned());
    }
}

#[test]
fn decimals() {
    allowed(|spec| spec.chain.decimals = 18);
    allowed(|spec| spec.chain.decimals = 0);
    refused("chain.decimals", SpecRule::AtMost { got: 19, limit: 18 }, |spec| spec.chain.decimals = 19);
}

#[test]
fn magic_and_ports() {
    refused("network.magic", SpecRule::ZeroMagic, |spec| spec.network.magic = [0; 4]);
    allowed(|spec| spec.network.magic = [0, 0, 0, 1]);
    let zero = SpecRule::AtLeast { got: 0, limit: 1 };
    refused("network.p2p_port", zero.clone(), |spec| spec.network.p2p_port = 0);
    refused("network.http_port", zero, |spec| spec.network.http_port = 0);
    refused("network.http_port", SpecRule::SamePort { got: 8333 }, |spec| spec.network.http_port = 8333);
}

#[test]
fn dns_seeds() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    for seed in ["example.org", "a", "1.2.3.4", &longest] {
        allowed(|spec| spec.network.dns_seeds = vec![seed.to_owned()]);
    }
    for seed in ["", "a..b", "a b", "a:1", "ä.org", &format!("{longest}a")] {
        let seeds = vec!["good.example".to_owned(), seed.to_owned()];
        refused("network.dns_seeds", SpecRule::SeedHost { index: 1 }, |spec| spec.network.dns_seeds = seeds);
    }
}

#[test]
fn fixed_seeds() {
    for seed in ["1.2.3.4:8333", "node.example:1", "[2001:db8::1]:65535"] {
        allowed(|spec| spec.network.fixed_seeds = vec![seed.to_owned()]);
    }
    for seed in ["1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", ":8333", "2001:db8::1:8333", "[node]:1", "a:-1"] {
        let seeds = vec![seed.to_owned()];
        refused("network.fixed_seeds", SpecRule::SeedAddress { index: 0 }, |spec| {
            spec.network.fixed_seeds = seeds
        });
    }
}

#[test]
fn prefixes() {
    let rule = |other| SpecRule::SamePrefix { other };
    refused("address.p2sh", rule("address.p2pkh"), |spec| spec.address.p2sh = spec.address.p2pkh);
    refused("address.xprv", rule("address.xpub"), |spec| spec.address.xprv = spec.address.xpub);
    allowed(|spec| spec.address.coin_type = 0x7fff_ffff);
    let above = SpecRule::AtMost { got: 0x8000_0000, limit: 0x7fff_ffff };
    refused("address.coin_type", above, |spec| spec.address.coin_type = 0x8000_0000);
    allowed(|spec| spec.address.hrp = Hrp::new("x").unwrap());
}

#[test]
fn first_block_is_the_pinned_one() {
    let expected = presets::bitcoin().genesis.hash;
    let mut later = presets::bitcoin();
    later.genesis.time = BlockTime::new(1_231_006_506);
    let got = later.genesis_block().hash();
    let rule = SpecRule::GenesisHash { got, expected };
    refused("genesis.hash", rule, |spec| spec.genesis.time = BlockTime::new(1_231_006_506));
}

#[test]
fn first_block_meets_its_bits() {
    // Pinned as it comes out, but never searched for.
    let mut spec = presets::bitcoin();
    spec.genesis.nonce = 0;
    spec.genesis.hash = spec.genesis_block().hash();
    let rule = SpecRule::GenesisPow { got: spec.genesis.hash, bits: spec.genesis.bits };
    assert_eq!(spec.check(), Err(SpecError::new("genesis.nonce", rule)));
}

#[test]
fn first_block_with_other_bits_than_the_limit_allows() {
    let got = CompactTarget::from_bits(0x1d01_0000);
    let rule = SpecRule::BitsAboveLimit { got, limit: presets::bitcoin().pow.limit };
    refused("genesis.bits", rule, |spec| spec.genesis.bits = got);
    let got = CompactTarget::from_bits(0x1d80_ffff);
    let rule = SpecRule::Bits(CompactError::Negative { got });
    refused("genesis.bits", rule, |spec| spec.genesis.bits = got);
    refused(
        "genesis.bits",
        SpecRule::BitsAboveLimit {
            got: CompactTarget::from_bits(0x1d00_ffff),
            limit: CompactTarget::from_bits(0x1d00_fffe).to_target().unwrap(),
        },
        |spec| spec.pow.limit = CompactTarget::from_bits(0x1d00_fffe).to_target().unwrap(),
    );
}

/// Mines a changed regtest chain, whose first block takes two hashes.
fn mined(change: impl FnOnce(&mut ChainSpec)) -> Result<ChainSpec, SpecError> {
    let mut spec = presets::regtest();
    change(&mut spec);
    let unmined = crate::genesis::Unmined::new(spec)?;
    let mut header = unmined.header();
    while !unmined.target().is_met_by(header.hash()) {
        header.nonce += 1;
    }
    unmined.accept(header)
}

#[test]
fn message_of_91_bytes_fills_the_coinbase_script() {
    assert!(mined(|spec| spec.genesis.message = String::new()).is_ok());
    let spec = mined(|spec| spec.genesis.message = "m".repeat(91)).unwrap();
    assert_eq!(spec.genesis_block().transactions[0].inputs()[0].script_sig.len(), 100);
    let rule = SpecRule::CoinbaseScript { got: 101, limit: 100 };
    let error = mined(|spec| spec.genesis.message = "m".repeat(92)).unwrap_err();
    assert_eq!(error, SpecError::new("genesis.message", rule));
}

#[test]
fn first_block_fits_its_own_limits() {
    let script = |length| Script::from_bytes(vec![0x6a; length]);
    let weight = |spec: &ChainSpec| spec.genesis_block().weight().to_u64();
    let mut spec = presets::regtest();
    spec.genesis.output_script = script(500);
    let exact = weight(&spec);
    assert!(exact < 4_000);
    let heavy = |length| {
        mined(|spec| {
            spec.limits.block_weight = 4_000;
            spec.limits.sigop_cost = 4_000;
            spec.genesis.output_script = script(length);
        })
    };
    let room = ((4_000 - exact) / 4) as usize;
    assert_eq!(weight(&heavy(500 + room).unwrap()), 4_000);
    let rule = SpecRule::GenesisWeight { got: 4_004, limit: 4_000 };
    assert_eq!(heavy(501 + room).unwrap_err(), SpecError::new("genesis.output_script", rule));
}

#[test]
fn first_reward_is_within_max_money() {
    let limit = presets::regtest().limits.max_money;
    assert!(mined(|spec| spec.genesis.reward = limit).is_ok());
    let got = limit.checked_add(Amount::from_sat(1)).unwrap();
    let error = mined(|spec| spec.genesis.reward = got).unwrap_err();
    assert_eq!(error, SpecError::new("genesis.reward", SpecRule::AboveMaxMoney { got, limit }));
}

#[test]
fn limit_of_work_is_not_zero() {
    refused("pow.limit", SpecRule::ZeroTarget, |spec| spec.pow.limit = Target::from_be_bytes([0; 32]));
}

#[test]
fn spacing_window_and_clamp() {
    let below = |got, limit| SpecRule::AtLeast { got, limit };
    refused("pow.spacing", below(0, 1), |spec| spec.pow.spacing = 0);
    refused("pow.retarget.window", below(1, 2), |spec| spec.pow.retarget = epoch(1, 4));
    allowed(|spec| spec.pow.retarget = epoch(2, 4));
    refused("pow.retarget.clamp", below(0, 1), |spec| spec.pow.retarget = epoch(2016, 0));
    allowed(|spec| spec.pow.retarget = epoch(2016, 1));
    allowed(|spec| spec.pow.retarget = epoch(2, 1200));
    let rule = SpecRule::ClampAbovePeriod { got: 1201, limit: 1200 };
    refused("pow.retarget.clamp", rule, |spec| spec.pow.retarget = epoch(2, 1201));
}

#[test]
fn period_fits_32_bits() {
    allowed(|spec| {
        spec.pow.spacing = 65_537;
        spec.pow.retarget = epoch(65_535, 4);
    });
    let rule = SpecRule::PeriodTooLong { got: 65_536 * 65_536, limit: 0xffff_ffff };
    refused("pow.retarget.window", rule, |spec| {
        spec.pow.spacing = 65_536;
        spec.pow.retarget = epoch(65_536, 4);
    });
}

#[test]
fn half_life_is_not_zero() {
    allowed(|spec| spec.pow.retarget = Retarget::Asert { half_life: 1 });
    let rule = SpecRule::AtLeast { got: 0, limit: 1 };
    refused("pow.retarget.half_life", rule, |spec| spec.pow.retarget = Retarget::Asert { half_life: 0 });
}

#[test]
fn minimum_difficulty_needs_periods() {
    allowed(|spec| spec.pow.min_difficulty = MinDifficulty::AfterTwiceSpacing);
    for retarget in [Retarget::None, Retarget::Asert { half_life: 1 }] {
        allowed(|spec| spec.pow.retarget = retarget);
        refused("pow.min_difficulty", SpecRule::NeedsEpoch, |spec| {
            spec.pow.min_difficulty = MinDifficulty::AfterTwiceSpacing;
            spec.pow.retarget = retarget;
        });
    }
}

#[test]
fn limits_of_blocks() {
    let below = |got, limit| SpecRule::AtLeast { got, limit };
    let above = |got, limit| SpecRule::AtMost { got, limit };
    refused("limits.maturity", below(0, 1), |spec| spec.limits.coinbase_maturity = 0);
    allowed(|spec| spec.limits.coinbase_maturity = 1);
    refused("limits.weight", below(3_999, 4_000), |spec| spec.limits.block_weight = 3_999);
    allowed(|spec| spec.limits.block_weight = 4_000);
    allowed(|spec| spec.limits.block_weight = 33_554_432);
    refused("limits.weight", above(33_554_433, 33_554_432), |spec| spec.limits.block_weight = 33_554_433);
    refused("limits.sigops", below(3, 4), |spec| spec.limits.sigop_cost = 3);
    allowed(|spec| spec.limits.sigop_cost = 4);
    allowed(|spec| spec.limits.sigop_cost = 80_000_000);
    refused("limits.sigops", above(80_000_001, 80_000_000), |spec| spec.limits.sigop_cost = 80_000_001);
    refused("limits.tx_count", below(0, 1), |spec| spec.limits.block_txs = Some(0));
    allowed(|spec| spec.limits.block_txs = Some(1));
    refused("limits.max_future_seconds", below(0, 1), |spec| spec.limits.max_future_seconds = 0);
}

#[test]
fn max_money_is_a_signed_number() {
    let most = i64::MAX as u64;
    allowed(|spec| spec.limits.max_money = Amount::from_sat(most));
    let rule = SpecRule::AtMost { got: most + 1, limit: most };
    refused("limits.max_money", rule, |spec| spec.limits.max_money = Amount::from_sat(most + 1));
    let rule = SpecRule::AtLeast { got: 0, limit: 1 };
    refused("limits.max_money", rule, |spec| spec.limits.max_money = Amount::ZERO);
}

#[test]
fn subsidies_stay_under_max_money() {
    let rule = SpecRule::AtLeast { got: 0, limit: 1 };
    let initial = Amount::from_sat(5_000_000_000);
    refused("subsidy.interval", rule, |spec| spec.subsidy = Subsidy::Halving { initial, interval: 0 });

    let sum = Amount::from_sat(2_099_999_997_690_000);
    allowed(|spec| spec.limits.max_money = sum);
    let limit = Amount::from_sat(sum.to_sat() - 1);
    let rule = SpecRule::SupplyAboveMaxMoney { got: 2_099_999_997_690_000, limit };
    refused("subsidy.initial", rule, |spec| spec.limits.max_money = limit);

    let limit = presets::bitcoin().limits.max_money;
    allowed(|spec| spec.subsidy = Subsidy::Constant { amount: limit });
    let got = Amount::from_sat(limit.to_sat() + 1);
    let rule = SpecRule::AboveMaxMoney { got, limit };
    refused("subsidy.amount", rule, |spec| spec.subsidy = Subsidy::Constant { amount: got });
}

#[test]
fn forks_build_on_each_other() {
    refused("deployments.bip34_hash", SpecRule::Bip34Height, |spec| {
        spec.deployments.bip34 = Activation::Always
    });
    refused("deployments.segwit", SpecRule::NeedsBip16, |spec| {
        spec.deployments.bip16 = Activation::Height(Height::new(1));
    });
    allowed(|spec| spec.deployments.bip16 = Activation::Height(Height::GENESIS));
    refused("deployments.taproot", SpecRule::NeedsSegwit, |spec| {
        spec.deployments.segwit = Activation::Never;
    });
    allowed(|spec| {
        spec.deployments.segwit = Activation::Never;
        spec.deployments.taproot = Activation::Never;
        spec.deployments.bip16 = Activation::Never;
    });
}

#[test]
fn exceptions_are_consistent() {
    let field = "deployments.script_exceptions";
    let exception = |p2sh, witness, taproot| ScriptException { block: hash(1), p2sh, witness, taproot };
    for fine in [(false, false, false), (true, false, false), (true, true, false), (true, true, true)] {
        allowed(|spec| spec.deployments.script_exceptions = vec![exception(fine.0, fine.1, fine.2)]);
    }
    for odd in [(false, true, false), (false, false, true), (true, false, true), (false, true, true)] {
        let list = vec![exception(odd.0, odd.1, odd.2)];
        let rule = SpecRule::ExceptionRules { index: 0 };
        refused(field, rule, |spec| spec.deployments.script_exceptions = list);
    }
    let twice = vec![exception(true, true, false), exception(true, false, false)];
    let rule = SpecRule::DuplicateException { index: 1 };
    refused(field, rule, |spec| spec.deployments.script_exceptions = twice);
}

#[test]
fn lists_by_height_ascend() {
    let at = |height, byte| (Height::new(height), hash(byte));
    for list in [vec![at(5, 1), at(5, 2)], vec![at(5, 1), at(4, 2)]] {
        let rule = SpecRule::NotAscending { index: 1 };
        let blocks = list.clone();
        refused("assume.checkpoints", rule.clone(), |spec| spec.assume.checkpoints = list);
        let coins = |(height, hash)| AssumedCoins { height, hash, coins_hash: Sha256d::ZERO };
        let bases = blocks.iter().copied().map(coins).collect();
        refused("assume.snapshots", rule.clone(), |spec| spec.assume.snapshots = bases);
        refused("deployments.bip30_exceptions", rule, |spec| spec.deployments.bip30_exceptions = blocks);
    }
    allowed(|spec| spec.assume.checkpoints = vec![at(4, 1), at(5, 1)]);
}

#[test]
fn checkpoint_at_the_first_block() {
    let expected = presets::bitcoin().genesis.hash;
    allowed(|spec| spec.assume.checkpoints = vec![(Height::GENESIS, expected)]);
    let rule = SpecRule::GenesisCheckpoint { got: hash(1), expected };
    refused("assume.checkpoints", rule, |spec| spec.assume.checkpoints = vec![(Height::GENESIS, hash(1))]);
}

#[test]
fn signet_challenges() {
    let field = "deployments.signet_challenge";
    let challenge = |length| Some(Script::from_bytes(vec![0x51; length]));
    for got in [0, 10_001] {
        let rule = SpecRule::ChallengeLength { got, limit: 10_000 };
        refused(field, rule, |spec| spec.deployments.signet_challenge = challenge(got));
    }
    for length in [1, 10_000] {
        let error = checked(|spec| spec.deployments.signet_challenge = challenge(length)).unwrap_err();
        let (field, SpecRule::SignetMagic { got, expected }) = error else { panic!("{error:?}") };
        assert_eq!((field.as_str(), got), ("network.magic", presets::bitcoin().network.magic));
        allowed(|spec| {
            spec.deployments.signet_challenge = challenge(length);
            spec.network.magic = expected;
        });
    }
}
