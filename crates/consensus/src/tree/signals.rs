//! How far the forks have come that blocks signal for, branch by branch.

use cairn_params::{Activation, ChainSpec, Fork, NO_SIGNAL_VERSION, Signalling};
use cairn_primitives::Height;

use super::{HeaderTree, NodeId};
use crate::signals::{DeploymentState, Period, next_state};

/// A deployment as one header sees it.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// The state of the header's period.
    state: DeploymentState,
    /// The blocks of its period that signalled, up to itself.
    signalled: u32,
}

/// The deployments of a chain and, for each header, a tally of each. Each follows from the parent's, so it belongs to the
/// branch and is right after a reload. A chain without deployments stores nothing.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    deployments: Vec<Signalling>,
    /// Those of header `i` begin at `i` times the number of deployments.
    tallies: Vec<Tally>,
}

/// Mandatory signals of one deployment, in the period of a block and up to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mandatory {
    /// The bit.
    pub(crate) bit: u8,
    /// Blocks without it.
    pub(crate) missing: u32,
    /// Most blocks there may be without it.
    pub(crate) limit: u32,
}

impl Signals {
    /// Those of a tree that holds genesis alone.
    pub(super) fn of_genesis(spec: &ChainSpec) -> Self {
        let mut deployments: Vec<Signalling> = Vec::new();
        for (_, signalling) in spec.deployments.signalled() {
            if !deployments.contains(&signalling) {
                deployments.push(signalling);
            }
        }
        let version = spec.genesis.version;
        let first = |signalling: &Signalling| Tally {
            state: DeploymentState::Defined,
            signalled: u32::from(signalling.is_signalled_by(version)),
        };
        Self { tallies: deployments.iter().map(first).collect(), deployments }
    }

    fn tally(&self, id: NodeId, index: usize) -> Tally {
        self.tallies[id.index() * self.deployments.len() + index]
    }
}

impl HeaderTree {
    /// Whether a fork holds in a block on `parent`: by its height, or by what the blocks below it signalled.
    pub fn holds_on(&self, parent: NodeId, fork: Fork) -> bool {
        let activation = self.spec().deployments.activation(fork);
        match activation.by_height(self.height(parent).next()) {
            Some(holds) => holds,
            None => self.deployment_state(parent, fork) == Some(DeploymentState::Active),
        }
    }

    /// Whether a fork holds in this block.
    pub fn holds_in(&self, id: NodeId, fork: Fork) -> bool {
        match self.parent(id) {
            Some(parent) => self.holds_on(parent, fork),
            None => self.spec().deployments.activation(fork).by_height(Height::GENESIS) == Some(true),
        }
    }

    /// The state a block on `parent` has for a fork that blocks signal for; `None` for one that has a height.
    pub fn deployment_state(&self, parent: NodeId, fork: Fork) -> Option<DeploymentState> {
        let Activation::Signalled(signalling) = self.spec().deployments.activation(fork) else { return None };
        let index = self.signals.deployments.iter().position(|known| *known == signalling)?;
        Some(self.state_on(parent, index))
    }

    /// The version that a block on `parent` should carry: no signal but for the forks that ask for one.
    pub(crate) fn version_on(&self, parent: NodeId) -> i32 {
        let deployments = self.signals.deployments.iter().enumerate();
        let asking = deployments.filter(|(index, _)| self.state_on(parent, *index).asks_for_signal());
        asking.fold(NO_SIGNAL_VERSION, |version, (_, signalling)| version | signalling.mask())
    }

    /// The deployments that a block of this version on `parent` must signal for.
    pub(crate) fn mandatory_signals(
        &self,
        parent: NodeId,
        version: i32,
    ) -> impl Iterator<Item = Mandatory> + '_ {
        let height = self.height(parent).next().to_u32();
        self.signals.deployments.iter().enumerate().filter_map(move |(index, signalling)| {
            let tally = self.tally_on(parent, index, version);
            let blocks = height % signalling.window.max(1) + 1;
            (tally.state == DeploymentState::MustSignal).then(|| Mandatory {
                bit: signalling.bit,
                missing: blocks - tally.signalled,
                limit: signalling.window.saturating_sub(signalling.threshold),
            })
        })
    }

    /// Notes what a header on `parent` signals; to be called for each header in the order of their ids.
    pub(super) fn count_signals(&mut self, parent: NodeId, version: i32) {
        for index in 0..self.signals.deployments.len() {
            let tally = self.tally_on(parent, index, version);
            self.signals.tallies.push(tally);
        }
    }

    /// The state of a block on `parent`, in constant time.
    fn state_on(&self, parent: NodeId, index: usize) -> DeploymentState {
        let signalling = self.signals.deployments[index];
        let Tally { state, signalled } = self.signals.tally(parent, index);
        let next = self.height(parent).next();
        match signalling.opens_period(next) {
            true => {
                let median_time_past = self.median_time_past(parent);
                next_state(signalling, Period { state, signalled, median_time_past, next })
            }
            false => state,
        }
    }

    /// The tally of a block of this version on `parent`.
    fn tally_on(&self, parent: NodeId, index: usize, version: i32) -> Tally {
        let signalling = self.signals.deployments[index];
        let before = match signalling.opens_period(self.height(parent).next()) {
            true => 0,
            false => self.signals.tally(parent, index).signalled,
        };
        let signalled = before + u32::from(signalling.is_signalled_by(version));
        Tally { state: self.state_on(parent, index), signalled }
    }
}
