//! The chain as a whole: status, supply, tips, readiness.

use std::collections::BTreeMap;

use cairn_chainstate::{BranchStatus, BranchTip, ChainView, IndexKind, Validation};
use cairn_params::{ChainSpec, Fork};
use cairn_primitives::{Amount, BlockTime};
use cairn_rpc::{
    ApiError, BackgroundProgress, ChainStatus, ChainTip, IndexProgress, Readiness, Status, Supply, TipStatus,
};

use super::{Service, unreadable};
use crate::pool::is_recent_view;
use crate::writer::now;

/// The state that a block on the tip has for each fork that blocks signal for.
fn deployments(spec: &ChainSpec, view: &ChainView<'_>) -> BTreeMap<String, String> {
    let state = |fork: Fork| view.tree().deployment_state(view.tip_id(), fork);
    let named = |(fork, _): (Fork, _)| Some((fork.name().to_owned(), state(fork)?.name().to_owned()));
    spec.deployments.signalled().filter_map(named).collect()
}

impl Service {
    pub(super) fn chain_status(&self) -> Result<Status, ApiError> {
        let caught_up = self.has_caught_up();
        let miner = self.mining.status();
        let indexes = self.index_progress()?;
        let view = self.reader.view();
        let tip = view.tip();
        let header = *view.tree().header(view.tip_id());
        let target =
            header.bits.to_target().map_err(|_| ApiError::Internal { what: "the tip has no target" })?;
        let subsidy = &self.spec().subsidy;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.spec().chain.name.clone(),
            height: tip.height,
            headers: view.best_header().height,
            best_hash: tip.hash,
            ibd: !caught_up,
            progress: if caught_up { 1.0 } else { self.progress(&view) },
            difficulty: target.difficulty(self.notation.pow_limit),
            bits_hex: header.bits,
            chain_work: tip.work,
            mempool: self.pool_count(),
            peers: self.peer_count(),
            supply: self.notation.currency.field(view.supply()),
            block_reward: subsidy.at(tip.height.next()),
            next_halving: subsidy.next_halving(tip.height),
            miner,
            deployments: deployments(self.spec(), &view),
            indexes,
            background: view.validation().map(background),
            pruned_height: view.pruned_to(),
            uptime_s: self.started.elapsed().as_secs(),
            ts: u64::from(now().to_u32()),
        })
    }

    fn index_progress(&self) -> Result<Vec<IndexProgress>, ApiError> {
        let progress = |&index: &IndexKind| {
            let status = self.reader.index_status(index).map_err(unreadable)?;
            Ok(IndexProgress {
                name: index.name().to_owned(),
                height: status.height,
                event: status.last_event.to_u64(),
                target: status.target.to_u64(),
            })
        };
        self.reader.indexes().iter().map(progress).collect()
    }

    pub(super) fn chain_supply(&self) -> Supply {
        let currency = &self.notation.currency;
        let subsidy = &self.spec().subsidy;
        let tip = self.reader.tip();
        let circulating = self.reader.supply();
        let max = subsidy.max_supply().and_then(|units| u64::try_from(units).ok()).map(Amount::from_sat);
        Supply {
            circulating_satoshi: circulating,
            circulating: currency.field(circulating),
            max_supply: currency.optional_field(max),
            current_subsidy: currency.field(subsidy.at(tip.height.next())),
            next_halving_blocks: subsidy.next_halving(tip.height).and_then(|at| at.blocks_above(tip.height)),
        }
    }

    pub(super) fn chain_tips(&self) -> ChainStatus {
        let view = self.reader.view();
        let tip = view.tip();
        let bits = view.tree().header(view.tip_id()).bits;
        ChainStatus {
            height: tip.height,
            tip_hash: tip.hash,
            target: bits.to_target().unwrap_or(self.notation.pow_limit),
            bits_hex: bits,
            cumulative_work: tip.work,
            tips: view.tips().iter().map(|branch| chain_tip(&view, branch)).collect(),
        }
    }

    pub(super) fn chain_readiness(&self) -> Readiness {
        let ready = self.has_caught_up();
        let view = self.reader.view();
        Readiness { ready, height: view.tip().height, headers: view.best_header().height }
    }

    /// Core's `IsInitialBlockDownload`, and no better header known than the tip.
    pub(super) fn looks_caught_up(&self) -> bool {
        let view = self.reader.view();
        let tip = view.tip();
        tip.work >= self.spec().assume.min_chain_work
            && is_recent_view(&view)
            && view.best_header().work <= tip.work
    }

    /// The share of the chain that is connected: of the headers known or of the time since genesis, whichever is less.
    fn progress(&self, view: &ChainView<'_>) -> f64 {
        let tree = view.tree();
        let (height, headers) = (view.tip().height.to_u32(), view.best_header().height.to_u32());
        let by_headers = f64::from(height) / f64::from(headers.max(1));
        let genesis = tree.header(tree.genesis()).time;
        let since_genesis = |time: BlockTime| time.seconds_since(genesis).max(0) as f64;
        let by_time = since_genesis(tree.header(view.tip_id()).time) / since_genesis(now()).max(1.0);
        by_headers.min(by_time).clamp(0.0, 1.0)
    }
}

fn chain_tip(view: &ChainView<'_>, branch: &BranchTip) -> ChainTip {
    let work = view.header(&branch.hash).map(|info| info.work);
    ChainTip {
        hash: branch.hash,
        height: branch.height,
        work: work.expect("a branch tip is a header of the same view"),
        branch_length: branch.length,
        status: match branch.status {
            BranchStatus::Active => TipStatus::Active,
            BranchStatus::ValidFork => TipStatus::ValidFork,
            BranchStatus::ValidHeaders => TipStatus::ValidHeaders,
            BranchStatus::HeadersOnly => TipStatus::HeadersOnly,
            BranchStatus::Invalid => TipStatus::Invalid,
        },
    }
}

fn background(validation: Validation) -> BackgroundProgress {
    let Validation { base_height, base, height } = validation;
    let progress = f64::from(height.to_u32()) / f64::from(base_height.to_u32().max(1));
    BackgroundProgress { height, target: base_height, base_hash: base, progress }
}
