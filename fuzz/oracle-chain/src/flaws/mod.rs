//! For every rule a block that breaks it and nothing else, and for every limit a block that just keeps it.

mod coinbase;
mod header;
mod scripts;
mod shape;
mod size;
mod soup;
mod spends;
mod taproot;
mod times;
mod values;

use cairn_primitives::Block;
pub(crate) use coinbase::GREEDY;
pub(crate) use soup::soup;

use crate::build::Plan;
use crate::fill::Maker;
use crate::ledger::Id;

/// What is to be said about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// It is valid.
    Accept,
    /// It is refused with this code of Cairn's.
    Refuse(&'static str),
    /// It is refused for a script, with this name of Core's.
    Script(&'static str),
}

/// A block to try.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) block: Block,
    pub(crate) want: Want,
    /// The same block undamaged, which is taken afterwards.
    pub(crate) twin: Option<Block>,
}

impl Trial {
    /// A block that is valid.
    pub(crate) fn good(plan: &Plan) -> Self {
        Self { block: plan.block(), want: Want::Accept, twin: None }
    }

    /// A block that is refused with this code.
    pub(crate) fn bad(plan: &Plan, code: &'static str) -> Self {
        Self { block: plan.block(), want: Want::Refuse(code), twin: None }
    }

    /// A block that is accepted if there is no code.
    pub(crate) fn maybe(plan: &Plan, code: Option<&'static str>) -> Self {
        code.map_or_else(|| Self::good(plan), |code| Self::bad(plan, code))
    }
}

/// Makes a trial on top of a block, if the chain has what it takes.
pub(crate) type Make = Box<dyn Fn(&mut Maker, Id) -> Option<Trial>>;

/// A trial with its name.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) make: Make,
    /// It is valid, at a limit or in a form that looks wrong.
    pub(crate) valid: bool,
    /// It looks at the clock, so the block does not follow from the seed.
    pub(crate) clock: bool,
}

fn rule(name: &str, make: impl Fn(&mut Maker, Id) -> Option<Trial> + 'static) -> Rule {
    Rule { name: name.to_owned(), make: Box::new(make), valid: name.starts_with("ok: "), clock: false }
}

/// Every rule that a block on regtest can break, and every limit it can just keep.
pub(crate) fn all() -> Vec<Rule> {
    let groups = [
        header::rules(),
        shape::rules(),
        coinbase::rules(),
        values::rules(),
        spends::rules(),
        times::rules(),
        size::rules(),
        scripts::rules(),
        taproot::rules(),
    ];
    groups.into_iter().flatten().collect()
}
