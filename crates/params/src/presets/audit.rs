//! The presets of Bitcoin's networks against the figures of Bitcoin Core, field by field.
//!
//! The figures were put down from Core 30's `kernel/chainparams.cpp`, `consensus/consensus.h`, `consensus/amount.h`, `chain.h`
//! and `validation.cpp`, the checkpoints from Core 29's, as Core has them: as texts and numbers, not by way of this crate.

use cairn_primitives::hex;

use super::*;
use crate::signalling::Fork;
use crate::spec::{Activation, MinDifficulty, Retarget};

/// What Core says of a network.
struct Facts {
    name: &'static str,
    /// `pchMessageStart`.
    magic: &'static str,
    port: u16,
    seeds: &'static [&'static str],
    /// Versions of P2PKH, P2SH and secret keys.
    base58: [u8; 3],
    /// Versions of extended public and private keys.
    extended: [&'static str; 2],
    bech32: &'static str,
    /// Time, nonce and bits; the version is 1 and the reward 50 coins on all.
    genesis: (u32, u32, u32),
    genesis_hash: &'static str,
    merkle_root: &'static str,
    pow_limit: &'static str,
    allow_min_difficulty: bool,
    no_retargeting: bool,
    enforce_bip94: bool,
    halving: u32,
    /// BIP34, 65, 66, CSV and segwit.
    heights: [u32; 5],
    bip34_hash: Option<&'static str>,
    /// Blocks with the rules that hold in them: none, or P2SH and witness.
    exceptions: &'static [(&'static str, &'static [&'static str])],
    bip30_repeats: &'static [(u32, &'static str)],
    min_work: &'static str,
    assume_valid: Option<&'static str>,
    /// How many, the first and the last.
    checkpoints: (usize, &'static [(u32, &'static str)]),
    /// Height, block and coins of each: `m_assumeutxo_data`, mainnet to signet as in Core 31, regtest as in Core 30.
    snapshots: &'static [(u32, &'static str, &'static str)],
}

const TIMES_ROOT: &str = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
const WORK_OF_32_BITS: &str = "00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

const MAIN: Facts = Facts {
    name: "bitcoin",
    magic: "f9beb4d9",
    port: 8333,
    seeds: &[
        "seed.bitcoin.sipa.be",
        "dnsseed.bluematt.me",
        "seed.bitcoin.jonasschnelli.ch",
        "seed.btc.petertodd.net",
        "seed.bitcoin.sprovoost.nl",
        "dnsseed.emzy.de",
        "seed.bitcoin.wiz.biz",
        "seed.mainnet.achownodes.xyz",
    ],
    base58: [0, 5, 128],
    extended: ["0488b21e", "0488ade4"],
    bech32: "bc",
    genesis: (1231006505, 2083236893, 0x1d00ffff),
    genesis_hash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    merkle_root: TIMES_ROOT,
    pow_limit: WORK_OF_32_BITS,
    allow_min_difficulty: false,
    no_retargeting: false,
    enforce_bip94: false,
    halving: 210000,
    heights: [227931, 388381, 363725, 419328, 481824],
    bip34_hash: Some("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8"),
    exceptions: &[
        ("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22", &[]),
        ("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad", &["P2SH", "WITNESS"]),
    ],
    bip30_repeats: &[
        (91842, "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"),
        (91880, "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"),
    ],
    min_work: "0000000000000000000000000000000000000000dee8e2a309ad8a9820433c68",
    assume_valid: Some("00000000000000000000611fd22f2df7c8fbd0688745c3a6c3bb5109cc2a12cb"),
    checkpoints: (
        13,
        &[
            (11111, "0000000069e244f73d78e8fd29ba2fd2ed618bd6fa2ee92559f542fdb26e7c1d"),
            (295000, "00000000000000004d9b4ef50f0f9d686fd69db2e03af35a100370c64632a983"),
        ],
    ),
    snapshots: &[
        (
            840000,
            "0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5",
            "a2a5521b1b5ab65f67818e5e8eccabb7171a517f9e2382208f77687310768f96",
        ),
        (
            880000,
            "000000000000000000010b17283c3c400507969a9c2afd1dcf2082ec5cca2880",
            "dbd190983eaf433ef7c15f78a278ae42c00ef52e0fd2a54953782175fbadcea9",
        ),
        (
            910000,
            "0000000000000000000108970acb9522ffd516eae17acddcb1bd16469194a821",
            "4daf8a17b4902498c5787966a2b51c613acdab5df5db73f196fa59a4da2f1568",
        ),
        (
            935000,
            "0000000000000000000147034958af1652b2b91bba607beacc5e72a56f0fb5ee",
            "e4b90ef9eae834f56c4b64d2d50143cee10ad87994c614d7d04125e2a6025050",
        ),
    ],
};

const TEST3: Facts = Facts {
    name: "testnet3",
    magic: "0b110907",
    port: 18333,
    seeds: &[
        "testnet-seed.bitcoin.jonasschnelli.ch",
        "seed.tbtc.petertodd.net",
        "seed.testnet.bitcoin.sprovoost.nl",
        "testnet-seed.bluematt.me",
        "seed.testnet.achownodes.xyz",
    ],
    base58: [111, 196, 239],
    extended: ["043587cf", "04358394"],
    bech32: "tb",
    genesis: (1296688602, 414098458, 0x1d00ffff),
    genesis_hash: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    allow_min_difficulty: true,
    heights: [21111, 581885, 330776, 770112, 834624],
    bip34_hash: Some("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8"),
    exceptions: &[("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105", &[])],
    bip30_repeats: &[],
    min_work: "0000000000000000000000000000000000000000000016dd270dd94fac1d7632",
    assume_valid: Some("0000000000000065c6c38258e201971a3fdfcc2ceee0dd6e85a6c022d45dee34"),
    checkpoints: (1, &[(546, "000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70")]),
    snapshots: &[
        (
            2500000,
            "0000000000000093bcb68c03a9a168ae252572d348a2eaeba2cdf9231d73206f",
            "f841584909f68e47897952345234e37fcd9128cd818f41ee6c3ca68db8071be7",
        ),
        (
            4840000,
            "00000000000000f4971a7fb37fbdff89315b69a2e1920c467654a382f0d64786",
            "ce6bb677bb2ee9789c4a1c9d73e6683c53fc20e8fdbedbdaaf468982a0c8db2a",
        ),
    ],
    ..MAIN
};

/// Where every fork holds from block 1 and nothing happened before.
const FRESH: Facts =
    Facts { heights: [1, 1, 1, 1, 1], bip34_hash: None, exceptions: &[], checkpoints: (0, &[]), ..TEST3 };

const TEST4: Facts = Facts {
    name: "testnet4",
    magic: "1c163f28",
    port: 48333,
    seeds: &["seed.testnet4.bitcoin.sprovoost.nl", "seed.testnet4.wiz.biz"],
    genesis: (1714777860, 393743547, 0x1d00ffff),
    genesis_hash: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    merkle_root: "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e",
    enforce_bip94: true,
    min_work: "00000000000000000000000000000000000000000000034a4690fe592dc49c7c",
    assume_valid: Some("000000000000000180a58e7fa3b0db84b5ea76377524894f53660d93ac839d9b"),
    snapshots: &[
        (
            90000,
            "0000000002ebe8bcda020e0dd6ccfbdfac531d2f6a81457191b99fc2df2dbe3b",
            "784fb5e98241de66fdd429f4392155c9e7db5c017148e66e8fdbc95746f8b9b5",
        ),
        (
            120000,
            "000000000bd2317e51b3c5794981c35ba894ce27d3e772d5c39ecd9cbce01dc8",
            "10b05d05ad468d0971162e1b222a4aa66caca89da2bb2a93f8f37fb29c4794b0",
        ),
    ],
    ..FRESH
};

const SIGNET: Facts = Facts {
    name: "signet",
    magic: "0a03cf40",
    port: 38333,
    seeds: &["seed.signet.bitcoin.sprovoost.nl", "seed.signet.achownodes.xyz"],
    genesis: (1598918400, 52613770, 0x1e0377ae),
    genesis_hash: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    pow_limit: "00000377ae000000000000000000000000000000000000000000000000000000",
    allow_min_difficulty: false,
    min_work: "0000000000000000000000000000000000000000000000000000067d328e681a",
    assume_valid: Some("000000128586e26813922680309f04e1de713c7542fee86ed908f56368aefe2e"),
    snapshots: &[
        (
            160000,
            "0000003ca3c99aff040f2563c2ad8f8ec88bd0fd6b8f0895cfaf1ef90353a62c",
            "fe0a44309b74d6b5883d246cb419c6221bcccf0b308c9b59b7d70783dbdf928a",
        ),
        (
            290000,
            "0000000577f2741bb30cd9d39d6d71b023afbeb9764f6260786a97969d5c9ac0",
            "97267e000b4b876800167e71b9123f1529d13b14308abec2888bbd2160d14545",
        ),
    ],
    ..FRESH
};

const REGTEST: Facts = Facts {
    name: "regtest",
    magic: "fabfb5da",
    port: 18444,
    // Core's "dummySeed.invalid" stands for none.
    seeds: &[],
    bech32: "bcrt",
    genesis: (1296688602, 2, 0x207fffff),
    genesis_hash: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    pow_limit: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    no_retargeting: true,
    halving: 150,
    heights: [1, 1, 1, 1, 0],
    min_work: "0000000000000000000000000000000000000000000000000000000000000000",
    assume_valid: None,
    snapshots: &[
        (
            110,
            "6affe030b7965ab538f820a56ef56c8149b7dc1d1c144af57113be080db7c397",
            "b952555c8ab81fec46f3d4253b7af256d766ceb39fb7752b9d18cdf4a0141327",
        ),
        (
            200,
            "385901ccbd69dff6bbd00065d01fb8a9e464dede7cfe0372443884f9b1dcf6b9",
            "17dcc016d188d16068907cdeb38b75691a118d43053b8cd6a25969419381d13a",
        ),
        (
            299,
            "7cc695046fec709f8c9394b6f928f81e81fd3ac20977bb68760fa1faa7916ea2",
            "d2b051ff5e8eef46520350776f4100dd710a63447a8e01d917e92e79751a63e2",
        ),
    ],
    ..FRESH
};

fn networks() -> Vec<(Facts, ChainSpec)> {
    let all = [MAIN, TEST3, TEST4, SIGNET, REGTEST];
    all.map(|facts| (ChainSpec::preset(facts.name).unwrap(), facts)).map(|(spec, facts)| (facts, spec)).into()
}

/// What one field is on a network, with its name for the message.
fn each(check: impl Fn(&Facts, &ChainSpec, &str)) {
    for (facts, spec) in networks() {
        check(&facts, &spec, facts.name);
    }
}

#[test]
fn magic_ports_and_seeds() {
    each(|facts, spec, name| {
        assert_eq!(hex::encode(&spec.network.magic), facts.magic, "{name}");
        assert_eq!(spec.network.p2p_port, facts.port, "{name}");
        assert_eq!(spec.network.dns_seeds, facts.seeds, "{name}");
    });
}

#[test]
fn prefixes() {
    each(|facts, spec, name| {
        let address = &spec.address;
        assert_eq!([address.p2pkh, address.p2sh, address.wif], facts.base58, "{name}");
        assert_eq!([hex::encode(&address.xpub), hex::encode(&address.xprv)], facts.extended, "{name}");
        assert_eq!(address.hrp.as_str(), facts.bech32, "{name}");
    });
}

#[test]
fn first_blocks() {
    each(|facts, spec, name| {
        let genesis = &spec.genesis;
        let fields = (genesis.time.to_u32(), genesis.nonce, genesis.bits.to_bits());
        assert_eq!(fields, facts.genesis, "{name}");
        assert_eq!((genesis.version, genesis.reward.to_sat()), (1, 50 * 100_000_000), "{name}");
        let block = spec.genesis_block();
        assert_eq!(block.hash().to_string(), facts.genesis_hash, "{name}");
        assert_eq!(block.header.merkle_root.to_string(), facts.merkle_root, "{name}");
    });
}

#[test]
fn proof_of_work() {
    each(|facts, spec, name| {
        let pow = &spec.pow;
        assert_eq!(pow.limit.to_string(), facts.pow_limit, "{name}");
        assert_eq!(pow.spacing, 10 * 60, "{name}");
        match pow.retarget {
            Retarget::None => assert!(facts.no_retargeting, "{name}"),
            Retarget::Epoch { window, clamp, from_first } => {
                assert!(!facts.no_retargeting, "{name}");
                assert_eq!(window * pow.spacing, 14 * 24 * 60 * 60, "{name}");
                assert_eq!((clamp, from_first), (4, facts.enforce_bip94), "{name}");
            }
            Retarget::Asert { .. } => panic!("{name}"),
        }
        // Without retargeting every block has the limit anyway.
        let late = facts.allow_min_difficulty && !facts.no_retargeting;
        assert_eq!(pow.min_difficulty == MinDifficulty::AfterTwiceSpacing, late, "{name}");
        let bip94 = if facts.enforce_bip94 { Activation::Always } else { Activation::Never };
        assert_eq!(spec.deployments.bip94, bip94, "{name}");
    });
}

#[test]
fn activation_heights() {
    each(|facts, spec, name| {
        let forks = [Fork::Bip34, Fork::Bip65, Fork::Bip66, Fork::Csv, Fork::Segwit];
        for (fork, at) in forks.into_iter().zip(facts.heights) {
            let activation = spec.deployments.activation(fork);
            assert_eq!(activation, Activation::Height(Height::new(at)), "{name}: {}", fork.name());
        }
        // Core checks them in every block but the exceptions.
        for fork in [Fork::Bip16, Fork::Bip30, Fork::Taproot] {
            assert_eq!(spec.deployments.activation(fork), Activation::Always, "{name}: {}", fork.name());
        }
        assert_eq!(spec.deployments.signalled().count(), 0, "{name}");
    });
}

#[test]
fn exceptions_by_hash() {
    each(|facts, spec, name| {
        let forks = &spec.deployments;
        assert_eq!(forks.bip34_hash.map(|hash| hash.to_string()).as_deref(), facts.bip34_hash, "{name}");
        let rules = |e: &crate::ScriptException| {
            let rules = [(e.p2sh, "P2SH"), (e.witness, "WITNESS"), (e.taproot, "TAPROOT")];
            rules.into_iter().filter(|(on, _)| *on).map(|(_, rule)| rule).collect::<Vec<_>>()
        };
        let got: Vec<_> = forks.script_exceptions.iter().map(|e| (e.block.to_string(), rules(e))).collect();
        let expected: Vec<_> =
            facts.exceptions.iter().map(|(block, rules)| (block.to_string(), rules.to_vec())).collect();
        assert_eq!(got, expected, "{name}");
        assert_eq!(texts(&forks.bip30_exceptions), owned(facts.bip30_repeats), "{name}");
    });
}

fn texts(list: &[(Height, BlockHash)]) -> Vec<(u32, String)> {
    list.iter().map(|(at, hash)| (at.to_u32(), hash.to_string())).collect()
}

fn owned(list: &[(u32, &str)]) -> Vec<(u32, String)> {
    list.iter().map(|(at, hash)| (*at, (*hash).to_owned())).collect()
}

#[test]
fn what_is_assumed() {
    each(|facts, spec, name| {
        assert_eq!(spec.assume.min_chain_work.to_string(), facts.min_work, "{name}");
        let assumed = spec.assume.assumed_valid.map(|hash| hash.to_string());
        assert_eq!(assumed.as_deref(), facts.assume_valid, "{name}");
        let (count, ends) = facts.checkpoints;
        let got = texts(&spec.assume.checkpoints);
        assert_eq!(got.len(), count, "{name}");
        for end in owned(ends) {
            assert!(got.first() == Some(&end) || got.last() == Some(&end), "{name}: {end:?}");
        }
        let coins = &spec.assume.snapshots;
        let coins: Vec<_> =
            coins.iter().map(|c| (c.height.to_u32(), c.hash.to_string(), c.coins_hash.to_string())).collect();
        let known: Vec<_> = facts
            .snapshots
            .iter()
            .map(|&(at, hash, coins)| (at, hash.to_owned(), coins.to_owned()))
            .collect();
        assert_eq!(coins, known, "{name}");
    });
}

#[test]
fn limits_and_subsidy() {
    each(|facts, spec, name| {
        let limits = &spec.limits;
        // COINBASE_MATURITY, MAX_BLOCK_WEIGHT, MAX_BLOCK_SIGOPS_COST, MAX_MONEY, MAX_FUTURE_BLOCK_TIME.
        assert_eq!(
            (limits.coinbase_maturity, limits.block_weight, limits.sigop_cost),
            (100, 4_000_000, 80_000)
        );
        assert_eq!((limits.max_money.to_sat(), limits.max_future_seconds), (2_100_000_000_000_000, 7_200));
        assert_eq!(limits.block_txs, None, "{name}");
        let at = |height| spec.subsidy.at(Height::new(height)).to_sat();
        let halving = facts.halving;
        assert_eq!(
            [at(0), at(halving - 1), at(halving)],
            [5_000_000_000, 5_000_000_000, 2_500_000_000],
            "{name}"
        );
        // Thirty-two halvings leave one unit, the next none (Core's `GetBlockSubsidy`).
        assert_eq!([at(32 * halving), at(33 * halving), at(64 * halving)], [1, 0, 0], "{name}");
    });
}

#[test]
fn the_signet_challenge() {
    // One of two keys (BIP325).
    let challenge = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be43021\
                     0359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";
    each(|_, spec, name| {
        let got = spec.deployments.signet_challenge.as_ref().map(|script| hex::encode(script.as_bytes()));
        assert_eq!(got.as_deref(), (name == "signet").then_some(challenge), "{name}");
    });
}
