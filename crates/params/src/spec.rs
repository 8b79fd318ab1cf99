//! The types that say what a chain is.

use cairn_primitives::{
    AddressPrefixes, Amount, BlockHash, BlockTime, CompactTarget, Height, Script, Sha256d, Target, Work,
};

use crate::signalling::Signalling;
use crate::subsidy::Subsidy;

/// Everything that differs between two chains.
///
/// Plain data: fields may be set freely, and [`check`](Self::check) says whether the whole makes sense.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainSpec {
    /// Name and unit.
    pub chain: ChainInfo,
    /// How nodes find and recognise each other.
    pub network: NetworkSpec,
    /// Prefixes of addresses and keys.
    pub address: AddressPrefixes,
    /// The first block.
    pub genesis: GenesisSpec,
    /// Proof of work and its adjustment.
    pub pow: PowSpec,
    /// New coin for each block.
    pub subsidy: Subsidy,
    /// Sizes, counts and ages.
    pub limits: Limits,
    /// Where each soft fork begins.
    pub deployments: Deployments,
    /// What is taken as known about the chain.
    pub assume: Assume,
}

/// Name and unit of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainInfo {
    /// Short lower-case name; also the name of the data directory.
    pub name: String,
    /// Ticker in capitals; in lower case it is part of JSON field names.
    pub ticker: String,
    /// Decimal places of one coin; 8 means 100,000,000 smallest units.
    pub decimals: u8,
}

/// How nodes of a chain find and recognise each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// First four bytes of each message and of each block record on disk.
    pub magic: [u8; 4],
    /// Default port between nodes.
    pub p2p_port: u16,
    /// Default port of the HTTP interface.
    pub http_port: u16,
    /// Host names that resolve to nodes.
    pub dns_seeds: Vec<String>,
    /// Addresses of nodes, `host:port`.
    pub fixed_seeds: Vec<String>,
}

/// The first block, whose coinbase can never be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenesisSpec {
    /// Header version.
    pub version: i32,
    /// Header time, Unix seconds.
    pub time: BlockTime,
    /// Header bits.
    pub bits: CompactTarget,
    /// Header nonce.
    pub nonce: u32,
    /// Text in the coinbase script.
    pub message: String,
    /// Script of the only output.
    pub output_script: Script,
    /// Value of the only output.
    pub reward: Amount,
    /// The hash the header must have.
    pub hash: BlockHash,
}

/// Proof of work and its adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowSpec {
    /// The easiest target allowed.
    pub limit: Target,
    /// Wanted time between blocks, seconds.
    pub spacing: u32,
    /// How the target follows the block times.
    pub retarget: Retarget,
    /// Whether late blocks may use the limit.
    pub min_difficulty: MinDifficulty,
}

/// How the target follows the block times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retarget {
    /// Once every `window` blocks, at most by `clamp` either way (Bitcoin: 2016 and 4).
    Epoch {
        /// Blocks between two adjustments.
        window: u32,
        /// Largest factor of one adjustment.
        clamp: u32,
        /// Scale the target of the period's first block rather than of its last (BIP94).
        from_first: bool,
    },
    /// At each block, exponentially in the distance from the schedule (`aserti3-2d`).
    Asert {
        /// Seconds behind or ahead of the schedule that double or halve the target.
        half_life: u32,
    },
    /// Never: each block carries its parent's bits.
    None,
}

/// Whether late blocks may use the easiest target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinDifficulty {
    /// No exception.
    Never,
    /// A block more than twice the spacing after its parent carries the limit (Bitcoin's testnets).
    AfterTwiceSpacing,
}

/// Sizes, counts and ages that blocks and transactions must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Blocks between a coinbase and the first block that may spend it.
    pub coinbase_maturity: u32,
    /// Most weight units of a block (BIP141).
    pub block_weight: u64,
    /// Most signature operations of a block, in BIP141's cost.
    pub sigop_cost: u64,
    /// Most transactions of a block, if the chain limits them beyond its weight.
    pub block_txs: Option<u32>,
    /// The highest value of an output, of the coins a transaction spends and of the fees of a block.
    pub max_money: Amount,
    /// How far ahead of the local clock a block's time may lie, seconds.
    pub max_future_seconds: u32,
}

/// From which block on a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// From the first block on; nothing was ever signalled, so no block version is asked for.
    Always,
    /// Not at all.
    Never,
    /// From this height on.
    Height(Height),
    /// From where the blocks' versions say, branch by branch (BIP9, BIP8).
    Signalled(Signalling),
}

impl Activation {
    /// Whether the rule holds in a block of this height; `None` if that depends on the blocks below it.
    pub fn by_height(self, height: Height) -> Option<bool> {
        match self {
            Self::Always => Some(true),
            Self::Never => Some(false),
            Self::Height(from) => Some(height >= from),
            Self::Signalled(_) => None,
        }
    }

    /// Whether the rule may hold in a block of this height: [`by_height`](Self::by_height), and what blocks signal for from
    /// the lowest height at which it can hold.
    pub fn possible_at(self, height: Height) -> bool {
        match self {
            Self::Signalled(signalling) => height >= signalling.earliest_height(),
            Self::Always | Self::Never | Self::Height(_) => self.by_height(height) == Some(true),
        }
    }
}

/// Where each soft fork begins, and the blocks excepted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployments {
    /// Pay to script hash.
    pub bip16: Activation,
    /// No coin may be overwritten.
    pub bip30: Activation,
    /// The coinbase begins with the height.
    pub bip34: Activation,
    /// `OP_CHECKLOCKTIMEVERIFY`.
    pub bip65: Activation,
    /// Strict DER signatures.
    pub bip66: Activation,
    /// Relative lock times, `OP_CHECKSEQUENCEVERIFY` and median time past (BIP68, 112, 113).
    pub csv: Activation,
    /// Witness commitments and the empty dummy of multisig (BIP141, 143, 147). Witness programs are
    /// enforced in every block of a chain on which this is a height or [`Activation::Always`].
    pub segwit: Activation,
    /// Taproot (BIP341, 342).
    pub taproot: Activation,
    /// Time-warp rule at the first block of a retarget period (BIP94).
    pub bip94: Activation,
    /// Blocks that may overwrite a coin.
    pub bip30_exceptions: Vec<(Height, BlockHash)>,
    /// The block at BIP34's height above which coins can no longer be overwritten, so that BIP30 need
    /// not be checked.
    pub bip34_hash: Option<BlockHash>,
    /// Blocks in which fewer script rules hold.
    pub script_exceptions: Vec<ScriptException>,
    /// The script that block signatures must satisfy (BIP325).
    pub signet_challenge: Option<Script>,
}

/// A block in which some script rules do not hold because it was mined before they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptException {
    /// The block.
    pub block: BlockHash,
    /// Whether P2SH holds in it.
    pub p2sh: bool,
    /// Whether witness programs hold in it.
    pub witness: bool,
    /// Whether taproot holds in it.
    pub taproot: bool,
}

/// What is taken as known about a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assume {
    /// Work the best chain is known to have.
    pub min_chain_work: Work,
    /// A block whose chain is known to be valid.
    pub assumed_valid: Option<BlockHash>,
    /// The only blocks accepted at their heights.
    pub checkpoints: Vec<(Height, BlockHash)>,
    /// Coin sets that a chain may begin with before its blocks were checked, by ascending height.
    pub snapshots: Vec<AssumedCoins>,
}

/// A coin set that is known to be the one after a block: Core's `AssumeutxoData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssumedCoins {
    /// Height of the block.
    pub height: Height,
    /// The block.
    pub hash: BlockHash,
    /// The hash of the coins after it, Core's `hash_serialized_3`.
    pub coins_hash: Sha256d,
}

impl Assume {
    /// Nothing is known, as of a chain that begins now.
    pub const fn nothing() -> Self {
        Self {
            min_chain_work: Work::ZERO,
            assumed_valid: None,
            checkpoints: Vec::new(),
            snapshots: Vec::new(),
        }
    }
}
