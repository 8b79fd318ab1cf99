//! Any bytes at all: an answer, no panic, the same answer twice.

use cairn_primitives::Script;
use cairn_script::{
    Action, Program, ScriptFlags, SighashCache, Trace, count_sigops, p2sh_sigops, verify, verify_traced,
    witness_sigops,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::spend::{CONSENSUS, Spend};

/// Opcodes that do something, and pushes, more often than what ends a script at once.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u8..=0x60).prop_filter("no push of data", |op| *op == 0 || *op > 0x4e).prop_map(|op| vec![op]),
        3 => vec(any::<u8>(), 1..40).prop_map(|data| crate::text::plain_push(&data)),
        8 => (0x61u8..=0xba).prop_map(|op| vec![op]),
        1 => any::<u8>().prop_map(|op| vec![op]),
    ]
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    vec(instruction(), 0..40).prop_map(|parts| parts.concat())
}

fn items() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..70), 0..5)
}

fn any_flags() -> impl Strategy<Value = ScriptFlags> {
    let names: Vec<_> = ScriptFlags::ALL.names().collect();
    proptest::sample::subsequence(names.clone(), 0..=names.len()).prop_map(|names| {
        names.into_iter().filter_map(ScriptFlags::from_name).fold(ScriptFlags::NONE, |set, rule| set | rule)
    })
}

/// Asks, asks again with a trace, and counts.
fn ask(spend: &Spend, flags: ScriptFlags) -> Result<(), TestCaseError> {
    let (tx, spent) = spend.build();
    let cache = SighashCache::new(&tx, vec![&spent]);
    let (traced, trace) = verify_traced(&cache, 0, flags);
    prop_assert_eq!(verify(&cache, 0, flags), traced);
    prop_assert!(trace.steps().len() <= Trace::MAX_STEPS);
    let script = spent.script_pubkey.as_bytes();
    prop_assert!(count_sigops(script, true) <= count_sigops(script, false));
    p2sh_sigops(&spend.script_sig);
    witness_sigops(&spend.script_sig, &spend.script_pubkey, &spend.witness, flags);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_script_anywhere(script in script(), pushes in items(), flags in any_flags()) {
        let script_sig: Vec<u8> = pushes.iter().flat_map(|item| crate::text::plain_push(item)).collect();
        ask(&Spend::bare(&script_sig, &script), flags)?;
        ask(&Spend::p2sh(&script_sig, &script), flags)?;
        ask(&Spend::p2wsh(pushes.clone(), &script), flags)?;
        ask(&Spend::tapscript(pushes, &script), flags)?;
    }

    #[test]
    fn any_bytes_anywhere(
        script_sig in vec(any::<u8>(), 0..60), script_pubkey in vec(any::<u8>(), 0..60), witness in items(), flags in any_flags(),
    ) {
        let mut spend = Spend::bare(&script_sig, &script_pubkey);
        spend.witness = cairn_primitives::Witness::new(witness.clone());
        ask(&spend, flags)?;
        // The same witness for each kind of program, which it does not belong to.
        for program in [[&[0, 20][..], &[1; 20]].concat(), [&[0, 32][..], &[1; 32]].concat(), [&[0x51, 32][..], &[1; 32]].concat()] {
            let mut spend = Spend::bare(&[], &program);
            spend.witness = cairn_primitives::Witness::new(witness.clone());
            ask(&spend, flags)?;
        }
    }

    // What the rules of a later fork accept, the rules before it accepted too.
    #[test]
    fn consensus_rules_only_ever_refuse_more(script in script(), pushes in items(), less in any_flags()) {
        let fewer = CONSENSUS.without(less);
        let sound = (fewer.contains(ScriptFlags::P2SH) || !fewer.contains(ScriptFlags::WITNESS))
            && (fewer.contains(ScriptFlags::WITNESS) || !fewer.contains(ScriptFlags::TAPROOT));
        prop_assume!(sound);
        for spend in [Spend::p2wsh(pushes.clone(), &script), Spend::tapscript(pushes, &script), Spend::p2sh(&[], &script)] {
            if spend.check(CONSENSUS).is_ok() {
                prop_assert_eq!(spend.check(fewer), Ok(()));
            }
        }
    }
}

#[test]
fn a_trace_tells_what_ran_and_where_it_ended() {
    use cairn_primitives::op::*;
    let redeem_script = [OP_IF, OP_2, OP_ELSE, OP_3, OP_ENDIF, OP_3, OP_EQUALVERIFY];
    let (tx, spent) = Spend::p2sh(&[OP_1], &redeem_script).build();
    let (result, trace) = verify_traced(&SighashCache::new(&tx, vec![&spent]), 0, ScriptFlags::P2SH);
    assert_eq!(result.unwrap_err().code(), "EQUALVERIFY");

    let of = |program| trace.steps().iter().filter(move |step| step.program == program);
    assert_eq!(of(Program::Input).count(), 3, "two pushes and the end");
    assert_eq!(of(Program::Output).count(), 4);
    let redeem: Vec<_> = of(Program::Redeem).map(|step| (step.action.clone(), step.depth)).collect();
    let run = |text: &str| Action::Run(text.to_owned());
    let expected = [
        (run("OP_IF"), 1),
        (run("2"), 0),
        (run("OP_ELSE"), 1),
        (Action::Skip("3".to_owned()), 1),
        (run("OP_ENDIF"), 1),
        (run("3"), 1),
        (run("OP_EQUALVERIFY"), 2),
    ];
    assert_eq!(redeem, expected);
    assert_eq!(trace.steps().last().unwrap().top, [vec![2], vec![3]]);
    assert_eq!(trace.steps().last().unwrap().position, Script::from_bytes(redeem_script.to_vec()).len() - 1);
}
