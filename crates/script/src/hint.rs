//! What would satisfy a rule that was broken.

use crate::error::ScriptError;

macro_rules! hints {
    ($($name:ident $text:literal;)*) => {
        impl ScriptError {
            /// What would satisfy the rule: one plain sentence for whoever made the spend. It is advice and may change;
            /// [`code`](Self::code) does not.
            pub const fn hint(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $text,)*
                }
            }

            #[cfg(test)]
            const HINTS: &[(&str, &str)] = &[$((stringify!($name), $text)),*];
        }
    };
}

hints! {
    InputIndex "Ask for an input that the transaction has; they are counted from 0.";
    SpentOutputs "Give the output spent by every input, in the order of the inputs.";
    EvalFalse "Supply items that leave something true on top: most often a signature over this very transaction by the key the output names.";
    CleanStack "Supply only the items the script takes, so that one true item is left.";
    ScriptSize "Use a script within the limit, or put the conditions into several leaves of a taproot output.";
    PushSize "Split the item into pieces within the limit.";
    OpCount "Use fewer operations; each key of an OP_CHECKMULTISIG counts as one.";
    StackSize "Supply or push fewer items.";
    PubkeyCount "Announce between 0 and 20 keys, the ones that follow on the stack.";
    SigCount "Announce at least 0 signatures and no more than there are keys.";
    BadOpcode "Leave the opcode out or in a branch not taken, and give every push as many bytes as it announces.";
    DisabledOpcode "Use a script without this opcode; even a branch not taken must not have it.";
    InvalidStackOperation "Supply every item the script takes, such as signature, key and redeem script, in its order.";
    InvalidAltstackOperation "Put an item on the alternative stack with OP_TOALTSTACK before taking it.";
    UnbalancedConditional "Give each OP_IF an item to test and exactly one OP_ENDIF, and each OP_ELSE an OP_IF before it.";
    NumberSize "Use a number of at most 4 bytes, or 5 for a lock time.";
    NumberNotMinimal "Write the number in as few bytes as it needs: zero as nothing, and no zero byte at its end but for the sign.";
    OpReturn "Take a branch without OP_RETURN; an output that begins with it can never be spent.";
    Verify "Supply items that make the condition before OP_VERIFY true.";
    EqualVerify "Supply the item the script compares with: most often the public key, or the preimage, whose hash the output names.";
    NumEqualVerify "Supply the number the script compares with.";
    CheckSigVerify "Sign this very transaction, with the hash type appended, by the key the script names.";
    CheckMultisigVerify "Sign with as many of the named keys as the script demands, the signatures in the order of the keys.";
    NegativeLockTime "Use a script whose lock time is zero or more.";
    UnsatisfiedLockTime "Set the transaction's lock time, or the input's sequence with version 2 or more, at least as late as the script says, in the same unit (blocks or seconds) and not final.";
    MinimalData "Use the shortest push: OP_0 to OP_16 and OP_1NEGATE for small numbers, a direct push up to 75 bytes, OP_PUSHDATA1 up to 255.";
    MinimalIf "Choose the branch with nothing or the single byte 01.";
    SigPushOnly "Use nothing but pushes in the input's script.";
    SigDer "Encode the signature in strict DER with one byte of hash type behind it.";
    SigHighS "Replace S by the order of the curve less S; the signature stays valid.";
    SigHashType "Use hash type 01, 02 or 03, or 81, 82 or 83 to commit to this input alone.";
    SigNullDummy "Use an empty item (OP_0) as the one that OP_CHECKMULTISIG takes in excess.";
    NullFail "Sign correctly, or supply an empty item where no signature is meant to be valid.";
    PubkeyType "Use a key of 33 bytes beginning with 02 or 03, or of 65 beginning with 04.";
    WitnessPubkeyType "Use the compressed key of 33 bytes; nodes do not pass on a spend by another form of it.";
    OpCodeSeparator "Use a script without OP_CODESEPARATOR, or one behind a witness program.";
    SigFindAndDelete "Use a script that does not contain the signature that signs it.";
    DiscourageUpgradableNops "Use a script without OP_NOP1 and OP_NOP4 to OP_NOP10.";
    DiscourageUpgradableWitnessProgram "Pay to a witness version and length that has a meaning; until this one has, nodes do not pass on a spend of it.";
    WitnessProgramWrongLength "Nothing can: a version 0 output of another length than 20 or 32 bytes cannot be spent.";
    WitnessProgramWitnessEmpty "Supply the witness: for a script hash its arguments and then the script, for taproot a signature or script and control block.";
    WitnessProgramMismatch "Supply the witness the output commits to: signature and key for a key hash, the script with that very hash last, or the leaf and control block of that output key.";
    WitnessMalleated "Leave the input's script empty and put everything into the witness.";
    WitnessMalleatedP2sh "Make the input's script exactly one plain push of the witness program whose hash the output names.";
    WitnessUnexpected "Leave the witness empty: the output spent is no witness program, so its arguments go into the input's script.";
    SchnorrSigSize "Supply the signature in 64 bytes, or 65 with a hash type other than 00 at its end.";
    SchnorrSigHashType "Use 64 bytes for the default, else 01, 02, 03, 81, 82 or 83, and 03 or 83 only if there is an output at the input's position.";
    SchnorrSig "Sign this very transaction and all outputs it spends by BIP341, with the tweaked key for a key path or the key in the leaf for a script path.";
    TaprootWrongControlSize "Supply the control block: 33 bytes and 32 for each step from the leaf to the root, at most 128 of them.";
    DiscourageUpgradableTaprootVersion "Use leaf version c0; until this one has a meaning, nodes do not pass on a spend of it.";
    DiscourageOpSuccess "Use a leaf without this opcode; until it has a meaning, anybody can spend it and nodes do not pass that on.";
    DiscourageUpgradablePubkeyType "Use keys of 32 bytes in tapscripts; until this size has a meaning, any signature passes and nodes do not pass that on.";
    TapscriptValidationWeight "Use at most one signature check for every 50 bytes of witness, and one more; an annex can add bytes.";
    TapscriptCheckMultisig "Use OP_CHECKSIG and OP_CHECKSIGADD in a tapscript.";
    TapscriptMinimalIf "Choose the branch with nothing or the single byte 01.";
    TapscriptEmptyPubkey "Use a key of 32 bytes in the leaf.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_is_one_plain_sentence() {
        for (name, hint) in ScriptError::HINTS {
            let plain = hint.ends_with('.') && hint.starts_with(|first: char| first.is_ascii_uppercase());
            assert!(plain && !hint.contains(". "), "{name}: {hint:?}");
        }
    }

    #[test]
    fn hints_say_what_to_do() {
        assert!(ScriptError::SigNullDummy.hint().contains("empty item"));
        assert!(ScriptError::PushSize { got: 521, limit: 520 }.hint().contains("Split"));
    }
}
