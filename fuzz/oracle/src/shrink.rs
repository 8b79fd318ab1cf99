//! Makes a case smaller.

use cairn_primitives::Instructions;
use cairn_script::ScriptFlags;

use crate::case::{Case, SUPPORTED};

/// The smallest case that greedy steps lead to while `holds` stays true. `holds(case)` must be true at the start.
pub fn shrink(mut case: Case, holds: impl Fn(&Case) -> bool) -> Case {
    while let Some(smaller) = steps(&case).into_iter().find(|smaller| *smaller != case && holds(smaller)) {
        case = smaller;
    }
    case
}

/// Most cuts that [`shrink_bytes`] tries: long inputs stay longer than need be, and are there in seconds.
const MAX_CUTS: usize = 2_000;

/// As [`shrink`], for bytes: cuts pieces out, half of what is there at first and single bytes at last.
pub fn shrink_bytes(mut bytes: Vec<u8>, holds: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut piece = bytes.len().div_ceil(2);
    let mut cuts = 0;
    while piece > 0 {
        let mut start = 0;
        while start < bytes.len() && cuts < MAX_CUTS {
            cuts += 1;
            let end = bytes.len().min(start + piece);
            let shorter = [&bytes[..start], &bytes[end..]].concat();
            if holds(&shorter) {
                bytes = shorter;
            } else {
                start = end;
            }
        }
        piece /= 2;
    }
    bytes
}

/// Every case that is one step smaller, the big steps first.
fn steps(case: &Case) -> Vec<Case> {
    let mut steps = Vec::new();
    for index in (0..case.draft.inputs.len()).filter(|index| *index != case.input) {
        let mut smaller = case.clone();
        smaller.draft.inputs.remove(index);
        smaller.input -= usize::from(index < case.input);
        steps.push(smaller);
    }
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        steps.push(smaller);
    };
    for flag in SUPPORTED.into_iter().filter(|flag| case.flags.contains(*flag)) {
        if flag == ScriptFlags::P2SH && case.flags.contains(ScriptFlags::WITNESS) {
            continue;
        }
        with(&|smaller| smaller.flags = smaller.flags.without(flag));
    }
    for index in 0..case.draft.outputs.len() {
        with(&|smaller| drop(smaller.draft.outputs.remove(index)));
    }
    let asked = &case.draft.inputs[case.input];
    for index in 0..asked.witness.len() {
        with(&|smaller| drop(smaller.draft.inputs[case.input].witness.remove(index)));
        for shorter in shorter(&asked.witness[index]) {
            with(&|smaller| smaller.draft.inputs[case.input].witness[index].clone_from(&shorter));
        }
    }
    for shorter in shorter(&asked.script_sig) {
        with(&|smaller| smaller.draft.inputs[case.input].script_sig.clone_from(&shorter));
    }
    for shorter in shorter(&asked.script_pubkey) {
        with(&|smaller| smaller.draft.inputs[case.input].script_pubkey.clone_from(&shorter));
    }
    with(&|smaller| smaller.draft.lock_time = 0);
    with(&|smaller| smaller.draft.inputs[case.input].sequence = 0);
    with(&|smaller| smaller.draft.inputs[case.input].amount = 0);
    steps
}

/// `bytes` emptied, and without each of its instructions.
fn shorter(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut shorter = vec![Vec::new()];
    let mut instructions = Instructions::new(bytes);
    let mut start = 0;
    while let Some(Ok(_)) = instructions.next() {
        let end = instructions.position();
        shorter.push([&bytes[..start], &bytes[end..]].concat());
        start = end;
    }
    shorter
}
