//! A run: growth, forks, faults, in an order that follows from the seed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use cairn_params::presets;
use cairn_primitives::{Block, BlockHash, Encode, Header, hex};

use crate::answer::Kept;
use crate::duel::{Agreed, Duel};
use crate::fill::Maker;
use crate::flaws::{self, Rule, Trial, Want};
use crate::ledger::{Id, MATURITY};
use crate::report::Report;
use crate::rng::Rng;

/// Most transactions of a block beside the coinbase.
const TXS: usize = 6;

/// Rounds of the rules that look at the clock. Six blocks ahead of it among eleven would move the median there.
const CLOCK_TRIALS: u32 = 3;

/// Blocks taken off that are kept in mind.
const TAKEN_OFF: usize = 100;

/// Steps between two restarts of both engines.
const REOPEN: u32 = 150;

/// Blocks in which the subsidy stays.
const HALVING: u32 = 150;

/// Blocks before the first fork: coins are ripe by then, and the subsidy has halved.
const START: u32 = if MATURITY > HALVING { MATURITY + 5 } else { HALVING + 5 };

/// How far a run goes at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Valid blocks.
    pub blocks: u64,
    /// Reorganisations.
    pub reorgs: u64,
    /// Faulty blocks. If there is to be one, every rule and limit has its turn, however long it takes.
    pub faults: u64,
}

impl Size {
    /// So many blocks, a tenth as many reorganisations, a third as many faults.
    pub fn of(blocks: u64) -> Self {
        Self { blocks, reorgs: blocks / 10, faults: blocks / 3 }
    }
}

/// Runs both engines, with Core's data in `dir`.
///
/// # Errors
/// The first disagreement, with both answers and the blocks that lead to it, each in hex on a line of its own, as
/// [`replay`] reads them.
pub fn run(seed: u64, size: Size, dir: &Path) -> Result<Report, String> {
    let mut run = Run::new(seed, dir);
    let outcome = run.all(size);
    outcome.map_err(|what| {
        let path = dir.with_extension("blocks");
        let lines: Vec<String> = run.given.iter().map(|block| hex::encode(&block.to_bytes())).collect();
        let saved = std::fs::write(&path, lines.join("\n")).map(|()| path.display().to_string());
        let last = lines.last().filter(|line| line.len() <= 20_000).cloned();
        format!(
            "seed {seed}, block {} given: {what}\nthe last block: {}\nORACLE_REPLAY={}",
            run.given.len(),
            last.unwrap_or_else(|| "over 10,000 bytes".to_owned()),
            saved.unwrap_or_else(|error| format!("(the blocks cannot be saved: {error})")),
        )
    })?;
    Ok(run.report)
}

/// Gives both engines these blocks, then says how many they took.
///
/// # Errors
/// The first disagreement, by its place in the list.
pub fn replay(blocks: &[Block], dir: &Path) -> Result<u64, String> {
    let mut duel = Duel::new(dir);
    let mut taken = 0;
    for (index, block) in blocks.iter().enumerate() {
        let agreed =
            duel.submit_any(block).map_err(|what| format!("block {} of the list: {what}", index + 1))?;
        taken += u64::from(agreed.answer.kept == Kept::New && agreed.code.is_none());
    }
    Ok(taken)
}

struct Run {
    rng: Rng,
    maker: Maker,
    duel: Duel,
    rules: Vec<Rule>,
    deck: Vec<usize>,
    used: Vec<bool>,
    ids: HashMap<BlockHash, Id>,
    tip: Id,
    given: Vec<Block>,
    report: Report,
}

impl Run {
    fn new(seed: u64, dir: &Path) -> Self {
        let genesis = presets::regtest().genesis_block();
        let maker = Maker::new(Rng::new(seed, 1), &genesis);
        let (tip, rules) = (maker.ledger.genesis(), flaws::all());
        Self {
            rng: Rng::new(seed, 0),
            duel: Duel::new(dir),
            used: vec![false; rules.len()],
            rules,
            deck: Vec::new(),
            ids: HashMap::from([(genesis.hash(), tip)]),
            maker,
            tip,
            given: Vec::new(),
            report: Report::default(),
        }
    }

    fn all(&mut self, size: Size) -> Result<(), String> {
        while self.maker.ledger.height(self.tip) < START {
            self.grow()?;
        }
        let mut steps = 0;
        loop {
            let Report { blocks, faults, .. } = self.report;
            let reorgs = size.reorgs.saturating_sub(self.report.reorg_count());
            let faults = size.faults.saturating_sub(faults);
            let unused =
                size.faults > 0 && self.used.iter().zip(&self.rules).any(|(used, rule)| !used && !rule.clock);
            if reorgs == 0 && faults == 0 && blocks >= size.blocks && !unused {
                break;
            }
            steps += 1;
            if steps % REOPEN == 0 {
                self.duel.reopen()?;
                self.report.reopened += 1;
            }
            let weights = [
                reorgs * 3 + 1,
                (faults + 1) * 2,
                faults / 2 + 1,
                size.blocks.saturating_sub(blocks) / 4 + 1,
            ];
            let dice = self.rng.u64() % weights.iter().sum::<u64>();
            let below = |count: usize| weights[..count].iter().sum::<u64>();
            match dice {
                _ if dice < below(1) => self.fork()?,
                _ if dice < below(2) => self.try_rule()?,
                _ if dice < below(3) => self.try_anything()?,
                _ => self.grow()?,
            }
        }
        self.report.tip = Some(self.duel.tip());
        self.try_clock()?;
        self.close()
    }

    /// A valid block on the tip. Where the subsidy halves one that takes too much comes first.
    fn grow(&mut self) -> Result<(), String> {
        if (self.maker.ledger.height(self.tip) + 1).is_multiple_of(HALVING) {
            let greedy = |rule: &Rule| rule.name == flaws::GREEDY;
            let index = self.rules.iter().position(greedy).expect("the rule has this name");
            let trial = (self.rules[index].make)(&mut self.maker, self.tip);
            self.judge_rule(index, &trial.expect("it wants nothing of the chain"))?;
        }
        let block = self.maker.full_plan(self.tip, TXS).block();
        let early = self.rng.chance(20);
        self.take(&block, self.tip, early)
    }

    /// A block that must be taken.
    fn take(&mut self, block: &Block, parent: Id, header_first: bool) -> Result<(), String> {
        if header_first {
            self.header(block)?;
        }
        let agreed = self.give(block, parent)?;
        match (agreed.code, agreed.answer.kept) {
            (None, Kept::New) => Ok(()),
            _ => Err(format!("a valid block was refused by both: {}", agreed.answer)),
        }
    }

    fn header(&mut self, block: &Block) -> Result<(), String> {
        self.report.headers += 1;
        self.duel.submit_header(&block.header).map(|_| ())
    }

    /// Gives both the block and follows the tip. `parent` may be another than the header says.
    fn give(&mut self, block: &Block, parent: Id) -> Result<Agreed, String> {
        self.given.push(block.clone());
        let agreed = self.duel.submit(block)?;
        self.follow(block, parent, agreed)
    }

    /// [`give`](Self::give) of a block of which several inputs may fail.
    fn give_any(&mut self, block: &Block, parent: Id) -> Result<Agreed, String> {
        self.given.push(block.clone());
        let agreed = self.duel.submit_any(block)?;
        self.follow(block, parent, agreed)
    }

    fn follow(&mut self, block: &Block, parent: Id, agreed: Agreed) -> Result<Agreed, String> {
        self.report.refusal(&agreed);
        let hash = block.hash();
        if agreed.answer.kept == Kept::New {
            self.ids.entry(hash).or_insert_with(|| self.maker.ledger.enter(block, parent));
        }
        if agreed.code.is_none() && agreed.answer.kept == Kept::New {
            self.report.blocks += 1;
            self.report.transactions += block.transactions.len() as u64 - 1;
        }
        let tip = self.ids[&agreed.answer.tip.hash];
        let gone = self.taken_off(tip);
        if !gone.is_empty() {
            *self.report.reorgs.entry(gone.len() as u32).or_default() += 1;
            self.maker.taken_off.splice(..0, gone);
            self.maker.taken_off.truncate(TAKEN_OFF);
        }
        self.tip = tip;
        Ok(agreed)
    }

    /// The blocks that lie below the tip and not below `to`.
    fn taken_off(&self, to: Id) -> Vec<Id> {
        let ledger = &self.maker.ledger;
        let (mut old, mut new, mut gone) = (self.tip, to, Vec::new());
        while old != new {
            if old > new {
                gone.push(old);
                old = ledger.parent(old);
            } else {
                new = ledger.parent(new);
            }
        }
        gone
    }

    /// The next rule of the deck, on the tip.
    fn try_rule(&mut self) -> Result<(), String> {
        let Some((index, trial)) = self.draw(self.tip, |_| true) else { return self.grow() };
        self.judge_rule(index, &trial)
    }

    /// The rules that look at the clock, each a few times.
    fn try_clock(&mut self) -> Result<(), String> {
        for _ in 0..CLOCK_TRIALS {
            for index in (0..self.rules.len()).filter(|index| self.rules[*index].clock).collect::<Vec<_>>() {
                self.maker.now = crate::duel::clock();
                let trial = (self.rules[index].make)(&mut self.maker, self.tip);
                self.judge_rule(index, &trial.expect("they want nothing of the chain"))?;
            }
            self.fork()?;
        }
        Ok(())
    }

    /// A block changed anywhere.
    fn try_anything(&mut self) -> Result<(), String> {
        let parent = self.tip;
        let block = crate::flaws::soup(&mut self.maker, parent);
        let agreed = self.give_any(&block, parent).map_err(|what| format!("changed at random: {what}"))?;
        match agreed.code {
            Some(_) => self.report.changed_refused += 1,
            None => self.report.changed_taken += 1,
        }
        Ok(())
    }

    fn judge_rule(&mut self, index: usize, trial: &Trial) -> Result<(), String> {
        let (name, clock) = (self.rules[index].name.clone(), self.rules[index].clock);
        self.judge(trial, self.tip, clock).map_err(|what| format!("{name}: {what}"))?;
        self.report.rules += u64::from(!std::mem::replace(&mut self.used[index], true));
        Ok(())
    }

    /// A trial on `parent` by the next rule in the deck that `wanted` likes and the chain has what it takes for.
    fn draw(&mut self, parent: Id, wanted: impl Fn(&Rule) -> bool) -> Option<(usize, Trial)> {
        if self.deck.is_empty() {
            self.deck = (0..self.rules.len()).filter(|index| !self.rules[*index].clock).collect();
            for last in (1..self.deck.len()).rev() {
                self.deck.swap(last, self.rng.below(last + 1));
            }
        }
        for at in (0..self.deck.len()).rev() {
            let index = self.deck[at];
            if !wanted(&self.rules[index]) {
                continue;
            }
            if let Some(trial) = (self.rules[index].make)(&mut self.maker, parent) {
                self.deck.remove(at);
                return Some((index, trial));
            }
        }
        self.deck.clear();
        None
    }

    /// The clock may go on between making and giving a block that is a second too far ahead.
    fn judge(&mut self, trial: &Trial, parent: Id, clock: bool) -> Result<(), String> {
        if trial.want == Want::Accept {
            self.report.limits += 1;
            let early = self.rng.chance(30);
            return self.take(&trial.block, parent, early);
        }
        let (before, made) = (self.tip, self.maker.now);
        if trial.twin.is_none() && self.rng.chance(30) && !self.duel.fails_alone(&trial.block) {
            self.header(&trial.block)?;
        }
        let agreed = self.give(&trial.block, parent)?;
        if agreed.code.is_none() && clock && agreed.now > made {
            return Ok(());
        }
        self.expect(trial.want, &agreed)?;
        if self.tip != before {
            return Err("a faulty block moved the tip".to_owned());
        }
        self.report.faults += 1;
        self.echo(trial, parent, &agreed)?;
        match &trial.twin {
            Some(twin) => {
                self.take(twin, parent, false).map_err(|what| format!("its undamaged twin: {what}"))
            }
            None => Ok(()),
        }
    }

    /// Both must have refused for the reason that the block was made for.
    fn expect(&self, want: Want, agreed: &Agreed) -> Result<(), String> {
        let refusal = agreed.answer.refusals.first();
        let script = refusal.and_then(|refusal| refusal.script.as_deref());
        let right = match want {
            Want::Accept => agreed.code.is_none(),
            Want::Refuse(code) => agreed.code == Some(code),
            Want::Script(name) => script.is_some() && script == crate::answer::script_text(name),
        };
        if right { Ok(()) } else { Err(format!("{want:?} was to come, both say {}", agreed.answer)) }
    }

    /// The block a second time, and one on top of it.
    fn echo(&mut self, trial: &Trial, parent: Id, agreed: &Agreed) -> Result<(), String> {
        let hash = trial.block.hash();
        if self.rng.chance(30) {
            self.give(&trial.block, parent).map_err(|what| format!("given again: {what}"))?;
            self.report.echoes += 1;
        }
        if self.carries(trial, parent, agreed) && self.rng.chance(30) {
            let id = match self.ids.get(&hash) {
                Some(id) => *id,
                None => self.maker.ledger.enter(&trial.block, parent),
            };
            let block = self.maker.plan(id).block();
            let agreed = self.give(&block, id).map_err(|what| format!("a block on top: {what}"))?;
            if agreed.code.is_none() {
                return Err("a block on top of a faulty one was taken".to_owned());
            }
            self.report.echoes += 1;
        }
        Ok(())
    }

    /// Whether a block on top of this one says something: not on a damaged copy, whose header both may know or not.
    fn carries(&self, trial: &Trial, parent: Id, agreed: &Agreed) -> bool {
        use crate::answer::Category::{InvalidHeader, TimeFuture};
        let in_place = trial.block.header.prev == self.maker.ledger.hash(parent);
        let of_header =
            agreed.answer.refusals.iter().any(|r| matches!(r.category, InvalidHeader | TimeFuture));
        let clear = agreed.code.is_none() || of_header || self.duel.is_marked(&trial.block.hash());
        in_place && trial.twin.is_none() && clear
    }

    /// A branch from below the tip that would outgrow it.
    fn fork(&mut self) -> Result<(), String> {
        let deepest = (self.maker.ledger.height(self.tip) - 1) as usize;
        let depth = match self.rng.below(100) {
            0..=54 => self.rng.within(1, 3),
            55..=79 => self.rng.within(4, 8),
            80..=94 => self.rng.within(9, 20),
            _ => self.rng.within(21, 60),
        };
        let depth = depth.min(deepest);
        let from = self.maker.ledger.below(self.tip, depth as u32);
        let length = depth + 1 + if self.rng.chance(20) { self.rng.within(1, 3) } else { 0 };
        if self.rng.chance(25) {
            return self.broken_branch(from, depth, length);
        }
        let branch = self.branch(from, length);
        match self.rng.below(5) {
            0 => self.headers_first(&branch),
            1 => self.shuffled(branch),
            2 => self.unannounced(&branch),
            _ => self.in_order(&branch, depth),
        }
    }

    /// Valid blocks on top of one another, entered before they are given.
    fn branch(&mut self, from: Id, length: usize) -> Vec<(Block, Id)> {
        let mut branch: Vec<(Block, Id)> = Vec::new();
        let mut parent = from;
        for _ in 0..length {
            let most = self.rng.pick(&[0, 1, TXS]);
            let block = self.maker.full_plan(parent, most).block();
            let id = self.maker.ledger.enter(&block, parent);
            self.ids.insert(block.hash(), id);
            branch.push((block, parent));
            parent = id;
        }
        branch
    }

    /// One after the other: of equal work the first seen stays.
    fn in_order(&mut self, branch: &[(Block, Id)], depth: usize) -> Result<(), String> {
        let before = self.tip;
        for (index, (block, parent)) in branch.iter().enumerate() {
            self.take(block, *parent, false)?;
            if (index < depth) != (self.tip == before) {
                return Err(format!("the tip moved at the wrong one of a branch of {depth}: {}", index + 1));
            }
            self.report.races += u64::from(index + 1 == depth);
        }
        Ok(())
    }

    fn headers_first(&mut self, branch: &[(Block, Id)]) -> Result<(), String> {
        branch.iter().try_for_each(|(block, _)| self.header(block))?;
        branch.iter().try_for_each(|(block, parent)| self.take(block, *parent, false))
    }

    /// Headers in order, blocks in none: the tip moves once the gaps are closed.
    fn shuffled(&mut self, mut branch: Vec<(Block, Id)>) -> Result<(), String> {
        branch.iter().try_for_each(|(block, _)| self.header(block))?;
        let last = self.ids[&branch.last().expect("a branch is not empty").0.hash()];
        for at in (1..branch.len()).rev() {
            branch.swap(at, self.rng.below(at + 1));
        }
        branch.iter().try_for_each(|(block, parent)| self.take(block, *parent, false))?;
        if self.tip == last { Ok(()) } else { Err("the branch is complete and not the tip".to_owned()) }
    }

    /// The second block first, while nobody knows its parent.
    fn unannounced(&mut self, branch: &[(Block, Id)]) -> Result<(), String> {
        let (block, parent) = &branch[1];
        let agreed = self.give(block, *parent)?;
        self.report.echoes += 1;
        if agreed.code != Some("prev-blk-not-found") {
            return Err(format!("a block without a parent: {}", agreed.answer));
        }
        branch.iter().try_for_each(|(block, parent)| self.take(block, *parent, false))
    }

    /// A branch one block of which is faulty.
    fn broken_branch(&mut self, from: Id, depth: usize, length: usize) -> Result<(), String> {
        let before = self.tip;
        let bad = self.rng.below(length);
        let mut parent = from;
        for (block, below) in self.branch(from, bad) {
            self.take(&block, below, false)?;
            parent = self.ids[&block.hash()];
        }
        let Some((index, trial)) = self.draw(parent, |rule| !rule.valid) else { return Ok(()) };
        let name = self.rules[index].name.clone();
        self.break_here(&trial, parent, length - bad - 1).map_err(|what| format!("{name}: {what}"))?;
        self.report.rules += u64::from(!std::mem::replace(&mut self.used[index], true));
        self.report.faults += 1;
        let moved = bad > depth;
        if moved == (self.tip == before) {
            return Err(format!("{name} as block {} of a branch over {depth}: the wrong tip", bad + 1));
        }
        self.report.turned_back += u64::from(!moved);
        Ok(())
    }

    /// The faulty block and `above` blocks on it, which are taken as long as nobody has looked at their coins.
    fn break_here(&mut self, trial: &Trial, parent: Id, above: usize) -> Result<(), String> {
        let agreed = self.give(&trial.block, parent)?;
        let mut seen = agreed.code.is_some();
        if seen {
            self.expect(trial.want, &agreed)?;
        }
        if !self.carries(trial, parent, &agreed) {
            return Ok(());
        }
        let known = self.ids.get(&trial.block.hash()).copied();
        let bad = known.unwrap_or_else(|| self.maker.ledger.enter(&trial.block, parent));
        for (block, below) in self.branch(bad, above) {
            let agreed = self.give(&block, below)?;
            let cause = agreed.answer.refusals.iter().find(|refusal| refusal.hash == trial.block.hash());
            if cause.is_some() && !seen {
                let cause = Agreed { answer: agreed.answer.clone(), code: code_of(trial.want), ..agreed };
                self.expect(trial.want, &cause)?;
                seen = true;
            }
        }
        Ok(())
    }

    /// Compares what is left: the coins spent, and what both know of every header that they were given.
    fn close(&mut self) -> Result<(), String> {
        self.report.coins = self.duel.compare_spent()?;
        let headers: BTreeMap<BlockHash, Header> =
            self.given.iter().map(|block| (block.hash(), block.header)).collect();
        for header in headers.values() {
            if self.duel.differs_above(header) {
                continue;
            }
            let _known = self.duel.submit_header(header)?;
            self.report.probes += 1;
        }
        self.report.explained = self.duel.explained();
        Ok(())
    }
}

/// The code that a want stands for, so that a script is expected by its name alone.
fn code_of(want: Want) -> Option<&'static str> {
    match want {
        Want::Accept => None,
        Want::Refuse(code) => Some(code),
        Want::Script(_) => Some("mandatory-script-verify-flag-failed"),
    }
}
