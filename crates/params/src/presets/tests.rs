use std::collections::HashSet;
use std::path::PathBuf;

use cairn_primitives::{Address, Block, Decode, Hash160, Header, hash};

use super::*;
use crate::spec::{Activation, MinDifficulty, Retarget};

fn all() -> Vec<ChainSpec> {
    NAMES.iter().map(|name| ChainSpec::preset(name).unwrap()).collect()
}

/// The bytes of `path` in the data folder, or `None` with a line that says which test is skipped.
fn data(path: &str, test: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let file = std::env::var_os("CAIRN_DATA").map_or_else(beside, PathBuf::from).join(path);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        println!("skipped: {test} needs {}", file.display());
    }
    bytes
}

#[test]
fn every_preset_keeps_every_rule_and_has_its_name() {
    for (name, spec) in NAMES.iter().zip(all()) {
        assert_eq!(spec.check(), Ok(()), "{name}");
        assert_eq!(spec.chain.name, *name);
        assert_eq!(spec.genesis_block().hash(), spec.genesis_hash(), "{name}");
    }
    assert_eq!(ChainSpec::preset("Bitcoin"), None);
    assert_eq!(ChainSpec::preset(""), None);
}

#[test]
fn merkle_roots_of_the_first_blocks_are_the_published_ones() {
    let times = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
    let testnet4_root = "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e";
    for (spec, root) in [
        (bitcoin(), times),
        (testnet3(), times),
        (signet(), times),
        (regtest(), times),
        (testnet4(), testnet4_root),
    ] {
        assert_eq!(spec.genesis_block().header.merkle_root.to_string(), root, "{}", spec.chain.name);
        assert_eq!(spec.genesis_block().merkle_root().to_string(), root, "{}", spec.chain.name);
    }
}

#[test]
fn first_blocks_are_the_real_ones_byte_for_byte() {
    let test = "first_blocks_are_the_real_ones_byte_for_byte";
    for (spec, file) in [
        (bitcoin(), "blocks/mainnet-000000-000599.dat"),
        (testnet3(), "blocks/testnet3-000000-000400.dat"),
        (signet(), "blocks/signet-000000-000060.dat"),
    ] {
        let Some(file) = data(file, test) else { return };
        let (magic, rest) = file.split_first_chunk().unwrap();
        let (length, rest) = rest.split_first_chunk().unwrap();
        let block = Block::from_bytes(&rest[..u32::from_le_bytes(*length) as usize]).unwrap();
        assert_eq!(spec.genesis_block(), block, "{}", spec.chain.name);
        assert_eq!(spec.network.magic, *magic, "{}", spec.chain.name);
    }
    let Some(headers) = data("headers/testnet4-000000-000100.bin", test) else { return };
    assert_eq!(testnet4().genesis_block().header, <Header as Decode>::from_bytes(&headers[..80]).unwrap());
}

#[test]
fn own_first_blocks_were_hashed_by_another_program() {
    // Headers put together and hashed outside this workspace.
    let start = "01000000 0000000000000000000000000000000000000000000000000000000000000000";
    for (spec, rest, nonce) in [
        (
            vito(),
            "0ddbe567c1867b300a1c71ad9c04e7dbe392668d08f534af5ac2dc55585ccac3809ad569ffff001d",
            2_040_438_064_u32,
        ),
        (
            mini(),
            "bcbdb45180614801fbc1de5fe0ffa429e77db8004b111a62ecda0e7f3ae020ec809ad569ffff0f1e",
            4_977_500,
        ),
        (dev(), "14f9eaee33ff2731a24730d6e7cbf1ec517912752e333688b7020854e0435749809ad569ffff7f20", 2),
    ] {
        let mut header = hex::decode(&format!("{start}{rest}").replace(' ', "")).unwrap();
        header.extend(nonce.to_le_bytes());
        assert_eq!(spec.genesis_block().header.to_array()[..], header[..], "{}", spec.chain.name);
        assert!(spec.genesis_block().transactions[0].outputs()[0].script_pubkey.is_unspendable());
    }
}

#[test]
fn vito_is_as_published() {
    let spec = vito();
    assert_eq!(spec.network.magic, [0x56, 0x49, 0x54, 0x4f]);
    assert_eq!((spec.network.p2p_port, spec.network.http_port), (6334, 6333));
    assert_eq!(spec.pow.spacing, 600);
    assert_eq!(spec.pow.retarget, Retarget::Epoch { window: 2016, clamp: 4, from_first: false });
    assert_eq!(spec.pow.limit.to_compact(), CompactTarget::from_bits(0x1d00_ffff));
    assert_eq!(
        spec.subsidy,
        Subsidy::Halving { initial: Amount::from_sat(5_000_000_000), interval: 210_000 }
    );
    assert_eq!((spec.limits.coinbase_maturity, spec.address.p2pkh), (100, 70));
    assert_eq!(spec.chain.ticker, "VITO");

    // Block 10, mined by others under these rules.
    let header = Header {
        version: 2,
        prev: block("000000003c218be4e1c22268a5ef00ecc468d56313126ba94240c795c4bd62cb"),
        // Only with these digits read as displayed, so reversed inside the header, does it hash as published.
        merkle_root: "0f30bb164cbfc0db676d47cef352992ab543e8c349fd00fa1d566d7c1e121e9e".parse().unwrap(),
        time: cairn_primitives::BlockTime::new(1_775_706_303),
        bits: CompactTarget::from_bits(0x1d00_ffff),
        nonce: 3_242_755_474,
    };
    assert_eq!(header.hash(), block("00000000e060cafcd66eb2a4425a5e52a1490fbf6eec4af8ebf1fd94a77528de"));
    let target = header.bits.to_target().unwrap();
    assert!(target.is_met_by(header.hash()) && target <= spec.pow.limit);
    assert_eq!(target.to_work().to_string(), format!("{:064x}", 4_295_032_833_u64));
    assert!(spec.genesis.time < header.time);
}

#[test]
fn mini_and_dev_are_as_published() {
    let spec = mini();
    assert_eq!(spec.pow.retarget, Retarget::Epoch { window: 10, clamp: 4, from_first: false });
    assert_eq!((spec.pow.spacing, spec.limits.block_txs), (10, Some(100)));
    assert_eq!(spec.pow.limit.to_compact(), CompactTarget::from_bits(0x1e0f_ffff));
    assert_eq!(spec.subsidy.at(Height::new(1)).to_sat(), 5_000_000_000);
    assert_eq!((dev().pow.spacing, dev().pow.retarget), (1, Retarget::None));
}

#[test]
fn own_chains_hold_every_fork_from_the_start() {
    for spec in [vito(), mini(), dev()] {
        let forks = spec.deployments;
        let all = [
            forks.bip16,
            forks.bip30,
            forks.bip34,
            forks.bip65,
            forks.bip66,
            forks.csv,
            forks.segwit,
            forks.taproot,
            forks.bip94,
        ];
        assert_eq!(all, [Activation::Always; 9]);
    }
}

#[test]
fn bitcoins_forks_begin_at_their_heights() {
    let forks = bitcoin().deployments;
    for (fork, height) in [
        (forks.bip34, 227_931),
        (forks.bip66, 363_725),
        (forks.bip65, 388_381),
        (forks.csv, 419_328),
        (forks.segwit, 481_824),
    ] {
        assert_eq!(fork, Activation::Height(Height::new(height)));
    }
    assert_eq!((forks.taproot, forks.bip16), (Activation::Always, Activation::Always));
    assert_eq!(bitcoin().pow.min_difficulty, MinDifficulty::Never);
    assert_eq!(testnet3().pow.min_difficulty, MinDifficulty::AfterTwiceSpacing);
    assert_eq!(testnet4().pow.min_difficulty, MinDifficulty::AfterTwiceSpacing);
    assert_eq!(testnet4().pow.retarget, Retarget::Epoch { window: 2016, clamp: 4, from_first: true });
}

#[test]
fn bitcoins_networks_are_recognised_as_published() {
    for (spec, magic, port, hrp, versions) in [
        (bitcoin(), "f9beb4d9", 8333, "bc", (0, 5, 128)),
        (testnet3(), "0b110907", 18_333, "tb", (111, 196, 239)),
        (testnet4(), "1c163f28", 48_333, "tb", (111, 196, 239)),
        (signet(), "0a03cf40", 38_333, "tb", (111, 196, 239)),
        (regtest(), "fabfb5da", 18_444, "bcrt", (111, 196, 239)),
    ] {
        assert_eq!(hex::encode(&spec.network.magic), magic);
        assert_eq!(spec.network.p2p_port, port, "{}", spec.chain.name);
        let address = spec.address;
        assert_eq!(
            (address.p2pkh, address.p2sh, address.wif, address.hrp.as_str()),
            (versions.0, versions.1, versions.2, hrp)
        );
    }
    assert_eq!(
        regtest().subsidy,
        Subsidy::Halving { initial: Amount::from_sat(5_000_000_000), interval: 150 }
    );
}

#[test]
fn limits_of_work_are_cores() {
    for (spec, limit) in [
        (bitcoin(), "00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        (testnet3(), "00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        (testnet4(), "00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        (signet(), "00000377ae000000000000000000000000000000000000000000000000000000"),
        (regtest(), "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ] {
        assert_eq!(spec.pow.limit.to_string(), limit, "{}", spec.chain.name);
    }
}

#[test]
fn testnets_checkpoint_is_the_real_block() {
    let test = "testnets_checkpoint_is_the_real_block";
    let Some(headers) = data("headers/testnet3-000001-000546.bin", test) else { return };
    let last = <Header as Decode>::from_bytes(&headers[headers.len() - 80..]).unwrap();
    assert_eq!(testnet3().assume.checkpoints, [(Height::new(546), last.hash())]);
}

#[test]
fn addresses_begin_as_they_should_and_differ_between_own_chains() {
    let hashes = [[0; 20], [0xff; 20]].map(Hash160::from_bytes);
    for (spec, p2pkh, p2sh) in [
        (bitcoin(), "1", "3"),
        (testnet3(), "mn", "2"),
        (vito(), "V", "v"),
        (mini(), "M", "m"),
        (dev(), "D", "d"),
    ] {
        for hash in hashes {
            for (address, first) in [(Address::P2pkh(hash), p2pkh), (Address::P2sh(hash), p2sh)] {
                let text = address.encode(&spec.address);
                assert!(first.contains(&text[..1]), "{text}");
                let foreign = all().into_iter().filter(|other| other.address.p2pkh != spec.address.p2pkh);
                for other in foreign {
                    assert!(Address::parse(&text, &other.address).is_err(), "{text} on {}", other.chain.name);
                }
            }
        }
    }
}

#[test]
fn extended_keys_begin_as_they_should() {
    for (spec, public, private) in [
        (bitcoin(), "xpub", "xprv"),
        (testnet3(), "tpub", "tprv"),
        (vito(), "vtub", "vtrv"),
        (mini(), "mnub", "mnrv"),
        (dev(), "dvub", "dvrv"),
    ] {
        for fill in [0, 0xff] {
            let text = |version: [u8; 4]| {
                cairn_primitives::base58::encode_check(&[&version[..], &[fill; 74][..]].concat())
            };
            assert_eq!(&text(spec.address.xpub)[..4], public);
            assert_eq!(&text(spec.address.xprv)[..4], private);
        }
    }
}

#[test]
fn no_two_presets_share_magic_or_peer_port() {
    let specs = all();
    assert_eq!(specs.iter().map(|spec| spec.network.magic).collect::<HashSet<_>>().len(), NAMES.len());
    assert_eq!(specs.iter().map(|spec| spec.network.p2p_port).collect::<HashSet<_>>().len(), NAMES.len());
    assert_eq!(specs.iter().map(|spec| spec.genesis.hash).collect::<HashSet<_>>().len(), NAMES.len());
}

#[test]
fn signets_magic_follows_from_its_challenge() {
    // BIP325: the first four bytes of the double SHA-256 of the challenge behind its length.
    let spec = signet();
    let challenge = spec.deployments.signet_challenge.unwrap();
    let pushed = [&[challenge.len() as u8], challenge.as_bytes()].concat();
    assert_eq!(hash::sha256d(&pushed)[..4], spec.network.magic);
}
