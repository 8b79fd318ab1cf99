//! What a run counted.

use std::collections::BTreeMap;
use std::fmt;

use crate::answer::{Refusal, Tip};
use crate::duel::Agreed;

/// What a run counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Valid blocks that both took.
    pub blocks: u64,
    /// Transactions in them beside the coinbases.
    pub transactions: u64,
    /// Reorganisations, by the number of blocks taken off.
    pub reorgs: BTreeMap<u32, u64>,
    /// Branches with more work than the tip that turned out invalid.
    pub turned_back: u64,
    /// Forks of the same work as the tip that did not move it.
    pub races: u64,
    /// Blocks with one fault that both refused.
    pub faults: u64,
    /// Valid blocks at a limit or in an unusual form that both took, counted in `blocks` too.
    pub limits: u64,
    /// Blocks changed at random that both took, counted in `blocks` too.
    pub changed_taken: u64,
    /// Blocks changed at random that both refused.
    pub changed_refused: u64,
    /// Different rules and limits among the two.
    pub rules: u64,
    /// Headers given by themselves.
    pub headers: u64,
    /// Headers asked about at the end: known, invalid, unknown.
    pub probes: u64,
    /// Restarts of both engines.
    pub reopened: u64,
    /// The last tip that follows from the seed alone.
    pub tip: Option<Tip>,
    /// Invalid or unknown ancestors: blocks both refused for what lies below, or gave a second time.
    pub echoes: u64,
    /// Answers that differ in the one way that is explained.
    pub explained: u64,
    /// Coins spent on the best chain, compared one by one at the end, by the type of their script.
    pub coins: BTreeMap<&'static str, u64>,
    /// Cairn's code, Core's answer: how often.
    pub refused: BTreeMap<(String, String), u64>,
}

impl Report {
    /// Reorganisations of every depth.
    pub fn reorg_count(&self) -> u64 {
        self.reorgs.values().sum()
    }

    pub(crate) fn refusal(&mut self, agreed: &Agreed) {
        let Some(code) = agreed.code else { return };
        for Refusal { category, reason, script, .. } in &agreed.answer.refusals {
            let script = script.as_ref().map_or(String::new(), |script| format!(" ({script})"));
            let answer = format!("{category:?}: {reason}{script}");
            *self.refused.entry((code.to_owned(), answer)).or_default() += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, transactions, faults, limits, rules, headers, echoes, .. } = self;
        let deepest = self.reorgs.keys().last().copied().unwrap_or(0);
        write!(
            f,
            "{blocks} valid blocks with {transactions} transactions taken by both, {} reorgs (deepest {deepest}), ",
            self.reorg_count()
        )?;
        writeln!(
            f,
            "{} branches turned back, {} races, {faults} faulty blocks refused by both, {limits} blocks at limits \
             taken by both, {} blocks changed at random taken by both and {} refused by both, {rules} rules and limits, {headers} headers alone, {echoes} repeats and children, {} \
             explained, {} coins and {} headers compared at the end, {} restarts",
            self.turned_back,
            self.races,
            self.changed_taken,
            self.changed_refused,
            self.explained,
            self.coins.values().sum::<u64>(),
            self.probes,
            self.reopened
        )?;
        let depths: Vec<String> =
            self.reorgs.iter().map(|(depth, count)| format!("{depth}:{count}")).collect();
        writeln!(f, "  reorgs by depth: {}", depths.join(" "))?;
        let coins: Vec<String> = self.coins.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "  coins by type: {}", coins.join(", "))?;
        for ((code, answer), count) in &self.refused {
            writeln!(f, "  {count:>6}  {code} -> {answer}")?;
        }
        Ok(())
    }
}
