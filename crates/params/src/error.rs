//! Why a chain spec is refused.

use std::borrow::Cow;
use std::fmt;

use cairn_primitives::hex::HexError;
use cairn_primitives::{Amount, BlockHash, BlockTime, CompactError, CompactTarget, Height, HrpError, Target};
use thiserror::Error;

use crate::signalling::Fork;

/// A spec that cannot be used: the line, the field and the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// The line of the spec file, from 1. `None` when the spec did not come from a file. A field that was
    /// taken from a preset has the line of `extends`; a missing one the line of its section or, when that is
    /// missing too, the last line.
    pub line: Option<u32>,
    /// The field as `section.key`; empty when the file is not TOML at all.
    pub field: Cow<'static, str>,
    /// The rule.
    pub rule: SpecRule,
}

impl SpecError {
    pub(crate) fn new(field: &'static str, rule: SpecRule) -> Self {
        Self { line: None, field: Cow::Borrowed(field), rule }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.rule)
    }
}

impl std::error::Error for SpecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.rule.source()
    }
}

/// The rules a spec must keep, one variant each; where several fields keep the same rule, the field tells
/// them apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecRule {
    /// The file is larger than any spec needs to be.
    #[error("a spec has at most {limit} bytes, not {got}")]
    TooLong {
        /// Bytes of the file.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The file is not TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// What the TOML parser says.
        message: String,
    },
    /// There is no field of this name, so it would be silently without effect.
    #[error("there is no such field")]
    UnknownField,
    /// The field belongs to another `kind`, so it would be silently without effect.
    #[error("has no meaning with kind {kind:?}")]
    OtherKind {
        /// The `kind` chosen.
        kind: &'static str,
    },
    /// A spec without `extends` states every field.
    #[error("is missing; state it, or take a preset's with `extends`")]
    Missing,
    /// The value has the wrong type.
    #[error("must be {expected}, not {got}")]
    WrongType {
        /// The type found.
        got: &'static str,
        /// The type wanted.
        expected: &'static str,
    },
    /// A text that is none of the allowed ones.
    #[error("must be one of {}", .expected.join(", "))]
    NotOneOf {
        /// The allowed texts.
        expected: &'static [&'static str],
    },
    /// A number too large or too small for its field to hold.
    #[error("must be a number from {min} to {max}")]
    NumberRange {
        /// The least number the field holds.
        min: i64,
        /// The greatest.
        max: u64,
    },
    /// A text that is not the hex form asked for.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// A text that cannot be the human-readable part of an address.
    #[error(transparent)]
    Hrp(#[from] HrpError),
    /// Below the least value that makes sense.
    #[error("{got} is below the least value, {limit}")]
    AtLeast {
        /// The value.
        got: u64,
        /// The least allowed.
        limit: u64,
    },
    /// Above the greatest value that makes sense.
    #[error("{got} is above the greatest value, {limit}")]
    AtMost {
        /// The value.
        got: u64,
        /// The greatest allowed.
        limit: u64,
    },
    /// A name is part of paths: small letters, digits and hyphens, beginning with a letter.
    #[error("must be 1 to {limit} small letters, digits and hyphens, beginning with a letter")]
    NameSyntax {
        /// Most characters.
        limit: usize,
    },
    /// A ticker is part of JSON field names: capitals and digits, beginning with a capital.
    #[error("must be 2 to {limit} capitals and digits, beginning with a capital")]
    TickerSyntax {
        /// Most characters.
        limit: usize,
    },
    /// Zeros are what a torn file is full of, so they cannot mark where a record begins.
    #[error("must not be all zeros")]
    ZeroMagic,
    /// One port cannot serve both.
    #[error("{got} is also network.p2p_port")]
    SamePort {
        /// The port.
        got: u16,
    },
    /// A DNS seed is a host name without a port.
    #[error("{index} is not a host name", index = Nth(.index))]
    SeedHost {
        /// Which of the list, from 0.
        index: usize,
    },
    /// A fixed seed is a host and a port.
    #[error("{index} is not host:port", index = Nth(.index))]
    SeedAddress {
        /// Which of the list, from 0.
        index: usize,
    },
    /// Two kinds of addresses, or of extended keys, could not be told apart.
    #[error("is the same as {other}")]
    SamePrefix {
        /// The field with the same value.
        other: &'static str,
    },
    /// The coinbase script of the first block is longer than a coinbase script may be.
    #[error("makes a coinbase script of {got} bytes, {limit} is the limit")]
    CoinbaseScript {
        /// Bytes of the script.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The first block is heavier than a block may be.
    #[error("the first block weighs {got}, more than the limit of {limit}")]
    GenesisWeight {
        /// Weight units of the first block.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The bits name no target.
    #[error(transparent)]
    Bits(#[from] CompactError),
    /// The bits of the first block name a target easier than the limit.
    #[error("the target of {got} is above pow.limit, {limit}")]
    BitsAboveLimit {
        /// The bits.
        got: CompactTarget,
        /// The easiest target allowed.
        limit: Target,
    },
    /// The first block does not have the pinned hash.
    #[error("the first block hashes to {got}, not to {expected}")]
    GenesisHash {
        /// The hash it has.
        got: BlockHash,
        /// The pinned hash.
        expected: BlockHash,
    },
    /// The first block's hash is above its target: its nonce still has to be found.
    #[error("the first block's hash {got} does not meet bits {bits}: it is not mined")]
    GenesisPow {
        /// The hash.
        got: BlockHash,
        /// The bits it should meet.
        bits: CompactTarget,
    },
    /// No hash meets a target of zero.
    #[error("must not be zero")]
    ZeroTarget,
    /// Block times are 32-bit seconds; a period must be measurable in them.
    #[error("a period of {got} seconds, {limit} is the limit")]
    PeriodTooLong {
        /// `spacing` times `window`.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// A clamp above the period's seconds lets the target fall to nothing.
    #[error("{got} is above the period's {limit} seconds")]
    ClampAbovePeriod {
        /// The clamp.
        got: u64,
        /// `spacing` times `window`.
        limit: u64,
    },
    /// The exception is defined within the periods of an epoch retarget.
    #[error("only has an effect with pow.retarget.kind \"epoch\"")]
    NeedsEpoch,
    /// More than the highest amount the chain allows.
    #[error("{got} is above limits.max_money, {limit}", got = .got.to_sat(), limit = .limit.to_sat())]
    AboveMaxMoney {
        /// The amount.
        got: Amount,
        /// The limit.
        limit: Amount,
    },
    /// All subsidies together are more than the highest amount the chain allows.
    #[error("the subsidies sum to {got}, above limits.max_money, {limit}", limit = .limit.to_sat())]
    SupplyAboveMaxMoney {
        /// The sum, in smallest units.
        got: u128,
        /// The limit.
        limit: Amount,
    },
    /// The hash says which block stands at the height BIP34 begins at, so there must be such a height.
    #[error("needs a height in deployments.bip34")]
    Bip34Height,
    /// Witness rules presuppose P2SH in every block.
    #[error("needs deployments.bip16 to be \"always\"")]
    NeedsBip16,
    /// Taproot is a witness version.
    #[error("needs deployments.segwit")]
    NeedsSegwit,
    /// Signals that no time is left for.
    #[error("{got} is not after the start, {limit}")]
    TimeoutBeforeStart {
        /// The timeout, in Unix seconds.
        got: BlockTime,
        /// The start.
        limit: BlockTime,
    },
    /// Signals are counted from where a period begins to where one begins (BIP8).
    #[error("{got} is no multiple of the window, {window}")]
    NotAtPeriod {
        /// The height.
        got: Height,
        /// Blocks of a period.
        window: u32,
    },
    /// Two forks could not be told apart by their signals.
    #[error("{bit} also signals for deployments.{other} in that time", other = .other.name())]
    BitTaken {
        /// The bit.
        bit: u8,
        /// The fork that has it.
        other: Fork,
    },
    /// Each rule presupposes the one before it.
    #[error("{index}: witness rules presuppose P2SH, and taproot witness rules", index = Nth(.index))]
    ExceptionRules {
        /// Which of the list, from 0.
        index: usize,
    },
    /// One block, two sets of rules.
    #[error("{index} names a block a second time", index = Nth(.index))]
    DuplicateException {
        /// Which of the list, from 0.
        index: usize,
    },
    /// A list by height must ascend.
    #[error("{index} is not above the one before it", index = Nth(.index))]
    NotAscending {
        /// Which of the list, from 0.
        index: usize,
    },
    /// A checkpoint at height 0 that is not the first block.
    #[error("height 0 must have genesis.hash, {expected}, not {got}")]
    GenesisCheckpoint {
        /// The checkpoint's hash.
        got: BlockHash,
        /// The pinned hash.
        expected: BlockHash,
    },
    /// A challenge too long to run; none is meant by leaving it out.
    #[error("must have 1 to {limit} bytes, not {got}")]
    ChallengeLength {
        /// Bytes of the challenge.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The magic bytes of a signet follow from its challenge (BIP325).
    #[error("must be {}, from deployments.signet_challenge", cairn_primitives::hex::encode(.expected))]
    SignetMagic {
        /// The magic bytes found.
        got: [u8; 4],
        /// The first four bytes of the double SHA-256 of the challenge behind its length.
        expected: [u8; 4],
    },
}

/// Entry of a list, counted from 1 as people do.
struct Nth<'a>(&'a usize);

impl fmt::Display for Nth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.0 + 1)
    }
}
