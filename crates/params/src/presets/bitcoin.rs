//! Bitcoin and its test networks, as Bitcoin Core 30 has them (`kernel/chainparams.cpp`, and for the blocks
//! excepted from BIP30 `IsBIP30Repeat` in `validation.cpp`). The checkpoints are those of Core 29, the last to
//! have any. The snapshots of the coins are those of Core 31, on regtest those of Core 30.

use cairn_primitives::{
    AddressPrefixes, Amount, BlockHash, BlockTime, CompactTarget, Height, Script, Target, Work, hex,
};

use super::{COIN, HTTP_PORT, bitcoin_limits, block, blocks, halving, hrp, info, script, target_of};
use crate::spec::{
    Activation, Assume, AssumedCoins, ChainSpec, Deployments, GenesisSpec, MinDifficulty, NetworkSpec,
    PowSpec, Retarget, ScriptException,
};

/// The message in every first block but testnet4's.
const TIMES: &str = "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks";

/// The key paid by every first block but testnet4's.
const GENESIS_KEY: &str = "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6\
                           49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f";

/// The challenge of the default signet: one of two keys.
const SIGNET_CHALLENGE: &str = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430\
                                210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";

/// Bitcoin's main network.
pub fn bitcoin() -> ChainSpec {
    let genesis = genesis(1_231_006_505, 0x1d00_ffff, 2_083_236_893);
    ChainSpec {
        chain: info("bitcoin", "BTC"),
        network: network([0xf9, 0xbe, 0xb4, 0xd9], 8333, MAIN_SEEDS),
        address: AddressPrefixes {
            p2pkh: 0,
            p2sh: 5,
            wif: 128,
            hrp: hrp("bc"),
            xpub: [0x04, 0x88, 0xb2, 0x1e],
            xprv: [0x04, 0x88, 0xad, 0xe4],
            coin_type: 0,
        },
        genesis: with_hash(genesis, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
        pow: pow(),
        subsidy: halving(210_000),
        limits: bitcoin_limits(),
        deployments: Deployments {
            bip34: at(227_931),
            bip65: at(388_381),
            bip66: at(363_725),
            csv: at(419_328),
            segwit: at(481_824),
            bip30_exceptions: blocks(BIP30_REPEATS),
            bip34_hash: Some(block("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8")),
            script_exceptions: vec![
                // A P2SH spend mined before BIP16 that fails it, and a taproot spend likewise.
                exception("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22", false),
                exception("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad", true),
            ],
            ..deployments()
        },
        assume: Assume {
            min_chain_work: work("0000000000000000000000000000000000000000dee8e2a309ad8a9820433c68"),
            // Height 912,683.
            assumed_valid: Some(block("00000000000000000000611fd22f2df7c8fbd0688745c3a6c3bb5109cc2a12cb")),
            checkpoints: blocks(MAIN_CHECKPOINTS),
            snapshots: snapshots(MAIN_SNAPSHOTS),
        },
    }
}

/// Bitcoin's third test network.
pub fn testnet3() -> ChainSpec {
    let genesis = genesis(1_296_688_602, 0x1d00_ffff, 414_098_458);
    ChainSpec {
        chain: info("testnet3", "TBTC"),
        network: network([0x0b, 0x11, 0x09, 0x07], 18_333, TESTNET3_SEEDS),
        address: test_prefixes("tb"),
        genesis: with_hash(genesis, "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
        pow: PowSpec { min_difficulty: MinDifficulty::AfterTwiceSpacing, ..pow() },
        subsidy: halving(210_000),
        limits: bitcoin_limits(),
        deployments: Deployments {
            bip34: at(21_111),
            bip65: at(581_885),
            bip66: at(330_776),
            csv: at(770_112),
            segwit: at(834_624),
            bip34_hash: Some(block("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8")),
            script_exceptions: vec![exception(
                "00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105",
                false,
            )],
            ..deployments()
        },
        assume: Assume {
            min_chain_work: work("0000000000000000000000000000000000000000000016dd270dd94fac1d7632"),
            // Height 4,550,000.
            assumed_valid: Some(block("0000000000000065c6c38258e201971a3fdfcc2ceee0dd6e85a6c022d45dee34")),
            checkpoints: blocks(&[(546, "000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70")]),
            snapshots: snapshots(TEST3_SNAPSHOTS),
        },
    }
}

/// Bitcoin's fourth test network (BIP94).
pub fn testnet4() -> ChainSpec {
    let genesis = GenesisSpec {
        message: "03/May/2024 000000000000000000001ebd58c244970b3aa9d783bb001011fbe8ea8e98e00e".to_owned(),
        output_script: Script::p2pk(&[0; 33]),
        ..genesis(1_714_777_860, 0x1d00_ffff, 393_743_547)
    };
    ChainSpec {
        chain: info("testnet4", "TBTC"),
        network: network([0x1c, 0x16, 0x3f, 0x28], 48_333, TESTNET4_SEEDS),
        address: test_prefixes("tb"),
        genesis: with_hash(genesis, "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
        pow: PowSpec {
            retarget: Retarget::Epoch { window: 2016, clamp: 4, from_first: true },
            min_difficulty: MinDifficulty::AfterTwiceSpacing,
            ..pow()
        },
        subsidy: halving(210_000),
        limits: bitcoin_limits(),
        deployments: Deployments { bip94: Activation::Always, ..from_the_first_block() },
        assume: Assume {
            min_chain_work: work("00000000000000000000000000000000000000000000034a4690fe592dc49c7c"),
            // Height 91,000.
            assumed_valid: Some(block("000000000000000180a58e7fa3b0db84b5ea76377524894f53660d93ac839d9b")),
            checkpoints: Vec::new(),
            snapshots: snapshots(TEST4_SNAPSHOTS),
        },
    }
}

/// The default signet, whose blocks are signed (BIP325).
pub fn signet() -> ChainSpec {
    let genesis = genesis(1_598_918_400, 0x1e03_77ae, 52_613_770);
    ChainSpec {
        chain: info("signet", "TBTC"),
        // The magic follows from the challenge.
        network: network([0x0a, 0x03, 0xcf, 0x40], 38_333, SIGNET_SEEDS),
        address: test_prefixes("tb"),
        genesis: with_hash(genesis, "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"),
        pow: PowSpec { limit: target_of(0x1e03_77ae), ..pow() },
        subsidy: halving(210_000),
        limits: bitcoin_limits(),
        deployments: Deployments {
            signet_challenge: Some(script(SIGNET_CHALLENGE)),
            ..from_the_first_block()
        },
        assume: Assume {
            min_chain_work: work("0000000000000000000000000000000000000000000000000000067d328e681a"),
            // Height 267,665.
            assumed_valid: Some(block("000000128586e26813922680309f04e1de713c7542fee86ed908f56368aefe2e")),
            checkpoints: Vec::new(),
            snapshots: snapshots(SIGNET_SNAPSHOTS),
        },
    }
}

/// A private chain whose blocks are found at once.
///
/// Core allows minimum-difficulty blocks here as well; as the first block is at the limit and nothing ever
/// retargets, every block is at the limit either way.
pub fn regtest() -> ChainSpec {
    let genesis = genesis(1_296_688_602, 0x207f_ffff, 2);
    ChainSpec {
        chain: info("regtest", "TBTC"),
        network: network([0xfa, 0xbf, 0xb5, 0xda], 18_444, &[]),
        address: test_prefixes("bcrt"),
        genesis: with_hash(genesis, "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"),
        pow: PowSpec { limit: all_ones(255), retarget: Retarget::None, ..pow() },
        subsidy: halving(150),
        limits: bitcoin_limits(),
        deployments: Deployments { segwit: at(0), ..from_the_first_block() },
        assume: Assume { snapshots: snapshots(REGTEST_SNAPSHOTS), ..Assume::nothing() },
    }
}

const MAIN_SNAPSHOTS: &[(u32, &str, &str)] = &[
    (
        840_000,
        "0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5",
        "a2a5521b1b5ab65f67818e5e8eccabb7171a517f9e2382208f77687310768f96",
    ),
    (
        880_000,
        "000000000000000000010b17283c3c400507969a9c2afd1dcf2082ec5cca2880",
        "dbd190983eaf433ef7c15f78a278ae42c00ef52e0fd2a54953782175fbadcea9",
    ),
    (
        910_000,
        "0000000000000000000108970acb9522ffd516eae17acddcb1bd16469194a821",
        "4daf8a17b4902498c5787966a2b51c613acdab5df5db73f196fa59a4da2f1568",
    ),
    (
        935_000,
        "0000000000000000000147034958af1652b2b91bba607beacc5e72a56f0fb5ee",
        "e4b90ef9eae834f56c4b64d2d50143cee10ad87994c614d7d04125e2a6025050",
    ),
];

const TEST3_SNAPSHOTS: &[(u32, &str, &str)] = &[
    (
        2_500_000,
        "0000000000000093bcb68c03a9a168ae252572d348a2eaeba2cdf9231d73206f",
        "f841584909f68e47897952345234e37fcd9128cd818f41ee6c3ca68db8071be7",
    ),
    (
        4_840_000,
        "00000000000000f4971a7fb37fbdff89315b69a2e1920c467654a382f0d64786",
        "ce6bb677bb2ee9789c4a1c9d73e6683c53fc20e8fdbedbdaaf468982a0c8db2a",
    ),
];

const TEST4_SNAPSHOTS: &[(u32, &str, &str)] = &[
    (
        90_000,
        "0000000002ebe8bcda020e0dd6ccfbdfac531d2f6a81457191b99fc2df2dbe3b",
        "784fb5e98241de66fdd429f4392155c9e7db5c017148e66e8fdbc95746f8b9b5",
    ),
    (
        120_000,
        "000000000bd2317e51b3c5794981c35ba894ce27d3e772d5c39ecd9cbce01dc8",
        "10b05d05ad468d0971162e1b222a4aa66caca89da2bb2a93f8f37fb29c4794b0",
    ),
];

const SIGNET_SNAPSHOTS: &[(u32, &str, &str)] = &[
    (
        160_000,
        "0000003ca3c99aff040f2563c2ad8f8ec88bd0fd6b8f0895cfaf1ef90353a62c",
        "fe0a44309b74d6b5883d246cb419c6221bcccf0b308c9b59b7d70783dbdf928a",
    ),
    (
        290_000,
        "0000000577f2741bb30cd9d39d6d71b023afbeb9764f6260786a97969d5c9ac0",
        "97267e000b4b876800167e71b9123f1529d13b14308abec2888bbd2160d14545",
    ),
];

/// The blocks that Core's own tests make.
const REGTEST_SNAPSHOTS: &[(u32, &str, &str)] = &[
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
];

const MAIN_SEEDS: &[&str] = &[
    "seed.bitcoin.sipa.be",
    "dnsseed.bluematt.me",
    "seed.bitcoin.jonasschnelli.ch",
    "seed.btc.petertodd.net",
    "seed.bitcoin.sprovoost.nl",
    "dnsseed.emzy.de",
    "seed.bitcoin.wiz.biz",
    "seed.mainnet.achownodes.xyz",
];

const TESTNET3_SEEDS: &[&str] = &[
    "testnet-seed.bitcoin.jonasschnelli.ch",
    "seed.tbtc.petertodd.net",
    "seed.testnet.bitcoin.sprovoost.nl",
    "testnet-seed.bluematt.me",
    "seed.testnet.achownodes.xyz",
];

const TESTNET4_SEEDS: &[&str] = &["seed.testnet4.bitcoin.sprovoost.nl", "seed.testnet4.wiz.biz"];

const SIGNET_SEEDS: &[&str] = &["seed.signet.bitcoin.sprovoost.nl", "seed.signet.achownodes.xyz"];

/// The two blocks whose coinbase repeats an earlier one.
const BIP30_REPEATS: &[(u32, &str)] = &[
    (91_842, "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"),
    (91_880, "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"),
];

const MAIN_CHECKPOINTS: &[(u32, &str)] = &[
    (11_111, "0000000069e244f73d78e8fd29ba2fd2ed618bd6fa2ee92559f542fdb26e7c1d"),
    (33_333, "000000002dd5588a74784eaa7ab0507a18ad16a236e7b1ce69f00d7ddfb5d0a6"),
    (74_000, "0000000000573993a3c9e41ce34471c079dcf5f52a0e824a81e7f953b8661a20"),
    (105_000, "00000000000291ce28027faea320c8d2b054b2e0fe44a773f3eefb151d6bdc97"),
    (134_444, "00000000000005b12ffd4cd315cd34ffd4a594f430ac814c91184a0d42d2b0fe"),
    (168_000, "000000000000099e61ea72015e79632f216fe6cb33d7899acb35b75c8303b763"),
    (193_000, "000000000000059f452a5f7340de6682a977387c17010ff6e6c3bd83ca8b1317"),
    (210_000, "000000000000048b95347e83192f69cf0366076336c639f9b7228e9ba171342e"),
    (216_116, "00000000000001b4f4b433e81ee46494af945cf96014816a4e2370f11b23df4e"),
    (225_430, "00000000000001c108384350f74090433e7fcf79a606b8e797f065b130575932"),
    (250_000, "000000000000003887df1f29024b06fc2200b55f8af8f35453d7be294df2d214"),
    (279_000, "0000000000000001ae8c72a0b0c301f67e3afca10e819efa9041e458e9bd7e40"),
    (295_000, "00000000000000004d9b4ef50f0f9d686fd69db2e03af35a100370c64632a983"),
];

fn network(magic: [u8; 4], p2p_port: u16, dns_seeds: &[&str]) -> NetworkSpec {
    let dns_seeds = dns_seeds.iter().map(|&seed| seed.to_owned()).collect();
    NetworkSpec { magic, p2p_port, http_port: HTTP_PORT, dns_seeds, fixed_seeds: Vec::new() }
}

fn test_prefixes(human_readable: &str) -> AddressPrefixes {
    AddressPrefixes {
        p2pkh: 111,
        p2sh: 196,
        wif: 239,
        hrp: hrp(human_readable),
        xpub: [0x04, 0x35, 0x87, 0xcf],
        xprv: [0x04, 0x35, 0x83, 0x94],
        coin_type: 1,
    }
}

/// A first block with the Times message, not yet with its hash.
fn genesis(time: u32, bits: u32, nonce: u32) -> GenesisSpec {
    let key = hex::decode(GENESIS_KEY).expect("a constant of this crate, read by its tests");
    GenesisSpec {
        version: 1,
        time: BlockTime::new(time),
        bits: CompactTarget::from_bits(bits),
        nonce,
        message: TIMES.to_owned(),
        output_script: Script::p2pk(&key),
        reward: Amount::from_sat(50 * COIN),
        hash: BlockHash::ZERO,
    }
}

fn with_hash(genesis: GenesisSpec, hash: &str) -> GenesisSpec {
    GenesisSpec { hash: block(hash), ..genesis }
}

/// Ten minutes, two weeks, a factor of four, and at least 2^32 hashes a block.
fn pow() -> PowSpec {
    PowSpec {
        limit: all_ones(224),
        spacing: 600,
        retarget: Retarget::Epoch { window: 2016, clamp: 4, from_first: false },
        min_difficulty: MinDifficulty::Never,
    }
}

fn at(height: u32) -> Activation {
    Activation::Height(Height::new(height))
}

/// P2SH and taproot hold from the first block on, as the blocks that broke them are excepted by hash; all
/// other forks are to be replaced.
fn deployments() -> Deployments {
    Deployments {
        bip16: Activation::Always,
        bip30: Activation::Always,
        bip34: Activation::Never,
        bip65: Activation::Never,
        bip66: Activation::Never,
        csv: Activation::Never,
        segwit: Activation::Never,
        taproot: Activation::Always,
        bip94: Activation::Never,
        bip30_exceptions: Vec::new(),
        bip34_hash: None,
        script_exceptions: Vec::new(),
        signet_challenge: None,
    }
}

/// Every fork at height 1, which unlike "always" asks for the block versions that signalled them.
fn from_the_first_block() -> Deployments {
    Deployments { bip34: at(1), bip65: at(1), bip66: at(1), csv: at(1), segwit: at(1), ..deployments() }
}

/// A block in which taproot does not hold, and either both or none of P2SH and witness rules.
fn exception(hash: &str, p2sh_and_witness: bool) -> ScriptException {
    ScriptException { block: block(hash), p2sh: p2sh_and_witness, witness: p2sh_and_witness, taproot: false }
}

fn work(digits: &str) -> Work {
    digits.parse().expect("a constant of this crate, read by its tests")
}

/// The target 2^`bits` - 1.
fn all_ones(bits: usize) -> Target {
    let zeros = 256 - bits;
    let mut bytes = [0xff; 32];
    bytes[..zeros / 8].fill(0);
    bytes[zeros / 8] >>= zeros % 8;
    Target::from_be_bytes(bytes)
}

fn snapshots(list: &[(u32, &str, &str)]) -> Vec<AssumedCoins> {
    let known = |&(height, hash, coins): &(u32, &str, &str)| AssumedCoins {
        height: Height::new(height),
        hash: block(hash),
        coins_hash: coins.parse().expect("a preset's hash is well-formed"),
    };
    list.iter().map(known).collect()
}
