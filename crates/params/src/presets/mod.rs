//! Chains that need no file.

mod bitcoin;
mod own;

pub use bitcoin::{bitcoin, regtest, signet, testnet3, testnet4};
pub use own::{dev, mini, vito};

use cairn_primitives::{Amount, BlockHash, CompactTarget, Height, Hrp, Script, Target, hex};

use crate::spec::{ChainInfo, ChainSpec, Limits};
use crate::subsidy::Subsidy;

/// The names [`ChainSpec::preset`] knows.
pub const NAMES: &[&str] = &["bitcoin", "testnet3", "testnet4", "signet", "regtest", "vito", "mini", "dev"];

/// Smallest units of a coin with eight decimals.
const COIN: u64 = 100_000_000;

/// Default port of the HTTP interface, whichever chain a node runs.
const HTTP_PORT: u16 = 6333;

impl ChainSpec {
    /// The preset of this name, one of [`NAMES`].
    pub fn preset(name: &str) -> Option<Self> {
        Some(match name {
            "bitcoin" => bitcoin(),
            "testnet3" => testnet3(),
            "testnet4" => testnet4(),
            "signet" => signet(),
            "regtest" => regtest(),
            "vito" => vito(),
            "mini" => mini(),
            "dev" => dev(),
            _ => return None,
        })
    }
}

/// Bitcoin's limits.
fn bitcoin_limits() -> Limits {
    Limits {
        coinbase_maturity: 100,
        block_weight: 4_000_000,
        sigop_cost: 80_000,
        block_txs: None,
        max_money: Amount::from_sat(21_000_000 * COIN),
        max_future_seconds: 2 * 60 * 60,
    }
}

/// 50 coins, halved every `interval` blocks.
fn halving(interval: u32) -> Subsidy {
    Subsidy::Halving { initial: Amount::from_sat(50 * COIN), interval }
}

fn info(name: &str, ticker: &str) -> ChainInfo {
    ChainInfo { name: name.to_owned(), ticker: ticker.to_owned(), decimals: 8 }
}

fn hrp(text: &str) -> Hrp {
    Hrp::new(text).expect("a constant of this crate, read by its tests")
}

fn block(hash: &str) -> BlockHash {
    hash.parse().expect("a constant of this crate, read by its tests")
}

fn blocks(list: &[(u32, &str)]) -> Vec<(Height, BlockHash)> {
    list.iter().map(|&(height, hash)| (Height::new(height), block(hash))).collect()
}

fn script(digits: &str) -> Script {
    Script::from_bytes(hex::decode(digits).expect("a constant of this crate, read by its tests"))
}

fn target_of(bits: u32) -> Target {
    CompactTarget::from_bits(bits).to_target().expect("a constant of this crate, read by its tests")
}

#[cfg(test)]
mod audit;
#[cfg(test)]
mod tests;
