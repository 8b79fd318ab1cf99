//! Scripts and whole transactions against Bitcoin Core's interpreter.

use crate::is_long;
use oracle::{Budget, Campaign, Case, Counts, Kind, case, shrink, whole};

fn run(name: &str, bounded: u64, make: impl Fn(u64, u64) -> Vec<Case> + Sync) -> Counts {
    let campaign = Campaign::from_env(bounded);
    let counts = campaign.run(make).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    println!("{name}: seed {} from {}: {counts}", campaign.seed, campaign.first);
    counts
}

fn one(kind: Kind) -> impl Fn(u64, u64) -> Vec<Case> + Sync {
    move |seed, number| vec![case(kind, seed, number)]
}

#[test]
fn spends() {
    let counts = run("spends", 12_000, one(Kind::Spend));
    let deep = counts.accepted * 100 / counts.cases();
    assert!(
        !is_long(counts.cases()) || deep >= 20,
        "only {deep} % of the spends are valid, the generators are broken"
    );
}

#[test]
fn soups() {
    let counts = run("soups", 20_000, one(Kind::Soup));
    let deep = counts.accepted * 100 / counts.cases();
    assert!(!is_long(counts.cases()) || deep >= 20, "hardly any program runs to its end");
}

#[test]
fn limits() {
    let counts = run("limits", 6_000, one(Kind::Limits));
    for code in ["OP_COUNT", "STACK_SIZE", "PUSH_SIZE", "SCRIPT_SIZE", "PUBKEY_COUNT", "SIG_COUNT"] {
        assert!(!is_long(counts.cases()) || counts.refused.contains_key(code), "{code} was never met");
    }
}

#[test]
fn transactions() {
    let counts = run("transactions", 2_000, whole);
    println!("transactions: {} whole transactions", counts.numbers);
}

/// `ORACLE_REPLAY` holds a case as a failure prints it.
#[test]
fn replays() {
    let Ok(text) = std::env::var("ORACLE_REPLAY") else { return };
    let case = Case::from_text(&text).unwrap();
    println!("{:?}", case.compare());
    assert!(case.compare().is_ok(), "the answers still differ");
}

#[test]
fn a_case_survives_its_text() {
    for number in 0..500 {
        let case = case(Kind::Spend, 1, number);
        assert_eq!(Case::from_text(&case.to_text()), Ok(case));
    }
    assert_eq!(Case::from_text("0 1").unwrap_err().field, "transaction");
}

/// The same seed and number give the same case, whatever ran before and on whichever thread.
#[test]
fn cases_follow_from_seed_and_number() {
    for kind in Kind::ALL {
        assert_eq!(case(kind, 5, 77), case(kind, 5, 77));
        assert_ne!(case(kind, 5, 77), case(kind, 5, 78));
        assert_ne!(case(kind, 5, 77), case(kind, 6, 77));
    }
}

/// Shrinking keeps what it is told to keep and drops the rest.
#[test]
fn shrinking_is_greedy() {
    let big = (0..).map(|number| case(Kind::Spend, 3, number)).find(|case| case.draft.inputs.len() == 4);
    let version = big.as_ref().unwrap().draft.version;
    let small = shrink(big.unwrap(), |case| case.draft.version == version);
    assert_eq!(small.draft.inputs.len(), 1);
    assert!(small.draft.outputs.is_empty() && small.draft.inputs[0].script_pubkey.is_empty());
    assert!(small.draft.inputs[0].witness.is_empty() && small.flags.bits() == 0);
}

#[test]
fn a_budget_is_counted() {
    let campaign = Campaign { seed: 1, first: 0, budget: Budget::Cases(50) };
    let counts = campaign.run(one(Kind::Soup)).unwrap();
    assert_eq!((counts.numbers, counts.cases()), (50, 50));
}
