use cairn_primitives::{Amount, BlockHash, BlockTime, CompactTarget, Height, Script, Sha256d, Target, Work};
use proptest::prelude::*;

use super::*;
use crate::genesis::Unmined;
use crate::presets;
use crate::signalling::{Schedule, Signalling};
use crate::spec::{Activation, Assume, AssumedCoins, MinDifficulty, Retarget, ScriptException};
use crate::subsidy::Subsidy;
use crate::{SpecError, SpecRule};

/// What is wrong with a spec file: line, field and rule.
fn refused(text: &str) -> (u32, String, SpecRule) {
    let SpecError { line, field, rule } = ChainSpec::from_toml(text).expect_err(text);
    (line.expect("every mistake in a file has a line"), field.into_owned(), rule)
}

#[test]
fn presets_read_back_from_their_full_form() {
    for name in presets::NAMES {
        let spec = ChainSpec::preset(name).unwrap();
        let text = spec.to_toml();
        assert_eq!(ChainSpec::from_toml(&text).as_ref(), Ok(&spec), "{name}");
        assert_eq!(ChainSpec::from_toml(&format!("extends = \"{name}\"")).as_ref(), Ok(&spec), "{name}");
    }
}

#[test]
fn the_full_form_states_and_explains_every_field() {
    let text = presets::bitcoin().to_toml();
    let stated: Vec<_> =
        text.lines().filter(|line| line.contains(" = ") && !line.starts_with(['#', ' '])).collect();
    // Fields of another kind than Bitcoin's are not stated.
    let other_kinds = ["pow.retarget.half_life", "subsidy.amount", "extends"];
    assert_eq!(stated.len(), document::FIELDS.len() - other_kinds.len());
    for pair in text.lines().collect::<Vec<_>>().windows(2) {
        if stated.contains(&pair[1]) {
            assert!(pair[0].starts_with("# "), "no comment above {:?}", pair[1]);
        }
    }
}

#[test]
fn fields_go_by_their_published_names() {
    let text = presets::vito().to_toml();
    for line in [
        "magic = \"5649544f\"",
        "p2p_port = 6334",
        "http_port = 6333",
        "p2pkh = 70",
        "hrp = \"vito\"",
        "bits = \"1d00ffff\"",
        "reward = 5000000000",
        "limit = \"00000000ffff0000000000000000000000000000000000000000000000000000\"",
        "spacing = 600",
        "[pow.retarget]\n",
        "kind = \"epoch\"",
        "window = 2016",
        "clamp = 4",
        "kind = \"halving\"",
        "interval = 210000",
        "maturity = 100",
        "weight = 4000000",
        "sigops = 80000",
        "tx_count = \"none\"",
        "bip34 = \"always\"",
        "assumed_valid = \"none\"",
        "checkpoints = []",
        "snapshots = []",
    ] {
        assert!(text.contains(&format!("\n{line}")), "{line}");
    }
}

#[test]
fn extends_overrides_single_fields() {
    let spec = ChainSpec::from_toml(
        "extends = \"bitcoin\"\n[pow]\nlimit = \"1d00ffff\"\n[pow.retarget]\nclamp = 2\n[deployments]\nbip94 = 7\ncsv = \"always\"\n",
    )
    .unwrap();
    let mut expected = presets::bitcoin();
    expected.pow.limit = CompactTarget::from_bits(0x1d00_ffff).to_target().unwrap();
    expected.pow.retarget = Retarget::Epoch { window: 2016, clamp: 2, from_first: false };
    expected.deployments.bip94 = Activation::Height(Height::new(7));
    expected.deployments.csv = Activation::Always;
    assert_eq!(spec, expected);
}

#[test]
fn a_fork_may_be_signalled_for() {
    let text = "extends = \"regtest\"\n[deployments]\n\
        csv = { bit = 0, start = 1, timeout = 4294967295, threshold = 108, window = 144 }\n\
        [deployments.taproot]\nbit = 2\nstart_height = 288\ntimeout_height = 720\nlockinontimeout = true\n\
        threshold = 130\nwindow = 144\nmin_activation_height = 1000\n";
    let spec = ChainSpec::from_toml(text).unwrap();
    let mut expected = presets::regtest();
    expected.deployments.csv = Activation::Signalled(Signalling {
        bit: 0,
        schedule: Schedule::Times { start: BlockTime::new(1), timeout: BlockTime::new(u32::MAX) },
        threshold: 108,
        window: 144,
        min_activation_height: Height::GENESIS,
    });
    let (start, timeout) = (Height::new(288), Height::new(720));
    expected.deployments.taproot = Activation::Signalled(Signalling {
        bit: 2,
        schedule: Schedule::Heights { start, timeout, lock_in_on_timeout: true },
        threshold: 130,
        window: 144,
        min_activation_height: Height::new(1000),
    });
    assert_eq!(spec, expected);
    let written = spec.to_toml();
    for line in [
        "csv = { bit = 0, start = 1, timeout = 4294967295, threshold = 108, window = 144, min_activation_height = 0 }",
        "taproot = { bit = 2, start_height = 288, timeout_height = 720, lockinontimeout = true, threshold = 130, \
         window = 144, min_activation_height = 1000 }",
    ] {
        assert!(written.contains(&format!("\n{line}\n")), "{written}");
    }
    assert_eq!(ChainSpec::from_toml(&written), Ok(spec));
}

#[test]
fn a_signalled_fork_is_refused_by_key_and_line() {
    let good = "bit = 2\nstart = 5\ntimeout = 9\nthreshold = 3\nwindow = 4\n";
    let spec = |body: &str| format!("extends = \"regtest\"\n[deployments.taproot]\n{body}");
    assert!(ChainSpec::from_toml(&spec(good)).is_ok());
    for (from, to, expected) in [
        ("bit = 2", "bit = 29", "line 3: deployments.taproot.bit: 29 is above the greatest value, 28"),
        ("bit = 2", "bit = 256", "line 3: deployments.taproot.bit: must be a number from 0 to 255"),
        ("timeout = 9", "timeout = 5", "line 5: deployments.taproot.timeout: 5 is not after the start, 5"),
        (
            "threshold = 3",
            "threshold = 5",
            "line 6: deployments.taproot.threshold: 5 is above the greatest value, 4",
        ),
        (
            "threshold = 3",
            "threshold = 0",
            "line 6: deployments.taproot.threshold: 0 is below the least value, 1",
        ),
        ("window = 4", "window = 0", "line 7: deployments.taproot.window: 0 is below the least value, 1"),
        ("window = 4", "wine = 4", "line 7: deployments.taproot.wine: there is no such field"),
        ("window = 4", "start_height = 4", "line 4: deployments.taproot.start: there is no such field"),
        (
            "window = 4",
            "",
            "line 2: deployments.taproot.window: is missing; state it, or take a preset's with `extends`",
        ),
        (
            "start = 5",
            "start = \"5\"",
            "line 4: deployments.taproot.start: must be a whole number, not string",
        ),
    ] {
        let error = ChainSpec::from_toml(&spec(&good.replace(from, to))).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let by_height = "bit = 2\nstart_height = 4\ntimeout_height = 16\nthreshold = 3\nwindow = 4\n";
    assert!(ChainSpec::from_toml(&spec(by_height)).is_ok());
    for (from, to, expected) in [
        ("= 16", "= 8", "line 5: deployments.taproot.timeout_height: 8 is below the least value, 12"),
        ("= 16", "= 17", "line 5: deployments.taproot.timeout_height: 17 is no multiple of the window, 4"),
        (
            "start_height = 4",
            "start_height = 5",
            "line 4: deployments.taproot.start_height: 5 is no multiple of the window, 4",
        ),
    ] {
        let error = ChainSpec::from_toml(&spec(&by_height.replace(from, to))).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let twice = format!(
        "{}csv.bit = 2\ncsv.start = 9\ncsv.timeout = 10\ncsv.threshold = 1\ncsv.window = 4\n",
        "extends = \"regtest\"\n[deployments]\n"
    );
    let twice = twice + "[deployments.taproot]\n" + good;
    assert_eq!(
        ChainSpec::from_toml(&twice).unwrap_err().to_string(),
        "line 9: deployments.taproot.bit: 2 also signals for deployments.csv in that time"
    );
}

#[test]
fn extends_changes_kinds() {
    let text = "extends = \"vito\"\n[pow.retarget]\nkind = \"asert\"\nhalf_life = 172800\n[subsidy]\nkind = \"constant\"\namount = 5\n";
    let spec = ChainSpec::from_toml(text).unwrap();
    assert_eq!(spec.pow.retarget, Retarget::Asert { half_life: 172_800 });
    assert_eq!(spec.subsidy, Subsidy::Constant { amount: Amount::from_sat(5) });
    let spec = ChainSpec::from_toml("extends = \"vito\"\npow.retarget.kind = \"none\"\n").unwrap();
    assert_eq!(spec.pow.retarget, Retarget::None);
    // A new kind takes nothing from the old one.
    let (line, field, rule) = refused("extends = \"dev\"\n[pow.retarget]\nkind = \"epoch\"\nwindow = 5\n");
    assert_eq!((line, field.as_str(), rule), (1, "pow.retarget.clamp", SpecRule::Missing));
}

#[test]
fn another_first_block_leaves_the_presets_history_behind() {
    let text = "extends = \"bitcoin\"\n[genesis]\nmessage = \"mine\"\n[chain]\nname = \"mine\"\n";
    let spec = ChainSpec::from_toml_unmined(text).unwrap();
    assert_eq!(spec.assume, Assume::nothing());
    assert!(spec.network.dns_seeds.is_empty());
    assert!(spec.deployments.script_exceptions.is_empty() && spec.deployments.bip30_exceptions.is_empty());
    assert_eq!(spec.deployments.bip34_hash, None);
    assert_eq!(spec.deployments.bip34, presets::bitcoin().deployments.bip34);
    let (line, field, rule) = refused(text);
    assert_eq!((line, field.as_str()), (1, "genesis.hash"));
    assert!(matches!(rule, SpecRule::GenesisHash { .. }));
}

#[test]
fn an_unmined_file_needs_no_nonce_and_no_hash() {
    let full = presets::dev().to_toml();
    let cut: String = full
        .lines()
        .filter(|line| !line.starts_with("nonce") && !line.starts_with("hash"))
        .fold(String::new(), |text, line| text + line + "\n");
    let (_, field, rule) = refused(&cut);
    assert_eq!((field.as_str(), rule), ("genesis.nonce", SpecRule::Missing));

    let unmined = Unmined::from_toml(&cut).unwrap();
    assert_eq!(unmined.header().nonce, 0);
    let mut found = unmined.header();
    found.nonce = presets::dev().genesis.nonce;
    assert_eq!(unmined.clone().accept(found), Ok(presets::dev()));

    found.nonce = 0;
    let rule = SpecRule::GenesisPow { got: found.hash(), bits: found.bits };
    assert_eq!(unmined.clone().accept(found), Err(SpecError::new("genesis.nonce", rule)));
    let mut other = presets::dev().genesis_block().header;
    other.version = 2;
    assert!(matches!(unmined.accept(other), Err(SpecError { rule: SpecRule::GenesisHash { .. }, .. })));
}

#[test]
fn mistakes_are_named_with_line_field_and_rule() {
    use SpecRule::{AtLeast, Missing, NumberRange, OtherKind, UnknownField, WrongType};
    let wrong = |got, expected| WrongType { got, expected };
    let cases = [
        ("[pow]\nspacing = 0", 3, "pow.spacing", AtLeast { got: 0, limit: 1 }),
        ("[pow]\n\n# slow\nspacing = \"slow\"", 5, "pow.spacing", wrong("string", "a whole number")),
        ("[pow]\nspacing = -1", 3, "pow.spacing", NumberRange { min: 0, max: 0xffff_ffff }),
        ("[network]\np2p_port = 65536", 3, "network.p2p_port", NumberRange { min: 0, max: 65_535 }),
        (
            "[genesis]\nversion = 2147483648",
            3,
            "genesis.version",
            NumberRange { min: -2_147_483_648, max: 0x7fff_ffff },
        ),
        ("[pow]\nspcing = 1", 3, "pow.spcing", UnknownField),
        ("[pwo]\nspacing = 1", 2, "pwo", UnknownField),
        ("spacing = 1", 2, "spacing", UnknownField),
        ("[pow.retarget]\nhalf_life = 1", 3, "pow.retarget.half_life", OtherKind { kind: "epoch" }),
        ("[subsidy]\namount = 1", 3, "subsidy.amount", OtherKind { kind: "halving" }),
        ("[pow.retarget]\nkind = \"asert\"", 1, "pow.retarget.half_life", Missing),
        ("chain = 3", 2, "chain", wrong("integer", "a section")),
        ("[network]\ndns_seeds = [\"a\",\n1]", 4, "network.dns_seeds", wrong("integer", "a text")),
        ("[network]\ndns_seeds = \"a\"", 3, "network.dns_seeds", wrong("string", "a list")),
        (
            "[deployments]\ncsv = true",
            3,
            "deployments.csv",
            wrong("boolean", "a height, \"always\", \"never\" or a table"),
        ),
        (
            "[deployments]\nscript_exceptions = [\n  { block = \"\" }]",
            4,
            "deployments.script_exceptions",
            Missing,
        ),
        ("[assume]\ncheckpoints = [{ height = 1, hsh = \"\" }]", 3, "assume.checkpoints", UnknownField),
        ("[pow.retarget]\nfrom_first = 1", 3, "pow.retarget.from_first", wrong("integer", "true or false")),
    ];
    for (text, line, field, rule) in cases {
        let text = format!("extends = \"bitcoin\"\n{text}\n");
        let text = if field == "deployments.script_exceptions" {
            text.replace("\"\"", &format!("\"{}\"", BlockHash::ZERO))
        } else {
            text
        };
        assert_eq!(refused(&text), (line, field.to_owned(), rule), "{text}");
    }
}

#[test]
fn texts_that_are_none_of_the_allowed_ones() {
    let not_one_of = |text: &str| match refused(text) {
        (line, field, SpecRule::NotOneOf { expected }) => (line, field, expected.to_vec()),
        other => panic!("{other:?}"),
    };
    assert_eq!(not_one_of("\nextends = \"bitcon\""), (2, "extends".into(), presets::NAMES.to_vec()));
    let text = "extends = \"dev\"\n[deployments]\nbip34 = \"sometimes\"";
    assert_eq!(not_one_of(text), (3, "deployments.bip34".into(), vec!["always", "never"]));
    let text = "extends = \"dev\"\n[subsidy]\nkind = \"epoch\"";
    assert_eq!(not_one_of(text), (3, "subsidy.kind".into(), vec!["halving", "constant"]));
    let text = "extends = \"dev\"\n[pow]\nmin_difficulty = \"always\"";
    assert_eq!(not_one_of(text), (3, "pow.min_difficulty".into(), vec!["never", "after-twice-spacing"]));
}

#[test]
fn hex_goes_wrong_in_named_ways() {
    for (section, field, value) in [
        ("network", "magic", "5649544"),
        ("network", "magic", "5649544g"),
        ("address", "xpub", ""),
        ("genesis", "bits", "1d00fffff"),
        ("genesis", "hash", "00"),
        ("genesis", "output_script", "6"),
        ("pow", "limit", "00"),
        ("assume", "min_chain_work", "1"),
        ("assume", "assumed_valid", "nothing"),
        ("deployments", "bip34_hash", ""),
    ] {
        let (line, name, rule) =
            refused(&format!("extends = \"bitcoin\"\n[{section}]\n{field} = \"{value}\"\n"));
        assert_eq!((line, name), (3, format!("{section}.{field}")));
        assert!(matches!(rule, SpecRule::Hex(_)), "{field}: {rule:?}");
    }
    let (_, _, rule) = refused("extends = \"bitcoin\"\n[pow]\nlimit = \"1d80ffff\"\n");
    assert!(matches!(rule, SpecRule::Bits(_)));
    let (_, field, rule) = refused("extends = \"bitcoin\"\n[address]\nhrp = \"BC\"\n");
    assert!(field == "address.hrp" && matches!(rule, SpecRule::Hrp(_)));
}

#[test]
fn what_is_not_toml_has_a_line_too() {
    for (text, at) in [("a = 1\nb = \n", 2), ("[chain\n", 1), ("x = 1\nx = 2\n", 2), ("a = 1\n= 3\n", 2)] {
        let (line, field, rule) = refused(text);
        assert_eq!((line, field.as_str()), (at, ""), "{text:?}");
        assert!(matches!(rule, SpecRule::Syntax { .. }), "{text:?}");
    }
}

#[test]
fn missing_fields_and_sections() {
    let (line, field, rule) = refused("\n\n[genesis]\nversion = 1\n");
    assert_eq!((line, field.as_str(), rule), (3, "genesis.time", SpecRule::Missing));
    let (line, field, rule) = refused("# nothing\n");
    assert_eq!((line, field.as_str(), rule), (1, "genesis.version", SpecRule::Missing));
    // Every field but those that can be absent.
    let full = presets::vito().to_toml();
    let optional =
        ["from_first", "tx_count", "min_chain_work", "assumed_valid", "bip34_hash", "signet_challenge"];
    let lists =
        ["dns_seeds", "fixed_seeds", "bip30_exceptions", "script_exceptions", "checkpoints", "snapshots"];
    for (number, line) in full.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        let without = full.lines().enumerate().filter(|(at, _)| *at != number);
        let without = without.fold(String::new(), |text, (_, line)| text + line + "\n");
        let result = ChainSpec::from_toml(&without);
        if optional.contains(&key) || lists.contains(&key) {
            assert_eq!(result, Ok(presets::vito()), "{key}");
        } else {
            assert_eq!(result.map_err(|error| error.rule), Err(SpecRule::Missing), "{key}");
        }
    }
}

#[test]
fn a_mebibyte_is_read_and_no_more() {
    let mut text = "extends = \"dev\"\n#".to_owned();
    text.push_str(&"x".repeat(MAX_SPEC_LEN - text.len()));
    assert_eq!(ChainSpec::from_toml(&text), Ok(presets::dev()));
    text.push('x');
    let rule = SpecRule::TooLong { got: MAX_SPEC_LEN + 1, limit: MAX_SPEC_LEN };
    assert_eq!(ChainSpec::from_toml(&text), Err(SpecError::new("", rule)));
}

#[test]
fn errors_read_as_one_sentence() {
    for (text, sentence) in [
        ("extends = \"bitcoin\"\n[pow]\nspacing = 0\n", "line 3: pow.spacing: 0 is below the least value, 1"),
        ("extends = 3", "line 1: extends: must be a text, not integer"),
        ("[chain]\nnmae = \"x\"", "line 2: chain.nmae: there is no such field"),
        (
            "extends = \"bitcoin\"\n[network]\nfixed_seeds = [\"1.2.3.4:1\", \"x\"]",
            "line 3: network.fixed_seeds: entry 2 is not host:port",
        ),
    ] {
        assert_eq!(ChainSpec::from_toml(text).unwrap_err().to_string(), sentence);
    }
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::Always),
        Just(Activation::Never),
        any::<u32>().prop_map(|height| Activation::Height(Height::new(height))),
    ]
}

/// As [`any_activation`], or signalled for by this bit.
fn any_fork(bit: u8) -> impl Strategy<Value = Activation> {
    let times = (0..u32::MAX, any::<prop::sample::Index>()).prop_map(|(start, after)| Schedule::Times {
        start: BlockTime::new(start),
        timeout: BlockTime::new(start + 1 + after.index((u32::MAX - start) as usize) as u32),
    });
    let heights = (0..1000_u32, 2..1000_u32, any::<bool>());
    let schedules = prop_oneof![times.prop_map(Ok), heights.prop_map(Err)];
    let signalled = (schedules, 1..5000_u32, any::<prop::sample::Index>(), any::<u32>()).prop_map(
        move |(schedule, window, threshold, least)| {
            Activation::Signalled(Signalling {
                bit,
                schedule: schedule.unwrap_or_else(|(start, more, lock_in_on_timeout)| Schedule::Heights {
                    start: Height::new(start * window),
                    timeout: Height::new((start.max(1) + more) * window),
                    lock_in_on_timeout,
                }),
                threshold: threshold.index(window as usize) as u32 + 1,
                window,
                min_activation_height: Height::new(least),
            })
        },
    );
    prop_oneof![any_activation(), signalled]
}

fn any_hash() -> impl Strategy<Value = BlockHash> {
    any::<[u8; 32]>().prop_map(BlockHash::from_bytes)
}

fn any_blocks() -> impl Strategy<Value = Vec<(Height, BlockHash)>> {
    let list = proptest::collection::btree_map(1..u32::MAX, any_hash(), 0..4);
    list.prop_map(|map| map.into_iter().map(|(height, hash)| (Height::new(height), hash)).collect())
}

fn any_retarget() -> impl Strategy<Value = Retarget> {
    prop_oneof![
        (2..=5000_u32, 1..=8_u32, any::<bool>()).prop_map(|(window, clamp, from_first)| Retarget::Epoch {
            window,
            clamp,
            from_first
        }),
        (1..=u32::MAX).prop_map(|half_life| Retarget::Asert { half_life }),
        Just(Retarget::None),
    ]
}

prop_compose! {
    /// Sound specs whose first block is one of two presets' and all else is generated.
    fn any_spec()(
        base in prop_oneof![Just(presets::regtest()), Just(presets::mini())],
        text in ("[a-z][a-z0-9-]{0,31}", "[A-Z][A-Z0-9]{1,9}", 0..=18_u8),
        ports in (1..=32_000_u16, 32_001..=u16::MAX),
        seeds in proptest::collection::vec("[a-z]{1,9}(\\.[a-z0-9-]{1,9}){0,3}", 0..4),
        magic in any::<[u8; 4]>().prop_filter("not zero", |magic| *magic != [0; 4]),
        pow in (8..=100_000_u32, any_retarget(), any::<bool>()),
        subsidy in prop_oneof![
            (0..=1_000_000_000_u64, 1..=1_000_000_u32)
                .prop_map(|(initial, interval)| Subsidy::Halving { initial: Amount::from_sat(initial), interval }),
            (0..=2_100_000_000_000_000_u64).prop_map(|amount| Subsidy::Constant { amount: Amount::from_sat(amount) }),
        ],
        limits in (1..=u32::MAX, 4_000..=33_554_432_u64, 4..=80_000_u64, proptest::option::of(1..=u32::MAX)),
        forks in (any_fork(0), any_fork(1), any_fork(7), any_fork(27), any_fork(28)),
        lists in (any_blocks(), any_blocks(), proptest::option::of(any_hash())),
        exceptions in proptest::collection::hash_set(any::<[u8; 32]>(), 0..4),
        work in any::<[u8; 32]>(),
    ) -> ChainSpec {
        let mut spec = base;
        (spec.chain.name, spec.chain.ticker, spec.chain.decimals) = text;
        (spec.network.p2p_port, spec.network.http_port) = ports;
        spec.network.dns_seeds = seeds;
        spec.network.magic = magic;
        (spec.pow.spacing, spec.pow.retarget, _) = pow;
        if pow.2 && matches!(pow.1, Retarget::Epoch { .. }) {
            spec.pow.min_difficulty = MinDifficulty::AfterTwiceSpacing;
        }
        spec.subsidy = subsidy;
        spec.limits.max_money = Amount::from_sat(2_100_000_000_000_000);
        (spec.limits.coinbase_maturity, spec.limits.block_weight, spec.limits.sigop_cost, spec.limits.block_txs) = limits;
        let kept = &mut spec.deployments;
        (kept.bip30, kept.bip65, kept.bip66, kept.csv, kept.bip94) = forks;
        (kept.bip30_exceptions, spec.assume.checkpoints, spec.assume.assumed_valid) = lists;
        let coins = |&(height, hash): &(Height, BlockHash)| AssumedCoins { height, hash, coins_hash: Sha256d::from_bytes(hash.to_bytes()) };
        spec.assume.snapshots = spec.assume.checkpoints.iter().map(coins).collect();
        kept.script_exceptions = exceptions
            .into_iter()
            .map(|block| ScriptException {
                block: BlockHash::from_bytes(block),
                p2sh: block[0] & 1 == 1,
                witness: block[0] & 3 == 3,
                taproot: block[0] & 7 == 7,
            })
            .collect();
        spec.assume.min_chain_work = Work::from_be_bytes(work);
        spec
    }
}

proptest! {
    #[test]
    fn generated_specs_read_back(spec in any_spec()) {
        prop_assert_eq!(spec.check(), Ok(()));
        prop_assert_eq!(ChainSpec::from_toml(&spec.to_toml()), Ok(spec));
    }

    // Nothing checks an unmined first block's hash, so its texts and scripts may be anything.
    #[test]
    fn any_message_and_script_read_back(
        message in "\\PC{0,30}|[\"\\\\\n\t\u{0}\u{7f}#=\\[\\]']{0,30}",
        script in proptest::collection::vec(any::<u8>(), 0..60),
        limit in any::<[u8; 32]>(),
    ) {
        prop_assume!(message.len() <= 91);
        let mut spec = presets::regtest();
        spec.genesis.message = message;
        spec.genesis.output_script = Script::from_bytes(script);
        let limit = Target::from_be_bytes(limit);
        spec.pow.limit = limit.max(spec.pow.limit);
        prop_assert_eq!(ChainSpec::from_toml_unmined(&spec.to_toml()), Ok(spec));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}|(\\[?(pow|chain|extends)[.\\]= \"a-z0-9\n]{0,20}){0,6}") {
        let _ = ChainSpec::from_toml(&text);
        let _ = Unmined::from_toml(&text);
    }

    // One damaged line of a full file is refused, or read, but never a panic; a refusal has a line.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte in 0x20..0x7f_u8) {
        let mut text = presets::bitcoin().to_toml().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let text = String::from_utf8(text).expect("the full form is ASCII");
        if let Err(error) = ChainSpec::from_toml(&text) { prop_assert!(error.line.is_some()); }
    }
}
