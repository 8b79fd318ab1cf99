//! What blocks decide by the bits of their versions: the states of a deployment.

use cairn_params::{Schedule, Signalling};
use cairn_primitives::{BlockTime, Height};

/// How far a fork that blocks signal for has come. All blocks of a period have the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeploymentState {
    /// Signals do not count yet.
    Defined,
    /// Signals are counted.
    Started,
    /// Signals are counted, and too few of them make a block invalid (BIP8).
    MustSignal,
    /// Enough blocks signalled; the rules hold from a later period on.
    LockedIn,
    /// The rules hold, for good.
    Active,
    /// The rules will never hold.
    Failed,
}

impl DeploymentState {
    /// Its name as BIP9 and BIP8 write it, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Started => "started",
            Self::MustSignal => "must_signal",
            Self::LockedIn => "locked_in",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }

    /// Whether a miner that is ready for the fork sets its bit (Core's `ComputeBlockVersion`).
    pub fn asks_for_signal(self) -> bool {
        matches!(self, Self::Started | Self::MustSignal | Self::LockedIn)
    }
}

/// A period that is over, as the next one sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    /// The state of its blocks.
    pub(crate) state: DeploymentState,
    /// How many of its blocks signalled.
    pub(crate) signalled: u32,
    /// The median time past of its last block.
    pub(crate) median_time_past: BlockTime,
    /// Height of the first block after it.
    pub(crate) next: Height,
}

/// # Consensus
/// A fork starts with the first period after its start; it locks in with the period after one in which `threshold` blocks
/// signalled, and fails with the first one after its timeout before which they did not. With BIP8's lock-in on timeout the
/// period before the timeout must reach the threshold, so that it locks in. A fork that is locked in for a period holds
/// from the first period that is not below its least height. Genesis's period is none that counts.
/// Source: BIP9 with the least height of BIP341, Core's `GetStateFor`; BIP8.
pub(crate) fn next_state(signalling: Signalling, period: Period) -> DeploymentState {
    use DeploymentState::{Active, Defined, Failed, LockedIn, MustSignal, Started};
    match period.state {
        Defined if has_started(signalling.schedule, period) => Started,
        Defined => Defined,
        Started if period.signalled >= signalling.threshold => LockedIn,
        Started if is_last_chance(signalling, period.next) => MustSignal,
        Started if has_timed_out(signalling.schedule, period) => Failed,
        Started => Started,
        MustSignal => LockedIn,
        LockedIn if period.next >= signalling.min_activation_height => Active,
        LockedIn => LockedIn,
        Active => Active,
        Failed => Failed,
    }
}

fn has_started(schedule: Schedule, period: Period) -> bool {
    match schedule {
        Schedule::Times { start, .. } => period.median_time_past >= start,
        Schedule::Heights { start, .. } => period.next >= start,
    }
}

fn has_timed_out(schedule: Schedule, period: Period) -> bool {
    match schedule {
        Schedule::Times { timeout, .. } => {
            timeout != BlockTime::new(u32::MAX) && period.median_time_past >= timeout
        }
        Schedule::Heights { timeout, .. } => period.next >= timeout,
    }
}

/// Whether the period that begins at `next` is the one in which signals are mandatory.
fn is_last_chance(signalling: Signalling, next: Height) -> bool {
    match signalling.schedule {
        Schedule::Heights { timeout, lock_in_on_timeout: true, .. } => {
            let end = u64::from(next.to_u32()) + u64::from(signalling.window);
            end >= u64::from(timeout.to_u32())
        }
        Schedule::Heights { .. } | Schedule::Times { .. } => false,
    }
}
