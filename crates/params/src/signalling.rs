//! Forks that blocks signal for in their versions (BIP9, BIP8).

use cairn_primitives::{BlockTime, Height};

use crate::spec::{Activation, Deployments};

/// The highest bit of a block version that can signal; the three above it say that bits are in use.
pub const MAX_SIGNAL_BIT: u8 = 28;
/// The high bits of every block version that signals.
const TOP_BITS: u32 = 0x2000_0000;
/// The bits that [`TOP_BITS`] are compared in.
const TOP_MASK: u32 = 0xe000_0000;

/// The block version that signals for nothing.
pub const NO_SIGNAL_VERSION: i32 = TOP_BITS as i32;

/// How a fork is decided by the versions of the blocks: a deployment of BIP9 or BIP8.
///
/// Blocks are counted in periods of `window` blocks, the first of which begins with genesis. Two forks with
/// the same figures are one deployment: they lock in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signalling {
    /// Which bit of the version, 0 to [`MAX_SIGNAL_BIT`].
    pub bit: u8,
    /// From when to when it counts.
    pub schedule: Schedule,
    /// Least blocks of one period that must signal.
    pub threshold: u32,
    /// Blocks of a period.
    pub window: u32,
    /// The rule holds from no earlier height.
    pub min_activation_height: Height,
}

/// From when to when signals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// By the median time past of the last block before a period (BIP9).
    Times {
        /// A period that begins no earlier counts.
        start: BlockTime,
        /// A period that ends no earlier is the last. The highest time there is never comes.
        timeout: BlockTime,
    },
    /// By height (BIP8), both where a period begins.
    Heights {
        /// The first block that counts.
        start: Height,
        /// The block before which it must be decided.
        timeout: Height,
        /// Whether the last period before `timeout` must reach the threshold, so that the fork is certain.
        lock_in_on_timeout: bool,
    },
}

impl Signalling {
    /// The bit as a mask of the version.
    pub fn mask(self) -> i32 {
        1 << self.bit.min(MAX_SIGNAL_BIT)
    }

    /// Whether a block of this version signals: it has BIP9's high bits and the bit.
    pub fn is_signalled_by(self, version: i32) -> bool {
        version as u32 & TOP_MASK == TOP_BITS && version & self.mask() != 0
    }

    /// Whether a block of this height is the first of a period.
    pub fn opens_period(self, height: Height) -> bool {
        height.to_u32().is_multiple_of(self.window.max(1))
    }

    /// The lowest height the fork can hold from: one period before the signals count, one that signals, one that is locked in.
    pub fn earliest_height(self) -> Height {
        let window = u64::from(self.window.max(1));
        let start = match self.schedule {
            Schedule::Times { .. } => 0,
            Schedule::Heights { start, .. } => u64::from(start.to_u32()),
        };
        let begin = |height: u64| height.div_ceil(window) * window;
        let locked = begin(start.max(window)) + 2 * window;
        let earliest = locked.max(begin(self.min_activation_height.to_u32().into()));
        Height::new(u32::try_from(earliest).unwrap_or(u32::MAX))
    }

    /// Whether signals for one of the two may be taken for signals for the other.
    pub(crate) fn clashes_with(self, other: Self) -> bool {
        let apart = match (self.schedule, other.schedule) {
            (Schedule::Times { start: a, timeout: end_a }, Schedule::Times { start: b, timeout: end_b }) => {
                a > end_b || b > end_a
            }
            (
                Schedule::Heights { start: a, timeout: end_a, .. },
                Schedule::Heights { start: b, timeout: end_b, .. },
            ) => a > end_b || b > end_a,
            // A time and a height cannot be compared.
            _ => false,
        };
        self.bit == other.bit && self != other && !apart
    }
}

/// A rule that a chain may have from some block on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fork {
    /// Pay to script hash.
    Bip16,
    /// No coin may be overwritten.
    Bip30,
    /// The coinbase begins with the height.
    Bip34,
    /// `OP_CHECKLOCKTIMEVERIFY`.
    Bip65,
    /// Strict DER signatures.
    Bip66,
    /// Relative lock times (BIP68, 112, 113).
    Csv,
    /// Witnesses (BIP141, 143, 147).
    Segwit,
    /// Taproot (BIP341, 342).
    Taproot,
    /// The time-warp rule.
    Bip94,
}

impl Fork {
    /// All of them, in the order of the spec.
    pub const ALL: [Self; 9] = [
        Self::Bip16,
        Self::Bip30,
        Self::Bip34,
        Self::Bip65,
        Self::Bip66,
        Self::Csv,
        Self::Segwit,
        Self::Taproot,
        Self::Bip94,
    ];

    /// Its field in `[deployments]`, which is also the name of its deployment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bip16 => "bip16",
            Self::Bip30 => "bip30",
            Self::Bip34 => "bip34",
            Self::Bip65 => "bip65",
            Self::Bip66 => "bip66",
            Self::Csv => "csv",
            Self::Segwit => "segwit",
            Self::Taproot => "taproot",
            Self::Bip94 => "bip94",
        }
    }
}

impl Deployments {
    /// From which block on a fork holds.
    pub fn activation(&self, fork: Fork) -> Activation {
        match fork {
            Fork::Bip16 => self.bip16,
            Fork::Bip30 => self.bip30,
            Fork::Bip34 => self.bip34,
            Fork::Bip65 => self.bip65,
            Fork::Bip66 => self.bip66,
            Fork::Csv => self.csv,
            Fork::Segwit => self.segwit,
            Fork::Taproot => self.taproot,
            Fork::Bip94 => self.bip94,
        }
    }

    /// The forks that blocks signal for, in the order of [`Fork::ALL`].
    pub fn signalled(&self) -> impl Iterator<Item = (Fork, Signalling)> + '_ {
        Fork::ALL.into_iter().filter_map(|fork| match self.activation(fork) {
            Activation::Signalled(signalling) => Some((fork, signalling)),
            _ => None,
        })
    }
}
