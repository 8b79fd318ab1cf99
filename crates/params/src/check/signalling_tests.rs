use cairn_primitives::{BlockTime, Height};

use crate::signalling::{Fork, Schedule, Signalling};
use crate::spec::{Activation, ChainSpec};
use crate::{SpecError, SpecRule, presets};

/// A spec in which taproot and CSV are signalled for.
fn checked(taproot: Signalling, csv: Option<Signalling>) -> Result<(), SpecError> {
    let mut spec: ChainSpec = presets::regtest();
    spec.deployments.taproot = Activation::Signalled(taproot);
    if let Some(csv) = csv {
        spec.deployments.csv = Activation::Signalled(csv);
    }
    spec.check()
}

fn refused(signalling: Signalling, key: &str, rule: SpecRule) {
    let error = checked(signalling, None).unwrap_err();
    assert_eq!((error.line, &*error.field, error.rule), (None, &*format!("deployments.taproot.{key}"), rule));
}

fn allowed(signalling: Signalling) {
    assert_eq!(checked(signalling, None), Ok(()));
}

fn times(start: u32, timeout: u32) -> Schedule {
    Schedule::Times { start: BlockTime::new(start), timeout: BlockTime::new(timeout) }
}

fn heights(start: u32, timeout: u32, lock_in_on_timeout: bool) -> Schedule {
    Schedule::Heights { start: Height::new(start), timeout: Height::new(timeout), lock_in_on_timeout }
}

/// Taproot's own on Bitcoin.
fn base() -> Signalling {
    Signalling {
        bit: 2,
        schedule: times(1_619_222_400, 1_628_640_000),
        threshold: 1815,
        window: 2016,
        min_activation_height: Height::new(709_632),
    }
}

#[test]
fn bits_and_counts() {
    allowed(base());
    allowed(Signalling { bit: 0, ..base() });
    allowed(Signalling { bit: 28, ..base() });
    refused(Signalling { bit: 29, ..base() }, "bit", SpecRule::AtMost { got: 29, limit: 28 });
    let small = Signalling { threshold: 1, window: 1, ..base() };
    allowed(small);
    refused(Signalling { window: 0, ..small }, "window", SpecRule::AtLeast { got: 0, limit: 1 });
    refused(Signalling { threshold: 0, ..small }, "threshold", SpecRule::AtLeast { got: 0, limit: 1 });
    allowed(Signalling { threshold: 2016, ..base() });
    let rule = SpecRule::AtMost { got: 2017, limit: 2016 };
    refused(Signalling { threshold: 2017, ..base() }, "threshold", rule);
}

#[test]
fn the_timeout_is_after_the_start() {
    allowed(Signalling { schedule: times(7, 8), ..base() });
    for timeout in [7, 6] {
        let (got, limit) = (BlockTime::new(timeout), BlockTime::new(7));
        let rule = SpecRule::TimeoutBeforeStart { got, limit };
        refused(Signalling { schedule: times(7, timeout), ..base() }, "timeout", rule);
    }
}

#[test]
fn heights_are_where_periods_begin() {
    let fork =
        |start, timeout, mandatory| Signalling { schedule: heights(start, timeout, mandatory), ..base() };
    for mandatory in [false, true] {
        allowed(fork(2016, 3 * 2016, mandatory));
        let odd = |got| SpecRule::NotAtPeriod { got: Height::new(got), window: 2016 };
        refused(fork(2017, 5 * 2016, mandatory), "start_height", odd(2017));
        refused(fork(2016, 5 * 2016 - 1, mandatory), "timeout_height", odd(5 * 2016 - 1));
        let short = SpecRule::AtLeast { got: 2 * 2016, limit: 3 * 2016 };
        refused(fork(2016, 2 * 2016, mandatory), "timeout_height", short.clone());
        // The period of genesis never counts.
        allowed(fork(0, 3 * 2016, mandatory));
        refused(fork(0, 2 * 2016, mandatory), "timeout_height", short);
    }
}

#[test]
fn a_bit_means_one_thing_at_a_time() {
    let by_time = |start, timeout| Signalling { schedule: times(start, timeout), ..base() };
    let by_height = |start: u32, timeout: u32| Signalling {
        schedule: heights(start * 2016, timeout * 2016, false),
        ..base()
    };
    let taken = Err(SpecError {
        line: None,
        field: "deployments.taproot.bit".into(),
        rule: SpecRule::BitTaken { bit: 2, other: Fork::Csv },
    });
    // Core's own test asks for the start of one after the timeout of the other.
    for (csv, taproot, fine) in [
        (by_time(10, 20), by_time(21, 30), true),
        (by_time(10, 20), by_time(20, 30), false),
        (by_time(21, 30), by_time(10, 20), true),
        (by_time(20, 30), by_time(10, 20), false),
        (by_time(10, 40), by_time(20, 30), false),
        (by_height(1, 3), by_height(4, 6), true),
        (by_height(1, 3), by_height(3, 6), false),
        (by_height(4, 6), by_height(1, 3), true),
        (by_height(1, 3), by_time(10, 20), false),
        // Another bit; and the very same deployment.
        (Signalling { bit: 3, ..by_time(10, 20) }, by_time(10, 20), true),
        (by_time(10, 20), by_time(10, 20), true),
        (by_time(10, 20), Signalling { threshold: 1, ..by_time(10, 20) }, false),
    ] {
        let expected = if fine { Ok(()) } else { taken.clone() };
        assert_eq!(checked(taproot, Some(csv)), expected, "{csv:?} {taproot:?}");
    }
}

#[test]
fn what_is_signalled_for_is_not_there_from_the_start() {
    let mut spec = presets::regtest();
    spec.deployments.bip16 = Activation::Signalled(base());
    let error = spec.check().unwrap_err();
    assert_eq!((&*error.field, error.rule), ("deployments.segwit", SpecRule::NeedsBip16));
    spec.deployments.segwit = Activation::Never;
    spec.deployments.taproot = Activation::Never;
    assert_eq!(spec.check(), Ok(()));
    spec.deployments.bip34 = Activation::Signalled(Signalling { bit: 3, ..base() });
    spec.deployments.bip34_hash = Some(spec.genesis.hash);
    let error = spec.check().unwrap_err();
    assert_eq!((&*error.field, error.rule), ("deployments.bip34_hash", SpecRule::Bip34Height));
}

#[test]
fn the_earliest_height_is_three_periods_in() {
    for (schedule, least, expected) in [
        (times(0, 1), 0, 3 * 2016),
        (heights(0, 3 * 2016, false), 0, 3 * 2016),
        (heights(2016, 3 * 2016, false), 0, 3 * 2016),
        (heights(4032, 5 * 2016, false), 0, 4 * 2016),
        (times(0, 1), 3 * 2016 + 1, 4 * 2016),
        (times(0, 1), u32::MAX, u32::MAX),
    ] {
        let fork = Signalling { schedule, min_activation_height: Height::new(least), ..base() };
        assert_eq!(fork.earliest_height().to_u32(), expected);
        let activation = Activation::Signalled(fork);
        assert_eq!(activation.by_height(Height::new(u32::MAX)), None);
        assert!(activation.possible_at(Height::new(expected)));
        assert!(!activation.possible_at(Height::new(expected - 1)));
    }
}
