//! Whether a transaction may come in, and at whose cost.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cairn_consensus::{TxError, check_final, check_spend, check_transaction, script_flags_at, sigop_cost};
use cairn_params::ChainSpec;
use cairn_primitives::{Amount, Coin, Height, OutPoint, RelativeLock, Transaction, Txid};
use cairn_script::{CacheUse, Caches, ScriptFlags, SighashCache};

use crate::chain::ChainView;
use crate::graph::Graph;
use crate::policy::{MANDATORY_FLAGS, MAX_EXTRA_DESCENDANT_VSIZE, MAX_TX_SIGOP_COST, Policy, STANDARD_FLAGS};
use crate::rate::SatPerKvb;
use crate::rejection::Rejection;
use crate::{replace, standard};

/// Outputs of a transaction that are looked up to tell a confirmed one from one whose parents are missing.
const KNOWN_PROBES: u32 = 16;

/// Where a transaction comes from, and so what it need not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From anyone: every rule holds.
    Relay,
    /// From a block that left the chain: it need not pay the floor, and replaces nothing.
    Disconnected,
    /// It was in the pool before a reorganisation: its form and its scripts were checked then.
    Retained,
}

/// What was found out about a transaction that may come in.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) fee: Amount,
    pub(crate) vsize: u64,
    pub(crate) sigop_cost: u64,
    /// The entries that go for it, with all that rests on them.
    pub(crate) replaced: BTreeSet<Txid>,
}

/// What a decision is made from.
#[derive(Debug)]
pub(crate) struct Admitter<'a, C: ?Sized> {
    pub(crate) spec: &'a ChainSpec,
    pub(crate) policy: &'a Policy,
    pub(crate) graph: &'a Graph,
    /// The rising floor as it stands.
    pub(crate) floor: SatPerKvb,
    pub(crate) chain: &'a C,
    /// What passed before, if it is kept.
    pub(crate) caches: Option<&'a Caches>,
}

impl<C: ChainView + ?Sized> Admitter<'_, C> {
    /// Decides about one transaction, in the order of Core's `MemPoolAccept`: what needs no coins first, scripts last.
    pub(crate) fn admit(&self, tx: &Transaction, origin: Origin) -> Result<Admission, Rejection> {
        self.check_alone(tx, origin)?;
        self.check_not_here(tx)?;
        let conflicts = self.conflicts(tx, origin)?;
        let coins = self.coins(tx)?;
        self.check_sequence_locks(tx, &coins)?;
        let fee = check_spend(tx, &coins, self.next_height(), self.spec)?;
        if !self.graph.has_room_for_fee(fee) {
            return Err(TxError::InputValuesOutOfRange { limit: self.spec.limits.max_money }.into());
        }
        if origin != Origin::Retained {
            standard::check_inputs(tx, &coins)?;
        }
        let sigop_cost = sigop_cost(tx, &coins, STANDARD_FLAGS);
        if sigop_cost > MAX_TX_SIGOP_COST {
            return Err(Rejection::Sigops { got: sigop_cost, limit: MAX_TX_SIGOP_COST });
        }
        let vsize = standard::virtual_size(tx, sigop_cost);
        if origin == Origin::Relay {
            self.check_fee(fee, vsize)?;
        }
        let ancestors = self.graph.with_ancestors(self.graph.parents_of(tx));
        let newcomer = replace::Newcomer { tx, fee, vsize, ancestors: &ancestors };
        let replaced = replace::check(self.graph, self.policy, &newcomer, &conflicts)?;
        self.check_limits(&ancestors, vsize, &replaced)?;
        if origin != Origin::Retained {
            self.check_scripts(tx, &coins)?;
        }
        Ok(Admission { fee, vsize, sigop_cost, replaced })
    }

    fn next_height(&self) -> Height {
        self.chain.tip_height().next()
    }

    /// The script rules of the next block.
    fn next_flags(&self) -> ScriptFlags {
        let by_height = || script_flags_at(self.spec, self.next_height());
        self.chain.next_script_flags().unwrap_or_else(by_height)
    }

    /// What can be said without coins. Lock times count from the median time past also where BIP113 does not hold yet.
    fn check_alone(&self, tx: &Transaction, origin: Origin) -> Result<(), Rejection> {
        if origin != Origin::Retained {
            check_transaction(tx, self.spec)?;
            if tx.is_coinbase() {
                return Err(Rejection::Coinbase);
            }
            standard::check_form(tx, self.policy.dust_rate)?;
        }
        // Multisig's dummy must be empty from segwit on and not before (BIP147).
        if tx.has_witness() && !self.next_flags().contains(ScriptFlags::NULLDUMMY) {
            return Err(Rejection::NoWitnessYet);
        }
        let cutoff = self.chain.median_time_past(self.chain.tip_height());
        check_final(tx, self.next_height(), cutoff).map_err(|_| Rejection::NonFinal)
    }

    fn check_not_here(&self, tx: &Transaction) -> Result<(), Rejection> {
        match self.graph.get(&tx.txid()) {
            Some(entry) if entry.tx().wtxid() == tx.wtxid() => Err(Rejection::AlreadyInMempool),
            Some(_) => Err(Rejection::SameNonWitnessData),
            None => Ok(()),
        }
    }

    /// The entries that spend a coin this transaction spends. Each must have said that it may be replaced (BIP125 rule
    /// 1), unless the policy does without.
    fn conflicts(&self, tx: &Transaction, origin: Origin) -> Result<BTreeSet<Txid>, Rejection> {
        let mut found = BTreeSet::new();
        for input in tx.inputs() {
            let Some(by) = self.graph.spender(&input.previous) else { continue };
            let signals = self.graph.get(&by).is_some_and(|entry| entry.signals_replacement());
            if origin != Origin::Relay || !(signals || self.policy.full_rbf) {
                return Err(Rejection::Conflict { outpoint: input.previous, by });
            }
            found.insert(by);
        }
        Ok(found)
    }

    /// One coin for each input, from the pool or the chain. A coin of the pool counts as made in the next block.
    fn coins(&self, tx: &Transaction) -> Result<Vec<Coin>, Rejection> {
        let mut coins = Vec::with_capacity(tx.inputs().len());
        for (index, input) in tx.inputs().iter().enumerate() {
            match self.coin(&input.previous)? {
                Some(coin) => coins.push(coin),
                None if self.is_confirmed(tx)? => return Err(Rejection::AlreadyKnown),
                None => return Err(TxError::MissingOrSpent { index, outpoint: input.previous }.into()),
            }
        }
        Ok(coins)
    }

    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, Rejection> {
        let Some(parent) = self.graph.get(&outpoint.txid) else { return Ok(self.chain.coin(outpoint)?) };
        let output = usize::try_from(outpoint.vout).ok().and_then(|vout| parent.tx().outputs().get(vout));
        Ok(output.map(|output| Coin { output: output.clone(), height: self.next_height(), coinbase: false }))
    }

    fn is_confirmed(&self, tx: &Transaction) -> Result<bool, Rejection> {
        let txid = tx.txid();
        for (vout, _) in (0..KNOWN_PROBES).zip(tx.outputs()) {
            if self.chain.coin(&OutPoint { txid, vout })?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// From version 2 on, sequence numbers ask that coins be of an age in the next block (BIP68); policy holds to it
    /// also before consensus does. The same rule as `cairn_consensus::check_sequence_locks`, by height instead of by
    /// header.
    fn check_sequence_locks(&self, tx: &Transaction, coins: &[Coin]) -> Result<(), Rejection> {
        if (tx.version() as u32) < 2 {
            return Ok(());
        }
        let tip = self.chain.tip_height();
        let next = u64::from(self.next_height().to_u32());
        let locked = |coin: &Coin, lock| match lock {
            RelativeLock::Disabled => false,
            RelativeLock::Blocks(blocks) => next < u64::from(coin.height.to_u32()) + u64::from(blocks),
            RelativeLock::Units512s(units) => {
                let below_coin = coin.height.prev().unwrap_or(Height::GENESIS).min(tip);
                let counted_from = u64::from(self.chain.median_time_past(below_coin).to_u32());
                u64::from(self.chain.median_time_past(tip).to_u32()) < counted_from + (u64::from(units) << 9)
            }
        };
        let mut inputs = tx.inputs().iter().zip(coins);
        match inputs.position(|(input, coin)| locked(coin, input.sequence.relative_lock())) {
            Some(index) => Err(Rejection::NonBip68Final { index }),
            None => Ok(()),
        }
    }

    fn check_fee(&self, got: Amount, vsize: u64) -> Result<(), Rejection> {
        let limit = self.floor.fee(vsize);
        if got < limit {
            return Err(Rejection::MempoolMinFee { got, limit });
        }
        let limit = self.policy.min_relay_rate.fee(vsize);
        if got < limit { Err(Rejection::MinRelayFee { got, limit }) } else { Ok(()) }
    }

    /// Chains of unconfirmed transactions stay short, counted without those in `replaced`. A small transaction that rests
    /// on one other alone may be one descendant too many of it, so that neither of two parties can keep the other from
    /// paying for a parent they share (Core's CPFP carve-out).
    fn check_limits(
        &self,
        ancestors: &BTreeSet<Txid>,
        vsize: u64,
        replaced: &BTreeSet<Txid>,
    ) -> Result<(), Rejection> {
        let policy = self.policy;
        let entries = || ancestors.iter().filter_map(|txid| self.graph.get(txid));
        let got = ancestors.len() as u64 + 1;
        if got > policy.max_ancestors {
            return Err(Rejection::AncestorCount { got, limit: policy.max_ancestors });
        }
        let got = vsize + entries().map(|entry| entry.vsize()).sum::<u64>();
        if got > policy.max_ancestor_vsize {
            return Err(Rejection::AncestorSize { got, limit: policy.max_ancestor_vsize });
        }
        let freed = self.freed(replaced);
        let is_extra = ancestors.len() == 1 && vsize <= MAX_EXTRA_DESCENDANT_VSIZE;
        let (extra_count, extra_vsize) = if is_extra { (1, MAX_EXTRA_DESCENDANT_VSIZE) } else { (0, 0) };
        for entry in entries() {
            let (count, size) = freed.get(&entry.txid()).copied().unwrap_or_default();
            let got = entry.descendants().count + 1 - count;
            if got > policy.max_descendants.saturating_add(extra_count) {
                let (ancestor, limit) = (entry.txid(), policy.max_descendants);
                return Err(Rejection::DescendantCount { ancestor, got, limit });
            }
            let got = entry.descendants().vsize + vsize - size;
            if got > policy.max_descendant_vsize.saturating_add(extra_vsize) {
                let (ancestor, limit) = (entry.txid(), policy.max_descendant_vsize);
                return Err(Rejection::DescendantSize { ancestor, got, limit });
            }
        }
        Ok(())
    }

    /// For each entry, how many of its descendants are in `replaced`, and their virtual bytes.
    fn freed(&self, replaced: &BTreeSet<Txid>) -> HashMap<Txid, (u64, u64)> {
        let mut freed: HashMap<Txid, (u64, u64)> = HashMap::new();
        for gone in replaced.iter().filter_map(|txid| self.graph.get(txid)) {
            for ancestor in self.graph.with_ancestors([gone.txid()]) {
                let (count, size) = freed.entry(ancestor).or_default();
                *count += 1;
                *size += gone.vsize();
            }
        }
        freed
    }

    /// The scripts under the standard rules. Where it is kept what passed, they run again under those of the next block, with
    /// signatures that are known by then, so that the block need not run them; what passes the standard rules passes
    /// these, which are fewer. Source: Core's `PolicyScriptChecks` and `ConsensusScriptChecks`.
    fn check_scripts(&self, tx: &Transaction, coins: &[Coin]) -> Result<(), Rejection> {
        let sighashes = SighashCache::new(tx, coins.iter().map(|coin| &coin.output).collect());
        let Some(caches) = self.caches else { return check_standard(tx, &sighashes) };
        let sighashes = sighashes.with_signatures(caches.signatures(), CacheUse::Store);
        check_standard(tx, &sighashes)?;
        let refused =
            |(index, error)| Rejection::Script { index, error, mandatory: true, witness_stripped: false };
        caches.verify_transaction(sighashes, self.next_flags()).map_err(refused)
    }
}

/// Runs every input's scripts under the standard rules. Of a failure it is found out whether blocks hold to the rule
/// too, and whether a witness was left out on the way.
fn check_standard(tx: &Transaction, cache: &SighashCache<'_>) -> Result<(), Rejection> {
    for index in 0..tx.inputs().len() {
        let Err(error) = cairn_script::verify(cache, index, STANDARD_FLAGS) else { continue };
        let passes = |flags| cairn_script::verify(cache, index, flags).is_ok();
        let without = STANDARD_FLAGS.without(ScriptFlags::WITNESS | ScriptFlags::CLEANSTACK);
        return Err(Rejection::Script {
            index,
            error,
            mandatory: !passes(MANDATORY_FLAGS),
            witness_stripped: !tx.has_witness() && passes(without),
        });
    }
    Ok(())
}

/// The ids of a list of transactions, and the coins they spend.
pub(crate) fn ids_and_spends<'t>(
    txs: impl Iterator<Item = &'t Transaction>,
) -> (HashSet<Txid>, HashSet<OutPoint>) {
    let (mut ids, mut spends) = (HashSet::new(), HashSet::new());
    for tx in txs {
        ids.insert(tx.txid());
        spends.extend(tx.inputs().iter().map(|input| input.previous));
    }
    (ids, spends)
}

/// A transaction as the pool keeps it.
pub(crate) fn facts(
    tx: Arc<Transaction>,
    admission: &Admission,
    time: cairn_primitives::BlockTime,
) -> crate::graph::Facts {
    crate::graph::Facts {
        tx,
        fee: admission.fee,
        vsize: admission.vsize,
        sigop_cost: admission.sigop_cost,
        time,
    }
}
