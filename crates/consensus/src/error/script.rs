//! What a failed script says about the block it stands in.

use cairn_script::ScriptError;

use super::Verdict;

/// A script that broke a rule makes its block invalid, for good; one that was not given its outputs says
/// something about us. Every variant is named here, so that a new one has to be thought about: one that
/// means a script cannot be evaluated belongs to [`Verdict::Unavailable`].
pub(super) fn verdict(error: &ScriptError) -> Verdict {
    use ScriptError as E;
    match error {
        E::InputIndex { .. } | E::SpentOutputs { .. } => Verdict::Internal,
        E::EvalFalse
        | E::CleanStack { .. }
        | E::ScriptSize { .. }
        | E::PushSize { .. }
        | E::OpCount { .. }
        | E::StackSize { .. }
        | E::PubkeyCount { .. }
        | E::SigCount { .. }
        | E::BadOpcode
        | E::DisabledOpcode
        | E::InvalidStackOperation
        | E::InvalidAltstackOperation
        | E::UnbalancedConditional
        | E::NumberSize { .. }
        | E::NumberNotMinimal
        | E::OpReturn
        | E::Verify
        | E::EqualVerify
        | E::NumEqualVerify
        | E::CheckSigVerify
        | E::CheckMultisigVerify
        | E::NegativeLockTime
        | E::UnsatisfiedLockTime
        | E::MinimalData
        | E::MinimalIf
        | E::SigPushOnly
        | E::SigDer
        | E::SigHighS
        | E::SigHashType { .. }
        | E::SigNullDummy
        | E::NullFail
        | E::PubkeyType
        | E::WitnessPubkeyType
        | E::OpCodeSeparator
        | E::SigFindAndDelete
        | E::DiscourageUpgradableNops
        | E::DiscourageUpgradableWitnessProgram
        | E::WitnessProgramWrongLength { .. }
        | E::WitnessProgramWitnessEmpty
        | E::WitnessProgramMismatch
        | E::WitnessMalleated
        | E::WitnessMalleatedP2sh
        | E::WitnessUnexpected
        | E::SchnorrSigSize { .. }
        | E::SchnorrSigHashType { .. }
        | E::SchnorrSig
        | E::TaprootWrongControlSize { .. }
        | E::DiscourageUpgradableTaprootVersion { .. }
        | E::DiscourageOpSuccess { .. }
        | E::DiscourageUpgradablePubkeyType { .. }
        | E::TapscriptValidationWeight
        | E::TapscriptCheckMultisig
        | E::TapscriptMinimalIf
        | E::TapscriptEmptyPubkey => Verdict::Invalid,
    }
}
