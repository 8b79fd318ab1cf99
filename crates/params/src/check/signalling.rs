//! Rules about forks that blocks signal for.

use std::borrow::Cow;

use cairn_primitives::Height;

use super::Checked;
use crate::error::{SpecError, SpecRule};
use crate::signalling::{Fork, MAX_SIGNAL_BIT, Schedule, Signalling};
use crate::spec::Deployments;

/// Least periods from start to timeout under BIP8: one to signal in, and one in which it may be mandatory.
const MIN_PERIODS: u64 = 2;

/// Each deployment makes sense, and no bit means two things at a time.
pub(super) fn check(forks: &Deployments) -> Checked {
    let mut seen: Vec<(Fork, Signalling)> = Vec::new();
    for (fork, signalling) in forks.signalled() {
        check_one(signalling).map_err(|(key, rule)| error(fork, key, rule))?;
        if let Some(&(other, _)) = seen.iter().find(|(_, earlier)| earlier.clashes_with(signalling)) {
            return Err(error(fork, "bit", SpecRule::BitTaken { bit: signalling.bit, other }));
        }
        seen.push((fork, signalling));
    }
    Ok(())
}

fn error(fork: Fork, key: &str, rule: SpecRule) -> SpecError {
    let field = Cow::Owned(format!("deployments.{}.{key}", fork.name()));
    SpecError { line: None, field, rule }
}

/// The key at fault and the rule it breaks.
type Fault = (&'static str, SpecRule);

fn check_one(signalling: Signalling) -> Result<(), Fault> {
    let Signalling { bit, schedule, threshold, window, min_activation_height: _ } = signalling;
    at_most("bit", bit.into(), MAX_SIGNAL_BIT.into())?;
    at_least("window", window.into(), 1)?;
    at_least("threshold", threshold.into(), 1)?;
    at_most("threshold", threshold.into(), window.into())?;
    match schedule {
        Schedule::Times { start, timeout } if timeout <= start => {
            Err(("timeout", SpecRule::TimeoutBeforeStart { got: timeout, limit: start }))
        }
        Schedule::Times { .. } => Ok(()),
        Schedule::Heights { start, timeout, lock_in_on_timeout: _ } => {
            at_period("start_height", start, signalling)?;
            at_period("timeout_height", timeout, signalling)?;
            // The first period is never one that counts.
            let first = u64::from(start.to_u32().max(window));
            let least = first + MIN_PERIODS * u64::from(window);
            at_least("timeout_height", timeout.to_u32().into(), least)
        }
    }
}

fn at_period(key: &'static str, got: Height, signalling: Signalling) -> Result<(), Fault> {
    let rule = SpecRule::NotAtPeriod { got, window: signalling.window };
    if signalling.opens_period(got) { Ok(()) } else { Err((key, rule)) }
}

fn at_least(key: &'static str, got: u64, limit: u64) -> Result<(), Fault> {
    if got < limit { Err((key, SpecRule::AtLeast { got, limit })) } else { Ok(()) }
}

fn at_most(key: &'static str, got: u64, limit: u64) -> Result<(), Fault> {
    if got > limit { Err((key, SpecRule::AtMost { got, limit })) } else { Ok(()) }
}
