//! `/mining/status`, `/mining/template`, `/mining/submit`, `/mine`.

use cairn_miner::{BlockTemplate, Candidate};
use cairn_primitives::{
    Amount, BlockHash, BlockTime, CompactTarget, Encode, Height, Sha256d, Target, Txid, Wtxid, hex,
};
use serde::{Deserialize, Serialize};

use super::amount::{Currency, FieldName, TickerField};

/// Key `coinbase_value_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinbaseCoins;
impl FieldName for CoinbaseCoins {
    const PREFIX: &'static str = "coinbase_value";
}

/// `GET /mining/status`, and `miner` in `/status`: the node's own miner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinerStatus {
    /// Whether it is searching.
    pub mining: bool,
    /// Its worker threads.
    pub threads: u32,
    /// Its measured rate for people, such as `7.21 MH/s`.
    pub hashrate: String,
    /// Its measured rate in hashes a second.
    pub hashrate_hps: f64,
    /// Hashes tried since the node started.
    pub total_hashes: u64,
    /// Blocks found since the node started.
    pub blocks_found: u64,
}

impl MinerStatus {
    /// A miner's state, with the rate also written for people: three digits and an SI prefix.
    #[must_use]
    pub fn new(mining: bool, threads: u32, hashrate_hps: f64, total_hashes: u64, blocks_found: u64) -> Self {
        let hashrate = rate_text(hashrate_hps);
        Self { mining, threads, hashrate, hashrate_hps, total_hashes, blocks_found }
    }
}

fn rate_text(hashes_per_second: f64) -> String {
    const UNITS: [&str; 7] = ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s", "EH/s"];
    let mut rate = hashes_per_second;
    let mut unit = 0;
    while rate >= 999.995 && unit + 1 < UNITS.len() {
        rate /= 1000.0;
        unit += 1;
    }
    format!("{rate:.2} {}", UNITS[unit])
}

/// `GET /mining/template`: what a miner needs to build the next block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MiningTemplate {
    /// Height of the block to be built.
    pub height: Height,
    /// Hash of the block before.
    pub prev_hash: BlockHash,
    /// Version bits to use.
    pub version: i32,
    /// The compact target as an integer.
    pub bits: u32,
    /// The same as 8 hex digits.
    pub bits_hex: CompactTarget,
    /// The target, 64 hex digits, most significant first.
    pub target: Target,
    /// Earliest time the header may have, Unix seconds.
    pub min_time: BlockTime,
    /// A good time for the header, Unix seconds.
    pub time: BlockTime,
    /// Latest time the header may have, Unix seconds: 2^32 - 1 on most chains, `time` where a late block has other bits.
    pub max_time: BlockTime,
    /// How far a header's time may be ahead of a node's clock when it comes, in seconds.
    pub max_future_seconds: u32,
    /// The most the coinbase may pay, subsidy and fees, in the smallest unit.
    pub coinbase_value: Amount,
    /// The same in coins.
    #[serde(flatten)]
    pub coinbase_coins: TickerField<CoinbaseCoins>,
    /// The transactions after the coinbase, in block order.
    pub transactions: Vec<TemplateTx>,
    /// Hashes that lead from the coinbase's txid to the merkle root, leaf level first, display order.
    pub merkle_branch: Vec<Sha256d>,
    /// Output script that commits to the witnesses, as hex; null where the chain wants none.
    pub witness_commitment: Option<String>,
    /// Most weight units the block may have.
    pub weight_limit: u64,
    /// Most signature-operation cost the block may have.
    pub sigop_limit: u64,
    /// A ready coinbase that pays the address asked for, as hex; null when no address was given.
    pub coinbase_hex: Option<String>,
    /// The whole block with that coinbase and nonce 0, as hex: search the nonce and submit. Null when no address was given.
    pub block_hex: Option<String>,
}

impl MiningTemplate {
    /// What `template` says, with its coinbase and block where it pays someone the caller named (`paid`).
    #[must_use]
    pub fn new(template: &BlockTemplate, paid: bool, limits: TemplateLimits, currency: &Currency) -> Self {
        // With nobody to pay there is no coinbase to show: the caller makes its own.
        let block = paid.then(|| template.block(template.header(0, template.time()), 0));
        Self {
            height: template.height(),
            prev_hash: template.prev(),
            version: template.version(),
            bits: template.bits().to_bits(),
            bits_hex: template.bits(),
            target: template.target(),
            min_time: template.min_time(),
            time: template.time(),
            max_time: template.max_time(),
            max_future_seconds: template.max_future_seconds(),
            coinbase_value: template.coinbase_value(),
            coinbase_coins: currency.field(template.coinbase_value()),
            transactions: template.transactions().iter().map(TemplateTx::new).collect(),
            merkle_branch: template.merkle_branch().iter().map(|hash| Sha256d::from_bytes(*hash)).collect(),
            witness_commitment: template.commitment_script().map(|script| hex::encode(script.as_bytes())),
            weight_limit: limits.weight,
            sigop_limit: limits.sigop_cost,
            coinbase_hex: block.as_ref().map(|block| hex::encode(&block.transactions[0].to_bytes())),
            block_hex: block.as_ref().map(|block| hex::encode(&block.to_bytes())),
        }
    }
}

/// What a block may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateLimits {
    /// Weight units.
    pub weight: u64,
    /// Cost of its signature operations.
    pub sigop_cost: u64,
}

impl TemplateTx {
    fn new(candidate: &Candidate) -> Self {
        Self {
            txid: candidate.tx.txid(),
            wtxid: candidate.tx.wtxid(),
            raw_tx: hex::encode(&candidate.tx.to_bytes()),
            fee: candidate.fee,
            weight: candidate.tx.weight().to_u64(),
            sigop_cost: candidate.sigop_cost,
        }
    }
}

/// A transaction in a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateTx {
    /// Its id.
    pub txid: Txid,
    /// Its witness id.
    pub wtxid: Wtxid,
    /// Its bytes, witnesses included, as hex.
    pub raw_tx: String,
    /// Its fee in the smallest unit.
    pub fee: Amount,
    /// Its weight units.
    pub weight: u64,
    /// Cost of its signature operations (BIP141).
    pub sigop_cost: u64,
}

/// `POST /mining/submit`: a solved block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The block's bytes, witnesses included, as hex.
    pub block_hex: String,
}

/// What became of a submitted block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Whether the block is now part of the node's block tree.
    pub accepted: bool,
    /// Why not, in Bitcoin Core's words (`high-hash`, `duplicate`, …); null when accepted.
    pub reason: Option<String>,
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height; null when the block before it is unknown.
    pub height: Option<Height>,
}

/// `POST /mine`: mine blocks now, on the node's own threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MineRequest {
    /// Address the rewards go to.
    pub address: String,
    /// How many blocks, from 1 to [`MineRequest::BLOCKS_MAX`].
    pub blocks: u32,
}

impl MineRequest {
    /// The most blocks one call may ask for.
    pub const BLOCKS_MAX: u32 = 1000;
}

/// What `POST /mine` found before it was done or its time was up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// Blocks asked for.
    pub requested: u32,
    /// Blocks found; fewer than asked for when the time limit came first.
    pub mined: u32,
    /// Their hashes in order.
    pub hashes: Vec<BlockHash>,
    /// The chain's height now.
    pub height: Height,
}

#[cfg(test)]
mod tests {
    use super::rate_text;

    #[test]
    fn rates_have_an_si_prefix() {
        assert_eq!(rate_text(0.0), "0.00 H/s");
        assert_eq!(rate_text(999.0), "999.00 H/s");
        assert_eq!(rate_text(1000.0), "1.00 kH/s");
        assert_eq!(rate_text(999_999.0), "1.00 MH/s");
        assert_eq!(rate_text(7_210_000.0), "7.21 MH/s");
        assert_eq!(rate_text(2e21), "2000.00 EH/s");
    }
}
