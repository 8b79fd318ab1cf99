//! What an engine says about a block, in words both engines share.

use std::fmt;

use cairn_primitives::BlockHash;

/// The classes into which Core sorts refusals (`BlockValidationResult`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// A rule was broken.
    Consensus,
    /// Known, and found invalid before.
    CachedInvalid,
    /// A rule of headers was broken.
    InvalidHeader,
    /// This copy is damaged, the header may be fine.
    Mutated,
    /// The parent is not known.
    MissingPrev,
    /// The parent is invalid.
    InvalidPrev,
    /// Too far in the future.
    TimeFuture,
    /// None of the above; never right.
    Other,
}

/// One block refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The block, which need not be the one submitted: a branch may break in the middle.
    pub hash: BlockHash,
    /// The class.
    pub category: Category,
    /// Core's reject reason.
    pub reason: String,
    /// Core's text for the script error, where a script failed.
    pub script: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}", self.reason, self.category)?;
        if let Some(script) = &self.script {
            write!(f, ", {script}")?;
        }
        write!(f, ") for {}", self.hash)
    }
}

/// What became of the block's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored now.
    New,
    /// It was stored before.
    Known,
    /// It was not stored.
    Refused,
}

/// The best chain's last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
}

/// The answer to one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of its data.
    pub kept: Kept,
    /// The blocks refused on the way, in order.
    pub refusals: Vec<Refusal>,
    /// The tip afterwards.
    pub tip: Tip,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, tip {} at {}", self.kept, self.tip.hash, self.tip.height)?;
        self.refusals.iter().try_for_each(|refusal| write!(f, "; {refusal}"))
    }
}

/// Core's reason for a failed script in a block since version 30.
pub(crate) const SCRIPT_FAILED: &str = "block-script-verify-flag-failed";

/// Core's text (`ScriptErrorString`) for each name of a script error that consensus flags can lead to.
pub(crate) fn script_text(code: &str) -> Option<&'static str> {
    let found = SCRIPT_TEXTS.iter().find(|(name, _)| *name == code);
    found.map(|(_, text)| *text)
}

const SCRIPT_TEXTS: &[(&str, &str)] = &[
    ("EVAL_FALSE", "Script evaluated without error but finished with a false/empty top stack element"),
    ("VERIFY", "Script failed an OP_VERIFY operation"),
    ("EQUALVERIFY", "Script failed an OP_EQUALVERIFY operation"),
    ("CHECKMULTISIGVERIFY", "Script failed an OP_CHECKMULTISIGVERIFY operation"),
    ("CHECKSIGVERIFY", "Script failed an OP_CHECKSIGVERIFY operation"),
    ("NUMEQUALVERIFY", "Script failed an OP_NUMEQUALVERIFY operation"),
    ("SCRIPT_SIZE", "Script is too big"),
    ("PUSH_SIZE", "Push value size limit exceeded"),
    ("OP_COUNT", "Operation limit exceeded"),
    ("STACK_SIZE", "Stack size limit exceeded"),
    ("SIG_COUNT", "Signature count negative or greater than pubkey count"),
    ("PUBKEY_COUNT", "Pubkey count negative or limit exceeded"),
    ("BAD_OPCODE", "Opcode missing or not understood"),
    ("DISABLED_OPCODE", "Attempted to use a disabled opcode"),
    ("INVALID_STACK_OPERATION", "Operation not valid with the current stack size"),
    ("INVALID_ALTSTACK_OPERATION", "Operation not valid with the current altstack size"),
    ("OP_RETURN", "OP_RETURN was encountered"),
    ("UNBALANCED_CONDITIONAL", "Invalid OP_IF construction"),
    ("NEGATIVE_LOCKTIME", "Negative locktime"),
    ("UNSATISFIED_LOCKTIME", "Locktime requirement not satisfied"),
    ("SIG_DER", "Non-canonical DER signature"),
    ("SIG_PUSHONLY", "Only push operators allowed in signatures"),
    ("SIG_NULLDUMMY", "Dummy CHECKMULTISIG argument must be zero"),
    ("CLEANSTACK", "Stack size must be exactly one after execution"),
    ("WITNESS_PROGRAM_WRONG_LENGTH", "Witness program has incorrect length"),
    ("WITNESS_PROGRAM_WITNESS_EMPTY", "Witness program was passed an empty witness"),
    ("WITNESS_PROGRAM_MISMATCH", "Witness program hash mismatch"),
    ("WITNESS_MALLEATED", "Witness requires empty scriptSig"),
    ("WITNESS_MALLEATED_P2SH", "Witness requires only-redeemscript scriptSig"),
    ("WITNESS_UNEXPECTED", "Witness provided for non-witness script"),
    ("SCHNORR_SIG_SIZE", "Invalid Schnorr signature size"),
    ("SCHNORR_SIG_HASHTYPE", "Invalid Schnorr signature hash type"),
    ("SCHNORR_SIG", "Invalid Schnorr signature"),
    ("TAPROOT_WRONG_CONTROL_SIZE", "Invalid Taproot control block size"),
    ("TAPSCRIPT_VALIDATION_WEIGHT", "Too much signature validation relative to witness weight"),
    ("TAPSCRIPT_CHECKMULTISIG", "OP_CHECKMULTISIG(VERIFY) is not available in tapscript"),
    ("TAPSCRIPT_MINIMALIF", "OP_IF/NOTIF argument must be minimal in tapscript"),
    ("TAPSCRIPT_EMPTY_PUBKEY", "Empty public key in tapscript"),
    // Core 30 gave these a name; before, and in its test data, they had none.
    ("UNKNOWN_ERROR", "Script number overflowed or is non-minimally encoded"),
];
