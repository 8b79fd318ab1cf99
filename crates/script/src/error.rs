//! Every way a script can fail, one variant a rule.

use thiserror::Error;

macro_rules! errors {
    ($($(#[$doc:meta])* $code:literal $text:literal $name:ident $({ $($(#[$fdoc:meta])* $field:ident: $ty:ty),* $(,)? })?;)*) => {
        /// Why a spend is refused: one variant a rule. `Display` states the rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        pub enum ScriptError {
            $($(#[$doc])* #[error($text)] $name $({ $($(#[$fdoc])* $field: $ty),* })?,)*
        }

        impl ScriptError {
            /// Bitcoin Core's name of the error (`SCRIPT_ERR_` left out), as its test data spell it. Stable.
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _),* })? => $code,)*
                }
            }

            /// Every variant's code, in order of declaration.
            #[cfg(test)]
            const CODES: &[&str] = &[$($code),*];
        }
    };
}

errors! {
    // The call.
    /// The transaction has no such input. Core has no name for it; `bitcoinconsensus` says the same.
    "TX_INDEX" "input {got} of a transaction with {limit}" InputIndex {
        /// The input asked for.
        got: usize,
        /// How many there are.
        limit: usize,
    };
    /// The cache was not made with one spent output for each input.
    "SPENT_OUTPUTS_MISMATCH" "{got} spent outputs for {expected} inputs" SpentOutputs {
        /// Spent outputs given.
        got: usize,
        /// Inputs of the transaction.
        expected: usize,
    };

    // The result.
    /// Nothing, or something false, is left on the stack.
    "EVAL_FALSE" "the script left nothing, or something false" EvalFalse;
    /// More than one item is left on the stack.
    "CLEANSTACK" "the script left {got} items where one is wanted" CleanStack {
        /// Items left.
        got: usize,
    };

    // Limits.
    /// A legacy or version 0 witness script over 10,000 bytes.
    "SCRIPT_SIZE" "a script of {got} bytes, {limit} may run" ScriptSize {
        /// Bytes in the script.
        got: usize,
        /// Most bytes.
        limit: usize,
    };
    /// An item over 520 bytes is pushed or stands in the witness.
    "PUSH_SIZE" "an item of {got} bytes, {limit} fit on the stack" PushSize {
        /// Bytes in the item.
        got: usize,
        /// Most bytes.
        limit: usize,
    };
    /// More than 201 operations in a legacy or version 0 witness script.
    "OP_COUNT" "more than {limit} operations" OpCount {
        /// Most operations.
        limit: u32,
    };
    /// More than 1,000 items on both stacks together.
    "STACK_SIZE" "{got} items on the stacks, {limit} may be" StackSize {
        /// Items on both stacks.
        got: usize,
        /// Most items.
        limit: usize,
    };
    /// `OP_CHECKMULTISIG` with a number of keys outside 0 to 20.
    "PUBKEY_COUNT" "{got} keys to check signatures against, {limit} are the most" PubkeyCount {
        /// Keys announced.
        got: i64,
        /// Most keys.
        limit: i64,
    };
    /// `OP_CHECKMULTISIG` with a number of signatures outside 0 to the number of keys.
    "SIG_COUNT" "{got} signatures for {limit} keys" SigCount {
        /// Signatures announced.
        got: i64,
        /// Keys announced.
        limit: i64,
    };

    // Operations.
    /// An unassigned opcode was reached, or the script ends inside a push.
    "BAD_OPCODE" "an opcode without meaning, or a push cut off" BadOpcode;
    /// An opcode switched off in 2010 stands in the script.
    "DISABLED_OPCODE" "a disabled opcode stands in the script" DisabledOpcode;
    /// An operation found too few items.
    "INVALID_STACK_OPERATION" "too few items on the stack" InvalidStackOperation;
    /// `OP_FROMALTSTACK` found none.
    "INVALID_ALTSTACK_OPERATION" "no item on the alternative stack" InvalidAltstackOperation;
    /// `OP_ELSE` or `OP_ENDIF` without `OP_IF`, an `OP_IF` without `OP_ENDIF` or without an item to test.
    "UNBALANCED_CONDITIONAL" "a branch opened or closed without its other end" UnbalancedConditional;
    /// A number of more bytes than the operation takes (4, or 5 for lock times).
    "UNKNOWN_ERROR" "a number of {got} bytes, {limit} are the most" NumberSize {
        /// Bytes in the number.
        got: usize,
        /// Most bytes.
        limit: usize,
    };
    /// A number in more bytes than it needs.
    "UNKNOWN_ERROR" "a number not in its shortest form" NumberNotMinimal;
    /// `OP_RETURN` was reached.
    "OP_RETURN" "the script gives up" OpReturn;
    /// `OP_VERIFY` found something false.
    "VERIFY" "OP_VERIFY of something false" Verify;
    /// `OP_EQUALVERIFY` found a difference.
    "EQUALVERIFY" "OP_EQUALVERIFY of different items" EqualVerify;
    /// `OP_NUMEQUALVERIFY` found a difference.
    "NUMEQUALVERIFY" "OP_NUMEQUALVERIFY of different numbers" NumEqualVerify;
    /// `OP_CHECKSIGVERIFY` with a signature that is not the key's.
    "CHECKSIGVERIFY" "OP_CHECKSIGVERIFY of a signature that does not verify" CheckSigVerify;
    /// `OP_CHECKMULTISIGVERIFY` with signatures that are not the keys'.
    "CHECKMULTISIGVERIFY" "OP_CHECKMULTISIGVERIFY of signatures that do not verify" CheckMultisigVerify;
    /// A lock time below zero.
    "NEGATIVE_LOCKTIME" "a lock time below zero" NegativeLockTime;
    /// The transaction may be mined earlier than the script allows.
    "UNSATISFIED_LOCKTIME" "the transaction is not locked as long as the script demands" UnsatisfiedLockTime;

    // Encodings.
    /// A push or the script's form is longer than it need be.
    "MINIMALDATA" "a push not in its shortest form" MinimalData;
    /// The item tested by a version 0 witness script's `OP_IF` is neither empty nor `01`.
    "MINIMALIF" "OP_IF of something other than nothing or 01" MinimalIf;
    /// An input's script does more than push.
    "SIG_PUSHONLY" "the input's script does more than push" SigPushOnly;
    /// A signature that is not strict DER.
    "SIG_DER" "the signature is not strict DER" SigDer;
    /// A signature with the high S.
    "SIG_HIGH_S" "the signature's S is the high one" SigHighS;
    /// A signature hash type without meaning.
    "SIG_HASHTYPE" "the signature hash type {got:#04x} has no meaning" SigHashType {
        /// The last byte of the signature.
        got: u8,
    };
    /// The excess item of `OP_CHECKMULTISIG` is not empty.
    "SIG_NULLDUMMY" "the excess item of OP_CHECKMULTISIG is not empty" SigNullDummy;
    /// A signature check failed with a signature that is not empty.
    "NULLFAIL" "a signature that does not verify is not empty" NullFail;
    /// A public key that is neither compressed nor uncompressed.
    "PUBKEYTYPE" "the public key is neither compressed nor uncompressed" PubkeyType;
    /// A public key that is not compressed in a version 0 witness script.
    "WITNESS_PUBKEYTYPE" "the public key in a witness script is not compressed" WitnessPubkeyType;
    /// `OP_CODESEPARATOR` in a legacy script.
    "OP_CODESEPARATOR" "OP_CODESEPARATOR in a legacy script" OpCodeSeparator;
    /// A signature occurs in the script it signs.
    "SIG_FINDANDDELETE" "a signature stands in the script it signs" SigFindAndDelete;

    // Left for future rules.
    /// An `OP_NOP` that may get a meaning.
    "DISCOURAGE_UPGRADABLE_NOPS" "an OP_NOP kept for upgrades" DiscourageUpgradableNops;
    /// A witness program that may get a meaning.
    "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM" "a witness program kept for upgrades" DiscourageUpgradableWitnessProgram;

    // Witness.
    /// A version 0 program neither 20 nor 32 bytes long.
    "WITNESS_PROGRAM_WRONG_LENGTH" "a version 0 program of {got} bytes; 20 and 32 have a meaning" WitnessProgramWrongLength {
        /// Bytes in the program.
        got: usize,
    };
    /// A witness program spent with an empty witness.
    "WITNESS_PROGRAM_WITNESS_EMPTY" "a witness program spent without a witness" WitnessProgramWitnessEmpty;
    /// The witness does not belong to the program: wrong script hash, wrong number of items, wrong commitment.
    "WITNESS_PROGRAM_MISMATCH" "the witness does not belong to the program" WitnessProgramMismatch;
    /// A witness program spent with something in the input's script.
    "WITNESS_MALLEATED" "a witness program spent with an input script" WitnessMalleated;
    /// A witness program inside P2SH spent with more than one push in the input's script.
    "WITNESS_MALLEATED_P2SH" "the input's script is not exactly one push of the witness program" WitnessMalleatedP2sh;
    /// A witness where no witness program is spent.
    "WITNESS_UNEXPECTED" "a witness where no witness program is spent" WitnessUnexpected;

    // Taproot.
    /// A Schnorr signature of neither 64 nor 65 bytes.
    "SCHNORR_SIG_SIZE" "a Schnorr signature of {got} bytes; 64, or 65 with a hash type, are right" SchnorrSigSize {
        /// Bytes in the signature.
        got: usize,
    };
    /// A Schnorr signature's hash type is without meaning, is 0 in so many words, or commits to an output that is not there.
    "SCHNORR_SIG_HASHTYPE" "the signature hash type {got:#04x} has no meaning here" SchnorrSigHashType {
        /// The hash type.
        got: u8,
    };
    /// A Schnorr signature that does not verify; only an empty one may fail.
    "SCHNORR_SIG" "the Schnorr signature does not verify" SchnorrSig;
    /// A control block of a size that is not 33 plus 32 for each of at most 128 steps.
    "TAPROOT_WRONG_CONTROL_SIZE" "a control block of {got} bytes" TaprootWrongControlSize {
        /// Bytes in the control block.
        got: usize,
    };
    /// A taproot leaf version that may get a meaning.
    "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION" "the taproot leaf version {version:#04x} is kept for upgrades" DiscourageUpgradableTaprootVersion {
        /// The leaf version.
        version: u8,
    };
    /// An opcode that makes a tapscript succeed until it gets another meaning.
    "DISCOURAGE_OP_SUCCESS" "the opcode {opcode:#04x} is kept for upgrades" DiscourageOpSuccess {
        /// The opcode.
        opcode: u8,
    };
    /// A public key of a size that may get a meaning.
    "DISCOURAGE_UPGRADABLE_PUBKEYTYPE" "public keys of {got} bytes are kept for upgrades" DiscourageUpgradablePubkeyType {
        /// Bytes in the key.
        got: usize,
    };
    /// More signature checks in a tapscript than its witness pays for.
    "TAPSCRIPT_VALIDATION_WEIGHT" "more signature checks than the witness pays for" TapscriptValidationWeight;
    /// `OP_CHECKMULTISIG` in a tapscript.
    "TAPSCRIPT_CHECKMULTISIG" "OP_CHECKMULTISIG in a tapscript" TapscriptCheckMultisig;
    /// The item tested by a tapscript's `OP_IF` is neither empty nor `01`.
    "TAPSCRIPT_MINIMALIF" "OP_IF of something other than nothing or 01 in a tapscript" TapscriptMinimalIf;
    /// An empty public key in a tapscript.
    "TAPSCRIPT_EMPTY_PUBKEY" "an empty public key in a tapscript" TapscriptEmptyPubkey;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_but_for_the_two_number_errors() {
        let mut codes = ScriptError::CODES.to_vec();
        codes.sort_unstable();
        let twice: Vec<_> = codes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(twice, ["UNKNOWN_ERROR"]);
    }

    #[test]
    fn display_states_the_rule_with_its_figures() {
        let error = ScriptError::PushSize { got: 521, limit: 520 };
        assert_eq!(error.to_string(), "an item of 521 bytes, 520 fit on the stack");
        assert_eq!(error.code(), "PUSH_SIZE");
    }
}
