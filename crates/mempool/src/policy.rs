//! The limits of the policy, with Bitcoin Core's values as defaults.

use cairn_script::ScriptFlags;

use crate::rate::SatPerKvb;

/// Heaviest transaction in weight units: 100,000 virtual bytes (Core's `MAX_STANDARD_TX_WEIGHT`).
pub const MAX_TX_WEIGHT: u64 = 400_000;
/// Smallest transaction in bytes without witness: smaller ones can pose as inner merkle nodes
/// (CVE-2017-12842, Core's `MIN_STANDARD_TX_NONWITNESS_SIZE`).
pub const MIN_TX_BASE_SIZE: usize = 65;
/// Highest standard version. Version 3 (BIP431) has rules of its own, which are not built.
pub const MAX_TX_VERSION: u32 = 2;
/// Longest input script in bytes: a 15-of-15 P2SH multisig fits (Core's `MAX_STANDARD_SCRIPTSIG_SIZE`).
pub const MAX_SCRIPT_SIG: usize = 1_650;
/// Longest script of a data output in bytes: `OP_RETURN`, a push opcode or three, 80 bytes (Core's `MAX_OP_RETURN_RELAY`).
pub const MAX_DATA_SCRIPT: usize = 83;
/// Most keys of a bare multisig output (Core's `IsStandard`).
pub const MAX_BARE_MULTISIG_KEYS: u8 = 3;
/// Most signature operations behind a P2SH output (Core's `MAX_P2SH_SIGOPS`).
pub const MAX_P2SH_SIGOPS: u32 = 15;
/// Highest signature operation cost of a transaction: a fifth of a block's (Core's `MAX_STANDARD_TX_SIGOPS_COST`).
pub const MAX_TX_SIGOP_COST: u64 = 16_000;
/// Virtual bytes that four units of signature operation cost count at least (Core's `-bytespersigop`).
pub const BYTES_PER_SIGOP: u64 = 20;
/// Longest witness script of a version 0 program in bytes (Core's `MAX_STANDARD_P2WSH_SCRIPT_SIZE`).
pub const MAX_P2WSH_SCRIPT: usize = 3_600;
/// Most witness items besides the script of a version 0 program (Core's `MAX_STANDARD_P2WSH_STACK_ITEMS`).
pub const MAX_P2WSH_ITEMS: usize = 100;
/// Longest witness item besides the script, in version 0 and in tapscript (Core's `MAX_STANDARD_P2WSH_STACK_ITEM_SIZE`).
pub const MAX_WITNESS_ITEM: usize = 80;
/// Largest child in virtual bytes that may come in though its parent has all the descendants it may have; the size of the
/// parent's descendants may pass its limit by as much (Core's `EXTRA_DESCENDANT_TX_SIZE_LIMIT`).
pub const MAX_EXTRA_DESCENDANT_VSIZE: u64 = 10_000;
/// Most transactions that one replacement may remove (BIP125 rule 5, Core's `MAX_REPLACEMENT_CANDIDATES`).
pub const MAX_REPLACED: usize = 100;

/// Script rules every chain with all forks enforces in blocks (Core's `MANDATORY_SCRIPT_VERIFY_FLAGS`).
/// A failure of one of these proves the transaction can never be mined.
pub const MANDATORY_FLAGS: ScriptFlags = ScriptFlags::P2SH
    .union(ScriptFlags::DERSIG)
    .union(ScriptFlags::NULLDUMMY)
    .union(ScriptFlags::CHECKLOCKTIMEVERIFY)
    .union(ScriptFlags::CHECKSEQUENCEVERIFY)
    .union(ScriptFlags::WITNESS)
    .union(ScriptFlags::TAPROOT);

/// Script rules a transaction must keep to be accepted (Core's `STANDARD_SCRIPT_VERIFY_FLAGS`).
pub const STANDARD_FLAGS: ScriptFlags = MANDATORY_FLAGS
    .union(ScriptFlags::STRICTENC)
    .union(ScriptFlags::MINIMALDATA)
    .union(ScriptFlags::DISCOURAGE_UPGRADABLE_NOPS)
    .union(ScriptFlags::CLEANSTACK)
    .union(ScriptFlags::MINIMALIF)
    .union(ScriptFlags::NULLFAIL)
    .union(ScriptFlags::LOW_S)
    .union(ScriptFlags::DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM)
    .union(ScriptFlags::WITNESS_PUBKEYTYPE)
    .union(ScriptFlags::CONST_SCRIPTCODE)
    .union(ScriptFlags::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION)
    .union(ScriptFlags::DISCOURAGE_OP_SUCCESS)
    .union(ScriptFlags::DISCOURAGE_UPGRADABLE_PUBKEYTYPE);

/// What an operator may choose. The fixed limits are this module's constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Lowest fee rate of a transaction that is not needed to relay others. Default 1,000.
    pub min_relay_rate: SatPerKvb,
    /// What a replacement pays for its own relay, and the step of the rising floor. Default 1,000.
    pub incremental_rate: SatPerKvb,
    /// Rate at which spending an output must not cost more than it holds. Default 3,000, by which the least P2PKH
    /// output is 546.
    pub dust_rate: SatPerKvb,
    /// Most bytes the pool may use, as [`Entry::usage`](crate::Entry::usage) estimates them. Default 300,000,000.
    pub max_usage: u64,
    /// Most unconfirmed ancestors of a transaction, itself included. Default 25.
    pub max_ancestors: u64,
    /// Most virtual bytes of a transaction and its unconfirmed ancestors. Default 101,000.
    pub max_ancestor_vsize: u64,
    /// Most unconfirmed descendants of a transaction, itself included. Default 25. One more may come in that rests on this
    /// transaction alone and has at most [`MAX_EXTRA_DESCENDANT_VSIZE`] virtual bytes.
    pub max_descendants: u64,
    /// Most virtual bytes of a transaction and its unconfirmed descendants. Default 101,000. The one further descendant
    /// may pass it by [`MAX_EXTRA_DESCENDANT_VSIZE`].
    pub max_descendant_vsize: u64,
    /// Seconds until a transaction that is not mined leaves the pool. Default 336 hours.
    pub expiry_seconds: u32,
    /// Whether transactions that do not signal it (BIP125) may be replaced too. Default no.
    pub full_rbf: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_relay_rate: SatPerKvb::new(1_000),
            incremental_rate: SatPerKvb::new(1_000),
            dust_rate: SatPerKvb::new(3_000),
            max_usage: 300_000_000,
            max_ancestors: 25,
            max_ancestor_vsize: 101_000,
            max_descendants: 25,
            max_descendant_vsize: 101_000,
            expiry_seconds: 336 * 60 * 60,
            full_rbf: false,
        }
    }
}
