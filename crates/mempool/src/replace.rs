//! Replacement by fee: BIP125's rules as Core applies them.

use std::collections::BTreeSet;

use cairn_primitives::{Amount, Transaction, Txid};

use crate::graph::Graph;
use crate::policy::{MAX_REPLACED, Policy};
use crate::rate::FeeRate;
use crate::rejection::Rejection;

/// The transaction that wants in.
#[derive(Debug)]
pub(crate) struct Newcomer<'a> {
    pub(crate) tx: &'a Transaction,
    pub(crate) fee: Amount,
    pub(crate) vsize: u64,
    /// The entries it rests on.
    pub(crate) ancestors: &'a BTreeSet<Txid>,
}

/// Checks that `newcomer` may take the place of `conflicts`, the entries that spend its coins and are known to be
/// replaceable (rule 1); returns them with all that rests on them.
pub(crate) fn check(
    graph: &Graph,
    policy: &Policy,
    newcomer: &Newcomer<'_>,
    conflicts: &BTreeSet<Txid>,
) -> Result<BTreeSet<Txid>, Rejection> {
    if conflicts.is_empty() {
        return Ok(BTreeSet::new());
    }
    if let Some(conflict) = newcomer.ancestors.intersection(conflicts).next() {
        return Err(Rejection::SpendsConflicting { conflict: *conflict });
    }
    check_rate(graph, newcomer, conflicts)?;
    check_count(graph, conflicts)?;
    check_no_new_unconfirmed(graph, newcomer, conflicts)?;
    let replaced = graph.with_descendants(conflicts.iter().copied());
    check_fee(graph, policy, newcomer, &replaced)?;
    Ok(replaced)
}

/// The replacement pays a higher rate than each entry it conflicts with: what miners would lose is not enough
/// (Core's `PaysMoreThanConflicts`).
fn check_rate(graph: &Graph, newcomer: &Newcomer<'_>, conflicts: &BTreeSet<Txid>) -> Result<(), Rejection> {
    let rate = FeeRate::new(newcomer.fee, newcomer.vsize);
    let entries = conflicts.iter().filter_map(|txid| graph.get(txid));
    match entries.into_iter().find(|entry| rate <= FeeRate::new(entry.fee(), entry.vsize())) {
        Some(entry) => Err(Rejection::ReplacementFeeRate { than: entry.txid() }),
        None => Ok(()),
    }
}

/// Rule 5: it removes at most 100 transactions. As in Core, what rests on two of the conflicts counts twice.
fn check_count(graph: &Graph, conflicts: &BTreeSet<Txid>) -> Result<(), Rejection> {
    let counts = conflicts.iter().filter_map(|txid| graph.get(txid)).map(|entry| entry.descendants().count);
    let got = usize::try_from(counts.sum::<u64>()).unwrap_or(usize::MAX);
    if got > MAX_REPLACED { Err(Rejection::TooManyReplacements { got, limit: MAX_REPLACED }) } else { Ok(()) }
}

/// Rule 2: it spends no unconfirmed output but of transactions that the conflicts spend from too.
fn check_no_new_unconfirmed(
    graph: &Graph,
    newcomer: &Newcomer<'_>,
    conflicts: &BTreeSet<Txid>,
) -> Result<(), Rejection> {
    let entries = conflicts.iter().filter_map(|txid| graph.get(txid));
    let spent_from: BTreeSet<Txid> =
        entries.flat_map(|entry| entry.tx().inputs()).map(|input| input.previous.txid).collect();
    let is_new = |txid: &Txid| graph.get(txid).is_some() && !spent_from.contains(txid);
    match newcomer.tx.inputs().iter().position(|input| is_new(&input.previous.txid)) {
        Some(index) => Err(Rejection::ReplacementAddsUnconfirmed { index }),
        None => Ok(()),
    }
}

/// Rules 3 and 4: it pays what all it removes paid, and the cost of its own relay on top.
fn check_fee(
    graph: &Graph,
    policy: &Policy,
    newcomer: &Newcomer<'_>,
    removed: &BTreeSet<Txid>,
) -> Result<(), Rejection> {
    let fees = removed.iter().filter_map(|txid| graph.get(txid)).map(|entry| entry.fee());
    let replaced = fees.fold(Amount::ZERO, Amount::saturating_add);
    let Some(added) = newcomer.fee.checked_sub(replaced) else {
        return Err(Rejection::ReplacementFee { got: newcomer.fee, replaced });
    };
    let limit = policy.incremental_rate.fee(newcomer.vsize);
    if added < limit { Err(Rejection::ReplacementRelayFee { got: added, limit }) } else { Ok(()) }
}
