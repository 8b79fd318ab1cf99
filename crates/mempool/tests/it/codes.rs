//! Every rule's reject reason is Core's.

use cairn_consensus::{CoinViewError, TxError};
use cairn_mempool::{Class, Rejection};
use cairn_primitives::{Amount, OutPoint, Txid};
use cairn_script::ScriptError;

const NONE: Amount = Amount::ZERO;
const ID: Txid = Txid::ZERO;

const fn script(mandatory: bool, witness_stripped: bool) -> Rejection {
    Rejection::Script { index: 0, error: ScriptError::EvalFalse, mandatory, witness_stripped }
}

/// The names as Core's `validation.cpp` and `policy/policy.cpp` spell them, and as its functional tests expect them
/// (`mempool_accept.py`, `mempool_limit.py`, `feature_rbf.py`); `no-witness-yet` up to version 0.18, the flags' up to 28.
const NAMES: [(Rejection, &str); 37] = [
    (Rejection::Consensus(TxError::NoInputs), "bad-txns-vin-empty"),
    (
        Rejection::Consensus(TxError::MissingOrSpent { index: 0, outpoint: OutPoint::NULL }),
        "bad-txns-inputs-missingorspent",
    ),
    (Rejection::Coinbase, "coinbase"),
    (Rejection::Version { got: 3, limit: 2 }, "version"),
    (Rejection::Weight { got: 1, limit: 0 }, "tx-size"),
    (Rejection::TooSmall { got: 64, limit: 65 }, "tx-size-small"),
    (Rejection::ScriptSigSize { index: 0, got: 1, limit: 0 }, "scriptsig-size"),
    (Rejection::ScriptSigNotPushOnly { index: 0 }, "scriptsig-not-pushonly"),
    (Rejection::ScriptPubkey { index: 0 }, "scriptpubkey"),
    (Rejection::Dust { index: 0, got: NONE, limit: NONE }, "dust"),
    (Rejection::MultiOpReturn { got: 2 }, "multi-op-return"),
    (Rejection::NoWitnessYet, "no-witness-yet"),
    (Rejection::NonFinal, "non-final"),
    (Rejection::NonBip68Final { index: 0 }, "non-BIP68-final"),
    (Rejection::AlreadyInMempool, "txn-already-in-mempool"),
    (Rejection::SameNonWitnessData, "txn-same-nonwitness-data-in-mempool"),
    (Rejection::AlreadyKnown, "txn-already-known"),
    (Rejection::Conflict { outpoint: OutPoint::NULL, by: ID }, "txn-mempool-conflict"),
    (Rejection::NonstandardInput { index: 0 }, "bad-txns-nonstandard-inputs"),
    (Rejection::NonstandardWitness { index: 0 }, "bad-witness-nonstandard"),
    (Rejection::Sigops { got: 1, limit: 0 }, "bad-txns-too-many-sigops"),
    (Rejection::MinRelayFee { got: NONE, limit: NONE }, "min relay fee not met"),
    (Rejection::MempoolMinFee { got: NONE, limit: NONE }, "mempool min fee not met"),
    (Rejection::AncestorCount { got: 26, limit: 25 }, "too-long-mempool-chain"),
    (Rejection::AncestorSize { got: 1, limit: 0 }, "too-long-mempool-chain"),
    (Rejection::DescendantCount { ancestor: ID, got: 26, limit: 25 }, "too-long-mempool-chain"),
    (Rejection::DescendantSize { ancestor: ID, got: 1, limit: 0 }, "too-long-mempool-chain"),
    (Rejection::SpendsConflicting { conflict: ID }, "bad-txns-spends-conflicting-tx"),
    (Rejection::TooManyReplacements { got: 101, limit: 100 }, "too many potential replacements"),
    (Rejection::ReplacementAddsUnconfirmed { index: 0 }, "replacement-adds-unconfirmed"),
    (Rejection::ReplacementFeeRate { than: ID }, "insufficient fee"),
    (Rejection::ReplacementFee { got: NONE, replaced: NONE }, "insufficient fee"),
    (Rejection::ReplacementRelayFee { got: NONE, limit: NONE }, "insufficient fee"),
    (script(true, false), "mandatory-script-verify-flag-failed"),
    (script(false, false), "non-mandatory-script-verify-flag"),
    (script(true, true), "mandatory-script-verify-flag-failed"),
    (Rejection::Full, "mempool full"),
];

/// Place of a rule's row in the table; the compiler asks for one when a rule is added.
fn row(rejection: &Rejection) -> Option<usize> {
    let place = match rejection {
        Rejection::Consensus(TxError::MissingOrSpent { .. }) => 1,
        Rejection::Consensus(_) => 0,
        // Core has no name: it stops.
        Rejection::CoinView(_) => return None,
        Rejection::Coinbase => 2,
        Rejection::Version { .. } => 3,
        Rejection::Weight { .. } => 4,
        Rejection::TooSmall { .. } => 5,
        Rejection::ScriptSigSize { .. } => 6,
        Rejection::ScriptSigNotPushOnly { .. } => 7,
        Rejection::ScriptPubkey { .. } => 8,
        Rejection::Dust { .. } => 9,
        Rejection::MultiOpReturn { .. } => 10,
        Rejection::NoWitnessYet => 11,
        Rejection::NonFinal => 12,
        Rejection::NonBip68Final { .. } => 13,
        Rejection::AlreadyInMempool => 14,
        Rejection::SameNonWitnessData => 15,
        Rejection::AlreadyKnown => 16,
        Rejection::Conflict { .. } => 17,
        Rejection::NonstandardInput { .. } => 18,
        Rejection::NonstandardWitness { .. } => 19,
        Rejection::Sigops { .. } => 20,
        Rejection::MinRelayFee { .. } => 21,
        Rejection::MempoolMinFee { .. } => 22,
        Rejection::AncestorCount { .. } => 23,
        Rejection::AncestorSize { .. } => 24,
        Rejection::DescendantCount { .. } => 25,
        Rejection::DescendantSize { .. } => 26,
        Rejection::SpendsConflicting { .. } => 27,
        Rejection::TooManyReplacements { .. } => 28,
        Rejection::ReplacementAddsUnconfirmed { .. } => 29,
        Rejection::ReplacementFeeRate { .. } => 30,
        Rejection::ReplacementFee { .. } => 31,
        Rejection::ReplacementRelayFee { .. } => 32,
        Rejection::Script { witness_stripped: true, .. } => 35,
        Rejection::Script { mandatory: true, .. } => 33,
        Rejection::Script { mandatory: false, .. } => 34,
        Rejection::Full => 36,
    };
    Some(place)
}

#[test]
fn every_rule_has_cores_reject_reason() {
    for (place, (rejection, name)) in NAMES.iter().enumerate() {
        assert_eq!((row(rejection), rejection.code()), (Some(place), *name));
        assert_ne!(rejection.class(), Class::Unavailable, "{name}");
        assert!(!rejection.to_string().is_empty());
    }
    assert_eq!(Rejection::CoinView(CoinViewError::Internal).class(), Class::Unavailable);
}
