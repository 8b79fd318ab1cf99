//! Cairn's own chains: one to run, one to try a retarget on, one to develop against.
//!
//! Their first blocks pay to `OP_RETURN`, so that nobody holds a coin that was not mined. No address version, key
//! version or magic is another preset's. Every fork holds from the first block on, and as nothing was ever
//! signalled, any block version from 1 on will do.

use cairn_primitives::{AddressPrefixes, Amount, BlockTime, CompactTarget, Script};

use super::{COIN, HTTP_PORT, bitcoin_limits, block, halving, hrp, info, target_of};
use crate::spec::{
    Activation, Assume, ChainSpec, Deployments, GenesisSpec, Limits, MinDifficulty, NetworkSpec, PowSpec,
    Retarget,
};

/// 8 April 2026, midnight UTC.
const BIRTHDAY: u32 = 1_775_606_400;

/// VITO: Bitcoin's economy under its own name; addresses begin with V.
pub fn vito() -> ChainSpec {
    let first = First {
        bits: 0x1d00_ffff,
        nonce: 2_040_438_064,
        message: "VITO 08/Apr/2026 One file says what the chain is",
        data: b"VITO",
        hash: "0000000050e2f88c274ccfdde5c81edafac905efbca8c70245dd8add9c4eeefb",
    };
    ChainSpec {
        chain: info("vito", "VITO"),
        network: network(*b"VITO", 6334),
        address: AddressPrefixes {
            p2pkh: 70,
            p2sh: 132,
            wif: 198,
            hrp: hrp("vito"),
            // `vtub` and `vtrv`.
            xpub: [0x04, 0x60, 0x8c, 0x0a],
            xprv: [0x04, 0x60, 0x87, 0xd0],
            coin_type: 6334,
        },
        genesis: genesis(first),
        pow: pow(0x1d00_ffff, 600, Retarget::Epoch { window: 2016, clamp: 4, from_first: false }),
        subsidy: halving(210_000),
        limits: bitcoin_limits(),
        deployments: all_forks(),
        assume: Assume::nothing(),
    }
}

/// A small chain: ten-second blocks, a retarget every ten, coinbases spendable after ten, at most a hundred transactions a
/// block.
pub fn mini() -> ChainSpec {
    let first = First {
        bits: 0x1e0f_ffff,
        nonce: 4_977_500,
        message: "mini 08/Apr/2026 Ten blocks a period, ten seconds a block",
        data: b"mini",
        hash: "000003f7d192b09c6b4c4ae45d87978592c8869c134548b771e1fb75cba75508",
    };
    ChainSpec {
        chain: info("mini", "MINI"),
        network: network(*b"MINI", 6344),
        address: AddressPrefixes {
            p2pkh: 50,
            p2sh: 110,
            wif: 178,
            hrp: hrp("mini"),
            // `mnub` and `mnrv`.
            xpub: [0x03, 0xa3, 0x46, 0x3a],
            xprv: [0x03, 0xa3, 0x41, 0xff],
            coin_type: 1,
        },
        genesis: genesis(first),
        pow: pow(0x1e0f_ffff, 10, Retarget::Epoch { window: 10, clamp: 4, from_first: false }),
        subsidy: halving(210_000),
        limits: Limits { block_txs: Some(100), coinbase_maturity: 10, ..bitcoin_limits() },
        deployments: all_forks(),
        assume: Assume::nothing(),
    }
}

/// A private chain to develop against: one-second blocks that two hashes find, coinbases spendable after ten.
pub fn dev() -> ChainSpec {
    let first = First {
        bits: 0x207f_ffff,
        nonce: 2,
        message: "dev 08/Apr/2026 A private chain, a block a second",
        data: b"dev",
        hash: "775972de4e5ef590dc8960accba832c2e0ada24063abb8131db6e6eea22a7374",
    };
    ChainSpec {
        chain: info("dev", "DEV"),
        network: network([0xde, 0xbe, 0x10, 0xc5], 6354),
        address: AddressPrefixes {
            p2pkh: 30,
            p2sh: 90,
            wif: 158,
            hrp: hrp("dev"),
            // `dvub` and `dvrv`.
            xpub: [0x02, 0xff, 0xcf, 0xc0],
            xprv: [0x02, 0xff, 0xcb, 0x86],
            coin_type: 1,
        },
        genesis: genesis(first),
        pow: pow(0x207f_ffff, 1, Retarget::None),
        subsidy: halving(210_000),
        limits: Limits { coinbase_maturity: 10, ..bitcoin_limits() },
        deployments: all_forks(),
        assume: Assume::nothing(),
    }
}

/// What is particular to a first block.
struct First {
    bits: u32,
    nonce: u32,
    message: &'static str,
    data: &'static [u8],
    hash: &'static str,
}

fn genesis(first: First) -> GenesisSpec {
    GenesisSpec {
        version: 1,
        time: BlockTime::new(BIRTHDAY),
        bits: CompactTarget::from_bits(first.bits),
        nonce: first.nonce,
        message: first.message.to_owned(),
        output_script: Script::op_return(first.data),
        reward: Amount::from_sat(50 * COIN),
        hash: block(first.hash),
    }
}

fn network(magic: [u8; 4], p2p_port: u16) -> NetworkSpec {
    NetworkSpec { magic, p2p_port, http_port: HTTP_PORT, dns_seeds: Vec::new(), fixed_seeds: Vec::new() }
}

fn pow(limit: u32, spacing: u32, retarget: Retarget) -> PowSpec {
    PowSpec { limit: target_of(limit), spacing, retarget, min_difficulty: MinDifficulty::Never }
}

fn all_forks() -> Deployments {
    Deployments {
        bip16: Activation::Always,
        bip30: Activation::Always,
        bip34: Activation::Always,
        bip65: Activation::Always,
        bip66: Activation::Always,
        csv: Activation::Always,
        segwit: Activation::Always,
        taproot: Activation::Always,
        bip94: Activation::Always,
        bip30_exceptions: Vec::new(),
        bip34_hash: None,
        script_exceptions: Vec::new(),
        signet_challenge: None,
    }
}
