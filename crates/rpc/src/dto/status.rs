//! `/status`, `/supply`, `/chain`, `/ready`, `/stop`.

use std::collections::BTreeMap;

use cairn_primitives::{Amount, BlockHash, CompactTarget, Height, Target, Work};
use serde::{Deserialize, Serialize};

use super::amount::{Decimal, FieldName, TickerField};
use super::mining::MinerStatus;

/// Key `supply_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupplyCoins;
impl FieldName for SupplyCoins {
    const PREFIX: &'static str = "supply";
}

/// Key `circulating_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CirculatingCoins;
impl FieldName for CirculatingCoins {
    const PREFIX: &'static str = "circulating";
}

/// Key `max_supply_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxSupplyCoins;
impl FieldName for MaxSupplyCoins {
    const PREFIX: &'static str = "max_supply";
}

/// Key `current_subsidy_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsidyCoins;
impl FieldName for SubsidyCoins {
    const PREFIX: &'static str = "current_subsidy";
}

/// `GET /status`: the node at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The node's version, such as `0.1.0`.
    pub version: String,
    /// The chain's name from its spec, such as `vito`.
    pub network: String,
    /// Height of the last connected block.
    pub height: Height,
    /// Height of the best header known; at or above `height`.
    pub headers: Height,
    /// Hash of the last connected block.
    pub best_hash: BlockHash,
    /// Whether the node is still in its initial block download.
    pub ibd: bool,
    /// Share of the known chain that is connected, 0 to 1.
    pub progress: f64,
    /// Difficulty of the tip: the chain's easiest target over the tip's target.
    pub difficulty: f64,
    /// The tip's compact target, 8 hex digits.
    pub bits_hex: CompactTarget,
    /// Work of the connected chain, 64 hex digits.
    pub chain_work: Work,
    /// Unconfirmed transactions held.
    pub mempool: u64,
    /// Connected peers.
    pub peers: u64,
    /// Coins issued through the tip.
    #[serde(flatten)]
    pub supply: TickerField<SupplyCoins>,
    /// What the next block may create, in the smallest unit, fees aside.
    pub block_reward: Amount,
    /// Height of the first block with a smaller subsidy; null if there never is one.
    pub next_halving: Option<Height>,
    /// The node's own miner.
    pub miner: MinerStatus,
    /// The forks that blocks signal for, by name, with the state that the next block has for each: `defined`, `started`,
    /// `must_signal`, `locked_in`, `active` or `failed`. Left out where the spec has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<String, String>,
    /// The indexes the node keeps, and how far each has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexProgress>,
    /// The checking of the blocks below a snapshot that the chain began with; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<BackgroundProgress>,
    /// Height of the highest block that was pruned; left out where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_height: Option<Height>,
    /// Seconds since the node started.
    pub uptime_s: u64,
    /// The node's clock, Unix seconds.
    pub ts: u64,
}

/// How far the blocks below a snapshot are checked, while the chain grows above it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackgroundProgress {
    /// The blocks up to this height were checked.
    pub height: Height,
    /// Height of the snapshot's block.
    pub target: Height,
    /// The snapshot's block.
    pub base_hash: BlockHash,
    /// Share of the blocks that were checked, 0 to 1.
    pub progress: f64,
}

/// How far an index has come. It follows the event log, so a reorganisation counts each block taken off and put on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    /// Its short name, as for `cairn-node db index`.
    pub name: String,
    /// Height of the block it has come to.
    pub height: Height,
    /// Number of the last event it has read.
    pub event: u64,
    /// Number of the last event there is.
    pub target: u64,
}

/// `GET /supply`: how much there is and will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Supply {
    /// Coins issued through the tip, in the smallest unit.
    pub circulating_satoshi: Amount,
    /// The same in coins.
    #[serde(flatten)]
    pub circulating: TickerField<CirculatingCoins>,
    /// All coins there will ever be; null if the chain has no cap.
    #[serde(flatten)]
    pub max_supply: TickerField<MaxSupplyCoins, Option<Decimal>>,
    /// What the next block may create, fees aside.
    #[serde(flatten)]
    pub current_subsidy: TickerField<SubsidyCoins>,
    /// Blocks from the tip to the first one with a smaller subsidy; null if there never is one.
    pub next_halving_blocks: Option<u32>,
}

/// `GET /chain`: the active chain and its rivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainStatus {
    /// Height of the active tip.
    pub height: Height,
    /// Hash of the active tip.
    pub tip_hash: BlockHash,
    /// The tip's target, 64 hex digits, most significant first.
    pub target: Target,
    /// The same in compact form, 8 hex digits.
    pub bits_hex: CompactTarget,
    /// Work from genesis through the tip, 64 hex digits.
    pub cumulative_work: Work,
    /// Every branch's last header, the active one included.
    pub tips: Vec<ChainTip>,
}

/// The end of one branch of the header tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainTip {
    /// Hash of the branch's last header.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Work from genesis through it, 64 hex digits.
    pub work: Work,
    /// Headers on this branch since it left the active chain; 0 for the active one.
    pub branch_length: u32,
    /// What the node knows of the branch.
    pub status: TipStatus,
}

/// What a node knows of a branch; the words of Bitcoin Core's `getchaintips`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipStatus {
    /// The connected chain.
    Active,
    /// All blocks are here and were connected once.
    ValidFork,
    /// All blocks are here; they were never connected.
    ValidHeaders,
    /// Some blocks are not here.
    HeadersOnly,
    /// A block on the branch breaks a rule.
    Invalid,
}

/// `GET /ready`: whether the node follows its chain. Sent with status 200 when ready, 503 when not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// True once the initial download is over.
    pub ready: bool,
    /// Height of the last connected block.
    pub height: Height,
    /// Height of the best header known.
    pub headers: Height,
}

/// `POST /stop`: the node has begun to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// Always true.
    pub stopping: bool,
}
